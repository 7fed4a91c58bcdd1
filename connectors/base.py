"""The contract of every connector. A connector reads, maps and reports what it could not read; it never writes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple, Protocol

from connectors.closure import Node, Selection
from connectors.errors import (
    AuthenticationFailed,
    ConnectionConfigError,
    NotFound,
    PermissionMissing,
    RequestRejected,
    TemporaryFailure,
    UnexpectedResponse,
)
from connectors.ledger import Ledger
from connectors.network.client import HttpClient, RateHeaders, Transport
from connectors.records import Account, EntityKey, EntityType, Found, Snapshot
from connectors.redaction import Secret
from oncall.rendering.final import Span


@dataclass(frozen=True, slots=True)
class SettingField:
    """One field of the connection form.

    kind: a secret is write-only and stored encrypted. with_key: whether the field decides where the credential is sent,
    how it is used or whose account it opens. Such a field is changed only together with the credential, and both are
    tested then. required: for a text; a secret is always required.
    """

    name: str
    label: str
    help: str
    kind: Literal["text", "choice", "secret"] = "text"
    choices: tuple[tuple[str, str], ...] = ()
    initial: str = ""
    with_key: bool = True
    required: bool = True

    def shown(self, value: str) -> str:
        """Return a value as the form shows it: a choice by its words."""
        return dict(self.choices).get(value, value)


def region_field(origins: Mapping[str, str], hint: str) -> SettingField:
    """Return the field for the vendor's region. origins: origin by region; the first region is the initial value."""
    choices = tuple((name, f"{name.upper()} ({origin.removeprefix('https://')})") for name, origin in origins.items())
    return SettingField("region", "Service region", hint, kind="choice", choices=choices, initial=choices[0][0])


@dataclass(frozen=True, slots=True)
class Right:
    """Whether the credential may read one entity type. granted None: unknown. detail: the right to grant."""

    entity_type: EntityType
    granted: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """The result of Test connection. calls_per_minute: the vendor's own limit, None = not reported."""

    account: Account
    rights: tuple[Right, ...]
    calls_per_minute: int | None = None
    messages: tuple[str, ...] = ()


class Sought(NamedTuple):
    """An object that is requested by its id. groups: the ids of the groups to which it belonged at the source."""

    kind: EntityType
    external_id: str
    groups: tuple[str, ...] = ()


class Progress(Protocol):
    """Called after every page. fetched: number of objects so far. total: number of all objects, None = not reported."""

    def __call__(self, entity_type: EntityType, fetched: int, total: int | None) -> None: ...


def no_progress(entity_type: EntityType, fetched: int, total: int | None) -> None:
    """Do nothing, for callers that show no progress."""


@dataclass(frozen=True, slots=True)
class Rim:
    """The connector's access to network and clock. It is passed in, so that a connector needs no branch for recordings
    and simulators.

    now: the clock that builds requests, in instants. should_stop: called before every request; True ends the read with
    :class:`ReadStopped`. deadline: ``time.monotonic`` value at which the whole read ends, None = no deadline. began:
    when a read began that goes on here, in instants; None = it begins now. on_pause: called with the seconds of each
    wait before it begins; it may raise an error to end the read instead.
    """

    transport: Transport
    now: Callable[[], float]
    sleep: Callable[[float], None]
    should_stop: Callable[[], bool] | None = None
    deadline: float | None = None
    began: float | None = None
    on_pause: Callable[[float], None] | None = None

    def at(self) -> int:
        """Return the instant of the read. A read that goes on keeps it, so that it sends the same requests."""
        return int(self.now() if self.began is None else self.began)


