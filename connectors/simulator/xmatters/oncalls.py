"""Who is on call: one row per occurrence of a shift, uncut, and rows for gaps without anybody.

Seats have the order at the requested instant, or at the occurrence's start when it is later; a rotation by shifts has
one order per occurrence. An absence with a replacement gives a part of the row to another person; an absence without
one leaves it empty. For the rest of the row the absent person is listed as the own replacement.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.simulator.xmatters.model import Absence, Group, Recipient, Seat, Shift
from connectors.simulator.xmatters.occurrences import Occurrence, occurrences
from connectors.simulator.xmatters.rotation import seated, step_at
from connectors.simulator.xmatters.state import State


@dataclass(frozen=True, slots=True)
class Replacement:
    """The person on call instead during [start, end); ``person_id`` None = nobody."""

    start: int
    end: int
    person_id: str | None


@dataclass(frozen=True, slots=True)
class OnDuty:
    """``position`` counts from 1. ``delay_after``: minutes between this seat and the next, 0 for the last."""

    position: int
    recipient: Recipient
    seat: Seat
    delay_after: int
    replacements: tuple[Replacement, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """``shift`` None = nobody is on call, and ``members`` is empty."""

    group: Group
    shift: Shift | None
    start: int
    end: int
    members: tuple[OnDuty, ...] = ()


def order_of(state: State, shift: Shift, occurrence: Occurrence, at: int) -> list[Recipient]:
    """Return the recipients of an occurrence by seat, for a request of the instant ``at``."""
    rotation = shift.rotation
    if rotation is not None and rotation.trigger == "shift":
        return seated(shift, occurrence.index // rotation.interval)
    return seated(shift, step_at(shift, max(occurrence.start, at), state.holidays(shift.group_id)))


def rows(state: State, group: Group, since: int, until: int) -> list[Row]:
    """Return the occurrences that overlap [since, until), by start, then by the shift's name."""
    if group.status != "ACTIVE" or group.type != "ON_CALL":
        return []
    found = []
    for shift in state.shifts_of(group.id):
        for occurrence in occurrences(shift, since, until, state.holidays(group.id)):
            members = _members(state, shift, occurrence, since)
            found.append(Row(group, shift, occurrence.start, occurrence.end, members))
    return sorted(found, key=lambda row: (row.start, row.shift.name if row.shift else "", row.end))


def gaps(group: Group, covered: Sequence[Row], since: int, until: int) -> list[Row]:
    """Return the gaps of [since, until) without a row. covered: rows by start."""
    found, reached = [], since
    for row in covered:
        if row.start > reached:
            found.append(Row(group, None, reached, row.start))
        reached = max(reached, row.end)
    if reached < until:
        found.append(Row(group, None, reached, until))
    return found


def _members(state: State, shift: Shift, occurrence: Occurrence, at: int) -> tuple[OnDuty, ...]:
    following = [*(seat.delay for seat in shift.seats[1:]), 0]
    return tuple(
        OnDuty(position, recipient, seat, after, _replacements(state, shift.group_id, recipient, occurrence))
        for position, (seat, recipient, after) in enumerate(
            zip(shift.seats, order_of(state, shift, occurrence, at), following, strict=True), 1
        )
    )


def _replacements(state: State, group_id: str, recipient: Recipient, occurrence: Occurrence) -> tuple[Replacement, ...]:
    kind, person_id = recipient
    if kind != "PERSON":
        return ()
    absences = state.absences_of(person_id, group_id)
    found, reached = [], occurrence.start
    for one in absences:
        start, end = max(one.start, reached), min(one.end, occurrence.end)
        if start >= end:
            continue
        if start > reached:
            found.append(Replacement(reached, start, person_id))
        found.append(Replacement(start, end, one.replacement))
        reached = end
    if found and reached < occurrence.end:
        found.append(Replacement(reached, occurrence.end, person_id))
    return tuple(found)


def absence_at(absences: Sequence[Absence], at: int) -> Absence | None:
    return next((one for one in absences if one.start <= at < one.end), None)
