"""The simulated JSM Operations and its server. All hosts of the vendor answer at one origin."""

import itertools
import re
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

from connectors.simulator.account import EditableVendor
from connectors.simulator.atlassian.edits import Edits
from connectors.simulator.atlassian.state import State
from connectors.simulator.exchange import Answer, Quota, Request
from connectors.simulator.faults import RateLimit
from connectors.simulator.jsm.api_call import ApiCall, Refused
from connectors.simulator.jsm.callers import CLOUD_ID, ORG_ADMIN_TOKEN, ORG_ID, Caller, caller_of
from connectors.simulator.jsm.views import OPERATIONS, PLATFORM, SERVICES, Route, directory
from connectors.simulator.server import Server

_OPERATIONS = re.compile(r"(?:/jsm/ops/api/([^/]+)|/compass/cloud/([^/]+)/ops)(/v1/.*)")
_SERVICES = re.compile(r"/jsm/api/([^/]+)(/v1/.*)")
_DIRECTORY = f"/admin/v2/orgs/{ORG_ID}/directories/-/users"


class Jsm(EditableVendor[State, Edits]):
    """The vendor that a Simulator serves. ``bare_teams``: the list of teams is sent without a key around it."""

    provider = "jsm"

    def __init__(self, state: State, now: Callable[[], float]) -> None:
        self.state = state
        self.edits = Edits(state)
        self.bare_teams = False
        self._now = now
        self._request_numbers = itertools.count(1)

    def answer(self, request: Request) -> Answer:
        with self.state.lock:
            try:
                return self._answer(request, next(self._request_numbers))
            except Refused as refused:
                refused.jira = refused.jira or request.path.startswith("/rest/")
                return refused.answer()

    def _answer(self, request: Request, request_number: int) -> Answer:
        if request.path == "/_edge/tenant_info" and request.method == "GET":
            return Answer(200, {"cloudId": CLOUD_ID})
        header = request.headers.get("authorization", "")
        if request.path == _DIRECTORY:
            if header != f"Bearer {ORG_ADMIN_TOKEN}":
                raise Refused(401)
            return directory(self._api_call(request, Caller("", admin=True), request.path, request_number))
        caller = caller_of(self.state, header)
        if caller is None:
            raise Refused(401)
        path, routes = _routed(request.path)
        call = self._api_call(request, caller, path, request_number)
        found = [(method, view, match) for method, pattern, view in routes if (match := pattern.fullmatch(path))]
        if not found:
            raise Refused(404)
        method, view, match = found[0]
        if request.method != method:
            raise Refused(405, "This simulator can be read only")
        return view(call, *(unquote(group) for group in match.groups()))

    def _api_call(self, request: Request, caller: Caller, path: str, request_number: int) -> ApiCall:
        return ApiCall(self.state, request, caller, path, self._now(), request_number, self.bare_teams)

    def refusal(self, status: int) -> Answer:
        return Refused(status).answer()

    def quota_headers(self, quota: Quota) -> dict[str, str]:
        return {"Retry-After": str(quota.reset)} if quota.exceeded else {}

    def facts(self) -> dict[str, Any]:
        return {"cloud_id": CLOUD_ID, **self.state.counts()}


def _routed(path: str) -> tuple[str, Sequence[Route]]:
    """Return the path below its base and the routes of that base. Another cloud id is not found."""
    for pattern, routes in ((_OPERATIONS, OPERATIONS), (_SERVICES, SERVICES)):
        match = pattern.fullmatch(path)
        if match:
            *clouds, rest = match.groups()
            if CLOUD_ID not in clouds:
                raise Refused(404)
            return str(rest), routes
    return path, PLATFORM


class Simulator(Server):
    """A site at a loopback address: ``with Simulator(build_world(now)) as simulator: simulator.origin``.

    ``now`` is the site's clock; ``edits`` changes the site as its users would.
    """

    def __init__(
        self, state: State, *, now: Callable[[], float] | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.site = Jsm(state, now or time.time)
        super().__init__(self.site, RateLimit(600, 60, enforced=False), host=host, port=port)
        self.edits = self.site.edits

    @property
    def state(self) -> State:
        state: State = self.vendor.state
        return state
