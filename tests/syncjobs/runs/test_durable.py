"""Runs that are killed, stopped, limited or given back go on where they stopped."""

import json
import os
import re
import time
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError
from django.db.models.functions import Now

from connectors.connections.opening import live_transport, open_connector
from connectors.models import Connection
from connectors.simulator.pagerduty import Simulator, build_world
from connectors.simulator.serve import demo_account
from oncall.models import Responder, Schedule
from syncjobs.models import FetchedPage, Outcome, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs import apply
from syncjobs.runs.claim import LONGEST_WAIT, SHORTEST_WAIT, STOPPING, Claim, GiveBack, WaitElsewhere, claim_run
from syncjobs.runs.durable.failing import MOST_ATTEMPTS
from syncjobs.runs.durable.pages import LONGEST_READ, delete_pages_of_ended_runs
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


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def simulator(db: None, settings: Any, tmp_path: Any) -> Iterator[Simulator]:
    settings.READS_DIR = tmp_path / "reads"
    with Simulator(build_world(time.time(), 400)) as running:
        settings.CONNECTOR_ORIGINS = {"pagerduty": running.origin}
        settings.EGRESS_ALLOW = [running.origin.removeprefix("http://")]
        yield running


class KilledAt:
    """A transport below the kept pages that kills the worker before its n-th request."""

    def __init__(self, connection: Connection, at: int | None, *, error: BaseException | None = None) -> None:
        self._transport = live_transport(connection)
        self._at, self._error = at, error or Killed()
        self.targets: list[str] = []

    def open(self, connection: Connection, **how: Any) -> Any:
        return open_connector(connection, transport=self, **how)

    def exchange(self, request: Any, **how: Any) -> Any:
        self.targets.append(request.target)
        if len(self.targets) == self._at:
            raise self._error
        return self._transport.exchange(request, **how)


def connected(name: str) -> SyncProfile:
    settings, secrets = demo_account("pagerduty")
    connection = Connection(name=name, provider="pagerduty", settings=settings)
    connection.enter_credentials(secrets)
    connection.save()
    return SyncProfile.objects.create(connection=connection)


def without_instants(targets: list[str]) -> list[str]:
    return [re.sub(r"(since|until)=[^&]*", "", target) for target in targets]


def read_in_two_parts(at: int, error: BaseException | None = None) -> tuple[SyncRun, KilledAt, KilledAt]:
    profile = connected(f"killed at {at}")
    run = start(profile, RunKind.PLAN, by=None, notify=False)
    first, second = KilledAt(profile.connection, at, error=error), KilledAt(profile.connection, None)
    try:
        drive(run.pk, opener=first.open, slice_seconds=300)
    except Killed:
        expire()
    SyncRun.objects.filter(state=RunState.WAITING).update(due_at=Now())
    recover_runs()
    ended = drive(run.pk, opener=second.open)
    assert ended is not None
    return ended, first, second


def planned_of(run: SyncRun) -> list[Any]:
    """Return the items of a run without the number of its connection, which may be equal to the minutes of a time."""
    items = run.items.order_by("entity_type", "external_id").values_list("external_id", "action", "changes")
    number = re.compile(rf'(?<=["/:]){run.connection_id}:(?=[A-Z])')
    return [(id_, action, number.sub("", json.dumps(changes, sort_keys=True))) for id_, action, changes in items]


def test_a_read_that_was_killed_repeats_only_the_request_it_waited_for(simulator: Simulator, thorough: bool) -> None:
    profile = connected("undisturbed")
    whole = KilledAt(profile.connection, None)
    expected = drive(start(profile, RunKind.PLAN, by=None, notify=False).pk, opener=whole.open)
    assert expected is not None
    places = range(1, len(whole.targets) + 1)
    for at in places if thorough else Random(1).sample(places, 4):
        run, first, second = read_in_two_parts(at)
        assert (run.state, run.reason) == (RunState.AWAITING_REVIEW, "")
        assert without_instants([*first.targets[:-1], *second.targets]) == without_instants(whole.targets)
        assert (run.calls, run.counts) == (expected.calls, expected.counts)
        assert planned_of(run) == planned_of(expected)
        assert not FetchedPage.objects.exists()
        assert not list(Path(django_settings.READS_DIR).iterdir())


