"""Compares our rendering of v3 schedules with the simulator's, around the autumn change of the clocks in 2026."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any

import pytest

from connectors.base import Rim
from connectors.closure import Selection
from connectors.providers.pagerduty.connector import PagerDuty
from connectors.redaction import Secret
from connectors.simulator.pagerduty import DEMO_CREDENTIALS, DEMO_SETTINGS, Simulator, build_world
from connectors.simulator.pagerduty.model import CustomShift, Event, OverrideShift, Rotation, ShiftSchedule
from connectors.simulator.pagerduty.recurrence import starts
from connectors.simulator.zones import first_instant, reading_at, reading_of
from oncall.rendering.final import Span, render_final
from tests.connectors.conformance import scenes
from tests.connectors.conformance.entry_pagerduty import PAGERDUTY

MINUTE, HOUR, DAY = 60, 3_600, 86_400
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


NOW = utc("2026-10-19T12:00")
UNTIL = NOW + 21 * DAY  # both zones change in between: on 25 October and on 1 November
CHANGES = {BERLIN: utc("2026-10-25T01:00"), NEW_YORK: utc("2026-11-01T06:00")}
ANA, BO, CY, DEE = sorted(user.id for user in build_world(NOW).present_users())[:4]


def event(key: str, zone: str, start: str, minutes: int, rule: str, *members: str | None, **more: Any) -> Event:
    """Return an event of ``minutes``. start: the reading of its first start. more: further fields of the event."""
    reading = reading_of(start)
    fields = {"shifts_per_member": 1, "effective_since": 0, **more}
    return Event(key, key, zone, reading, reading + minutes * MINUTE, f"RRULE:{rule}", list(members), **fields)


def schedule(key: str, zone: str, *rotations: Sequence[Event], **more: Any) -> ShiftSchedule:
    made = [Rotation(f"R{number}{key}", list(events)) for number, events in enumerate(rotations)]
    return ShiftSchedule(key, f"Schedule {key}", zone, made, **more)


def renderings(*schedules: ShiftSchedule) -> dict[str, tuple[tuple[Span, ...], tuple[Span, ...]]]:
    """Return our rendering of each schedule and the simulator's, by id."""
    world = build_world(NOW)
    PAGERDUTY.empty(world)
    world.users = build_world(NOW).users
    world.schedules = {each.id: each for each in schedules}
    with Simulator(world, now=lambda: float(NOW)) as simulator:
        rim = Rim(scenes.live(PAGERDUTY, simulator), now=lambda: float(NOW), sleep=lambda seconds: None)
        secrets = {name: Secret(text) for name, text in DEMO_CREDENTIALS.items()}
        connector = PagerDuty(PagerDuty.clean(DEMO_SETTINGS), secrets, rim)
        snapshot = connector.fetch(Selection(), contact_details=False)
        theirs = connector.rendered({each.id: () for each in schedules}, NOW, UNTIL)
    assert snapshot.failed == ()
    assert {record.external_id for record in snapshot.schedules} == set(theirs) == {each.id for each in schedules}
    found = {}
    for record in snapshot.schedules:
        spec = record.spec()
        assert spec is not None
        found[record.external_id] = render_final(spec, (), NOW, UNTIL), theirs[record.external_id]
    return found


def shown(spans: Sequence[Span]) -> list[str]:
    """Return the spans as "day hour:minute to hour:minute people", in UTC."""
    return [
        f"{datetime.fromtimestamp(start, UTC):%d %H:%M} to {datetime.fromtimestamp(end, UTC):%H:%M} "
        f"{'+'.join('ABCD'[(ANA, BO, CY, DEE).index(str(each))] for each in who)}"
        for start, end, who in spans
    ]


def holders_by_minute(spans: Sequence[Span]) -> list[list[str]]:
    """Return the holders at every seventh minute."""
    held: list[list[str]] = []
    position = 0
    for instant in range(NOW, UNTIL, 7 * MINUTE):
        while position < len(spans) and spans[position].end <= instant:
            position += 1
        running = position < len(spans) and spans[position].start <= instant
        held.append([str(each) for each in spans[position].participants] if running else [])
    return held


