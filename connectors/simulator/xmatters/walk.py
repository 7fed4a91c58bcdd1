"""Who is notified at which minute after an alert, found by going through the seats one by one.

Rules (the vendor's help, as the notes have them): every shift that is on runs its own timeline, all side by side. All
seats up to the first delay are notified at once, the next after the delay before them. Whoever is inactive, or absent
without a replacement, is passed over: the delay before is kept, the delay after is dropped. A replacement takes the
seat. A group in a seat is resolved when it is reached. A repeated timeline begins again after its wait.

What the notes leave open is settled here: seats without a delay between them are one step, whose delay after is dropped
only when nobody of it is there; a leading delay counts in the first round alone; who is absent is looked up at the
instant of the alert; a group in a seat counts as there even if nobody is on in it; one that is inside itself is not
entered again; the wait before a repetition is never dropped.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.simulator.xmatters.model import Group, Recipient, Shift
from connectors.simulator.xmatters.occurrences import occurrences
from connectors.simulator.xmatters.oncalls import absence_at, order_of
from connectors.simulator.xmatters.state import State


@dataclass(frozen=True, slots=True)
class Notice:
    """``minute`` after the alert, to whom, each once, and the shift whose seats they have (None: a group without)."""

    minute: int
    recipients: tuple[Recipient, ...]
    shift_id: str | None


def walk(state: State, group: Group, at: int) -> list[Notice]:
    """All notices of an alert to ``group`` at ``at``, by minute, then shift; empty when no shift is on."""
    found: dict[tuple[int, str | None], dict[Recipient, None]] = {}
    for second, recipient, shift_id in _group(state, group, at, 0, ()):
        found.setdefault((-(-second // 60), shift_id), {})[recipient] = None
    names = {shift.id: shift.name for shift in state.shifts.values()}
    order = sorted(found, key=lambda key: (key[0], names.get(key[1] or "", ""), key[1] or ""))
    return [Notice(minute, tuple(found[minute, shift_id]), shift_id) for minute, shift_id in order]


_Notified = tuple[int, Recipient, str | None]


def _group(state: State, group: Group, at: int, second: int, above: tuple[str, ...]) -> Iterator[_Notified]:
    """``at`` is the instant the group is reached, ``second`` the seconds since the alert."""
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
    if not order:
        return
    rounds = 1 + int(shift.repeat.times) if shift.repeat else 1
    elapsed = shift.seats[0].delay * 60
    for _ in range(rounds):
        somebody = False
        for position, (seat, recipient) in enumerate(zip(shift.seats, order, strict=True)):
            if position and seat.delay:
                elapsed += seat.delay * 60 if somebody else 0
                somebody = False
            standing = _standing(state, shift.group_id, recipient, at)
            if standing is not None:
                somebody = True
                yield from _reached(state, standing, at + elapsed, second + elapsed, shift.id, inside)
        elapsed += shift.repeat.wait if shift.repeat else 0


def _standing(state: State, group_id: str, recipient: Recipient, at: int) -> Recipient | None:
    """Who takes the seat: the recipient or their replacement; None when nobody does."""
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
