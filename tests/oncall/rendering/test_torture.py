"""Compares schedules that other importers got wrong with the referee."""

import pytest

from oncall.rendering.answers import on_call_at
from oncall.rendering.final import Span, render, render_final
from oncall.rendering.spec import ByTime, Daily, Override, Weekly
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAN,
    DAY,
    EVE,
    HOUR,
    MINUTE,
    WEEK,
    assert_agrees,
    clock_time,
    layer,
    stack,
    when,
)

OFFICE = (Daily(clock_time(9), 8 * HOUR),)
WEEKLY = ByTime(when(2026, 1, 5, 9), WEEK)


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("Europe/Paris", ((2026, 3, 29), (2026, 10, 25))),
        ("America/New_York", ((2026, 3, 8), (2026, 11, 1))),
        ("Australia/Sydney", ((2026, 4, 5), (2026, 10, 4))),
        ("Asia/Kolkata", ((2026, 3, 29), (2026, 10, 25))),
        ("Australia/Lord_Howe", ((2026, 4, 5), (2026, 10, 4))),
    ],
)
def test_weekly_turns_in_office_hours_across_both_changes(
    zone: str, days: tuple[tuple[int, int, int], tuple[int, int, int]]
) -> None:
    spec = stack(zone, layer("a", ANN, BEN, CAT, windows=OFFICE))
    for day in days:
        spans = assert_agrees(spec, when(*day) - 2 * DAY, when(*day) + 3 * DAY)
        assert {span.end - span.start for span in spans[1:-1]} == {8 * HOUR}


@pytest.mark.parametrize("day", [(2026, 3, 28), (2026, 10, 24)])
@pytest.mark.parametrize("anchor", [clock_time(2), clock_time(2, 30), clock_time(3)])
def test_a_handoff_inside_the_skipped_or_repeated_hour(day: tuple[int, int, int], anchor: int) -> None:
    spec = stack("Europe/Paris", layer("a", ANN, BEN, CAT, turns=ByTime(when(2026, 1, 5) + anchor, DAY)))
    spans = assert_agrees(spec, when(*day, 12), when(*day, 12) + 3 * DAY)
    assert len(spans) == 4  # one handoff a day, also on the day of the change


def test_a_handoff_in_the_skipped_hour_happens_when_the_gap_ends() -> None:
    spec = stack("Europe/Paris", layer("a", ANN, BEN, turns=ByTime(when(2026, 3, 22, 2, 30), WEEK)))
    assert render_final(spec, (), when(2026, 3, 28), when(2026, 3, 30)) == (
        Span(when(2026, 3, 28), when(2026, 3, 29, 1), (ANN,)),
        Span(when(2026, 3, 29, 1), when(2026, 3, 30), (BEN,)),
    )


def test_a_handoff_in_the_repeated_hour_happens_once_in_its_first_pass() -> None:
    spec = stack("Europe/Paris", layer("a", ANN, BEN, turns=ByTime(when(2026, 10, 18, 2, 30), WEEK)))
    assert render_final(spec, (), when(2026, 10, 24), when(2026, 10, 26)) == (
        Span(when(2026, 10, 24), when(2026, 10, 25, 0, 30), (ANN,)),
        Span(when(2026, 10, 25, 0, 30), when(2026, 10, 26), (BEN,)),
    )


def test_a_window_does_not_open_in_the_skipped_hour_and_opens_twice_in_the_repeated_hour() -> None:
    spec = stack("Europe/Paris", layer("a", ANN, windows=(Daily(clock_time(2), HOUR),)))
    assert render_final(spec, (), when(2026, 3, 28, 12), when(2026, 3, 29, 12)) == ()
    assert render_final(spec, (), when(2026, 10, 24, 12), when(2026, 10, 25, 12)) == (
        Span(when(2026, 10, 25), when(2026, 10, 25, 2), (ANN,)),
    )


def test_a_window_over_midnight_is_split_by_a_handoff_at_midnight() -> None:
    night = (Daily(clock_time(22), 8 * HOUR),)
    spec = stack("Europe/Berlin", layer("a", ANN, BEN, turns=ByTime(when(2026, 6, 1), DAY), windows=night))
    assert assert_agrees(spec, when(2026, 6, 1, 12), when(2026, 6, 2, 12)) == (
        Span(when(2026, 6, 1, 20), when(2026, 6, 1, 22), (ANN,)),
        Span(when(2026, 6, 1, 22), when(2026, 6, 2, 4), (BEN,)),
    )


