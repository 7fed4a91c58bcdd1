"""Which part is missing: each is judged by its own heartbeat, and a worker only if it gets messages."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from syncjobs import tasks
from syncjobs.models import Heartbeat, Part, RunKind, RunState, SyncRun
from syncjobs.runs.claim import LEASE
from syncjobs.runs.heartbeats import missing_parts, note_seen
from syncjobs.runs.start import start
from tests.syncjobs.conftest import Sync

BROKER, BEAT, TICK, RUNS = Part.BROKER, Part.BEAT, Part.TICK, Part.RUNS
ALL = {BROKER: 10, BEAT: 10, TICK: 10, RUNS: 10}


def beats(ages: Mapping[Part, int], fault: str = "") -> None:
    """Stores heartbeats. ages: how many seconds ago each part was seen. fault: that of the broker."""
    for part, seconds in ages.items():
        at = timezone.now() - timedelta(seconds=seconds)
        Heartbeat.objects.create(part=part, at=at, fault=fault if part == BROKER else "")


def missing() -> list[Part]:
    return [each.part for each in missing_parts()]


#: Name -> seconds since each part was seen, the fault of the broker, the parts that are missing.
SITUATIONS: Mapping[str, tuple[Mapping[Part, int], str, list[Part]]] = {
    "everything works": (ALL, "", []),
    "nothing has run yet": ({}, "", [BEAT, TICK, RUNS]),
    "the broker fails": (ALL, "ConnectionError", [BROKER]),
    "the broker fails for long, so that no worker gets a message": (
        {BROKER: 900, BEAT: 10, TICK: 900, RUNS: 900},
        "ConnectionError",
        [BROKER],
    ),
    "the broker fails and beat ended": ({BROKER: 10, BEAT: 900, TICK: 900, RUNS: 900}, "ValueError", [BROKER, BEAT]),
    "the broker has not been used for a while": (ALL | {BROKER: 900}, "", []),
    "beat ended, so that no worker gets a message": ({BROKER: 9, BEAT: 900, TICK: 900, RUNS: 900}, "", [BEAT]),
    "the worker of the tick ended": (ALL | {TICK: 900, RUNS: 900}, "", [TICK]),
    "the worker of the runs ended": (ALL | {RUNS: 900}, "", [RUNS]),
    "the worker of the runs was never started": ({BROKER: 9, BEAT: 9, TICK: 9}, "", [RUNS]),
    "beat and the worker of the tick were never started": ({BROKER: 9, RUNS: 9}, "", [BEAT, TICK]),
    "almost silent": (dict.fromkeys(ALL, 170), "", []),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_missing_parts_of_a_situation(db: None, name: str) -> None:
    ages, fault, wanted = SITUATIONS[name]
    beats(ages, fault)
    assert missing() == wanted
    assert [each.fault for each in missing_parts() if each.part != BROKER] == [""] * len(set(wanted) - {BROKER})


@pytest.mark.parametrize("part", Part)
def test_each_part_is_missing_in_some_situation_and_alone_in_another(part: Part) -> None:
    assert [part] in [wanted for _, _, wanted in SITUATIONS.values()]


def queued(sync: Sync, seconds: int) -> SyncRun:
    """A run whose workers were notified this many seconds ago."""
    run = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    SyncRun.objects.update(notified_at=timezone.now() - timedelta(seconds=seconds))
    return run


@pytest.mark.parametrize(
    "ages,notified,wanted",
    [
        ({BROKER: 60, BEAT: 900, TICK: 900, RUNS: 900}, 60, [BEAT, RUNS]),
        ({BROKER: 5, BEAT: 900, TICK: 900, RUNS: 900}, 5, [BEAT]),  # it may still answer
        ({BROKER: 800, BEAT: 900, TICK: 900, RUNS: 700}, 800, [BEAT]),  # it has worked since
        ({BROKER: 60, BEAT: 900, TICK: 900, RUNS: 100}, 60, [BEAT]),
    ],
)
def test_a_run_without_an_answer_shows_that_its_worker_is_missing(
    sync: Sync, ages: Mapping[Part, int], notified: int, wanted: list[Part]
) -> None:
    queued(sync, notified)
    beats(ages)
    assert missing() == wanted


def test_a_worker_whose_threads_are_all_busy_is_not_missing(sync: Sync) -> None:
    now = timezone.now()
    queued(sync, 60)
    beats(ALL | {RUNS: 900})
    assert missing() == [RUNS]
    SyncRun.objects.update(state=RunState.RUNNING, progress_at=now, lease_expires_at=now + LEASE)
    assert missing() == []
    SyncRun.objects.update(progress_at=now - 2 * LEASE, lease_expires_at=now - LEASE)
    assert missing() == [RUNS]


def test_it_makes_one_query(sync: Sync) -> None:
    queued(sync, 60)
    beats(ALL)
    with CaptureQueriesContext(database) as captured:
        missing_parts()
    assert len(captured) == 1


def test_seeing_a_part_again_makes_one_statement_and_keeps_one_row(db: None) -> None:
    note_seen(BROKER, "ConnectionError")
    before = Heartbeat.objects.get()
    with CaptureQueriesContext(database) as captured:
        note_seen(BROKER)
    after = Heartbeat.objects.get()
    assert (len(captured), after.fault, after.at >= before.at) == (1, "", True)
    assert str(after).startswith("the broker at ")


def test_each_task_is_a_sign_of_its_own_worker(sync: Sync, notified: list[int]) -> None:
    for task, arguments, part in ((tasks.tick, (), TICK), (tasks.pulse, (), RUNS), (tasks.drive_run, (0,), RUNS)):
        Heartbeat.objects.all().delete()
        task(*arguments)
        assert [each.part for each in Heartbeat.objects.all()] == [part]
