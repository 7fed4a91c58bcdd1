"""A periodic sync over an open plan: an untouched one is superseded; a touched one is renewed, nothing is applied."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from oncall.models import Responder, Schedule
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, RunKind, RunState, SyncItem, SyncRun
from syncjobs.runs.stored.renewal import RENEWED
from syncjobs.setup.rules import set_rules
from tests.syncjobs.conftest import Sync, layer, schedule, user, world
from tests.syncjobs.slots.ticks import HOUR, set_every, tick_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan(sync: Sync) -> SyncRun:
    """An open plan that renames a schedule and a person, and a periodic sync that applies at once."""
    sync.run()
    sync.source.change(
        schedules=(schedule("S1", "Renamed", layer("U1", "U2", "U1")),), users=(user("U1", "Anna"), *world().users[1:])
    )
    set_every(sync, "6h", since=timezone.now())
    return sync.plan()


def item(run: SyncRun, external_id: str = "S1") -> SyncItem:
    return run.items.get(external_id=external_id)


def slot_run(sync: Sync, hours: int = 6) -> SyncRun:
    (pk,) = tick_at(sync, timezone.now() + hours * HOUR).started
    return SyncRun.objects.get(pk=pk)


def test_an_untouched_plan_is_superseded_and_the_slot_applies(sync: Sync, plan: SyncRun) -> None:
    run = slot_run(sync)
    plan.refresh_from_db()
    assert (run.state, plan.state, plan.superseded_by) == (RunState.SUCCEEDED, RunState.SUPERSEDED, run)
    assert Schedule.objects.get().name == "Renamed"


def _untick(plan: SyncRun) -> None:
    plan.items.filter(external_id="S1").update(ticked=False)


def _comment(plan: SyncRun) -> None:
    plan.items.filter(external_id="S1").update(comment="ask Ana first")


def _decide(plan: SyncRun) -> None:
    question = Conflict.objects.filter(kind="user_not_found", state="open").first()
    assert question is not None
    decide(question, Decision("leave", {}, None))


@pytest.mark.parametrize("touch", [_untick, _comment, _decide])
@pytest.mark.parametrize("review_first", [True, False])
def test_a_touched_plan_is_renewed_and_nothing_is_applied(
    sync: Sync, plan: SyncRun, touch: Callable[[SyncRun], Any], review_first: bool
) -> None:
    touch(plan)
    before = item(plan)
    set_rules(sync.profile, {"review_first": review_first})
    run = slot_run(sync)
    plan.refresh_from_db()
    assert (run.state, run.hint, plan.state) == (RunState.AWAITING_REVIEW, RENEWED, RunState.SUPERSEDED)
    assert list(SyncRun.objects.filter(state__in=["awaiting_review", "held"])) == [run]
    assert Schedule.objects.get().name == "Primary"
    after = item(run)
    assert (after.ticked, after.comment) == (before.ticked, before.comment)
    assert item(run, "U1").ticked
    assert sync.apply(run).state in (RunState.SUCCEEDED, RunState.PARTIAL)
    assert Schedule.objects.get().name == ("Primary" if touch is _untick else "Renamed")


def test_it_stays_touched_over_many_slots(sync: Sync, plan: SyncRun) -> None:
    _comment(plan)
    runs = [slot_run(sync, 6 * number) for number in (1, 2, 3)]
    assert [item(run).comment for run in runs] == ["ask Ana first"] * 3
    for run in runs:
        run.refresh_from_db()
    assert [run.state for run in runs] == ["superseded", "superseded", "awaiting_review"]


def test_an_item_that_differs_loses_its_tick_and_equal_ones_keep_theirs(sync: Sync, plan: SyncRun) -> None:
    plan.items.update(ticked=False)
    sync.source.change(schedules=(schedule("S1", "Renamed again", layer("U1", "U2", "U1")),))
    run = slot_run(sync)
    assert (run.state, item(run).ticked, item(run, "U1").ticked) == (RunState.AWAITING_REVIEW, True, False)


def test_a_read_that_finds_nothing_to_do_supersedes_a_touched_plan(sync: Sync, plan: SyncRun) -> None:
    _comment(plan)
    sync.source.snapshot = world()
    run = slot_run(sync)
    plan.refresh_from_db()
    assert (run.state, plan.state) == (RunState.SUCCEEDED, RunState.SUPERSEDED)


def test_approved_removals_stay_approved(sync: Sync) -> None:
    many = tuple(user(f"X{number}", f"Person{number}") for number in range(12))
    sync.source.change(users=(*world().users, *many))
    sync.run()
    sync.source.answers |= {("responder", one.external_id): "not_found" for one in many}
    sync.source.change(users=world().users)
    set_every(sync, "6h", since=timezone.now())
    set_rules(sync.profile, {"review_first": True})
    first = slot_run(sync)
    assert first.has_open_plan
    first.items.filter(external_id="X3").update(held_ticked=True, ticked=True)
    run = slot_run(sync, 12)
    assert (item(run, "X3").ticked, item(run, "X3").held_ticked) == (True, True)
    assert not item(run, "X4").held_ticked
    assert Responder.objects.filter(active=True).count() == 15


def test_a_run_that_somebody_starts_supersedes_as_before(sync: Sync, plan: SyncRun) -> None:
    _comment(plan)
    run = sync.run(RunKind.APPLY)
    assert (run.state, Schedule.objects.get().name) == (RunState.SUCCEEDED, "Renamed")


def test_a_slot_over_a_plan_that_expired_renews_it_as_well(sync: Sync, plan: SyncRun) -> None:
    _comment(plan)
    SyncRun.objects.filter(pk=plan.pk).update(plan_expires_at=timezone.now() - timedelta(days=1))
    assert item(slot_run(sync)).comment == "ask Ana first"
