"""Schedules whose layers all count, and the rest of what other importers got wrong, each against the referee."""

from dataclasses import replace

import pytest

from oncall.rendering.final import Span, render_final
from oncall.rendering.spec import (
    VACANT,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    ExtraShift,
    Override,
    Participant,
    Recurring,
    Rule,
    Substitution,
    Weekly,
)
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAN,
    DAY,
    EVE,
    HOUR,
    WEEK,
    assert_agrees,
    clock_time,
    layer,
    stack,
    together,
    when,
)

SINCE = when(2026, 6, 1)  # a Monday
UNTIL = SINCE + 4 * DAY
DAILY = ByTime(SINCE, DAY)
OFFICE = (Daily(clock_time(9), 8 * HOUR),)


def whose(spans: tuple[Span, ...]) -> list[str]:
    return [" ".join(map(str, span.participants)) for span in spans]


def test_all_layers_count_and_a_person_in_two_is_there_once() -> None:
    spec = together(
        "Etc/UTC", layer("a", ANN, BEN, turns=DAILY), layer("b", BEN, turns=Everyone()), layer("c", CAT, windows=OFFICE)
    )
    assert whose(assert_agrees(spec, SINCE, SINCE + 2 * DAY)) == [
        "ann ben",
        "ann ben cat",
        "ann ben",
        "ben",
        "ben cat",
        "ben",
    ]
    assert render_final(replace(spec, layers=spec.layers[::-1]), (), SINCE, UNTIL) == render_final(
        spec, (), SINCE, UNTIL
    )


def test_a_vacant_override_of_one_of_several_layers_leaves_the_others() -> None:
    override = Override("o", SINCE + 10 * HOUR, SINCE + 12 * HOUR, VACANT, sources=frozenset({"a"}))
    spec = together("Etc/UTC", layer("a", ANN), layer("b", BEN), overrides=(override,))
    assert whose(assert_agrees(spec, SINCE, SINCE + DAY)) == ["ann ben", "ben", "ann ben"]
    everywhere = replace(spec, overrides=(replace(override, sources=None),))
    assert whose(assert_agrees(everywhere, SINCE, SINCE + DAY)) == ["ann ben", "ann ben"]


def test_an_override_without_layers_and_beside_extra_shifts() -> None:
    override = Override("o", SINCE + 10 * HOUR, SINCE + 12 * HOUR, CAT)
    assert whose(assert_agrees(together("Etc/UTC", overrides=(override,)), SINCE, SINCE + DAY)) == ["cat"]
    shift = ExtraShift("x", SINCE + 11 * HOUR, SINCE + 14 * HOUR, DAN)
    spec = together("Etc/UTC", layer("a", ANN), overrides=(override,), extra_shifts=(shift,))
    assert whose(assert_agrees(spec, SINCE, SINCE + DAY)) == ["ann", "cat", "ann dan", "ann"]


# --- what other importers got wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("composition", "of_the_team"),
    [("stacked", ["group:ops"]), ("concurrent", ["group:ops", "group:ops ben", "group:ops"])],
)
def test_a_team_an_escalation_and_nobody_in_a_rotation_keep_their_turns(
    composition: str, of_the_team: list[str]
) -> None:
    order = (Participant("group", "ops"), VACANT, Participant("policy", "p1"), ANN)
    spec = together("Etc/UTC", layer("a", *order, turns=DAILY), layer("b", BEN, windows=OFFICE))
    spans = assert_agrees(replace(spec, composition=composition), SINCE, UNTIL)
    by_day = [whose(tuple(span for span in spans if day <= span.start < day + DAY)) for day in range(SINCE, UNTIL, DAY)]
    assert by_day[0] == of_the_team
    assert by_day[1] == ["ben"]
    assert (by_day[2][0], by_day[3][0]) == ("policy:p1", "ann")


def test_an_override_on_one_of_two_overlapping_rotations_leaves_the_other() -> None:
    first = layer("first", ANN, BEN, turns=DAILY)
    second = layer("second", CAT, DAN, turns=ByTime(SINCE + 12 * HOUR, DAY))
    override = Override("o", SINCE + 6 * HOUR, SINCE + 18 * HOUR, EVE, sources=frozenset({"second"}))
    spec = together("America/New_York", first, second, overrides=(override,))
    spans = assert_agrees(spec, SINCE + 4 * HOUR, SINCE + DAY)
    assert whose(spans) == ["ann dan", "ann eve", "ann cat"]


