"""The last phase of a sync: what was imported is compared with the source's own rendering of it.

For the next days that came with the read, if the source tells it there. Otherwise, and for the days around clock
changes, it is asked for within a budget of calls. Nothing here fails a run.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from connectors.base import Connector
from connectors.errors import ConnectorError, ReadStopped
from connectors.records import Snapshot
from oncall.rendering.codec import instant_to_text, participant_from_text, participant_to_text
from oncall.rendering.final import Span
from oncall.rendering.intervals import Range
from oncall.rendering.zones import DAY, HOUR
from syncjobs.models import Outcome, ParityBasis, SyncRun
from syncjobs.parity.checks import (
    ImportedSchedules,
    LatestChecks,
    Rendered,
    ScheduleParity,
    load_imported,
    measure_at_source,
    store,
)
from syncjobs.parity.compare import transition_ranges
from syncjobs.runs.claim import Claim

PHASE: Final = "verify"
#: What every sync compares: from the read on.
NEXT_DAYS: Final = 14 * DAY
#: The days around clock changes are compared again after this time, or when the schedule was changed.
RENEWED: Final = timedelta(days=7)
#: Calls of one run to ask for renderings: less than a tenth of what PagerDuty allows in a minute (960).
MOST_CALLS: Final = 60
#: Those of them for the next days, so that clock changes get their turn as well.
MOST_CALLS_AHEAD: Final = 40
#: A schedule and the ranges to ask for.
Due = tuple[str, tuple[Range, ...]]
_CHANGES: Final = ("create", "match", "update")


@dataclass(frozen=True, slots=True)
class SourceRendering:
    """What a read told of the source's own rendering in ``[since, until)``, by the ids of the schedules it read; a
    missing one was not told. Participants have bare ids. spans None: reading this source tells no rendering."""

    since: int
    until: int
    ids: tuple[str, ...]
    spans: Rendered | None

    @classmethod
    def of(cls, snapshot: Snapshot) -> "SourceRendering":
        ids = tuple(schedule.external_id for schedule in snapshot.schedules)
        if snapshot.rendered_range is None:
            return cls(snapshot.fetched_at, snapshot.fetched_at + NEXT_DAYS, ids, None)
        since = max(snapshot.fetched_at, snapshot.rendered_range[0])
        until = min(snapshot.fetched_at + NEXT_DAYS, snapshot.rendered_range[1])
        spans = {
            id_: [span for span in own if span.start < until and span.end > since]
            for id_, own in snapshot.rendered.items()
        }
        return cls(since, until, ids, spans)

    def to_json(self) -> dict[str, Any]:
        return {
            "since": self.since,
            "until": self.until,
            "ids": list(self.ids),
            "spans": None if self.spans is None else {id_: _spans_to_json(own) for id_, own in self.spans.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SourceRendering":
        stored = data["spans"]
        spans = None if stored is None else {id_: _spans_from_json(each) for id_, each in stored.items()}
        return cls(data["since"], data["until"], tuple(data["ids"]), spans)


def _spans_to_json(spans: Iterable[Span]) -> list[list[Any]]:
    return [[start, end, [participant_to_text(each) for each in who]] for start, end, who in spans]


def _spans_from_json(data: Iterable[Any]) -> list[Span]:
    return [Span(start, end, tuple(participant_from_text(each) for each in who)) for start, end, who in data]


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it, to be written together with the end of the run. columns: of the run."""

    run: SyncRun
    results: list[ScheduleParity]
    newest: LatestChecks
    columns: Mapping[str, Any]

    def store(self) -> None:
        store(self.run.connection, self.results, self.newest, at=timezone.now(), run=self.run)


def verify(run: SyncRun, claim: Claim, rendering: SourceRendering, opener: Callable[..., Connector]) -> Verified:
    """Compare every schedule that the run read; counts them on the claim. Raises ReadStopped when the run was taken
    away or cancelled."""
    if run.phase != PHASE:
        claim.write(phase=PHASE)
    limited = rendering.ids if "only" in run.scope else None
    imported = load_imported(run.connection, run.notes, since=rendering.since, only=limited)
    newest = LatestChecks(run.connection)
    read = [external_id for external_id in rendering.ids if external_id in imported.rows]
    results: list[ScheduleParity] = []
    ahead: list[Due] = []
    if rendering.spans is None:
        ahead = [
            (id_, ((rendering.since, rendering.until),)) for id_ in _waiting(run, claim, newest, read, ParityBasis.SYNC)
        ]
    else:
        spans = rendering.spans
        results += (
            imported.measure(id_, ParityBasis.SYNC, spans.get(id_), rendering.since, rendering.until) for id_ in read
        )
    waiting = _waiting(run, claim, newest, read, ParityBasis.TRANSITION, timezone.now() - RENEWED)
    around = with_transitions(imported, waiting, rendering.since)
    measured, calls, notes = _measure_at_source(run, claim, imported, ahead, around, opener)
    results += measured
    for word, number in _counted(results).items():
        claim.add("schedule", word, number)
    columns = {
        "notes": [*run.notes, *(_note(result) for result in results if result.measured.differs), *notes],
        "calls": run.calls + calls,
        "checkpoint": {word: value for word, value in run.checkpoint.items() if word != "told"},
    }
    return Verified(run, results, newest, columns)