NIGHT = "2026-10-23T02:30"  # shown twice on 25 October in Berlin: at 00:30Z and at 01:30Z
FIRST_PASS, SECOND_PASS = utc("2026-10-25T00:30"), utc("2026-10-25T01:30")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            event("count", BERLIN, NIGHT, 60, "FREQ=DAILY;COUNT=3", ANA, BO),
            ["23 00:30 to 01:30 A", "24 00:30 to 01:30 B", "25 00:30 to 02:30 A"],
        ),
        (
            event("until-second-pass", BERLIN, NIGHT, 20, "FREQ=DAILY;UNTIL=20261025T011500Z", ANA, BO),
            ["23 00:30 to 00:50 A", "24 00:30 to 00:50 B", "25 00:30 to 00:50 A"],
        ),
        (
            event("until-inclusive", BERLIN, NIGHT, 20, "FREQ=DAILY;UNTIL=20261025T003000Z", ANA, BO),
            ["23 00:30 to 00:50 A", "24 00:30 to 00:50 B", "25 00:30 to 00:50 A"],
        ),
        (
            event("until-a-second-before", BERLIN, NIGHT, 20, "FREQ=DAILY;UNTIL=20261025T002959Z", ANA, BO),
            ["23 00:30 to 00:50 A", "24 00:30 to 00:50 B"],
        ),
        (
            event("added-second-pass", BERLIN, NIGHT, 20, "FREQ=DAILY;COUNT=4", ANA, BO, CY, added=[SECOND_PASS]),
            ["23 00:30 to 00:50 A", "24 00:30 to 00:50 B", "25 00:30 to 00:50 C", "25 01:30 to 01:50 A",
             "26 01:30 to 01:50 B"],
        ),
        (
            event("excluded-first-pass", BERLIN, NIGHT, 20, "FREQ=DAILY;COUNT=4", ANA, BO, CY,
                  added=[SECOND_PASS], excluded=[FIRST_PASS]),
            ["23 00:30 to 00:50 A", "24 00:30 to 00:50 B", "25 01:30 to 01:50 A", "26 01:30 to 01:50 B"],
        ),
        (
            event("excluded-second-pass", BERLIN, NIGHT, 20, "FREQ=DAILY;COUNT=4", ANA, BO, CY,
                  excluded=[SECOND_PASS]),
            ["23 00:30 to 00:50 A", "24 00:30 to 00:50 B", "25 00:30 to 00:50 C", "26 01:30 to 01:50 A"],
        ),
        (
            event("last-sunday", BERLIN, "2026-08-30T01:00", 180, "FREQ=MONTHLY;BYDAY=-1SU", ANA, BO, CY),
            ["24 23:00 to 03:00 C"],
        ),
        (
            event("last-day", NEW_YORK, "2026-08-31T22:00", 480, "FREQ=MONTHLY;BYMONTHDAY=-1", ANA, BO, CY),
            ["01 02:00 to 11:00 C"],
        ),
        (
            event("first-sunday", NEW_YORK, "2025-11-02T00:30", 60, "FREQ=YEARLY;BYMONTH=11;BYDAY=1SU", ANA, BO),
            ["01 04:30 to 05:30 B"],
        ),
        (
            event("every-member", NEW_YORK, "2026-10-31T01:30", 10, "FREQ=DAILY;COUNT=2", ANA, BO,
                  shifts_per_member=None, added=[utc("2026-11-01T06:30")]),
            ["31 05:30 to 05:40 A+B", "01 05:30 to 05:40 A+B", "01 06:30 to 06:40 A+B"],
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Event) else "",
)  # fmt: skip
def test_an_event_renders_as_simulated(made: Event, expected: list[str]) -> None:
    ours, theirs = renderings(schedule("S", BERLIN, [made]))["S"]
    assert shown(theirs) == expected
    assert ours == theirs


def test_an_override_of_the_empty_member_fills_empty_turns_of_both_passes() -> None:
    made = schedule(
        "S",
        BERLIN,
        [event("E", BERLIN, NIGHT, 20, "FREQ=DAILY;COUNT=5", ANA, None, added=[SECOND_PASS])],
        [event("F", NEW_YORK, "2026-10-31T12:00", 60, "FREQ=MONTHLY;BYMONTHDAY=-1", None)],
        custom_shifts=[CustomShift("C", utc("2026-10-28T10:00"), utc("2026-10-28T12:00"), None)],
        overrides=[
            OverrideShift("O", utc("2026-10-25T00:00"), utc("2026-11-03T00:00"), None, BO, rotation_id="R0S"),
            OverrideShift("P", utc("2026-10-31T16:30"), utc("2026-11-03T00:00"), None, CY, rotation_id="R1S"),
            OverrideShift("Q", utc("2026-10-28T09:00"), utc("2026-10-28T11:00"), None, DEE, custom_shift_id="C"),
        ],
    )
    ours, theirs = renderings(made)["S"]
    assert shown(theirs) == [
        "23 00:30 to 00:50 A",
        "25 00:30 to 00:50 A",
        "25 01:30 to 01:50 B",
        "26 01:30 to 01:50 A",
        "27 01:30 to 01:50 B",
        "28 10:00 to 11:00 D",
        "31 16:30 to 17:00 C",
    ]
    assert ours == theirs


