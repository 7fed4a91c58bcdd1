"""The starts of a recurrence rule: the days of its pattern in a year, and the number of starts before a year.

The code does not step from the first start. It computes the days of a year from the calendar and stores the number of
starts before each year, so the index of an occurrence costs the same for an old rule and for a new one.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache

from oncall.rendering.spec import LAST_YEAR, Recurring, Rule
from oncall.rendering.zones import DAY

_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = range(1, 13)
_YEARS_KEPT = 8  # years that one pattern caches: enough for one rendering, and few enough for thousands of patterns


def _day(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - _EPOCH


def _date(day: int) -> date:
    return date.fromordinal(day + _EPOCH)


def _year_of(reading: int) -> int:
    return _date(reading // DAY).year


def _weekday(day: int) -> int:
    """Returns 1 (Monday) to 7 (Sunday). Day 0 is 1970-01-01, a Thursday."""
    return (day + 3) % 7 + 1


def _weekdays(by_day: Iterable[tuple[int, int]], first: int, last: int) -> set[int]:
    """Returns the days from ``first`` to ``last`` that match a pair (ordinal, weekday); ordinals count within them."""
    found: set[int] = set()
    for ordinal, weekday in by_day:
        days = range(first + (weekday - _weekday(first)) % 7, last + 1, 7)
        if not ordinal:
            found.update(days)
        elif abs(ordinal) <= len(days):
            found.add(days[ordinal - 1 if ordinal > 0 else ordinal])
    return found


def _month_days(numbers: Iterable[int], year: int, month: int) -> set[int]:
    first, length = _day(year, month, 1), monthrange(year, month)[1]
    return {first + (length if number == -1 else number) - 1 for number in numbers if number <= length}


def _matching_days(
    rule: Rule, numbers: Sequence[int], year: int, months: Iterable[int], first: int, last: int
) -> set[int]:
    """Returns the days of these months that match the day numbers and the rule's weekdays.

    first, last: the period in which ordinals of weekdays count.
    """
    days = {day for month in months for day in _month_days(numbers, year, month)}
    if not rule.by_day:
        return days
    weekdays = _weekdays(rule.by_day, first, last)
    return weekdays & days if numbers else weekdays


def _days_of_month(rule: Rule, year: int, month: int, default: int) -> set[int]:
    """Returns the matching days of one month. default: the day of the month for a rule without days."""
    first, last = _day(year, month, 1), _day(year, month, monthrange(year, month)[1])
    numbers = rule.by_month_day or (() if rule.by_day else (default,))
    return _matching_days(rule, numbers, year, (month,), first, last)


def _days(rule: Rule, first: int, year: int) -> Iterable[int]:
    """Returns the days of the rule's pattern in a calendar year, unsorted. Days before ``first`` are included."""
    begin, end = _day(year, 1, 1), _day(year, 12, 31)
    start = _date(first)
    match rule.frequency:
        case "DAILY":
            days: Iterable[int] = range(begin + (first - begin) % rule.interval, end + 1, rule.interval)
            if rule.by_day or rule.by_month_day:
                matching = _matching_days(rule, rule.by_month_day, year, _MONTHS, begin, end)
                days = (day for day in days if day in matching)
        case "WEEKLY":
            days = _weekly(rule, first, begin, end)
        case "MONTHLY":
            origin = start.year * 12 + start.month
            due = {m for m in rule.by_month or _MONTHS if (year * 12 + m - origin) % rule.interval == 0}
            return (day for month in due for day in _days_of_month(rule, year, month, start.day))
        case "YEARLY":  # pragma: no branch - mypy proves these are all
            if (year - start.year) % rule.interval:
                return ()
            if (rule.by_day or rule.by_month_day) and not rule.by_month:
                return _matching_days(rule, rule.by_month_day, year, _MONTHS, begin, end)
            months = set(rule.by_month) or {start.month}
            return (day for month in months for day in _days_of_month(rule, year, month, start.day))
    return (day for day in days if _date(day).month in rule.by_month) if rule.by_month else days


