"""Provider-neutral records: the result of a connector's mapping. Frozen; ids are the vendor's own, without a prefix.

``None`` for a collection means *not fetched* (a right is missing, contact details are off, a page failed) and is never
compared; an empty tuple means that the source reported an empty collection. ``unread`` of a record counts, by the name
of a collection, the elements that could not be read: the collection is only partly known, nothing of it is removed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connectors.zones.timezones import ZoneReading
from oncall.escalation.policy import Policy
from oncall.rendering.final import Span
from oncall.rendering.spec import Composition, ExtraShift, Layer, Override, ScheduleSpec, Substitution

EntityType = Literal["responder", "user_group", "schedule", "escalation_policy", "service"]
#: Dependency order: an entity type comes after the types that it refers to.
ENTITY_TYPES: tuple[EntityType, ...] = ("responder", "user_group", "schedule", "escalation_policy", "service")
ENTITY_WORDS: Mapping[EntityType, tuple[str, str]] = {
    "responder": ("person", "people"),
    "user_group": ("user group", "user groups"),
    "schedule": ("schedule", "schedules"),
    "escalation_policy": ("escalation policy", "escalation policies"),
    "service": ("service", "services"),
}
EntityKey = tuple[EntityType, str]
#: What a source says of an object that is requested by its id. not_visible: it is refused, and the source does not tell
#: whether it exists. unknown: the source gave no usable answer.
Found = Literal["found", "not_found", "not_visible", "unknown"]


def entity_type_of(name: str) -> EntityType:
    """Return the entity type with this name, for text from a database column or a person. Raises KeyError."""
    for known in ENTITY_TYPES:
        if known == name:
            return known
    raise KeyError(name)


#: Collection of a record -> number of its elements that could not be read; collections without one are left out. Layers
#: that were read only in part are collections of their own, ``layers.<key>``.
Unread = Mapping[str, int]
Channel = Literal["email", "sms", "voice", "push", "other"]
PersonState = Literal["active", "inactive", "deleted", "unknown"]


@dataclass(frozen=True, slots=True)
class MappingNote:
    """A message for a person about one object: a loss, a repair or an assumption. It is never an error.

    external_id None: the message is about the whole list. path: the vendor's JSON path that it is about. loss: whether
    the object was imported without something that it consists of at the source. hides: whether what is missing could
    refer to other objects, so that these may have been missed.
    """

    entity_type: EntityType
    external_id: str | None
    code: str
    message: str
    path: str = ""
    loss: bool = False
    hides: bool = False

    def __str__(self) -> str:
        subject = self.entity_type if self.external_id is None else f"{self.entity_type} {self.external_id}"
        return f"{subject}: {self.message}"


@dataclass(frozen=True, slots=True)
class FailedEntity:
    """One object that could not be imported, or one element of it. external_id None: the whole list.

    message: what happened and what to do. hint: the end of the message, which says what to do. element: only one
    element of the object could not be read.
    """

    entity_type: EntityType
    external_id: str | None
    code: str
    path: str
    message: str
    hint: str = ""
    element: bool = False

    @property
    def cause(self) -> str:
        """The message without the hint."""
        return self.message.removesuffix(self.hint).rstrip()


@dataclass(frozen=True, slots=True)
class SourceContactMethod:
    """A contact method. address None: not reported, or secret (a push token is never stored).

    The address of sms and voice is an E.164 number; one that was not understood is kept as typed and is not enabled.
    extension: of a phone number, as typed.
    """

    external_id: str
    channel: Channel
    address: str | None
    label: str
    enabled: bool
    vendor_type: str = ""
    extension: str = ""


@dataclass(frozen=True, slots=True)
class SourceNotificationRule:
    """A notification rule. delay: whole minutes after the page. windows: the times at which the rule applies, as JSON;
    empty = always."""

    external_id: str
    urgency: Literal["high", "low", "any"]
    delay: int
    method_id: str
    windows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceUser:
    """A person. listed False: the person was not read and is known only from references; collections are None then.

    unreported: the names of single-valued fields that this read did not report; their values are used for a new person
    only. email None: the person has no address, unless ``email`` is in ``unreported``.
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
    unread: Unread = field(default_factory=dict)
    listed: bool = True
    unreported: frozenset[str] = frozenset()
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
    unread: Unread = field(default_factory=dict)
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceSchedule:
    """A schedule. fetched_range: instants [since, until) for which overrides and extra shifts were requested.

    lists_overlapping: whether the vendor lists all that overlap this range; else only those that end inside it are
    certain to be listed. flavour: the vendor's own kind of schedule. enabled False: the schedule is switched off at the
    source. turned_by_alert: keys of layers whose people move on by one layer with every alert at the source, in the
    order in which they move; the layers have the people of the time of the read.
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
    lists_overlapping: bool = False
    unread: Unread = field(default_factory=dict)
    flavour: str = ""
    enabled: bool = True
    turned_by_alert: tuple[str, ...] = ()
    because: tuple[str, ...] = ()

    def spec(self) -> ScheduleSpec | None:
        """Return the schedule to render, None if its zone is unknown or ambiguous."""
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
    """An escalation policy. enabled False: the policy is switched off at the source."""

    external_id: str
    name: str
    policy: Policy
    description: str = ""
    group_id: str | None = None
    part_of_id: str | None = None
    unread: Unread = field(default_factory=dict)
    enabled: bool = True
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceService:
    """A service. policy_id None: the service has no policy; with ``policy_unreported`` this read did not report it."""

    external_id: str
    name: str
    description: str = ""
    policy_id: str | None = None
    group_id: str | None = None
    policy_unreported: bool = False
    because: tuple[str, ...] = ()


Record = SourceUser | SourceTeam | SourceSchedule | SourcePolicy | SourceService


@dataclass(frozen=True, slots=True)
class Account:
    """The account of the credential. id: stable at the vendor (PagerDuty: the subdomain), None = unknown."""

    id: str | None
    label: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether a list was read to its end. Only a complete list proves that an object is absent.

    by_design: nothing went wrong, though the list is incomplete: the rest was not requested, or there is no such list.
    """

    listing: bool
    reason: str = ""
    by_design: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a read of a selection followed the references.

    kept: the chosen keys and those of the closure. unresolved: chosen or referenced keys whose object did not come;
    people are left out, because a reference to them is enough. owned: whether a chosen group brings the objects that it
    owns.
    """

    kept: frozenset[EntityKey]
    unresolved: tuple[EntityKey, ...] = ()
    owned: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The result of one read of a source. fetched_at: the instant at which the read started.

    mapping_version: per entity type, raised whenever the mapping makes another record from equal input. rendered: the
    source's own rendering by schedule id, when the read brings it without further calls. rendered_range: the instants
    for which ``rendered`` is complete, None = a read of this source brings no rendering. reach: None = everything was
    requested. not_found: keys that were requested one by one and that the source does not know (404, 410). learnt:
    facts about the account that later reads need, by name; a fact that this read did not see is left out. looked_up:
    what the source says of objects that the lists lack.
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
    reach: Reach | None = None
    not_found: frozenset[EntityKey] = frozenset()
    learnt: Mapping[str, bool] = field(default_factory=dict)
    looked_up: Mapping[EntityKey, Found] = field(default_factory=dict)

    def records(self, entity_type: EntityType) -> tuple[Record, ...]:
        by_type: Mapping[EntityType, tuple[Record, ...]] = {
            "responder": self.users,
            "user_group": self.teams,
            "schedule": self.schedules,
            "escalation_policy": self.policies,
            "service": self.services,
        }
        return by_type[entity_type]
