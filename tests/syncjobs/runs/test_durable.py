"""Runs that are killed, stopped, limited or given back go on where they stopped."""

from collections.abc import Iterator
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from oncall.models import Responder, Schedule
from syncjobs.models import Outcome, RunKind, RunState, SyncRun
from syncjobs.runs import apply
from syncjobs.runs.claim import LONGEST_WAIT, SHORTEST_WAIT, STOPPING, Claim, WaitElsewhere, claim_run
from syncjobs.runs.durable.failing import MOST_ATTEMPTS
from syncjobs.runs.durable.recovery import recover_runs
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve, cancel, start
from syncjobs.setup.disconnect import disconnect
from syncjobs.tasks import stop_runs, tick, watch_runs
from tests.syncjobs.conftest import Sync


class Killed(BaseException):
    """The worker is gone: nothing in the product catches it."""


@pytest.fixture(autouse=True)
def _goes_on() -> Iterator[None]:
    yield
    STOPPING.clear()


def queued(sync: Sync, kind: RunKind = RunKind.APPLY) -> SyncRun:
    sync.profile.refresh_from_db()
    return start(sync.profile, kind, by=None, notify=False)


def state_of(run: SyncRun) -> tuple[str, int]:
    run.refresh_from_db()
    return run.state, run.attempt


