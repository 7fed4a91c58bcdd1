"""The simulated xMatters and its server."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from connectors.simulator.account import EditableVendor
from connectors.simulator.exchange import Answer, Quota, Request
from connectors.simulator.faults import RateLimit
from connectors.simulator.server import Server
from connectors.simulator.xmatters.api_call import ROOT, ApiCall, Refused
from connectors.simulator.xmatters.callers import OPEN, Authenticator, Caller
from connectors.simulator.xmatters.edits import Edits
from connectors.simulator.xmatters.state import State
from connectors.simulator.xmatters.views import ROUTES

_TOKEN = f"{ROOT}/oauth2/token"
_ANONYMOUS = Caller("", frozenset())


class Xmatters(EditableVendor[State, Edits]):
    """The vendor that a Simulator serves. ``authenticator`` checks credentials.

    period: returns the seconds of the rate limit's window.
    """

    provider = "xmatters"

    def __init__(self, state: State, now: Callable[[], float], period: Callable[[], float]) -> None:
        self.state = state
        self.edits = Edits(state, now)
        self.authenticator = Authenticator()
        self._now = now
        self._period = period

    def answer(self, request: Request) -> Answer:
        with self.state.lock:
            try:
                return self._answer(request)
            except Refused as refused:
                return refused.answer()

    def _answer(self, request: Request) -> Answer:
        if not request.path.startswith(f"{ROOT}/"):
            raise Refused(404)
        if request.path == _TOKEN:
            return self._token(request)
        path = request.path.removeprefix(ROOT)
        found = [(right, view, match) for pattern, right, view in ROUTES if (match := pattern.fullmatch(path))]
        caller = _ANONYMOUS
        if not found or found[0][0] != OPEN:
            caller = self._caller(request)
        if not found:
            raise Refused(404)
        right, view, match = found[0]
        if request.method != "GET":
            raise Refused(405)
        accepted = request.headers.get("accept", "*/*")
        if "json" not in accepted and "*/*" not in accepted and "application/*" not in accepted:
            raise Refused(406)
        if right != OPEN and right not in caller.rights:
            raise Refused(403)
        call = ApiCall(self.state, request, caller, path, self._now())
        return view(call, *(unquote(group) for group in match.groups()))

    def _caller(self, request: Request) -> Caller:
        caller, token = self.authenticator.caller(request.headers.get("authorization", ""), self._now())
        if caller is None:
            raise Refused(401, token=token)
        return caller

    def _token(self, request: Request) -> Answer:
        if request.method != "POST":
            raise Refused(405)
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise Refused(415)
        granted = self.authenticator.grant(request.body, self._now())
        if granted is None:
            raise Refused(401)
        return Answer(200, granted)

    def refusal(self, status: int) -> Answer:
        return Refused(status).answer()

    def quota_headers(self, quota: Quota) -> dict[str, str]:
        """The figures that a client of the vendor reads. No header says when to retry."""
        return {
            "x-ratelimit-limit": str(quota.limit),
            "x-ratelimit-period_in_sec": str(int(self._period())),
            "x-ratelimit-used": str(quota.limit - quota.remaining),
            "x-concurrentlimit-limit": "10000",
            "x-concurrentlimit-used": "1",
        }

    def facts(self) -> dict[str, Any]:
        return {"instance": self.state.name, **self.state.counts()}


class Simulator(Server):
    """An instance at a loopback address: ``with Simulator(build_world(now)) as simulator: simulator.origin``.

    ``now`` is the instance's clock; ``edits`` changes the instance as its users would; ``authenticator`` issues tokens.
    """

    rate_limit: RateLimit

    def __init__(
        self, state: State, *, now: Callable[[], float] | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.instance = Xmatters(state, now or time.time, lambda: self.rate_limit.window)
        super().__init__(self.instance, RateLimit(60_000, 60, enforced=False), host=host, port=port)
        self.edits = self.instance.edits
        self.authenticator = self.instance.authenticator

    @property
    def state(self) -> State:
        state: State = self.vendor.state
        return state
