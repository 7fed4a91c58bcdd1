"""Calculates the rule of a rotation from its current state: the current order and the next change. Pure.

xMatters reports a rotation as a state that changes with time: who has a seat *now*, and when the next change is. A
layer needs a rule: an anchor, a length, and everyone who takes turns on a seat. The anchor is the first one after a
fixed epoch, so that the rule is the same whenever the state is read.
"""

from calendar import monthrange, timegm
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from connectors.providers.xmatters.wire import Rotation
from oncall.rendering.recurrence import pattern
from oncall.rendering.spec import EARLIEST, LATEST, ByOccurrence, ByTime, Participant, Recurring
from oncall.rendering.zones import DAY, WEEK, furthest_reading, offset_at, reading

Trigger = Literal["none", "time", "shift", "alert"]

#: A Monday midnight, the same for every rotation.
_EPOCH: Final = timegm((2001, 1, 1, 0, 0, 0))
_ZERO: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall-clock time: naive on purpose
_MOST_MONTHS: Final = 4 * 12

#: The words of the vendor's older SOAP interface (SoapTeam). No reference contains those of the REST object.
_TRIGGERS: Final[dict[str, Trigger]] = {
    "BASIC": "none",
    "NONE": "none",
    "EVENT_ROUND_ROBIN": "alert",
    "ROTATION": "time",
    "COVERAGE_ROTATION": "shift",
}
#: Words that mean that the order of a shift never changes.
NOT_ROTATING: Final = frozenset(word for word, kind in _TRIGGERS.items() if kind == "none")
_UNITS: Final = {
    "DAYS": "days",
    "DAY": "days",
    "WEEKS": "weeks",
    "WEEK": "weeks",
    "MONTHS": "months",
    "MONTH": "months",
}


class Unsupported(Exception):
    """A rotation has an unknown word or number. The text names it."""


@dataclass(frozen=True, slots=True)
class Turning:
    """The rule of a rotation. turn: the number of the turn whose order was read. step: 1 second to first, -1 last to
    first.

    certain: whether the times of all later changes are known. They are not known if the next change is in an hour that
    the clock skips (the time of day is unknown), on the last day of a month (the day is unknown) or after several
    shifts (the shift is unknown).
    """

    turns: ByTime | ByOccurrence
    turn: int
    step: int
    certain: bool = True

    def on_seat(self, seat: int, order: Sequence[Participant]) -> tuple[Participant, ...]:
        """Returns everyone who takes turns on a seat, starting with turn 0.

        seat: counted from 0. order: the participant on each seat now. At step t, seat k has order[k + t], or
        order[k - t] if the last becomes the first (help, "Rotations").
        """
        count = len(order)
        return tuple(order[(seat + self.step * (turn - self.turn)) % count] for turn in range(count))


def trigger(rotation: Rotation) -> Trigger:
    """Returns the event that makes the seats turn. Raises Unsupported for an unknown word."""
    if not isinstance(rotation.type, str):
        raise Unsupported("its type is missing")
    word = rotation.type.strip().upper()
    if word in _TRIGGERS:
        return _TRIGGERS[word]
    for fragment, kind in (("EVENT", "alert"), ("ALERT", "alert"), ("SHIFT", "shift"), ("TIME", "time")):
        if fragment in word:
            return "alert" if kind == "alert" else "shift" if kind == "shift" else "time"
    raise Unsupported(f"its type {rotation.type[:40]!r} is unknown")


def direction(rotation: Rotation) -> int:
    """Returns 1 if the second moves to the first place, -1 if the last does. Raises Unsupported."""
    word = rotation.direction
    if isinstance(word, str) and "LAST" in word.upper():
        return -1
    if isinstance(word, str) and "SECOND" in word.upper():
        return 1
    raise Unsupported("its direction is missing" if word is None else f"its direction {str(word)[:40]!r} is unknown")


