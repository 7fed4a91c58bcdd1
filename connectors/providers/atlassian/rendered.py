"""The vendor's own rendering of schedules (their timeline), as spans to hold ours against."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pydantic import ValidationError

from connectors.network.client import JsonValue, Query
from connectors.providers.atlassian.mapping_rotations import participant
from connectors.providers.atlassian.wire import Period, Reference, Timeline
from connectors.reading.findings import Vendor
from connectors.reading.listing import RECOVERABLE
from connectors.reading.mapping import spans
from oncall.rendering.codec import instant_to_text
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held
from oncall.rendering.zones import DAY

#: Days asked of one call; 31 were seen answered.
_MOST_DAYS: Final = 31


#: One window: schedule, an instant inside its first day, days.
Ask = Callable[[str, int, int], JsonValue]
#: The same reference, with the id of somebody who is shown by name only.
WithId = Callable[[Reference], Reference]


def timeline_query(since: int, days: int) -> Query:
    """``days`` days from the local midnight before the instant ``since`` on, in the schedule's zone."""
    return [
        ("interval", str(days)),
        ("intervalUnit", "days"),
        ("date", instant_to_text(since)),
        ("expand", "base,override,forwarding"),
    ]


def rendered(
    ask: Ask, vendor: Vendor, ids: Sequence[str], since: int, until: int, with_id: WithId = lambda reference: reference
) -> dict[str, tuple[Span, ...]]:
    """Final timelines in ``[since, until)``, whole seconds; a schedule that is not told in full is absent.

    Everyone of every rotation is on call at once. Periods are split at turns, restrictions, overrides and at the
    instant of the request, so equal neighbours are joined.
    """
    found: dict[str, tuple[Span, ...]] = {}
    for id_ in ids:
        try:
            held = _one(ask, vendor, with_id, id_, since, until)
        except (*RECOVERABLE, ValidationError):
            continue  # the caller sees it missing and says so
        if held is not None:
            found[id_] = spans(held)
    return found


def _one(ask: Ask, vendor: Vendor, with_id: WithId, id_: str, since: int, until: int) -> list[Held] | None:
    """A window begins at the local midnight before the instant asked for and tells where it ends: there the next one
    goes on, whatever the zone."""
    held: list[Held] = []
    cursor = since
    while cursor < until:
        days = min(-((cursor - until) // DAY) + 1, _MOST_DAYS)
        timeline = Timeline.model_validate(ask(id_, cursor, days))
        start, end = timeline.start_date.instant, timeline.end_date.instant
        if timeline.final_timeline is None or not start <= cursor < end:
            return None
        for rotation in timeline.final_timeline.rotations or ():
            if rotation.deleted:
                continue  # what a rotation that is gone has served says nothing about those that are there
            for start, stop, reference in _within(rotation.periods or (), cursor, min(end, until)):
                who = participant(with_id(reference), "finalTimeline", vendor)
                if who.kind != "vacant":
                    held.append((start, stop, (who,)))
        cursor = end
    return held


def _within(periods: Sequence[Period], since: int, until: int) -> Iterator[tuple[int, int, Reference]]:
    for period in periods:
        start, end = max(period.start_date.instant, since), min(period.end_date.instant, until)
        if start < end:
            for reference in _holders(period):
                yield start, end, reference


def _holders(period: Period) -> tuple[Reference, ...]:
    """Of what has been, whoever really served; of what is planned, whose turn it is."""
    if period.type == "historical" and period.served is not None:
        return period.served
    return () if period.holder is None else (period.holder,)
