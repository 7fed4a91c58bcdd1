"""Foreign rows are whole rows of another source, no sync of another connection changes them, and both sides sync."""

import pytest
from django.db import models

from oncall.models import ContactMethod, GroupMember, Override, Responder, User, UserGroup
from scripts.bench import shared
from scripts.bench.accounts import account, newcomer
from scripts.bench.database import Counted
from scripts.bench.effort import QUICK
from scripts.bench.foreign import FIRST, add_foreign
from scripts.bench.measuring import Work
from scripts.bench.shared import Imported, with_open_questions
from scripts.bench.syncing import connected, stored, synced
from syncjobs.models import Conflict, ConflictKind, ExternalLink

pytestmark = pytest.mark.django_db


def foreign(model: type[models.Model]) -> int:
    return model._default_manager.filter(pk__gt=FIRST).count()


def test_foreign_rows_are_those_of_one_whole_source() -> None:
    add_foreign(200, groups=4, accounts=10)
    assert [foreign(model) for model in (Responder, UserGroup, User)] == [200, 4, 10]
    person = Responder.objects.get(pk=FIRST + 2)
    link = ExternalLink.objects.get(responder=person)
    assert person.email_canonical == person.contact_methods.get().address == "person.2@foreign.example"
    assert (link.key, link.connection.origin_label) == (f"{link.connection_id}:responder2", person.origin_label)
    assert GroupMember.objects.get(responder=person).person_key == link.key
    assert Override.objects.get(by=person).by_key == f"person:{link.key}"
    assert person.account_id == person.pk
    assert Responder.objects.filter(account=None).count() == 195
    assert ContactMethod.objects.count() == 200
    assert ExternalLink.objects.count() == 200 + 3 * 4
    assert Conflict.objects.count() == 20


def test_a_sync_does_not_change_foreign_rows() -> None:
    profile, snapshot = connected(), with_open_questions(account(60))
    add_foreign(200, groups=4, accounts=10)
    before = stored([Responder, UserGroup, GroupMember])
    synced(profile, snapshot)
    synced(profile, newcomer(snapshot))
    assert [row for row in stored([Responder, UserGroup, GroupMember]) if row in before] == before


def test_an_account_with_open_questions_has_the_same_questions_after_every_sync() -> None:
    profile, snapshot = connected(), with_open_questions(account(60))
    synced(profile, snapshot)
    kinds = set(Conflict.objects.values_list("kind", flat=True))
    assert kinds >= {ConflictKind.AMBIGUOUS, ConflictKind.TIMEZONE_MISMATCH}
    before = stored([Conflict])
    synced(profile, snapshot)
    assert stored([Conflict]) == before


def test_every_sample_with_a_newcomer_has_another_new_person() -> None:
    side = Imported(connected(), account(60), lambda: None)
    side.sync()
    before = Responder.objects.count()
    for number in (1, 2):
        side.sync_newcomer()
        assert Responder.objects.count() == before + number


def test_fetched_rows_are_counted_however_they_are_fetched() -> None:
    User.objects.bulk_create(User(email=f"{n}@example.com", email_canonical=f"{n}@example.com") for n in range(250))
    with Counted() as counted:
        assert len(User.objects.all()) == 250
        assert sum(1 for _ in User.objects.iterator(chunk_size=100)) == 250
        assert User.objects.count() == 250
        assert User.objects.filter(email="nobody").first() is None
    assert (counted.statements, counted.fetched) == (4, 250 + 250 + 1)
    list(User.objects.all())
    assert counted.fetched == 501


def test_the_difference_of_both_sides_is_a_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "settled", lambda measure, attempts: None)
    few, many = ((lambda n=n: list(User.objects.all()[:n])) for n in (1, 3))
    User.objects.bulk_create(User(email=f"{n}@example.com", email_canonical=f"{n}@example.com") for n in range(3))
    _, statements, fetched = shared._compared("nothing", [Work(many), Work(few)], QUICK)
    assert (statements.value, fetched.value, fetched.kept) == (0, 2, False)
    assert (statements.target.what, fetched.detail) == (
        "nothing: statements more with foreign rows in the database",
        "3 with, 1 without",
    )
