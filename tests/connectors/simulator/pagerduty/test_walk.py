"""The walk compared with cases calculated by hand and with a direct check of every instant."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from connectors.simulator.pagerduty import build_world
from connectors.simulator.pagerduty.model import Layer, Override, Restriction, Schedule
from connectors.simulator.pagerduty.walk import Entry, coverage, walk, walk_whole
from connectors.simulator.zones import DAY, WEEK, first_instant, iso, reading_of

HOUR = 3600


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def one_layer(
    zone: str,
    anchor: str,
    turn: int,
    users: str,
    *windows: Restriction,
    start: int = 0,
    end: int | None = None,
) -> Schedule:
    """``anchor`` is a local date-time, users single letters."""
    layer = Layer("L", "Layer", start, first_instant(zone, reading_of(anchor)), turn, list(users), list(windows), end)
    return Schedule("S", "S", zone, [layer])


def final(schedule: Schedule, since: str, until: str) -> list[tuple[str, str, str]]:
    return said(walk(schedule, utc(since), utc(until)).final)


def said(entries: Sequence[Entry]) -> list[tuple[str, str, str]]:
    return [(entry.user_id, iso(entry.start, "UTC")[:-1], iso(entry.end, "UTC")[:-1]) for entry in entries]


def test_a_weekly_turn_keeps_its_local_handoff_over_a_change_of_clocks() -> None:
    schedule = one_layer("Asia/Jerusalem", "2025-12-03T16:00", WEEK, "AB")
    december = final(schedule, "2025-12-10T00:00:00", "2025-12-12T00:00:00")
    april = final(schedule, "2026-04-08T00:00:00", "2026-04-10T00:00:00")
    assert december[1] == ("B", "2025-12-10T14:00:00", "2025-12-12T00:00:00")
    assert april[1] == ("A", "2026-04-08T13:00:00", "2026-04-10T00:00:00")  # 18 weeks on: the phase is unbroken


def test_a_turn_is_counted_from_the_virtual_start_not_from_the_start() -> None:
    schedule = one_layer("Europe/Berlin", "2012-08-05T10:00", DAY, "ABC", start=utc("2017-04-07T08:11:41"))
    assert final(schedule, "2018-12-25T12:00:00", "2018-12-25T13:00:00")[0][0] == "C"  # turn 2333
    assert final(schedule, "2019-01-06T12:00:00", "2019-01-06T13:00:00")[0][0] == "C"


def test_a_turn_before_the_virtual_start_is_counted_backwards() -> None:
    schedule = one_layer("Etc/UTC", "2026-05-10T00:00", DAY, "ABC")
    assert [who for who, *_ in final(schedule, "2026-05-07T00:00:00", "2026-05-11T00:00:00")] == list("ABCA")


def test_the_first_layer_wins_and_shows_the_next_one_where_it_has_nobody() -> None:
    zone = "America/New_York"
    schedule = one_layer(zone, "2018-07-02T00:00", WEEK, "N", Restriction(0, 12 * HOUR))
    schedule.layers.append(one_layer(zone, "2018-07-02T00:00", WEEK, "D").layers[0])
    schedule.layers[1].id = "below"
    assert final(schedule, "2018-12-20T05:00:00", "2018-12-21T05:00:00") == [
        ("N", "2018-12-20T05:00:00", "2018-12-20T17:00:00"),  # midnight to noon in winter time
        ("D", "2018-12-20T17:00:00", "2018-12-21T05:00:00"),
    ]


def test_a_weekend_window_lasts_an_hour_longer_when_the_clock_goes_back() -> None:
    window = Restriction(18 * HOUR, 48 * HOUR, weekday=5)
    schedule = one_layer("Europe/Prague", "2018-10-01T00:00", WEEK, "A", window)
    schedule.layers[0].users = ["A"]
    assert final(schedule, "2018-10-24T00:00:00", "2018-10-29T00:00:00") == [
        ("A", "2018-10-26T16:00:00", "2018-10-28T17:00:00")
    ]


def test_windows_pass_midnight_and_the_end_of_the_week() -> None:
    nights = one_layer("Europe/London", "2026-01-05T12:00", DAY, "AB", Restriction(22 * HOUR, 9 * HOUR))
    assert final(nights, "2026-01-06T03:00:00", "2026-01-07T12:00:00") == [
        ("A", "2026-01-06T03:00:00", "2026-01-06T07:00:00"),
        ("B", "2026-01-06T22:00:00", "2026-01-07T07:00:00"),
    ]
    friday = one_layer("America/Los_Angeles", "2026-06-02T12:00", WEEK, "A", Restriction(73_800, 45_000, weekday=5))
    assert final(friday, "2026-06-06T00:00:00", "2026-06-07T00:00:00") == [
        ("A", "2026-06-06T03:30:00", "2026-06-06T16:00:00")
    ]
    sunday = one_layer("Etc/UTC", "2026-06-01T00:00", 4 * WEEK, "A", Restriction(20 * HOUR, 10 * HOUR, weekday=7))
    assert final(sunday, "2026-06-07T00:00:00", "2026-06-09T00:00:00") == [
        ("A", "2026-06-07T20:00:00", "2026-06-08T06:00:00")
    ]


def test_a_handoff_inside_a_window_splits_it() -> None:
    schedule = one_layer("Etc/UTC", "2026-06-01T12:00", DAY, "AB", Restriction(9 * HOUR, 8 * HOUR))
    assert final(schedule, "2026-06-02T00:00:00", "2026-06-03T00:00:00") == [
        ("A", "2026-06-02T09:00:00", "2026-06-02T12:00:00"),
        ("B", "2026-06-02T12:00:00", "2026-06-02T17:00:00"),
    ]


def test_a_handoff_in_a_skipped_hour_happens_when_the_clock_jumps() -> None:
    schedule = one_layer("Europe/Berlin", "2026-03-01T02:30", DAY, "AB")
    assert final(schedule, "2026-03-28T12:00:00", "2026-03-29T12:00:00") == [
        ("B", "2026-03-28T12:00:00", "2026-03-29T01:00:00"),
        ("A", "2026-03-29T01:00:00", "2026-03-29T12:00:00"),
    ]


def test_a_handoff_in_a_repeated_hour_happens_once_at_the_first_passage() -> None:
    schedule = one_layer("Europe/Berlin", "2026-10-01T02:30", DAY, "AB")
    assert final(schedule, "2026-10-24T12:00:00", "2026-10-25T12:00:00") == [
        ("B", "2026-10-24T12:00:00", "2026-10-25T00:30:00"),
        ("A", "2026-10-25T00:30:00", "2026-10-25T12:00:00"),
    ]


def test_a_window_in_a_repeated_hour_counts_twice_and_in_a_skipped_hour_never() -> None:
    window = Restriction(2 * HOUR + 900, 1800)
    schedule = one_layer("Europe/Berlin", "2026-01-01T12:00", WEEK, "A", window)
    assert final(schedule, "2026-10-25T00:00:00", "2026-10-25T12:00:00") == [
        ("A", "2026-10-25T00:15:00", "2026-10-25T00:45:00"),
        ("A", "2026-10-25T01:15:00", "2026-10-25T01:45:00"),
    ]
    assert final(schedule, "2026-03-29T00:00:00", "2026-03-29T12:00:00") == []


def test_half_an_hour_of_change_moves_a_handoff_by_half_an_hour() -> None:
    schedule = one_layer("Australia/Lord_Howe", "2026-04-01T12:00", DAY, "AB")
    handoffs = [start for _, start, _ in final(schedule, "2026-04-03T12:00:00", "2026-04-06T12:00:00")[1:]]
    assert handoffs == ["2026-04-04T01:00:00", "2026-04-05T01:30:00", "2026-04-06T01:30:00"]


def test_start_and_end_clip_to_the_second_and_move_nothing() -> None:
    schedule = one_layer(
        "Etc/UTC", "2026-06-01T00:00", DAY, "AB", start=utc("2026-06-02T16:11:41"), end=utc("2026-06-04T07:00:03")
    )
    assert final(schedule, "2026-06-01T00:00:00", "2026-06-08T00:00:00") == [
        ("B", "2026-06-02T16:11:41", "2026-06-03T00:00:00"),
        ("A", "2026-06-03T00:00:00", "2026-06-04T00:00:00"),
        ("B", "2026-06-04T00:00:00", "2026-06-04T07:00:03"),
    ]


def test_overrides_win_over_layers_cover_gaps_and_the_later_one_wins() -> None:
    schedule = one_layer("Etc/UTC", "2026-06-01T00:00", DAY, "A", Restriction(9 * HOUR, 8 * HOUR))
    schedule.overrides = [
        Override("o1", utc("2026-06-01T16:00:00"), utc("2026-06-01T20:00:07"), "X"),
        Override("o2", utc("2026-06-01T18:00:00"), utc("2026-06-01T19:00:00"), "Y"),
    ]
    assert final(schedule, "2026-06-01T00:00:00", "2026-06-02T00:00:00") == [
        ("A", "2026-06-01T09:00:00", "2026-06-01T16:00:00"),
        ("X", "2026-06-01T16:00:00", "2026-06-01T18:00:00"),
        ("Y", "2026-06-01T18:00:00", "2026-06-01T19:00:00"),
        ("X", "2026-06-01T19:00:00", "2026-06-01T20:00:07"),
    ]


def test_coverage_is_the_share_of_the_window_with_somebody_in_it() -> None:
    schedule = one_layer("Etc/UTC", "2026-06-01T00:00", DAY, "A", Restriction(9 * HOUR, 6 * HOUR))
    since, until = utc("2026-06-01T00:00:00"), utc("2026-06-05T00:00:00")
    assert coverage(walk(schedule, since, until).final, since, until) == 25.0


def test_whole_entries_reach_beyond_the_window() -> None:
    schedule = one_layer("Etc/UTC", "2026-06-01T08:00", WEEK, "AB", start=utc("2026-05-01T00:00:00"))
    entries = walk_whole(schedule, utc("2026-06-03T00:00:00"), utc("2026-06-04T00:00:00")).final
    assert said(entries) == [("A", "2026-06-01T08:00:00", "2026-06-08T08:00:00")]


def test_a_layer_without_people_or_after_its_end_names_nobody() -> None:
    empty = one_layer("Etc/UTC", "2026-06-01T00:00", DAY, "")
    ended = one_layer("Etc/UTC", "2026-06-01T00:00", DAY, "A", end=utc("2026-06-01T00:00:00"))
    for schedule in (empty, ended):
        assert final(schedule, "2026-06-02T00:00:00", "2026-06-03T00:00:00") == []


def test_an_empty_window_has_no_periods() -> None:
    assert final(one_layer("Etc/UTC", "2026-06-01T00:00", DAY, "A"), "2026-06-02T00:00:00", "2026-06-02T00:00:00") == []


# The rules read naively, one instant at a time.


def _local(instant: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(instant, zone)


def _seconds(moment: datetime) -> int:
    return round((moment.replace(tzinfo=None, fold=0) - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001


def naive(schedule: Schedule, instant: int) -> str | None:
    """Return who is on call at an instant, directly from the rules."""
    for override in reversed(schedule.overrides):
        if override.start <= instant < override.end:
            return override.user_id
    zone = ZoneInfo(schedule.time_zone)
    local = _local(instant, zone)
    reading = _seconds(local)
    counted = reading
    if local.fold:  # second passage: not earlier than the last reading before the clock was set back
        before = instant - instant % 60 + 59  # clocks are set back at full minutes
        while _local(before, zone).fold:
            before -= 60
        counted = max(reading, _seconds(_local(before, zone)))
    for layer in schedule.layers:
        if not layer.users or instant < layer.start or (layer.end is not None and instant >= layer.end):
            continue
        if layer.restrictions and not any(_inside(window, reading) for window in layer.restrictions):
            continue
        turn = (counted - _seconds(_local(layer.virtual_start, zone))) // layer.turn_length
        return layer.users[turn % len(layer.users)]
    return None


def _inside(window: Restriction, reading: int) -> bool:
    for back in range(9):
        day = reading // DAY - back
        if window.weekday is not None and (day + 3) % 7 + 1 != window.weekday:
            continue
        if day * DAY + window.start_second <= reading < day * DAY + window.start_second + window.duration:
            return True
    return False


def _walked(schedule: Schedule, since: int, until: int, step: int) -> list[str | None]:
    entries = list(walk(schedule, since, until).final)
    found: list[str | None] = []
    for instant in range(since, until, step):
        while entries and entries[0].end <= instant:
            entries.pop(0)
        found.append(entries[0].user_id if entries and entries[0].start <= instant else None)
    return found


@pytest.mark.parametrize("now", [utc("2026-03-27T09:00:11"), utc("2026-10-31T21:00:00")])
def test_every_minute_of_acme_around_a_change_of_clocks_is_as_the_rules_say(now: int) -> None:
    for schedule in build_world(now).layer_schedules():
        since, until = now, now + 3 * DAY
        expected = [naive(schedule, instant) for instant in range(since, until, 60)]
        assert _walked(schedule, since, until, 60) == expected, schedule.name


@pytest.mark.parametrize("seed", range(16))
def test_every_second_of_crooked_schedules_is_as_the_rules_say(seed: int) -> None:
    """Anchors, windows and clips at odd seconds, within three hours of a change of clocks."""
    chance = random.Random(seed)
    zone, change = chance.choice(
        [
            ("Europe/Berlin", utc("2026-10-25T01:00:00")),
            ("Europe/Berlin", utc("2026-03-29T01:00:00")),
            ("Australia/Lord_Howe", utc("2026-04-04T15:00:00")),
            ("America/New_York", utc("2026-11-01T06:00:00")),
            ("Asia/Kolkata", utc("2026-11-01T18:30:00")),
        ]
    )
    layers = []
    for number in range(chance.randint(1, 3)):
        windows = [
            Restriction(chance.randrange(DAY), chance.randrange(1, DAY if weekday is None else WEEK), weekday=weekday)
            for weekday in chance.choices([None, None, 6, 7, 1], k=chance.randint(0, 2))
        ]
        length = chance.choice([HOUR, 5400, 3601, 12 * HOUR, DAY])
        start, end = change - chance.randrange(7200), chance.choice([None, change + chance.randrange(7200)])
        anchor = change - chance.randrange(50 * DAY)
        layers.append(Layer(f"L{number}", "", start, anchor, length, list("ABC")[: number + 1], windows, end))
    schedule = Schedule("S", "S", zone, layers)
    schedule.overrides = [Override("o", change + 77, change + 777, "O")] if chance.random() < 0.5 else []
    since, until = change - 2 * HOUR, change + 2 * HOUR + 30
    assert _walked(schedule, since, until, 1) == [naive(schedule, instant) for instant in range(since, until)]
