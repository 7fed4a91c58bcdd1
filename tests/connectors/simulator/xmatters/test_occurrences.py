"""Occurrences of simulated shifts: every frequency, ends, deleted occurrences, holidays, changes of the clock."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.simulator.xmatters.model import Recurrence, Shift
from connectors.simulator.xmatters.occurrences import completed, falls_on, occurrences
from connectors.simulator.zones import DAY, iso

EPOCH = date(1970, 1, 1)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def shift(start: str | None, end: str | None, rule: Recurrence | None, zone: str = "Etc/UTC", **further: Any) -> Shift:
    first = None if start is None else at(start)
    made = Shift("s", "S", "g", zone, zone, first, None if end is None else at(end), rule, [])
    for name, value in further.items():
        setattr(made, name, value)
    return made


def starts(made: Shift, since: str, until: str, holidays: frozenset[int] = frozenset()) -> list[str]:
    found = occurrences(made, at(since), at(until), holidays)
    return [iso(one.start, "UTC")[:10] for one in found]


MARCH_2 = ("2026-03-02T09:00", "2026-03-02T17:00")  # a Monday
RULES = [
    (Recurrence("ONCE"), ["2026-03-02"]),
    (Recurrence("DAILY", "10"), ["2026-03-02", "2026-03-12", "2026-03-22"]),
    (Recurrence("WEEKLY", 2, ("SU", "TU")), ["2026-03-03", "2026-03-15", "2026-03-17", "2026-03-29", "2026-03-31"]),
    (Recurrence("WEEKLY", 4, ()), [f"2026-03-{one:02}" for one in (2, 3, 4, 5, 6, 7, 29, 30, 31)]),
    (Recurrence("EVERY_WEEKEND_DAY"), [f"2026-03-{one:02}" for one in (7, 8, 14, 15, 21, 22, 28, 29)]),
    (
        Recurrence("EVERY_WEEKDAY", end_by="REPETITIONS", repetitions="6"),
        [f"2026-03-{one:02}" for one in (2, 3, 4, 5, 6, 9)],
    ),
    (Recurrence("MONTHLY", on="DATE_OF_MONTH", date_of_month="LAST"), ["2026-03-31"]),
    (Recurrence("MONTHLY", on="DAY_OF_WEEK", classifier="SECOND", day_of_week="FR"), ["2026-03-13"]),
    (Recurrence("MONTHLY", on="DAY_OF_WEEK", classifier="LAST", day_of_week="FR"), ["2026-03-27"]),
    (Recurrence("YEARLY", months=("MAR",), on="DATE_OF_MONTH", date_of_month="5"), ["2026-03-05"]),
    (Recurrence("YEARLY"), ["2026-03-02"]),
    (Recurrence("HOLIDAY"), ["2026-03-20"]),
    (Recurrence("DAILY", 7, end_by="DATE", until=at("2026-03-16T09:00")), ["2026-03-02", "2026-03-09", "2026-03-16"]),
]


@pytest.mark.parametrize(("rule", "expected"), RULES, ids=lambda one: getattr(one, "frequency", ""))
def test_every_frequency_in_one_month(rule: Recurrence, expected: list[str]) -> None:
    made = shift(*MARCH_2, rule)
    holidays = frozenset({day("2026-02-20"), day("2026-03-20")})
    assert starts(made, "2026-01-01T00:00", "2026-04-01T00:00", holidays) == expected


def test_months_pass_over_dates_they_lack() -> None:
    rule = Recurrence("MONTHLY", 1, on="DATE_OF_MONTH", date_of_month="31")
    made = shift("2026-01-31T09:00", "2026-01-31T17:00", rule)
    assert starts(made, "2026-01-01T00:00", "2026-08-01T00:00") == [
        "2026-01-31",
        "2026-03-31",
        "2026-05-31",
        "2026-07-31",
    ]
    every_other = Recurrence("MONTHLY", 2, months=("MAR", "APR", "MAY"), date_of_month="1")
    made = shift("2026-01-01T09:00", "2026-01-01T17:00", every_other)
    assert starts(made, "2026-01-01T00:00", "2026-12-01T00:00") == ["2026-03-01", "2026-05-01"]


def test_an_unknown_frequency_is_refused() -> None:
    with pytest.raises(ValueError, match="NEVERMORE"):
        falls_on(Recurrence("NEVERMORE"), 1, 1)


@given(
    first=st.dates(date(2020, 1, 1), date(2024, 12, 31)),
    every=st.integers(1, 5),
    days=st.sets(st.sampled_from(range(7)), min_size=1),
    ahead=st.integers(0, 900),
)
def test_weeks_agree_with_counting_sundays(first: date, every: int, days: set[int], ahead: int) -> None:
    """The expected days are counted by the Sundays since the week of the first date."""
    today = first + timedelta(days=ahead)
    sundays = sum((first + timedelta(days=one)).weekday() == 6 for one in range(1, ahead + 1))
    words = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
    rule = Recurrence("WEEKLY", every, tuple(words[one] for one in days))
    expected = sundays % every == 0 and today.weekday() in days
    assert falls_on(rule, (today - EPOCH).days, (first - EPOCH).days) is expected


def test_deleted_occurrences_are_left_out_and_not_counted() -> None:
    made = shift(*MARCH_2, Recurrence("DAILY", 1, end_by="REPETITIONS", repetitions=5))
    made.excluded = ((at("2026-03-04T09:00"), at("2026-03-04T17:00")),)
    found = occurrences(made, at("2026-03-01T00:00"), at("2026-04-01T00:00"))
    assert [(iso(one.start, "UTC")[8:10], one.index) for one in found] == [("02", 0), ("03", 1), ("05", 2), ("06", 3)]
    assert completed(made, at("2026-03-03T16:59")) == 1
    assert completed(made, at("2026-03-03T17:00")) == completed(made, at("2026-03-05T16:59")) == 2
    assert completed(made, at("2026-06-01T00:00")) == 4


def test_holidays_are_left_out_where_the_shift_says_so() -> None:
    holidays = frozenset({day("2026-03-03")})
    made = shift(*MARCH_2, Recurrence("DAILY", 1))
    for on_holidays, expected in ((None, 3), (True, 3), (False, 2)):
        made.on_holidays = on_holidays
        assert len(starts(made, "2026-03-01T00:00", "2026-03-05T00:00", holidays)) == expected


def test_shifts_recur_by_the_wall_clock() -> None:
    """Recorded: defined at 17:00 EDT in August 2015, running at 17:00 EST in December 2021."""
    made = shift("2015-08-05T21:00", "2015-08-06T13:00", Recurrence("DAILY", 1), "America/New_York")
    (found,) = occurrences(made, at("2021-12-29T00:00"), at("2021-12-29T01:00"))
    assert (found.start, found.end) == (at("2021-12-28T22:00"), at("2021-12-29T14:00"))


def test_nights_over_a_change_are_longer_or_shorter() -> None:
    made = shift("2026-01-05T23:00", "2026-01-06T14:00", Recurrence("DAILY", 1), "America/New_York")
    lengths = {one.end - one.start for one in occurrences(made, at("2026-01-01T00:00"), at("2026-12-31T00:00"))}
    assert lengths == {14 * 3600, 15 * 3600, 16 * 3600}


def test_a_shift_that_begins_in_a_gap_begins_after_it() -> None:
    made = shift("2026-03-01T07:30", "2026-03-01T08:30", Recurrence("DAILY", 1), "America/New_York")
    (found,) = occurrences(made, at("2026-03-08T00:00"), at("2026-03-08T12:00"))
    assert (found.start, found.end) == (at("2026-03-08T07:00"), at("2026-03-08T07:30"))


def test_long_shifts_overlap_themselves() -> None:
    made = shift("2026-03-02T09:00", "2026-03-03T18:00", Recurrence("EVERY_WEEKDAY"))
    assert starts(made, "2026-03-04T10:00", "2026-03-04T10:01") == ["2026-03-03", "2026-03-04"]
    assert completed(made, at("2026-03-04T10:00")) == 1


def test_without_times_a_shift_is_written_in_local_days() -> None:
    """Recorded for US/Pacific in winter: 08:00Z to 08:00Z."""
    made = shift(None, None, None, "America/Los_Angeles")
    found = occurrences(made, at("2021-12-28T00:00"), at("2021-12-29T09:00"))
    assert [(iso(one.start, "UTC"), iso(one.end, "UTC")) for one in found] == [
        ("2021-12-27T08:00:00Z", "2021-12-28T08:00:00Z"),
        ("2021-12-28T08:00:00Z", "2021-12-29T08:00:00Z"),
        ("2021-12-29T08:00:00Z", "2021-12-30T08:00:00Z"),
    ]
    year = occurrences(made, at("2026-01-01T00:00"), at("2026-12-31T00:00"))
    assert {one.end - one.start for one in year} == {23 * 3600, 24 * 3600, 25 * 3600}
    assert all(one.end == other.start for one, other in itertools.pairwise(year))
    assert completed(made, year[5].start) == year[5].index


@given(since=st.integers(0, 400 * DAY), length=st.integers(1, 20 * DAY))
def test_parts_of_a_range_give_the_same_as_the_whole(since: int, length: int) -> None:
    made = shift("2026-01-05T20:00", "2026-01-06T08:00", Recurrence("WEEKLY", 2, ("MO", "SA")), "Europe/Berlin")
    begin = at("2026-01-01T00:00") + since
    whole = occurrences(made, at("2026-01-01T00:00"), at("2028-01-01T00:00"))
    expected = [one for one in whole if one.start < begin + length and one.end > begin]
    assert occurrences(made, begin, begin + length) == expected
