"""The pages that a run has fetched are kept until it ends, also if its workers are killed."""

import json
import os
import re
import resource
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db.models.functions import Now

from connectors.connections.opening import live_transport, open_connector
from connectors.models import Connection
from connectors.simulator.pagerduty import Simulator, build_world
from connectors.simulator.serve import demo_account
from syncjobs.models import FetchedPage, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.claim import Claim, GiveBack, WaitElsewhere, claim_run
from syncjobs.runs.durable.pages import LONGEST_READ, Pages, delete_pages_of_ended_runs
from syncjobs.runs.durable.recovery import recover_runs
from syncjobs.runs.runner import drive
from syncjobs.runs.start import cancel, start
from tests.syncjobs.conftest import Sync
from tests.syncjobs.runs.test_durable import Killed, expire, queued, state_of

pytestmark = pytest.mark.django_db


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


def test_a_page_that_did_not_fit_on_the_disk_is_left_out_with_those_after_it(
    sync: Sync, settings: Any, tmp_path: Any
) -> None:
    settings.READS_DIR = tmp_path / "reads"
    run = claim_run(queued(sync).pk)
    assert run is not None
    claim = Claim(run)
    pages = Pages(claim)
    claim.write(checkpoint=pages.begin())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    pages.keep("a" * 32, b"x" * 3000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        pages.keep("b" * 32, b"y" * 3000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    pages.keep("c" * 32, b"z" * 3000)  # there is space again
    (path,) = settings.READS_DIR.iterdir()
    assert path.stat().st_size == 5000
    again = Pages(claim)
    assert [again.find(key * 32) for key in "abc"] == [b"x" * 3000, None, None]
    pages.flush()
    again = Pages(claim)
    assert [again.find(key * 32) for key in "abc"] == [letter * 3000 for letter in (b"x", b"y", b"z")]
