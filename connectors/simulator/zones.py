"""Offsets and wall-clock readings in integer seconds, straight from zoneinfo.

An *instant* is UTC seconds since 1970; a *reading* is what a wall clock shows, as seconds since 1970-01-01T00:00 of
that clock. Nothing here is shared with the product: the simulator is a second opinion.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = 86_400
WEEK = 7 * DAY
_BLOCK = 400 * DAY
_SAMPLE = 6 * 3600
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - readings are naive on purpose


@dataclass(frozen=True, slots=True)
class Stretch:
    """Instants [start, end) during which the zone keeps one offset; ``before`` is the offset of the stretch before."""

    start: int
    end: int
    offset: int
    before: int

    @property
    def fold_end(self) -> int:
        """The instant at which the repeated readings are over (= start when the clock was not set back)."""
        return self.start + max(0, self.before - self.offset)

    @property
    def last_reading_before(self) -> int:
        """The last reading shown before this stretch began."""
        return self.start + self.before - 1


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def is_zone(name: str) -> bool:
    """True when the name is a zone this machine knows; paths, directories and blanks are not."""
    try:
        _zone(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _raw_offset(zone: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    return int((offset or timedelta()).total_seconds())


@lru_cache(maxsize=4096)
def _block(name: str, index: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Starts and offsets of the stretches in block ``index``; changes are found by sampling and bisection."""
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
    """The stretches that touch [since, until), uncut except at the edges of what was looked at (two days around)."""
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


def first_instant(zone: str, reading: int) -> int:
    """The first instant whose reading is at or after ``reading``: after a gap, the first of a repeated hour."""
    for stretch in stretches(zone, reading - 2 * DAY, reading + 3 * DAY):
        candidate = max(stretch.start, reading - stretch.offset, reading - 2 * DAY)
        if candidate < stretch.end:
            return candidate
    raise AssertionError(f"No instant in {zone} shows {reading}.")


def reading_of(text: str) -> int:
    """The reading of a naive ISO date or date-time such as ``2026-03-29T02:30``."""
    return round((datetime.fromisoformat(text) - _EPOCH).total_seconds())


def weekday_of(reading: int) -> int:
    """ISO weekday 1 = Monday .. 7 = Sunday."""
    return (reading // DAY + 3) % 7 + 1


def clock_text(reading: int) -> str:
    """``HH:MM:SS`` of a reading or of seconds since midnight."""
    second = reading % DAY
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def iso(instant: int, zone: str) -> str:
    """ISO 8601 with the offset valid at that instant; ``Z`` only in UTC itself."""
    offset = offset_at(zone, instant)
    text = (_EPOCH + timedelta(seconds=instant + offset)).isoformat()
    if zone in ("Etc/UTC", "UTC"):
        return text + "Z"
    sign, size = ("-", -offset) if offset < 0 else ("+", offset)
    return f"{text}{sign}{size // 3600:02}:{size // 60 % 60:02}"


def parse_instant(text: str, zone: str) -> float:
    """Seconds since 1970 of an ISO date-time; one without offset is read in ``zone``. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        fraction = moment.microsecond / 1_000_000
        return first_instant(zone, round((moment.replace(microsecond=0) - _EPOCH).total_seconds())) + fraction
    return moment.astimezone(UTC).timestamp()
