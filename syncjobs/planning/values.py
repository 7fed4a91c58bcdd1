"""The values planning works with. Pure: records and the local picture come in, a plan goes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from oncall.aggregates import Kind, State, Values

Owner = Literal["source", "ask", "local"]
Action = Literal["create", "update", "match", "settle", "conflict", "skip", "detach", "held", "failed"]
ConflictKind = Literal[
    "user_not_found",
    "ambiguous",
    "duplicate_schedule",
    "duplicate_policy",
    "team_name_collision",
    "timezone_mismatch",
    "both_edited",
    "deleted_here",
]

#: ``[old, new]``, JSON values; None = not there.
Change = list[Any]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the source says one aggregate should be, in the form states have (references already as keys).

    elements: collection -> None when it was not fetched. unread: collection -> number of elements that could not be
    read; nothing of it is removed. fetched_range: ISO instants for which time-bounded elements were requested.
    on_create: values used only for a new row (and remembered as base). fingerprint: equal for records that mean the
    same and were mapped by the same version. holders: keys of people this object puts in a slot, a target or a
    membership. listed False: known only because something refers to it. turned_by_alert: as in SourceSchedule.
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
    on_create: Values = field(default_factory=dict)
    holders: frozenset[str] = frozenset()
    because: tuple[str, ...] = ()
    zone_evidence: Mapping[str, Any] | None = None
    listed: bool = True
    turned_by_alert: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        """A person's address as the source writes it, empty when it tells none."""
        return str(self.fields.get("email") or self.on_create.get("email") or "")


@dataclass(frozen=True, slots=True)
class Base:
    """The last source values settled on a link. A path that is absent has never been settled."""

    fields: Values = field(default_factory=dict)
    elements: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Base":
        return cls(fields=data.get("fields", {}), elements=data.get("elements", {}))


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link and the row it points to, without their contents: enough to see that nothing moved."""

    id: int
    external_id: str
    state: Literal["linked", "detached", "gone", "ignored"]
    version: int
    source_hash: str
    synced_version: int
    row_id: int | None
    row_version: int | None
    unread: Mapping[str, int] = field(default_factory=dict)

    @property
    def untouched(self) -> bool:
        """Nobody has edited the row since the last sync looked at it."""
        return self.row_id is not None and self.row_version == self.synced_version


@dataclass(frozen=True, slots=True)
class LinkDetail:
    """The contents of a link that has to be compared."""

    base: Base
    pins: Mapping[str, Owner]
    local: State | None
    primary: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person here whom a person of the source may be. owned: another connection writes their single-valued fields."""

    state: State
    owned: bool


@dataclass(frozen=True, slots=True)
class NamedRow:
    """A row as the name check sees it. origin: label of where it came from, empty = made here."""

    row_id: int
    name: str
    name_key: str
    origin: str


@dataclass(frozen=True, slots=True)
class AccountView:
    """A local account that an imported person may be linked to."""

    id: int
    privileged: bool
    taken: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the profile. ownership: ``kind.field`` -> owner. now: instant of the read, as ISO text.

    origin: label of the connection, the origin of rows it creates.
    """

    strategy: Owner
    ownership: Mapping[str, Owner]
    now: str
    connection_id: int
    origin: str
    everything: bool = True

    def owner(self, kind: Kind, path: str, pins: Mapping[str, Owner]) -> Owner:
        """The most specific wins: this field of this link, this field of the profile, the strategy."""
        top = path.split(".", 1)[0]
        return pins.get(path) or pins.get(top) or self.ownership.get(f"{kind}.{top}") or self.strategy


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """A conflict as stored. evidence_hash: to see whether its evidence moved. from_merge: born of comparing fields."""

    id: int
    kind: str
    subject: str
    entity_type: str
    external_id: str
    evidence_hash: str
    from_merge: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """What is here: links of this connection, contents of those that must be compared, names, accounts, conflicts.

    details: link id -> contents. people: canonical e-mail -> responders not linked to this connection.
    unaccounted: ids of responders without an account. accounts: canonical e-mail -> account. zoned: ids of schedules
    whose zone is settled here, filled where the source leaves one open.
    """

    links: Mapping[Kind, Mapping[str, LinkView]]
    details: Mapping[int, LinkDetail]
    names: Mapping[Kind, tuple[NamedRow, ...]]
    people: Mapping[str, tuple[Candidate, ...]]
    unaccounted: frozenset[int]
    accounts: Mapping[str, AccountView]
    conflicts: tuple[OpenConflict, ...]
    zoned: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ConflictDraft:
    """A decision a person has to take. subject: stable within (connection, kind); pair kinds use the sorted pair."""

    kind: ConflictKind
    subject: str
    entity_type: Kind
    external_id: str
    label: str
    paths: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One planned change of one aggregate, with everything it was made from.

    fields: path -> [old, new]; elements: collection -> key -> [old, new] (None = not there). base: settled values to
    remember, elements None = forget. reason: why skipped, held or failed; or what brought the object along. settles:
    the source's record counts as looked at once this is applied (False while something is held). held: removals that
    wait for approval, in the form of elements. candidates: ids of people here it was weighed against. failures: how
    much of the object could not be read; path: where that was first. unread: as in the proposal.
    """

    kind: Kind
    external_id: str
    label: str
    action: Action
    fingerprint: str
    reason: str = ""
    link_id: int | None = None
    link_version: int = 0
    row_id: int | None = None
    row_version: int = 0
    fields: Mapping[str, Change] = field(default_factory=dict)
    elements: Mapping[str, Mapping[str, Change]] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    conflicts: tuple[ConflictDraft, ...] = ()
    account_id: int | None = None
    path: str = ""
    settles: bool = True
    held: Mapping[str, Mapping[str, Change]] = field(default_factory=dict)
    candidates: tuple[int, ...] = ()
    failures: int = 0
    unread: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Items in dependency order, counts of what needs nothing, and the conflicts as they stand afterwards.

    unlisted: per kind, linked objects the source did not list; they are kept. settled: ids of open conflicts that no
    longer hold. compared: links whose source moved without consequence, such as an absence that has ended, each with
    the fingerprint they were compared at; remembered, it saves comparing them again. unread: links of objects of which
    more or fewer elements could be read than before, each with the unread number by collection.
    """

    items: tuple[Item, ...]
    unchanged: Mapping[Kind, int]
    unlisted: Mapping[Kind, int]
    conflicts: tuple[ConflictDraft, ...] = ()
    settled: tuple[int, ...] = ()
    compared: tuple[tuple[LinkView, str], ...] = ()
    unread: tuple[tuple[LinkView, Mapping[str, int]], ...] = ()


def element_key(connection_id: int, *parts: str) -> str:
    """The key of an object or element of one connection, unique in the database: ``3:PABC`` or ``3:PTEAM:PUSER``."""
    return ":".join((str(connection_id), *parts))
