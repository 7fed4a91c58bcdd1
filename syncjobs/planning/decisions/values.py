"""The values of decisions: the question, the picture of both sides, and the outcome. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from oncall.aggregates import Kind, State, Values
from syncjobs.planning.values import Base, Change, Owner

#: Why a decision is refused.
Code = Literal["stale_question", "already_decided", "not_allowed", "invalid_argument", "would_match_everything"]
#: When an effect takes place that does not take place at once: ``plan`` = the item of its object is planned again
#: before it is written; ``import`` = as soon as a run has written the object.
Awaits = Literal["", "plan", "import"]
#: How an argument names a row that a plan will create, before its key or its id at the source.
PLANNED: Final = "planned:"
#: When a decision about an object that is only planned takes effect.
LATER: Final = "takes effect with this import"
#: What a lead of all groups that are concerned may do with a choice.
Lead = Literal["decide", "propose", "nothing"]

Arguments = Mapping[str, str]


class Refused(Exception):
    """A decision cannot be carried out. Nothing was written."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code: Final[Code] = code


class NotOffered(Refused):
    """The question has no such answer or argument, or a required argument is missing."""

    def __init__(self, message: str) -> None:
        super().__init__("invalid_argument", message)


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is decided. Fields as those of :class:`syncjobs.models.Conflict`.

    entity_type: None for a question about a source as a whole. keys: those of the rows of a question about several
    rows.
    """

    kind: str
    entity_type: Kind | None
    external_id: str
    label: str
    connection_id: int | None = None
    paths: tuple[str, ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ()

    @property
    def row_kind(self) -> Kind:
        """The kind of the rows of a question about rows."""
        assert self.entity_type is not None  # noqa: S101 - only questions about a source have no kind
        return self.entity_type


@dataclass(frozen=True, slots=True)
class LinkSide:
    """A link with its contents."""

    id: int
    connection_id: int
    external_id: str
    version: int
    state: str
    primary: bool
    base: Base = field(default_factory=Base)
    pins: Mapping[str, Owner] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowSide:
    """A row here with its links, the oldest first, or a row that a plan will create: its state has no id then.

    account_id: of a person. uses: number of references to the row. merged: whether it was merged into another row.
    refers_to: ``ref`` of the rows of the same kind that it uses, or of which it is a part. key: of a planned row.
    """

    state: State
    links: tuple[LinkSide, ...] = ()
    account_id: int | None = None
    uses: int = 0
    merged: bool = False
    refers_to: frozenset[str] = frozenset()
    key: str = ""

    @property
    def id(self) -> int:
        assert self.state.id is not None  # noqa: S101 - a stored row has an id
        return self.state.id

    @property
    def is_planned(self) -> bool:
        return self.state.id is None

    @property
    def ref(self) -> str:
        """How an argument names the row: its id, or ``planned:`` and its key."""
        return f"{PLANNED}{self.key}" if self.is_planned else str(self.id)

    @property
    def age(self) -> tuple[bool, int, str]:
        """Sorts rows: the oldest first, planned rows last."""
        return self.is_planned, self.state.id or 0, self.key

    @property
    def name(self) -> str:
        return str(self.state.fields.get("name", ""))

    @property
    def named(self) -> str:
        """The name with what tells the row apart from others of the same name: its id, or ``planned:`` and its key."""
        return f"{self.name} ({self.ref})" if self.is_planned else f"{self.name} #{self.id}"

    @property
    def active(self) -> bool:
        return bool(self.state.fields.get("active", True))


@dataclass(frozen=True, slots=True)
class AccountSide:
    """An account here. row: the person that it is linked to."""

    id: int
    email: str
    active: bool
    privileged: bool
    row: RowSide | None = None


@dataclass(frozen=True, slots=True)
class SourceSide:
    """The connection of a question, as far as decisions need it. account_id, account_label: of its account."""

    name: str
    account_id: str
    account_label: str


@dataclass(frozen=True, slots=True)
class Sides:
    """What a decision is made from. It is loaded under lock when the decision is carried out.

    link, row: of the object of the question; row is None if it was not imported yet or was deleted here. matched: the
    row here that a waiting plan matches with the object, if this has no link yet. rows: the rows of a question about
    several rows, by key, also those that are only planned; keys without either are missing. united: whether a merge
    adds the elements of one row of this kind to those of the other; otherwise the row that stays has those of one of
    the rows. account, person: finds what an argument names. is_taken: whether an active row of the kind, other than
    this one, has or will get a name. invited: the name of somebody else who is invited with an address, or None.
    domains: those of all addresses of the source. source: its connection, None for a question about rows of several.
    at: ISO instant of the decision, in whole minutes.
    """

    link: LinkSide | None = None
    row: RowSide | None = None
    matched: RowSide | None = None
    rows: Mapping[str, RowSide] = field(default_factory=dict)
    united: bool = True
    account: Callable[[str], AccountSide | None] = lambda email: None
    person: Callable[[int], RowSide | None] = lambda row_id: None
    is_taken: Callable[[str, RowSide], bool] = lambda name, row: False
    invited: Callable[[str], str | None] = lambda email: None
    domains: Callable[[], frozenset[str]] = frozenset
    source: SourceSide | None = None
    at: str = ""


@dataclass(frozen=True, slots=True)
class LinkEdit:
    """What a decision does to a link.

    base: new base values, as in a plan's item; base_before: the old ones. pins: all pins afterwards, None keeps them.
    state: None keeps it. reason: why the link is ignored. gets_row: whether the link gets the row that the effect
    creates.
    """

    link: LinkSide
    base: Mapping[str, Any] = field(default_factory=dict)
    base_before: Mapping[str, Any] = field(default_factory=dict)
    pins: Mapping[str, Owner] | None = None
    state: Literal["ignored", "detached", "gone"] | None = None
    reason: str = ""
    gets_row: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What a decision does to one row and its link.

    row_id: None if the effect creates the row. connection_id: that of ``external_id`` if the question is about rows of
    several sources. change: the effect in words. fields, elements: as in a plan's item.
    account_id: the account that the person gets. merge_into: the id of the row into which this one is merged, after the
    other changes; values: the id of the row whose values are kept. Both are None for a planned row. awaits: empty if
    the effect takes place at once.
    """

    kind: Kind
    label: str
    change: str
    row_id: int | None = None
    row_version: int = 0
    external_id: str = ""
    connection_id: int | None = None
    fields: Mapping[str, Change] = field(default_factory=dict)
    elements: Mapping[str, Mapping[str, Change]] = field(default_factory=dict)
    link: LinkEdit | None = None
    account_id: int | None = None
    merge_into: int | None = None
    values: int | None = None
    awaits: Awaits = ""

    @property
    def creates(self) -> bool:
        return self.link is not None and self.link.gets_row


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A remembered decision. pattern: which later questions of the kind it answers, ``*`` for all."""

    pattern: str
    choice: str
    arguments: Arguments = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody who is invited. email: canonical. external_id: empty if only the address is known."""

    email: str
    name: str = ""
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class AccountOfSource:
    """An account at the source. accepted: whether it becomes that of the connection, or is refused."""

    id: str
    label: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a decision does.

    deferred: when it takes effect, in words, if it needs an import or a read first. awaits: what its later part waits
    for, if there is one. arguments: those that are stored in another form than they were given, and defaults that a
    later import could change. reads: ids of the schedules that are read again at once. accounts: ids of the accounts
    that somebody gets, or whose person somebody becomes. invitations: the people who are invited. until: ISO instant
    until which the decision holds; empty if it has no end. source_account: what is decided about the account at the
    source.
    """

    effects: tuple[Effect, ...] = ()
    deferred: str = ""
    awaits: Awaits = ""
    arguments: Arguments = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    rule: RuleDraft | None = None
    accounts: tuple[int, ...] = ()
    invitations: tuple[Invitee, ...] = ()
    until: str = ""
    source_account: AccountOfSource | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a choice. kind: what its field offers. default: in words. label: of its field.

    row, rows: of those that the question is about. candidate: a time zone that the evidence suggests. instant: an ISO
    date and time with an offset.
    """

    name: str
    kind: Literal["text", "row", "rows", "person", "paths", "zone", "candidate", "claims", "email", "instant"]
    required: bool = False
    default: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to one kind of question.

    effect: what it does, one sentence. outcome: what exactly it does; raises Refused. offered: whether the question
    offers it. bulk: whether many questions can be answered at once with it. remembered: what is remembered, in words;
    empty if nothing can be. rule: what exactly is remembered; raises Refused. lead: what a lead may do.
    """

    name: str
    label: str
    effect: str
    outcome: Callable[[Question, Arguments, Sides], Outcome]
    arguments: tuple[Argument, ...] = ()
    lead: Lead = "nothing"
    bulk: bool = False
    remembered: str = ""
    rule: Callable[[Question, Arguments, Sides], RuleDraft] | None = None
    offered: Callable[[Question], bool] = lambda question: True


def nothing_changes(question: Question, arguments: Arguments, sides: Sides) -> Outcome:
    """Return the outcome of a choice that only answers the question."""
    return Outcome()


def with_time(outcome: Outcome) -> Outcome:
    """Return the outcome with the time at which its effects take place."""
    awaits = {effect.awaits for effect in outcome.effects} - {""}
    if not awaits:
        return outcome
    return replace(outcome, deferred=LATER, awaits="import" if "import" in awaits else "plan")


def values_at(question: Question, path: str) -> tuple[Any, Any]:
    """Return the value here and at the source of a path of a question about fields."""
    sides: Values = question.evidence[path]
    return sides["here"], sides["source"]