@pytest.mark.parametrize(("earlier", "later"), [(0, 0), (0, 1), (1, 0)])
def test_of_overlapping_overrides_the_later_created_wins_where_the_source_says_so(earlier: int, later: int) -> None:
    """The rank says so; with equal ranks the one that starts last wins."""
    one = Override("1", SINCE + 8 * HOUR, SINCE + 14 * HOUR, CAT, sources=frozenset({"a", "b"}), rank=earlier)
    two = Override("2", SINCE + 6 * HOUR, SINCE + 10 * HOUR, DAN, sources=frozenset({"a"}), rank=later)
    spec = together("Etc/UTC", layer("a", ANN), layer("b", BEN), overrides=(one, two))
    winner = "cat dan" if later > earlier else "cat"
    expected = ["ann ben", "ben dan", winner, "cat", "ann ben"]
    merged = [who for index, who in enumerate(expected) if index == 0 or who != expected[index - 1]]
    assert whose(assert_agrees(spec, SINCE, SINCE + DAY)) == merged


def test_readings_follow_the_zone_of_the_schedule_or_of_the_layer_whatever_the_reader_s_own_zone() -> None:
    turns = ByTime(when(2026, 3, 2, 9), WEEK)
    own = layer("a", ANN, BEN, turns=turns, windows=OFFICE)
    here = stack("America/New_York", own)
    as_read_elsewhere = stack("Asia/Tokyo", replace(own, zone="America/New_York"))
    since, until = when(2026, 3, 6), when(2026, 3, 11)
    assert assert_agrees(here, since, until) == assert_agrees(as_read_elsewhere, since, until)
    assert assert_agrees(stack("Asia/Tokyo", own), since, until) != render_final(here, (), since, until)
    wall = [span.start for span in render_final(here, (), since, until)]
    assert wall[:3] == [when(2026, 3, 6, 14), when(2026, 3, 7, 14), when(2026, 3, 8, 13)]


def test_layers_and_schedules_whose_names_differ_by_case_or_a_space_are_different() -> None:
    override = Override("o", SINCE, SINCE + DAY, EVE, sources=frozenset({"ops "}))
    layers = (layer("ops", ANN, windows=OFFICE), layer("Ops", BEN, windows=OFFICE), layer("ops ", CAT, windows=OFFICE))
    spec = together("Etc/UTC", *layers, overrides=(replace(override, covers_gaps=False),))
    assert whose(assert_agrees(spec, SINCE, SINCE + 2 * DAY)) == ["ann ben eve", "ann ben cat"]
    members = together(
        "Etc/UTC", layer("a", Participant("person", "Ann"), ANN, Participant("person", "ann "), turns=Everyone())
    )
    assert whose(assert_agrees(members, SINCE, SINCE + DAY)) == ["Ann ann ann "]


def test_a_rename_at_the_source_changes_nobody_s_turn() -> None:
    spec = together("Europe/Paris", layer("a", ANN, BEN, turns=DAILY), layer("b", CAT, windows=OFFICE))
    renamed = replace(spec, layers=tuple(replace(each, name=f"New {each.name}") for each in spec.layers))
    assert assert_agrees(renamed, SINCE, UNTIL) == assert_agrees(spec, SINCE, UNTIL)


@pytest.mark.parametrize("composition", ["stacked", "concurrent"])
def test_an_unmatched_person_in_the_middle_of_shifts_by_occurrence_stays_in_the_slot(composition: str) -> None:
    window = Recurring(Rule("WEEKLY", by_day=tuple((0, day) for day in range(1, 6))), SINCE + 9 * HOUR, 8 * HOUR)
    unmatched = Participant("person", "PNOBODY")
    spec = together("Europe/Paris", layer("a", ANN, unmatched, BEN, turns=ByOccurrence(), windows=(window,)))
    spans = assert_agrees(replace(spec, composition=composition), SINCE, UNTIL)
    assert whose(spans) == ["ann", "PNOBODY", "ben", "ann"]


# --- xMatters: seats of a shift, holidays, single shifts, nested groups -----------------------------------------------


