"""Tests RFC 5545 lines: the supported part is exact, and the rest is refused."""

from typing import Any

import pytest

from connectors.errors import UnknownValue
from connectors.providers.pagerduty.recurrence import recurring
from oncall.rendering.codec import instant_from_text, instant_to_text, reading_from_text, reading_to_text
from oncall.rendering.recurrence import pattern
from oncall.rendering.spec import Recurring, Rule

FIRST = reading_from_text("2026-01-05T09:00:00")  # a Monday
ZONE = "America/New_York"


def read(*lines: str, start: str = "2026-01-05T14:00:00Z", zone: str = ZONE, noted: Any = None) -> Recurring:
    noted = [] if noted is None else noted
    return recurring(lines, instant_from_text(start), 3600, zone, "recurrence", lambda code, _words: noted.append(code))


def refused(*lines: str) -> UnknownValue:
    with pytest.raises(UnknownValue) as error:
        read(*lines)
    return error.value


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("RRULE:FREQ=WEEKLY", Rule("WEEKLY")),
        ("rrule:freq=daily;interval=2", Rule("DAILY", interval=2)),
        (
            "RRULE:FREQ=WEEKLY;BYDAY=WE,MO;WKST=SU",
            Rule("WEEKLY", by_day=((0, 1), (0, 3)), week_start=7),
        ),
        ("RRULE:FREQ=MONTHLY;BYDAY=-1FR,+2MO", Rule("MONTHLY", by_day=((-1, 5), (2, 1)))),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=15,-1", Rule("MONTHLY", by_month_day=(-1, 15))),
        ("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", Rule("YEARLY", by_month=(2,), by_month_day=(29,))),
        ("RRULE:FREQ=DAILY;COUNT=10", Rule("DAILY", count=10)),
        ("RRULE:FREQ=DAILY;UNTIL=20260301", Rule("DAILY", until=reading_from_text("2026-03-01T23:59:59"))),
        ("RRULE:FREQ=DAILY;UNTIL=20260301T120000", Rule("DAILY", until=reading_from_text("2026-03-01T12:00:00"))),
        ("RRULE:FREQ=DAILY;UNTIL=20260301T120000Z", Rule("DAILY", until=reading_from_text("2026-03-01T07:00:00"))),
    ],
)
def test_the_supported_part(line: str, rule: Rule) -> None:
    assert read(line) == Recurring(rule, FIRST, 3600)


def test_exceptions_and_additions_are_readings_of_the_events_zone() -> None:
    found = read(
        "RRULE:FREQ=WEEKLY",
        "EXDATE;TZID=America/New_York:20260112T090000,20260119T090000",
        "EXDATE:20260202T140000Z",
        "RDATE;VALUE=DATE-TIME:20260114T090000",
    )
    assert [reading_to_text(reading) for reading in found.excluded] == [
        "2026-01-12T09:00:00",
        "2026-01-19T09:00:00",
        "2026-02-02T09:00:00",
    ]
    assert [reading_to_text(reading) for reading in found.added] == ["2026-01-14T09:00:00"]


@pytest.mark.parametrize(
    "line",
    [
        "FREQ=DAILY",
        "RRULE;X=1:FREQ=DAILY",
        "EXRULE:FREQ=DAILY",
        "RRULE:",
        "RRULE:FREQ=HOURLY",
        "RRULE:INTERVAL=2",
        "RRULE:FREQ=DAILY;FREQ=WEEKLY",
        "RRULE:FREQ=DAILY;BYHOUR=9",
        "RRULE:FREQ=MONTHLY;BYSETPOS=1",
        "RRULE:FREQ=DAILY;INTERVAL=0",
        "RRULE:FREQ=DAILY;COUNT=x",
        "RRULE:FREQ=WEEKLY;BYDAY=1MO",
        "RRULE:FREQ=WEEKLY;BYDAY=XX",
        "RRULE:FREQ=WEEKLY;BYMONTHDAY=1",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=0",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=-2",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=one",
        "RRULE:FREQ=YEARLY;BYMONTH=13",
        "RRULE:FREQ=DAILY;UNTIL=tomorrow",
        "RRULE:FREQ=DAILY;UNTIL=20261301T000000Z",
    ],
)
def test_what_is_not_supported_is_refused_with_its_place(line: str) -> None:
    assert refused(line).path.startswith("recurrence")


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE:20260112",
        "EXDATE;VALUE=DATE:20260112",
        "EXDATE;TZID=Europe/Berlin:20260112T090000",
        "RDATE;VALUE=PERIOD:20260112T090000/PT1H",
    ],
)
def test_dates_that_cannot_be_placed_are_refused(line: str) -> None:
    assert refused("RRULE:FREQ=DAILY", line).path == "recurrence[1]"


