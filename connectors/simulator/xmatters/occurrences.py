"""The occurrences of a shift, found by visiting every day of its wall clock.

The first occurrence gives the time of day and the length, both of the wall clock. The pattern begins on its date; a
first date outside of the pattern is not an occurrence. Weeks begin on Sunday and are counted from the week of the first
date, months and years from its month and year; a date that a month does not have is skipped. An end after repetitions
counts the days of the pattern, also deleted ones. An occurrence may end after the next one starts.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from connectors.simulator.xmatters.model import Recurrence, Shift
from connectors.simulator.zones import DAY, first_instant, reading_at

_EPOCH = date(1970, 1, 1)
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_CLASSIFIERS = ("FIRST", "SECOND", "THIRD", "FOURTH")


@dataclass(frozen=True, slots=True)
class Occurrence:
    """``index`` counts the occurrences of the shift that were not deleted, from 0."""

    start: int
    end: int
    index: int


def occurrences(shift: Shift, since: int, until: int, holidays: frozenset[int] = frozenset()) -> list[Occurrence]:
    """Return the occurrences that overlap [since, until), uncut, by start. holidays: days since 1970."""
    series = _series_of(shift, holidays)
    return _slices(shift.zone, since, until) if series is None else series.overlapping(since, until)


def completed(shift: Shift, at: int, holidays: frozenset[int] = frozenset()) -> int:
    """Return how many occurrences have ended at ``at``: the index of the running or next occurrence."""
    series = _series_of(shift, holidays)
    return _slices(shift.zone, at, at + 1)[0].index if series is None else series.completed(at)


def _series_of(shift: Shift, holidays: frozenset[int]) -> "_Series | None":
    """The cached occurrences of a shift; None when the shift has no times."""
    if shift.start is None or shift.end is None or shift.recurrence is None:
        return None
    closed = holidays if shift.on_holidays is False else frozenset()
    return _series(shift.recurrence, shift.zone, shift.start, shift.end, shift.excluded, holidays, closed)


def _slices(zone: str, since: int, until: int) -> list[Occurrence]:
    """Return the occurrences of a shift without times: days from midnight to midnight."""
    found = []
    day = reading_at(zone, since) // DAY - 1
    while (start := first_instant(zone, day * DAY)) < until:
        end = first_instant(zone, (day + 1) * DAY)
        if start < end and end > since:
            found.append(Occurrence(start, end, day))
        day += 1
    return found


class _Series:
    """The occurrences of one pattern. They are computed up to the latest requested instant and kept."""

    def __init__(
        self,
        recurrence: Recurrence,
        zone: str,
        start: int,
        end: int,
        excluded: tuple[tuple[int, int], ...],
        holidays: frozenset[int],
        closed: frozenset[int],
    ) -> None:
        first = reading_at(zone, start)
        self._rule, self._zone, self._holidays, self._closed = recurrence, zone, holidays, closed
        self._length = reading_at(zone, end) - first
        self._first_day, self._time = divmod(first, DAY)
        self._day = self._first_day
        self._left = int(recurrence.repetitions or 0) if recurrence.end_by == "REPETITIONS" else None
        self._over = False
        self._excluded = {span[0] for span in excluded}
        self._starts: list[int] = []
        self._found: list[Occurrence] = []

    def _grow(self, until: int) -> None:
        while not self._over and self._day * DAY + self._time <= until + 2 * DAY:
            if falls_on(self._rule, self._day, self._first_day, self._holidays):
                self._add(self._day * DAY + self._time)
            self._day += 1
            if self._rule.frequency == "ONCE":
                self._over = True

    def _add(self, reading: int) -> None:
        start = first_instant(self._zone, reading)
        if self._left == 0 or (self._rule.end_by == "DATE" and start > (self._rule.until or 0)):
            self._over = True
            return
        if self._left is not None:
            self._left -= 1
        end = first_instant(self._zone, reading + self._length)
        if start in self._excluded or self._day in self._closed or start >= end:
            return
        self._starts.append(start)
        self._found.append(Occurrence(start, end, len(self._found)))

    def overlapping(self, since: int, until: int) -> list[Occurrence]:
        self._grow(until)
        low = bisect_left(self._starts, since - self._length - 2 * DAY)
        high = bisect_left(self._starts, until)
        return [one for one in self._found[low:high] if one.end > since]

    def completed(self, at: int) -> int:
        self._grow(at)
        position = bisect_left(self._starts, at - self._length - 2 * DAY)
        while position < len(self._found) and self._found[position].end <= at:
            position += 1
        return position


_series = lru_cache(maxsize=20_000)(_Series)


def falls_on(rule: Recurrence, day: int, first_day: int, holidays: frozenset[int] = frozenset()) -> bool:
    """Return whether an occurrence starts on ``day`` (days since 1970). Raises ValueError for an unknown frequency."""
    today, first = _EPOCH + timedelta(days=day), _EPOCH + timedelta(days=first_day)
    every = int(rule.every or 1)
    match rule.frequency:
        case "ONCE":
            return day == first_day
        case "DAILY":
            return (day - first_day) % every == 0
        case "WEEKLY":
            weeks = (day + 4) // 7 - (first_day + 4) // 7  # 1970 began on a Thursday, weeks begin on Sunday
            return weeks % every == 0 and (not rule.on_days or _DAYS[today.weekday()] in rule.on_days)
        case "EVERY_WEEKDAY":
            return today.weekday() < 5
        case "EVERY_WEEKEND_DAY":
            return today.weekday() >= 5
        case "MONTHLY":
            months = (today.year - first.year) * 12 + today.month - first.month
            return months % every == 0 and _in_month(rule, today, first)
        case "YEARLY":
            named = bool(rule.months) or today.month == first.month
            return (today.year - first.year) % every == 0 and named and _in_month(rule, today, first)
        case "HOLIDAY":
            return day in holidays
    raise ValueError(f"There is no frequency {rule.frequency!r}.")


def _in_month(rule: Recurrence, today: date, first: date) -> bool:
    if rule.months and _MONTHS[today.month - 1] not in rule.months:
        return False
    is_last_week = (today + timedelta(days=7)).month != today.month
    if rule.on == "DAY_OF_WEEK":
        week = (today.day - 1) // 7
        right_week = is_last_week if rule.classifier == "LAST" else _CLASSIFIERS[week : week + 1] == (rule.classifier,)
        return right_week and _DAYS[today.weekday()] == rule.day_of_week
    if rule.date_of_month == "LAST":
        return (today + timedelta(days=1)).month != today.month
    return today.day == int(rule.date_of_month or first.day)
