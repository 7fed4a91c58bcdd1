"""Rules of the calendar, and shifts by them, that are easily got wrong: named, and every minute refereed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import (
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    InvalidSpec,
    Layer,
    Participant,
    Recurring,
    Rule,
)
from oncall.rendering.validation import validate
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAY,
    HOUR,
    MINUTE,
    assert_agrees,
    clock_time,
    layer,
    stack,
    together,
    when,
)

PARIS = "Europe/Paris"
EVERY_WEEKDAY = tuple((0, weekday) for weekday in range(1, 6))
MONDAY = when(2026, 6, 1, 9)
EVERY_DAY = Rule("DAILY")


def by_rule(rule: Rule, first: int, duration: int = HOUR, **more: tuple[int, ...]) -> Layer:
    return layer("a", ANN, turns=Everyone(), windows=(Recurring(rule, first, duration, **more),))


def shifts(*who: Participant, rule: Rule = EVERY_DAY, first: int = MONDAY, duration: int = HOUR, each: int = 1,
           excluded: tuple[int, ...] = (), added: tuple[int, ...] = (), uses_turn: bool = True) -> Layer:  # fmt: skip
    window = Recurring(rule, first, duration, excluded, added)
    turns = ByOccurrence(each)
    return layer("a", *who, turns=turns, windows=(window,), excluded_occurrence_uses_turn=uses_turn)


def days(own: Layer, since: int, until: int) -> list[str]:
    """The days on which an hour of the layer begins, in UTC; the days around each are refereed."""
    spec = stack("Etc/UTC", own)
    spans = render_final(spec, (), since, until)
    for span in spans[:4]:
        assert_agrees(spec, max(since, span.start - DAY), span.end + DAY)
    return [f"{datetime.fromtimestamp(span.start, UTC):%y-%m-%d}" for span in spans]


def whose(own: Layer, number: int) -> list[tuple[str, str]]:
    """(day of the month, who) of the first shifts from Monday 2026-06-01 on."""
    spans = assert_agrees(together("Etc/UTC", own), MONDAY - 9 * HOUR, MONDAY + 10 * DAY)
    return [(f"{datetime.fromtimestamp(s.start, UTC).day}", " ".join(map(str, s.participants))) for s in spans[:number]]


# --- rules ------------------------------------------------------------------------------------------------------------


def test_monthly_on_the_31st_leaves_out_the_months_that_have_none() -> None:
    own = by_rule(Rule("MONTHLY", by_month_day=(31,)), when(2026, 1, 1, 9))
    expected = ["26-01-31", "26-03-31", "26-05-31", "26-07-31", "26-08-31", "26-10-31", "26-12-31"]
    assert days(own, when(2026, 1, 1), when(2027, 1, 1)) == expected
    assert days(by_rule(Rule("MONTHLY"), when(2026, 1, 31, 9)), when(2026, 1, 1), when(2027, 1, 1)) == expected


def test_monthly_on_the_last_day_has_every_month() -> None:
    own = by_rule(Rule("MONTHLY", by_month_day=(-1,)), when(2027, 11, 1, 9))
    assert days(own, when(2027, 11, 1), when(2028, 4, 1)) == [
        "27-11-30", "27-12-31", "28-01-31", "28-02-29", "28-03-31",
    ]  # fmt: skip
    both = by_rule(Rule("MONTHLY", by_month_day=(-1, 28), by_month=(2,)), when(2027, 1, 1, 9))
    assert days(both, when(2027, 1, 1), when(2028, 4, 1)) == ["27-02-28", "28-02-28", "28-02-29"]


def test_turns_of_a_month_from_the_31st_hand_over_on_the_months_last_day() -> None:
    spec = stack(PARIS, layer("a", ANN, BEN, CAT, turns=ByTime(when(2026, 1, 31, 2, 30), 1, unit="months")))
    for month in (2, 3, 4):
        assert_agrees(spec, when(2026, month, 27), when(2026, month + 1, 1, 12))
    starts = [span.start for span in render_final(spec, (), when(2026, 2, 1), when(2026, 6, 1))[1:]]
    assert starts == [
        when(2026, 2, 28, 1, 30),
        when(2026, 3, 31, 0, 30),
        when(2026, 4, 30, 0, 30),
        when(2026, 5, 31, 0, 30),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        Rule("YEARLY", by_month=(2,), by_month_day=(30,)),
        Rule("MONTHLY", by_month=(4, 6, 9, 11), by_month_day=(31,)),
        Rule("YEARLY", 2, by_month=(2,), by_month_day=(29,)),  # counted from 2025, every other year is odd
        Rule("DAILY", until=when(2025, 5, 31)),
        Rule("MONTHLY", by_day=((5, 1),), by_month_day=(1, 8, 15, 22)),
        Rule("MONTHLY", 12, by_month=(5,)),  # counted from June
    ],
)
def test_a_rule_that_never_occurs_is_refused(rule: Rule) -> None:
    never = by_rule(rule, when(2025, 6, 1, 9))
    with pytest.raises(InvalidSpec) as refused:
        render_final(stack("Etc/UTC", never), (), 0, DAY)
    assert refused.value.path.startswith("layers[0].windows[0]")
    added = by_rule(rule, when(2025, 6, 1, 9), added=(when(2026, 2, 3, 9),))
    assert days(added, when(2026, 1, 1), when(2027, 1, 1)) == ["26-02-03"]


def test_a_rule_whose_every_start_is_excluded_is_valid_and_nobody_is_on_call() -> None:
    own = by_rule(Rule("DAILY", count=2), MONDAY, excluded=(MONDAY, MONDAY + DAY))
    validate(stack("Etc/UTC", own))
    assert days(own, MONDAY - DAY, MONDAY + 5 * DAY) == []


def test_every_other_week_depends_on_the_day_that_weeks_begin_with() -> None:
    """The example of RFC 5545, section 3.8.5.3: Tuesdays and Sundays from Tuesday 1997-08-05, four of them."""
    rule = Rule("WEEKLY", 2, by_day=((0, 2), (0, 7)), count=4)
    since, until = when(1997, 8, 1), when(1997, 10, 1)
    monday, sunday = (by_rule(replace(rule, week_start=day), when(1997, 8, 5, 9)) for day in (1, 7))
    assert days(monday, since, until) == ["97-08-05", "97-08-10", "97-08-19", "97-08-24"]
    assert days(sunday, since, until) == ["97-08-05", "97-08-17", "97-08-19", "97-08-31"]


def test_yearly_on_february_29_has_leap_years_only() -> None:
    own = by_rule(Rule("YEARLY"), when(2024, 2, 29, 9))
    assert days(own, when(2024, 1, 1), when(2033, 1, 1)) == ["24-02-29", "28-02-29", "32-02-29"]


def test_ordinals_count_from_both_ends_of_the_month_or_of_the_year() -> None:
    since, until = when(2026, 1, 1), when(2027, 1, 1)
    last_friday = by_rule(Rule("MONTHLY", by_day=((-1, 5),)), when(2026, 10, 1, 9))
    assert days(last_friday, since, until) == ["26-10-30", "26-11-27", "26-12-25"]
    fifth_monday = by_rule(Rule("MONTHLY", by_day=((5, 1),)), when(2026, 1, 1, 9))
    assert days(fifth_monday, since, until) == ["26-03-30", "26-06-29", "26-08-31", "26-11-30"]
    of_the_year = by_rule(Rule("YEARLY", by_day=((20, 1), (-1, 1))), when(2026, 1, 1, 9))
    assert days(of_the_year, since, until) == ["26-05-18", "26-12-28"]
    in_march = by_rule(Rule("YEARLY", by_day=((2, 7),), by_month=(3,)), when(2026, 1, 1, 9))
    assert days(in_march, since, until) == ["26-03-08"]


def test_the_day_of_the_month_and_of_the_week_must_both_hold() -> None:
    own = by_rule(Rule("MONTHLY", by_day=((0, 5),), by_month_day=(13,)), when(2026, 1, 1, 9))
    assert days(own, when(2026, 1, 1), when(2027, 1, 1)) == ["26-02-13", "26-03-13", "26-11-13"]


def test_count_is_of_the_rule_before_exclusion() -> None:
    own = by_rule(Rule("DAILY", count=3), MONDAY, excluded=(MONDAY + DAY,))
    assert days(own, MONDAY - DAY, MONDAY + 9 * DAY) == ["26-06-01", "26-06-03"]


def test_until_is_inclusive_to_the_second() -> None:
    until = Rule("DAILY", until=MONDAY + DAY)
    assert days(by_rule(until, MONDAY), MONDAY - DAY, MONDAY + 9 * DAY) == ["26-06-01", "26-06-02"]
    before = Rule("DAILY", until=MONDAY + DAY - 1)
    assert days(by_rule(before, MONDAY), MONDAY - DAY, MONDAY + 9 * DAY) == ["26-06-01"]


# --- whose ------------------------------------------------------------------------------------------------------------


def test_a_first_that_is_off_the_pattern_is_no_shift_and_uses_no_turn() -> None:
    own = shifts(ANN, BEN, rule=Rule("WEEKLY", by_day=((0, 3), (0, 4))))
    assert whose(own, 3) == [("3", "ann"), ("4", "ben"), ("10", "ann")]


def test_an_excluded_occurrence_uses_a_turn() -> None:
    own = shifts(ANN, BEN, CAT, excluded=(MONDAY + DAY,))
    assert whose(own, 3) == [("1", "ann"), ("3", "cat"), ("4", "ann")]


def test_an_excluded_occurrence_uses_no_turn() -> None:
    own = shifts(ANN, BEN, CAT, excluded=(MONDAY + DAY,), uses_turn=False)
    assert whose(own, 3) == [("1", "ann"), ("3", "ben"), ("4", "cat")]


def test_added_shifts_have_their_place_in_the_order_each_once() -> None:
    early, twice, gone = MONDAY - 4 * HOUR, MONDAY + DAY, MONDAY + 2 * DAY
    own = shifts(ANN, BEN, CAT, added=(twice, early, early, gone), excluded=(gone,))
    assert whose(own, 4) == [("1", "ann"), ("1", "ben"), ("2", "cat"), ("4", "ben")]


def test_two_shifts_each_in_a_row() -> None:
    own = shifts(ANN, BEN, each=2, excluded=(MONDAY + DAY,))
    assert whose(own, 4) == [("1", "ann"), ("3", "ben"), ("4", "ben"), ("5", "ann")]


def test_a_shift_of_33_hours_every_weekday_overlaps_itself() -> None:
    own = shifts(ANN, BEN, CAT, rule=Rule("WEEKLY", by_day=EVERY_WEEKDAY), duration=33 * HOUR)
    assert assert_agrees(stack("Etc/UTC", own), MONDAY - DAY, MONDAY + 2 * DAY) == (
        Span(MONDAY, MONDAY + DAY, (ANN,)),
        Span(MONDAY + DAY, MONDAY + 33 * HOUR, (ANN, BEN)),
        Span(MONDAY + 33 * HOUR, MONDAY + 2 * DAY, (BEN,)),
    )
    for zone in (PARIS, "America/New_York"):
        for day in ((2026, 3, 6), (2026, 3, 27), (2026, 10, 23), (2026, 10, 30)):
            early = replace(
                own, windows=(Recurring(Rule("WEEKLY", by_day=EVERY_WEEKDAY), when(2026, 1, 5, 2, 30), 33 * HOUR),)
            )
            assert_agrees(stack(zone, early), when(*day), when(*day) + 4 * DAY)


def test_a_shift_cut_by_the_clip_keeps_its_turn_and_a_dropped_one_too() -> None:
    own = replace(shifts(ANN, BEN, CAT, duration=8 * HOUR), starts_at=MONDAY + HOUR, ends_at=MONDAY + 2 * DAY + HOUR)
    assert assert_agrees(stack("Etc/UTC", own), MONDAY - DAY, MONDAY + 4 * DAY) == (
        Span(MONDAY + HOUR, MONDAY + 8 * HOUR, (ANN,)),
        Span(MONDAY + DAY, MONDAY + DAY + 8 * HOUR, (BEN,)),
        Span(MONDAY + 2 * DAY, MONDAY + 2 * DAY + HOUR, (CAT,)),
    )
    dropped = replace(own, clip="drop")
    assert assert_agrees(stack("Etc/UTC", dropped), MONDAY - DAY, MONDAY + 4 * DAY) == (
        Span(MONDAY + DAY, MONDAY + DAY + 8 * HOUR, (BEN,)),
    )
    exactly = replace(dropped, starts_at=MONDAY, ends_at=MONDAY + 2 * DAY + 8 * HOUR)
    assert len(assert_agrees(stack("Etc/UTC", exactly), MONDAY - DAY, MONDAY + 4 * DAY)) == 3


# --- over a change of the clock ---------------------------------------------------------------------------------------

NIGHT_OF_OCTOBER = when(2026, 10, 24, 12), when(2026, 10, 25, 12)
IN_ONE_PIECE = (Span(when(2026, 10, 24, 18), when(2026, 10, 25, 0, 30), (ANN,)),)
IN_TWO = (*IN_ONE_PIECE, Span(when(2026, 10, 25, 1), when(2026, 10, 25, 1, 30), (ANN,)))
TO_HALF_PAST_TWO = 6 * HOUR + 30 * MINUTE


@pytest.mark.parametrize("clip", ["cut", "drop"])
def test_a_night_that_ends_in_the_repeated_hour_is_in_two_by_membership_and_in_one_by_the_boundary(clip: str) -> None:
    for window in (
        Daily(clock_time(20), TO_HALF_PAST_TWO),
        Recurring(Rule("DAILY"), when(2026, 1, 5, 20), TO_HALF_PAST_TWO),
    ):
        own = layer("a", ANN, windows=(window,), clip=clip)
        assert assert_agrees(stack(PARIS, own), *NIGHT_OF_OCTOBER) == IN_TWO
        unbroken = replace(own, window_edge="boundary")
        assert assert_agrees(stack(PARIS, unbroken), *NIGHT_OF_OCTOBER) == IN_ONE_PIECE
        ended = replace(own, ends_at=when(2026, 10, 25, 0, 30))  # when half past two is shown for the first time
        assert assert_agrees(stack(PARIS, ended), *NIGHT_OF_OCTOBER) == IN_ONE_PIECE


def test_a_shift_that_ends_in_the_repeated_hour_is_in_one_piece() -> None:
    own = shifts(ANN, first=when(2026, 10, 20, 20), duration=TO_HALF_PAST_TWO)
    assert assert_agrees(stack(PARIS, own), *NIGHT_OF_OCTOBER) == IN_ONE_PIECE


@pytest.mark.parametrize("own", [
    shifts(ANN, first=when(2026, 1, 5, 2, 30)),
    layer("a", ANN, windows=(Daily(clock_time(2, 30), HOUR),), window_edge="boundary"),
])  # fmt: skip
def test_a_shift_that_starts_in_the_skipped_or_repeated_hour(own: Layer) -> None:
    spec = stack(PARIS, own)
    assert assert_agrees(spec, when(2026, 3, 29), when(2026, 3, 29, 12)) == (
        Span(when(2026, 3, 29, 1), when(2026, 3, 29, 1, 30), (ANN,)),
    )
    assert assert_agrees(spec, when(2026, 10, 25), when(2026, 10, 25, 12)) == (
        Span(when(2026, 10, 25, 0, 30), when(2026, 10, 25, 2, 30), (ANN,)),
    )


def test_a_shift_inside_the_skipped_hour_does_not_run_but_has_its_turn() -> None:
    own = shifts(ANN, BEN, CAT, first=when(2026, 3, 28, 2), duration=HOUR)
    assert assert_agrees(stack(PARIS, own), when(2026, 3, 28), when(2026, 3, 31)) == (
        Span(when(2026, 3, 28, 1), when(2026, 3, 28, 2), (ANN,)),
        Span(when(2026, 3, 30), when(2026, 3, 30, 1), (CAT,)),
    )


@pytest.mark.parametrize("clock", ["wall", "elapsed"])
def test_turns_of_ten_minutes_in_the_two_hours_that_troll_repeats(clock: str) -> None:
    turns = ByTime(when(2026, 1, 5), 10 * MINUTE, clock=clock)
    spec = stack("Antarctica/Troll", layer("a", ANN, BEN, CAT, turns=turns))
    assert_agrees(spec, when(2026, 3, 28, 20), when(2026, 3, 29, 6))
    spans = assert_agrees(spec, when(2026, 10, 24, 20), when(2026, 10, 25, 6))
    lengths = {span.end - span.start for span in spans}
    assert lengths == ({10 * MINUTE} if clock == "elapsed" else {10 * MINUTE, 130 * MINUTE})


def test_windows_of_ten_minutes_in_the_two_hours_that_troll_repeats() -> None:
    windows = tuple(Daily(clock_time(hour, minute), 10 * MINUTE) for hour in range(4) for minute in (5, 35))
    turns = ByTime(when(2026, 1, 5), 10 * MINUTE)
    for edge in ("membership", "boundary"):
        spec = stack("Antarctica/Troll", layer("a", ANN, BEN, CAT, turns=turns, windows=windows, window_edge=edge))
        assert_agrees(spec, when(2026, 3, 28, 20), when(2026, 3, 29, 6))
        assert_agrees(spec, when(2026, 10, 24, 20), when(2026, 10, 25, 6))
