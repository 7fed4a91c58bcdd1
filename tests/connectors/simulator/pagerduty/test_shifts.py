"""Shift-based schedules compared with cases calculated by hand."""

from datetime import UTC, datetime

import pytest

from connectors.simulator.pagerduty.model import CustomShift, Event, OverrideShift, Rotation, ShiftSchedule
from connectors.simulator.pagerduty.recurrence import parse_rule
from connectors.simulator.pagerduty.shifts import Shift, shifts, staffed
from connectors.simulator.zones import iso, reading_of


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def schedule(zone: str, start: str, end: str, rule: str, members: list[str | None], each: int | None) -> ShiftSchedule:
    event = Event("E", "e", zone, reading_of(start), reading_of(end), f"RRULE:{rule}", members, each, effective_since=0)
    return ShiftSchedule("S", "S", zone, [Rotation("R", [event])])


def said(found: list[Shift]) -> list[tuple[str | None, str, str]]:
    return [(one.member, iso(one.start, "UTC")[:-1], iso(one.end, "UTC")[:-1]) for one in found]


def test_an_event_saved_in_winter_recurs_at_the_same_wall_time_in_summer() -> None:
    made = schedule("America/Los_Angeles", "2026-01-07T09:00", "2026-01-07T17:00", "FREQ=DAILY", ["A"], 1)
    assert said(shifts(made, utc("2026-04-29T12:00:00"), utc("2026-04-30T12:00:00"))) == [
        ("A", "2026-04-29T16:00:00", "2026-04-30T00:00:00")
    ]


def test_members_take_turns_by_shifts_and_the_empty_member_is_a_deliberate_nobody() -> None:
    made = schedule("Etc/UTC", "2026-06-01T09:00", "2026-06-01T17:00", "FREQ=WEEKLY;BYDAY=MO,WE,FR", ["A", None], 2)
    found = shifts(made, utc("2026-06-01T00:00:00"), utc("2026-06-15T00:00:00"))
    assert [(one.member, iso(one.start, "UTC")[8:10]) for one in found] == [
        ("A", "01"),
        ("A", "03"),
        (None, "05"),
        (None, "08"),
        ("A", "10"),
        ("A", "12"),
    ]


def test_every_second_week_counts_weeks_from_monday() -> None:
    made = schedule("Etc/UTC", "2026-06-06T00:00", "2026-06-08T00:00", "FREQ=WEEKLY;INTERVAL=2", ["A", "B"], 1)
    found = shifts(made, utc("2026-06-01T00:00:00"), utc("2026-07-10T00:00:00"))
    assert [(one.member, iso(one.start, "UTC")[5:10]) for one in found] == [
        ("A", "06-06"),
        ("B", "06-20"),
        ("A", "07-04"),
    ]