def _measure_at_source(
    run: SyncRun,
    claim: Claim,
    imported: ImportedSchedules,
    ahead: list[Due],
    around: list[Due],
    opener: Callable[..., Connector],
) -> tuple[list[ScheduleParity], int, list[dict[str, str | None]]]:
    """Results of what is due in the next days and around clock changes, the number of calls they took, and what could
    not be asked."""
    if not ahead and not around:
        return [], 0, []
    results: list[ScheduleParity] = []
    connector = opener(run.connection, should_stop=claim.stopped)
    try:
        for basis, due, most in (
            (ParityBasis.SYNC, ahead, MOST_CALLS_AHEAD),
            (ParityBasis.TRANSITION, around, MOST_CALLS),
        ):
            for result in measure_due(imported, connector, due, basis, most):
                results.append(result)  # one by one: what was measured counts, whatever comes then
    except ReadStopped:
        raise
    except ConnectorError as error:
        message = f"Not every schedule could be compared with the source's own rendering: {error.message}"
        return results, connector.calls, [_note_about(None, "parity_not_measured", message)]
    return results, connector.calls, []


def _waiting(
    run: SyncRun,
    claim: Claim,
    newest: LatestChecks,
    read: list[str],
    basis: ParityBasis,
    before: datetime | None = None,
) -> list[str]:
    """Schedules in the order in which to look at them: changed ones and those never measured on this basis, then those
    that waited longest. before: of the others only those measured before then."""
    last = {id_: newest[key].measured_at for id_ in read if (key := (id_, str(basis))) in newest}
    changed: set[str] = set()
    if claim.counts["schedule"].get("written"):
        written = run.items.filter(entity_type="schedule", outcome=Outcome.APPLIED, action__in=_CHANGES)
        changed = set(written.values_list("external_id", flat=True))
    fresh = {id_ for id_ in last if before is not None and id_ not in changed and last[id_] >= before}
    now = timezone.now()
    return sorted((id_ for id_ in read if id_ not in fresh), key=lambda id_: (id_ in last, last.get(id_, now), id_))


def with_transitions(imported: ImportedSchedules, external_ids: Iterable[str], now: int) -> list[Due]:
    """Those of the schedules whose clocks will change, with the ranges around that."""
    specs = ((external_id, imported.spec(external_id)) for external_id in external_ids)
    found = ((external_id, transition_ranges(spec, now)) for external_id, spec in specs if spec is not None)
    return [(external_id, ranges) for external_id, ranges in found if ranges]


def measure_due(
    imported: ImportedSchedules, connector: Connector, due: Iterable[Due], basis: ParityBasis, most: int = MOST_CALLS
) -> Iterator[ScheduleParity]:
    """Results of as many schedules as ``most`` calls of the connector allow. Raises ConnectorError."""
    for ids, ranges in _together(due, connector.rendered_together):
        if connector.calls + len(ranges) > most:
            return
        for since, until in ranges:
            yield from measure_at_source(imported, connector, ids, basis, since, until)


def _together(due: Iterable[Due], most: int) -> Iterator[tuple[list[str], tuple[Range, ...]]]:
    """The schedules in their order, each with those after it that are due in the same ranges, up to ``most``."""
    waiting: dict[tuple[Range, ...], deque[str]] = {}
    order = []
    for external_id, ranges in due:
        waiting.setdefault(ranges, deque()).append(external_id)
        order.append((external_id, ranges))
    for external_id, ranges in order:
        alike = waiting[ranges]
        if alike and alike[0] == external_id:  # else it went with one before it
            yield [alike.popleft() for _ in range(min(most, len(alike)))], ranges


def _counted(results: list[ScheduleParity]) -> dict[str, int]:
    """Schedules, not measurements: one that differs in any of its ranges is unequal."""
    words: dict[str, str] = {}
    for result in results:
        word = "parity_equal" if result.measured.comparison is not None else "parity_not_compared"
        word = "parity_unequal" if result.measured.differs else word
        if word == "parity_unequal" or result.external_id not in words:
            words[result.external_id] = word
    return {word: list(words.values()).count(word) for word in sorted(set(words.values()))}


def _note(result: ScheduleParity) -> dict[str, str | None]:
    measured, first = result.measured, result.measured.differences[0]
    seconds = sum(each.end - each.start for each in measured.differences)
    days = f"{instant_to_text(measured.since)} to {instant_to_text(measured.until)}"
    message = (
        f"{result.name}: for {seconds / HOUR:.1f} hours other people are on call here than at the source ({days}), "
        f"first from {instant_to_text(first.start)}: {first.cause}."
    )
    return _note_about(result.external_id, "parity", message)


def _note_about(external_id: str | None, code: str, message: str) -> dict[str, str | None]:
    return {"entity_type": "schedule", "external_id": external_id, "code": code, "message": message}
