"""Offsets and wall-clock readings in whole seconds, read from the ``tzdata`` package.

The tables of the operating system may be older than those of the package, and some zones differ then.

An *instant* is UTC seconds since 1970. A *reading* is the time that a wall clock shows, in seconds since
1970-01-01T00:00 of that clock. A *stretch* is a range of instants with one offset. Nothing here is shared with the
product: the simulator is a second opinion.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

HOUR, DAY, WEEK = 3_600, 86_400, 604_800  # in seconds
_BLOCK = 400 * DAY
_SAMPLE = 6 * HOUR
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - readings are naive on purpose


@dataclass(frozen=True, slots=True)
class Stretch:
    """Instants [start, end) with one offset. ``before`` is the offset of the previous stretch."""

    start: int
    end: int
    offset: int
    before: int

    @property
    def fold_end(self) -> int:
        """The instant at which the repeated readings end (= start when the clock was not set back)."""
        return self.start + max(0, self.before - self.offset)

    @property
    def last_reading_before(self) -> int:
        """The last reading before this stretch began."""
        return self.start + self.before - 1


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    if name not in _names():
        raise KeyError(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


def is_zone(name: str) -> bool:
    """Return True for the name of a zone; paths, directories and blanks are no zones."""
    return name in _names()


def _raw_offset(zone: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    return int((offset or timedelta()).total_seconds())


@lru_cache(maxsize=4096)
def _block(name: str, index: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return starts and offsets of the stretches in block ``index``, found by sampling and bisection."""
    zone = _zone(name)
    at = index * _BLOCK
    starts, offsets = [at], [_raw_offset(zone, at)]
    for sample in range(at + _SAMPLE, at + _BLOCK + 1, _SAMPLE):
        offset = _raw_offset(zone, sample)
        if offset == offsets[-1]:
            continue
        low, high = sample - _SAMPLE, sample
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _raw_offset(zone, middle) == offsets[-1] else (low, middle)
        if high < at + _BLOCK:
            starts.append(high)
            offsets.append(offset)
    return tuple(starts), tuple(offsets)


def offset_at(zone: str, instant: int) -> int:
    starts, offsets = _block(zone, instant // _BLOCK)
    return offsets[bisect_right(starts, instant) - 1]


def reading_at(zone: str, instant: int) -> int:
    return instant + offset_at(zone, instant)


def stretches(zone: str, since: int, until: int) -> Iterator[Stretch]:
    """Yield the stretches that overlap [since, until). They are cut only outside of two days around that range."""
    first, last = since - 2 * DAY, until + 2 * DAY
    changes: list[tuple[int, int]] = []
    for index in range(first // _BLOCK, last // _BLOCK + 1):
        for start, offset in zip(*_block(zone, index), strict=True):
            if not changes or offset != changes[-1][1]:
                changes.append((start, offset))
    for position, (start, offset) in enumerate(changes):
        end = changes[position + 1][0] if position + 1 < len(changes) else (last // _BLOCK + 1) * _BLOCK
        if start < until and end > since:
            yield Stretch(start, end, offset, changes[position - 1][1] if position else offset)


def first_instant(zone: str, reading: int, since: int | None = None) -> int:
    """Return the first instant, not before the instant ``since``, whose reading is at or after ``reading``.

    For a skipped hour this is the instant after the gap, for a repeated hour the first of both instants.
    """
    earliest = reading - 2 * DAY if since is None else max(since, reading - 2 * DAY)
    for stretch in stretches(zone, earliest, reading + 3 * DAY):
        candidate = max(stretch.start, reading - stretch.offset, earliest)
        if candidate < stretch.end:
            return candidate
    raise AssertionError(f"No instant in {zone} shows {reading}.")


def reading_of(text: str) -> int:
    """Return the reading of a naive ISO date or date-time, for example ``2026-03-29T02:30``."""
    return round((datetime.fromisoformat(text) - _EPOCH).total_seconds())


def weekday_of(reading: int) -> int:
    """Return the ISO weekday, 1 = Monday .. 7 = Sunday."""
    return (reading // DAY + 3) % 7 + 1


def clock_text(reading: int) -> str:
    """Return ``HH:MM:SS`` of a reading or of seconds since midnight."""
    second = reading % DAY
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def iso(instant: int, zone: str) -> str:
    """Return ISO 8601 with the offset at that instant, or with ``Z`` for UTC."""
    offset = offset_at(zone, instant)
    text = (_EPOCH + timedelta(seconds=instant + offset)).isoformat()
    if zone in ("Etc/UTC", "UTC"):
        return text + "Z"
    sign, size = ("-", -offset) if offset < 0 else ("+", offset)
    return f"{text}{sign}{size // 3600:02}:{size // 60 % 60:02}"


def parse_instant(text: str, zone: str) -> float:
    """Return UTC seconds since 1970 of an ISO date-time; without an offset it is read in ``zone``.

    Raises ValueError when the text is no date-time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        fraction = moment.microsecond / 1_000_000
        return first_instant(zone, round((moment.replace(microsecond=0) - _EPOCH).total_seconds())) + fraction
    return moment.astimezone(UTC).timestamp()