def _weekly(rule: Rule, first: int, begin: int, end: int) -> Iterator[int]:
    """Yields the days from ``begin`` to ``end`` in every ``interval``-th week, counted from the week of ``first``."""
    into_week = sorted({(weekday - rule.week_start) % 7 for _, weekday in rule.by_day}) or [
        (_weekday(first) - rule.week_start) % 7
    ]
    origin = first - (_weekday(first) - rule.week_start) % 7
    step = 7 * rule.interval
    for week in range(begin - 6 + (origin - (begin - 6)) % step, end + 1, step):
        yield from (week + days for days in into_week if begin <= week + days <= end)


class Pattern:
    """Computes the starts of one recurring window, as readings."""

    def __init__(self, window: Recurring) -> None:
        self._rule = window.rule
        self._first = window.first
        self._first_year = _year_of(window.first)
        self._years: dict[int, tuple[int, ...]] = {}
        self._counts: tuple[int, ...] = (0,)  # number of rule starts before the first year, before the second year, ...
        self._added: Sequence[int] = ()
        self._excluded: Sequence[int] = ()
        self._added = sorted({start for start in window.added if not self._is_start(start)})
        self._excluded = sorted({start for start in window.excluded if self._is_start(start)})

    @property
    def is_empty(self) -> bool:
        """Whether the window has no added start and the rule has no start until :data:`LAST_YEAR`."""
        return not self._added and not any(map(self._year, range(self._first_year, LAST_YEAR + 1)))

    def starts(self, since: int, until: int) -> list[int]:
        """Returns the starts in ``[since, until)`` in order, without excluded ones."""
        years = range(max(_year_of(since), self._first_year), _year_of(until) + 1)
        found = [start for year in years for start in _inside(self._year(year), since, until)]
        if added := _inside(self._added, since, until):
            found = sorted([*found, *added])
        if excluded := _inside(self._excluded, since, until):
            found = [start for start in found if start not in excluded]
        return found

    def index(self, start: int, *, excluded_counts: bool) -> int:
        """Returns the position of a start among all starts, from 0. excluded_counts: count excluded starts too."""
        index = self._rule_starts_before(start) + bisect_left(self._added, start)
        return index if excluded_counts else index - bisect_left(self._excluded, start)

    def _is_start(self, reading: int) -> bool:
        days, added = self._year(_year_of(reading)), self._added
        return any(reading in _inside(starts, reading, reading + 1) for starts in (days, added))

    def _year(self, year: int) -> Sequence[int]:
        """Returns the rule's starts in a calendar year; excluded ones are included, added ones are not."""
        known = self._years.get(year)
        if known is None:
            known = self._pattern(year)
            if self._rule.count is not None:
                known = known[: max(0, self._rule.count - self._before(year))]
            if len(self._years) >= _YEARS_KEPT:
                self._years = {}
            self._years[year] = known
        return known

    def _pattern(self, year: int) -> tuple[int, ...]:
        """Returns the same as :meth:`_year`, but without the limit of the rule's count."""
        rule, first = self._rule, self._first
        if year < self._first_year or (rule.until is not None and rule.until < _day(year, 1, 1) * DAY):
            return ()
        clock = first % DAY
        last = rule.until if rule.until is not None else _day(year + 1, 1, 1) * DAY
        starts = (day * DAY + clock for day in sorted(_days(rule, first // DAY, year)))
        return tuple(start for start in starts if first <= start <= last)

    def _before(self, year: int) -> int:
        """Returns how many starts the pattern has before a year, without the limit of the rule's count.

        The cached tuple is replaced as a whole: another thread sees the old tuple or the new one.
        """
        counts = self._counts
        wanted = max(year - self._first_year, 0)
        if wanted >= len(counts):
            grown = list(counts)
            for each in range(self._first_year + len(counts) - 1, self._first_year + wanted):
                grown.append(grown[-1] + len(self._pattern(each)))
            self._counts = counts = tuple(grown)
        return counts[wanted]

    def _rule_starts_before(self, reading: int) -> int:
        year = _year_of(reading)
        before = self._before(year)
        if self._rule.count is not None:
            before = min(before, self._rule.count)
        return before + bisect_left(self._year(year), reading)


def _inside(starts: Sequence[int], since: int, until: int) -> Sequence[int]:
    return starts[bisect_left(starts, since) : bisect_left(starts, until)] if starts else ()


@lru_cache(maxsize=2048)
def pattern(window: Recurring) -> Pattern:
    """Returns the cached :class:`Pattern` of a window. The window must be valid for ``validate``."""
    return Pattern(window)