def test_a_read_whose_run_is_given_back_goes_on_in_a_worker_of_another_machine(simulator: Simulator) -> None:
    def without_file(at: int, error: BaseException) -> tuple[list[str], list[str]]:
        profile = connected(f"given back at {at}")
        run = start(profile, RunKind.PLAN, by=None, notify=False)
        first, second = KilledAt(profile.connection, at, error=error), KilledAt(profile.connection, None)
        drive(run.pk, opener=first.open, slice_seconds=300)
        stored = list(FetchedPage.objects.values_list("answer", flat=True))
        assert len(stored) == at - 1
        assert not any(secret.reveal().encode() in zlib.decompress(page) for page in stored for secret in secrets(run))
        for path in Path(django_settings.READS_DIR).iterdir():
            path.unlink()
        SyncRun.objects.update(due_at=Now(), state=RunState.QUEUED)
        drive(run.pk, opener=second.open)
        return first.targets, second.targets

    whole = without_file(9, GiveBack())
    again = without_file(6, WaitElsewhere(60))
    assert without_instants([*whole[0][:-1], *whole[1]]) == without_instants([*again[0][:-1], *again[1]])


def secrets(run: SyncRun) -> list[Any]:
    return list(run.connection.secrets().values())


def test_a_slice_fetches_at_least_one_page_however_long_the_pages_before_take(simulator: Simulator) -> None:
    profile = connected("slices")
    run = start(profile, RunKind.PLAN, by=None, notify=False)
    opener = KilledAt(profile.connection, None)
    for number in range(1, 5):
        drive(run.pk, opener=opener.open, slice_seconds=0.0)
        assert (state_of(run)[0], len(opener.targets)) == (RunState.QUEUED, number)


def test_another_key_begins_the_read_anew(simulator: Simulator) -> None:
    profile = connected("another key")
    run = start(profile, RunKind.PLAN, by=None, notify=False)
    first = KilledAt(profile.connection, 8, error=GiveBack())
    drive(run.pk, opener=first.open, slice_seconds=300)
    profile.connection.enter_credentials(demo_account("pagerduty")[1])
    profile.connection.save()
    second = KilledAt(profile.connection, None)
    drive(run.pk, opener=second.open)
    assert without_instants(second.targets[:7]) == without_instants(first.targets[:7])


def test_a_read_that_is_too_old_begins_anew(simulator: Simulator) -> None:
    profile = connected("old")
    run = start(profile, RunKind.PLAN, by=None, notify=False)
    first = KilledAt(profile.connection, 8, error=GiveBack())
    drive(run.pk, opener=first.open, slice_seconds=300)
    run.refresh_from_db()
    SyncRun.objects.update(checkpoint={"read_at": run.checkpoint["read_at"] - LONGEST_READ})
    second = KilledAt(profile.connection, None)
    drive(run.pk, opener=second.open)
    assert without_instants(second.targets[:7]) == without_instants(first.targets[:7])


def test_pages_of_a_run_that_was_cancelled_are_deleted_by_the_tick(simulator: Simulator) -> None:
    profile = connected("cancelled")
    run = start(profile, RunKind.PLAN, by=None, notify=False)
    drive(run.pk, opener=KilledAt(profile.connection, 8, error=GiveBack()).open, slice_seconds=300)
    (path,) = Path(django_settings.READS_DIR).iterdir()
    assert delete_pages_of_ended_runs() == 0
    assert cancel(run)
    os.utime(path, (0, 0))
    assert delete_pages_of_ended_runs() == 7
    assert not path.exists()


def test_a_page_that_was_cut_by_a_kill_is_left_out(simulator: Simulator) -> None:
    profile = connected("cut")
    run = start(profile, RunKind.PLAN, by=None, notify=False)
    with pytest.raises(Killed):
        drive(run.pk, opener=KilledAt(profile.connection, 8).open)
    (path,) = Path(django_settings.READS_DIR).iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    expire()
    recover_runs()
    second = KilledAt(profile.connection, None)
    ended = drive(run.pk, opener=second.open)
    assert ended is not None
    assert ended.state == RunState.AWAITING_REVIEW
    assert second.targets


def test_a_page_that_was_cut_spoils_no_page_of_the_next_worker(simulator: Simulator) -> None:
    profile = connected("cut twice")
    run = start(profile, RunKind.PLAN, by=None, notify=False)
    first, second, third = (KilledAt(profile.connection, number) for number in (8, 8, None))
    with pytest.raises(Killed):
        drive(run.pk, opener=first.open)
    (path,) = Path(django_settings.READS_DIR).iterdir()
    path.write_bytes(path.read_bytes()[:-3])
    expire()
    recover_runs()
    with pytest.raises(Killed):
        drive(run.pk, opener=second.open)
    expire()
    recover_runs()
    ended = drive(run.pk, opener=third.open)
    assert ended is not None
    assert (ended.state, ended.reason) == (RunState.AWAITING_REVIEW, "")
    assert second.targets[0] == first.targets[6]  # the page that was cut
    assert not set(third.targets) & {*first.targets[:7], *second.targets[:7]}
    assert not list(Path(django_settings.READS_DIR).iterdir())