def test_days_of_a_fortnightly_rule_lie_in_weeks_that_begin_on_monday() -> None:
    made = schedule("Etc/UTC", "2026-06-06T00:00", "2026-06-06T08:00", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SA", ["A"], 1)
    found = shifts(made, utc("2026-06-01T00:00:00"), utc("2026-06-30T00:00:00"))
    assert [iso(one.start, "UTC")[5:10] for one in found] == ["06-06", "06-15", "06-20", "06-29"]


def test_every_member_serves_at_once() -> None:
    made = schedule("Etc/UTC", "2026-06-01T09:00", "2026-06-01T17:00", "FREQ=DAILY;INTERVAL=2", ["A", "B"], None)
    found = shifts(made, utc("2026-06-02T00:00:00"), utc("2026-06-04T00:00:00"))
    assert said(found) == [
        ("A", "2026-06-03T09:00:00", "2026-06-03T17:00:00"),
        ("B", "2026-06-03T09:00:00", "2026-06-03T17:00:00"),
    ]


def test_a_shift_over_the_end_of_summer_time_is_an_hour_longer() -> None:
    made = schedule("Europe/Berlin", "2026-10-01T20:00", "2026-10-02T08:00", "FREQ=DAILY", ["A"], 1)
    assert said(shifts(made, utc("2026-10-24T12:00:00"), utc("2026-10-25T12:00:00"))) == [
        ("A", "2026-10-24T18:00:00", "2026-10-25T07:00:00")
    ]


def test_an_override_replaces_one_member_of_one_source_and_covers_no_gap() -> None:
    made = schedule("Etc/UTC", "2026-06-01T09:00", "2026-06-01T17:00", "FREQ=DAILY", ["A", "B"], None)
    made.custom_shifts = [CustomShift("C", utc("2026-06-01T10:00:00"), utc("2026-06-01T12:00:00"), "A")]
    made.overrides = [
        OverrideShift("O", utc("2026-06-01T00:00:00"), utc("2026-06-01T13:00:00"), "A", "X", rotation_id="R"),
        OverrideShift("P", utc("2026-06-01T11:00:00"), utc("2026-06-01T12:00:00"), "A", "Y", rotation_id="R"),
    ]
    found = shifts(made, utc("2026-06-01T00:00:00"), utc("2026-06-02T00:00:00"))
    assert [(one.member, iso(one.start, "UTC")[11:16], iso(one.end, "UTC")[11:16]) for one in found] == [
        ("X", "09:00", "11:00"),
        ("B", "09:00", "17:00"),
        ("A", "10:00", "12:00"),
        ("Y", "11:00", "12:00"),
        ("X", "12:00", "13:00"),
        ("A", "13:00", "17:00"),
    ]
    assert {one.source.override_id for one in found} == {None, "O", "P"}


def test_effective_bounds_cut_shifts() -> None:
    made = schedule("Etc/UTC", "2026-06-01T09:00", "2026-06-01T17:00", "FREQ=DAILY", ["A"], 1)
    event = made.rotations[0].events[0]
    event.effective_since, event.effective_until = utc("2026-06-02T10:00:00"), utc("2026-06-03T12:00:00")
    assert said(shifts(made, utc("2026-06-01T00:00:00"), utc("2026-06-08T00:00:00"))) == [
        ("A", "2026-06-02T10:00:00", "2026-06-02T17:00:00"),
        ("A", "2026-06-03T09:00:00", "2026-06-03T12:00:00"),
    ]


def test_overflow_leaves_shifts_whole_and_coverage_counts_people_only() -> None:
    made = schedule("Etc/UTC", "2026-06-01T00:00", "2026-06-01T12:00", "FREQ=DAILY", ["A", None], 1)
    since, until = utc("2026-06-01T06:00:00"), utc("2026-06-03T06:00:00")
    assert said(shifts(made, since, until, overflow=True))[0] == ("A", "2026-06-01T00:00:00", "2026-06-01T12:00:00")
    assert staffed(shifts(made, since, until), since, until) == 25.0


def starting(made: ShiftSchedule, since: str, until: str) -> list[tuple[str | None, str]]:
    return [(one.member, iso(one.start, "UTC")[:16]) for one in shifts(made, utc(since), utc(until))]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=MONTHLY", ["01-29", "03-29", "04-29", "05-29"]),
        ("FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=15,-1", ["01-31", "03-15", "03-31", "05-15", "05-31"]),
        ("FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR,1MO", ["01-30", "03-02", "03-27", "05-04", "05-29"]),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", ["02-13", "03-13"]),
        ("FREQ=YEARLY", ["01-29"]),
        ("FREQ=YEARLY;BYMONTH=2,3", ["03-29"]),
        ("FREQ=YEARLY;BYDAY=10MO", ["03-09"]),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", ["03-29"]),
        ("FREQ=YEARLY;BYMONTHDAY=1", ["02-01", "03-01", "04-01", "05-01"]),
        ("FREQ=DAILY;INTERVAL=40;COUNT=3", ["01-29", "03-10", "04-19"]),
        ("FREQ=WEEKLY;INTERVAL=8;UNTIL=20260521T090000Z", ["01-29", "03-26", "05-21"]),
        ("FREQ=WEEKLY;INTERVAL=8;UNTIL=20260521T085959Z", ["01-29", "03-26"]),
    ],
)
def test_rules_by_months_and_years_and_with_an_end(rule: str, days: list[str]) -> None:
    made = schedule("Etc/UTC", "2026-01-29T09:00", "2026-01-29T17:00", rule, ["A"], 1)
    found = starting(made, "2026-01-01T00:00:00", "2026-06-01T00:00:00")
    assert [start[5:10] for _, start in found] == days


