"""The objects of a simulated PagerDuty account. Instants are whole UTC seconds since 1970; None = open or absent.

Objects are mutable, because an account changes while it is served. Change them inside ``State.editing()``.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class ContactMethod:
    """``type`` has no ``_reference``. ``address`` of a phone is the national number (REST API: contact methods)."""

    id: str
    type: str
    label: str
    address: str
    country_code: int | None = None
    enabled: bool = True
    blacklisted: bool = False
    device_type: str | None = None
    created_at: int | None = None
    has_self: bool = True


@dataclass(slots=True)
class NotificationRule:
    id: str
    delay_minutes: int
    method_id: str
    urgency: str


@dataclass(slots=True)
class User:
    id: str
    name: str
    email: str
    time_zone: str | None
    role: str = "limited_user"
    job_title: str | None = None
    description: str | None = None
    color: str = "purple"
    invitation_sent: bool = False
    created_via_sso: bool | str = False
    billed: bool = True
    contact_methods: list[ContactMethod] = field(default_factory=list)
    notification_rules: list[NotificationRule] = field(default_factory=list)
    deleted_at: int | None = None


@dataclass(slots=True)
class Team:
    """``members`` are (user id, role) with role manager | responder | observer."""

    id: str
    name: str
    description: str | None = None
    default_role: str = "manager"
    parent_id: str | None = None
    members: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Restriction:
    """A window of the schedule's wall clock: weekly with an ISO ``weekday``, daily without."""

    start_second: int
    duration: int
    weekday: int | None = None


@dataclass(slots=True)
class Layer:
    id: str
    name: str
    start: int
    virtual_start: int
    turn_length: int
    users: list[str]
    restrictions: list[Restriction] = field(default_factory=list)
    end: int | None = None


@dataclass(slots=True)
class Override:
    id: str
    start: int
    end: int
    user_id: str


@dataclass(slots=True)
class Schedule:
    """A layer-based schedule. ``layers`` are in the order of a GET: the first wins. ``overrides``: by creation."""

    id: str
    name: str
    time_zone: str
    layers: list[Layer]
    description: str | None = None
    team_ids: list[str] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    summary: str | None = None


@dataclass(slots=True)
class Event:
    """An event that recurs in the wall time of ``time_zone``. ``start`` and ``end`` are readings of the first one.

    ``members`` are user ids; None = the empty member. ``shifts_per_member`` None = every member has each shift.
    ``rule`` is an RRULE line; ``excluded`` and ``added`` are instants of starts (EXDATE, RDATE).
    """

    id: str
    name: str
    time_zone: str
    start: int
    end: int
    rule: str
    members: list[str | None]
    shifts_per_member: int | None
    effective_since: int
    effective_until: int | None = None
    excluded: list[int] = field(default_factory=list)
    added: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Rotation:
    id: str
    events: list[Event]


@dataclass(slots=True)
class CustomShift:
    id: str
    start: int
    end: int
    member: str | None


@dataclass(slots=True)
class OverrideShift:
    """An override that replaces ``overridden`` by ``overriding`` in one rotation or custom shift."""

    id: str
    start: int
    end: int
    overridden: str | None
    overriding: str | None
    rotation_id: str | None = None
    custom_shift_id: str | None = None


@dataclass(slots=True)
class ShiftSchedule:
    """A shift-based schedule of API v3."""

    id: str
    name: str
    time_zone: str
    rotations: list[Rotation]
    description: str | None = None
    team_ids: list[str] = field(default_factory=list)
    custom_shifts: list[CustomShift] = field(default_factory=list)
    overrides: list[OverrideShift] = field(default_factory=list)


@dataclass(slots=True)
class EscalationRule:
    """``targets`` are ("user" | "schedule", id). The id may belong to a layer-based or a shift-based schedule."""

    id: str
    delay_minutes: int
    targets: list[tuple[str, str]]
    strategy: str = "assign_to_everyone"


@dataclass(slots=True)
class EscalationPolicy:
    """``strategy_shape`` string | object | null: the format of a rule's strategy.

    ``expanded``: targets are sent in full although the request does not include them, as recorded from a live account.
    """

    id: str
    name: str
    rules: list[EscalationRule]
    description: str | None = None
    num_loops: int = 0
    team_id: str | None = None
    handoff_notifications: str = "if_has_services"
    strategy_shape: str = "string"
    expanded: bool = False


@dataclass(slots=True)
class Service:
    id: str
    name: str
    policy_id: str
    created_at: int
    description: str | None = None
    status: str = "active"
    last_incident_at: int | None = None
    support_zone: str | None = None
    auto_resolve: int | None = 14_400


@dataclass(slots=True)
class ApiKey:
    """``user_id`` None = a key of the account. ``denied`` maps a missing right to the HTTP status (403, 402)."""

    subdomain: str
    user_id: str | None = None
    denied: dict[str, int] = field(default_factory=dict)
