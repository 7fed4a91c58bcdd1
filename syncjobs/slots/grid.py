"""The slots of a periodic sync: the instants at which it is due. They follow from the rule alone and are never stored.

Instants are whole seconds since 1970.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from oncall.rendering.spec import LATEST
from oncall.rendering.zones import DAY, MINUTE, at, reading

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
            day * DAY + hour * 3_600 + minute * MINUTE for hour in sorted(self.hours) for minute in sorted(self.minutes)
        ]


Grid = Interval | Crontab


def next_slot(grid: Grid, since: int, after: int) -> int | None:
    """Return the first slot after an instant; None if there is none. since: when the rule was set; no slot is earlier.

    A crontab time that the clock skips is due at the change, and a repeated one at its first occurrence.
    """
    if isinstance(grid, Interval):
        return since + max((after - since) // grid.seconds + 1, 1) * grid.seconds
    after = max(after, since)
    for instant in _fires(grid, after):
        if instant > after:
            return instant
    return None


def _fires(grid: Crontab, after: int) -> Iterator[int]:
    """Yield the slots of a crontab in order, from the day before an instant on."""
    first = reading(grid.zone, after) // DAY - 1
    for day in range(first, first + _HORIZON):
        if day * DAY >= LATEST - 2 * DAY:
            return
        for each in grid.readings(day):
            yield at(grid.zone, each)


def latest_slot(grid: Grid, since: int, after: int, until: int) -> int | None:
    """Return the last slot in ``(after, until]``; None if there is none. since: as for :func:`next_slot`."""
    after = max(after, since)
    if until <= after:
        return None
    if isinstance(grid, Interval):
        slot = since + (until - since) // grid.seconds * grid.seconds
        return slot if slot > after else None
    for day in range(reading(grid.zone, until) // DAY + 1, reading(grid.zone, after) // DAY - 2, -1):
        for each in reversed(grid.readings(day)):
            slot = at(grid.zone, each)
            if slot <= after:
                return None
            if slot <= until:
                return slot
    return None


def delay(grid: Grid, slot: int, number: int, connections: int) -> int:
    """Return how many seconds after a slot its run starts, so that not all connections start at once.

    number: of the connection; consecutive numbers are spread evenly. connections: how many have a periodic sync.
    """
    following = next_slot(grid, slot, slot)
    interval = DAY if following is None else following - slot
    width = min(LONGEST_DELAY, interval // DELAY_SHARE, DELAY_PER_CONNECTION * (connections - 1))
    return int(number * _GOLDEN % 1 * (width + 1))
