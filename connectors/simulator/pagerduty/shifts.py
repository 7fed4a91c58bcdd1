"""Who is on call in a v3 (shift-based) schedule. Shifts add up; an override replaces one member of one source.

Each occurrence is one unbroken shift from the instant of its start to the first instant from there on that shows its
end. ``effective_since``/``effective_until`` cut shifts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from connectors.simulator.pagerduty.model import Event, OverrideShift, ShiftSchedule
from connectors.simulator.pagerduty.recurrence import starts
from connectors.simulator.zones import DAY, first_instant


@dataclass(frozen=True, slots=True)
class Source:
    """The origin of a shift: a rotation (``shift_id`` None) or a custom shift.

    ``override_id`` is the id of the override that put the member there.
    """

    rotation_id: str | None
    shift_id: str | None
    override_id: str | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """``member`` None = the empty member: nobody is on call on purpose."""

    start: int
    end: int
    member: str | None
    source: Source


def _members(event: Event, index: int) -> Sequence[str | None]:
    if event.shifts_per_member is None:
        return event.members
    return (event.members[index // event.shifts_per_member % len(event.members)],)


def _event_shifts(event: Event, rotation_id: str, since: int, until: int) -> Iterator[Shift]:
    """Yield the shifts that overlap [since, until). An excluded start has no shift, but uses up its member's turn."""
    length = event.end - event.start
    for index, (begin, reading) in enumerate(starts(event, until)):
        if begin in event.excluded or begin + length < since - 2 * DAY:
            continue
        start = max(begin, event.effective_since)
        end = first_instant(event.time_zone, reading + length, begin)
        if event.effective_until is not None:
            end = min(end, event.effective_until)
        if start < end and start < until and end > since:
            for member in _members(event, index):
                yield Shift(start, end, member, Source(rotation_id, None))


def _overridden(shift: Shift, overrides: Sequence[OverrideShift]) -> Iterator[Shift]:
    """Yield the shift in parts, cut where overrides of its member begin and end. The newest override wins."""
    mine = [
        one
        for one in overrides
        if (one.rotation_id, one.custom_shift_id) == (shift.source.rotation_id, shift.source.shift_id)
        and one.overridden == shift.member
        and one.start < shift.end
        and one.end > shift.start
    ]
    cuts = {shift.start, shift.end}
    cuts.update(cut for one in mine for cut in (one.start, one.end) if shift.start < cut < shift.end)
    points = sorted(cuts)
    for start, end in pairwise(points):
        winner = next((one for one in reversed(mine) if one.start <= start < one.end), None)
        if winner is None:
            yield Shift(start, end, shift.member, shift.source)
        else:
            source = Source(shift.source.rotation_id, shift.source.shift_id, winner.id)
            yield Shift(start, end, winner.overriding, source)


def shifts(schedule: ShiftSchedule, since: int, until: int, *, overflow: bool = False) -> list[Shift]:
    """Return all shifts that overlap [since, until), by start. Without ``overflow`` they are cut at its ends."""
    plain = [
        shift
        for rotation in schedule.rotations
        for event in rotation.events
        for shift in _event_shifts(event, rotation.id, since, until)
    ]
    plain += [
        Shift(custom.start, custom.end, custom.member, Source(None, custom.id))
        for custom in schedule.custom_shifts
        if custom.start < until and custom.end > since
    ]
    pieces = [piece for shift in plain for piece in _join(list(_overridden(shift, schedule.overrides)))]
    kept = [piece for piece in pieces if piece.start < until and piece.end > since]
    if not overflow:
        kept = [Shift(max(one.start, since), min(one.end, until), one.member, one.source) for one in kept]
    return sorted(kept, key=lambda one: (one.start, one.end, one.member or ""))


def _join(pieces: Sequence[Shift]) -> list[Shift]:
    joined: list[Shift] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and (last.end, last.member, last.source) == (piece.start, piece.member, piece.source):
            joined[-1] = Shift(last.start, piece.end, piece.member, piece.source)
        else:
            joined.append(piece)
    return joined


def staffed(pieces: Sequence[Shift], since: int, until: int) -> float:
    """Return the percentage of [since, until) with at least one person on call."""
    if since >= until:
        return 0.0
    covered, reached = 0, since
    for piece in sorted((one for one in pieces if one.member is not None), key=lambda one: one.start):
        start, end = max(piece.start, reached), min(piece.end, until)
        if end > start:
            covered += end - start
            reached = end
    return round(100 * covered / (until - since), 2)