@pytest.mark.parametrize("lines", [(), ("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY")])
def test_an_event_has_exactly_one_rule(lines: Any) -> None:
    assert "exactly one" in refused(*lines).message


@pytest.mark.parametrize(
    "line",
    [
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=DAILY;UNTIL=20250101",
        "RRULE:FREQ=YEARLY;BYMONTH=4,6;BYMONTHDAY=31",
    ],
)
def test_a_rule_that_never_occurs_is_refused_unless_dates_are_added(line: str) -> None:
    assert "never occurs" in refused(line).message
    assert read(line, "RDATE:20260114T090000").added


@pytest.mark.parametrize(
    ("until", "reading"),
    [
        ("20261025T003000Z", "2026-10-25T02:30:00"),  # in the first pass
        ("20261025T010000Z", "2026-10-25T02:59:59"),  # the clock shows 02:00 again, all of the hour was shown
        ("20261025T013000Z", "2026-10-25T02:59:59"),
        ("20261025T020000Z", "2026-10-25T03:00:00"),
        ("20260329T010000Z", "2026-03-29T03:00:00"),
    ],
)
def test_until_is_an_instant_in_a_repeated_hour_too(until: str, reading: str) -> None:
    found = read(f"RRULE:FREQ=DAILY;UNTIL={until}", zone="Europe/Amsterdam")
    assert found.rule.until == reading_from_text(reading)


SECOND = "20261025T013000Z"  # 02:30 in Amsterdam, for the second time


def in_amsterdam(*lines: str, start: str = "2026-10-20T10:00:00Z") -> tuple[Any, ...]:
    found = read("RRULE:FREQ=DAILY;COUNT=9", *lines, start=start, zone="Europe/Amsterdam")
    first_at = None if found.first_at is None else instant_to_text(found.first_at)
    return (
        first_at,
        [instant_to_text(t) for t in found.late],
        list(map(reading_to_text, (*found.excluded, *found.added))),
    )


def test_dates_in_the_second_pass_are_instants() -> None:
    late, reading = "2026-10-25T01:30:00Z", "2026-10-25T02:30:00"
    assert in_amsterdam(f"RDATE:{SECOND}") == (None, [late], [])
    assert in_amsterdam("RDATE:20261025T003000Z") == (None, [], [reading])
    assert in_amsterdam(f"RDATE:{SECOND}", "EXDATE:20261025T003000Z") == (None, [late], [reading])
    assert in_amsterdam(f"RDATE:{SECOND}", f"EXDATE:{SECOND}") == (None, [], [])
    assert in_amsterdam(f"EXDATE:{SECOND}") == (None, [], [])


def test_an_added_date_that_is_excluded_too_is_no_occurrence_in_either_pass() -> None:
    assert in_amsterdam("RDATE:20261025T003000Z", "EXDATE:20261025T003000Z") == (None, [], ["2026-10-25T02:30:00"])
    assert read("RRULE:FREQ=DAILY", "RDATE:20260114T120000Z", "EXDATE:20260114T120000Z").added == ()


def test_an_excluded_instant_excludes_the_start_that_the_clock_skips() -> None:
    daily, skipped = "RRULE:FREQ=DAILY", "2026-03-29T02:30:00"
    found = read(daily, "EXDATE:20260329T010000Z", start="2026-03-28T01:30:00Z", zone="Europe/Amsterdam")
    assert list(map(reading_to_text, found.excluded)) == [skipped, "2026-03-29T03:00:00"]
    assert (
        pattern(found).starts(reading_from_text("2026-03-29T00:00:00"), reading_from_text("2026-03-30T00:00:00")) == []
    )


def test_a_first_start_in_the_second_pass_is_an_instant() -> None:
    start, reading = "2026-10-25T01:30:00Z", "2026-10-25T02:30:00"
    assert in_amsterdam(start=start) == (start, [], [])
    assert in_amsterdam(f"EXDATE:{SECOND}", start=start) == (start, [], [reading])
    assert in_amsterdam("EXDATE:20261025T003000Z", start=start) == (start, [], [])
    assert in_amsterdam("EXDATE:20261026T013000Z", start=start) == (start, [], ["2026-10-26T02:30:00"])


def test_dates_beyond_the_rendered_years_are_an_open_end_or_left_out() -> None:
    noted: list[str] = []
    assert read("RRULE:FREQ=DAILY;UNTIL=99991231T235959Z", noted=noted).rule == Rule("DAILY")
    found = read("RRULE:FREQ=DAILY", "RDATE:30000101T000000Z", "EXDATE:18000101T000000", noted=noted)
    assert (found.added, found.excluded) == ((), ())
    assert noted == ["without_end", "date_out_of_time"]
    assert "before the year 1900" in refused("RRULE:FREQ=DAILY;UNTIL=18000101").message
