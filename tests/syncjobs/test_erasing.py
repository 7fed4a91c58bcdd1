"""A person who is erased is nowhere in the database any more, keeps all slots, and no later sync brings values back."""

from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection as database
from django.db import models
from django.utils import timezone

from connectors.records import FailedEntity, SourceContactMethod, SourceNotificationRule
from oncall.errors import OperationRefused, StaleRows
from oncall.models import ChangeRecord, ContactMethod, GroupMember, NotificationRule, Reference, Responder
from oncall.operations import create_account, erase_responder, link_account, merge
from oncall.operations import erasing as operation
from oncall.operations.erasing import erasing
from oncall.tables.people import RESPONDERS
from syncjobs.deciding.inviting import invite_address
from syncjobs.models import (
    Conflict,
    ConflictState,
    ExternalLink,
    Invitation,
    LinkState,
    ParityCheck,
    RunState,
    SyncItem,
    SyncRun,
)
from syncjobs.runs.start import cancel, start
from tests.syncjobs.conftest import BY, Sync, edit, layer, schedule, user

CANARY = "Kanarienvogel"
PHONE = "+4915550001"
#: Text columns that hold keys of the source. They stay, so that the slots do.
KEYS = {"source_key", "method_key", "by_key"}


def dump() -> str:
    """Every column of every row of every table, as text."""
    texts = []
    for table in database.introspection.table_names():
        with database.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")  # noqa: S608 - a name of our own
            texts += [str(row) for row in cursor.fetchall()]
    return "\n".join(texts)


def hits() -> list[str]:
    """The places at which the dump contains a name or address of the person."""
    text = dump().casefold()
    found = []
    for word in (CANARY.casefold(), PHONE):
        start = text.find(word)
        while start >= 0:
            found.append(text[max(0, start - 100) : start + 60])
            start = text.find(word, start + 1)
    return found


def the_person(name: str = f"Ana {CANARY}", phone: str = PHONE) -> Any:
    methods = (
        SourceContactMethod("C1", "email", f"{CANARY}@example.com", f"Work of {CANARY}", True),
        SourceContactMethod("C2", "sms", phone, "Phone", True),
    )
    rules = (SourceNotificationRule("N1", "high", 0, "C2"),)
    return user("U1", name, email=f"{CANARY}@example.com", contact_methods=methods, notification_rules=rules)


def person() -> Responder:
    return ExternalLink.objects.get(entity_type="responder", external_id="U1").responder  # type: ignore[return-value]


@pytest.fixture
def lived(sync: Sync) -> Sync:
    """A source whose person was imported, changed on both sides, has questions, and is in an open plan."""
    users = sync.source.snapshot.users[1:]
    sync.source.change(users=(the_person(), *users))
    assert sync.run().state == RunState.SUCCEEDED
    sync.source.change(users=(the_person(f"Anna {CANARY}", f"{PHONE}9"), *users))
    sync.run()
    edit("responder", person(), title=f"Title of {CANARY}", email=f"second.{CANARY}@example.com")
    sync.source.change(users=(the_person(f"Anne {CANARY}", f"{PHONE}77"), *users))
    sync.source.change(users=(replace(the_person(f"Anne {CANARY}"), email=f"third.{CANARY}@example.com"), *users))
    sync.run()
    sync.source.change(users=(the_person(f"Antje {CANARY}"), *users))
    assert sync.plan().state == RunState.AWAITING_REVIEW
    invite_address(sync.connection, f"{CANARY}@example.com", None)
    return sync


def test_the_search_finds_each_place_before_the_erasure(lived: Sync) -> None:
    assert len(hits()) > 20
    for model in (Responder, ContactMethod, ChangeRecord, ExternalLink, SyncItem, Conflict, Invitation):
        table = model._meta.db_table
        with database.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")  # noqa: S608 - a name of our own
            assert CANARY.casefold() in str(cursor.fetchall()).casefold(), table


