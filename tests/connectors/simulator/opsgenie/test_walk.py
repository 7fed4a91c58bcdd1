"""The walk through parallel rotations compared with recordings, hand-made cases and a walk over every minute."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from connectors.simulator.atlassian.model import (
    NOBODY,
    Forwarding,
    Override,
    Participant,
    Restriction,
    Rotation,
    Schedule,
    Window,
)
from connectors.simulator.atlassian.rosters import THOUSANDTH, daily, weekly
from connectors.simulator.atlassian.timeline import window
from connectors.simulator.atlassian.walk import Period, walk
from connectors.simulator.opsgenie import build_world
from connectors.simulator.zones import DAY, first_instant, iso, reading_of

NOW = 1_774_008_005


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def people(letters: str) -> list[Participant]:
    return [NOBODY if letter == "-" else ("user", letter) for letter in letters]


def rotation(
    zone: str, start: str, unit: str, length: int, letters: str, restriction: Restriction | None = None, key: str = "R"
) -> Rotation:
    """``start`` is a local date-time, people are single letters, ``-`` is nobody."""
    begins = first_instant(zone, reading_of(start))
    return Rotation(key, key, begins, unit, length, people(letters), None, restriction)


def said(periods: Sequence[Period]) -> list[tuple[str, str, str]]:
    return [(one.recipient[1], iso(one.start, "UTC")[5:16], iso(one.end, "UTC")[5:16]) for one in periods]


def base(zone: str, one: Rotation, since: str, until: str) -> list[tuple[str, str, str]]:
    return said(walk(Schedule("S", "S", zone, [one]), [], utc(since), utc(until)).base[one.id])


def on_duty(zone: str, one: Rotation, moment: str) -> list[str]:
    at = utc(moment)
    return [period.recipient[1] for period in walk(Schedule("S", "S", zone, [one]), [], at, at + 1).base[one.id]]


def test_a_recorded_wednesday_rotation_counts_weeks_from_its_start() -> None:
    """Eleven people with handoffs on Wednesdays at ten: after seven weeks it is the turn of the eighth person."""
    days = [f"{day} 10:00 {day} 18:00" for day in range(1, 6)]
    office = rotation("Europe/London", "2019-10-02T10:00", "weekly", 1, "abcdefghijk", weekly(*days))
    assert on_duty("Europe/London", office, "2019-11-20T09:59:59") == []  # the window opens with the turn
    assert on_duty("Europe/London", office, "2019-11-20T10:00:00") == ["h"]
    assert on_duty("Europe/London", office, "2019-11-26T17:59:00") == ["h"]
    assert on_duty("Europe/London", office, "2019-11-27T11:00:00") == ["i"]
    assert on_duty("Europe/London", office, "2019-12-18T11:00:00") == ["a"]  # eleven weeks: all had a turn


def test_a_recorded_london_rotation_keeps_its_local_handoff_in_summer() -> None:
    """The start is 10:00 GMT. In summer each Wednesday from 09:00Z to 17:00Z is the next person's."""
    days = [f"{day} 10:00 {day} 18:00" for day in range(1, 6)]
    office = rotation("Europe/London", "2019-11-27T10:00", "weekly", 1, "abc", weekly(*days))
    assert base("Europe/London", office, "2020-06-09T00:00:00", "2020-06-11T00:00:00") == [
        ("a", "06-09T09:00", "06-09T17:00"),
        ("b", "06-10T09:00", "06-10T17:00"),
    ]


def test_a_recorded_night_mask_has_local_edges_and_the_weekend_of_the_change_lasts_63_hours() -> None:
    texts = [f"{day} 18:00 {day + 1} 10:00" for day in range(1, 5)]
    nights = rotation("Europe/London", "2019-11-27T10:00", "weekly", 1, "a", weekly(*texts, "5 18:00 1 10:00"))
    assert base("Europe/London", nights, "2020-03-26T12:00:00", "2020-03-31T12:00:00") == [
        ("a", "03-26T18:00", "03-27T10:00"),
        ("a", "03-27T18:00", "03-30T09:00"),
        ("a", "03-30T17:00", "03-31T09:00"),
    ]


def test_a_recorded_handoff_inside_a_window_splits_it() -> None:
    office = rotation("Etc/UTC", "2022-08-02T09:00", "weekly", 1, "ab", daily("08:00", "17:00"))
    assert base("Etc/UTC", office, "2022-08-09T00:00:00", "2022-08-10T00:00:00") == [
        ("a", "08-09T08:00", "08-09T09:00"),
        ("b", "08-09T09:00", "08-09T17:00"),
    ]


