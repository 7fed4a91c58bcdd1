"""Compares gaps and loads with a count of every second or minute."""

from datetime import datetime
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.rendering.coverage import Change, Fairness, Load, covered, fairness, filled, gaps, loads, next_change
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held
from oncall.rendering.spec import LATEST, ByTime, Daily, ExtraShift, InvalidSpec, Participant
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAN,
    DAY,
    HOUR,
    MINUTE,
    WEEK,
    layer,
    shown_at,
    stack,
    when,
)
from tests.oncall.rendering.referee import zone_info
from tests.oncall.rendering.test_differences import SINCE, UNTIL, timelines
from tests.oncall.rendering.test_properties import DAYS, zones

MONDAY = when(2026, 3, 2)


@given(timelines())
def test_gaps_and_cover_are_the_whole_range(spans: list[Span]) -> None:
    empty = {second for second in range(SINCE, UNTIL) if not shown_at(spans, second)}
    found = gaps(spans, SINCE, UNTIL)
    assert {second for start, end in found for second in range(start, end)} == empty
    assert all(first[1] < second[0] for first, second in pairwise(found))
    assert covered(spans, SINCE, UNTIL) == UNTIL - SINCE - len(empty)


@given(timelines())
def test_filled_leaves_no_second_out(spans: list[Span]) -> None:
    parts: list[Held] = list(filled(spans, SINCE, UNTIL))
    assert [(start, end) for start, end, _ in parts] == list(pairwise([SINCE, *(end for _, end, _ in parts)]))
    assert parts[-1][1] == UNTIL
    assert all(shown_at(spans, second) == who for start, end, who in parts for second in range(start, end))


# --- how the time is shared -------------------------------------------------------------------------------------------


