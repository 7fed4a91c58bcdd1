"""What a simulated instance holds. Instants are UTC seconds since 1970; None = open, absent or not told.

Objects are mutable: the instance changes while it is served. Change them inside ``State.editing()``. A *recipient* is
(type, id) with type PERSON | GROUP | DEVICE | DYNAMIC_TEAM.
"""

from dataclasses import dataclass, field
from typing import Any

Recipient = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TimeFrame:
    """When a device may be used: ``start`` HH:MM of ``zone``, ``minutes`` long."""

    name: str
    start: str
    zone: str
    minutes: int
    days: tuple[str, ...]
    exclude_holidays: bool = False


@dataclass(slots=True)
class Device:
    """``address`` is an e-mail, a phone, a pin or a push token. ``sequence`` is sent as it stands, a number or a text.

    ``terse``: targetName is the owner's alone, the status is called "active", and the owner has no names.
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
    """``target_name`` is the user id, no e-mail. ``zone`` is sent as it stands."""

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
    """``every`` and ``repetitions`` are sent as they stand, numbers or texts. ``on`` DATE_OF_MONTH | DAY_OF_WEEK.

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
    """Moves by itself. ``type`` and ``direction`` are sent as they stand; ``trigger`` time | shift | alert | "" is what
    they mean ("": nothing this simulator knows, so it stands still).

    The order of a shift's seats is that of step ``settled``: of rotation instants since ``first`` (time), of
    occurrences (shift), of alerts (alert). Step 1 of a time-driven rotation begins at ``first``.
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
    """``delay``: minutes to wait before this seat; it belongs to the place, as ``in_rotation`` does."""

    recipient: Recipient
    delay: int = 0
    escalation: str = "NONE"
    in_rotation: bool = True


@dataclass(frozen=True, slots=True)
class Repeat:
    """The timeline is gone through again ``times`` more, each ``wait`` seconds after the last seat's turn began."""

    times: int | str
    wait: int
    escalation: str = "PEER"


@dataclass(slots=True)
class Shift:
    """``zone`` is the zone the vendor reckons by, ``zone_text`` what it says. Without ``start`` it is on day and night.

    ``start`` and ``end`` are those of the first occurrence. ``excluded`` are spans of single occurrences that were
    deleted. ``on_holidays`` False: the holidays of the group's site are left out.
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
    """``type`` ON_CALL | BROADCAST | DYNAMIC. ``members`` is the roster, for DYNAMIC the people its criteria find.

    ``restricted``: a limited caller does not see it. ``observed_by_text``: observers come as a text.
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
    """``replacement`` None = a vacancy. ``group_id`` None = in all groups."""

    id: str
    person_id: str
    start: int
    end: int
    replacement: str | None = None
    group_id: str | None = None


@dataclass(slots=True)
class Site:
    """``holidays`` are days since 1970 of the site's calendar; no endpoint tells them."""

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
