"""Reading a provider's simulator, or what was recorded of it, with something between that watches or spoils."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from connectors.addresses import parse_allow
from connectors.base import Connector, Rim
from connectors.closure import Selection
from connectors.egress import LiveTransport
from connectors.exchange import Request, Response, Transport
from connectors.recording import Recorder, Recording, load
from connectors.records import ENTITY_TYPES, EntityType, Record, Snapshot
from connectors.redaction import Secret
from connectors.simulator.server import Server
from tests.connectors.conformance.entries import NOW, Provider

DAY = 86_400
WEEK = 7 * DAY
#: Called with the path of the endpoint and the answer's body: changes it, or returns another one.
Change = Callable[[str, Any], object]


@dataclass
class Watch:
    """Keeps what passes through."""

    transport: Transport
    exchanges: list[tuple[Request, Response]] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        self.headers = headers
        response = self.transport.exchange(request, headers=headers, deadline=deadline)
        self.exchanges.append((request, response))
        return response


@dataclass
class Changed:
    """Changes the bodies of good answers."""

    transport: Transport
    provider: Provider
    change: Change

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        response = self.transport.exchange(request, headers=headers, deadline=deadline)
        endpoint = self.provider.endpoint(request.method, request.path)
        if not 200 <= response.status < 300 or endpoint is None:
            return response
        body = json.loads(response.body)
        made = self.change(endpoint.path, body)
        return replace(response, body=json.dumps(body if made is None else made).encode())


@dataclass
class SmallPages:
    """A server that lowers the page size it is asked for."""

    transport: Transport
    parameter: str
    size: Callable[[Request], int]

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        query = tuple((n, str(self.size(request)) if n == self.parameter else v) for n, v in request.query)
        return self.transport.exchange(replace(request, query=query), headers=headers, deadline=deadline)


def live(server: Server) -> LiveTransport:
    return LiveTransport(server.origin, allow=parse_allow([server.origin.removeprefix("http://")]))


def connector(
    provider: Provider,
    transport: Transport,
    *,
    credentials: Mapping[str, str] | None = None,
    sleep: Callable[[float], None] = lambda seconds: None,
) -> Connector:
    secrets = {name: Secret(text) for name, text in (credentials or provider.credentials).items()}
    rim = Rim(transport, now=lambda: float(NOW), sleep=sleep)
    return provider.connector(provider.connector.clean(provider.settings), secrets, rim)


def read(provider: Provider, transport: Transport, **more: Any) -> Snapshot:
    return connector(provider, transport, **more).fetch(Selection(), contact_details=True)


def records(snapshot: Snapshot) -> dict[EntityType, dict[str, Record]]:
    """By kind and id."""
    return {kind: {one.external_id: one for one in snapshot.records(kind)} for kind in ENTITY_TYPES}


def named(snapshot: Snapshot) -> set[tuple[EntityType, str | None, str]]:
    """Everything a read has to say about what it could not take as it was."""
    failed = {(one.entity_type, one.external_id, one.message) for one in snapshot.failed}
    return failed | {(one.entity_type, one.external_id, one.message) for one in snapshot.notes}


def document(recorder: Recorder) -> dict[str, Any]:
    """What ``record`` writes, having gone through a file."""
    made: dict[str, Any] = json.loads(json.dumps(recorder.dump(datetime.fromtimestamp(NOW, UTC))))
    return made


def recorder(provider: Provider, transport: Transport) -> Recorder:
    secrets = list(provider.credentials.values())
    return Recorder(
        transport, provider.connector.provider, provider.settings, secrets=secrets, scrub=provider.connector.scrub
    )


@dataclass(frozen=True)
class Acme:
    """The rich account, read over HTTP in every way there is. exchanges: all that went over the wire. recorded: what
    ``record`` writes of a whole read. small, thrifty: recordings to read again and again, every list cut to three;
    in the second one nothing is told that has an endpoint of its own, and the first one can answer that as well."""

    exchanges: Sequence[tuple[Request, Response]]
    snapshot: Snapshot
    recorded: Mapping[str, Any]
    small: Recording
    thrifty: Recording

    @property
    def recording(self) -> Recording:
        return load(self.recorded)


def acme(provider: Provider) -> Acme:
    with provider.simulator() as server:
        kept = recorder(provider, live(server))
        watch = Watch(kept)
        snapshot = read(provider, watch)
        recorded = document(kept)
        server.faults.add("*", "shrink", items=3, count=None)
        _read_otherwise(provider, watch)
        thrifty = recorder(provider, Changed(live(server), provider, provider.thrifty))
        read(provider, thrifty)
        _read_otherwise(provider, thrifty)
    told, asked_for = load(_cut(document(kept))), load(_cut(document(thrifty)))
    small = replace(told, exchanges=(*told.exchanges, *asked_for.exchanges))
    return Acme(tuple(watch.exchanges), snapshot, recorded, small, asked_for)


def _read_otherwise(provider: Provider, transport: Transport) -> None:
    """In every way but as a whole."""
    reader = connector(provider, transport)
    reader.probe()
    nodes = reader.inventory()
    reader.rendered([node.external_id for node in nodes if node.entity_type == "schedule"], NOW, NOW + WEEK)
    services = frozenset(node.key for node in nodes if node.entity_type == "service")
    reader.fetch(Selection(everything=False, chosen=services), contact_details=True)


def _cut(recorded: Any) -> Any:
    """With the lists of every answer cut to three."""
    return {**recorded, "exchanges": [{**each, "body": _first_three(each["body"])} for each in recorded["exchanges"]]}


def _first_three(value: Any) -> Any:
    if isinstance(value, list):
        return [_first_three(item) for item in value[:3]]
    return {key: _first_three(item) for key, item in value.items()} if isinstance(value, dict) else value
