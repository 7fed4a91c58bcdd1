"""Runs of two connected sources that are disturbed at a point, and what follows: the tick and one more sync of each."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
import time_machine
from django.db import Error
from django.utils import timezone

from syncjobs.models import RunKind, RunState, SyncRun
from syncjobs.runs import claim
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve, cancel, recover_runs, start
from syncjobs.setup.disconnect import disconnect
from syncjobs.tasks import tick
from tests.killing.elsewhere import Elsewhere
from tests.killing.failpoints import Failpoints, Fault, Killed, Point
from tests.killing.faults import AFTER, FAULTS, Meanwhile
from tests.killing.soundness import Content, assert_sound, read_content
from tests.killing.stored_rows import Rows, changed_tables, digest_of, read_rows, restore_rows
from tests.killing.worlds import TwoSources, connect_two_sources
from tests.syncjobs.conftest import NOW, Sync

#: How a disturbed run goes on: the tick fails it after its lease, or a worker takes it again.
FOLLOWING: Final = ("the tick fails it", "a worker takes it again")


@contextmanager
def clock_stands_still() -> Iterator[None]:
    """Equal runs make equal rows, and progress is never written by the clock. Thousands of runs log nothing."""
    with time_machine.travel(datetime.fromtimestamp(NOW, UTC), tick=False), pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim, "SHORTEST_PAUSE", float("inf"))
        patch.setattr(logging.root.manager, "disable", logging.CRITICAL)
        yield


@dataclass
class Phase:
    """A queued run, with all rows at this time.

    second: whether it is a run of the second source. later: whether the sources are in their later state. expected: the
    content after undisturbed syncs of both. points: those of the run when nothing disturbs it.
    """

    name: str
    rows: Rows
    run_id: int
    second: bool = False
    later: bool = False
    expected: Content = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)


@dataclass
class Scene:
    """The two sources, and the phases in which their runs are disturbed."""

    world: TwoSources
    phases: Mapping[str, Phase] = field(repr=False)
    # Equal rows have an equal future, so each future is judged once: (phase, what follows, hash of all rows) -> fault.
    _judged: dict[tuple[str, str, str], str] = field(default_factory=dict, repr=False)

    def sync_of(self, phase: Phase) -> Sync:
        return self.world.second if phase.second else self.world.first

    def prepare(self, phase: Phase) -> None:
        """Restore the rows and the sources of a phase."""
        restore_rows(phase.rows)
        if phase.later:
            self.world.set_later_state()
        else:
            self.world.set_first_state()

    def disturb(self, phase: Phase, fault: Fault) -> Failpoints:
        """Drive the run of a phase with a fault. The run may end in any state, and the database may be gone for it."""
        self.prepare(phase)
        with Failpoints(fault) as block, suppress(Killed, Error):
            drive(phase.run_id, opener=self.sync_of(phase).source.open)
        return block

    def fault_of(self, phase: Phase, fault: Fault) -> str:
        """Disturb a run and let everything run again. Return what is wrong then, or an empty text."""
        self.disturb(phase, fault)
        wrong: list[str] = []
        stopped = read_rows()
        connected = self.world.both
        if isinstance(fault, Meanwhile):
            if fault.rows is None:
                return ""
            changed = changed_tables(fault.rows, stopped)
            if changed:
                wrong.append(f"the stopped run wrote {changed}")
            connected = tuple(sync for sync in connected if _is_connected(sync))
        state = SyncRun.objects.get(pk=phase.run_id).state
        can_go_on = state in (RunState.QUEUED, RunState.RUNNING)
        for following in FOLLOWING if can_go_on else FOLLOWING[:1]:
            key = (phase.name, following, digest_of(stopped))
            if key not in self._judged:
                if following != FOLLOWING[0]:
                    restore_rows(stopped)
                self._judged[key] = self._judge(phase, following, connected)
            if self._judged[key]:
                wrong.append(f"{following}: {self._judged[key]}")
        return "; ".join(wrong)

    def _judge(self, phase: Phase, following: str, connected: tuple[Sync, ...]) -> str:
        try:
            if following == "a worker takes it again":
                _take_again(phase, self.sync_of(phase))
            _sweep(self.world)
            for sync in connected:
                run = sync.run()
                assert (run.state, run.reason) == (RunState.SUCCEEDED, ""), (
                    f"the next sync is {run.state}: {run.reason}"
                )
            tick()
            assert_sound(connected, phase.expected if connected == self.world.both else None)
        except AssertionError as wrong:
            return str(wrong).splitlines()[0]
        return ""


def _is_connected(sync: Sync) -> bool:
    sync.connection.refresh_from_db()
    return sync.connection.disconnected_at is None


def _take_again(phase: Phase, sync: Sync) -> None:
    SyncRun.objects.filter(pk=phase.run_id).update(state=RunState.QUEUED)
    run = drive(phase.run_id, opener=sync.source.open)
    assert run is not None
    ends = (RunState.SUCCEEDED, RunState.AWAITING_REVIEW)
    assert run.state in ends, f"the run that was taken again is {run.state}: {run.reason}"


def _sweep(world: TwoSources) -> None:
    """Let the leases end and the tick run, and workers take what is queued."""
    expire()
    tick()
    for sync in world.both:
        for run in SyncRun.objects.filter(connection=sync.connection, state=RunState.QUEUED):
            sync.drive(run)


def expire() -> None:
    """End the leases of all runs."""
    running = SyncRun.objects.filter(state=RunState.RUNNING)
    running.update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def build_scene() -> Scene:
    """Run both sources undisturbed, and store the rows before each run."""
    world = connect_two_sources()
    phases: list[Phase] = []

    def queue(name: str, sync: Sync, kind: RunKind = RunKind.APPLY, *, later: bool = False) -> SyncRun:
        sync.profile.refresh_from_db()
        run = start(sync.profile, kind, by=None, notify=False)
        phases.append(Phase(name, read_rows(), run.pk, sync is world.second, later))
        return run

    def work(sync: Sync, run: SyncRun, state: RunState = RunState.SUCCEEDED) -> None:
        ended = sync.drive(run)
        assert (ended.state, ended.reason) == (state, ""), (ended.state, ended.reason, ended.hint)

    work(world.first, queue("first import", world.first))
    work(world.second, queue("import that matches", world.second))
    imported, content = read_rows(), read_content()
    world.set_later_state()
    work(world.first, queue("update", world.first, later=True))
    work(world.second, queue("update of the second source", world.second, later=True))
    later_content = read_content()
    restore_rows(imported)
    plan = queue("plan", world.first, RunKind.PLAN, later=True)
    work(world.first, plan, RunState.AWAITING_REVIEW)
    approve(plan, by=None, notify=False)
    phases.append(Phase("approved plan", read_rows(), plan.pk, later=True))
    scene = Scene(world, {phase.name: phase for phase in phases})
    for phase in phases:
        phase.expected = later_content if phase.later else content
        phase.points = scene.disturb(phase, Fault()).passed
    return scene


def _disconnect(run: SyncRun) -> bool:
    disconnect(run.connection)
    return True


def _lose_lease(run: SyncRun) -> bool:
    expire()
    return bool(recover_runs().failed)


#: What somebody else may do to a run that is worked on, by name. False: it was not possible yet.
INTERVENTIONS: Final[Mapping[str, Callable[[SyncRun], bool]]] = {
    "cancelled": cancel,
    "disconnected": _disconnect,
    "lease lost": _lose_lease,
}


def intervention(name: str, at: int, phase: Phase, elsewhere: Elsewhere) -> Meanwhile:
    """Return the fault that somebody else intervenes in the run of a phase."""
    return Meanwhile(at, lambda: INTERVENTIONS[name](SyncRun.objects.get(pk=phase.run_id)), elsewhere)


def faults_at(name: str, points: Sequence[Point], phase: Phase, elsewhere: Elsewhere) -> Iterator[tuple[Point, Fault]]:
    """Yield the named fault at each of these points. What comes after a statement matters only where it is durable."""
    for point in points:
        if name in INTERVENTIONS:
            yield point, intervention(name, point.number, phase, elsewhere)
        elif point.durable or name not in AFTER:
            yield point, FAULTS[name](point.number)
