"""The simulated PagerDuty and its server."""

import re
import time
from collections.abc import Callable
from typing import Any

from connectors.simulator.account import EditableVendor
from connectors.simulator.exchange import Answer, Quota, Request
from connectors.simulator.faults import RateLimit
from connectors.simulator.pagerduty.api_call import ApiCall, Refused, error_answer
from connectors.simulator.pagerduty.edits import Edits
from connectors.simulator.pagerduty.model import ApiKey
from connectors.simulator.pagerduty.state import State
from connectors.simulator.pagerduty.views import ROUTES
from connectors.simulator.server import Server

_KEY = re.compile(r'(?:Token\s+token="?([^"\s]+)"?|Bearer\s+(\S+))$', re.IGNORECASE)


class PagerDuty(EditableVendor[State, Edits]):
    """The vendor that a Simulator serves."""

    provider = "pagerduty"

    def __init__(self, state: State, now: Callable[[], float]) -> None:
        self.state = state
        self.edits = Edits(state, now)
        self._now = now

    def answer(self, request: Request) -> Answer:
        v3 = request.path.startswith("/v3/")
        with self.state.lock:
            try:
                return self._answer(request)
            except Refused as refused:
                return error_answer(refused, v3=v3)

    def _answer(self, request: Request) -> Answer:
        if request.method != "GET":
            raise Refused(405, "This simulator can be read only")
        call = ApiCall(self.state, request, self._caller(request), int(self._now()))
        for pattern, right, view in ROUTES:
            match = pattern.fullmatch(request.path)
            if match:
                call.demand(right)
                return view(call, *match.groups())
        raise Refused(404)

    def _caller(self, request: Request) -> ApiKey:
        match = _KEY.match(request.headers.get("authorization", ""))
        key = self.state.keys.get(match[1] or match[2]) if match else None
        if key is None:
            raise Refused(401)
        return key

    def refusal(self, status: int) -> Answer:
        return error_answer(Refused(status))

    def quota_headers(self, quota: Quota) -> dict[str, str]:
        return {
            "ratelimit-limit": str(quota.limit),
            "ratelimit-remaining": str(quota.remaining),
            "ratelimit-reset": str(quota.reset),
        }

    def facts(self) -> dict[str, Any]:
        return {
            "subdomain": self.state.subdomain,
            "users": len(self.state.present_users()),
            "deleted_users": len(self.state.users) - len(self.state.present_users()),
            "teams": len(self.state.teams),
            "schedules": len(self.state.layer_schedules()),
            "v3_schedules": len(self.state.shift_schedules()),
            "escalation_policies": len(self.state.policies),
            "services": len(self.state.services),
        }


class Simulator(Server):
    """PagerDuty at a loopback address: ``with Simulator(build_world(now)) as simulator: simulator.origin``.

    ``now`` is the account's clock; ``edits`` changes the account as its users would.
    """

    def __init__(
        self, state: State, *, now: Callable[[], float] | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        account = PagerDuty(state, now or time.time)
        super().__init__(account, RateLimit(960, 60, enforced=False), host=host, port=port)
        self.edits = account.edits

    @property
    def state(self) -> State:
        state: State = self.vendor.state
        return state
