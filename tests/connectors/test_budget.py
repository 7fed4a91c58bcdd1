"""A rate limit that reports the used requests, as the simulated xMatters sends it. No test really waits."""

import json
from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode

import pytest

from connectors.errors import RateLimited
from connectors.network.client import HttpClient, RateHeaders
from connectors.network.exchange import Request, Response
from connectors.providers.xmatters.login import basic
from connectors.redaction import Secret
from connectors.simulator import exchange as simulated
from connectors.simulator import xmatters
from connectors.simulator.faults import RateLimit
from connectors.simulator.xmatters import DEMO_PASSWORD, DEMO_USER, build_world

NAMES = RateHeaders("x-ratelimit-limit", used="x-ratelimit-used", period="x-ratelimit-period_in_sec")
ALLOWED, WINDOW, TAKES = 5, 30.0, 0.25
PATH = "/api/xm/1/people"


class Limited:
    """A transport that ends at the simulator, whose answers take some time; a clock that nothing else moves."""

    def __init__(self) -> None:
        self.now = 1_772_323_200.0
        self.sleeps: list[float] = []
        self.statuses: list[int] = []
        self.headers: Mapping[str, str] = {}
        self.server = xmatters.Simulator(build_world(self.now), now=lambda: self.now)
        self.server.rate_limit = RateLimit(ALLOWED, WINDOW, clock=lambda: self.now)

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        query = parse_qs(urlencode(request.query))
        lower = {name.lower(): value for name, value in headers.items()}
        answer, _ = self.server.decide(simulated.Request(request.method, request.path, query, lower))
        self.now += TAKES
        self.statuses.append(answer.status)
        self.headers = {name.lower(): value for name, value in answer.headers.items()}
        kind = {"content-type": answer.content_type}
        return Response(answer.status, {**kind, **self.headers}, json.dumps(answer.payload).encode())

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def client(self, limits: RateHeaders | None = NAMES) -> HttpClient:
        return HttpClient(
            self,
            provider="xmatters",
            authorize=lambda: basic(DEMO_USER, Secret(DEMO_PASSWORD)),
            headers={"Accept": "application/json"},
            limits=limits,
            clock=lambda: self.now,
            wall_clock=lambda: self.now,
            sleep=self.sleep,
        )


def test_the_simulator_tells_the_window_that_it_counts_in() -> None:
    limited = Limited()
    limited.client().get(PATH)
    reported = [limited.headers[f"x-ratelimit-{name}"] for name in ("limit", "used", "period_in_sec")]
    assert reported == ["5", "1", "30"]


def test_nobody_who_waits_for_the_window_is_refused() -> None:
    limited = Limited()
    client = limited.client()
    for _ in range(3 * ALLOWED + 1):
        client.get(PATH)
    assert limited.statuses == [200] * (3 * ALLOWED + 1)
    assert limited.sleeps == [WINDOW - (ALLOWED - 1) * TAKES] * 3


def test_a_window_that_others_began_is_waited_for_once_refused_or_used_up() -> None:
    limited = Limited()
    other, client = limited.client(), limited.client()
    other.get(PATH)
    limited.now += 10
    for _ in range(ALLOWED):
        client.get(PATH)
    assert 429 not in limited.statuses
    assert limited.sleeps == [WINDOW - (ALLOWED - 2) * TAKES]


def test_a_first_answer_that_refuses_tells_the_longest_wait() -> None:
    limited = Limited()
    other, client = limited.client(), limited.client()
    for _ in range(ALLOWED):
        other.get(PATH)
    client.get(PATH)
    assert limited.statuses == [200] * ALLOWED + [429, 200]
    assert limited.sleeps == [WINDOW]


def test_a_window_longer_than_a_worker_may_sleep_is_left_to_the_caller() -> None:
    limited = Limited()
    limited.server.rate_limit = RateLimit(1, 3600, clock=lambda: limited.now)
    client = limited.client()
    client.get(PATH)
    with pytest.raises(RateLimited) as caught:
        client.get(PATH)
    assert caught.value.retry_after == 3600
    assert limited.sleeps == []