def by_time(rotation: Rotation, zone: str, first: int | None) -> Turning:
    """Returns turns of days, weeks or months in the local time of ``zone``. Raises Unsupported.

    first: wall-clock time of the shift's first start. If the next change does not show the time of day or the day of
    the month, that of the first start is used.
    """
    step, word = direction(rotation), rotation.interval_unit
    unit = _UNITS.get(word.strip().upper()) if isinstance(word, str) else None
    if unit is None:
        raise Unsupported(f"its unit {str(word)[:40]!r} is unknown")
    if type(rotation.interval) is not int or not 1 <= rotation.interval <= 1000:
        raise Unsupported(f"its interval {str(rotation.interval)[:40]!r} is not a valid number of {unit}")
    if rotation.next_rotation_time is None:
        raise Unsupported("its next change is missing")
    if not EARLIEST <= rotation.next_rotation_time.instant < LATEST:
        raise Unsupported("its next change is before 1900 or after 2200")
    shown, certain = _time_of_day(zone, rotation.next_rotation_time.instant, first)
    if unit == "months":
        return _by_months(rotation.interval, step, shown, first, certain)
    length = rotation.interval * (DAY if unit == "days" else WEEK)
    anchor = _EPOCH + (shown - _EPOCH) % length
    return Turning(ByTime(anchor, length), (shown - anchor) // length - 1, step, certain)


def by_shift(rotation: Rotation, window: Recurring, zone: str, at: int) -> Turning:
    """Returns turns of one or more completed shifts. Raises Unsupported.

    The order that was read at the instant ``at`` is that of the first shift that was not completed then. If a turn has
    several shifts, they are counted from the first shift of all, because the state does not show where a turn starts.
    A deleted occurrence uses no turn (unverified).
    """
    shifts = 1 if rotation.interval is None else rotation.interval
    if type(shifts) is not int or not 1 <= shifts <= 1000:
        raise Unsupported(f"its interval {str(shifts)[:40]!r} is not a valid number of shifts")
    # An occurrence is completed when the clock has shown its end.
    latest_start = furthest_reading(zone, at) - window.duration
    completed = pattern(window).index(latest_start + 1, excluded_counts=False)
    return Turning(ByOccurrence(shifts), completed // shifts, direction(rotation), shifts == 1)


# --- ambiguous changes ------------------------------------------------------------------------------------------------


def _time_of_day(zone: str, change: int, first: int | None) -> tuple[int, bool]:
    """Returns the intended wall-clock time of the instant ``change``, and whether it is certain.

    At the end of a skipped hour, every time of that hour may have been intended.
    """
    shown, skipped_from = reading(zone, change), change + offset_at(zone, change - 1)
    if skipped_from >= shown:
        return shown, True
    intended = None if first is None else skipped_from + (first - skipped_from) % DAY
    return (intended, True) if intended is not None and intended <= shown else (shown, False)


def _by_months(interval: int, step: int, shown: int, first: int | None, certain: bool) -> Turning:
    """Returns turns of months. They are counted from the anchor; a missing day becomes the last of its month (as in
    ByTime)."""
    change = _ZERO + timedelta(seconds=shown)
    day = change.day
    if day == monthrange(change.year, change.month)[1] and day < 31:
        started = None if first is None else (_ZERO + timedelta(seconds=first)).day
        certain = certain and started is not None and started >= day
        day = max(day, started or 0)
    index = change.year * 12 + change.month - 1
    phase = 2001 * 12 + (index - 2001 * 12) % interval
    months = range(phase, phase + _MOST_MONTHS * interval, interval)
    anchored = max(months, key=lambda month: (min(day, _length(month)), -month))
    year, month = divmod(anchored, 12)
    anchor = timegm((year, month + 1, min(day, _length(anchored)), change.hour, change.minute, change.second))
    return Turning(ByTime(anchor, interval, "months"), (index - anchored) // interval - 1, step, certain)


def _length(month: int) -> int:
    return monthrange(month // 12, month % 12 + 1)[1]
