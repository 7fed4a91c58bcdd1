"""Approval: a sync that changes who is on call waits for a person if the rules demand it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors.records import SourceTeam
from oncall.escalation.policy import Target
from oncall.models import Schedule, UserGroup
from syncjobs.management.shell import run_document
from syncjobs.models import ApplyLock, RunKind, RunState, SyncProfile
from syncjobs.planning.impact.values import Impact
from syncjobs.runs.impact import measuring
from syncjobs.runs.impact.guarded import UNKNOWN
from syncjobs.runs.runner import APPROVE, CHANGES_ON_CALL
from tests.syncjobs.conftest import NOW, Sync, contents, edit, layer, policy, schedule, user, without_questions, world
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db
HOUR = 3_600
EMPTY = {"now": [], "next_24h": [], "uncovered": []}


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def guarded(sync: Sync) -> Sync:
    """An import whose later changes of who is on call need approval."""
    sync.run()
    shell("rules", "acme", "--set", "approval_on_impact=true")
    return sync


#: What changes at the source -> whether it needs approval.
CHANGES: dict[str, tuple[dict[str, Any], bool]] = {
    "another title": ({"users": (*world().users[:2], user("U3", "Cy", title="Lead"))}, False),
    "a rename": ({"schedules": (schedule("S1", "First", layer("U1", "U2", "U1")),)}, False),
    "now": ({"schedules": (schedule("S1", "Primary", layer("U2")),)}, True),
    "within 24 hours": (
        {
            "schedules": (
                schedule("S1", "Primary", layer("U1", ends_at=NOW + 23 * HOUR), replace(layer("U2"), key="L2")),
            )
        },
        True,
    ),
    "in two days, and covered": (
        {
            "schedules": (
                schedule("S1", "Primary", layer("U1", ends_at=NOW + 48 * HOUR), replace(layer("U2"), key="L2")),
            )
        },
        False,
    ),
    "in two days, and uncovered": (
        {"schedules": (schedule("S1", "Primary", layer("U1", ends_at=NOW + 48 * HOUR)),)},
        True,
    ),
    "in eight days, and uncovered": (
        {"schedules": (schedule("S1", "Primary", layer("U1", "U2", "U1", ends_at=NOW + 192 * HOUR)),)},
        False,
    ),
    "a person who cannot be reached": ({"users": (*world().users[:2], user("U3", "Cy", state="inactive"))}, True),
}


@pytest.fixture(params=list(CHANGES))
def change(request: pytest.FixtureRequest) -> tuple[dict[str, Any], bool]:
    return CHANGES[request.param]


def test_only_what_changes_now_or_next_or_uncovers_hours_waits(
    guarded: Sync, change: tuple[dict[str, Any], bool]
) -> None:
    parts, waits = change
    before = without_questions()
    guarded.source.change(**parts)
    run = guarded.run()
    if not waits:
        assert (run.state, Impact.from_json(run.impact or {}).is_empty) == (RunState.SUCCEEDED, True)
        return
    assert (run.state, run.reason, run.hint) == (RunState.AWAITING_REVIEW, CHANGES_ON_CALL, APPROVE)
    assert without_questions() == before
    assert run_document(run)["kind"] == "plan"
    foreseen = run.impact
    done = guarded.apply(run)
    assert (done.state, done.impact) == (RunState.SUCCEEDED, foreseen)
    assert run_document(done)["kind"] == "import"
    assert guarded.run().items.count() == 0


def test_without_the_rule_a_sync_applies_it_and_says_what_changed(sync: Sync) -> None:
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U2")),))
    run = sync.run()
    assert run.state == RunState.SUCCEEDED
    assert run_document(run)["impact"]["now"][0] == {"schedule": "Primary", "before": ["Ana"], "after": ["Bo"]}


def test_the_rule_forces_no_full_comparison_and_outdates_no_plan(sync: Sync) -> None:
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U2")),))
    plan = sync.plan()
    document("rules", "acme", "--set", "approval_on_impact=true")
    assert SyncProfile.objects.get().rules_version == plan.rules_version
    assert sync.apply(plan).state == RunState.SUCCEEDED


def test_the_shell_exits_with_2_and_names_the_command(guarded: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.source.change(schedules=(schedule("S1", "Primary", layer("U2")),))
    monkeypatch.setattr("syncjobs.management.commands.sync_run.open_connector", guarded.source.open)
    code, out = shell("sync_run", "acme")
    assert code == 2
    assert "On call now in Primary: Bo instead of Ana." in out
    assert "manage.py apply" in out


def test_unticked_items_have_no_impact_and_held_parts_only_once_approved(sync: Sync) -> None:
    sync.source.change(policies=(policy("P1", "Default", Target("user_group", "T1")),))
    sync.run()
    sync.source.change(
        teams=(SourceTeam("T1", "Platform", members=()),), schedules=(schedule("S1", "Primary", layer("U2")),)
    )
    plan = sync.plan()
    schedules, groups = plan.items.filter(entity_type="schedule"), plan.items.filter(entity_type="user_group")

    def changed() -> list[str]:
        assert measuring.foresee_again(plan) == ""
        plan.refresh_from_db()
        return [next(iter(each.values())) for each in run_document(plan)["impact"]["now"]]

    assert groups.get().changes["held"]
    assert changed() == ["Primary"]
    groups.update(held_ticked=True)
    assert changed() == ["Primary", "Default"]
    schedules.update(ticked=False)
    assert changed() == ["Default"]
    groups.update(held_ticked=False)
    assert changed() == []
    groups.update(held_ticked=True)
    done = sync.apply(plan)
    assert [next(iter(each.values())) for each in run_document(done)["impact"]["now"]] == ["Default"]
    assert (UserGroup.objects.get().members.count(), done.state) == (0, RunState.SUCCEEDED)


def test_a_plan_of_too_many_items_waits_without_an_impact(guarded: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MOST_ITEMS", 0)
    guarded.source.change(schedules=(schedule("S1", "Primary", layer("U2")),))
    run = guarded.run()
    assert (run.state, run.reason, run.hint, run.impact) == (
        RunState.AWAITING_REVIEW,
        measuring.TOO_MANY,
        APPROVE,
        None,
    )
    assert run.guard == {"reasons": [UNKNOWN], "hours": None}
    run.items.update(held_ticked=True)
    assert measuring.foresee_again(run) == measuring.TOO_MANY
    done = guarded.apply(run)
    assert run_document(done)["impact"]["now"][0]["after"] == ["Bo"]


def test_foreseeing_takes_no_lock_of_other_imports_and_leaves_nothing(sync: Sync) -> None:
    before = contents()
    plan = sync.plan()
    assert plan.impact is not None
    assert not ApplyLock.objects.exists()
    assert not Schedule.objects.exists()
    assert plan.items.filter(outcome="").count() == plan.items.count()
    assert before != contents()  # questions
    names = {name for each in run_document(plan)["impact"]["now"] for name in (*each["before"], *each["after"])}
    assert names == {"Ana", "Cy"}


def test_a_plan_without_anything_that_matters_costs_no_query_about_who_is_on_call(sync: Sync) -> None:
    sync.run()
    sync.source.change(users=tuple(user(each.external_id, each.name, title="Lead") for each in world().users))
    with CaptureQueriesContext(connection) as queries:
        run = sync.run(RunKind.PLAN)
    assert run_document(run)["impact"] == {"at": "2026-11-20T12:00:00Z", **EMPTY}
    assert not [query for query in queries if 'FROM "oncall_override"' in query["sql"]]


def test_a_run_with_nothing_to_do_has_no_impact(sync: Sync) -> None:
    sync.run()
    run = sync.run()
    assert run.impact is None
    assert run_document(run)["impact"] == {"at": None, **EMPTY}


def test_an_edit_here_between_plan_and_apply_is_in_the_impact_of_the_import(sync: Sync) -> None:
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U2")),))
    plan = sync.plan()
    edit("schedule", Schedule.objects.get(), description="ours")
    done = sync.apply(plan)
    assert done.items.get(entity_type="schedule").outcome == "stale"
    assert Impact.from_json(done.impact or {}).is_empty