def test_lengths_multiply_the_unit() -> None:
    two_days = rotation("Etc/UTC", "2026-06-01T18:00", "daily", 2, "ab")
    assert base("Etc/UTC", two_days, "2026-06-02T00:00:00", "2026-06-05T00:00:00") == [
        ("a", "06-02T00:00", "06-03T18:00"),
        ("b", "06-03T18:00", "06-05T00:00"),
    ]
    three_weeks = rotation("Etc/UTC", "2026-06-01T18:00", "weekly", 3, "ab")
    assert on_duty("Etc/UTC", three_weeks, "2026-06-22T17:59:59") == ["a"]
    assert on_duty("Etc/UTC", three_weeks, "2026-06-22T18:00:00") == ["b"]


def test_hours_are_elapsed_and_days_are_read_off_the_wall() -> None:
    """Berlin's clock skips 02:00 to 03:00 on 2026-03-29."""
    zone = "Europe/Berlin"
    halves = rotation(zone, "2026-03-28T08:00", "hourly", 12, "ab")
    assert base(zone, halves, "2026-03-28T12:00:00", "2026-03-29T12:00:00") == [
        ("a", "03-28T12:00", "03-28T19:00"),
        ("b", "03-28T19:00", "03-29T07:00"),
        ("a", "03-29T07:00", "03-29T12:00"),
    ]
    days = rotation(zone, "2026-03-28T02:30", "daily", 1, "ab")
    assert base(zone, days, "2026-03-28T12:00:00", "2026-03-29T12:00:00") == [
        ("a", "03-28T12:00", "03-29T01:00"),  # 02:30 does not come: the handoff is when the clock jumps
        ("b", "03-29T01:00", "03-29T12:00"),
    ]
    autumn = rotation(zone, "2026-10-24T02:30", "daily", 1, "ab")
    assert base(zone, autumn, "2026-10-24T12:00:00", "2026-10-25T12:00:00") == [
        ("a", "10-24T12:00", "10-25T00:30"),  # 02:30 comes twice: once is enough
        ("b", "10-25T00:30", "10-25T12:00"),
    ]


def test_windows_go_over_midnight_and_over_the_end_of_the_week() -> None:
    nights = rotation("Etc/UTC", "2026-06-01T00:00", "weekly", 1, "a", daily("18:00", "08:00"))
    assert base("Etc/UTC", nights, "2026-06-02T00:00:00", "2026-06-03T00:00:00") == [
        ("a", "06-02T00:00", "06-02T08:00"),
        ("a", "06-02T18:00", "06-03T00:00"),
    ]
    weekend = rotation("Etc/UTC", "2026-06-01T00:00", "weekly", 4, "a", weekly("6 20:00 1 08:30", "7 12:00 7 13:00"))
    assert base("Etc/UTC", weekend, "2026-06-05T00:00:00", "2026-06-10T00:00:00") == [
        ("a", "06-06T20:00", "06-08T08:30")
    ]
    for text in ("09:00", "00:00"):
        whole = rotation("Etc/UTC", "2026-06-01T00:00", "weekly", 4, "a", daily(text, text))
        assert base("Etc/UTC", whole, "2026-06-05T00:00:00", "2026-06-08T00:00:00") == [
            ("a", "06-05T00:00", "06-08T00:00")
        ]
    midnight = rotation("Etc/UTC", "2026-06-01T00:00", "weekly", 4, "a", daily("12:00", "24:00"))
    assert base("Etc/UTC", midnight, "2026-06-05T00:00:00", "2026-06-06T00:00:00") == [
        ("a", "06-05T12:00", "06-06T00:00")
    ]


def test_a_rotation_is_clipped_and_nobody_is_a_gap() -> None:
    zone = "Etc/UTC"
    short = rotation(zone, "2026-06-01T06:00", "daily", 1, "a-b")
    short.end = utc("2026-06-03T12:00:00")
    assert base(zone, short, "2026-05-30T00:00:00", "2026-06-09T00:00:00") == [
        ("a", "06-01T06:00", "06-02T06:00"),
        ("b", "06-03T06:00", "06-03T12:00"),
    ]
    assert (
        base(zone, rotation(zone, "2026-06-01T06:00", "daily", 1, ""), "2026-06-02T00:00:00", "2026-06-03T00:00") == []
    )


def test_one_person_twice_in_a_row_stays_two_turns() -> None:
    twice = rotation("Etc/UTC", "2026-06-01T00:00", "daily", 1, "aab")
    assert [who for who, *_ in base("Etc/UTC", twice, "2026-06-01T00:00:00", "2026-06-05T00:00:00")] == list("aaba")


