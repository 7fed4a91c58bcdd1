"""The query of a schedule's page: the days to show, their time zone, and an instant to explain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import urlencode

from oncall.admin.forms.times import AtForm
from oncall.rendering.codec import instant_to_text, reading_from_text, reading_to_text
from oncall.rendering.spec import EARLIEST, LATEST
from oncall.rendering.zones import DAY, at, reading, zone_names

RANGES = (1, 7, 14, 30)
DEFAULT_DAYS = 14
#: Whose time zone the page uses: the schedule's, the viewer's, or UTC.
Clock = Literal["schedule", "mine", "utc"]


@dataclass(frozen=True, slots=True)
class VisibleRange:
    """The instants ``[since, until)``: ``days`` days of ``zone`` that begin with ``first``, an ISO date. clocks: the
    zones to choose from. chosen: the instant to explain, None if there is none."""

    since: int
    until: int
    days: int
    first: str
    clock: Clock
    clocks: Mapping[Clock, str]
    chosen: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str], zone: str, now: int, mine: str = "") -> "VisibleRange":
        """Returns the range of a query with ``days``, ``from`` (ISO date), ``zone`` (a Clock) and ``at`` (an instant,
        or a reading of the chosen zone). A value that cannot be read counts as missing. mine: the viewer's zone, empty
        if it is unknown."""
        clocks: dict[Clock, str] = {"schedule": zone, "utc": "UTC"}
        if mine in zone_names():
            clocks = {"schedule": zone, "mine": mine, "utc": "UTC"}
        clock: Clock = next((each for each in clocks if each == query.get("zone")), "schedule")
        zone = clocks[clock]
        days = next((n for n in RANGES if str(n) == query.get("days")), DEFAULT_DAYS)
        chosen = AtForm(query, zone, now).instant
        default = reading(zone, now) // DAY * DAY
        if chosen is not None and not default <= reading(zone, chosen) < default + days * DAY:
            default = reading(zone, chosen) // DAY * DAY
        try:
            first = reading_from_text(date.fromisoformat(query.get("from", "")).isoformat())
        except ValueError:
            first = default
        if at(zone, first + days * DAY) <= EARLIEST or at(zone, first) >= LATEST:
            first = default
        since, until = max(at(zone, first), EARLIEST), min(at(zone, first + days * DAY), LATEST)
        return cls(since, until, days, reading_to_text(first)[:10], clock, clocks, chosen)

    @property
    def zone(self) -> str:
        return self.clocks[self.clock]

    def link(self, *, days: int = 0, shift: int = 0, clock: Clock | None = None, chosen: int | None = None) -> str:
        """Returns the page's address with these changes. With ``chosen`` it leads to the explanation."""
        first = reading_from_text(self.first) + shift * self.days * DAY
        query: dict[str, str | int] = {"days": days or self.days, "from": reading_to_text(first)[:10]}
        if (clock := clock or self.clock) != "schedule":
            query["zone"] = clock
        if chosen is not None:
            query["at"] = instant_to_text(chosen)
        return f"?{urlencode(query, safe=':')}{'#why' if chosen is not None else ''}"
