"""Wall clocks: the only code that handles daylight saving time.

A zone is a table of stretches with a constant UTC offset, in integer seconds. Instants are seconds since the epoch.
Readings are what the wall clock shows, counted as if it were UTC. The zone data comes from the ``tzdata`` package and
never from the operating system, so all machines render alike. The table covers the years 1900 to 2200. Before them the
first offset is used, after them the last one, so no call computes more than these 301 years.
"""

from bisect import bisect_left, bisect_right
from calendar import timegm
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

from oncall.rendering.spec import FIRST_YEAR, LAST_YEAR, InvalidSpec

MINUTE, HOUR, DAY, WEEK = 60, 3_600, 86_400, 604_800  # in seconds
_STEP = 4 * DAY  # the shortest stretch since 1900 is almost 7 days (Boa Vista, October 2000); a test checks this
_WIDEST = DAY  # every UTC offset is smaller than this
_FOREVER = 1 << 62
_NONE, _SECOND = timedelta(0), timedelta(seconds=1)


class _Table(NamedTuple):
    """``offsets[i]`` applies from ``starts[i]`` until the next start. The table is valid in ``[since, until)``."""

    first_year: int
    last_year: int
    since: int
    until: int
    starts: tuple[int, ...]
    offsets: tuple[int, ...]


_tables: dict[str, _Table] = {}


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Returns all IANA zone names that the renderer supports, including deprecated links."""
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split()) - {"Factory"}


@cache
def _load(zone: str) -> ZoneInfo:
    if zone not in zone_names():
        raise InvalidSpec("zone", f"{zone!r} is no known IANA time zone")
    with files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=zone)


def check_zone(zone: str) -> None:
    """Raises InvalidSpec with the path ``zone`` if the name is not in :func:`zone_names`."""
    _load(zone)


def _offset(info: ZoneInfo, instant: int) -> int:
    return (datetime.fromtimestamp(instant, info).utcoffset() or _NONE) // _SECOND


@cache
def _changes(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """Returns (instant, new offset) of each offset change in a UTC year, exact to the second."""
    info = _load(zone)
    end = timegm((year + 1, 1, 1, 0, 0, 0)) - 1
    last = timegm((year, 1, 1, 0, 0, 0)) - 1
    offset = _offset(info, last)
    changes = []
    while last < end:
        ahead = min(last + _STEP, end)
        if (new := _offset(info, ahead)) != offset:
            low, high = last, ahead
            while high - low > 1:
                middle = (low + high) // 2
                if _offset(info, middle) == offset:
                    low = middle
                else:
                    high = middle
            changes.append((high, new))
            offset = new
        last = ahead
    return tuple(changes)


def _year(instant: int) -> int:
    """Returns the UTC year of an instant. It may be one year off, which is exact enough to choose the years to load."""
    return min(max(1970 + instant // 31_556_952, FIRST_YEAR), LAST_YEAR)


def _table(zone: str, since: int, until: int) -> _Table:
    """Returns the zone's table, extended to cover ``[since, until)``.

    A table is replaced as a whole: another thread sees the old table or the new one.
    """
    table = _tables.get(zone)
    if table is not None and table.since <= since and until <= table.until:
        return table
    first, last = max(_year(since) - 2, FIRST_YEAR), min(_year(until) + 2, LAST_YEAR)
    if table is not None:
        first, last = min(first, table.first_year), max(last, table.last_year)
    start = timegm((first, 1, 1, 0, 0, 0))
    changes = [change for year in range(first, last + 1) for change in _changes(zone, year)]
    table = _Table(
        first_year=first,
        last_year=last,
        since=start if first > FIRST_YEAR else -_FOREVER,
        until=timegm((last + 1, 1, 1, 0, 0, 0)) if last < LAST_YEAR else _FOREVER,
        starts=(start, *(instant for instant, _ in changes)),
        offsets=(_offset(_load(zone), start), *(offset for _, offset in changes)),
    )
    _tables[zone] = table
    return table


def clock(zone: str, instant: int) -> datetime:
    """Returns the local date and time at ``instant``, with the UTC offset and the zone's abbreviation, for display."""
    return datetime.fromtimestamp(instant, _load(zone))


def offset_at(zone: str, instant: int) -> int:
    """Returns the UTC offset in seconds: instant + offset = reading."""
    table = _table(zone, instant, instant + 1)
    return table.offsets[max(bisect_right(table.starts, instant) - 1, 0)]


def reading(zone: str, instant: int) -> int:
    """Returns the wall-clock reading at ``instant``."""
    return instant + offset_at(zone, instant)


def furthest_reading(zone: str, instant: int) -> int:
    """Returns the largest reading that the wall clock has shown until ``instant``, inclusive.

    Usually this is the reading at ``instant``. In the second pass of a repeated hour it is the last reading before the
    clock changed.
    """
    table = _table(zone, instant - 2 * _WIDEST, instant + 1)
    starts, offsets = table.starts, table.offsets
    index = max(bisect_right(starts, instant) - 1, 0)
    furthest = instant + offsets[index]
    # Every later reading is larger than the readings before a change that is more than two offsets ago.
    while index and starts[index] > instant - 2 * _WIDEST:
        furthest = max(furthest, starts[index] - 1 + offsets[index - 1])
        index -= 1
    return furthest


def at(zone: str, reading: int, since: int = -_FOREVER) -> int:
    """Returns the first instant, not before the instant ``since``, whose wall-clock reading is at least ``reading``.

    For a reading that the clock skips, this is the end of the gap. For a repeated reading, it is the first pass.
    A later reading never has an earlier instant.
    """
    for start, end, offset in stretches(zone, max(reading - _WIDEST, since), reading + _WIDEST):
        if reading < end + offset:
            return max(start, reading - offset)
    raise AssertionError("a UTC offset is larger than one day")  # pragma: no cover


def instants(zone: str, reading: int) -> tuple[int, ...]:
    """Returns all instants at which the wall clock shows ``reading``, in order: none if the clock skips it, two if the
    reading is repeated."""
    return tuple(
        reading - offset
        for start, end, offset in stretches(zone, reading - _WIDEST, reading + _WIDEST)
        if start <= reading - offset < end
    )


def stretches(zone: str, since: int, until: int) -> Iterator[tuple[int, int, int]]:
    """Yields (start, end, offset) in order, without gaps in ``[since, until)``. An empty range yields nothing."""
    if since >= until:
        return
    table = _table(zone, since, until)
    starts, offsets = table.starts, table.offsets
    index = max(bisect_right(starts, since) - 1, 0)
    last = bisect_left(starts, until) - 1
    while index < last:
        yield since, starts[index + 1], offsets[index]
        index += 1
        since = starts[index]
    yield since, until, offsets[index]


def transitions(zone: str, since: int, until: int) -> tuple[int, ...]:
    """Returns the instants in ``[since, until)`` at which the zone's offset changes, in order."""
    starts = _table(zone, since, until).starts[1:]
    return starts[bisect_left(starts, since) : bisect_left(starts, until)]