def test_an_excluded_start_uses_up_its_turn_and_an_added_start_takes_the_next() -> None:
    made = schedule("Etc/UTC", "2026-06-01T09:00", "2026-06-01T17:00", "FREQ=DAILY;COUNT=4", ["A", "B", "C"], 1)
    event = made.rotations[0].events[0]
    event.excluded = [utc("2026-06-02T09:00:00")]
    event.added = [utc("2026-06-09T12:00:00"), utc("2026-06-03T20:00:00"), utc("2026-06-01T09:00:00")]
    assert starting(made, "2026-06-01T00:00:00", "2026-06-30T00:00:00") == [
        ("A", "2026-06-01T09:00"),
        ("C", "2026-06-03T09:00"),
        ("A", "2026-06-03T20:00"),
        ("B", "2026-06-04T09:00"),
        ("C", "2026-06-09T12:00"),
    ]


def test_dates_of_a_repeated_hour_are_instants() -> None:
    made = schedule("Europe/Berlin", "2026-10-24T02:30", "2026-10-24T02:50", "FREQ=DAILY", ["A", "B"], 1)
    event = made.rotations[0].events[0]
    event.rule = "RRULE:FREQ=DAILY;UNTIL=20261025T003000Z"
    event.added = [utc("2026-10-25T01:30:00")]
    window = utc("2026-10-24T12:00:00"), utc("2026-10-26T12:00:00")
    first, second = ("2026-10-25T00:30:00", "2026-10-25T00:50:00"), ("2026-10-25T01:30:00", "2026-10-25T01:50:00")
    assert said(shifts(made, *window)) == [("B", *first), ("A", *second)]
    event.excluded = [utc("2026-10-25T00:30:00")]
    assert said(shifts(made, *window)) == [("A", *second)]
    event.excluded, event.rule = [utc("2026-10-25T01:30:00")], "RRULE:FREQ=DAILY;UNTIL=20261025T002959Z"
    assert said(shifts(made, *window)) == []


def test_a_skipped_start_keeps_its_end() -> None:
    made = schedule("Europe/Berlin", "2026-03-28T02:30", "2026-03-28T03:30", "FREQ=DAILY", ["A"], 1)
    found = shifts(made, utc("2026-03-28T12:00:00"), utc("2026-03-29T12:00:00"))
    assert said(found) == [("A", "2026-03-29T01:00:00", "2026-03-29T01:30:00")]


def test_an_override_of_the_empty_member_replaces_it() -> None:
    made = schedule("Etc/UTC", "2026-06-01T09:00", "2026-06-01T17:00", "FREQ=DAILY", ["A", None], 1)
    made.custom_shifts = [CustomShift("C", utc("2026-06-01T18:00:00"), utc("2026-06-01T22:00:00"), None)]
    whole = utc("2026-06-01T00:00:00"), utc("2026-06-03T00:00:00")
    made.overrides = [
        OverrideShift("O", *whole, None, "X", rotation_id="R"),
        OverrideShift("P", *whole, None, "Y", custom_shift_id="C"),
    ]
    assert said(shifts(made, *whole)) == [
        ("A", "2026-06-01T09:00:00", "2026-06-01T17:00:00"),
        ("Y", "2026-06-01T18:00:00", "2026-06-01T22:00:00"),
        ("X", "2026-06-02T09:00:00", "2026-06-02T17:00:00"),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=HOURLY",
        "RRULE:FREQ=DAILY;UNTIL=20260101",
        "RRULE:FREQ=WEEKLY;BYDAY=1MO",
        "RRULE:FREQ=DAILY;COUNT=3;UNTIL=20260101T000000Z",
        "RRULE:FREQ=WEEKLY;BYMONTHDAY=1",
        "RRULE:FREQ=MONTHLY;BYSETPOS=1",
        "RRULE:FREQ=DAILY;BYDAY=XX",
        "EXDATE:20260101T000000",
    ],
)
def test_a_rule_the_simulator_does_not_know_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r"simulator|does not match format"):
        parse_rule(rule)
