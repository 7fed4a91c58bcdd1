"""Reads a simulator without a socket, with the answers of one endpoint spoiled."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from connectors.network.exchange import Request, Response
from connectors.simulator import exchange as simulated
from connectors.simulator.server import Server
from tests.connectors.conformance.entries import Endpoint, Provider

STATUSES: Final = {"403": 403, "404": 404, "500": 500}
#: What may happen to the answers of an endpoint.
FAULTS: Final = (*STATUSES, "empty", "cut", "spoiled")
_BODY_TYPES: Final = {False: "application/json", True: "application/x-www-form-urlencoded"}


@dataclass
class Direct:
    """Passes requests to a simulator that need not run."""

    server: Server

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        raw_query = request.target.partition("?")[2]
        sent = simulated.Request(
            request.method,
            request.path,
            parse_qs(raw_query, keep_blank_values=True),
            {"content-type": _BODY_TYPES[request.form], **{name.lower(): value for name, value in headers.items()}},
            body=_encoded(request),
            raw_query=raw_query,
        )
        answer, _ = self.server.decide(sent)
        body = answer.body
        if body is None:
            body = b"" if answer.payload is None else json.dumps(answer.payload).encode()
        return Response(answer.status, _headers(answer), body)


def _encoded(request: Request) -> bytes:
    if request.body is None:
        return b""
    return (urlencode(request.body) if request.form else json.dumps(request.body)).encode()  # type: ignore[arg-type]


def _headers(answer: simulated.Answer) -> dict[str, str]:
    return {"content-type": answer.content_type, **{name.lower(): value for name, value in answer.headers.items()}}


@dataclass
class Faulty:
    """Spoils every answer of one endpoint. hits: how many."""

    transport: Direct
    provider: Provider
    endpoint: Endpoint
    fault: str
    hits: int = 0

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        response = self.transport.exchange(request, headers=headers, deadline=deadline)
        if self.provider.endpoint(request.method, request.path) is not self.endpoint or response.status >= 300:
            return response
        self.hits += 1
        if self.fault in STATUSES:
            refused = self.transport.server.vendor.refusal(STATUSES[self.fault])
            body = refused.body if refused.body is not None else json.dumps(refused.payload).encode()
            return Response(STATUSES[self.fault], _headers(refused), body)
        if self.fault == "cut":
            return replace(response, body=response.body[: len(response.body) // 2])
        parsed = json.loads(response.body)
        change = _emptied if self.fault == "empty" else _spoiled
        return replace(response, body=json.dumps(change(self.endpoint, parsed)).encode())


def _emptied(endpoint: Endpoint, body: Any) -> Any:
    """A list without objects and with a total of 0, or an object without fields."""
    reported = body[endpoint.key] if endpoint.key else body
    if isinstance(reported, list):
        reported.clear()
        for key in ("total", "count", "totalCount"):
            if isinstance(body, dict) and key in body:
                body[key] = 0
        return body
    return {endpoint.key: {}} if endpoint.key else {}


def _spoiled(endpoint: Endpoint, body: Any) -> Any:
    """The first object keeps its id; every other field is a number, which hardly any field may be."""
    objects = endpoint.objects(body)
    if objects and isinstance(objects[0], dict):
        for name in objects[0]:
            if name != "id":
                objects[0][name] = 0.5
    return body
