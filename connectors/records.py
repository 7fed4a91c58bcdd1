"""Provider-neutral records: what a connector hands over after mapping. Frozen; ids are the vendor's own, bare.

``None`` for a collection means *not fetched* (a right is missing, contact details are off, a page failed) and is never
compared; an empty tuple means the source told that there is nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connectors.zones.timezones import ZoneReading
from oncall.escalation.policy import Policy
from oncall.rendering.final import Span
from oncall.rendering.spec import Composition, ExtraShift, Layer, Override, ScheduleSpec, Substitution

EntityType = Literal["responder", "user_group", "schedule", "escalation_policy", "service"]
#: Dependency order: what is referenced comes first.
ENTITY_TYPES: tuple[EntityType, ...] = ("responder", "user_group", "schedule", "escalation_policy", "service")
ENTITY_WORDS: Mapping[EntityType, tuple[str, str]] = {
    "responder": ("person", "people"),
    "user_group": ("user group", "user groups"),
    "schedule": ("schedule", "schedules"),
    "escalation_policy": ("escalation policy", "escalation policies"),
    "service": ("service", "services"),
}
EntityKey = tuple[EntityType, str]


def entity_type_of(name: str) -> EntityType:
    """The entity type with this name, for text that comes from a column or a person. Raises KeyError."""
    for known in ENTITY_TYPES:
        if known == name:
            return known
    raise KeyError(name)


Channel = Literal["email", "sms", "voice", "push", "other"]
PersonState = Literal["active", "inactive", "deleted", "unknown"]


@dataclass(frozen=True, slots=True)
class MappingNote:
    """Something a person should know about one object: a loss, a repair, an assumption. Never an error.

    external_id None: about the whole list. path: the JSON path at the vendor where it applies. loss: whether the object
    was imported without something that it consists of at the source.
    """

    entity_type: EntityType
    external_id: str | None
    code: str
    message: str
    path: str = ""
    loss: bool = False

    def __str__(self) -> str:
        subject = self.entity_type if self.external_id is None else f"{self.entity_type} {self.external_id}"
        return f"{subject}: {self.message}"


@dataclass(frozen=True, slots=True)
class FailedEntity:
    """One object (external_id None: the listing) that could not be imported, and what to do about it."""

    entity_type: EntityType
    external_id: str | None
    code: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class SourceContactMethod:
    """address None: not told, or secret (a push token is never stored). sms and voice addresses are E.164."""

    external_id: str
    channel: Channel
    address: str | None
    label: str
    enabled: bool
    vendor_type: str = ""


@dataclass(frozen=True, slots=True)
class SourceNotificationRule:
    """delay: whole minutes after the page. windows: JSON of the times in which the rule holds, empty = always."""

    external_id: str
    urgency: Literal["high", "low", "any"]
    delay: int
    method_id: str
    windows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceUser:
    """A person. listed False: known only because something refers to them (then what only they tell is None).

    untold: names of single-valued fields that this read did not tell; what stands in their place is for a new person
    only. email None: there is none, unless it is untold.
    """

    external_id: str
    name: str
    email: str | None
    state: PersonState
    time_zone: ZoneReading
    title: str = ""
    contact_methods: tuple[SourceContactMethod, ...] | None = None
    notification_rules: tuple[SourceNotificationRule, ...] | None = None
    substitutions: tuple[Substitution, ...] | None = None
    listed: bool = True
    untold: frozenset[str] = frozenset()
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceMember:
    person_id: str
    role: str


@dataclass(frozen=True, slots=True)
class SourceTeam:
    external_id: str
    name: str
    description: str = ""
    members: tuple[SourceMember, ...] | None = None
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceSchedule:
    """A schedule. fetched_range: instants [since, until) in which overrides and extra shifts were asked for.

    flavour: the vendor's own family of schedules it belongs to. enabled False: switched off at the source.
    turned_by_alert: keys of layers whose people move on by one layer with every alert at the source, in the order in
    which they do; the record tells the order of the read.
    """

    external_id: str
    name: str
    time_zone: ZoneReading
    composition: Composition
    layers: tuple[Layer, ...]
    description: str = ""
    group_ids: tuple[str, ...] = ()
    extra_shifts: tuple[ExtraShift, ...] | None = None
    overrides: tuple[Override, ...] | None = None
    fetched_range: tuple[int, int] | None = None
    flavour: str = ""
    enabled: bool = True
    turned_by_alert: tuple[str, ...] = ()
    because: tuple[str, ...] = ()

    def spec(self) -> ScheduleSpec | None:
        """The schedule to render, None when its zone is unknown or ambiguous."""
        if self.time_zone.zone is None:
            return None
        return ScheduleSpec(
            zone=self.time_zone.zone,
            composition=self.composition,
            layers=self.layers,
            extra_shifts=self.extra_shifts or (),
            overrides=self.overrides or (),
            groups=self.group_ids,
        )


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """enabled False: switched off at the source."""

    external_id: str
    name: str
    policy: Policy
    description: str = ""
    group_id: str | None = None
    part_of_id: str | None = None
    enabled: bool = True
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceService:
    """policy_id None: nothing says who is paged, or, when ``policy_untold``, this read did not tell."""

    external_id: str
    name: str
    description: str = ""
    policy_id: str | None = None
    group_id: str | None = None
    policy_untold: bool = False
    because: tuple[str, ...] = ()


Record = SourceUser | SourceTeam | SourceSchedule | SourcePolicy | SourceService


@dataclass(frozen=True, slots=True)
class Account:
    """Who the credential belongs to. id: stable at the vendor (PagerDuty: the subdomain), None = could not be told."""

    id: str | None
    label: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether a listing was read to its end. Only a complete listing says anything about what is absent."""

    listing: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything one read of a source gave. ``fetched_at``: instant of the read's start.

    mapping_version: per entity type, raised whenever the mapping's output changes form for equal input. rendered: by
    schedule id the source's own rendering, as far as the read told it without further calls; complete in the instants
    of ``rendered_range``, None = reading this source does not tell any.
    """

    provider: str
    account: Account
    fetched_at: int
    users: tuple[SourceUser, ...] = ()
    teams: tuple[SourceTeam, ...] = ()
    schedules: tuple[SourceSchedule, ...] = ()
    policies: tuple[SourcePolicy, ...] = ()
    services: tuple[SourceService, ...] = ()
    notes: tuple[MappingNote, ...] = ()
    failed: tuple[FailedEntity, ...] = ()
    completeness: Mapping[EntityType, Completeness] = field(default_factory=dict)
    mapping_version: Mapping[EntityType, int] = field(default_factory=dict)
    calls: int = 0
    rendered: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    rendered_range: tuple[int, int] | None = None

    def records(self, entity_type: EntityType) -> tuple[Record, ...]:
        by_type: Mapping[EntityType, tuple[Record, ...]] = {
            "responder": self.users,
            "user_group": self.teams,
            "schedule": self.schedules,
            "escalation_policy": self.policies,
            "service": self.services,
        }
        return by_type[entity_type]
