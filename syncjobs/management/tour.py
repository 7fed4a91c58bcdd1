"""The tour that ``demo`` shows of each simulated vendor: connect, plan, apply, sync again, compare."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from connectors.connections.opening import open_connector
from connectors.connections.probe import probe_connection
from connectors.models import Connection
from connectors.records import ENTITY_TYPES, ENTITY_WORDS, EntityType
from connectors.registry import connector_class, provider_label
from oncall.rendering.zones import DAY
from syncjobs.models import ParityBasis, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.parity.checks import load_imported, measure_on_demand
from syncjobs.parity.words import Line, as_json, difference_in_words, lines_of
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve, start
from syncjobs.runs.verify import measure_due, with_transitions
from syncjobs.words.runs import objects_written


@dataclass(frozen=True)
class TourResult:
    """The results of a tour.

    applied: the first sync. again: the second sync. parity: comparison of the next 14 days. changes: comparison around
    clock changes.
    """

    connection: Connection
    applied: SyncRun
    again: SyncRun
    parity: list[Line]
    changes: list[Line]

    @property
    def matched(self) -> bool:
        """Whether both syncs succeeded, the second wrote nothing, and no schedule differs at any second.

        Differences because of elements that the import reported as unsupported do not count.
        """
        differences = (each for line in (*self.parity, *self.changes) for each in line.measured.differences)
        return (
            self.applied.state == self.again.state == RunState.SUCCEEDED
            and not objects_written(self.again)
            and all(each.cause == "unsupported element" for each in differences)
            and any(line.measured.comparison for line in self.parity)
        )

    def counts(self, kind: EntityType) -> dict[str, int]:
        words = ("fetched", "written", "failed", "conflict")
        first = {word: self.applied.counts[kind].get(word, 0) for word in words}
        return first | {"written_again": self.again.counts[kind].get("written", 0)}

    def in_words(self) -> str:
        """Return a line that says what was imported and how many schedules match, and one for each that differs."""
        numbers = ((self.counts(kind)["written"], ENTITY_WORDS[kind]) for kind in ENTITY_TYPES)
        imported = ", ".join(f"{number} {words[number != 1]}" for number, words in numbers)
        compared = [line.measured for line in self.parity if line.measured.comparison is not None]
        equal = sum(not measured.differs for measured in compared)
        again = objects_written(self.again)
        differ = "".join(f"\n  {difference}" for line in self.parity if (difference := difference_in_words(line)))
        return (
            f"{provider_label(self.connection.provider)} ({self.connection.name}): {imported}; {equal} of "
            f"{len(compared)} compared schedules match the source; a second sync wrote {again or 'nothing'}."
            f"{differ}"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "connection": self.connection.name,
            "provider": self.connection.provider,
            "matched": self.matched,
            "counts": {kind: self.counts(kind) for kind in ENTITY_TYPES},
            "schedules": [as_json(line) for line in self.parity],
            "clock_changes": [as_json(line) for line in self.changes],
        }


def connect(name: str, provider: str, settings: Mapping[str, str], credentials: Mapping[str, str]) -> SyncProfile:
    """Create and test a connection that imports everything. Raises ConnectorError."""
    connection = Connection(name=name, provider=provider, settings=connector_class(provider).clean(settings))
    connection.enter_credentials(dict(credentials))
    connection.save()
    probe_connection(connection)
    return SyncProfile.objects.create(connection=connection)


def run_tour(profile: SyncProfile) -> TourResult:
    """Plan, apply, sync again and compare. Raises ConnectorError."""
    connection = profile.connection
    planned = _drive(start(profile, RunKind.PLAN, by=None, notify=False))
    if planned.state == RunState.AWAITING_REVIEW:
        approve(planned, by=None, notify=False)
        planned = _drive(planned)
    again = sync_again(connection)
    connector, now = open_connector(connection), int(time.time())
    fortnight = measure_on_demand(connection, connector, now, now + 14 * DAY, at=timezone.now())
    imported = load_imported(connection, again.notes, since=now)
    due = with_transitions(imported, imported.rows, now)
    changes = measure_due(imported, open_connector(connection), due, ParityBasis.TRANSITION, most=len(due) * 100)
    lines, around = (lines_of(connection.pk, results) for results in (fortnight, changes))
    return TourResult(connection, planned, again, lines, around)


def sync_again(connection: Connection) -> SyncRun:
    """Plan and apply at once. Return the run."""
    profile = SyncProfile.objects.get(connection=connection)
    return _drive(start(profile, RunKind.APPLY, by=None, notify=False))


def _drive(run: SyncRun) -> SyncRun:
    finished = drive(run.pk)
    if finished is None:
        raise CommandError(f"{run} was taken by another worker. Is another demo running?")
    return finished
