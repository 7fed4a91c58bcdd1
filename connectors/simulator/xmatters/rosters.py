"""The demo shifts, with the recurrences and rotations of a real instance."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from connectors.simulator.world import changing_zone, local_time
from connectors.simulator.xmatters.model import Group, Recipient, Recurrence, Repeat, Rotation, Seat, Shift
from connectors.simulator.xmatters.people import NewId
from connectors.simulator.zones import DAY, reading_at

CHANGING_ZONES = ("Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Sydney", "Africa/Cairo")
Recipients = Callable[[str], Recipient]
"""The recipient called ``ana`` (a person), ``@platform`` (a group) or ``#uri`` (a device of that person)."""


class Rosters:
    """Builds the shifts of the groups and collects them in ``shifts``."""

    def __init__(self, groups: Mapping[str, Group], who: Recipients, new_id: NewId, now: int) -> None:
        self._groups, self._who, self._new_id, self._now = groups, who, new_id, now
        self.shifts: dict[str, Shift] = {}

    def build(self) -> dict[str, Shift]:
        """Return the shifts by key ``group/name``."""
        self._platform()
        self._payments()
        self._data()
        self._network()
        self._support()
        self._security()
        self._release()
        self._mobile()
        self._always("legacy", "Default Shift", "Europe/Berlin", None, "")
        return self.shifts

    def _shift(
        self,
        group: str,
        name: str,
        zone: str,
        seats: str,
        rule: Recurrence,
        *,
        hour: float,
        hours: float,
        day: int = -70,
        from_monday: bool = True,
        zone_text: str | None = None,
        **further: Any,
    ) -> Shift:
        """Return a shift. Its first occurrence is ``day`` days after this week's Monday, or after today.

        hours: the length on the wall clock.
        """
        start, end = (
            local_time(zone, self._now, day=day, hour=one, from_monday=from_monday) for one in (hour, hour + hours)
        )
        made = self._add(group, name, zone, zone_text or zone, start, end, rule, seats)
        for attribute, value in further.items():
            setattr(made, attribute, value)
        return made

    def _always(self, group: str, name: str, zone: str, zone_text: str | None, seats: str) -> Shift:
        return self._add(group, name, zone, zone_text, None, None, None, seats)

    def _add(
        self,
        group: str,
        name: str,
        zone: str,
        zone_text: str | None,
        start: int | None,
        end: int | None,
        rule: Recurrence | None,
        seats: str,
    ) -> Shift:
        owner = self._groups[group]
        made = Shift(
            self._new_id("shift", group, name), name, owner.id, zone, zone_text, start, end, rule, self._seats(seats)
        )
        made.created = owner.created
        self.shifts[f"{group}/{name}"] = made
        return made

    def _seats(self, text: str) -> list[Seat]:
        """Return the seats of a text like ``"bo carla 10:deniz 50:greta!"``.

        The number is the delay before the seat in minutes; ``!`` means not in rotation.
        """
        made = []
        for word in text.split():
            delay, _, name = word.rpartition(":")
            seat = Seat(self._who(name.rstrip("!")), int(delay or 0), in_rotation=not name.endswith("!"))
            if seat.delay:
                seat.escalation = "PEER" if seat.in_rotation else "MANAGEMENT"
            made.append(seat)
        return made

    def _instant(self, zone: str, day: int, hour: float, *, from_monday: bool = True) -> int:
        return local_time(zone, self._now, day=day, hour=hour, from_monday=from_monday)

    def _platform(self) -> None:
        """Three shifts in two zones; the help's example of two at once, two later, the manager after an hour."""
        berlin, york = "Europe/Berlin", "America/New_York"
        days = self._shift(
            "platform",
            "Weekdays",
            berlin,
            "bo carla 10:deniz emil 50:greta!",
            Recurrence("WEEKLY", 1, ("MO", "TU", "WE", "TH", "FR")),
            hour=8,
            hours=12,
        )
        first = self._instant(berlin, 7, 8)
        days.rotation = Rotation("ROTATION", "SECOND_TO_FIRST", 1, "WEEKS", "time", first)
        days.description = "Office hours in Berlin"
        days.seats[1].escalation = "PEER"  # without a delay it means nothing
        nights = self._shift(
            "platform", "Nights", berlin, "henrik 15:ana 15:eli", Recurrence("DAILY", 1), hour=20, hours=12
        )
        first = self._instant(berlin, 2, 20, from_monday=False)
        nights.rotation = Rotation("ROTATION", "LAST_TO_FIRST", 3, "DAYS", "time", first)
        nights.seats[1].escalation = nights.seats[2].escalation = "Peer"
        weekend = self._shift(
            "platform",
            "Weekends",
            york,
            "cody 15:dana",
            Recurrence("EVERY_WEEKEND_DAY"),
            hour=2.5,
            hours=24,
            zone_text="US/Eastern",
        )
        first = self._instant(york, 7, 2.5)
        weekend.rotation = Rotation("by elapsed time", "second to first", 2, "WEEKS", "time", first)

    def _payments(self) -> None:
        self._always("payments", "Default Shift", "America/Los_Angeles", "US/Pacific", "liam maeve")
        long = self._shift(
            "payments",
            "Long Days",
            "Europe/London",
            "ines 5:jonas 10:katya",
            Recurrence("EVERY_WEEKDAY"),
            hour=7,
            hours=33,
        )
        long.repeat = Repeat("2", 900)

    def _data(self) -> None:
        kolkata = "Asia/Kolkata"
        nights = self._shift(
            "data", "Nights", kolkata, "priya 10:rohan 10:tarun", Recurrence("DAILY", "1"), hour=21, hours=9
        )
        nights.rotation = Rotation("COVERAGE_ROTATION", "SECOND_TO_FIRST", 1, "DAYS", "shift")
        nights.excluded = tuple(
            (self._instant(kolkata, day, 21, from_monday=False), self._instant(kolkata, day, 30, from_monday=False))
            for day in (-20, 4)
        )
        self._shift(
            "data",
            "Weekends",
            kolkata,
            "uma 15:xia",
            Recurrence("WEEKLY", "2", ("SA",)),
            hour=9,
            hours=48,
            day=-79,
            zone_text="Asia/Calcutta",
            repeat=Repeat(1, 1200, "MANAGEMENT"),
        )

    def _network(self) -> None:
        """A shift in a zone that changes its clock soon, if there is one. Its rotation is on the 31st."""
        zone = changing_zone(self._now, CHANGING_ZONES, fallback="Australia/Sydney")
        clock = self._shift(
            "network", "Clock Change", zone, "wei 10:xanthe 10:yusuf", Recurrence("WEEKLY", 1, ()), hour=18, hours=14
        )
        day = reading_at(zone, self._now) // DAY + 1
        while (date(1970, 1, 1) + timedelta(days=day)).day != 31:
            day += 1
        first = self._instant(zone, day - reading_at(zone, self._now) // DAY, 18, from_monday=False)
        clock.rotation = Rotation("ROTATION", "LAST_TO_FIRST", 1, "MONTHS", "time", first)
        self._shift(
            "network",
            "Pacific",
            "America/Los_Angeles",
            "vera 20:#uri",
            Recurrence("DAILY", 1, end_by="DATE", until=self._now + 400 * DAY),
            hour=8,
            hours=10,
            zone_text="US/PACIFIC",
        )

    def _support(self) -> None:
        """The usual form of weekly turns: one shift per person, every third week."""
        for number, key in enumerate(("pablo", "quinn", "rosa")):
            self._shift(
                "support",
                f"Week of {key.title()}",
                "America/Los_Angeles",
                key,
                Recurrence("WEEKLY", "3", ("MO",)),
                hour=9,
                hours=168,
                day=7 * number - 70,
                zone_text="US/Pacific",
            )

    def _security(self) -> None:
        """A leading delay, turns by alert, and another group at the end."""
        round_robin = self._shift(
            "security",
            "Round the Clock",
            "America/New_York",
            "5:gus 10:hope 15:nadia 30:@platform!",
            Recurrence("DAILY", 1),
            hour=9,
            hours=24,
            zone_text="US/Eastern",
        )
        round_robin.rotation = Rotation("EVENT_ROUND_ROBIN", "SECOND_TO_FIRST", 1, "DAYS", "alert")

    def _release(self) -> None:
        chicago = "America/Chicago"
        self._shift(
            "release",
            "First Mondays",
            chicago,
            "jade 30:nils",
            Recurrence(
                "MONTHLY",
                1,
                on="DAY_OF_WEEK",
                classifier="FIRST",
                day_of_week="MO",
                end_by="REPETITIONS",
                repetitions="4",
            ),
            hour=9,
            hours=8,
            day=-28,
            zone_text="US/Central",
            on_holidays=False,
        )
        self._shift("release", "Holidays", chicago, "olga", Recurrence("HOLIDAY"), hour=9, hours=8, on_holidays=True)
        self._shift(
            "release",
            "Launch",
            chicago,
            "sam tess 20:@mobile!",
            Recurrence("ONCE"),
            hour=6,
            hours=30,
            day=2,
            from_monday=False,
            zone_text="US/Central",
        )

    def _mobile(self) -> None:
        """An unknown zone (the vendor then uses UTC), an unknown rotation, and a group that contains itself."""
        odd = self._shift(
            "mobile",
            "Around the World",
            "Etc/UTC",
            "leo 10:amir leo 15:@release! 5:@mobile!",
            Recurrence("DAILY", 1),
            hour=0,
            hours=24,
            zone_text="America/Canada",
        )
        odd.rotation = Rotation("ZIGZAG", "INSIDE_OUT", 1, "DAYS", "")
