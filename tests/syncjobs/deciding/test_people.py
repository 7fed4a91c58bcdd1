"""Mapping people: before and after the import, to accounts and to people, and accounts that are made later."""

from typing import Any

import pytest

from oncall.aggregates import Draft
from oncall.models import GroupMember, Reference, Responder
from oncall.operations import create_account, erase_responder, write
from syncjobs.deciding.decide import Decision, decide
from syncjobs.deciding.suggesting import suggestions
from syncjobs.models import Conflict, ConflictState, ExternalLink
from syncjobs.planning.decisions.values import Refused
from tests.syncjobs.conftest import BY, Sync, contents, edit, user, world

pytestmark = pytest.mark.django_db


def asked(name: str) -> Conflict:
    return Conflict.objects.get(kind="user_not_found", label=name, state=ConflictState.OPEN)


def local_person(name: str, **fields: Any) -> int:
    return write("responder", [Draft({"name": name, **fields})], by=BY)[0].id


def answer(name: str, choice: str, **arguments: str) -> None:
    decide(asked(name), Decision(choice, arguments, None))


def test_mapping_to_a_person_moves_every_slot_and_changes_nothing_else(sync: Sync) -> None:
    sync.run()
    here = local_person("Anna", email="anna@example.org")
    slots = Reference.objects.filter(responder__name="Ana").count()
    members = GroupMember.objects.filter(responder__name="Ana").count()
    answer("Ana", "map", to=f"responder:{here}")
    assert (slots > 0, members > 0) == (True, True)
    assert Reference.objects.filter(responder=here).count() == slots
    assert GroupMember.objects.filter(responder=here).count() == members
    run = sync.run()
    assert (run.items.count(), Responder.objects.get(pk=here).email) == (0, "anna@example.org")


def test_a_mapping_before_the_import_makes_a_match_instead_of_a_create(sync: Sync) -> None:
    here = local_person("Anna")
    run = sync.plan()
    answer("Ana", "map", to=f"responder:{here}")
    sync.apply(run)
    waiting = run.following.get()
    assert [(item.label, item.action) for item in waiting.items.all()] == [("Ana", "match")]
    sync.apply(waiting)
    assert ExternalLink.objects.get(entity_type="responder", external_id="U1").responder_id == here
    assert not Responder.objects.filter(name="Ana").exclude(pk=here).exists()
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before


def test_a_mapping_to_an_account_before_the_import_links_it(sync: Sync) -> None:
    account = create_account("other@example.com", "long enough password", by=BY)
    run = sync.plan()
    answer("Bo", "map", to="other@example.com")
    sync.apply(run)
    for waiting in run.following.all():
        sync.apply(waiting)
    assert Responder.objects.get(name="Bo").account_id == account.pk


def test_whom_an_answer_names_may_be_gone_before_the_import_then_it_is_asked_again(sync: Sync) -> None:
    here = local_person("Anna")
    sync.plan()
    answer("Ana", "map", to=f"responder:{here}")
    edit("responder", Responder.objects.get(pk=here), active=False)
    sync.run()
    old, new = Conflict.objects.filter(kind="user_not_found", label="Ana").order_by("pk")
    assert (old.state, old.choice, new.state) == (ConflictState.CLOSED, "map", ConflictState.OPEN)
    before = contents()
    assert sync.run().items.count() == 0
    assert contents() == before


def test_an_account_that_is_made_later_is_linked_by_the_next_plan(sync: Sync) -> None:
    sync.run()
    account = create_account("ana@example.com", "long enough password", by=BY)
    run = sync.run()
    assert [(item.label, item.action) for item in run.items.all()] == [("Ana", "update")]
    assert Responder.objects.get(name="Ana").account_id == account.pk
    assert Conflict.objects.get(kind="user_not_found", label="Ana").state == ConflictState.CLOSED
    assert sync.run().items.count() == 0


def test_somebody_who_was_left_without_account_stays_so(sync: Sync) -> None:
    sync.run()
    answer("Ana", "leave")
    create_account("ana@example.com", "long enough password", by=BY)
    assert sync.run().items.count() == 0
    assert Responder.objects.get(name="Ana").account_id is None


def test_another_address_asks_again_and_keeps_the_earlier_answer(sync: Sync) -> None:
    sync.run()
    answer("Ana", "leave")
    sync.source.change(users=(user("U1", "Ana", email="new@example.com"), *world().users[1:]))
    sync.run()
    old, new = Conflict.objects.filter(kind="user_not_found", label="Ana").order_by("pk")
    assert (old.state, old.choice, new.state) == (ConflictState.CLOSED, "leave", ConflictState.OPEN)
    assert new.evidence["email"] == "new@example.com"


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("nobody@example.com", "no account has the address"),
        ("responder:999999", "is no person here"),
        ("responder:", "is no person here"),
        ("responder:" + "9" * 5000, "is no person here"),
        ("itself", "is this person already"),
        ("inactive", "is not active"),
        ("inactive account", "is not active"),
    ],
)
def test_a_target_that_cannot_be_is_refused(sync: Sync, to: str, words: str) -> None:
    sync.run()
    if to == "itself":
        to = f"responder:{Responder.objects.get(name='Ana').pk}"
    if to == "inactive":
        to = f"responder:{local_person('Old', active=False)}"
    if to == "inactive account":
        create_account("old@example.com", "long enough password", by=BY, is_active=False)
        to = "old@example.com"
    before = contents()
    with pytest.raises(Refused, match=words) as refused:
        answer("Ana", "map", to=to)
    assert (refused.value.code, contents()) == ("invalid_argument", before)


def test_the_only_person_with_the_name_is_suggested(sync: Sync) -> None:
    sync.run()
    ana, bo = local_person("ANA"), local_person("Bo")
    local_person("bo")
    found = suggestions(list(Conflict.objects.filter(kind="user_not_found")))
    assert {Conflict.objects.get(pk=pk).label: each.arguments for pk, each in found.items()} == {
        "Ana": {"to": f"responder:{ana}"}
    }
    assert bo


def test_the_address_of_an_erased_person_leaves_the_answers(sync: Sync) -> None:
    sync.run()
    here = local_person("Anna", email="anna@example.org")
    create_account("anna@example.org", "long enough password", by=BY)
    question = asked("Ana")
    with pytest.raises(Refused):
        decide(question, Decision("map", {"to": "anna@example.org", "x": ""}, None))
    decide(question, Decision("map", {"to": "anna@example.org"}, None, comment="Anna, says her lead"))
    erase_responder(here, by=BY)
    question.refresh_from_db()
    assert "anna@example.org" not in str(question.arguments)
