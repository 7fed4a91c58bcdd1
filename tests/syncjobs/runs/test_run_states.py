"""Every state of a run, and every step from one to another. A state that is missing here fails."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest
from django.db.models.functions import Now

from connectors.errors import AnotherAccount, ProviderUnavailable
from connectors.records import FailedEntity
from syncjobs.models import ACTIVE, OPEN_PLAN, RunKind, RunState, SyncRun
from syncjobs.runs.claim import Claim, GiveBack, WaitElsewhere, claim_run
from syncjobs.runs.durable.recovery import recover_runs
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve, cancel, start
from tests.syncjobs.conftest import Sync

Step = Callable[[Sync, SyncRun], object]


def raising(error: Exception) -> Step:
    """Returns the step that drives a claimed run again into an error of its read."""

    def step(sync: Sync, run: SyncRun) -> None:
        def during() -> None:
            raise error

        sync.source.during = during
        work(sync, run)

    return step


def work(sync: Sync, run: SyncRun) -> None:
    """Let a worker take the run; its state was *running* while it worked."""
    SyncRun.objects.filter(pk=run.pk).update(state=RunState.QUEUED)
    drive(run.pk, opener=sync.source.open, slice_seconds=300)


def partly(sync: Sync, run: SyncRun) -> None:
    failed = FailedEntity("schedule", "S1", "unreadable", "", "It could not be read.", "Look at it.")
    sync.source.snapshot = replace(sync.source.snapshot, schedules=(), failed=(failed,))
    work(sync, run)


def plan(sync: Sync, run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(kind=RunKind.PLAN)
    work(sync, run)


def another_account(sync: Sync, run: SyncRun) -> None:
    sync.connection.account_id = "acme"
    sync.connection.save()
    sync.source.error = AnotherAccount(
        "It is another account.", hint="", provider="pagerduty", field=None, account_id="globex", account_label="globex"
    )
    work(sync, run)


def die(sync: Sync, run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(seconds=1))
    recover_runs()


def be_due(sync: Sync, run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(due_at=Now() - timedelta(seconds=1))
    recover_runs()


def drop(sync: Sync, run: SyncRun) -> None:
    assert cancel(run)


def plan_again(sync: Sync, run: SyncRun) -> None:
    sync.plan()


def accept(sync: Sync, run: SyncRun) -> None:
    approve(run, by=None, notify=False)


S = RunState
#: (from, to) -> what does it, by name.
STEPS: Final[dict[tuple[RunState, RunState], dict[str, Step]]] = {
    (S.QUEUED, S.RUNNING): {"a worker claims it": lambda sync, run: claim_run(run.pk)},
    (S.QUEUED, S.CANCELLED): {"it is cancelled": drop},
    (S.RUNNING, S.QUEUED): {"its worker dies": die, "its worker gives it back": raising(GiveBack())},
    (S.RUNNING, S.WAITING): {"the source demands a wait": raising(WaitElsewhere(30))},
    (S.RUNNING, S.AWAITING_REVIEW): {"it is a plan": plan},
    (S.RUNNING, S.HELD): {"the key belongs to another account": another_account},
    (S.RUNNING, S.SUCCEEDED): {"everything is applied": work},
    (S.RUNNING, S.PARTIAL): {"an object fails": partly},
    (S.RUNNING, S.FAILED): {"the source is down": raising(ProviderUnavailable("Down.", hint="", provider="pagerduty"))},
    (S.RUNNING, S.CANCELLED): {"it is cancelled": drop},
    (S.WAITING, S.QUEUED): {"it is due": be_due},
    (S.WAITING, S.CANCELLED): {"it is cancelled": drop},
    (S.AWAITING_REVIEW, S.QUEUED): {"it is approved": accept},
    (S.AWAITING_REVIEW, S.CANCELLED): {"it is dropped": drop},
    (S.AWAITING_REVIEW, S.SUPERSEDED): {"a newer plan replaces it": plan_again},
    (S.HELD, S.QUEUED): {"it is approved": accept},
    (S.HELD, S.CANCELLED): {"it is dropped": drop},
    (S.HELD, S.SUPERSEDED): {"a newer plan replaces it": plan_again},
}
ENDED: Final = frozenset({S.SUCCEEDED, S.PARTIAL, S.FAILED, S.CANCELLED, S.SUPERSEDED})


def reached(sync: Sync, state: RunState) -> SyncRun:
    """Returns a run in a state."""
    if state in OPEN_PLAN:
        run = sync.plan()
        SyncRun.objects.filter(pk=run.pk).update(state=state)
        return SyncRun.objects.get(pk=run.pk)
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    if state == S.RUNNING:
        claim_run(run.pk)
    elif state == S.WAITING:
        raising(WaitElsewhere(30))(sync, run)
        sync.source.during = lambda: None
    return SyncRun.objects.get(pk=run.pk)


CASES = [
    pytest.param(before, after, step, id=f"{before.label}, {name}, {after.label}")
    for (before, after), steps in STEPS.items()
    for name, step in steps.items()
]


@pytest.mark.parametrize("before,after,step", CASES)
def test_step(sync: Sync, before: RunState, after: RunState, step: Step) -> None:
    run = reached(sync, before)
    assert run.state == before
    step(sync, run)
    run.refresh_from_db()
    assert (run.state, bool(run.finished_at)) == (after, after in ENDED or after == S.HELD)
    assert run.is_active == (after in ACTIVE)


@pytest.mark.parametrize("state", sorted(ENDED))
def test_a_run_that_ended_stays_as_it_is(sync: Sync, state: RunState) -> None:
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    SyncRun.objects.filter(pk=run.pk).update(state=state, due_at=Now(), lease_expires_at=Now())
    assert claim_run(run.pk) is None
    assert not cancel(run)
    assert recover_runs() == ([], [], 0)
    assert Claim(run).write() is False
    run.refresh_from_db()
    assert run.state == state


def test_every_state_has_its_steps() -> None:
    assert {before for before, _ in STEPS} | ENDED == set(RunState)
    assert {before for before, _ in STEPS}.isdisjoint(ENDED)
    assert {after for _, after in STEPS} == set(RunState)
