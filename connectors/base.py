"""The contract every connector fulfils. A connector reads, maps and says what it could not read; it never writes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol

from connectors.closure import Node, Selection
from connectors.errors import AuthenticationFailed, ConnectionConfigError, RequestRejected
from connectors.ledger import Ledger
from connectors.network.client import HttpClient, RateHeaders, Transport
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


def region_field(origins: Mapping[str, str], hint: str) -> SettingField:
    """The choice between the hosts that a vendor has for its regions (region -> origin), the first of them usual."""
    choices = tuple((name, f"{name.upper()} ({origin.removeprefix('https://')})") for name, origin in origins.items())
    return SettingField("region", "Service region", hint, kind="choice", choices=choices, initial=choices[0][0])


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
    #: What the tree for choosing does not show, in a sentence.
    inventory_hint: ClassVar[str] = ""
    #: Of how many schedules one call may tell the rendering when they are asked for together.
    rendered_together: ClassVar[int] = 1

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, Secret], rim: Rim) -> None:
        self.settings = settings
        self.credentials = credentials
        self.rim = rim
        self._clients: list[HttpClient] = []

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
    def calls(self) -> int:
        return sum(client.calls for client in self._clients)

    def probe(self) -> Probe:
        """Identity, account, region, rights per entity type, rate budget. Raises ConnectorError."""
        with self._explained_refusals():
            return self._probe()

    def inventory(self, progress: Progress = no_progress) -> Sequence[Node]:
        """The objects for choosing, read with few calls: groups, services, policies, schedules and the objects they
        refer to. Raises ConnectorError."""
        with self._explained_refusals():
            return self._inventory(progress)

    def fetch(self, selection: Selection, *, contact_details: bool, progress: Progress = no_progress) -> Snapshot:
        """Everything selected and the objects it refers to. Raises ConnectorError only when nothing can be read at all;
        the snapshot names a list or an object that failed."""
        with self._explained_refusals():
            return replace(self._fetch(selection, contact_details, progress), calls=self.calls)

    def rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        """The source's own rendering by schedule id; a schedule that the source cannot render is absent.

        schedules: ids, each with the ids of its groups, at the source. since, until: instants. Raises ConnectorError.
        """
        with self._explained_refusals():
            return self._rendered(schedules, since, until)

    @abstractmethod
    def _probe(self) -> Probe:
        """As :meth:`probe`."""

    @abstractmethod
    def _inventory(self, progress: Progress) -> Sequence[Node]:
        """As :meth:`inventory`."""

    @abstractmethod
    def _fetch(self, selection: Selection, contact_details: bool, progress: Progress) -> Snapshot:
        """As :meth:`fetch`, without the number of calls."""

    @abstractmethod
    def _rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        """As :meth:`rendered`."""

    @abstractmethod
    def explain_refusal(self, error: AuthenticationFailed | RequestRejected) -> ConnectionConfigError | None:
        """The error to show instead of ``error`` when the source refused the credential: with its form field and the
        likeliest reasons. None when ``error`` has another cause and is raised as it is."""

    def rendered_range(self) -> tuple[int, int] | None:
        """The instants [since, until) of which the source tells its rendering just now; None = of any."""
        return None

    def open_client(
        self,
        authorize: Callable[[], Mapping[str, str]],
        *,
        headers: Mapping[str, str],
        limits: RateHeaders | None = None,
        declared_posts: Collection[str] = (),
    ) -> HttpClient:
        """A client at this connector's rim, whose requests count; see :class:`HttpClient`. Every credential is masked
        in its messages, whichever of them it sends."""
        client = HttpClient(
            self.rim.transport,
            provider=self.provider,
            label=self.label,
            authorize=authorize,
            headers=headers,
            limits=limits,
            wall_clock=self.rim.now,
            sleep=self.rim.sleep,
            deadline=self.rim.deadline,
            declared_posts=declared_posts,
            secrets=[secret.reveal() for secret in self.credentials.values()],
            should_stop=self.rim.should_stop,
        )
        self._clients.append(client)
        return client

    @contextmanager
    def _explained_refusals(self) -> Iterator[None]:
        try:
            yield
        except (AuthenticationFailed, RequestRejected) as error:
            explained = self.explain_refusal(error)
            if explained is None:
                raise
            raise explained from error

    @classmethod
    def choice(cls, settings: Mapping[str, str], name: str) -> str:
        """What was chosen in a field of the kind choice; left empty, its initial value. Raises ConnectionConfigError
        for anything that is not offered."""
        (field,) = (one for one in cls.fields() if one.name == name)
        offered = [value for value, _ in field.choices]
        value = settings.get(name, "").strip().lower() or field.initial
        if value not in offered:
            raise ConnectionConfigError(
                f"{field.label} is {value[:40]!r}.",
                hint=f"Choose one of {', '.join(offered)}.",
                provider=cls.provider,
                field=name,
            )
        return value
