"""Turns by formula: wall clock and elapsed time, seconds and months."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.rendering.answers import on_call_at
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import VACANT, ByTime, Everyone
from oncall.rendering.turns import handoffs, turn_at
from oncall.rendering.zones import at
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAY,
    HOUR,
    WEEK,
    assert_agrees,
    layer,
    stack,
    when,
)

PARIS = "Europe/Paris"


def test_a_wall_clock_week_over_a_change_lasts_an_hour_less_or_more() -> None:
    turns = ByTime(when(2026, 3, 2, 9), WEEK)
    starts = [instant for instant, _ in handoffs(turns, PARIS, when(2026, 3, 23, 8), when(2026, 4, 7))]
    assert [later - earlier for earlier, later in pairwise(starts)] == [WEEK - HOUR, WEEK]


def test_an_elapsed_week_lasts_a_week() -> None:
    turns = ByTime(when(2026, 3, 2, 8), WEEK, clock="elapsed")
    starts = [instant for instant, _ in handoffs(turns, PARIS, when(2026, 3, 23, 8), when(2026, 4, 7))]
    assert [later - earlier for earlier, later in pairwise(starts)] == [WEEK, WEEK]
    spec = stack(PARIS, layer("a", ANN, BEN, turns=turns))
    assert_agrees(spec, when(2026, 3, 23), when(2026, 4, 7))


@given(
    anchor=st.integers(when(2015, 1, 1), when(2035, 1, 1)),
    length=st.integers(60, 40 * DAY),
    turn=st.integers(-2000, 2000),
    zone=st.sampled_from([PARIS, "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_a_turn_runs_from_its_own_boundary_to_the_next(anchor: int, length: int, turn: int, zone: str) -> None:
    turns = ByTime(anchor, length)
    start, end = at(zone, anchor + turn * length), at(zone, anchor + (turn + 1) * length)
    if start < end:
        assert turn_at(turns, zone, start) == turn_at(turns, zone, end - 1) == turn
    assert turn_at(turns, zone, start - 1) < turn <= turn_at(turns, zone, start)


def test_turns_shorter_than_a_gap_are_skipped_inside_it() -> None:
    turns = ByTime(when(2026, 3, 29), 15 * 60)
    around = handoffs(turns, PARIS, when(2026, 3, 29, 0, 45), when(2026, 3, 29, 1, 20))
    assert around == [
        (when(2026, 3, 29, 0, 45), 7),
        (when(2026, 3, 29, 1), 12),  # 01:59:59 is followed by 03:00
        (when(2026, 3, 29, 1, 15), 13),
    ]


def test_months_cut_the_day_to_the_months_last_counted_from_the_anchor() -> None:
    turns = ByTime(when(2026, 1, 31, 9), 1, unit="months")
    spec = stack("Etc/UTC", layer("a", ANN, BEN, CAT, turns=turns))
    spans = render_final(spec, (), when(2026, 1, 31, 9), when(2026, 5, 31, 9))
    assert [(span.start, span.participants) for span in spans] == [
        (when(2026, 1, 31, 9), (ANN,)),
        (when(2026, 2, 28, 9), (BEN,)),
        (when(2026, 3, 31, 9), (CAT,)),
        (when(2026, 4, 30, 9), (ANN,)),
    ]
    assert on_call_at(spec, (), when(2025, 12, 31, 9)) == (CAT,)
    assert on_call_at(spec, (), when(2025, 12, 31, 8, 59, 59)) == (BEN,)


@pytest.mark.parametrize("months", [1, 3, 14])
def test_months_agree_with_the_referee_before_and_after_the_anchor(months: int) -> None:
    turns = ByTime(when(2024, 2, 29, 2, 30), months, unit="months")
    spec = stack(PARIS, layer("a", ANN, BEN, turns=turns))
    for year, month in ((2023, 2), (2024, 2)):
        assert_agrees(spec, when(year, month, 28, 12), when(year, month + 1, 2))


def test_everyone_is_on_call_without_the_vacant_participant() -> None:
    spec = stack("Etc/UTC", layer("a", CAT, ANN, VACANT, ANN, turns=Everyone()))
    assert render_final(spec, (), 0, DAY) == (Span(0, DAY, (ANN, CAT)),)
    assert on_call_at(spec, (), 0) == (ANN, CAT)


def test_a_vacant_turn_lets_the_next_layer_through() -> None:
    high = layer("high", ANN, VACANT, turns=ByTime(when(2026, 6, 1), DAY))
    low = layer("low", BEN)
    assert assert_agrees(stack("Etc/UTC", high, low), when(2026, 6, 1), when(2026, 6, 4)) == (
        Span(when(2026, 6, 1), when(2026, 6, 2), (ANN,)),
        Span(when(2026, 6, 2), when(2026, 6, 3), (BEN,)),
        Span(when(2026, 6, 3), when(2026, 6, 4), (ANN,)),
    )
    assert render_final(stack("Etc/UTC", layer("a", VACANT)), (), 0, DAY) == ()


def test_a_single_participant_has_no_handoffs_however_short_the_turns() -> None:
    spec = stack("Etc/UTC", layer("a", ANN, ANN, turns=ByTime(0, 1)))
    assert render_final(spec, (), 0, 365 * DAY) == (Span(0, 365 * DAY, (ANN,)),)