def test_a_handoff_inside_a_window_splits_it_between_two_people() -> None:
    spec = stack("Etc/UTC", layer("a", ANN, BEN, turns=ByTime(when(2026, 6, 1, 13), DAY), windows=OFFICE))
    assert assert_agrees(spec, when(2026, 6, 2), when(2026, 6, 3)) == (
        Span(when(2026, 6, 2, 9), when(2026, 6, 2, 13), (ANN,)),
        Span(when(2026, 6, 2, 13), when(2026, 6, 2, 17), (BEN,)),
    )


def test_seven_single_weekday_windows_are_one_daily_window() -> None:
    seven = tuple(Weekly(weekday, clock_time(20), 6 * HOUR) for weekday in range(1, 8))
    daily = (Daily(clock_time(20), 6 * HOUR),)
    since, until = when(2026, 3, 27), when(2026, 4, 4)
    by_weekday = stack("Europe/Paris", layer("a", ANN, BEN, windows=seven))
    assert assert_agrees(by_weekday, since, until) == render_final(
        stack("Europe/Paris", layer("a", ANN, BEN, windows=daily)), (), since, until
    )


def test_two_day_turns_through_weekly_windows() -> None:
    windows = (Weekly(1, clock_time(9), 33 * HOUR), Weekly(4, clock_time(18), 3 * DAY))
    spec = stack(
        "America/New_York", layer("a", ANN, BEN, CAT, turns=ByTime(when(2026, 3, 2, 8), 2 * DAY), windows=windows)
    )
    assert_agrees(spec, when(2026, 3, 4), when(2026, 3, 12))


@pytest.mark.parametrize("length", [90 * MINUTE, 36 * HOUR])
@pytest.mark.parametrize("day", [(2026, 3, 8), (2026, 11, 1)])
def test_ninety_minute_and_thirty_six_hour_turns_over_a_change(length: int, day: tuple[int, int, int]) -> None:
    spec = stack("America/New_York", layer("a", ANN, BEN, CAT, turns=ByTime(when(2026, 1, 5, 9), length)))
    assert_agrees(spec, when(*day) - 2 * DAY, when(*day) + 3 * DAY)


@pytest.mark.parametrize("anchor", [when(2016, 2, 29, 9), when(2036, 2, 29, 9)])
def test_an_anchor_ten_years_ago_or_ahead(anchor: int) -> None:
    spec = stack("Europe/Paris", layer("a", ANN, BEN, CAT, turns=ByTime(anchor, WEEK)))
    spans = assert_agrees(spec, when(2026, 3, 25), when(2026, 4, 5))
    order = [ANN, BEN, CAT]
    following = [order[order.index(span.participants[0]) - 2] for span in spans[:-1]]
    assert following == [span.participants[0] for span in spans[1:]]


def test_turns_before_the_anchor_count_backwards() -> None:
    spec = stack("Etc/UTC", layer("a", ANN, BEN, CAT, turns=ByTime(when(2026, 6, 10), DAY)))
    whose = [on_call_at(spec, (), when(2026, 6, 10) - days * DAY) for days in range(5)]
    assert whose == [(ANN,), (CAT,), (BEN,), (ANN,), (CAT,)]


def test_an_ended_layer_ends_although_another_layer_has_its_name() -> None:
    ended = layer("old", ANN, ends_at=when(2026, 6, 10, 7))
    live = layer("new", BEN, starts_at=when(2026, 6, 10, 6))
    spec = stack("Europe/Paris", ended, live)
    assert assert_agrees(spec, when(2026, 6, 9), when(2026, 6, 11)) == (
        Span(when(2026, 6, 9), when(2026, 6, 10, 7), (ANN,)),
        Span(when(2026, 6, 10, 7), when(2026, 6, 11), (BEN,)),
    )
    never = stack("Europe/Paris", layer("old", ANN, starts_at=when(2026, 6, 10), ends_at=when(2026, 6, 10)))
    assert render_final(never, (), when(2026, 6, 9), when(2026, 6, 11)) == ()