def test_a_broken_start_of_1970_is_taken_as_it_is() -> None:
    recorded = Rotation("R", "R", THOUSANDTH, "weekly", 1, people("ab"))
    assert base("America/Los_Angeles", recorded, "2026-01-06T00:00:00", "2026-01-14T00:00:00") == [
        ("b", "01-06T00:00", "01-06T04:45"),
        ("a", "01-06T04:45", "01-13T04:45"),  # 2920 weeks on: turns come round on the second 32.4
        ("b", "01-13T04:45", "01-14T00:00"),
    ]


def _overridden() -> Schedule:
    """Two rotations, a always and b by day; r all day for the first, the newest r2 for an hour, nobody for all."""
    zone = "Etc/UTC"
    first = rotation(zone, "2026-06-01T00:00", "weekly", 1, "a", key="1")
    second = rotation(zone, "2026-06-01T00:00", "weekly", 1, "b", daily("08:00", "16:00"), key="2")
    schedule = Schedule("S", "S", zone, [first, second])
    for alias, start, end, by, rotations in (
        ("old", "02T06:00", "02T20:00", ("user", "x"), ["2"]),
        ("new", "02T10:00", "02T12:00", ("user", "y"), []),
        ("none", "02T22:00", "02T23:00", NOBODY, []),
    ):
        schedule.overrides.append(Override(alias, utc(f"2026-06-{start}"), utc(f"2026-06-{end}"), by, list(rotations)))
    return schedule


def test_an_override_replaces_its_rotations_for_its_whole_span_and_the_newest_wins() -> None:
    walked = walk(_overridden(), [], utc("2026-06-02T00:00:00"), utc("2026-06-03T00:00:00"))
    assert said(walked.final["1"]) == [
        ("a", "06-02T00:00", "06-02T10:00"),
        ("y", "06-02T10:00", "06-02T12:00"),
        ("a", "06-02T12:00", "06-02T22:00"),
        ("a", "06-02T23:00", "06-03T00:00"),
    ]
    assert said(walked.final["2"]) == [  # from six to eight the mask is closed: the override still counts
        ("x", "06-02T06:00", "06-02T10:00"),
        ("y", "06-02T10:00", "06-02T12:00"),
        ("x", "06-02T12:00", "06-02T20:00"),
    ]
    assert said(walked.base["1"]) == [("a", "06-02T00:00", "06-03T00:00")]
    assert said(walked.overridden["1"]) == [("y", "06-02T10:00", "06-02T12:00")]
    assert {period.kind for period in walked.final["2"]} == {"override"}


def test_forwarding_comes_after_overrides_and_is_not_followed_twice() -> None:
    start, end = utc("2026-06-02T08:00:00"), utc("2026-06-02T11:00:00")
    forwardings = [Forwarding("1", "", "a", "z", start, end), Forwarding("2", "", "y", "a", start, end)]
    walked = walk(_overridden(), forwardings, utc("2026-06-02T07:00:00"), utc("2026-06-02T13:00:00"))
    assert [(one.recipient[1], one.kind, one.from_user) for one in walked.final["1"]] == [
        ("a", "default", None),
        ("z", "forwarding", "a"),
        ("a", "forwarding", "y"),
        ("y", "override", None),
        ("a", "default", None),
    ]
    assert said(walked.forwarded["1"]) == [("z", "06-02T08:00", "06-02T10:00"), ("a", "06-02T10:00", "06-02T11:00")]
    assert said(walked.base["1"]) == [("a", "06-02T07:00", "06-02T13:00")]


def test_teams_and_escalations_take_turns_and_are_never_forwarded() -> None:
    one = Rotation("R", "R", 0.0, "daily", 1, [("team", "t"), ("escalation", "e")])
    walked = walk(Schedule("S", "S", "Etc/UTC", [one]), [Forwarding("1", "", "t", "z", 0, 9 * DAY)], 0, 2 * DAY)
    assert [period.recipient for period in walked.final["R"]] == [("team", "t"), ("escalation", "e")]


def test_an_empty_window_has_no_periods() -> None:
    walked = walk(_overridden(), [], NOW, NOW)
    assert walked.final == {"1": (), "2": ()}


@pytest.mark.parametrize(
    ("zone", "date", "interval", "unit", "since", "until"),
    [
        ("America/Los_Angeles", "2022-03-24T10:00:00", 2, "weeks", "2022-03-21T07:00:00", "2022-04-04T07:00:00"),
        ("Europe/London", "2020-02-14T00:00:00", 3, "months", "2020-02-01T00:00:00", "2020-04-30T23:00:00"),
        ("Europe/London", "2020-06-02T00:00:00", 3, "months", "2020-05-31T23:00:00", "2020-08-31T23:00:00"),
        ("Etc/UTC", "2022-08-03T12:00:00", 31, "days", "2022-08-03T00:00:00", "2022-09-03T00:00:00"),
        ("Etc/UTC", "2023-12-15T00:00:00", 2, "months", "2023-12-01T00:00:00", "2024-02-01T00:00:00"),
        ("Europe/Paris", "2025-11-20T00:00:00", 6, "months", "2025-10-31T23:00:00", "2026-04-30T22:00:00"),
    ],
)
def test_the_window_begins_with_the_unit_of_the_zone(
    zone: str, date: str, interval: int, unit: str, since: str, until: str
) -> None:
    """All but the last two were recorded from live accounts."""
    assert window(zone, utc(date), interval, unit) == (utc(since), utc(until))


