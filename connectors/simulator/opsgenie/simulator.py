"""The simulated Opsgenie and its server."""

import itertools
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from connectors.simulator.account import EditableVendor
from connectors.simulator.atlassian.edits import Edits
from connectors.simulator.atlassian.state import State
from connectors.simulator.exchange import Answer, Quota, Request
from connectors.simulator.opsgenie.api_call import ApiCall, Refused, key_of
from connectors.simulator.opsgenie.keys import DEMO_KEY, NO_CONFIGURATION_KEY, OTHER_REGION_KEY, TEAM_KEY, ApiKey
from connectors.simulator.opsgenie.limits import DomainLimits, domain_of
from connectors.simulator.opsgenie.views import ROUTES
from connectors.simulator.server import Server
from connectors.simulator.world import uuid

REGION = "us"


class Opsgenie(EditableVendor[State, Edits]):
    """The vendor that a Simulator serves. ``keys`` may be changed while it runs."""

    provider = "opsgenie"

    def __init__(self, state: State, now: Callable[[], float]) -> None:
        self.state = state
        self.edits = Edits(state)
        self.keys = {
            DEMO_KEY: ApiKey(),
            NO_CONFIGURATION_KEY: ApiKey(configuration=False),
            TEAM_KEY: ApiKey(team_id=state.sorted_teams()[0].id),
            OTHER_REGION_KEY: ApiKey(region="eu"),
        }
        self._now = now
        self._request_numbers = itertools.count(1)

    def domain(self, request: Request) -> str:
        return domain_of(request.path)

    def answer(self, request: Request) -> Answer:
        began = time.perf_counter()
        request_number = next(self._request_numbers)
        with self.state.lock:
            try:
                answer = self._answer(request, request_number)
            except Refused as refused:
                answer = refused.answer()
        return self._wrapped(answer, request_number, time.perf_counter() - began)

    def _answer(self, request: Request, request_number: int) -> Answer:
        key = self.keys.get(key_of(request.headers.get("authorization", "")))
        if key is None or key.region != REGION:
            raise Refused(401)
        if request.method != "GET":
            raise Refused(405, "This simulator can be read only")
        call = ApiCall(self.state, request, key, self._now(), request_number)
        for pattern, right, view in ROUTES:
            match = pattern.fullmatch(request.path)
            if match:
                call.demand(right)
                return view(call, *(unquote(group) for group in match.groups()))
        raise Refused(404)

    def _wrapped(self, answer: Answer, request_number: int, took: float) -> Answer:
        """Add to the answer the time it took and the id of its request."""
        request_id = uuid(self.state.seed, "request", request_number)
        answer.payload = {**(answer.payload or {}), "took": round(took, 3), "requestId": request_id}
        answer.headers |= {"X-Request-Id": request_id, "X-Response-Time": f"{took:.3f}"}
        if answer.status >= 400:
            answer.headers["X-Opsgenie-Errortype"] = "Error"
        return answer

    def refusal(self, status: int) -> Answer:
        return self._wrapped(Refused(status).answer(), next(self._request_numbers), 0.001)

    def quota_headers(self, quota: Quota) -> dict[str, str]:
        if not quota.exceeded:
            return {"X-RateLimit-State": "OK"}
        return {
            "X-RateLimit-State": "THROTTLED",
            "X-RateLimit-Reason": "ACCOUNT",
            "X-RateLimit-Period-In-Sec": str(quota.reset),
        }

    def facts(self) -> dict[str, Any]:
        return {"account": self.state.name, **self.state.counts()}


class Simulator(Server):
    """Opsgenie at a loopback address: ``with Simulator(build_world(now)) as simulator: simulator.origin``.

    ``now`` is the account's clock; ``edits`` changes the account as its users would; ``keys`` are its API keys.
    ``enforce_limits``: requests beyond the numbers of /v2/request-limits are refused.
    """

    def __init__(
        self,
        state: State,
        *,
        now: Callable[[], float] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        enforce_limits: bool = False,
    ) -> None:
        account = Opsgenie(state, now or time.time)
        super().__init__(account, DomainLimits(enforced=enforce_limits), host=host, port=port)
        self.edits = account.edits
        self.keys = account.keys

    @property
    def state(self) -> State:
        state: State = self.vendor.state
        return state