class Connector(ABC):
    """A source of on-call data. One instance per read; ``calls`` counts the requests it sent.

    learnt: the facts about the account that earlier reads learnt, see :class:`Snapshot`. Empty unless it is set.
    """

    provider: ClassVar[str]
    label: ClassVar[str]
    ledger: ClassVar[Ledger]
    #: Where a person finds a key at the vendor, and the settings that belong to it, step by step. The page of the
    #: provider in docs/providers has the same steps.
    key_steps: ClassVar[tuple[str, ...]] = ()
    #: The least right that the key needs.
    least_right: ClassVar[str] = ""
    #: A sentence about objects that the page for choosing does not show.
    inventory_hint: ClassVar[str] = ""
    #: The number of schedules whose rendering one call may return.
    rendered_together: ClassVar[int] = 1

    def __init__(self, settings: Mapping[str, str], credentials: Mapping[str, Secret], rim: Rim) -> None:
        self.settings = settings
        self.credentials = credentials
        self.rim = rim
        self.learnt: Mapping[str, bool] = {}
        self._clients: list[HttpClient] = []

    @classmethod
    @abstractmethod
    def fields(cls) -> tuple[SettingField, ...]:
        """Return the fields of the connection form."""

    @classmethod
    @abstractmethod
    def clean(cls, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the settings in their canonical form. Raises ConnectionConfigError with the field to fix."""

    @classmethod
    def settings_of_account(cls, settings: Mapping[str, str], account_id: str) -> dict[str, str]:
        """Return the settings with which the credential of this account is read, if a setting names the account."""
        return dict(settings)

    @classmethod
    @abstractmethod
    def origin(cls, settings: Mapping[str, str]) -> str:
        """Return the origin ``https://host`` to which this connection sends its requests."""

    @classmethod
    def hosts(cls, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Return further origins by the ``host`` of a request, for a provider that uses several hosts."""
        return {}

    @classmethod
    @abstractmethod
    def scrub(cls, path: str, body: object) -> object:
        """Return a recorded body without the vendor's secrets (calendar links, push tokens, keys)."""

    @property
    def calls(self) -> int:
        return sum(client.calls for client in self._clients)

    def probe(self) -> Probe:
        """Return the account, the rights per entity type and the rate limit. Raises ConnectorError."""
        with self._explained_refusals():
            return self._probe()

    def inventory(self, progress: Progress = no_progress) -> Sequence[Node]:
        """Return the objects that a person can choose, and the objects that these refer to, read with few calls.

        Raises ConnectorError.
        """
        with self._explained_refusals():
            return self._inventory(progress)

    def fetch(self, selection: Selection, *, contact_details: bool, progress: Progress = no_progress) -> Snapshot:
        """Return all selected objects and the objects that they refer to.

        Raises ConnectorError only if nothing can be read. Otherwise the snapshot has the lists and objects that failed.
        """
        with self._explained_refusals():
            return replace(self._fetch(selection, contact_details, progress), calls=self.calls)

    def rendered(
        self, schedules: Mapping[str, Sequence[str]], since: int, until: int
    ) -> Mapping[str, tuple[Span, ...]]:
        """Return the source's own rendering by schedule id. A schedule that the source cannot render is missing.

        schedules: ids, each with the ids of its groups, at the source. since, until: instants. Raises ConnectorError.
        """
        with self._explained_refusals():
            return self._rendered(schedules, since, until)

    def look_up(self, sought: Sequence[Sought]) -> Mapping[EntityKey, Found]:
        """Return what the source says of each object when it is requested by its id: one call for each.

        After a temporary failure, nothing more is requested. Raises ConnectorError only for a credential that is
        refused and for a read that is stopped.
        """
        found: dict[EntityKey, Found] = {(each.kind, each.external_id): "unknown" for each in sought}
        with self._explained_refusals():
            for each in sought:
                try:
                    found[each.kind, each.external_id] = self._found(each)
                except TemporaryFailure:
                    break
        return found

    def _found(self, sought: Sought) -> Found:
        try:
            self._ask(sought)
        except NotFound:
            return "not_found"
        except PermissionMissing:
            return "not_visible"
        except UnexpectedResponse:
            return "unknown"
        return "found"

    @abstractmethod
    def _ask(self, sought: Sought) -> object:
        """Request one object by its id. Raises ConnectorError.

        It is NotFound if the source does not know the object, and UnexpectedResponse, without a call, if the source has
        no endpoint for it.
        """

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
        """Return the error to raise instead of ``error``, with the form field and the likeliest reasons.

        None if ``error`` has another cause than a refused credential, so that it is raised unchanged.
        """

    def rendered_range(self) -> tuple[int, int] | None:
        """Return the instants [since, until) for which the source can return its rendering now; None = any."""
        return None

    def open_client(
        self,
        authorize: Callable[[], Mapping[str, str]],
        *,
        headers: Mapping[str, str],
        limits: RateHeaders | None = None,
        declared_posts: Collection[str] = (),
    ) -> HttpClient:
        """Return a client whose requests count in ``calls``; see :class:`HttpClient`.

        It masks every credential of the connector in its messages, not only the credential that it sends.
        """
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
            on_pause=self.rim.on_pause,
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
        """Return the value of a choice field, or its initial value if it is empty.

        Raises ConnectionConfigError for a value that is not offered.
        """
        (field,) = (each for each in cls.fields() if each.name == name)
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
