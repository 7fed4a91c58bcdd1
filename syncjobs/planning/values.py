"""The values of planning: proposals, the local picture and the plan. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.presence import Presence, Sighting
from oncall.aggregates import Kind, State, Values
from oncall.emails import canonical_email

Owner = Literal["source", "ask", "local"]
#: Returns what a read knows of the presence of an object.
Presences = Callable[[Kind, str], Presence]
Action = Literal[
    "create", "update", "match", "settle", "conflict", "skip", "missing", "deactivate", "detach", "held", "failed"
]
ConflictKind = Literal[
    "user_not_found",
    "ambiguous",
    "duplicate_schedule",
    "duplicate_policy",
    "team_name_collision",
    "timezone_mismatch",
    "both_edited",
    "deleted_here",
    "unsupported",
    "gone",
    "not_visible",
    "recreated",
    "inactive_scheduled",
    "account_changed",
]

#: ``[old, new]`` as JSON values; None means that the value does not exist.
Change = list[Any]


@dataclass(slots=True)  # not frozen: there is one for each object, and creating a frozen one takes three times as long
class Proposal:
    """One aggregate as the source wants it, in the form of a state, with keys as references.

    elements: by collection; None if the collection was not fetched. unread: number of elements that could not be read,
    by collection; nothing of such a collection is removed. fetched_range: ISO instants between which time-bounded
    elements were requested. lists_overlapping: as in SourceSchedule. on_create: values for a new row only, also stored
    as its base. fingerprint: equal for records with the same meaning and mapping version. holders: keys of the people
    who hold a slot, a target or a membership of this object. because: the objects that require this object. listed:
    False if the object is known only from references. turned_by_alert: as in SourceSchedule. other_email: the address
    of a person after a remembered change of its domain.
    """

    kind: Kind
    external_id: str
    key: str
    label: str
    fields: Values
    elements: Mapping[str, Mapping[str, Values] | None]
    unread: Mapping[str, int] = field(default_factory=dict)
    fingerprint: str = ""
    mapping_version: int = 0
    fetched_range: tuple[str, str] | None = None
    lists_overlapping: bool = False
    on_create: Values = field(default_factory=dict)
    holders: frozenset[str] = frozenset()
    because: tuple[str, ...] = ()
    zone_evidence: Mapping[str, Any] | None = None
    listed: bool = True
    turned_by_alert: tuple[str, ...] = ()
    other_email: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the canonical addresses by which a person is found here: the own one first."""
        return tuple(filter(None, (canonical_email(self.email), canonical_email(self.other_email))))

    @property
    def email(self) -> str:
        """Return the e-mail address of a person as the source reports it, or an empty text."""
        return str(self.fields.get("email") or self.on_create.get("email") or "")


