"""The objects of a simulated instance. Instants are UTC seconds since 1970; None = open, absent or not reported.

Objects are mutable, because an instance changes while it is served. Change them inside ``State.editing()``. A
*recipient* is (type, id) with type PERSON | GROUP | DEVICE | DYNAMIC_TEAM | SERVICE.
"""

from dataclasses import dataclass, field
from typing import Any

Recipient = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TimeFrame:
    """A time in which a device may be used: from ``start`` (HH:MM in ``zone``), ``minutes`` long."""

    name: str
    start: str
    zone: str
    minutes: int
    days: tuple[str, ...]
    exclude_holidays: bool = False


@dataclass(slots=True)
class Device:
    """``address`` is an e-mail address, a phone number, a pin or a push token.

    ``sequence`` is a number or a text, sent unchanged.

    ``terse``: targetName is only the owner's, the status has the key "active", and the owner has no names.
    """

    id: str
    owner_id: str
    name: str
    type: str
    address: str
    sequence: int | str
    status: str = "ACTIVE"
    test_status: str = "TESTED"
    delay: int = 0
    threshold: str = "LOW"
    default: bool = False
    country: str | None = None
    time_frames: tuple[TimeFrame, ...] = ()
    terse: bool = False


@dataclass(slots=True)
class Person:
    """``target_name`` is the user id, not an e-mail address. ``zone`` is sent unchanged."""

    id: str
    target_name: str
    first_name: str
    last_name: str
    web_login: str
    zone: str | None
    created: float
    status: str = "ACTIVE"
    license_type: str = "FULL_USER"
    language: str = "en"
    roles: list[str] = field(default_factory=list)
    site_id: str | None = None
    supervisors: list[str] = field(default_factory=list)
    phone_login: str | None = None
    phone_pin: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    external_key: str | None = None
    externally_owned: bool = False
    last_login: float | None = None


@dataclass(frozen=True, slots=True)
class Recurrence:
    """``every`` and ``repetitions`` are numbers or texts, sent unchanged. ``on`` DATE_OF_MONTH | DAY_OF_WEEK.

    ``on_days`` None: the key is absent; empty: an empty list, which means all days.
    """

    frequency: str
    every: int | str | None = None
    on_days: tuple[str, ...] | None = None
    on: str | None = None
    months: tuple[str, ...] | None = None
    date_of_month: str | None = None
    classifier: str | None = None
    day_of_week: str | None = None
    end_by: str = "NEVER"
    until: int | None = None
    repetitions: int | str | None = None


@dataclass(slots=True)
class Rotation:
    """A rotation that moves by itself. ``type`` and ``direction`` are sent unchanged.

    ``trigger`` time | shift | alert | "" is what moves it; "" = unknown to this simulator, so it does not move. The
    stored order of seats is that of step ``settled``. Steps count rotation instants since ``first`` (time), occurrences
    (shift) or alerts (alert). Step 1 of a rotation by time begins at ``first``.
    """

    type: str
    direction: str
    interval: int
    unit: str
    trigger: str
    first: int | None = None
    settled: int = 0
    alerts: int = 0


@dataclass(slots=True)
class Seat:
    """``delay``: minutes to wait before this seat. ``delay`` and ``in_rotation`` stay when recipients rotate."""

    recipient: Recipient
    delay: int = 0
    escalation: str = "NONE"
    in_rotation: bool = True


@dataclass(frozen=True, slots=True)
class Repeat:
    """The timeline is repeated ``times`` more, each ``wait`` seconds after the last seat was reached."""

    times: int | str
    wait: int
    escalation: str = "PEER"


@dataclass(slots=True)
class Shift:
    """``zone`` is the zone the vendor calculates with, ``zone_text`` the zone it sends. No ``start`` = always running.

    ``start`` and ``end`` are those of the first occurrence. ``excluded`` are (start, end) of deleted occurrences.
    ``on_holidays`` False: there are no occurrences on holidays of the group's site.
    """

    id: str
    name: str
    group_id: str
    zone: str
    zone_text: str | None
    start: int | None
    end: int | None
    recurrence: Recurrence | None
    seats: list[Seat]
    rotation: Rotation | None = None
    excluded: tuple[tuple[int, int], ...] = ()
    repeat: Repeat | None = None
    on_holidays: bool | None = None
    description: str = ""
    created: float = 0.0


@dataclass(slots=True)
class Group:
    """``type`` ON_CALL | BROADCAST | DYNAMIC. ``members`` of a DYNAMIC group are the people its criteria find.

    ``restricted``: a limited caller does not see the group. ``observed_by_text``: observers are sent as a text.
    """

    id: str
    name: str
    type: str
    created: float
    members: list[Recipient] = field(default_factory=list)
    supervisors: list[str] = field(default_factory=list)
    observers: list[str] = field(default_factory=list)
    observed_by_text: bool = False
    description: str = ""
    status: str = "ACTIVE"
    site_id: str | None = None
    zone: str | None = None
    allow_duplicates: bool = False
    criteria: dict[str, Any] | None = None
    restricted: bool = False


@dataclass(slots=True)
class Absence:
    """``replacement`` None = a vacancy. ``group_id`` None = in all groups. ``word``: another absenceType."""

    id: str
    person_id: str
    start: int
    end: int
    replacement: str | None = None
    group_id: str | None = None
    word: str = ""


@dataclass(slots=True)
class Site:
    """``holidays`` are days since 1970 of the site's calendar. No endpoint reports them."""

    id: str
    name: str
    zone: str
    country: str
    status: str = "ACTIVE"
    city: str | None = None
    holidays: frozenset[int] = frozenset()


@dataclass(slots=True)
class Service:
    id: str
    name: str
    owner_id: str | None
    description: str = ""
    tier: str = "TIER_2"
    links: tuple[tuple[str, str], ...] = ()
