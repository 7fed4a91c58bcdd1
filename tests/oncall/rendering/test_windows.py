"""Windows by membership: the pattern of a week, and the ranges made from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.rendering.spec import Always, Daily, Weekly, Window
from oncall.rendering.windows import EVER, is_open, open_ranges, weekly_pattern
from oncall.rendering.zones import WEEK
from tests.oncall.rendering.comparison import DAY, HOUR, clock_time, layer, when
from tests.oncall.rendering.referee import window_is_open

of_the_day = st.integers(0, 47).map(lambda halves: halves * HOUR // 2)
windows = st.lists(
    st.one_of(
        st.builds(Daily, of_the_day, st.integers(1, 48).map(lambda halves: halves * HOUR // 2)),
        st.builds(Weekly, st.integers(1, 7), of_the_day, st.integers(1, 383).map(lambda halves: halves * HOUR // 2)),
    ),
    min_size=1,
    max_size=6,
).map(tuple)


def plain(window: Window) -> dict[str, object]:
    assert isinstance(window, Daily | Weekly)
    weekday = {"weekday": window.weekday} if isinstance(window, Weekly) else {}
    kind = "weekly" if weekday else "daily"
    return {"type": kind, "start": window.start, "duration": window.duration} | weekday


@given(union=windows)
def test_a_pattern_is_sorted_apart_and_holds_the_same_readings_as_its_windows(union: tuple[Window, ...]) -> None:
    pattern = weekly_pattern(union)
    edges = [edge for part in pattern for edge in part]
    if pattern != EVER:
        assert edges == sorted(set(edges))
        assert edges[-1] - WEEK < edges[0]
    monday = when(2026, 6, 1)
    for second in range(0, WEEK, HOUR // 2):
        inside = any(opens <= at < closes for opens, closes in pattern for at in (second, second + WEEK))
        assert inside == is_open(layer("a", windows=union), "Etc/UTC", monday + second)
        assert inside == any(window_is_open(plain(window), monday + second) for window in union)


def test_windows_that_leave_nothing_out_are_always_open() -> None:
    assert weekly_pattern((Always(),)) is EVER
    assert weekly_pattern((Daily(clock_time(9), HOUR), Always())) is EVER
    assert weekly_pattern((Daily(clock_time(9), DAY),)) is EVER
    assert weekly_pattern((Weekly(3, clock_time(9), WEEK),)) is EVER
    assert weekly_pattern((Weekly(1, 0, 4 * DAY), Weekly(5, 0, 3 * DAY))) is EVER
    assert weekly_pattern((Weekly(1, 0, HOUR), Weekly(3, clock_time(9), WEEK + DAY - 1))) is EVER
    assert is_open(layer("a", windows=(Daily(clock_time(9), HOUR), Always())), "Etc/UTC", 0)


def test_a_window_over_the_end_of_the_week_joins_the_next_window() -> None:
    sunday_night = Weekly(7, clock_time(22), 6 * HOUR)
    assert weekly_pattern((Weekly(1, clock_time(4), HOUR), sunday_night)) == ((WEEK - 2 * HOUR, WEEK + 5 * HOUR),)


@pytest.mark.parametrize("window", [Weekly(7, clock_time(22), 6 * HOUR), Daily(clock_time(22), 6 * HOUR)])
def test_a_range_that_begins_on_monday_inside_sundays_window_is_open_at_once(window: Window) -> None:
    monday = when(2026, 6, 8)
    opened = open_ranges(layer("a", windows=(window,)), "Etc/UTC", monday, monday + 12 * HOUR)
    assert opened == [(monday, monday + 4 * HOUR)]


def test_an_open_range_goes_on_over_a_change_of_offset() -> None:
    since, until = when(2026, 3, 28, 12), when(2026, 3, 29, 12)
    ranges = open_ranges(layer("a", windows=(Daily(clock_time(22), 8 * HOUR),)), "Europe/Paris", since, until)
    assert ranges == [(when(2026, 3, 28, 21), when(2026, 3, 29, 4))]
    assert open_ranges(layer("a"), "Europe/Paris", since, until) == [(since, until)]


def test_a_stretch_without_an_open_window_adds_nothing() -> None:
    since, until = when(2026, 3, 29, 0, 30), when(2026, 3, 29, 12)
    assert open_ranges(layer("a", windows=(Daily(clock_time(23), HOUR),)), "Europe/Paris", since, until) == []
