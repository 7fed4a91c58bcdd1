"""What PagerDuty itself has rendered, as others have published it.

Each case decides between hypotheses about the vendor: which layer wins, wall clock or elapsed time, what the anchor is.
The figures named in a docstring are the published ones; people, and dates and zones not named there, are made up.
"""

from datetime import date

from oncall.rendering.answers import on_call_at
from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import Always, ByTime, Daily, Weekly
from oncall.rendering.turns import turn_at
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAN,
    DAY,
    HOUR,
    WEEK,
    assert_agrees,
    clock_time,
    layer,
    stack,
    when,
)


def test_weekly_handoffs_in_jerusalem_stay_at_four_in_the_afternoon() -> None:
    """port-labs/ocean: weekly handoffs at 14:00Z in December 2025, 13:00Z in April 2026, 18 weeks in unbroken order."""
    turns = ByTime(when(2025, 12, 7, 16), WEEK)
    spec = stack("Asia/Jerusalem", layer("a", ANN, BEN, CAT, turns=turns))
    spans = render_final(spec, (), when(2025, 12, 7, 14), when(2026, 4, 19, 13))
    handoffs = [span.start for span in spans]
    assert handoffs[0] == when(2025, 12, 7, 14)
    assert handoffs[18] == when(2026, 4, 12, 13)
    assert handoffs[18] - handoffs[0] == 18 * WEEK - HOUR
    assert [span.participants for span in spans] == [((ANN, BEN, CAT)[k % 3],) for k in range(19)]


def test_a_virtual_start_in_2012_gives_the_third_of_three_users_on_christmas_2018() -> None:
    """A v1 schedule: virtual start 2012-08-05, start 2017-04-07, daily, three users; 12 days later the same user."""
    turns = ByTime(when(2012, 8, 5), DAY)
    spec = stack("America/New_York", layer("a", ANN, BEN, CAT, turns=turns, starts_at=when(2017, 4, 7, 14, 30, 17)))
    christmas = when(2018, 12, 25, 17)
    assert turn_at(turns, "America/New_York", christmas) == (date(2018, 12, 25) - date(2012, 8, 5)).days == 2333
    assert on_call_at(spec, (), christmas) == (CAT,)
    assert on_call_at(spec, (), christmas + 12 * DAY) == (CAT,)
    assert on_call_at(spec, (), when(2017, 4, 7, 14, 30, 16)) == ()
    assert on_call_at(spec, (), when(2017, 4, 7, 14, 30, 17)) != ()


def test_a_window_of_ten_hours_from_five_in_the_afternoon_passes_midnight() -> None:
    """A restriction of 17:00:00 and 36000 seconds."""
    turns = ByTime(when(2018, 12, 1), WEEK)
    windows = (Daily(clock_time(17), 36_000),)
    spec = stack("America/New_York", layer("a", ANN, turns=turns, windows=windows))
    assert render_final(spec, (), when(2018, 12, 25, 12), when(2018, 12, 27)) == (
        Span(when(2018, 12, 25, 22), when(2018, 12, 26, 8), (ANN,)),
        Span(when(2018, 12, 26, 22), when(2018, 12, 27), (ANN,)),
    )


def test_the_first_layer_wins_and_its_window_saved_in_summer_is_wall_clock_in_winter() -> None:
    """pagerbeauty: a virtual start with New York's summer offset, yet in December the window of midnight to noon is
    rendered as 05:00Z to 17:00Z; "Layer 2", listed first, beats the one that is always on.
    """
    summer = ByTime(when(2018, 8, 20, 12), DAY)
    spec = stack(
        "America/New_York",
        layer("Layer 2", ANN, turns=summer, windows=(Daily(0, 12 * HOUR),)),
        layer("Layer 1", BEN, turns=summer),
    )
    assert render_final(spec, (), when(2018, 12, 25), when(2018, 12, 26)) == (
        Span(when(2018, 12, 25), when(2018, 12, 25, 5), (BEN,)),
        Span(when(2018, 12, 25, 5), when(2018, 12, 25, 17), (ANN,)),
        Span(when(2018, 12, 25, 17), when(2018, 12, 26), (BEN,)),
    )


def test_a_weekend_shift_over_the_end_of_summer_time_is_an_hour_longer() -> None:
    """apiaryio/pagerduty-overlap-checker: Prague, Friday 18:00+02:00 to Sunday 18:00+01:00 over 2018-10-28."""
    turns = ByTime(when(2018, 10, 1), WEEK)
    spec = stack("Europe/Prague", layer("a", ANN, turns=turns, windows=(Weekly(5, clock_time(18), 48 * HOUR),)))
    assert render_final(spec, (), when(2018, 10, 25), when(2018, 10, 31)) == (
        Span(when(2018, 10, 26, 16), when(2018, 10, 28, 17), (ANN,)),
    )


def test_weekly_windows_over_midnight_and_over_several_days() -> None:
    """Restrictions of Friday 20:30 and 45000 seconds, and of Monday 09:00 and 374400 seconds."""
    turns = ByTime(when(2026, 6, 1), WEEK)
    windows = (Weekly(5, clock_time(20, 30), 45_000), Weekly(1, clock_time(9), 374_400))
    spec = stack("Etc/UTC", layer("a", ANN, turns=turns, windows=windows))
    assert assert_agrees(spec, when(2026, 6, 1), when(2026, 6, 8)) == (
        Span(when(2026, 6, 1, 9), when(2026, 6, 5, 17), (ANN,)),
        Span(when(2026, 6, 5, 20, 30), when(2026, 6, 6, 9), (ANN,)),
    )


def test_a_layer_saved_at_an_odd_second_starts_there_and_hands_over_on_the_hour() -> None:
    """`start` is the time of saving (16:11:41), the virtual start 16:00:00; only the former clips."""
    turns = ByTime(when(2020, 4, 1, 16), 12 * HOUR)
    spec = stack("Etc/UTC", layer("a", ANN, BEN, turns=turns, starts_at=when(2020, 4, 1, 16, 11, 41)))
    assert render_final(spec, (), when(2020, 4, 1), when(2020, 4, 2, 12)) == (
        Span(when(2020, 4, 1, 16, 11, 41), when(2020, 4, 2, 4), (ANN,)),
        Span(when(2020, 4, 2, 4), when(2020, 4, 2, 12), (BEN,)),
    )


def test_a_deleted_user_keeps_the_turn_and_lets_no_lower_layer_through() -> None:
    spec = stack(
        "Etc/UTC",
        layer("Layer 2", ANN, DAN, BEN, turns=ByTime(when(2026, 6, 1), DAY)),  # dan was deleted at the source
        layer("Layer 1", CAT, windows=(Always(),)),
    )
    assert [on_call_at(spec, (), when(2026, 6, day, 12)) for day in (1, 2, 3, 4)] == [(ANN,), (DAN,), (BEN,), (ANN,)]
