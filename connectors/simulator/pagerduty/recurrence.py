"""When an event of a v3 schedule starts. The code visits every day of the event's zone and asks whether the rule fits.

Instants of the event (UNTIL, excluded and added starts) are compared with the instants of the starts.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from heapq import merge

from connectors.simulator.pagerduty.model import Event
from connectors.simulator.zones import DAY, first_instant, reading_at

_WEEKDAYS = {"MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6, "SU": 7}
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Rule:
    """An RRULE. weekdays: (number, ISO weekday) pairs; number 0 is every such weekday. until: an instant, inclusive."""

    frequency: str
    interval: int
    weekdays: tuple[tuple[int, int], ...]
    month_days: tuple[int, ...]
    months: tuple[int, ...]
    count: int | None
    until: int | None

    def fits(self, first: date, day: date) -> bool:
        """Return whether the rule of an event that begins on ``first`` fits ``day``."""
        if self.months and day.month not in self.months:
            return False
        if self.month_days and not self._fits_month_day(day):
            return False
        if self.weekdays and not any(self._fits_weekday(day, *pair) for pair in self.weekdays):
            return False
        return self._in_step(first, day) and (self._has_days or self._repeats_day_of(first, day))

    @property
    def _has_days(self) -> bool:
        return bool(self.weekdays or self.month_days)

    def _in_step(self, first: date, day: date) -> bool:
        match self.frequency:
            case "DAILY":
                passed = (day - first).days
            case "WEEKLY":  # weeks begin on Monday, the default of RFC 5545
                passed = (day - timedelta(day.weekday()) - (first - timedelta(first.weekday()))).days // 7
            case "MONTHLY":
                passed = (day.year - first.year) * 12 + day.month - first.month
            case _:
                passed = day.year - first.year
        return passed % self.interval == 0

    def _repeats_day_of(self, first: date, day: date) -> bool:
        """Return whether a rule without days fits, which repeats the day of the first start."""
        match self.frequency:
            case "DAILY":
                return True
            case "WEEKLY":
                return day.weekday() == first.weekday()
            case "MONTHLY":
                return day.day == first.day
            case _:
                return day.day == first.day and (bool(self.months) or day.month == first.month)

    def _fits_month_day(self, day: date) -> bool:
        from_end = day.day - monthrange(day.year, day.month)[1] - 1
        return day.day in self.month_days or from_end in self.month_days

    def _fits_weekday(self, day: date, number: int, weekday: int) -> bool:
        if day.isoweekday() != weekday:
            return False
        if self.frequency == "YEARLY" and not self.months:
            begin, end = date(day.year, 1, 1), date(day.year, 12, 31)
        else:
            begin, end = day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
        return number in (0, (day - begin).days // 7 + 1, -((end - day).days // 7 + 1))


def parse_rule(text: str) -> Rule:
    """Parse an RRULE.

    Known are FREQ DAILY to YEARLY, INTERVAL, BYDAY (numbers in months and years only), BYMONTHDAY, BYMONTH, COUNT,
    UNTIL as an instant, and WKST=MO. Raises ValueError otherwise.
    """
    if not text.startswith("RRULE:"):
        raise ValueError(f"The simulator knows a rule as RRULE only, not as {text!r}.")
    parts = dict(part.split("=", 1) for part in text.removeprefix("RRULE:").split(";"))
    frequency, week_start = parts.pop("FREQ", ""), parts.pop("WKST", "MO")
    days = [re.fullmatch(r"([+-]?\d+)?([A-Z]{2})", day) for day in _listed(parts.pop("BYDAY", ""))]
    weekdays = [(int(day[1] or 0), _WEEKDAYS[day[2]]) for day in days if day and day[2] in _WEEKDAYS]
    until = parts.pop("UNTIL", None)
    rule = Rule(
        frequency,
        int(parts.pop("INTERVAL", "1")),
        tuple(weekdays),
        tuple(map(int, _listed(parts.pop("BYMONTHDAY", "")))),
        tuple(map(int, _listed(parts.pop("BYMONTH", "")))),
        int(parts.pop("COUNT")) if "COUNT" in parts else None,
        None if until is None else round(datetime.strptime(until, "%Y%m%dT%H%M%S%z").timestamp()),
    )
    numbered = any(number for number, _ in weekdays)
    if (
        frequency not in _FREQUENCIES
        or rule.interval < 1
        or week_start != "MO"
        or parts
        or len(weekdays) < len(days)
        or (numbered and frequency in ("DAILY", "WEEKLY"))
        or (rule.month_days and frequency == "WEEKLY")
        or (rule.count is not None and until is not None)
    ):
        raise ValueError(f"The simulator cannot recur by {text!r}.")
    return rule


def _listed(text: str) -> list[str]:
    return text.split(",") if text else []


def recurrence_lines(event: Event) -> list[str]:
    """Return the lines as the API sends them: the rule, then excluded and added starts in UTC."""
    lines = [event.rule]
    for name, instants in (("EXDATE", event.excluded), ("RDATE", event.added)):
        if instants:
            texts = (f"{datetime.fromtimestamp(instant, UTC):%Y%m%dT%H%M%SZ}" for instant in instants)
            lines.append(f"{name}:{','.join(texts)}")
    return lines


def starts(event: Event, until: int) -> Iterator[tuple[int, int]]:
    """Yield (instant, reading) of the starts of shifts before the instant ``until``, in order, each instant once.

    Excluded starts of the rule are included, and its COUNT includes them. An added start that is excluded too is none.
    A start that the clock skips keeps its reading.
    """
    added = sorted(set(event.added) - set(event.excluded))
    last = None
    for start, reading in merge(_rule_starts(event, until), ((at, reading_at(event.time_zone, at)) for at in added)):
        if start >= until:
            return
        if start != last:
            yield start, reading
        last = start


def _rule_starts(event: Event, until: int) -> Iterator[tuple[int, int]]:
    rule = parse_rule(event.rule)
    first_day, second = divmod(event.start, DAY)
    first = _EPOCH + timedelta(first_day)
    found = 0
    for passed in range((until + DAY) // DAY + 1 - first_day):
        if not rule.fits(first, first + timedelta(passed)):
            continue
        reading = (first_day + passed) * DAY + second
        start = first_instant(event.time_zone, reading)
        if found == rule.count or (rule.until is not None and start > rule.until):
            return
        found += 1
        yield start, reading