def die_in_the_second_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches of one row, and kill the worker after the first."""
    batch, done = apply.Application._batch, []

    def dying(self: Any, *args: Any) -> Any:
        if done:
            raise Killed
        done.append(args)
        return batch(self, *args)

    monkeypatch.setattr(apply, "BATCH", 1)
    monkeypatch.setattr(apply.Application, "_batch", dying)


def expire() -> None:
    SyncRun.objects.filter(state=RunState.RUNNING).update(lease_expires_at=Now() - timedelta(seconds=1))


@pytest.mark.parametrize("kind", [RunKind.APPLY, RunKind.PLAN])
def test_a_run_that_died_while_it_was_applied_goes_on_with_its_open_items(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, kind: RunKind
) -> None:
    undisturbed = Sync("undisturbed")
    expected = undisturbed.run(RunKind.APPLY)
    run = queued(sync, kind)
    if kind == RunKind.PLAN:
        sync.drive(run)
        approve(run, by=None, notify=False)
    with monkeypatch.context() as patch:
        die_in_the_second_batch(patch)
        with pytest.raises(Killed):
            sync.drive(run)
    assert state_of(run)[0] == RunState.RUNNING
    assert Responder.objects.filter(links__connection=sync.connection).count() == 1
    assert Schedule.objects.filter(links__connection=sync.connection).count() == 0
    expire()
    assert recover_runs().resumed == [run.pk]
    ended = sync.drive(run)
    assert (ended.state, ended.reason) == (RunState.SUCCEEDED, "")
    assert set(ended.items.values_list("outcome", flat=True)) == {Outcome.APPLIED}
    written = {name: counts.get("written") for name, counts in ended.counts.items()}
    assert written == {name: counts.get("written") for name, counts in expected.counts.items()}
    assert (ended.impact is None) == (expected.impact is None)
    assert not {"before", "read_at", "told", "counted"} & ended.checkpoint.keys()


def test_a_run_that_ends_each_of_its_workers_fails_as_a_crash_loop(sync: Sync) -> None:
    def die() -> None:
        raise Killed

    sync.source.during = die
    run = queued(sync)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        with pytest.raises(Killed):
            drive(run.pk, opener=sync.source.open)
        assert state_of(run) == (RunState.RUNNING, attempt)
        expire()
        recovered = recover_runs()
    assert (recovered.resumed, recovered.failed) == ([], [run.pk])
    run.refresh_from_db()
    assert (run.state, run.finished_at is None) == (RunState.FAILED, False)
    assert "crash loop" in run.reason
    assert "memory" in run.hint


def test_an_attempt_that_wrote_a_batch_does_not_count(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    run = queued(sync)
    SyncRun.objects.filter(pk=run.pk).update(attempt=MOST_ATTEMPTS - 1)
    with monkeypatch.context() as patch:
        die_in_the_second_batch(patch)
        with pytest.raises(Killed):
            sync.drive(run)
    assert state_of(run) == (RunState.RUNNING, 1)


def test_a_worker_that_shuts_down_gives_its_run_back_and_notifies(sync: Sync, notified: list[int]) -> None:
    sync.source.during = stop_runs
    run = queued(sync)
    drive_run_with(sync, run)
    assert state_of(run) == (RunState.QUEUED, 0)
    assert notified == [run.pk]
    assert "goes on" in run.reason
    STOPPING.clear()
    sync.source.during = lambda: None
    assert sync.drive(run).state == RunState.SUCCEEDED


def test_a_second_signal_that_interrupts_the_first_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = Event()
    monkeypatch.setattr("syncjobs.tasks.STOPPING", stopping)
    notify = stopping._cond.notify_all  # type: ignore[attr-defined]  # it is called while the lock is held

    def interrupted() -> None:
        stop_runs()
        notify()

    monkeypatch.setattr(stopping._cond, "notify_all", interrupted)  # type: ignore[attr-defined]
    first = Thread(target=stop_runs, daemon=True)
    first.start()
    first.join(timeout=10)
    assert not first.is_alive()
    assert stopping.is_set()


def drive_run_with(sync: Sync, run: SyncRun, seconds: float = 300.0) -> SyncRun | None:
    return drive(run.pk, opener=sync.source.open, slice_seconds=seconds)


def test_a_process_that_is_ended_gives_its_run_back(sync: Sync) -> None:
    def end() -> None:
        raise SystemExit(1)

    sync.source.during = end
    run = queued(sync)
    with pytest.raises(SystemExit):
        sync.drive(run)
    assert state_of(run) == (RunState.QUEUED, 0)


def test_a_slice_ends_after_a_batch_and_the_run_goes_on_behind_the_others(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply, "BATCH", 1)
    run = queued(sync)
    slices = 0
    while drive_run_with(sync, run, seconds=0.0) is not None and state_of(run)[0] == RunState.QUEUED:
        assert "turn" in run.reason
        slices += 1
    assert run.state == RunState.SUCCEEDED
    assert slices > 3


def test_a_rate_limit_releases_the_worker_and_the_run_goes_on_when_it_is_due(sync: Sync, notified: list[int]) -> None:
    def limit() -> None:
        raise WaitElsewhere(30.0)

    sync.source.during = limit
    run = queued(sync)
    drive_run_with(sync, run)
    assert state_of(run) == (RunState.WAITING, 1)
    assert run.is_active
    assert run.due_at is not None
    assert "limits" in run.reason
    assert recover_runs() == ([], [], 0)
    SyncRun.objects.update(due_at=Now() - timedelta(seconds=1))
    tick()
    assert state_of(run) == (RunState.QUEUED, 1)
    assert (run.due_at, notified) == (None, [run.pk])
    sync.source.during = lambda: None
    assert sync.drive(run).state == RunState.SUCCEEDED


def test_a_source_that_only_ever_demands_waits_fails_the_run(sync: Sync) -> None:
    def limit() -> None:
        raise WaitElsewhere(30.0)

    sync.source.during = limit
    run = queued(sync)
    for _ in range(MOST_ATTEMPTS):
        drive_run_with(sync, run)
        SyncRun.objects.filter(state=RunState.WAITING).update(due_at=Now() - timedelta(seconds=1))
        recover_runs()
    assert state_of(run)[0] == RunState.FAILED
    assert "wait" in run.reason


@pytest.mark.parametrize("seconds,releases", [(SHORTEST_WAIT - 1, False), (30.0, True), (LONGEST_WAIT + 1, False)])
def test_only_waits_that_are_long_and_end_some_day_release_a_worker(sync: Sync, seconds: float, releases: bool) -> None:
    run = claim_run(queued(sync).pk)
    assert run is not None
    Claim(run).on_pause(seconds)  # a shell sleeps
    try:
        Claim(run, slice_seconds=300).on_pause(seconds)
        released = False
    except WaitElsewhere:
        released = True
    assert released is releases


def test_a_worker_sees_within_seconds_that_its_long_run_was_cancelled(sync: Sync) -> None:
    run = claim_run(queued(sync).pk)
    assert run is not None
    now = [0.0]
    claim = Claim(run, clock=lambda: now[0], slice_seconds=300)
    now[0] = 200.0
    assert not claim.stopped()  # it writes, and the next write is 50 seconds later
    assert cancel(run)
    now[0] = 203.0
    assert not claim.stopped()
    now[0] = 205.0
    assert claim.stopped()


def test_a_slice_counts_from_the_first_page_or_batch(sync: Sync) -> None:
    run = claim_run(queued(sync).pk)
    assert run is not None
    now = [0.0]
    claim = Claim(run, clock=lambda: now[0], slice_seconds=5)
    now[0] = 60.0  # it does again what an earlier slice has done
    assert not claim.stopped()
    claim.advance()
    now[0] = 64.0
    claim.advance()
    assert not claim.stopped()
    now[0] = 65.0
    assert claim.stopped()


def test_a_waiting_run_can_be_cancelled_and_stays_cancelled(sync: Sync) -> None:
    run = queued(sync)
    SyncRun.objects.update(state=RunState.WAITING, due_at=Now() - timedelta(seconds=1))
    assert cancel(run)
    assert recover_runs() == ([], [], 0)
    assert state_of(run)[0] == RunState.CANCELLED


def test_disconnecting_ends_a_waiting_run(sync: Sync) -> None:
    run = queued(sync)
    SyncRun.objects.update(state=RunState.WAITING)
    disconnect(sync.connection)
    assert state_of(run)[0] == RunState.CANCELLED


def test_rules_that_change_before_a_run_goes_on_put_the_rest_before_a_person(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = queued(sync)
    with monkeypatch.context() as patch:
        die_in_the_second_batch(patch)
        with pytest.raises(Killed):
            sync.drive(run)
    sync.rules(strategy="source")
    expire()
    recover_runs()
    ended = sync.drive(run)
    assert ended.state == RunState.AWAITING_REVIEW
    assert "rules" in ended.reason
    assert "The rest was not written." in ended.hint
    approve(run, by=None, notify=False, despite_rules=True)
    assert sync.drive(run).state == RunState.SUCCEEDED


def test_a_run_goes_on_after_the_database_failed(sync: Sync) -> None:
    def fail() -> None:
        sync.source.during = lambda: None
        raise OperationalError("the server closed the connection")

    sync.source.during = fail
    run = queued(sync)
    sync.drive(run)
    assert state_of(run) == (RunState.QUEUED, 1)
    assert sync.drive(run).state == RunState.SUCCEEDED


def test_workers_watch_for_dead_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr("syncjobs.runs.durable.watching.threading.Thread.start", lambda thread: started.append(thread))
    watch_runs()
    assert [thread.daemon for thread in started] == [True]
