"""The fourteen demo schedules. Each has a feature that is easy to render wrong; times are relative to ``now``."""

from collections.abc import Mapping, Sequence

from connectors.simulator.pagerduty.model import (
    CustomShift,
    Event,
    Layer,
    Override,
    OverrideShift,
    Restriction,
    Rotation,
    Schedule,
    ShiftSchedule,
    Team,
    User,
)
from connectors.simulator.world import CHANGING_ZONES, Identifiers, changing_zone, local_time, monday
from connectors.simulator.zones import DAY, HOUR, WEEK


class Rosters:
    """Builds schedules by key from people and teams by key."""

    def __init__(self, people: Mapping[str, User], teams: Mapping[str, Team], ids: Identifiers, now: int) -> None:
        self._people = people
        self._teams = teams
        self._ids = ids
        self._now = now

    def _members(self, keys: str) -> list[str]:
        return [self._people[key].id for key in keys.split()]

    def _layer(
        self,
        zone: str,
        name: str,
        members: str,
        turn: int,
        *windows: Restriction,
        hour: float = 9,
        weeks_ago: int = 6,
        day: int = 0,
        end: int | None = None,
        start: int | None = None,
    ) -> Layer:
        """Return a layer with a handoff at ``hour`` on weekday ``day`` (0 = Monday), ``weeks_ago`` weeks ago.

        Its start does not fall on a full minute.
        """
        anchor = local_time(zone, self._now, day=day - 7 * weeks_ago, hour=hour, from_monday=True)
        began = self._now - 31 * DAY - 4_021 if start is None else start
        layer_id = self._ids.new("layer", zone, name, members, hour, weeks_ago, end)
        return Layer(layer_id, name, began, anchor, turn, self._members(members), list(windows), end)

    def _schedule(self, key: str, name: str, zone: str, team: str, *layers: Layer, text: str | None = None) -> Schedule:
        made = Schedule(self._ids.new("schedule", key), name, zone, list(layers), description=text)
        made.team_ids = [self._teams[one].id for one in team.split()]
        return made

    def _override(self, schedule: Schedule, person: str, start: int, end: int) -> None:
        override_id = self._ids.new("override", schedule.id, start, end)
        schedule.overrides.append(Override(override_id, start, end, self._people[person].id))

    def layered(self) -> dict[str, Schedule]:
        """Return the twelve layer-based schedules by key."""
        made = {
            "primary": self._schedule(
                "primary",
                "Platform Primary",
                "Europe/Berlin",
                "platform",
                self._layer("Europe/Berlin", "Layer 1", "ana bo carla deniz", WEEK, weeks_ago=520),
                text="First line for everything below the applications",
            ),
            "emea": self._sun("emea", "Sun EMEA", "Europe/Berlin", "emil fatou henrik", 8, 8),
            "americas": self._sun("americas", "Sun Americas", "America/New_York", "cody dana elliot", 10, 9),
            "apac": self._sun("apac", "Sun APAC", "Australia/Sydney", "wei xanthe zoe", 9, 8.5),
            "nights": self._schedule(
                "nights",
                "Payments Nights",
                "Europe/London",
                "payments",
                self._layer(
                    "Europe/London", "Layer 1", "liam ines liam maeve", DAY, Restriction(22 * HOUR, 9 * HOUR), hour=12
                ),
                text="",
            ),
            "weekend": self._schedule(
                "weekend",
                "Weekend Cover",
                "America/Los_Angeles",
                "support",
                self._layer(
                    "America/Los_Angeles",
                    "Weekends",
                    "pablo quinn rosa",
                    WEEK,
                    Restriction(18 * HOUR, 62 * HOUR, weekday=5),
                    day=3,
                ),
            ),
            "clock": self._clock_change(),
            "data": self._data(),
            "database": self._schedule(
                "database",
                "Database On-Call",
                "Asia/Kolkata",
                "data",
                self._layer("Asia/Kolkata", "Thirds", "tarun uma henrik zane", 8 * HOUR, hour=5.5),
            ),
            "database2": self._schedule(
                "database2",
                "Database On-Call ",
                "Asia/Kolkata",
                "data",
                self._layer(
                    "Asia/Kolkata",
                    "Two days",
                    "uma tarun rohan",
                    2 * DAY,
                    *(Restriction(10 * HOUR, 9 * HOUR, weekday=day) for day in range(1, 6)),
                    Restriction(20 * HOUR, 30 * HOUR, weekday=6),
                    hour=14,
                ),
            ),
            "billing": self._billing(),
            "drill": self._drill(),
        }
        self._platform_overrides(made["primary"])
        # Ids are unique per type only: a user and a schedule may share one.
        made["primary"].id = self._people["emil"].id
        return made

    def _sun(self, key: str, name: str, zone: str, members: str, hour: float, hours: float) -> Schedule:
        window = Restriction(round(hour * HOUR), round(hours * HOUR))
        layer = self._layer(zone, "Daylight", members, WEEK, window, hour=hour)
        return self._schedule(key, name, zone, "platform network" if key == "apac" else "platform", layer)

    def _clock_change(self) -> Schedule:
        zone = changing_zone(self._now, CHANGING_ZONES, fallback="Australia/Sydney")
        return self._schedule(
            "clock",
            "Clock Change",
            zone,
            "network",
            self._layer(zone, "Small hours", "uri vera", DAY, Restriction(HOUR, 2 * HOUR), hour=2.5),
            self._layer(zone, "Halves", "yusuf wei xanthe", 12 * HOUR, hour=7),
            text="Two handoffs a day in a zone about to change its clocks",
        )

    def _data(self) -> Schedule:
        zone = "America/New_York"
        office = [Restriction(9 * HOUR, 8 * HOUR, weekday=day) for day in (1, 2, 3, 4, 5)]
        return self._schedule(
            "data",
            "Data Platform",
            zone,
            "data platform",
            self._layer(zone, "Layer 3", "farah xia", WEEK, *office, weeks_ago=3),
            self._layer(
                zone, "Layer 2", "priya rohan sunita", DAY, Restriction(20 * HOUR + 1800, 12 * HOUR), hour=20.5
            ),
            self._layer(zone, "Layer 1", "quentin sunita farah", WEEK, hour=10.25, day=2),
            text="Office hours over nights over everything else",
        )

    def _billing(self) -> Schedule:
        zone = "Europe/Berlin"
        ended = self._now - 9 * DAY - 1_234
        schedule = self._schedule(
            "billing",
            "Legacy Billing",
            zone,
            "payments",
            self._layer(zone, "Layer 1", "katya petra", WEEK, weeks_ago=60, end=ended, start=ended - 90 * DAY),
            self._layer(zone, "Layer 1", "jonas wiley katya", 2 * DAY, hour=18),
        )
        schedule.summary = "Legacy Billing (old)"
        start = local_time(zone, self._now, day=4, hour=10)
        self._override(schedule, "wiley", start, start + 26 * HOUR)
        return schedule

    def _drill(self) -> Schedule:
        """A schedule in no policy. One layer ends when it begins; the anchor of the other is in the future."""
        zone = "America/Los_Angeles"
        ended = self._now - 20 * DAY - 333
        return self._schedule(
            "drill",
            "Drill Roster",
            zone,
            "release",
            self._layer(zone, "Layer 2", "sam", DAY, end=ended, start=ended),
            self._layer(zone, "Layer 1", "olga sam tess", 2 * WEEK, weeks_ago=-3),
        )

    def _platform_overrides(self, schedule: Schedule) -> None:
        zone, now = schedule.time_zone, self._now
        second = local_time(zone, now, day=2, hour=10)
        ahead = local_time(zone, now, day=13, hour=8)
        self._override(schedule, "emil", now - 30 * HOUR, now - 6 * HOUR)
        self._override(schedule, "emil", now - 3 * HOUR - 7, now + 5 * HOUR + 13)
        self._override(schedule, "fatou", second, second + 8 * HOUR)
        self._override(schedule, "cody", second + 4 * HOUR, second + 10 * HOUR + 1800)
        self._override(schedule, "greta", ahead, ahead + 3 * DAY)

    def shift_based(self) -> dict[str, ShiftSchedule]:
        """Return the two v3 schedules by key."""
        return {"desk": self._security_desk(), "bridge": self._bridge()}

    def _event(
        self, name: str, zone: str, start: int, end: int, rule: str, members: Sequence[str | None], each: int | None
    ) -> Event:
        event_id = self._ids.new("event", name, prefix="E", length=26)
        since = local_time(zone, self._now, day=-70)
        return Event(event_id, name, zone, start, end, f"RRULE:{rule}", list(members), each, since)

    def _security_desk(self) -> ShiftSchedule:
        """Office hours and nights in turns, with one override and one custom shift."""
        zone = "America/New_York"
        week = monday(zone, self._now) - 8 * WEEK
        gus, nadia, hope, isaac = self._members("gus nadia hope isaac")
        office = self._event(
            "Office hours",
            zone,
            week + 9 * HOUR,
            week + 17 * HOUR,
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            [hope, isaac, nadia],
            5,
        )
        nights = self._event(
            "Nights", zone, week + 17 * HOUR, week + 33 * HOUR, "FREQ=DAILY", [gus, hope, None, isaac], 1
        )
        rotations = [
            Rotation(self._ids.new("rotation", one.name, prefix="R", length=26), [one]) for one in (office, nights)
        ]
        schedule = ShiftSchedule(
            self._ids.new("schedule", "desk"), "Security Desk", zone, rotations, team_ids=[self._teams["security"].id]
        )
        visit = local_time(zone, self._now, day=3, hour=19)
        schedule.custom_shifts = [
            CustomShift(self._ids.new("custom", "audit", prefix="C", length=26), visit, visit + 3 * HOUR, gus)
        ]
        start = local_time(zone, self._now, day=1, hour=12)
        schedule.overrides = [
            OverrideShift(
                self._ids.new("override_shift", "desk", number, prefix="O", length=26),
                start,
                start + 8 * DAY,
                overridden,
                gus,
                rotation_id=rotations[0].id,
            )
            for number, overridden in enumerate((isaac,))
        ]
        return schedule

    def _bridge(self) -> ShiftSchedule:
        """All members together every second day; every second weekend each member has two shifts in a row."""
        zone = "Europe/Berlin"
        week = monday(zone, self._now) - 10 * WEEK
        all_hands = self._event(
            "All hands",
            zone,
            week + 8 * HOUR,
            week + 20 * HOUR,
            "FREQ=DAILY;INTERVAL=2",
            self._members("jade nils olga"),
            None,
        )
        weekends = self._event(
            "Weekends",
            zone,
            week + 5 * DAY,
            week + 7 * DAY,
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA",
            self._members("sam tess"),
            2,
        )
        rotations = [
            Rotation(self._ids.new("rotation", one.name, prefix="R", length=26), [one]) for one in (all_hands, weekends)
        ]
        return ShiftSchedule(
            self._ids.new("schedule", "bridge"),
            "Major Incident Bridge",
            zone,
            rotations,
            description="Who opens the call",
            team_ids=[self._teams["release"].id],
        )
