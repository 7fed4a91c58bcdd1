"""Slots: the grid of an interval, crontabs by the clock of a zone, and the spread of starts."""

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest

from syncjobs.slots.every import grid_of
from syncjobs.slots.grid import Grid, Interval, delay, latest_slot, next_slot
from tests.syncjobs.slots.grids import at, fires

HOUR, DAY = 3_600, 86_400
SINCE = 1_000_000


def grid(text: str) -> Grid:
    found = grid_of(text)
    assert found is not None
    return found


def slots(rule: Grid, since: int, until: int) -> list[int]:
    """All slots in ``(since, until]``, forwards."""
    found, after = [], since
    while (slot := next_slot(rule, since, after)) is not None and slot <= until:
        found.append(slot)
        after = slot
    return found


def test_the_grid_of_an_interval_starts_when_the_rule_is_set_and_is_kept_over_gaps() -> None:
    rule = Interval(6 * HOUR)
    assert next_slot(rule, SINCE, SINCE - DAY) == next_slot(rule, SINCE, SINCE) == SINCE + 6 * HOUR
    assert next_slot(rule, SINCE, SINCE + 6 * HOUR) == SINCE + 12 * HOUR
    assert latest_slot(rule, SINCE, SINCE, SINCE + 6 * HOUR - 1) is None
    assert latest_slot(rule, SINCE, SINCE, SINCE + 100 * DAY + 7 * HOUR) == SINCE + 100 * DAY + 6 * HOUR
    assert latest_slot(rule, SINCE, SINCE + 6 * HOUR, SINCE + 6 * HOUR) is None
    assert latest_slot(rule, SINCE, SINCE, SINCE - DAY) is None


@pytest.mark.parametrize(
    ("text", "since", "until", "found"),
    [
        # 02:30 does not exist on 28 March: it is due at the change, at 03:00 in summer time.
        ("30 2 * * * Europe/Berlin", "2027-03-27", "2027-03-30", ["27T01:30", "28T01:00", "29T00:30"]),
        # 02:30 exists twice on 25 October: it is due at the first.
        ("30 2 * * * Europe/Berlin", "2026-10-24", "2026-10-27", ["24T00:30", "25T00:30", "26T01:30"]),
        # All times of the hour that is skipped are one slot.
        ("*/20 2 * * * Europe/Berlin", "2027-03-28", "2027-03-28T23:00", ["28T01:00"]),
        # Lord Howe moves its clock by half an hour.
        ("15 2 * * * Australia/Lord_Howe", "2026-10-03", "2026-10-04", ["03T15:30"]),
        ("0 3 * * 1-5 Europe/Berlin", "2026-11-27T12:00", "2026-12-02", ["30T02:00", "01T02:00"]),
    ],
)
def test_a_time_that_is_skipped_or_doubled_is_one_slot(text: str, since: str, until: str, found: list[str]) -> None:
    start, end = at(since), at(until)
    instants = slots(grid(text), int(start.timestamp()), int(end.timestamp()))
    moments = [start + timedelta(seconds=instant - int(start.timestamp())) for instant in instants]
    assert [moment.strftime("%dT%H:%M") for moment in moments] == found


RULES = [
    "30 2 * * *", "*/20 1-3 * * *", "0 * * * *", "0 3 * * 1-5", "15 0,23 * * *", "0 12 1 * *", "7 2 25-28 3,10 *",
    "*/7 * * * 0", "0 0 31 * *",
]  # fmt: skip
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]


@pytest.mark.parametrize("start", ["2026-10-20", "2027-03-24"])
def test_slots_are_those_of_a_walk_over_all_minutes(start: str, thorough: bool, record_property: object) -> None:
    pairs = [(fields, zone) for fields in RULES for zone in ZONES]
    days = 20 if thorough else 8
    since = at(start)
    until = since + timedelta(days=days)
    first, last = int(since.timestamp()), int(until.timestamp())
    for fields, zone in pairs if thorough else Random(start).sample(pairs, 8):
        rule = grid(f"{fields} {zone}")
        expected = [int(moment.timestamp()) for moment in fires(fields, zone, since, until)]
        assert slots(rule, first, last) == expected, (fields, zone)
        for slot, following in pairwise([first, *expected, last + 1]):
            moments = (slot, (slot + following) // 2, following - 1)
            known = slot if slot != first else None
            assert [latest_slot(rule, first, first, moment) for moment in moments] == [known] * 3
            if known is not None:
                assert latest_slot(rule, first, slot, following - 1) is None


def test_one_connection_starts_at_once_and_many_are_spread_evenly() -> None:
    rule, slot = Interval(6 * HOUR), SINCE + 6 * HOUR
    assert {delay(rule, slot, number, 1) for number in range(100)} == {0}
    many = sorted(delay(rule, slot, number, 100) for number in range(100))
    assert many[0] >= 0
    assert many[-1] <= 600
    assert max(later - earlier for earlier, later in pairwise(many)) <= 12
    assert [delay(rule, slot, 7, 100)] * 2 == [delay(rule, slot, 7, 100), delay(rule, slot + 6 * HOUR, 7, 100)]


@pytest.mark.parametrize(
    ("text", "most"), [("1m", 6), ("30m", 180), ("6h", 600), ("0 3 * * * UTC", 600), ("*/5 * * * * UTC", 30)]
)
def test_a_start_is_late_by_at_most_10_minutes_and_a_tenth_of_the_interval(text: str, most: int) -> None:
    slot = next_slot(grid(text), SINCE, SINCE)
    assert slot is not None
    late = [delay(grid(text), slot, number, 1_000) for number in range(1_000)]
    assert 0 <= min(late) <= max(late) <= most
    assert max(late) > most * 0.9 - 1