# A second walk, written without the first: every minute, with datetime instead of integers.


def _on_duty_naively(schedule: Schedule, one: Rotation, moment: datetime) -> Participant | None:
    local = moment.astimezone(ZoneInfo(schedule.time_zone)).replace(tzinfo=None)
    instant = int(moment.timestamp())
    if instant < one.start or (one.end is not None and instant >= one.end) or not one.participants:
        return None
    restriction = one.restriction
    if restriction is not None and not any(_open(window, local) for window in restriction.windows):
        return None
    if one.unit == "hourly":
        turn = int(instant - one.start) // (3600 * one.length)
    else:
        began = datetime.fromtimestamp(one.start, ZoneInfo(schedule.time_zone)).replace(tzinfo=None)
        days = {"daily": 1, "weekly": 7}[one.unit] * one.length
        turn = int((local - began).total_seconds()) // (days * DAY)
    found = one.participants[turn % len(one.participants)]
    return None if found == NOBODY else found


def _open(window: Window, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    if window.start_day is None or window.end_day is None:
        if window.start < window.end:
            return window.start <= minute < window.end
        return minute >= window.start or minute < window.end
    now = (local.isoweekday(), minute)
    start, end = (window.start_day, window.start), (window.end_day, window.end)
    return start <= now < end if start < end else now >= start or now < end


def _random_schedule(dice: random.Random) -> Schedule:
    zone = dice.choice(["Etc/UTC", "Asia/Kolkata", "America/St_Johns"])
    made = Schedule("S", "S", zone, [])
    for number in range(dice.randint(1, 3)):
        start = utc("2026-02-01T00:00:00") + dice.randrange(60 * 48) * 1800
        restriction = None
        if dice.random() < 0.4:
            restriction = Restriction([Window(dice.randrange(48) * 30, dice.randrange(48) * 30)])
        elif dice.random() < 0.6:
            restriction = Restriction(
                [
                    Window(dice.randrange(48) * 30, dice.randrange(48) * 30, dice.randint(1, 7), dice.randint(1, 7))
                    for _ in range(dice.randint(1, 3))
                ]
            )
        made.rotations.append(
            Rotation(
                str(number),
                "",
                float(start),
                dice.choice(["hourly", "daily", "weekly"]),
                dice.randint(1, 3),
                people(dice.choice(["a", "ab", "aab", "a-b", ""])),
                dice.choice([None, start + 20 * DAY + 1234 * 60]),
                restriction,
            )
        )
    return made


@pytest.mark.parametrize("seed", range(25))
def test_the_walk_agrees_with_a_walk_over_every_minute(seed: int) -> None:
    dice = random.Random(seed)
    schedule = _random_schedule(dice)
    since = utc("2026-03-01T00:00:00")  # in Newfoundland the clock changes on the 8th, at 02:00
    until = since + 6 * DAY
    walked = walk(schedule, [], since, until)
    for one in schedule.rotations:
        held: dict[int, Participant] = {}
        for period in walked.base[one.id]:
            held.update(dict.fromkeys(range(period.start, period.end, 60), period.recipient))
        for instant in range(since, until, 60):
            expected = _on_duty_naively(schedule, one, datetime.fromtimestamp(instant, UTC))
            assert held.get(instant) == expected, datetime.fromtimestamp(instant, UTC)


def test_the_demo_world_agrees_with_a_walk_over_every_minute_around_a_change_of_clocks() -> None:
    """Berlin, London: 2026-03-29; no handoff of theirs falls into the hour that is skipped."""
    schedules = [one for one in build_world(NOW).schedules.values() if one.time_zone.startswith("Europe/")]
    assert len(schedules) == 4
    since, until = utc("2026-03-28T00:00:00"), utc("2026-03-30T12:00:00")
    for schedule in schedules:
        walked = walk(schedule, [], since, until)
        for one in schedule.rotations:
            held: dict[int, Participant] = {}
            for period in walked.base[one.id]:
                held.update(dict.fromkeys(range(period.start, period.end, 60), period.recipient))
            for instant in range(since, until, 60):
                expected = _on_duty_naively(schedule, one, datetime.fromtimestamp(instant, UTC))
                assert held.get(instant) == expected, (schedule.name, one.name, datetime.fromtimestamp(instant, UTC))
