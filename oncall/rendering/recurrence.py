"""When a rule recurs: the days of its pattern, year by year, and how many there were before.

Nothing is stepped from the first start: a year's days follow from the calendar, and the number of starts before a year
is remembered per year, so that the index of any occurrence costs the same however old the rule is.
"""

from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache

from oncall.rendering.spec import Recurring, Rule
from oncall.rendering.zones import DAY, LAST_YEAR

_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = range(1, 13)
_YEARS_KEPT = 8  # of one pattern: enough for a rendering, and a bound for the memory of a thousand patterns


def _day(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - _EPOCH


def _date(day: int) -> date:
    return date.fromordinal(day + _EPOCH)


def _year_of(reading: int) -> int:
    return _date(reading // DAY).year


def _weekday(day: int) -> int:
    """1 = Monday; 1970-01-01 was a Thursday."""
    return (day + 3) % 7 + 1


def _weekdays(by_day: Iterable[tuple[int, int]], first: int, last: int) -> set[int]:
    """The days from ``first`` to ``last`` that the pairs (ordinal, weekday) name, ordinals counted within them."""
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


def _named_days(
    rule: Rule, numbers: Sequence[int], year: int, months: Iterable[int], first: int, last: int
) -> set[int]:
    """The days from ``first`` to ``last`` of these months that satisfy both the numbers and the rule's weekdays."""
    days = {day for month in months for day in _month_days(numbers, year, month)}
    if not rule.by_day:
        return days
    weekdays = _weekdays(rule.by_day, first, last)
    return weekdays & days if numbers else weekdays


def _days_of_month(rule: Rule, year: int, month: int, default: int) -> set[int]:
    """``default``: the day of the month when the rule names no days."""
    first, last = _day(year, month, 1), _day(year, month, monthrange(year, month)[1])
    numbers = rule.by_month_day or (() if rule.by_day else (default,))
    return _named_days(rule, numbers, year, (month,), first, last)


def _days(rule: Rule, first: int, year: int) -> Iterable[int]:
    """The days of the rule's pattern in a calendar year, in any order, those before the day ``first`` included."""
    begin, end = _day(year, 1, 1), _day(year, 12, 31)
    start = _date(first)
    match rule.frequency:
        case "DAILY":
            days: Iterable[int] = range(begin + (first - begin) % rule.interval, end + 1, rule.interval)
            if rule.by_day or rule.by_month_day:
                named = _named_days(rule, rule.by_month_day, year, _MONTHS, begin, end)
                days = (day for day in days if day in named)
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
                return _named_days(rule, rule.by_month_day, year, _MONTHS, begin, end)
            months = set(rule.by_month) or {start.month}
            return (day for month in months for day in _days_of_month(rule, year, month, start.day))
    return (day for day in days if _date(day).month in rule.by_month) if rule.by_month else days


def _weekly(rule: Rule, first: int, begin: int, end: int) -> Iterator[int]:
    """Days of every ``interval``-th week from the one of ``first``, between ``begin`` and ``end``."""
    into_week = sorted({(weekday - rule.week_start) % 7 for _, weekday in rule.by_day}) or [
        (_weekday(first) - rule.week_start) % 7
    ]
    origin = first - (_weekday(first) - rule.week_start) % 7
    step = 7 * rule.interval
    for week in range(begin - 6 + (origin - (begin - 6)) % step, end + 1, step):
        yield from (week + days for days in into_week if begin <= week + days <= end)


class Pattern:
    """The starts of one recurring window, as readings."""

    def __init__(self, window: Recurring) -> None:
        self._rule = window.rule
        self._first = window.first
        self._first_year = _year_of(window.first)
        self._years: dict[int, tuple[int, ...]] = {}
        self._counts: tuple[int, ...] = (0,)  # starts of the rule before the first year, the one after, ...
        self._added: Sequence[int] = ()
        self._excluded: Sequence[int] = ()
        self._added = sorted({start for start in window.added if not self._is_start(start)})
        self._excluded = sorted({start for start in window.excluded if self._is_start(start)})

    @property
    def is_empty(self) -> bool:
        """Nothing was added and the rule has no start in the years that are known."""
        return not self._added and not any(map(self._year, range(self._first_year, LAST_YEAR + 1)))

    def starts(self, since: int, until: int) -> list[int]:
        """Those that occur in ``[since, until)``, in order."""
        years = range(max(_year_of(since), self._first_year), _year_of(until) + 1)
        found = [start for year in years for start in _inside(self._year(year), since, until)]
        if added := _inside(self._added, since, until):
            found = sorted([*found, *added])
        if excluded := _inside(self._excluded, since, until):
            found = [start for start in found if start not in excluded]
        return found

    def index(self, start: int, *, excluded_counts: bool) -> int:
        """The position of a start among all of them; ``excluded_counts``: those that do not occur have one as well."""
        index = self._rule_starts_before(start) + bisect_left(self._added, start)
        return index if excluded_counts else index - bisect_left(self._excluded, start)

    def _is_start(self, reading: int) -> bool:
        days, added = self._year(_year_of(reading)), self._added
        return any(reading in _inside(starts, reading, reading + 1) for starts in (days, added))

    def _year(self, year: int) -> Sequence[int]:
        """The rule's starts in a calendar year."""
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
        """As :meth:`_year`, not limited by count."""
        rule, first = self._rule, self._first
        if year < self._first_year or (rule.until is not None and year > _year_of(rule.until)):
            return ()
        clock = first % DAY
        last = rule.until if rule.until is not None else _day(year + 1, 1, 1) * DAY
        starts = (day * DAY + clock for day in sorted(_days(rule, first // DAY, year)))
        return tuple(start for start in starts if first <= start <= last)

    def _before(self, year: int) -> int:
        """How many starts the pattern has before a year. The tuple is replaced whole: other threads see old or new."""
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
    """The starts of a window whose rule ``validate`` accepts."""
    return Pattern(window)
