"""What the conformance suite has to know about a provider. One entry per provider stands in ``table.py``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.base import Connector
from connectors.records import ENTITY_TYPES, EntityType, FailedEntity, MappingNote
from connectors.simulator.server import Server

NOW = 1_772_323_200  # 2026-03-01T00:00:00Z: the window of a read holds the spring changes of America and Europe


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One question the connector may ask. path: ``{id}`` stands for one segment. key: what the answer's envelope calls
    its object or list, "" for an answer that is the object itself. table: of the loss ledger. at: where in the objects
    of that table these belong that are parts of one (``roles[]``)."""

    path: str
    key: str
    table: str
    method: str = "GET"
    at: str = ""

    def answers(self, method: str, path: str) -> bool:
        parts, requested = self.path.split("/"), path.split("/")
        same = len(parts) == len(requested) and all(
            part in ("{id}", other) for part, other in zip(parts, requested, strict=True)
        )
        return same and method == self.method

    def objects(self, body: Any) -> list[Any]:
        """Return the objects of an answer. A list is returned itself, so that it can be changed."""
        reported = body[self.key] if self.key else body
        return reported if isinstance(reported, list) else [reported]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of one kind. path: of its endpoint; with an ``{id}`` in it, there is one for each object of another list.
    paged: comes page by page; if not, ``whole`` says how that is known. grant: what Test connection says when it may
    not be read. without: what a read does then, when that is no failure. carries: kinds that are found through it."""

    kind: EntityType
    path: str
    grant: str
    whole: str = ""
    without: str = ""
    carries: frozenset[EntityType] = frozenset()

    @property
    def everywhere(self) -> str:
        """The path as a pattern for faults."""
        return self.path.replace("{id}", "*")

    def names(self, reported: Iterable[FailedEntity | MappingNote]) -> bool:
        """Whether one of these is about this list: about no object, or the one whose list it is."""
        found = (one for one in reported if one.entity_type == self.kind)
        return any(one.external_id is None or "{id}" in self.path for one in found)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What somebody may enter by mistake, and the form field that has to say so (``words``: in the message)."""

    field: str
    settings: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True, slots=True)
class Login:
    """Another credential that opens the same account: what of the settings and credentials is another."""

    settings: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Word:
    """A place where the vendor sends one of a fixed set of words. at: dotted, ``[]`` for a list, inside the object."""

    path: str
    at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """What the suite has to know. required: keys without which something cannot be read.

    vendor: module with the simulator: ``Simulator``, ``build_world``, ``CANARY``. prepare: changes every account, for
    what stands in the way, or to speak as the vendor seldom does. vary: puts into a made-up account what it has too few
    of. empty: takes everything out of the simulator's state. thrifty: changes an answer (path of its endpoint, body) so
    that all is left out that the vendor may leave out and that has an endpoint of its own; refused: what is refused
    then (path -> status), so that other paths are read. throttled: headers that require 7 seconds in the provider's
    words. page_size: the query parameter. kinds: the imported kinds; those that have no list come along with what
    refers to them. logins: kinds of credential beside the usual one.
    skips: test -> reason.
    """

    connector: type[Connector]
    vendor: Any
    settings: Mapping[str, str]
    credentials: Mapping[str, str]
    empty: Callable[[Any], None]
    prepare: Callable[[Any], None] = lambda server: None
    vary: Callable[[Any], None] = lambda server: None
    thrifty: Callable[[str, Any], None]
    endpoints: Sequence[Endpoint]
    listings: Sequence[Listing]
    wrong: Sequence[Wrong]
    words: Sequence[Word]
    required: frozenset[str]
    throttled: Mapping[str, str]
    page_size: str = "limit"
    kinds: Sequence[EntityType] = ENTITY_TYPES
    refused: Mapping[str, int] = field(default_factory=dict)
    skips: Mapping[str, str] = field(default_factory=dict)
    logins: Sequence[Login] = ()

    def __str__(self) -> str:
        return self.connector.provider

    def by(self, login: Login) -> "Provider":
        """The same account, opened otherwise."""
        settings, credentials = {**self.settings, **login.settings}, {**self.credentials, **login.credentials}
        return replace(self, settings=settings, credentials=credentials)

    def simulator(self, size: int | None = None) -> Server:
        """Acme as of NOW, or a made-up account of about so many objects; not started."""
        server: Server = self.vendor.Simulator(self.vendor.build_world(NOW, size), now=lambda: float(NOW))
        self.prepare(server)
        if size is not None:
            self.vary(server)
        return server

    def listing(self, method: str, path: str) -> Listing | None:
        """Return the requested listing, read by page or at once."""
        endpoint = self.endpoint(method, path)
        return next((one for one in self.listings if endpoint is not None and one.path == endpoint.path), None)

    @property
    def listed(self) -> frozenset[EntityType]:
        """Kinds that come as a whole."""
        return frozenset(kind for one in self.listings for kind in (one.kind, *one.carries))

    @property
    def hosts(self) -> Sequence[str]:
        """Further hosts by name."""
        return tuple(self.connector.hosts(self.connector.clean(self.settings)))

    def endpoint(self, method: str, path: str) -> Endpoint | None:
        """Return the requested endpoint, None if it is not declared."""
        return next((endpoint for endpoint in self.endpoints if endpoint.answers(method, path)), None)


def no_objects(*shelves: str) -> Callable[[Any], None]:
    """Empties these shelves of a simulator's state."""

    def empty(state: Any) -> None:
        with state.editing():
            for shelf in shelves:
                getattr(state, shelf).clear()

    return empty
