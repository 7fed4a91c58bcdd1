"""The demo schedules. Each has a feature that is easy to render wrong; all times are relative to ``now``."""

from collections.abc import Mapping

from connectors.simulator.atlassian.model import (
    NOBODY,
    Override,
    Participant,
    Restriction,
    Rotation,
    Schedule,
    Team,
    User,
    Window,
)
from connectors.simulator.atlassian.people import NewId, participants
from connectors.simulator.world import CHANGING_ZONES, changing_zone, local_time
from connectors.simulator.zones import DAY, HOUR

THOUSANDTH = 1_658_732.4
"""1970-01-20T04:45:32.4Z, as recorded: the seconds of 2022-07-25 (midnight, a Monday, in Los Angeles) read as
milliseconds."""
FAR_FUTURE = (33_317_116_200, 33_317_202_600)
"""3025-10-11T18:30:00Z and a day later, as recorded."""


def hours(text: str) -> int:
    """Return the minutes since midnight of ``HH:MM``."""
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def daily(start: str, end: str, *, as_list: bool = False) -> Restriction:
    return Restriction([Window(hours(start), hours(end))], as_list)


def weekly(*texts: str) -> Restriction:
    """Return weekly windows; the text ``"5 18:00 1 10:00"`` is Friday evening to Monday morning."""
    windows = []
    for text in texts:
        start_day, start, end_day, end = text.split()
        windows.append(Window(hours(start), hours(end), int(start_day), int(end_day)))
    return Restriction(windows)