def random_event(pick: random.Random, key: str) -> Event:
    """Return an event with a random rule, with starts at most hours away from the change of its zone."""
    zone = pick.choice((BERLIN, NEW_YORK))
    change = CHANGES[zone]
    clock = pick.randrange(0, 5 * HOUR, 15 * MINUTE)
    day = reading_at(zone, change) // DAY - pick.choice((0, 1, 3, 7, 21, 28, 92, 366, 728))
    rule = pick.choice(
        (
            "FREQ=DAILY",
            "FREQ=DAILY;INTERVAL=2;BYDAY=SU,MO,WE",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU",
            "FREQ=MONTHLY;BYDAY=-1SU,1SU",
            "FREQ=MONTHLY;INTERVAL=3",
            "FREQ=MONTHLY;BYMONTHDAY=-1,1,25",
            "FREQ=YEARLY;BYDAY=-10SU,44SU",
            "FREQ=YEARLY;BYMONTH=10,11;BYMONTHDAY=1,25,-1",
        )
    )
    around = range(change - 2 * HOUR, change + 2 * HOUR + 1, 15 * MINUTE)
    until = f"{datetime.fromtimestamp(pick.choice(around), UTC):%Y%m%dT%H%M%SZ}"
    end = pick.choice(("", f";COUNT={pick.randint(1, 40)}", f";UNTIL={until}"))
    each = pick.choice((None, 1, 1, 2))
    members = pick.choices((ANA, BO, CY), k=3) + ([None] if each else [])
    pick.shuffle(members)
    days = [first_instant(zone, (reading_at(zone, change) // DAY + away) * DAY + clock) for away in range(-3, 4)]
    return Event(
        key, key, zone, day * DAY + clock, day * DAY + clock + pick.choice((15, 30, 75, 150)) * MINUTE,
        f"RRULE:{rule}{end}", members, each, pick.choice((0, 0, NOW + 3 * DAY)),
        pick.choice((None, None, change + 30 * MINUTE)),
        excluded=pick.sample((*around, *days), k=3), added=pick.sample((*around, *days), k=pick.choice((0, 3))),
    )  # fmt: skip


def random_schedule(pick: random.Random, key: str) -> ShiftSchedule:
    """Return a schedule of two random events with random overrides.

    The empty member is overridden only where shifts cannot overlap, because our empty turns are gaps.
    """
    drawn = (random_event(pick, f"E{number}") for number in count())
    events = list(islice((each for each in drawn if any(starts(each, UNTIL))), 2))  # we refuse one that never occurs
    made = schedule(key, pick.choice((BERLIN, NEW_YORK)), *([each] for each in events))
    start = NOW + pick.randrange(0, 10 * DAY, 5 * MINUTE)
    made.custom_shifts = [CustomShift(f"C{key}", start, start + 5 * HOUR, pick.choice((ANA, None)))]
    for number in range(6):
        start = NOW + pick.randrange(0, 12 * DAY, 5 * MINUTE)
        end = start + pick.choice((2 * HOUR, 3 * DAY))
        source = pick.choice(({"rotation_id": made.rotations[0].id}, {"custom_shift_id": f"C{key}"}))
        overlapping = "rotation_id" in source and bool(events[0].added)
        overridden = pick.choice((ANA, BO) if overlapping else (ANA, None))
        made.overrides.append(OverrideShift(f"O{number}", start, end, overridden, pick.choice((DEE, None)), **source))
    return made


@pytest.mark.parametrize("seed", range(3))
def test_random_schedules_render_as_simulated(seed: int) -> None:
    pick = random.Random(seed)
    found = renderings(*(random_schedule(pick, f"S{number}") for number in range(20)))
    assert sum(bool(theirs) for _, theirs in found.values()) > 15
    for key, (ours, theirs) in found.items():
        assert holders_by_minute(ours) == holders_by_minute(theirs), key
        assert ours == theirs, key
