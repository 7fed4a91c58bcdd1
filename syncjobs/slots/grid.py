"""The slots of a periodic sync: the instants at which it is due. They follow from the rule alone and are never stored.

Instants are whole seconds since 1970.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from oncall.rendering.spec import LATEST
from oncall.rendering.zones import DAY, HOUR, MINUTE, at, furthest_reading

#: The most seconds between a slot and the start of its run, and the share of the interval (1/SPREAD_SHARE) that it is.
LONGEST_DELAY: Final = 10 * MINUTE
DELAY_SHARE: Final = 10
#: Each connection with a periodic sync allows this many more seconds of delay, so that a single one starts at once.
DELAY_PER_CONNECTION: Final = 30
#: A crontab that does not fire within this many days never fires. 29 February is a Monday once in 40 years.
_HORIZON: Final = 41 * 366
_EPOCH: Final = date(1970, 1, 1).toordinal()
_GOLDEN: Final = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so many seconds, counted from the instant at which the rule was set."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Crontab:
    """By the wall clock of a zone. All five fields must match. weekdays: 0 is Sunday."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    zone: str

    def matches(self, day: int) -> bool:
        """Return whether it fires on a day (days since 1970)."""
        found = date.fromordinal(_EPOCH + day)
        return found.month in self.months and found.day in self.days and found.isoweekday() % 7 in self.weekdays

    def readings(self, day: int) -> list[int]:
        """Return the wall-clock readings of a day at which it fires, in order."""
        if not self.matches(day):
            return []
        return [
            day * DAY + hour * HOUR + minute * MINUTE for hour in sorted(self.hours) for minute in sorted(self.minutes)
        ]


Grid = Interval | Crontab


def next_slot(grid: Grid, since: int, after: int) -> int | None:
    """Return the first slot after an instant; None if there is none. since: when the rule was set; no slot is earlier.

    A crontab time that the clock skips is due at the change, and a repeated one at its first occurrence.
    """
    if isinstance(grid, Interval):
        return since + max((after - since) // grid.seconds + 1, 1) * grid.seconds
    # The clock has shown, or skipped, exactly the readings up to this one.
    shown = furthest_reading(grid.zone, max(after, since))
    for day in range(shown // DAY, shown // DAY + _HORIZON):
        if day * DAY >= LATEST - 2 * DAY:
            return None
        for each in grid.readings(day):
            if each > shown:
                return at(grid.zone, each)
    return None


def latest_slot(grid: Grid, since: int, after: int, until: int) -> int | None:
    """Return the last slot in ``(after, until]``; None if there is none. since: as for :func:`next_slot`."""
    after = max(after, since)
    if until <= after:
        return None
    if isinstance(grid, Interval):
        slot = since + (until - since) // grid.seconds * grid.seconds
        return slot if slot > after else None
    over, shown = furthest_reading(grid.zone, after), furthest_reading(grid.zone, until)
    for day in range(shown // DAY, over // DAY - 1, -1):
        for each in reversed(grid.readings(day)):
            if each <= shown:
                return at(grid.zone, each) if each > over else None
    return None


def delay(grid: Grid, slot: int, number: int, connections: int) -> int:
    """Return how many seconds after a slot its run starts, so that not all connections start at once.

    number: of the connection; consecutive numbers are spread evenly. connections: how many have a periodic sync.
    """
    following = next_slot(grid, slot, slot)
    interval = DAY if following is None else following - slot
    width = min(LONGEST_DELAY, interval // DELAY_SHARE, DELAY_PER_CONNECTION * (connections - 1))
    return int(number * _GOLDEN % 1 * (width + 1))
