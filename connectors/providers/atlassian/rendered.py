"""Fetches the vendor's own rendering of schedules (its timeline), to compare ours with it."""

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

#: Days of one request; an answer for 31 days was seen.
_MOST_DAYS: Final = 31

#: Fetches a timeline. Arguments: schedule id, an instant inside the first day, number of days.
FetchTimeline = Callable[[str, int, int], JsonValue]
#: Returns the same reference with an id, where the vendor shows a person only by name.
WithId = Callable[[Reference], Reference]


def timeline_query(since: int, days: int) -> Query:
    """Return the query for ``days`` days from the midnight before the instant ``since`` in the schedule's zone."""
    return [
        ("interval", str(days)),
        ("intervalUnit", "days"),
        ("date", instant_to_text(since)),
        ("expand", "base,override,forwarding"),
    ]


def rendered(
    fetch: FetchTimeline,
    vendor: Vendor,
    ids: Sequence[str],
    since: int,
    until: int,
    with_id: WithId = lambda reference: reference,
) -> dict[str, tuple[Span, ...]]:
    """Return final timelines in ``[since, until)`` by schedule id, in whole seconds.

    A schedule that was not reported completely is missing. All rotations apply at the same time. The vendor splits
    periods at turns, restrictions, overrides and the instant of the request, so equal neighbours are joined.
    """
    found: dict[str, tuple[Span, ...]] = {}
    for id_ in ids:
        try:
            held = _fetch_schedule(fetch, vendor, with_id, id_, since, until)
        except (*RECOVERABLE, ValidationError):
            continue  # the caller reports the missing schedule
        if held is not None:
            found[id_] = spans(held)
    return found


def _fetch_schedule(
    fetch: FetchTimeline, vendor: Vendor, with_id: WithId, id_: str, since: int, until: int
) -> list[Held] | None:
    """Fetch the timeline of one schedule window by window. None if it is not reported.

    A window begins at the local midnight before the requested instant. The answer has its end, where the next window
    begins, so the zone does not have to be known.
    """
    held: list[Held] = []
    cursor = since
    while cursor < until:
        days = min(-((cursor - until) // DAY) + 1, _MOST_DAYS)
        timeline = Timeline.model_validate(fetch(id_, cursor, days))
        start, end = timeline.start_date.instant, timeline.end_date.instant
        if timeline.final_timeline is None or not start <= cursor < end:
            return None
        for rotation in timeline.final_timeline.rotations or ():
            if rotation.deleted:
                continue  # shifts of a deleted rotation do not belong to the current ones
            for start, stop, reference in _within(rotation.periods or (), cursor, min(end, until)):
                who = participant(with_id(reference), reference.label)
                if who.kind == "unknown" and reference.id is None:
                    return None  # it may be anybody, so nothing can be compared
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
    """Return who was really on call in a past period, or who is planned for a future one."""
    if period.type == "historical" and period.served is not None:
        return period.served
    return () if period.holder is None else (period.holder,)
