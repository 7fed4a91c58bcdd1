"""The last phase of a sync compares the imported schedules with the source's own rendering.

Some sources report their rendering of the next days with the read. For other sources, and for the days around clock
changes, it is fetched with a limited number of calls. Errors of this phase do not fail the run.
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

#: The parts of the checkpoint of a run that outlive it.
_KEPT: Final = ("opened_conflicts", "approved_selection", "approved_rules", "approved_by")
PHASE: Final = "verify"
#: Every sync compares this time, from the read on.
NEXT_DAYS: Final = 14 * DAY
#: The days around clock changes are compared again after this time, or when the schedule changed.
RENEWED: Final = timedelta(days=7)
#: Calls of one run that fetch renderings. This is less than a tenth of what PagerDuty allows in a minute (960).
MOST_CALLS: Final = 60
#: At most this many of them are for the next days, so that some are left for clock changes.
MOST_CALLS_AHEAD: Final = 40
#: The external id of a schedule, and the ranges to compare.
Due = tuple[str, tuple[Range, ...]]
_CHANGES: Final = ("create", "match", "update")


@dataclass(frozen=True, slots=True)
class SourceRendering:
    """The source's own rendering in ``[since, until)``, as far as the read reported it.

    ids: the schedules that were read. spans: external id -> rendering, whose participants have bare ids; a schedule
    without an entry is not reported. spans is None if the read of this source reports no rendering.
    """

    since: int
    until: int
    ids: tuple[str, ...]
    spans: Rendered | None

    @classmethod
    def of(cls, snapshot: Snapshot) -> "SourceRendering":
        """Return the rendering in the first NEXT_DAYS of a snapshot."""
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
class Verification:
    """The results of this phase, which are stored together with the end of the run. columns: columns of the run."""

    run: SyncRun
    results: list[ScheduleParity]
    last_checks: LatestChecks
    columns: Mapping[str, Any]

    def store(self) -> None:
        store(self.run.connection, self.results, self.last_checks, at=timezone.now(), run=self.run)


def verify(run: SyncRun, claim: Claim, rendering: SourceRendering, opener: Callable[..., Connector]) -> Verification:
    """Compare every schedule that the run read, and count the results on the claim.

    Raises ReadStopped if the run was cancelled or another worker has it.
    """
    if run.phase != PHASE:
        claim.write(phase=PHASE)
    limited = rendering.ids if "only" in run.scope else None
    imported = load_imported(run.connection, run.notes, since=rendering.since, only=limited)
    last_checks = LatestChecks(run.connection)
    read = [external_id for external_id in rendering.ids if external_id in imported.rows]
    results: list[ScheduleParity] = []
    ahead: list[Due] = []
    if rendering.spans is None:
        order = _by_urgency(run, claim, last_checks, read, ParityBasis.SYNC)
        ahead = [(id_, ((rendering.since, rendering.until),)) for id_ in order]
    else:
        spans = rendering.spans
        results += (
            imported.measure(id_, ParityBasis.SYNC, spans.get(id_), rendering.since, rendering.until) for id_ in read
        )
    order = _by_urgency(run, claim, last_checks, read, ParityBasis.TRANSITION, timezone.now() - RENEWED)
    around = with_transitions(imported, order, rendering.since)
    measured, calls, notes = _measure_at_source(run, claim, imported, ahead, around, opener)
    results += measured
    for word, number in _count(results).items():
        claim.add("schedule", word, number)
    columns = {
        "notes": [*run.notes, *(_note(result) for result in results if result.measured.differs), *notes],
        "calls": run.calls + calls,
        "checkpoint": {word: value for word, value in run.checkpoint.items() if word in _KEPT},
    }
    return Verification(run, results, last_checks, columns)


def _measure_at_source(
    run: SyncRun,
    claim: Claim,
    imported: ImportedSchedules,
    ahead: list[Due],
    around: list[Due],
    opener: Callable[..., Connector],
) -> tuple[list[ScheduleParity], int, list[dict[str, str | None]]]:
    """Return the results of the next days and around clock changes, the number of calls, and notes about errors."""
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
                results.append(result)  # appended singly, so that an error loses no earlier result
    except ReadStopped:
        raise
    except ConnectorError as error:
        message = f"Not every schedule could be compared with the source's own rendering: {error.message}"
        return results, connector.calls, [_note_about(None, "parity_not_measured", message)]
    return results, connector.calls, []


def _by_urgency(
    run: SyncRun,
    claim: Claim,
    last_checks: LatestChecks,
    read: list[str],
    basis: ParityBasis,
    before: datetime | None = None,
) -> list[str]:
    """Return the schedules to compare: first those never measured on this basis, then those measured longest ago.

    before: leave out schedules that were measured since then, unless they changed.
    """
    last = {id_: last_checks[key].measured_at for id_ in read if (key := (id_, str(basis))) in last_checks}
    changed: set[str] = set()
    if claim.counts["schedule"].get("written"):
        applied = run.items.filter(entity_type="schedule", outcome=Outcome.APPLIED, action__in=_CHANGES)
        changed = set(applied.values_list("external_id", flat=True))
    fresh = {id_ for id_ in last if before is not None and id_ not in changed and last[id_] >= before}
    now = timezone.now()
    return sorted((id_ for id_ in read if id_ not in fresh), key=lambda id_: (id_ in last, last.get(id_, now), id_))


def with_transitions(imported: ImportedSchedules, external_ids: Iterable[str], now: int) -> list[Due]:
    """Return the schedules whose clocks will change, each with the ranges around the changes."""
    specs = ((external_id, imported.spec(external_id)) for external_id in external_ids)
    found = ((external_id, transition_ranges(spec, now)) for external_id, spec in specs if spec is not None)
    return [(external_id, ranges) for external_id, ranges in found if ranges]


def measure_due(
    imported: ImportedSchedules, connector: Connector, due: Iterable[Due], basis: ParityBasis, most: int = MOST_CALLS
) -> Iterator[ScheduleParity]:
    """Yield the results of as many schedules as ``most`` calls of the connector allow. Raises ConnectorError."""
    for ids, ranges in _batches(due, connector.rendered_together):
        if connector.calls + len(ranges) > most:
            return
        for since, until in ranges:
            yield from measure_at_source(imported, connector, ids, basis, since, until)


def _batches(due: Iterable[Due], most: int) -> Iterator[tuple[list[str], tuple[Range, ...]]]:
    """Yield batches of at most ``most`` schedules with the same ranges, in the order of their first schedules."""
    waiting: dict[tuple[Range, ...], deque[str]] = {}
    order = []
    for external_id, ranges in due:
        waiting.setdefault(ranges, deque()).append(external_id)
        order.append((external_id, ranges))
    for external_id, ranges in order:
        same_ranges = waiting[ranges]
        if same_ranges and same_ranges[0] == external_id:  # otherwise it was in an earlier batch
            yield [same_ranges.popleft() for _ in range(min(most, len(same_ranges)))], ranges


def _count(results: list[ScheduleParity]) -> dict[str, int]:
    """Count schedules by result. A schedule that differs in any range is unequal."""
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
        f"first from {instant_to_text(first.start)}: {first.cause}{f'; {measured.note}' if measured.note else ''}."
    )
    return _note_about(result.external_id, "parity", message)


def _note_about(external_id: str | None, code: str, message: str) -> dict[str, str | None]:
    return {"entity_type": "schedule", "external_id": external_id, "code": code, "message": message}
