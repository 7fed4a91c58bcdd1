"""The control plane of a running simulator, under ``/_simulator/``; answers loopback callers only.

GET  /_simulator/         summary of the state, counters, waiting faults
POST /_simulator/edits    {"edit": "rename", ...arguments}             change the vendor's data
POST /_simulator/faults   {"path": "/users", "kind": "status", ...}    plan a fault; {"clear": true} forgets all
POST /_simulator/limit    {"requests": 5, "window": 10}                enforce a rate limit

A POST must say ``Content-Type: application/json``, which a web page of another origin cannot send unasked.
"""

import ipaddress
import json
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from connectors.simulator.exchange import Answer, Limit, Vendor
from connectors.simulator.faults import Faults, RateLimit

PREFIX = "/_simulator"


class Controlled(Protocol):
    """A running server that the control plane reads and changes."""

    faults: Faults
    rate_limit: Limit

    @property
    def vendor(self) -> Vendor: ...

    @property
    def requests(self) -> Collection[object]: ...


def is_control(path: str) -> bool:
    return path == PREFIX or path.startswith(PREFIX + "/")


def answer(server: Controlled, method: str, path: str, headers: Mapping[str, str], body: bytes, peer: str) -> Answer:
    if not ipaddress.ip_address(peer).is_loopback:
        return Answer(403, {"error": "The control plane answers callers on this machine only."})
    verb = path.removeprefix(PREFIX).strip("/")
    if method == "GET" and not verb:
        return Answer(200, {"requests": len(server.requests), **server.vendor.summary()})
    if method != "POST":
        return Answer(405, {"error": "Use GET /_simulator/ or POST /_simulator/edits, /faults, /limit."})
    if not headers.get("content-type", "").startswith("application/json"):
        return Answer(415, {"error": "Send Content-Type: application/json."})
    try:
        arguments = json.loads(body)
        if not isinstance(arguments, dict):
            raise TypeError("The body must be a JSON object.")
        return Answer(200, {"ok": True, "result": _carry_out(server, verb, arguments)})
    except LookupError as error:
        return Answer(404, {"error": str(error)})
    except (TypeError, ValueError) as error:
        return Answer(400, {"error": str(error)})


def _carry_out(server: Controlled, verb: str, arguments: dict[str, Any]) -> Any:
    if verb == "edits":
        return server.vendor.edit(str(arguments.pop("edit", "")), arguments)
    if verb == "faults" and arguments.get("clear"):
        server.faults.clear()
        return None
    if verb == "faults":
        server.faults.add(**arguments)
        return None
    if verb == "limit":
        server.rate_limit = RateLimit(**arguments)
        return None
    raise LookupError(f"There is no control verb {verb!r}; use edits, faults or limit.")
