"""The control plane of a running simulator, under ``/_simulator/``. It answers only callers on the same machine.

GET  /_simulator/         return a summary of the account and the number of requests so far
POST /_simulator/edits    {"edit": "rename", ...arguments}             change the vendor's data
POST /_simulator/faults   {"path": "/users", "kind": "status", ...}    plan a fault; {"clear": true} removes all faults
POST /_simulator/limit    {"requests": 5, "window": 10}                enforce a rate limit

A POST needs ``Content-Type: application/json``. A web page of another origin cannot send it without the browser
checking with the server first.
"""

import ipaddress
import json
from collections.abc import Mapping, Sized
from typing import Any, Protocol

from connectors.simulator.exchange import Answer, Limit, Vendor
from connectors.simulator.faults import Faults, RateLimit

PREFIX = "/_simulator"


class RunningServer(Protocol):
    """The attributes of a server that the control plane reads and changes."""

    vendor: Vendor
    faults: Faults
    rate_limit: Limit

    @property
    def requests(self) -> Sized: ...


def is_control(path: str) -> bool:
    return path == PREFIX or path.startswith(PREFIX + "/")


def answer(server: RunningServer, method: str, path: str, headers: Mapping[str, str], body: bytes, peer: str) -> Answer:
    """Answer one request to the control plane.

    headers: with names in lower case. peer: the IP address of the caller.
    """
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


def _carry_out(server: RunningServer, verb: str, arguments: dict[str, Any]) -> Any:
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
