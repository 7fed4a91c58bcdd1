"""Recurrence rules against a library that has read the same standard, and what the standard leaves to us."""

from datetime import UTC, datetime

from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.rendering.recurrence import Pattern
from oncall.rendering.spec import Recurring, Rule
from tests.oncall.rendering.comparison import DAY, HOUR, when

FREQUENCIES = {"DAILY": rrule.DAILY, "WEEKLY": rrule.WEEKLY, "MONTHLY": rrule.MONTHLY, "YEARLY": rrule.YEARLY}
HORIZON = when(2031, 1, 1)

firsts = st.integers(when(2024, 1, 1) // HOUR, when(2026, 12, 31) // HOUR).map(lambda hours: hours * HOUR)
months = st.lists(st.integers(1, 12), max_size=3, unique=True).map(tuple)
month_days = st.lists(st.one_of(st.integers(1, 31), st.just(-1)), max_size=3, unique=True).map(tuple)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    frequency = draw(st.sampled_from(list(FREQUENCIES)))
    by_month = draw(months)
    most = {"MONTHLY": 5, "YEARLY": 5 if by_month else 53}.get(frequency, 0)
    # The library mixes up weekdays with and without an ordinal in one rule; the standard, and we, take both.
    ordinals = draw(
        st.sampled_from([st.just(0), st.integers(1, most), st.integers(-most, -1)] if most else [st.just(0)])
    )
    weekdays = st.tuples(ordinals, st.integers(1, 7))
    return Rule(
        frequency=frequency,  # type: ignore[arg-type]  # one of the words, out of a dict of them
        interval=draw(st.integers(1, 5)),
        by_day=draw(st.lists(weekdays, max_size=3, unique=True).map(tuple)),
        by_month_day=() if frequency == "WEEKLY" else draw(month_days),
        by_month=by_month,
        week_start=draw(st.integers(1, 7)),
        count=draw(st.one_of(st.none(), st.integers(1, 60))),
        until=draw(st.one_of(st.none(), st.integers(when(2026, 6, 1), when(2030, 1, 1)))),
    )


def by_the_library(rule: Rule, first: int) -> list[int]:
    moment = datetime.fromtimestamp(first, UTC).replace(tzinfo=None)
    until = HORIZON if rule.until is None else min(rule.until, HORIZON)
    made = rrule.rrule(
        FREQUENCIES[rule.frequency],
        dtstart=moment,
        interval=rule.interval,
        wkst=rule.week_start - 1,
        until=datetime.fromtimestamp(until, UTC).replace(tzinfo=None),
        bymonth=rule.by_month or None,
        bymonthday=rule.by_month_day or None,
        byweekday=[rrule.weekday(day - 1, ordinal or None) for ordinal, day in rule.by_day] or None,
    )
    starts = [int(start.replace(tzinfo=UTC).timestamp()) for start in made]
    return [start for start in starts if start < HORIZON][: rule.count]


@settings(deadline=None, max_examples=60)
@given(rule=rules(), first=firsts)
def test_a_rule_starts_when_the_standards_library_says(rule: Rule, first: int) -> None:
    pattern = Pattern(Recurring(rule, first, HOUR))
    expected = by_the_library(rule, first)
    assert pattern.starts(first - 400 * DAY, HORIZON) == expected
    assert [pattern.index(start, excluded_counts=True) for start in expected] == list(range(len(expected)))


@settings(deadline=None, max_examples=60)
@given(rule=rules(), first=firsts, data=st.data())
def test_added_and_excluded_starts_keep_or_lose_their_place(rule: Rule, first: int, data: st.DataObject) -> None:
    own = by_the_library(rule, first)
    near = st.integers(-90, 900).map(lambda days: first + days * DAY)
    some = st.lists(st.one_of(near, st.sampled_from(own)) if own else near, max_size=6)
    added, excluded = data.draw(some), data.draw(some)
    pattern = Pattern(Recurring(rule, first, HOUR, tuple(excluded), tuple(added)))
    everything = sorted({*own, *added})
    occurring = [start for start in everything if start not in excluded]
    assert pattern.starts(first - 400 * DAY, HORIZON) == occurring
    for start in occurring:
        assert pattern.index(start, excluded_counts=True) == everything.index(start)
        assert pattern.index(start, excluded_counts=False) == occurring.index(start)


@settings(deadline=None, max_examples=60)
@given(rule=rules(), first=firsts, since=st.integers(0, 1500), days=st.integers(0, 400))
def test_a_part_of_the_starts_is_that_part(rule: Rule, first: int, since: int, days: int) -> None:
    begin, end = when(2024, 1, 1) + since * DAY, when(2024, 1, 1) + (since + days) * DAY
    window = Recurring(rule, first, HOUR)
    whole = [start for start in Pattern(window).starts(0, HORIZON + 500 * DAY) if begin <= start < end]
    assert Pattern(window).starts(begin, end) == whole


def test_weekdays_with_and_without_an_ordinal_add_up() -> None:
    first = Rule("MONTHLY", by_day=((1, 1), (0, 5)))
    starts = Pattern(Recurring(first, when(2026, 6, 1), HOUR)).starts(when(2026, 6, 1), when(2026, 7, 1))
    assert starts == [when(2026, 6, day) for day in (1, 5, 12, 19, 26)]


def test_a_duplicate_month_counts_once() -> None:
    for frequency in ("MONTHLY", "YEARLY"):
        rule = Rule(frequency, by_month=(6, 6), by_day=((0, 1),))  # type: ignore[arg-type]  # both are words of it
        starts = Pattern(Recurring(rule, when(2026, 6, 1), HOUR)).starts(when(2026, 6, 1), when(2026, 6, 20))
        assert starts == [when(2026, 6, day) for day in (1, 8, 15)]


def test_an_old_rule_is_counted_without_walking_through_its_days_again() -> None:
    pattern = Pattern(Recurring(Rule("DAILY"), when(1950, 1, 1, 9), HOUR))
    days = (when(2026, 6, 1, 9) - when(1950, 1, 1, 9)) // DAY
    assert pattern.index(when(2026, 6, 1, 9), excluded_counts=True) == days
    assert pattern.starts(when(2026, 6, 1), when(2026, 6, 3)) == [when(2026, 6, 1, 9), when(2026, 6, 2, 9)]


def test_a_rule_without_a_start_is_empty_unless_something_was_added() -> None:
    never = Rule("MONTHLY", by_month=(2,), by_month_day=(31,))
    assert Pattern(Recurring(never, when(2026, 1, 1), HOUR)).is_empty
    assert not Pattern(Recurring(never, when(2026, 1, 1), HOUR, added=(when(2026, 5, 5),))).is_empty
    assert Pattern(Recurring(Rule("DAILY", until=when(2025, 1, 1)), when(2026, 1, 1), HOUR)).is_empty
    assert not Pattern(Recurring(Rule("YEARLY", by_month_day=(29,), by_month=(2,)), when(2097, 1, 1), HOUR)).is_empty
