"""The values of the oracle: what a source lists, what is stored here, what a run did. Nothing of the product."""

from dataclasses import dataclass, field
from typing import Any

Key = tuple[int, str, str]
ACTIVE = "active"


@dataclass
class Record:
    """What a source lists of an object. elements: values by external id."""

    fields: dict[str, str]
    elements: dict[str, str] = field(default_factory=dict)
    address: str | None = None  # evidence for a first match


@dataclass
class Reading:
    """What one read of a source learnt. unlisted: the presence of each known id that was not listed.

    complete: the kinds whose list came to its end.
    """

    source: int
    at: int
    records: dict[tuple[str, str], Record]
    unlisted: dict[tuple[str, str], str]  # not_found, not_visible, found, not_chosen, not_reached
    complete: frozenset[str]


@dataclass
class Row:
    """A local row. elements: values by (key of the link, external id); those that belong to nobody have None as key.

    writes: how often a value changed since the row was created, also to and fro.
    """

    kind: str
    fields: dict[str, str]
    address: str | None = None
    active: bool = True
    elements: dict[tuple[Key | None, str], str] = field(default_factory=dict)
    merged_into: int | None = None
    writes: int = 0

    def get(self, owner: Key | None, path: str) -> Any:
        if path == ACTIVE:
            return self.active
        if path.startswith("elements."):
            return self.elements.get((owner, path.removeprefix("elements.")))
        return self.fields[path]

    def merge_into(self, other: int | None) -> None:
        """Merge the row into another one. None: split it off again."""
        self.active, self.merged_into = other is None, other
        self.writes += 1

    def set(self, owner: Key | None, path: str, value: Any) -> None:
        self.writes += self.get(owner, path) != value
        if path == ACTIVE:
            self.active = value
        elif not path.startswith("elements."):
            self.fields[path] = value
        elif value is None:
            self.elements.pop((owner, path.removeprefix("elements.")), None)
        else:
            self.elements[owner, path.removeprefix("elements.")] = value


@dataclass
class Link:
    """What ties an object to a row. row: None after a local deletion. age: the oldest has the smallest."""

    row: int | None
    age: int
    primary: bool
    state: str = "linked"
    base: dict[str, Any] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)
    missing: int = 0
    missing_at: int = 0
    missing_lists: frozenset[str] = frozenset()  # the kinds whose lists were complete at the first sighting
    evidence: str = ""  # of the sightings: not_found or not_visible


@dataclass
class Rules:
    strategy: str = "ask"
    ownership: dict[str, str] = field(default_factory=dict)  # kind.field: owner
    share: int = 20
    count: int = 5


@dataclass
class Change:
    """A value that a run wrote. path None: the row itself was created; new is the row then."""

    row: int
    owner: Key
    path: str | None
    old: Any = None
    new: Any = None


@dataclass
class Run:
    """What a run did. question: what it answered, None for an import. links, after: what it changed of links."""

    question: Any = None
    changes: list[Change] = field(default_factory=list)
    links: dict[Key, Link | None] = field(default_factory=dict)
    after: dict[Key, Link] = field(default_factory=dict)
    merged: list[int] = field(default_factory=list)
    undone: bool = False
