"""Who is notified at which minute after an alert, found by going through the members of each timeline in order.

Rules (vendor: https://help.xmatters.com/ondemand/groups/groups-escalations.htm): every running shift has its own
timeline, and all run in parallel. The members are notified in their order. A delay pauses the timeline before the
members after it. An inactive user, or an absent user without a replacement, is ignored: the next member follows at
once, and a delay directly after the ignored member is ignored too. This is decided for each member, not for all members
between two delays. A delay before an ignored member is kept (help, "Temporary absences"). A replacement takes the seat.
A group in a seat is resolved when it is reached. A repeated timeline begins again after its wait.

The vendor's help leaves these points open; this simulator decides: a delay before the first seat applies only to the
first round; absences are looked up at the instant of the alert; a group in a seat is never ignored, even if nobody in
it is on call; a device that is not in use is ignored like an inactive user; a group inside itself is not entered again;
the wait before a repetition is never ignored.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.simulator.xmatters.model import Group, Recipient, Shift
from connectors.simulator.xmatters.occurrences import occurrences
from connectors.simulator.xmatters.oncalls import absence_at, order_of
from connectors.simulator.xmatters.state import State


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification ``minute`` minutes after the alert. ``shift_id`` None = the group has no shifts."""

    minute: int
    recipients: tuple[Recipient, ...]
    shift_id: str | None


def walk(state: State, group: Group, at: int) -> list[Notice]:
    """Return all notices of an alert to ``group`` at ``at``, by minute, then shift; empty when no shift runs."""
    found: dict[tuple[int, str | None], dict[Recipient, None]] = {}
    for second, recipient, shift_id in _group(state, group, at, 0, ()):
        found.setdefault((-(-second // 60), shift_id), {})[recipient] = None
    names = {shift.id: shift.name for shift in state.shifts.values()}
    order = sorted(found, key=lambda key: (key[0], names.get(key[1] or "", ""), key[1] or ""))
    return [Notice(minute, tuple(found[minute, shift_id]), shift_id) for minute, shift_id in order]


_Notified = tuple[int, Recipient, str | None]


def _group(state: State, group: Group, at: int, second: int, above: tuple[str, ...]) -> Iterator[_Notified]:
    """Yield the notifications of a group. at: when the group is reached. second: seconds since the alert."""
    if group.id in above or group.status != "ACTIVE":
        return
    inside = (*above, group.id)
    if group.type != "ON_CALL":
        for member in group.members:
            yield from _reached(state, _standing(state, group.id, member, at), at, second, None, inside)
        return
    for shift in state.shifts_of(group.id):
        for occurrence in occurrences(shift, at, at + 1, state.holidays(group.id)):
            yield from _timeline(state, shift, order_of(state, shift, occurrence, at), at, second, inside)


def _timeline(
    state: State, shift: Shift, order: list[Recipient], at: int, second: int, inside: tuple[str, ...]
) -> Iterator[_Notified]:
    elapsed = 0
    for number in range(1 + int(shift.repeat.times) if shift.repeat else 1):
        elapsed += shift.repeat.wait if shift.repeat and number else 0
        pause_counts = number == 0
        for seat, recipient in zip(shift.seats, order, strict=True):
            elapsed += seat.delay * 60 if pause_counts else 0
            notified = _standing(state, shift.group_id, recipient, at)
            pause_counts = notified is not None
            yield from _reached(state, notified, at + elapsed, second + elapsed, shift.id, inside)


def _standing(state: State, group_id: str, recipient: Recipient, at: int) -> Recipient | None:
    """Return who is notified for a seat: the recipient or the replacement; None = the member is ignored."""
    kind, key = recipient
    if kind == "PERSON":
        absence = absence_at(state.absences_of(key, group_id), at)
        if absence is not None and absence.replacement is None:
            return None
        recipient = recipient if absence is None or absence.replacement is None else ("PERSON", absence.replacement)
    return recipient if recipient[0] == "GROUP" or state.is_reachable(recipient) else None


def _reached(
    state: State, standing: Recipient | None, at: int, second: int, shift_id: str | None, inside: tuple[str, ...]
) -> Iterator[_Notified]:
    if standing is None:
        return
    if standing[0] == "GROUP":
        yield from _group(state, state.groups[standing[1]], at, second, inside)
    else:
        yield second, standing, shift_id
