"""The objects of a simulated account. Instants are UTC seconds since 1970; None = open or absent.

Objects are mutable, because an account changes while it is served. Change them inside ``State.editing()``. A
*participant* is (type, id) with the type user | team | escalation | schedule | group | none. Groups are of the first
API and have no objects here. The id is "" for none and for a participant that is sent without one.
"""

from dataclasses import dataclass, field
from typing import Any

Participant = tuple[str, str]
NOBODY: Participant = ("none", "")


@dataclass(slots=True)
class Contact:
    """``method`` email | sms | voice | mobile (a device registered for push); phones are written 49-30-1234."""

    id: str
    method: str
    to: str
    enabled: bool = True
    disabled_reason: str | None = None


@dataclass(slots=True)
class NotificationRule:
    """``steps`` are (contact id, minutes); minutes None = at once."""

    id: str
    name: str
    action_type: str
    order: int
    enabled: bool = True
    steps: list[tuple[str, int | None]] = field(default_factory=list)


@dataclass(slots=True)
class User:
    """``email`` is the login. ``email_hidden``: JSM does not show the address."""

    id: str
    name: str
    email: str
    time_zone: str
    created_at: float
    role: str = "User"
    locale: str = "en_US"
    blocked: bool = False
    verified: bool = True
    address: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    details: dict[str, list[str]] = field(default_factory=dict)
    skype: str | None = None
    muted_until: float | None = None
    contacts: list[Contact] = field(default_factory=list)
    notification_rules: list[NotificationRule] = field(default_factory=list)
    email_hidden: bool = False
    deleted: bool = False


@dataclass(slots=True)
class Window:
    """Minutes since midnight of the schedule's wall clock. Days are ISO weekdays; None = every day."""

    start: int
    end: int
    start_day: int | None = None
    end_day: int | None = None


@dataclass(slots=True)
class Restriction:
    """Windows that all have weekdays or all have none; without any, an empty restriction is sent, which limits nothing.

    ``as_list``: a single daily window is sent as a list.
    """

    windows: list[Window]
    as_list: bool = False


@dataclass(slots=True)
class Rotation:
    """``unit`` hourly | daily | weekly. A turn is ``length`` units, counted from ``start``. ``end`` is exclusive."""

    id: str
    name: str
    start: float
    unit: str
    length: int
    participants: list[Participant]
    end: int | None = None
    restriction: Restriction | None = None
    order: float = 1.0


@dataclass(slots=True)
class Override:
    """``alias`` is any text. ``rotation_ids`` empty = all rotations."""

    alias: str
    start: int
    end: int
    by: Participant
    rotation_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Schedule:
    """``overrides`` are in order of creation. ``removed`` are deleted rotations, which history still shows."""

    id: str
    name: str
    time_zone: str
    rotations: list[Rotation]
    description: str = ""
    enabled: bool = True
    team_id: str | None = None
    overrides: list[Override] = field(default_factory=list)
    removed: list[Rotation] = field(default_factory=list)


@dataclass(slots=True)
class Forwarding:
    id: str
    alias: str
    from_user: str
    to_user: str
    start: int
    end: int


@dataclass(slots=True)
class RoutingRule:
    """``criteria`` has the vendor's format. ``notify`` None = nobody."""

    id: str
    name: str
    is_default: bool
    criteria: dict[str, Any]
    notify: Participant | None
    time_zone: str = ""
    restriction: Restriction | None = None


@dataclass(slots=True)
class Team:
    """``members`` are (user id, role)."""

    id: str
    name: str
    description: str = ""
    members: list[tuple[str, str]] = field(default_factory=list)
    routing_rules: list[RoutingRule] = field(default_factory=list)


@dataclass(slots=True)
class EscalationRule:
    """``delay`` in ``unit`` (minutes | hours | days), counted from the start of the escalation."""

    delay: int
    recipient: Participant
    notify_type: str = "default"
    condition: str = "if-not-acked"
    unit: str = "minutes"

    @property
    def minutes(self) -> int:
        return self.delay * {"minutes": 1, "hours": 60, "days": 1440}[self.unit]


@dataclass(slots=True)
class Repeat:
    """``wait`` is in minutes; 0 = no repeat."""

    wait: int
    count: int | None
    reset: bool = False
    close: bool = False


@dataclass(slots=True)
class Escalation:
    id: str
    name: str
    rules: list[EscalationRule]
    description: str = ""
    team_id: str | None = None
    repeat: Repeat | None = None
    enabled: bool = True


@dataclass(slots=True)
class Service:
    id: str
    name: str
    team_id: str
    description: str = ""
    visibility: str = "OPSGENIE_USERS"
    tags: list[str] = field(default_factory=list)
    tier: int = 3