@pytest.mark.parametrize("forgotten", ["sync", "change log", "row"])
def test_the_search_finds_an_erasure_that_forgets_something(
    lived: Sync, monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    if forgotten == "sync":
        monkeypatch.setattr(erasing, "send", lambda *sender, **signal: [])
    elif forgotten == "change log":
        monkeypatch.setattr(operation, "_forget_changes", lambda erasure: 0)
    else:
        monkeypatch.setattr(operation, "_replace", lambda row, name: None)
    erase_responder(person().pk, BY)
    assert hits()


def test_nothing_of_an_erased_person_is_left_in_the_database(lived: Sync) -> None:
    run = SyncRun.objects.order_by("pk").first()
    assert run is not None
    run.notes = [{"entity_type": "responder", "external_id": "U1", "code": "x", "message": f"Anna {CANARY} is odd."}]
    run.reason = f"Ana {CANARY} could not be read."
    run.save()
    at = timezone.now()
    ParityCheck.objects.create(
        run=run, connection=lived.connection, external_id="S1", judge="vendor", basis="sync", measured_at=at, since=at,
        until=at + timedelta(days=1), note=f"Without Anna {CANARY}.", unresolved=[f"unknown:{CANARY}@example.com"],
    )  # fmt: skip
    erase_responder(person().pk, BY)
    assert hits() == []


def test_a_name_that_is_also_a_word_is_replaced_where_it_is_a_name(lived: Sync) -> None:
    edit("responder", person(), name="Will")
    run = SyncRun.objects.latest("pk")
    cancel(run)
    SyncRun.objects.filter(pk=run.pk).update(reason="It will wait until Will, WILL@X.EXAMPLE or Willi answers.")
    edit("responder", person(), email="will@x.example")
    erase_responder(person().pk, BY)
    run.refresh_from_db()
    former = f"Former person {person().pk}"
    assert run.reason == f"It will wait until {former}, {former} or Willi answers."


def text_columns() -> list[tuple[type[models.Model], str]]:
    return [
        (model, column.name)
        for model in (Responder, *(each.model for each in RESPONDERS.elements.values()))
        for column in model._meta.concrete_fields
        if isinstance(column, models.CharField | models.TextField) and not column.choices and column.name not in KEYS
    ]


def test_no_text_column_of_a_person_is_forgotten(lived: Sync) -> None:
    planted = text_columns()
    assert {"name", "email", "title", "time_zone", "origin_label", "address", "label"} <= {name for _, name in planted}
    for number, (model, name) in zip(count(), planted, strict=False):
        owner = "pk" if model is Responder else "responder"
        rows: Any = model._default_manager.filter(**{owner: person().pk})
        assert rows.update(**{name: f"{CANARY}{number}"}) or name not in ("name", "address")
    assert len(hits()) > len(planted) - 2
    erase_responder(person().pk, BY)
    assert hits() == []
    assert person().name == f"Former person {person().pk}"
    assert not ContactMethod.objects.filter(responder=person()).exists()
    assert not NotificationRule.objects.filter(responder=person()).exists()


def test_the_slots_stay_and_no_later_sync_brings_the_values_back(lived: Sync) -> None:
    row, former = person(), f"Former person {person().pk}"
    used = set(Reference.objects.filter(responder=row).values_list("pk", flat=True))
    erase_responder(row.pk, BY)
    for users in (lived.source.snapshot.users, (the_person("New Name"), *lived.source.snapshot.users[1:])):
        lived.source.change(users=users, schedules=(schedule("S1", "Primary", layer("U2", "U1")),))
        lived.run()
        lived.rules()
        lived.run()
    people = {each.name for each in Responder.objects.all()}
    assert people == {former, "Bo", "Cy"}
    assert hits() == []
    assert used
    assert set(Reference.objects.filter(key__endswith=":U1").values_list("responder", flat=True)) == {row.pk}
    assert set(GroupMember.objects.filter(person_key__endswith=":U1").values_list("responder", flat=True)) == {row.pk}
    link = ExternalLink.objects.get(entity_type="responder", external_id="U1")
    assert (link.state, link.ignored_reason, link.base, link.source_label) == (LinkState.IGNORED, "erased", {}, "")
    assert not SyncItem.objects.filter(label="New Name").exists()


def test_a_failed_read_of_the_person_does_not_bring_the_values_back(lived: Sync) -> None:
    failed = FailedEntity("responder", "U1", "bad", "name", f"{CANARY} is too long.", element=True)
    lived.source.change(failed=(failed,))
    lived.run()
    assert SyncItem.objects.filter(reason__contains="is too long").exists()
    erase_responder(person().pk, BY)
    lived.run()
    assert hits() == []


def test_an_open_plan_does_not_bring_the_values_back(lived: Sync) -> None:
    plan = SyncRun.objects.get(state=RunState.AWAITING_REVIEW)
    erase_responder(person().pk, BY)
    lived.apply(plan)
    assert hits() == []
    assert person().name.startswith("Former person")


def test_a_source_that_would_have_matched_the_person_does_not_import_the_person_anew(lived: Sync) -> None:
    edit("responder", person(), email=f"{CANARY}@example.com")
    other = Sync("other")
    other.source.change(
        users=(replace(the_person(), external_id="X9"),), teams=(), schedules=(), policies=(), services=()
    )
    plan = other.plan()
    assert SyncItem.objects.get(run=plan, external_id="X9").action == "match"
    erase_responder(person().pk, BY)
    other.apply(plan)
    other.run()
    assert hits() == []
    assert Responder.objects.count() == 3


def test_it_leaves_one_audit_line_without_values_and_unlinks_the_account(lived: Sync) -> None:
    account = create_account("account@example.com", by=BY)
    link_account(person().pk, account.pk, BY)
    before = ChangeRecord.objects.count()
    erasure = erase_responder(person().pk, BY)
    assert ChangeRecord.objects.count() == before + 1
    line = ChangeRecord.objects.latest("pk")
    assert (line.label, line.changes) == (f"Former person {person().pk}", {"erased": [None, True]})
    assert person().account is None
    assert not person().active
    assert erasure.counts["contact methods"] == 2
    assert erasure.counts["links to sources"] == 1
    assert erasure.counts["questions"] >= 1
    assert erasure.counts["change records"] >= 3
    paths = {
        path for each in ChangeRecord.objects.filter(model="responder", object_id=person().pk) for path in each.changes
    }
    assert "contact_methods" in paths  # what was changed is still known


def test_the_questions_about_the_person_are_closed(lived: Sync) -> None:
    assert Conflict.objects.filter(external_id="U1").exclude(state=ConflictState.CLOSED).exists()
    erase_responder(person().pk, BY)
    lived.run()
    assert not Conflict.objects.filter(external_id="U1", state=ConflictState.OPEN).exists()


def test_a_question_about_an_address_of_several_people_is_emptied(lived: Sync) -> None:
    edit("responder", Responder.objects.get(name="Bo"), email=person().email)
    lived.run()
    assert Conflict.objects.filter(kind="ambiguous", state=ConflictState.OPEN).exists()
    for name in (person().name, "Bo"):
        erase_responder(Responder.objects.get(name=name).pk, BY)
    assert hits() == []
    assert not Conflict.objects.filter(kind="ambiguous", state=ConflictState.OPEN).exists()


def test_the_rows_that_were_merged_into_the_person_are_erased_too(lived: Sync) -> None:
    loser, into = person(), Responder.objects.get(name="Bo")
    merge("responder", loser.pk, into.pk, BY)
    ExternalLink.objects.filter(responder=loser).update(responder=into, primary=False)
    erase_responder(loser.pk, BY)
    assert hits() == []
    assert set(Responder.objects.filter(name__startswith="Former person").values_list("pk", flat=True)) == {
        loser.pk, into.pk,
    }  # fmt: skip


def test_it_is_refused_while_a_run_could_store_the_values_again(lived: Sync) -> None:
    run = start(lived.profile, "apply", by=None, notify=False)  # type: ignore[arg-type]
    with pytest.raises(OperationRefused, match="Wait until it has ended, or cancel it"):
        erase_responder(person().pk, BY)
    assert person().name.endswith(CANARY)
    cancel(run)
    erase_responder(person().pk, BY)
    assert hits() == []


def test_a_row_that_changed_after_it_was_shown_is_not_erased(lived: Sync) -> None:
    with pytest.raises(StaleRows):
        erase_responder(person().pk, BY, version=person().version - 1)
    assert CANARY in person().name
