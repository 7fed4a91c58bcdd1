"""The contract every connector fulfils. A connector reads, maps and says what it could not read; it never writes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from connectors.closure import Node, Selection
from connectors.http import Transport
from connectors.ledger import Ledger
from connectors.records import Account, EntityType, Snapshot
from connectors.redaction import Secret
from oncall.rendering.final import Span


@dataclass(frozen=True, slots=True)
class SettingField:
    """One field of the connection form. kind secret: write-only, stored encrypted. retargets: a change of it may send
    the credential somewhere else, so the credential must be given again. required: of a text; a secret always is."""

    name: str
    label: str
    help: str
    kind: Literal["text", "choice", "secret"] = "text"
    choices: tuple[tuple[str, str], ...] = ()
    initial: str = ""
    retargets: bool = True
    required: bool = True


@dataclass(frozen=True, slots=True)
class Right:
    """Whether the credential may read one entity type. granted None: could not be told. detail: what to grant."""

    entity_type: EntityType
    granted: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """What Test connection found out. calls_per_minute: the vendor's own limit as answered, None = not told."""

    account: Account
    rights: tuple[Right, ...]
    calls_per_minute: int | None = None
    messages: tuple[str, ...] = ()


class Progress(Protocol):
    """Called as pages arrive: ``fetched`` so far, ``total`` or None while the source has not told it."""

    def __call__(self, entity_type: EntityType, fetched: int, total: int | None) -> None: ...


def no_progress(entity_type: EntityType, fetched: int, total: int | None) -> None:
    """For callers that do not watch."""


@dataclass(frozen=True, slots=True)
class Rim:
    """How a connector reaches the outside: handed in, so that recordings and simulators need no branch in it.

    now: the clock that builds requests, in instants. should_stop: asked before every request; True ends the read with
    :class:`ReadStopped`. deadline: ``time.monotonic`` value at which the whole read gives up, None = none.
    """

    transport: Transport
    now: Callable[[], float]
    sleep: Callable[[float], None]
    should_stop: Callable[[], bool] | None = None
    deadline: float | None = None


class Connector(ABC):
    """A source of on-call data. One instance per read; ``calls`` counts the requests it sent."""

    provider: ClassVar[str]
    label: ClassVar[str]
    ledger: ClassVar[Ledger]

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, Secret], rim: Rim) -> None:
        self.settings = settings
        self.credentials = credentials
        self.rim = rim

    @classmethod
    @abstractmethod
    def fields(cls) -> tuple[SettingField, ...]:
        """The connection form."""

    @classmethod
    @abstractmethod
    def clean(cls, settings: Mapping[str, str]) -> dict[str, str]:
        """Settings in their canonical form. Raises ConnectionConfigError with the field to fix."""

    @classmethod
    @abstractmethod
    def origin(cls, settings: Mapping[str, str]) -> str:
        """``https://host`` the requests of this connection go to."""

    @classmethod
    def hosts(cls, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Further origins by the name a Request's ``host`` gives, of a provider that uses several."""
        return {}

    @classmethod
    @abstractmethod
    def scrub(cls, path: str, body: object) -> object:
        """A recorded body without what the vendor counts as secret (calendar links, push tokens, keys)."""

    @property
    @abstractmethod
    def calls(self) -> int: ...

    @abstractmethod
    def probe(self) -> Probe:
        """Identity, account, region, rights per entity type, rate budget. Raises ConnectorError."""

    @abstractmethod
    def inventory(self, progress: Progress = no_progress) -> Sequence[Node]:
        """The cheap tree for choosing: groups, services, policies, schedules and what they refer to."""

    @abstractmethod
    def fetch(self, selection: Selection, *, contact_details: bool, progress: Progress = no_progress) -> Snapshot:
        """Everything selected and what it refers to. Raises ConnectorError only when nothing can be read at all; a
        failing listing or object is named in the snapshot."""

    @abstractmethod
    def rendered(self, schedule_ids: Sequence[str], since: int, until: int) -> Mapping[str, tuple[Span, ...]]:
        """The source's own rendering by schedule id; a schedule it cannot render is absent."""
