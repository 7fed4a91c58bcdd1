"""The rotation of a shift's seats, from the state as read: current order and next change. Pure.

xMatters tells a rotation as a state that moves by itself: whoever has a seat *now*, and when that changes next. A layer
needs it as a rule: an anchor, a length, and everyone who takes turns on a seat. The anchor is the first one after a
fixed epoch, so that whenever the state is read the same rule comes out.
"""

from calendar import monthrange, timegm
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from connectors.providers.xmatters.wire import Rotation as Sent
from oncall.rendering.recurrence import pattern
from oncall.rendering.spec import ByOccurrence, ByTime, Participant, Recurring
from oncall.rendering.zones import DAY, furthest_reading, offset_at, reading

Trigger = Literal["none", "time", "shift", "alert"]

#: A Monday midnight, the same for every rotation.
_EPOCH: Final = timegm((2001, 1, 1, 0, 0, 0))
_ZERO: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a reading: naive on purpose
_MOST_MONTHS: Final = 4 * 12

#: The vendor's older SOAP interface (SoapTeam) spells these; those of the REST object are in no reference.
_TRIGGERS: Final[dict[str, Trigger]] = {
    "BASIC": "none",
    "NONE": "none",
    "EVENT_ROUND_ROBIN": "alert",
    "ROTATION": "time",
    "COVERAGE_ROTATION": "shift",
}
#: Words for a shift whose order never changes.
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
    """A rotation whose words or numbers are not understood. The text says which."""


@dataclass(frozen=True, slots=True)
class Turning:
    """turn: the one whose order was read. step: 1 second to first, -1 last to first.

    certain: whether the state tells when every later change is; one that falls into an hour the clock skips or on the
    last day of a month does not tell the time of day or the day, nor does one every few shifts tell which.
    """

    turns: ByTime | ByOccurrence
    turn: int
    step: int
    certain: bool = True

    def on_seat(self, seat: int, order: Sequence[Participant]) -> tuple[Participant, ...]:
        """Everyone who takes turns on a seat (counted from 0), by turn from 0 on. ``order``: who is on each seat now.

        At step t seat k holds order[k + t], or order[k - t] when it goes last to first (help, "Rotations").
        """
        count = len(order)
        return tuple(order[(seat + self.step * (turn - self.turn)) % count] for turn in range(count))


def trigger(sent: Sent) -> Trigger:
    """What makes the seats turn. Raises Unsupported for a word that nobody has explained."""
    if not isinstance(sent.type, str):
        raise Unsupported("its type is missing")
    word = sent.type.strip().upper()
    if word in _TRIGGERS:
        return _TRIGGERS[word]
    for part, kind in (("EVENT", "alert"), ("ALERT", "alert"), ("SHIFT", "shift"), ("TIME", "time")):
        if part in word:
            return "alert" if kind == "alert" else "shift" if kind == "shift" else "time"
    raise Unsupported(f"its type {sent.type[:40]!r} is unknown")


def direction(sent: Sent) -> int:
    """1 when the second moves to the first place, -1 when the last does. Raises Unsupported."""
    word = sent.direction
    if isinstance(word, str) and "LAST" in word.upper():
        return -1
    if isinstance(word, str) and "SECOND" in word.upper():
        return 1
    raise Unsupported("its direction is missing" if word is None else f"its direction {str(word)[:40]!r} is unknown")


def by_time(sent: Sent, zone: str, first: int | None) -> Turning:
    """Turns of so many days, weeks or months on the wall clock of ``zone``.

    first: reading of the shift's first start; where the next change alone does not tell the time of day or the day of
    the month, a shift that hands over when it starts does. Raises Unsupported.
    """
    step, word = direction(sent), sent.interval_unit
    unit = _UNITS.get(word.strip().upper()) if isinstance(word, str) else None
    if unit is None:
        raise Unsupported(f"its unit {str(word)[:40]!r} is unknown")
    if type(sent.interval) is not int or not 1 <= sent.interval <= 1000:
        raise Unsupported(f"its interval {str(sent.interval)[:40]!r} is no number of {unit}")
    if sent.next_rotation_time is None:
        raise Unsupported("its next change is missing")
    shown, certain = _time_of_day(zone, sent.next_rotation_time.instant, first)
    if unit == "months":
        return _by_months(sent.interval, step, shown, first, certain)
    length = sent.interval * (DAY if unit == "days" else 7 * DAY)
    anchor = _EPOCH + (shown - _EPOCH) % length
    return Turning(ByTime(anchor, length), (shown - anchor) // length - 1, step, certain)


def by_shift(sent: Sent, window: Recurring, zone: str, at: int) -> Turning:
    """A turn per so many completed shifts; the order read at the instant ``at`` is that of the first shift not
    completed then. Several to a turn are counted from the first of all shifts, which the state does not tell.

    A deleted occurrence uses no turn (unverified). Raises Unsupported.
    """
    every = 1 if sent.interval is None else sent.interval
    if type(every) is not int or not 1 <= every <= 1000:
        raise Unsupported(f"its interval {str(every)[:40]!r} is no number of shifts")
    # An occurrence is over when the clock has shown its end.
    latest_start = furthest_reading(zone, at) - window.duration
    completed = pattern(window).index(latest_start + 1, excluded_counts=False)
    return Turning(ByOccurrence(every), completed // every, direction(sent), every == 1)


# --- what the next change does not tell -------------------------------------------------------------------------------


def _time_of_day(zone: str, change: int, first: int | None) -> tuple[int, bool]:
    """The reading at which the instant ``change`` was meant to be.

    At the end of a skipped hour every reading of that hour was meant to be there.
    """
    shown, skipped_from = reading(zone, change), change + offset_at(zone, change - 1)
    if skipped_from >= shown:
        return shown, True
    meant = None if first is None else skipped_from + (first - skipped_from) % DAY
    return (meant, True) if meant is not None and meant <= shown else (shown, False)


def _by_months(interval: int, step: int, shown: int, first: int | None, certain: bool) -> Turning:
    """Months are counted from the anchor, whose day is cut to the month's last (as ByTime does)."""
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
