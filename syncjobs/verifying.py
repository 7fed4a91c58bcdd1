"""The last phase of a sync: what was imported is compared with the rendering that came with the read.

The days around clock changes are asked for, within a budget of calls. Nothing here fails a run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from connectors.base import Connector
from connectors.errors import ConnectorError, ReadStopped
from connectors.records import Snapshot
from oncall.rendering.codec import instant_to_text, participant_from_text, participant_to_text
from oncall.rendering.final import Span
from oncall.rendering.intervals import Range
from oncall.rendering.zones import DAY
from syncjobs.models import Outcome, ParityBasis, SyncRun
from syncjobs.parity import transition_ranges
from syncjobs.parity_checks import Imported, Newest, Rendered, ScheduleParity, load_imported, store
from syncjobs.watch import Watch

PHASE: Final = "verify"
#: What every sync compares: from the read on.
NEXT_DAYS: Final = 14 * DAY
#: The days around clock changes are compared again after this time, or when the schedule was changed.
RENEWED: Final = timedelta(days=7)
#: Calls of one run for them: less than a tenth of what PagerDuty allows in a minute (960).
MOST_CALLS: Final = 60
#: A schedule and the ranges to ask for.
Due = tuple[str, tuple[Range, ...]]
_CHANGES: Final = ("create", "match", "update")


@dataclass(frozen=True, slots=True)
class Told:
    """What a read told of the source's own rendering in ``[since, until)``, by the ids of the schedules it read; a
    missing one was not told. Participants have bare ids."""

    since: int
    until: int
    ids: tuple[str, ...]
    spans: Rendered

    @classmethod
    def by(cls, snapshot: Snapshot) -> "Told | None":
        """None: reading this source does not tell its rendering."""
        if snapshot.rendered_range is None:
            return None
        since = max(snapshot.fetched_at, snapshot.rendered_range[0])
        until = min(snapshot.fetched_at + NEXT_DAYS, snapshot.rendered_range[1])
        spans = {
            id_: [span for span in told if span.start < until and span.end > since]
            for id_, told in snapshot.rendered.items()
        }
        return cls(since, until, tuple(schedule.external_id for schedule in snapshot.schedules), spans)

    def to_json(self) -> dict[str, Any]:
        spans = {
            id_: [[span.start, span.end, [participant_to_text(p) for p in span.participants]] for span in told]
            for id_, told in self.spans.items()
        }
        return {"since": self.since, "until": self.until, "ids": list(self.ids), "spans": spans}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Told":
        spans = {
            id_: [Span(start, end, tuple(participant_from_text(p) for p in people)) for start, end, people in told]
            for id_, told in data["spans"].items()
        }
        return cls(data["since"], data["until"], tuple(data["ids"]), spans)


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it, to be written together with the end of the run. columns: of the run."""

    run: SyncRun
    results: list[ScheduleParity]
    newest: Newest
    columns: Mapping[str, Any]

    def store(self) -> None:
        store(self.run.connection, self.results, self.newest, at=timezone.now(), run=self.run)


def verify(run: SyncRun, watch: Watch, told: Told, opener: Callable[..., Connector]) -> Verified:
    """Compare every schedule that the run read; counts them on the watch. Raises ReadStopped when the run was taken
    away or cancelled."""
    if run.phase != PHASE:
        watch.write(phase=PHASE)
    limited = told.ids if "only" in run.scope else None
    imported = load_imported(run.connection, run.notes, since=told.since, only=limited)
    newest = Newest(run.connection)
    read = [external_id for external_id in told.ids if external_id in imported.rows]
    results = [imported.measure(id_, ParityBasis.SYNC, told.spans.get(id_), told.since, told.until) for id_ in read]
    around, calls, notes = _at_transitions(run, watch, imported, _due(run, watch, newest, read), told.since, opener)
    results += around
    for word, number in _counted(results).items():
        watch.add("schedule", word, number)
    columns = {
        "notes": [*run.notes, *(_note(result) for result in results if result.measured.differs), *notes],
        "calls": run.calls + calls,
        "checkpoint": {word: value for word, value in run.checkpoint.items() if word != "told"},
    }
    return Verified(run, results, newest, columns)


def _at_transitions(
    run: SyncRun, watch: Watch, imported: Imported, ids: list[str], now: int, opener: Callable[..., Connector]
) -> tuple[list[ScheduleParity], int, list[dict[str, str | None]]]:
    """Results, the number of calls they took, and what could not be asked."""
    due = with_transitions(imported, ids, now)
    if not due:
        return [], 0, []
    results: list[ScheduleParity] = []
    connector = opener(run.connection, should_stop=watch.stopped)
    try:
        for result in around_transitions(imported, connector, due):
            results.append(result)  # one by one: what was measured counts, whatever comes then
    except ReadStopped:
        raise
    except ConnectorError as error:
        message = f"The days around clock changes could not be compared: {error.message}"
        return results, connector.calls, [_note_about(None, "parity_not_measured", message)]
    return results, connector.calls, []


def _due(run: SyncRun, watch: Watch, newest: Newest, read: list[str]) -> list[str]:
    """Schedules whose clock changes should be looked at, those that waited longest first."""
    last = {id_: newest[key].measured_at for id_ in read if (key := (id_, str(ParityBasis.TRANSITION))) in newest}
    changed: set[str] = set()
    if watch.counts["schedule"].get("written"):
        written = run.items.filter(entity_type="schedule", outcome=Outcome.APPLIED, action__in=_CHANGES)
        changed = set(written.values_list("external_id", flat=True))
    current = timezone.now() - RENEWED
    due = [id_ for id_ in read if id_ in changed or id_ not in last or last[id_] < current]
    return sorted(due, key=lambda id_: (id_ in last, last.get(id_, current), id_))


def with_transitions(imported: Imported, external_ids: Iterable[str], now: int) -> list[Due]:
    """Those of the schedules whose clocks will change, with the ranges around that."""
    specs = ((external_id, imported.spec(external_id)) for external_id in external_ids)
    found = ((external_id, transition_ranges(spec, now)) for external_id, spec in specs if spec is not None)
    return [(external_id, ranges) for external_id, ranges in found if ranges]


def around_transitions(imported: Imported, connector: Connector, due: Iterable[Due]) -> Iterator[ScheduleParity]:
    """Results of as many schedules as :data:`MOST_CALLS` allow. Raises ConnectorError."""
    for external_id, ranges in due:
        if connector.calls + len(ranges) > MOST_CALLS:
            return
        for since, until in ranges:
            told = connector.rendered([external_id], since, until).get(external_id)
            yield imported.measure(external_id, ParityBasis.TRANSITION, told, since, until)


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
        f"{result.name}: for {seconds / 3600:.1f} hours other people are on call here than at the source ({days}), "
        f"first from {instant_to_text(first.start)}: {first.cause}."
    )
    return _note_about(result.external_id, "parity", message)


def _note_about(external_id: str | None, code: str, message: str) -> dict[str, str | None]:
    return {"entity_type": "schedule", "external_id": external_id, "code": code, "message": message}
