"""Which recipient has which seat at an instant. Rotations move by themselves in steps from the stored order.

A step second-to-first moves everybody one seat up and the first to the end; last-to-first moves everybody one seat down
and the last to the front. Only recipients in rotation move, and only among their seats; delays stay. Rotation instants
are steps of the wall clock of the shift's zone; a step of months counts from the first instant's date and is cut to the
month's last day. A rotation by shifts takes a step when an occurrence ends.
"""

from bisect import bisect_right
from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache

from connectors.simulator.xmatters.model import Recipient, Rotation, Shift
from connectors.simulator.xmatters.occurrences import completed
from connectors.simulator.zones import DAY, first_instant, reading_at

_EPOCH = date(1970, 1, 1)
_UNITS = {"DAYS": DAY, "WEEKS": 7 * DAY}


class _Steps:
    """The rotation instants before and after the first. They are computed on request and kept."""

    def __init__(self, zone: str, first: int, interval: int, unit: str) -> None:
        self._zone, self._interval, self._unit = zone, interval, unit
        self._anchor = reading_at(zone, first)
        self._after = [first]
        self._before = [first]  # backwards

    def _instant(self, step: int) -> int:
        if self._unit == "MONTHS":
            return first_instant(self._zone, _months_later(self._anchor, step * self._interval))
        return first_instant(self._zone, self._anchor + step * self._interval * _UNITS[self._unit])

    def taken(self, at: int) -> int:
        """Return the steps from the state before ``first`` to the state at ``at``; negative before that state."""
        while self._after[-1] <= at:
            self._after.append(self._instant(len(self._after)))
        if at >= self._after[0]:
            return bisect_right(self._after, at)
        while self._before[-1] > at:
            self._before.append(self._instant(-len(self._before)))
        return 1 - next(step for step, instant in enumerate(self._before) if instant <= at)

    def next_after(self, at: int) -> int:
        taken = self.taken(at)
        return self._after[taken] if taken >= 0 else self._before[-taken]


_steps = lru_cache(maxsize=20_000)(_Steps)


def _months_later(reading: int, months: int) -> int:
    day, time = divmod(reading, DAY)
    start = _EPOCH + timedelta(days=day)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    moved = date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
    return (moved - _EPOCH).days * DAY + time


def step_at(shift: Shift, at: int, holidays: frozenset[int] = frozenset()) -> int:
    """Return the step of the rotation of ``shift`` at ``at``; 0 without a rotation that moves."""
    rotation = shift.rotation
    if rotation is None:
        return 0
    if rotation.trigger == "time" and rotation.first is not None:
        return _steps(shift.zone, rotation.first, rotation.interval, rotation.unit).taken(at)
    if rotation.trigger == "shift":
        return completed(shift, at, holidays) // rotation.interval
    return rotation.alerts if rotation.trigger == "alert" else 0


def next_rotation(shift: Shift, at: int) -> int | None:
    """Return the next rotation instant after ``at``; None when the rotation does not move by time."""
    rotation = shift.rotation
    if rotation is None or rotation.trigger != "time" or rotation.first is None:
        return None
    return _steps(shift.zone, rotation.first, rotation.interval, rotation.unit).next_after(at)


def seated(shift: Shift, step: int) -> list[Recipient]:
    """Return the recipients by seat at ``step``."""
    everyone = [seat.recipient for seat in shift.seats]
    places = [position for position, seat in enumerate(shift.seats) if seat.in_rotation]
    if shift.rotation is None or not places:
        return everyone
    moving = [everyone[place] for place in places]
    for _ in range((step - shift.rotation.settled) % len(moving)):
        moving = _moved(moving, shift.rotation)
    for place, recipient in zip(places, moving, strict=True):
        everyone[place] = recipient
    return everyone


def _moved(moving: list[Recipient], rotation: Rotation) -> list[Recipient]:
    if "LAST" in rotation.direction.upper():
        return moving[-1:] + moving[:-1]
    return moving[1:] + moving[:1]


def seated_at(shift: Shift, at: int, holidays: frozenset[int] = frozenset()) -> list[Recipient]:
    return seated(shift, step_at(shift, at, holidays))


def settle(shift: Shift, at: int, holidays: frozenset[int] = frozenset()) -> None:
    """Store the order of seats at ``at``, before it is edited."""
    if shift.rotation is None:
        return
    step = step_at(shift, at, holidays)
    for seat, recipient in zip(shift.seats, seated(shift, step), strict=True):
        seat.recipient = recipient
    shift.rotation.settled = step


def begin(shift: Shift, at: int, holidays: frozenset[int] = frozenset()) -> None:
    """Declare the stored order to be the order at ``at``."""
    if shift.rotation is not None:
        shift.rotation.settled = step_at(shift, at, holidays)
