"""Undoing an answer brings back rows, links and the open question, for every answer to every kind of question."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from oncall.aggregates import Draft
from oncall.models import UserGroup
from oncall.operations import create_account, write
from syncjobs.deciding.decide import Decision, decide
from syncjobs.errors import UndoRefused
from syncjobs.models import (
    Conflict,
    ConflictState,
    ExternalLink,
    Invitation,
    InvitationState,
    Rule,
    RunKind,
    RunState,
    SyncRun,
)
from syncjobs.runs.start import cancel
from syncjobs.undoing.undo import preview_undo, undo
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import BY, Sync, contents, edit
from tests.syncjobs.deciding.test_answers import EVERY, READS, given
from tests.syncjobs.undoing.state import difference, links_here, rows_here

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with time_machine.travel(timezone.now(), tick=False):
        yield


@EVERY
def test_the_undo_of_an_answer_brings_back_rows_links_and_the_question(sync: Sync, kind: str, choice: str) -> None:
    conflict = arisen(sync, kind)
    decision = given(conflict, kind, choice)
    rows, links, rules = rows_here(), links_here(), Rule.objects.count()
    decided = decide(conflict, decision)
    assert decided.run is not None
    if (kind, choice) in READS and decided.read is not None:
        SyncRun.objects.filter(pk=decided.read.pk).update(state=RunState.CANCELLED)  # another run prevents an undo
    before, runs = contents(), SyncRun.objects.count()
    shown = preview_undo(decided.run, None)
    assert (contents(), SyncRun.objects.count(), shown.run) == (before, runs, None)
    undone = undo(decided.run, None, shown.shown)
    assert undone.items == shown.items
    assert undone.run is not None
    assert (undone.run.kind, undone.run.state, undone.run.of_run) == (RunKind.UNDO, RunState.SUCCEEDED, decided.run)
    assert difference(rows, rows_here()) == {}
    assert difference(links, links_here()) == {}
    conflict.refresh_from_db()
    assert (conflict.state, conflict.choice, conflict.closed_at) == (ConflictState.OPEN, "", None)
    assert Rule.objects.count() == rules
    assert not Invitation.objects.filter(state__in=["queued", "sent"]).exists()
    with pytest.raises(UndoRefused) as refused:
        undo(decided.run, None)
    assert refused.value.code == "already_undone"
    sync.run()
    present = Conflict.objects.filter(kind=kind, subject_key=conflict.subject_key, state=ConflictState.OPEN)
    assert present.count() == 1


def test_an_accepted_invitation_stays_accepted_and_is_listed(sync: Sync) -> None:
    conflict = arisen(sync, "user_not_found")
    run = decide(conflict, Decision("invite", {}, None)).run
    assert run is not None
    Invitation.objects.update(state=InvitationState.ACCEPTED, ended_at=timezone.now())
    Conflict.objects.filter(pk=conflict.pk).update(state=ConflictState.CLOSED, closed_at=timezone.now())
    undone = undo(run, None)
    assert undone.run is not None
    assert undone.run.state == RunState.PARTIAL
    reasons = {item.action: (item.outcome, item.reason) for item in undone.items}
    assert reasons["revoke"] == ("skipped", "the invitation was accepted, so the account stays and stays linked")
    assert reasons["reopen"] == ("skipped", "the accepted invitation has answered it")
    assert Invitation.objects.get().state == InvitationState.ACCEPTED


def test_a_rule_is_deleted_and_what_it_has_answered_waits_again(sync: Sync) -> None:
    conflict = arisen(sync, "user_not_found")
    others = Conflict.objects.filter(kind="user_not_found", state=ConflictState.OPEN).exclude(pk=conflict.pk)
    waiting = set(others.values_list("pk", flat=True))
    assert waiting
    decided = decide(conflict, Decision("leave", {}, None, remember=True))
    assert set(decided.closes) == waiting
    assert decided.run is not None
    undo(decided.run, None)
    assert not Rule.objects.exists()
    assert set(others.values_list("pk", flat=True)) == waiting


def test_a_rule_that_replaced_another_gets_its_former_answer_back(sync: Sync) -> None:
    conflict = arisen(sync, "user_not_found")
    Rule.objects.create(
        connection=sync.connection, kind="user_not_found", pattern="*", choice="invite", active=False,
        made_at=timezone.now(),
    )  # fmt: skip
    run = decide(conflict, Decision("leave", {}, None, remember=True)).run
    assert run is not None
    undo(run, None)
    rule = Rule.objects.get()
    assert (rule.choice, rule.active) == ("invite", False)


def test_a_rule_that_another_answer_changed_stays(sync: Sync) -> None:
    conflict = arisen(sync, "user_not_found")
    run = decide(conflict, Decision("leave", {}, None, remember=True)).run
    assert run is not None
    Rule.objects.update(made_at=timezone.now() + timedelta(hours=1))
    undone = undo(run, None)
    assert {item.action: item.reason for item in undone.items}["forget"].startswith("another answer changed the rule")
    assert Rule.objects.exists()


def test_a_question_that_was_answered_again_names_the_run_to_undo_first(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    first = decide(conflict, Decision("keep_mine", {}, None)).run
    Conflict.objects.filter(pk=conflict.pk).update(state=ConflictState.OPEN)
    second = decide(conflict, Decision("keep_mine_always", {}, None)).run
    assert first is not None
    assert second is not None
    with pytest.raises(UndoRefused, match=f"Undo run {second.pk} first"):
        undo(first, None)
    undo(second, None)
    undo(first, None)


def test_what_was_edited_after_an_answer_stays(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    run = decide(conflict, Decision("take_source", {}, None)).run
    assert run is not None
    group = UserGroup.objects.get()
    edit("user_group", group, description="later")
    undone = undo(run, None)
    group.refresh_from_db()
    assert group.description == "later"
    assert undone.items[0].reason == "edited later, kept: description"


def test_an_answer_in_a_plan_that_waits_is_undone_after_the_plan(sync: Sync) -> None:
    here = write("responder", [Draft({"name": "Anna"})], by=BY)[0].id
    sync.plan()
    conflict = Conflict.objects.get(kind="user_not_found", external_id="U1")
    run = decide(conflict, Decision("map", {"to": f"responder:{here}"}, None)).run
    assert run is not None
    plan = sync.plan()
    with pytest.raises(UndoRefused, match=f"Run {plan.pk} .* was made with this answer"):
        undo(run, None)
    cancel(plan)
    undo(run, None)
    sync.run()
    assert ExternalLink.objects.get(external_id="U1").responder_id != here


def test_an_account_without_the_right_to_answer_is_refused(sync: Sync) -> None:
    conflict = arisen(sync, "both_edited")
    run = decide(conflict, Decision("take_source", {}, None)).run
    assert run is not None
    somebody = create_account("somebody@example.com", "long enough password", by=BY)
    with pytest.raises(UndoRefused, match="Only who may answer"):
        undo(run, somebody)
