"""A second opinion on slots: it walks over the minutes of a zone, with the zones of the standard library."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fires(fields: str, zone: str, since: datetime, until: datetime) -> Iterator[datetime]:
    """The minutes in ``(since, until]`` at which a crontab of simple fields is due.

    The clock of the wall goes on minute by minute. Readings that it skips are due with the next one that it shows, and
    readings that it has shown before are over.
    """
    matching = _matching(fields)
    info = ZoneInfo(zone)
    start = since - timedelta(days=2)
    shown = start.astimezone(info).replace(tzinfo=None)
    now = start
    while now < until:
        now += MINUTE
        reading = now.astimezone(info).replace(tzinfo=None)
        due = False
        while shown < reading:
            shown += MINUTE
            due = due or matching(shown)
        if due and since < now:
            yield now


def _matching(fields: str) -> Callable[[datetime], bool]:
    allowed = [[*_values(field)] for field in fields.split()]

    def matches(reading: datetime) -> bool:
        shown = (reading.minute, reading.hour, reading.day, reading.month, reading.isoweekday() % 7)
        return all(not values or value in values for value, values in zip(shown, allowed, strict=True))

    return matches


def _values(field: str) -> Iterator[int]:
    """The values of ``*`` (none: all), ``*/n``, ``a-b`` and lists."""
    for part in field.split(","):
        if part.startswith("*/"):
            yield from range(0, 60, int(part[2:]))
        elif part != "*":
            first, _, last = part.partition("-")
            yield from range(int(first), int(last or first) + 1)