def test_a_person_twice_in_the_order_has_two_turns() -> None:
    spec = stack("Etc/UTC", layer("a", ANN, BEN, ANN, CAT, turns=ByTime(when(2026, 6, 1), DAY)))
    spans = assert_agrees(spec, when(2026, 6, 1), when(2026, 6, 5))
    assert [span.participants for span in spans] == [(ANN,), (BEN,), (ANN,), (CAT,)]
    doubled = stack("Etc/UTC", layer("a", ANN, ANN, BEN, turns=ByTime(when(2026, 6, 1), DAY)))
    assert assert_agrees(doubled, when(2026, 6, 1), when(2026, 6, 4)) == (
        Span(when(2026, 6, 1), when(2026, 6, 3), (ANN,)),
        Span(when(2026, 6, 3), when(2026, 6, 4), (BEN,)),
    )


def test_an_unknown_participant_keeps_their_turn() -> None:
    spec = stack("Etc/UTC", layer("a", ANN, DAN, BEN, turns=ByTime(when(2026, 6, 1), DAY)), layer("b", EVE))
    assert on_call_at(spec, (), when(2026, 6, 2, 12)) == (DAN,)
    assert_agrees(spec, when(2026, 6, 1), when(2026, 6, 5))


def test_a_deactivated_person_in_an_override_is_on_call() -> None:
    override = Override("o", when(2026, 6, 2, 10), when(2026, 6, 2, 12), DAN)
    spec = stack("Etc/UTC", layer("a", ANN), overrides=(override,))
    assert assert_agrees(spec, when(2026, 6, 2), when(2026, 6, 3)) == (
        Span(when(2026, 6, 2), when(2026, 6, 2, 10), (ANN,)),
        Span(when(2026, 6, 2, 10), when(2026, 6, 2, 12), (DAN,)),
        Span(when(2026, 6, 2, 12), when(2026, 6, 3), (ANN,)),
    )


def test_three_layers_whose_higher_ones_have_gaps() -> None:
    nights = (Daily(clock_time(20), 6 * HOUR),)
    spec = stack(
        "America/New_York",
        layer("high", ANN, BEN, windows=nights),
        layer("middle", CAT, DAN, windows=OFFICE),
        layer("low", EVE, starts_at=when(2026, 3, 7, 12)),
    )
    assert_agrees(spec, when(2026, 3, 6), when(2026, 3, 11))
    assert on_call_at(spec, (), when(2026, 3, 7, 1)) in ((ANN,), (BEN,))  # 20:00 the evening before
    assert on_call_at(spec, (), when(2026, 3, 7, 11, 59)) == ()
    assert on_call_at(spec, (), when(2026, 3, 7, 12)) == (EVE,)
    assert on_call_at(spec, (), when(2026, 3, 7, 14)) in ((CAT,), (DAN,))
    alone = dict(render(spec, (), when(2026, 3, 6), when(2026, 3, 11)).layers)
    assert list(alone) == ["high", "middle", "low"]
    assert alone["low"] == (Span(when(2026, 3, 7, 12), when(2026, 3, 11), (EVE,)),)


@pytest.mark.parametrize("day", [(2026, 3, 29), (2026, 4, 5), (2026, 11, 1)])
def test_follow_the_sun_in_three_zones(day: tuple[int, int, int]) -> None:
    hours = (Daily(clock_time(9), 9 * HOUR),)
    spec = stack(
        "Etc/UTC",
        layer("emea", ANN, BEN, zone="Europe/Paris", windows=hours),
        layer("americas", CAT, zone="America/Los_Angeles", windows=hours),
        layer("apac", DAN, EVE, zone="Australia/Sydney", windows=hours),
    )
    assert_agrees(spec, when(*day) - 2 * DAY, when(*day) + 2 * DAY)


def test_overlapping_overrides_follow_their_rank() -> None:
    low = Override("a", when(2026, 6, 2, 8), when(2026, 6, 2, 14), BEN, rank=0)
    high = Override("b", when(2026, 6, 2, 6), when(2026, 6, 2, 10), CAT, rank=1)
    for overrides in ((low, high), (high, low)):
        spec = stack("Etc/UTC", layer("a", ANN), overrides=overrides)
        assert [
            (span.start, span.participants) for span in assert_agrees(spec, when(2026, 6, 2), when(2026, 6, 3))
        ] == [
            (when(2026, 6, 2), (ANN,)),
            (when(2026, 6, 2, 6), (CAT,)),
            (when(2026, 6, 2, 10), (BEN,)),
            (when(2026, 6, 2, 14), (ANN,)),
        ]
