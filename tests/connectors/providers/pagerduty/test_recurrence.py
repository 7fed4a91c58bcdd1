"""Tests RFC 5545 lines: the supported part is exact, and the rest is refused."""

from typing import Any

import pytest

from connectors.errors import UnknownValue
from connectors.providers.pagerduty.recurrence import recurring
from oncall.rendering.codec import reading_from_text, reading_to_text
from oncall.rendering.spec import Recurring, Rule

FIRST = reading_from_text("2026-01-05T09:00:00")  # a Monday
ZONE = "America/New_York"


def read(*lines: str) -> Recurring:
    return recurring(lines, FIRST, 3600, ZONE, "recurrence")


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