@pytest.mark.parametrize("day", [(2026, 3, 6), (2026, 10, 30)])
def test_seats_of_a_shift_rotate_one_behind_the_other_with_a_nested_group_over_a_change(
    day: tuple[int, int, int],
) -> None:
    """Each seat is a layer with the shift's window; the rotation of the next seat is shifted by one."""
    since = when(*day)
    weekdays = Recurring(
        Rule("WEEKLY", by_day=tuple((0, weekday) for weekday in range(1, 8))), when(2026, 1, 5, 20), 10 * HOUR
    )
    order = (ANN, Participant("policy", "nested"), BEN)
    turns = ByTime(when(2026, 1, 5, 20), DAY)
    seats = [layer(str(seat), *order[seat:], *order[:seat], turns=turns, windows=(weekdays,)) for seat in range(3)]
    spec = together("America/New_York", *seats, layer("last", EVE, turns=Everyone(), windows=(weekdays,)))
    spans = assert_agrees(spec, since, since + 4 * DAY)
    assert {who for span in spans for who in span.participants} == {*order, EVE}
    assert all(len(span.participants) == 4 for span in spans)
    first_seat = replace(spec, layers=spec.layers[:1])
    assert {len(span.participants) for span in assert_agrees(first_seat, since, since + 4 * DAY)} == {1}


def test_a_holiday_leaves_out_one_night_and_a_single_shift_adds_one() -> None:
    holiday, single = when(2026, 12, 25, 18), when(2026, 12, 26, 10)
    window = Recurring(Rule("DAILY", until=when(2026, 12, 31)), when(2026, 12, 1, 18), 14 * HOUR, (holiday,))
    once = Recurring(Rule("DAILY", count=1), single, 4 * HOUR)
    turns = ByTime(when(2026, 12, 1, 18), DAY)
    spec = together(
        "Europe/Paris",
        layer("nights", ANN, BEN, CAT, turns=turns, windows=(window,)),
        layer("single", DAN, turns=Everyone(), windows=(once,)),
    )
    assert assert_agrees(spec, when(2026, 12, 25, 12), when(2026, 12, 28)) == (
        Span(when(2026, 12, 26, 9), when(2026, 12, 26, 13), (DAN,)),
        Span(when(2026, 12, 26, 17), when(2026, 12, 27, 7), (BEN,)),
        Span(when(2026, 12, 27, 17), when(2026, 12, 28), (CAT,)),
    )


def test_a_rotation_by_elapsed_time_hands_over_at_another_hour_after_a_change() -> None:
    turns = ByTime(when(2026, 3, 2, 14), WEEK, clock="elapsed")
    spec = together("America/New_York", layer("1", ANN, BEN, turns=turns), layer("2", BEN, ANN, turns=turns))
    first = replace(spec, layers=spec.layers[:1])
    spans = assert_agrees(first, when(2026, 3, 8), when(2026, 3, 10))
    assert [span.start for span in spans] == [when(2026, 3, 8), when(2026, 3, 9, 14)]  # 09:00, then 10:00 on the wall
    assert whose(assert_agrees(spec, when(2026, 3, 8), when(2026, 3, 10))) == ["ann ben"]


def test_an_absence_without_replacement_empties_the_seat_and_one_limited_to_a_group_only_there() -> None:
    window = Recurring(Rule("WEEKLY"), when(2026, 6, 1, 9), 8 * HOUR)
    spec = together("Etc/UTC", layer("1", ANN, windows=(window,)), layer("2", BEN, windows=(window,)), groups=("g1",))
    absent = Substitution("s", ANN, VACANT, SINCE, SINCE + 12 * HOUR)
    assert whose(assert_agrees(spec, SINCE, SINCE + DAY, (absent,))) == ["ben", "ann ben"]
    elsewhere = replace(absent, groups=frozenset({"g2"}))
    assert whose(assert_agrees(spec, SINCE, SINCE + DAY, (elsewhere,))) == ["ann ben"]


def test_weekly_office_hours_in_five_windows_and_a_weekend_of_one_piece_together() -> None:
    office = tuple(Weekly(weekday, clock_time(9), 8 * HOUR) for weekday in range(1, 6))
    weekend = (Weekly(5, clock_time(17), 64 * HOUR),)
    for edge in ("membership", "boundary"):
        spec = together(
            "Australia/Lord_Howe",
            layer("office", ANN, BEN, turns=Everyone(), windows=office, window_edge=edge),
            layer("weekend", CAT, DAN, turns=ByTime(when(2026, 1, 2, 17), WEEK), windows=weekend, window_edge=edge),
        )
        for day in ((2026, 4, 2), (2026, 10, 1)):
            assert_agrees(spec, when(*day), when(*day) + 5 * DAY)
