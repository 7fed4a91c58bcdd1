"""Reading a provider's simulator, or what was recorded of it, with something between that watches or spoils."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from connectors.base import Connector, Rim
from connectors.closure import Selection
from connectors.network.addresses import parse_allow
from connectors.network.egress import LiveTransport
from connectors.network.exchange import Request, Response, Transport
from connectors.recordings.recording import Recorder, Recording, load
from connectors.records import ENTITY_TYPES, EntityType, Record, Snapshot
from connectors.redaction import Secret
from connectors.simulator.server import Server
from tests.connectors.conformance.entries import NOW, Endpoint, Provider

DAY = 86_400
WEEK = 7 * DAY
#: Called with the endpoint and the body of its answer: changes it, or returns another one.
Change = Callable[[Endpoint, Any], object]
#: The endpoints that report something about one object, by its id.
_EndpointsById = Mapping[str, frozenset[Endpoint]]


@dataclass
class Watch:
    """Keeps what passes through. shown: what opens the source, as it goes over the wire."""

    transport: Transport
    exchanges: list[tuple[Request, Response]] = field(default_factory=list, repr=False)
    shown: set[str] = field(default_factory=set, repr=False)

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        if "Authorization" in headers:
            self.shown.add(headers["Authorization"].rpartition(" ")[2])
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
        made = self.change(endpoint, body)
        return replace(response, body=json.dumps(body if made is None else made).encode())


@dataclass
class SmallPages:
    """A server that uses a smaller page size than requested."""

    transport: Transport
    parameter: str
    size: Callable[[Request], int]

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        query = tuple((n, str(self.size(request)) if n == self.parameter else v) for n, v in request.query)
        return self.transport.exchange(replace(request, query=query), headers=headers, deadline=deadline)


def live(provider: Provider, server: Server) -> LiveTransport:
    """The server stands for all hosts of the provider."""
    hosts = dict.fromkeys(provider.hosts, server.origin)
    return LiveTransport(server.origin, hosts=hosts, allow=parse_allow([server.origin.removeprefix("http://")]))


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
    """The rich account, read over HTTP in every way.

    exchanges: all requests and responses. shown: the sent credentials. snapshot, recorded: of the whole read. small,
    thrifty: recordings with every list cut to its three most varied items; ``thrifty`` also lacks all that has an
    endpoint of its own.
    """

    exchanges: Sequence[tuple[Request, Response]]
    shown: frozenset[str]
    snapshot: Snapshot
    recorded: Mapping[str, Any]
    small: Recording
    thrifty: Recording

    @property
    def recording(self) -> Recording:
        return load(self.recorded)


def acme(provider: Provider) -> Acme:
    with provider.simulator() as server:
        kept = recorder(provider, live(provider, server))
        watch = Watch(kept)
        snapshot = read(provider, watch)
        recorded = document(kept)
        watch.transport = live(provider, server)
        _read_otherwise(provider, watch, snapshot)
        refuse(provider, server)
        unhelped = Changed(watch, provider, lambda endpoint, body: provider.thrifty(endpoint.path, body))
        _read_otherwise(provider, unhelped, read(provider, unhelped))
        endpoints_by_id = _endpoints_by_id(provider, watch.exchanges)
        thrifty = _recorded_cut(provider, server, endpoints_by_id, provider.thrifty)
        server.faults.clear()
        small = _recorded_cut(provider, server, endpoints_by_id, lambda path, body: None)
    return Acme(tuple(watch.exchanges), frozenset(watch.shown), snapshot, recorded, small, thrifty)


def refuse(provider: Provider, server: Server) -> None:
    for path, status in provider.refused.items():
        server.faults.add(path, "status", status=status, count=None)


def _recorded_cut(
    provider: Provider, server: Server, endpoints_by_id: _EndpointsById, change: Callable[[str, Any], None]
) -> Recording:
    def cut(endpoint: Endpoint, body: Any) -> Any:
        made = _cut(body, endpoints_by_id)
        change(endpoint.path, made)
        return made

    kept = recorder(provider, Changed(live(provider, server), provider, cut))
    _read_otherwise(provider, kept, read(provider, kept))
    return load(document(kept))


def _read_otherwise(provider: Provider, transport: Transport, whole: Snapshot) -> None:
    """In every way but as a whole."""
    reader = connector(provider, transport)
    reader.probe()
    nodes = reader.inventory()
    reader.rendered({one.external_id: one.group_ids for one in whole.schedules}, NOW, NOW + WEEK)
    chosen = frozenset(node.key for node in nodes if node.entity_type == provider.kinds[-1])
    reader.fetch(Selection(everything=False, chosen=chosen), contact_details=True)


def _endpoints_by_id(provider: Provider, exchanges: Sequence[tuple[Request, Response]]) -> _EndpointsById:
    endpoints_by_id: dict[str, set[Endpoint]] = {}
    for request, response in exchanges:
        endpoint = provider.endpoint(request.method, request.path)
        if endpoint is not None and 200 <= response.status < 300 and endpoint.objects(json.loads(response.body)):
            for part in request.path.split("/"):
                endpoints_by_id.setdefault(part, set()).add(endpoint)
    return {id_: frozenset(endpoints) for id_, endpoints in endpoints_by_id.items()}


def _most_varied(items: list[Any], endpoints_by_id: _EndpointsById) -> list[Any]:
    """Return the three items with the most endpoints that the other items do not have, in their order."""
    chosen: list[int] = []
    seen: frozenset[Endpoint] = frozenset()
    while len(chosen) < min(3, len(items)):
        rest = (number for number in range(len(items)) if number not in chosen)
        best = max(rest, key=lambda n: _worth(items[n], endpoints_by_id, seen))
        chosen.append(best)
        seen |= endpoints_by_id.get(_id(items[best]), frozenset())
    return [items[number] for number in sorted(chosen)]


def _worth(item: Any, endpoints_by_id: _EndpointsById, seen: frozenset[Endpoint]) -> tuple[int, int, int, int]:
    """Of equals, that one first in which more lists go on elsewhere."""
    of_it, text = endpoints_by_id.get(_id(item), frozenset()), json.dumps(item)
    return len(of_it - seen), len(of_it), text.count('"next":'), len(text)


def _cut(value: Any, endpoints_by_id: _EndpointsById) -> Any:
    """Return the value with all lists cut to three items and their totals adjusted."""
    if isinstance(value, list):
        return [_cut(one, endpoints_by_id) for one in _most_varied(value, endpoints_by_id)]
    if not isinstance(value, dict):
        return value
    made = {key: _cut(item, endpoints_by_id) for key, item in value.items()}
    for key, item in value.items():
        if isinstance(item, list) and value.get("total") == len(item):
            made["total"] = len(made[key])
    return made


def _id(value: Any) -> str:
    return next((text for text in value.values() if isinstance(text, str)), "") if isinstance(value, dict) else ""