@st.composite
def days_around_a_change(draw: st.DrawFn) -> tuple[list[Span], int, int]:
    """Spans on whole minutes over some days in which clocks change somewhere."""
    since = when(*draw(st.sampled_from(DAYS))) - draw(st.integers(0, 2 * 1440)) * MINUTE
    until = since + draw(st.integers(1, 4 * 1440)) * MINUTE
    minutes = st.integers(since // MINUTE - 100, until // MINUTE + 100)
    edges = sorted(draw(st.lists(minutes, max_size=8, unique=True)))
    who = st.sampled_from([(ANN,), (BEN,), (ANN, BEN), None])
    drawn = [(start * MINUTE, end * MINUTE, draw(who)) for start, end in pairwise(edges)]
    return [Span(start, end, each) for start, end, each in drawn if each is not None], since, until


@given(days_around_a_change(), zones)
@settings(deadline=None, max_examples=60)
def test_loads_are_what_a_wall_clock_shows_minute_by_minute(case: tuple[list[Span], int, int], zone: str) -> None:
    spans, since, until = case
    clock = zone_info(zone)
    counted: dict[Participant, list[int]] = {}
    last: tuple[Participant, ...] = ()
    for minute in range(since, until, MINUTE):
        now = shown_at(spans, minute)
        shown = datetime.fromtimestamp(minute, clock)
        for each in now:
            count = counted.setdefault(each, [0, 0, 0, 0])
            count[0] += MINUTE
            count[1] += MINUTE * (shown.hour < 6 or shown.hour >= 22)
            count[2] += MINUTE * (shown.isoweekday() >= 6)
            count[3] += each not in last
        last = now
    assert loads(spans, zone, since, until) == {each: Load(*count) for each, count in counted.items()}


def test_the_night_of_a_change_of_the_clock_has_the_hours_it_has() -> None:
    zone = "Europe/Paris"
    spans = [Span(when(2026, 3, 1), when(2026, 12, 1), (ANN,))]
    spring = loads(spans, zone, when(2026, 3, 28, 12), when(2026, 3, 29, 12))[ANN]
    autumn = loads(spans, zone, when(2026, 10, 24, 12), when(2026, 10, 25, 12))[ANN]
    assert (spring.night_seconds, autumn.night_seconds) == (7 * HOUR, 9 * HOUR)
    assert (spring.weekend_seconds, spring.shifts) == (DAY, 1)


def shares(*hours: int) -> dict[Participant, Load]:
    return {each: Load(hour * HOUR, 0, 0, 1) for each, hour in zip((ANN, BEN, CAT, DAN), hours, strict=False)}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((), Fairness(100, 0, ())),
        ((8,), Fairness(100, 8 * HOUR, ())),
        ((10, 10), Fairness(100, 10 * HOUR, ())),
        ((10, 5), Fairness(50, 7 * HOUR + HOUR // 2, (ANN,))),
        ((100, 96), Fairness(100, 98 * HOUR, ())),
        ((100, 95), Fairness(100, 97 * HOUR + HOUR // 2, ())),
        ((100, 94), Fairness(94, 97 * HOUR, ())),
        ((1, 2, 4), Fairness(42, 7 * HOUR // 3, (CAT,))),
        ((115, 85), Fairness(74, 100 * HOUR, ())),
        ((116, 84), Fairness(72, 100 * HOUR, (ANN,))),
    ],
)
def test_fairness_by_hand(hours: tuple[int, ...], expected: Fairness) -> None:
    assert fairness(shares(*hours)) == expected


@given(st.lists(st.integers(1, 400), min_size=2, max_size=4))
def test_balance_is_the_mean_over_all_pairs(hours: list[int]) -> None:
    ratios = [min(pair) / max(pair) for pair in combinations(hours, 2)]
    mean = 100 * sum(ratios) / len(ratios)
    balance = fairness(shares(*hours)).balance
    assert abs(balance - mean) <= 0.501 or (balance == 100 and mean > 94.499)
    assert balance == 100 or mean < 94.501


# --- when it changes --------------------------------------------------------------------------------------------------


def test_the_next_change_is_the_next_handoff() -> None:
    spec = stack("Etc/UTC", layer("a", ANN, BEN, turns=ByTime(MONDAY, WEEK)))
    assert next_change(spec, (), MONDAY + HOUR, 60 * DAY) == Change((ANN,), MONDAY + WEEK, (BEN,))
    assert next_change(spec, (), MONDAY + WEEK - 1, 60 * DAY) == Change((ANN,), MONDAY + WEEK, (BEN,))
    assert next_change(spec, (), MONDAY + HOUR, DAY) == Change((ANN,), None, ())


def test_nobody_is_a_change_too() -> None:
    office = stack("Etc/UTC", layer("a", ANN, windows=(Daily(9 * HOUR, 8 * HOUR),)))
    assert next_change(office, (), MONDAY + 10 * HOUR, 60 * DAY) == Change((ANN,), MONDAY + 17 * HOUR, ())
    assert next_change(office, (), MONDAY + 17 * HOUR, 60 * DAY) == Change((), MONDAY + 33 * HOUR, (ANN,))


@pytest.mark.parametrize("days", [1, 5, 30, 59])
def test_a_change_is_found_however_far_it_is_within_the_horizon(days: int) -> None:
    shift = ExtraShift("x", MONDAY + days * DAY, MONDAY + 70 * DAY, BEN)
    spec = stack("Etc/UTC", layer("a", ANN), extra_shifts=(shift,))
    assert next_change(spec, (), MONDAY, 60 * DAY) == Change((ANN,), MONDAY + days * DAY, (ANN, BEN))
    assert next_change(spec, (), MONDAY, days * DAY) == Change((ANN,), None, ())


def test_the_supported_years_end_the_search() -> None:
    spec = stack("Etc/UTC", layer("a", ANN))
    assert next_change(spec, (), LATEST - HOUR, 60 * DAY) == Change((ANN,), None, ())
    with pytest.raises(InvalidSpec):
        next_change(spec, (), LATEST, 60 * DAY)