@dataclass(frozen=True, slots=True)
class Base:
    """The last agreed values of the source for a link. A missing path was never agreed on."""

    fields: Values = field(default_factory=dict)
    elements: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Base":
        """Return the base that is stored on a link."""
        return cls(fields=data.get("fields", {}), elements=data.get("elements", {}))

    def values_of(self, patch: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values for the paths of a patch of a base. Paths without a value are left out."""
        fields = {path: self.fields[path] for path in patch.get("fields", {}) if path in self.fields}
        elements = {
            name: {key: known[key] for key in changes if key in (known := self.elements.get(name, {}))}
            for name, changes in patch.get("elements", {}).items()
        }
        return {"fields": fields, "elements": elements}


@dataclass(slots=True)  # not frozen, like a proposal
class LinkView:
    """A link and its row without their contents. This is enough to see that nothing changed.

    takes_over: whether the link becomes the primary link of its row with this plan.
    """

    id: int
    external_id: str
    state: Literal["linked", "detached", "gone", "ignored"]
    version: int
    source_hash: str
    synced_version: int
    row_id: int | None
    row_version: int | None
    unread: Mapping[str, int] = field(default_factory=dict)
    primary: bool = True
    seen_missing: Sighting = field(default_factory=Sighting)
    takes_over: bool = False

    @property
    def untouched(self) -> bool:
        """Return whether the row was not edited since the last sync compared it."""
        return self.row_id is not None and self.row_version == self.synced_version


@dataclass(frozen=True, slots=True)
class LinkDetail:
    """The contents of a link that is compared.

    primary: whether it writes single-valued fields, also if it takes over. former_base: the base of the primary link
    from which it takes over. The row was last set to it, so comparing with it finds edits made here and nothing else,
    also if this link wrote the fields before.
    """

    base: Base
    pins: Mapping[str, Owner]
    local: State | None
    primary: bool
    former_base: Base = field(default_factory=Base)
    former_link: int | None = None

    @property
    def compared_base(self) -> Base:
        """Return the base with the fields of the former base, where it has them."""
        if not self.former_base.fields:
            return self.base
        return Base({**self.base.fields, **self.former_base.fields}, self.base.elements)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person here who may be a person of the source.

    owned: another connection writes the single-valued fields of this person. former_base: the base of the connection
    that wrote them until it was disconnected, for example. former_id: the id at the source to which this person is
    linked, if this read did not list it; then nobody is matched with this person without a decision.
    """

    state: State
    owned: bool
    former_id: str = ""
    former_base: Base = field(default_factory=Base)
    former_link: int | None = None


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row that is compared with other rows by its name; a person, by the e-mail address.

    row_id: None for a row that another plan, which waits, will create. key: that of the row's oldest link, or
    ``local:<row id>`` for a row without links. name: the name or the address. followed: whether a source of the row is
    connected, so that its syncs plan this row again.
    """

    row_id: int | None
    key: str
    name: str
    active: bool = True
    followed: bool = True


@dataclass(frozen=True, slots=True)
class AccountView:
    """A local account that an imported person may be linked to."""

    id: int
    privileged: bool
    taken: bool


@dataclass(frozen=True, slots=True)
class Mapped:
    """Who a new person at the source is here: a person, or else an account."""

    person: Candidate | None = None
    account: AccountView | None = None


@dataclass(frozen=True, slots=True)
class RuleView:
    """A stored rule. words: its number, its date and who made it."""

    id: int
    kind: str
    pattern: str
    choice: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a profile. ownership: owner of each ``kind.field``. now: ISO instant of the read.

    remembered: decisions that answer later questions. origin: label of the connection, stored in the rows that it
    creates.

    guard_share, guard_count: removals of a kind wait if they are more than this percentage, and at least this many.
    """

    strategy: Owner
    ownership: Mapping[str, Owner]
    now: str
    connection_id: int
    origin: str
    remembered: tuple[RuleView, ...] = ()
    guard_share: int = 20
    guard_count: int = 5
    rights: str = ""

    def owner(self, kind: Kind, path: str, pins: Mapping[str, Owner]) -> Owner:
        """Return the owner of a field: of the pin of the link, else of the profile's field, else of the strategy."""
        top = path.split(".", 1)[0]
        return pins.get(path) or pins.get(top) or self.ownership.get(f"{kind}.{top}") or self.strategy


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """A stored conflict that is not closed.

    decided: whether it was decided, so that it is not asked again about the same evidence. proposed: whether a decision
    was proposed, which is about this evidence only. evidence_hash: changes with the evidence. why: the code of the
    reason why a person has no account here. from_merge: whether fields of an object differ. keys: those of the rows of
    a question about several rows. choice, arguments: the decision. awaits: as :class:`syncjobs.models.Awaits`.
    """

    id: int
    kind: str
    subject: str
    entity_type: str
    external_id: str
    evidence_hash: str
    from_merge: bool = False
    label: str = ""
    link_id: int | None = None
    keys: tuple[str, ...] = ()
    decided: bool = False
    proposed: bool = False
    why: str = ""
    choice: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    awaits: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """The local state that a plan is made from.

    links: of this connection, by kind and external id. details: the contents of compared links, by link id. names: the
    rows that have, or may get, the same name or address as a row of this connection, by kind. people: responders that a
    new person at the source may be, by canonical e-mail address. unaccounted: ids of responders without an account.
    unlinked: ids of those whose account an undo took off: only a person links them again. accounts: by canonical e-mail
    address. conflicts: the conflicts of this connection that are not closed, and those about the rows in ``names``.
    mapped: who new people at the source are here, by external id, as a person decided. zoned: ids of schedules with a
    time zone set here; filled only if a time zone is unknown or ambiguous at the source. others: by the id of the
    link of a missing object, the ids of the other links that its row follows.
    """

    links: Mapping[Kind, Mapping[str, LinkView]]
    details: Mapping[int, LinkDetail]
    names: Mapping[Kind, tuple[NamedRow, ...]]
    people: Mapping[str, tuple[Candidate, ...]]
    unaccounted: frozenset[int]
    accounts: Mapping[str, AccountView]
    conflicts: tuple[OpenConflict, ...]
    mapped: Mapping[str, Mapped] = field(default_factory=dict)
    zoned: frozenset[int] = frozenset()
    others: Mapping[int, frozenset[int]] = field(default_factory=dict)
    unlinked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ConflictDraft:
    """A question that a person must answer.

    subject: identifies the question within its kind, in the whole database. external_id: empty if the question is not
    about one object. evidence: keys, ids and values, without sentences and without names of other rows, so that it
    changes only with its meaning. shared: whether the question belongs to no single connection, but to all whose rows
    it is about. keys: of these rows.
    """

    kind: ConflictKind
    subject: str
    entity_type: Kind
    external_id: str
    label: str
    paths: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    shared: bool = False
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One planned change of one aggregate.

    fields: [old, new] by path. elements: [old, new] by collection and key; None means that the element does not exist.
    link: the link as it was compared, None for an object without a link. base: the new base values; an element that is
    None is removed from the base. base_before: the old values of the same paths; a path that had none is missing.
    takes_over: whether the link becomes the primary link of its row; former_link: the id of the link that was it.
    reason: why the item is skipped, held or failed, or which object requires this object. settles: whether the
    record is fully compared when this is applied; False while removals are held. held: removals that wait for
    approval, as in elements; held_before: their values in the base. candidates: ids of the people here with the
    same address. failures: how many parts of the object could not be read. path: the first of these. unread: as in
    the proposal. pins: new pins of the link, by path; pins_before: all pins before. sighting: how often a missing
    object was seen missing. guarded: whether the whole item waits for approval, because too much would be removed.
    """

    kind: Kind
    external_id: str
    label: str
    action: Action
    fingerprint: str
    reason: str = ""
    link: LinkView | None = None
    row_id: int | None = None
    row_version: int = 0
    fields: Mapping[str, Change] = field(default_factory=dict)
    elements: Mapping[str, Mapping[str, Change]] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    base_before: Mapping[str, Any] = field(default_factory=dict)
    takes_over: bool = False
    former_link: int | None = None
    conflicts: tuple[ConflictDraft, ...] = ()
    account_id: int | None = None
    path: str = ""
    settles: bool = True
    held: Mapping[str, Mapping[str, Change]] = field(default_factory=dict)
    held_before: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)
    candidates: tuple[int, ...] = ()
    failures: int = 0
    unread: Mapping[str, int] = field(default_factory=dict)
    pins: Mapping[str, Owner] = field(default_factory=dict)
    pins_before: Mapping[str, Owner] = field(default_factory=dict)
    sighting: int | None = None
    guarded: bool = False

    @property
    def link_id(self) -> int | None:
        return None if self.link is None else self.link.id


@dataclass(frozen=True, slots=True)
class Plan:
    """The planned items in dependency order.

    unchanged: number of objects without changes, by kind. unlisted: number of linked objects that the source did not
    list, by kind; they are kept. unreached: why linked objects were not reached by this read, one reason for each, by
    kind; they are kept. conflicts: all questions after the plan. settled: ids of open conflicts whose cause is
    gone. compared: links whose source changed without consequence, for example because an absence has ended, with the
    new fingerprint, so that they are not compared again. unread: links of objects of which more or fewer elements could
    be read than before, with the numbers of unread elements by collection. sightings: links with the new sighting of
    their missing objects. held: why removals wait for approval.
    vanished: the kinds of which the source lists nothing any more, so that the plan waits. removes: as in Guarded.
    """

    items: tuple[Item, ...]
    unchanged: Mapping[Kind, int]
    unlisted: Mapping[Kind, int]
    unreached: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    conflicts: tuple[ConflictDraft, ...] = ()
    settled: tuple[int, ...] = ()
    compared: tuple[tuple[LinkView, str], ...] = ()
    unread: tuple[tuple[LinkView, Mapping[str, int]], ...] = ()
    sightings: tuple[tuple[LinkView, Sighting], ...] = ()
    held: tuple[str, ...] = ()
    vanished: tuple[Kind, ...] = ()
    removes: bool = False


def element_key(connection_id: int, *parts: str) -> str:
    """Return the key of an object or element of a connection, such as ``3:PABC`` or ``3:PTEAM:PUSER``.

    It is unique in the database.
    """
    return ":".join((str(connection_id), *parts))