class Rosters:
    """Builds schedules by key from people and teams by key."""

    def __init__(self, people: Mapping[str, User], teams: Mapping[str, Team], new_id: NewId, now: int) -> None:
        self._people = people
        self._teams = teams
        self._new_id = new_id
        self._now = now

    def _rotation(
        self,
        zone: str,
        name: str,
        unit: str,
        length: int,
        members: str,
        restriction: Restriction | None = None,
        *,
        day: int = 0,
        hour: float = 9,
        weeks_ago: int = 10,
        start: float | None = None,
        end: int | None = None,
        order: float | None = None,
    ) -> Rotation:
        """Return a rotation that starts at ``hour`` on weekday ``day`` (0 = Monday), ``weeks_ago`` weeks ago."""
        begins = local_time(zone, self._now, day=day - 7 * weeks_ago, hour=hour, from_monday=True)
        who: list[Participant] = participants(self._people, members)
        made = Rotation(
            self._new_id("rotation", zone, name, unit, members, weeks_ago, start),
            name,
            float(begins) if start is None else start,
            unit,
            length,
            who,
            end,
            restriction,
        )
        made.order = 0.0 if order is None else order
        return made

    def _schedule(
        self, key: str, name: str, zone: str, team: str | None, *rotations: Rotation, text: str = ""
    ) -> Schedule:
        made = Schedule(self._new_id("schedule", key), name, zone, list(rotations), text)
        made.team_id = None if team is None else self._teams[team].id
        for position, rotation in enumerate(made.rotations, start=1):
            rotation.order = rotation.order or float(position)
        return made

    def _override(self, schedule: Schedule, person: str, start: int, end: int, *rotations: int) -> None:
        """Add an override by a person (``-`` = nobody) of the rotations at these positions; none = all rotations."""
        alias = self._new_id("override", schedule.id, person, start)
        by = NOBODY if person == "-" else ("user", self._people[person].id)
        schedule.overrides.append(Override(alias, start, end, by, [schedule.rotations[one].id for one in rotations]))

    def all(self) -> dict[str, Schedule]:
        return {
            "platform": self._platform(),
            "payments": self._payments(),
            "clock": self._clock_change(),
            "data": self._data(),
            "success": self._customer_success(),
            "desk": self._desk(),
            "mobile": self._mobile(),
            "legacy": self._legacy(),
            "untouched": self._schedule("untouched", "Facilities_schedule", "Europe/Berlin", "facilities"),
        }

    def _platform(self) -> Schedule:
        zone = "Europe/Berlin"
        now = self._now // 1800 * 1800
        schedule = self._schedule(
            "platform",
            "Platform_schedule",
            zone,
            "platform",
            self._rotation(zone, "Primary", "weekly", 1, "ana bo carla ana wiley", weeks_ago=52),
            self._rotation(zone, "Backup", "daily", 2, "deniz emil - fatou", hour=8.5),
            self._rotation(
                zone, "Before the merger", "weekly", 1, "henrik greta", weeks_ago=80, end=self._now - 9 * DAY
            ),
            text="First line for everything below the applications",
        )
        self._override(schedule, "henrik", now - 20 * DAY, now - 19 * DAY)
        self._override(schedule, "cody", now - DAY, now + DAY, 0)
        self._override(schedule, "fatou", now + 4 * DAY, now + 5 * DAY)
        self._override(schedule, "dana", now + 4 * DAY + 6 * HOUR, now + 4 * DAY + 9 * HOUR, 0)
        self._override(schedule, "-", now + 8 * DAY, now + 8 * DAY + 5400, 1)
        self._override(schedule, "elliot", *FAR_FUTURE)
        return schedule

    def _payments(self) -> Schedule:
        """Days, nights and weekends of one team, with handoffs on Wednesdays at ten."""
        zone = "Europe/London"
        office = weekly(*(f"{day} 10:00 {day} 18:00" for day in range(1, 6)))
        nights = weekly(*(f"{day} 18:00 {day + 1} 10:00" for day in range(1, 5)))
        return self._schedule(
            "payments",
            "Payments On-Call",
            zone,
            "payments",
            self._rotation(zone, "Office hours", "weekly", 1, "liam ines jonas katya maeve", office, day=2, hour=10),
            self._rotation(zone, "Nights", "weekly", 1, "maeve liam", nights, day=2, hour=10, order=4.5),
            self._rotation(zone, "", "weekly", 2, "jonas ines", weekly("5 18:00 1 10:00"), day=2, hour=10),
        )

    def _clock_change(self) -> Schedule:
        zone = changing_zone(self._now, CHANGING_ZONES, fallback="Australia/Sydney")
        return self._schedule(
            "clock",
            "Clock Change",
            zone,
            "network",
            self._rotation(zone, "Halves", "hourly", 12, "yusuf wei xanthe", hour=7),
            self._rotation(zone, "Small hours", "daily", 1, "uri vera", daily("01:00", "03:30"), hour=2.5),
            self._rotation(zone, "Weeks", "weekly", 3, "vera uri yusuf", hour=2),
            text="Every kind of turn in a zone about to change its clocks",
        )

    def _data(self) -> Schedule:
        zone = "Asia/Kolkata"
        return self._schedule(
            "data",
            "Data Pipelines",
            zone,
            "data",
            self._rotation(zone, "Thirds", "hourly", 8, "tarun uma sunita priya", hour=5.5),
            self._rotation(zone, "Hour by hour", "hourly", 1, "rohan tarun", daily("09:00", "17:00"), weeks_ago=2),
            self._rotation(zone, "From next week", "daily", 1, "priya sunita", weeks_ago=-1),
        )

    def _customer_success(self) -> Schedule:
        """The form of a recorded schedule: a wrong start and lengths above one."""
        zone = "America/Los_Angeles"
        return self._schedule(
            "success",
            "Customer Success_schedule",
            zone,
            "support",
            self._rotation(zone, "Rot1", "weekly", 1, "pablo quinn rosa", start=THOUSANDTH),
            self._rotation(zone, "Daily Length 2", "daily", 2, "oscar vikram", daily("18:00", "08:00"), hour=18),
            self._rotation(zone, "Hourly Length 5", "hourly", 5, "zoe kim2", weeks_ago=30),
        )

    def _desk(self) -> Schedule:
        """Participants are also a team and an escalation. account.py adds the escalation."""
        zone = "America/New_York"
        schedule = self._schedule(
            "desk",
            "Security Desk",
            zone,
            "security",
            self._rotation(zone, "Desk", "daily", 1, "gus nadia hope", daily("08:00", "20:00", as_list=True), hour=8),
            self._rotation(zone, "Overflow", "weekly", 1, "isaac gita"),
        )
        schedule.rotations[1].participants.append(("team", self._teams["platform"].id))
        now = self._now // 1800 * 1800
        self._override(schedule, "-", now + 2 * DAY, now + 3 * DAY)
        return schedule

    def _mobile(self) -> Schedule:
        zone = "Australia/Lord_Howe"
        return self._schedule(
            "mobile",
            "Mobile Apps",
            zone,
            "mobile",
            self._rotation(zone, "Day", "daily", 7, "amir bella", daily("06:30", "22:00"), hour=6.5),
            self._rotation(
                zone, "Night", "daily", 1, "leo mona kim yara", weekly("1 22:00 6 06:30", "6 20:00 1 08:30"), hour=0
            ),
        )

    def _legacy(self) -> Schedule:
        """A disabled schedule without a team, with an old zone name and a rotation without participants."""
        zone = "US/Eastern"
        schedule = self._schedule(
            "legacy",
            "Legacy Billing",
            zone,
            None,
            self._rotation(zone, "Old", "weekly", 1, "katya zane"),
            self._rotation(zone, "Nobody yet", "daily", 1, ""),
        )
        schedule.enabled = False
        return schedule
