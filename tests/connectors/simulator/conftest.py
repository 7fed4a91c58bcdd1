import base64
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.simulator import jsm as jsm_simulator
from connectors.simulator import opsgenie as opsgenie_simulator
from connectors.simulator import xmatters as xmatters_simulator
from connectors.simulator.pagerduty import DEMO_KEY, Simulator, build_world

NOW = 1_774_008_005  # 2026-03-20T12:00:05Z: Berlin changes its clocks on the 29th


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Clock:
    """The account's time, moved by hand."""

    def __init__(self, moment: float) -> None:
        self.moment = moment

    def __call__(self) -> float:
        return self.moment


Call = Callable[..., Got]


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def simulator(clock: Clock) -> Iterator[Simulator]:
    with Simulator(build_world(NOW), now=clock) as running:
        yield running


def ask(
    origin: str,
    path: str,
    query: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    body: str | None = None,
) -> Got:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=5)
    try:
        connection.request(method, path + ("?" + urlencode(query, doseq=True) if query else ""), body, headers or {})
        answer = connection.getresponse()
        return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def basic(email: str, token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{email}:{token}".encode()).decode()}


@pytest.fixture
def call(simulator: Simulator) -> Call:
    """``call("/users", {"limit": 5})``."""

    def send(
        path: str,
        query: dict[str, Any] | None = None,
        *,
        key: str | None = DEMO_KEY,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: str | None = None,
    ) -> Got:
        sent = {"Accept": "application/vnd.pagerduty+json;version=2", **(headers or {})}
        if key is not None:
            sent.setdefault("Authorization", f"Token token={key}")
        return ask(simulator.origin, path, query, sent, method=method, body=body)

    return send


@pytest.fixture
def schedule_id(simulator: Simulator) -> Callable[[str], str]:
    """The id of a schedule by name."""
    return lambda name: next(one.id for one in simulator.state.schedules.values() if one.name == name)


@pytest.fixture
def user_id(simulator: Simulator) -> Callable[[str], str]:
    """The id of a user by name."""
    return lambda name: next(one.id for one in simulator.state.users.values() if one.name == name)


@pytest.fixture
def opsgenie(clock: Clock) -> Iterator[opsgenie_simulator.Simulator]:
    with opsgenie_simulator.Simulator(opsgenie_simulator.build_world(NOW), now=clock) as running:
        yield running


@pytest.fixture
def genie(opsgenie: opsgenie_simulator.Simulator) -> Call:
    """``genie("/v2/users", {"limit": 5})``: one request to Opsgenie; ``key=None`` sends none."""

    def send(
        path: str,
        query: dict[str, Any] | None = None,
        *,
        key: str | None = opsgenie_simulator.DEMO_KEY,
        method: str = "GET",
    ) -> Got:
        headers = {} if key is None else {"Authorization": f"GenieKey {key}"}
        return ask(opsgenie.origin, path, query, headers, method=method)

    return send


@pytest.fixture
def jsm(clock: Clock) -> Iterator[jsm_simulator.Simulator]:
    with jsm_simulator.Simulator(jsm_simulator.build_world(NOW), now=clock) as running:
        yield running


@pytest.fixture
def site(jsm: jsm_simulator.Simulator) -> Call:
    """``site("/v1/schedules", {"size": 5})``: one request below the Operations API's base, or to a whole path.

    ``who`` is (e-mail, token), None sends no Authorization.
    """
    demo = (jsm_simulator.DEMO_EMAIL, jsm_simulator.DEMO_TOKEN)

    def send(
        path: str,
        query: dict[str, Any] | None = None,
        *,
        who: tuple[str, str] | None = demo,
        method: str = "GET",
        body: str | None = None,
    ) -> Got:
        whole = f"/jsm/ops/api/{jsm_simulator.CLOUD_ID}{path}" if path.startswith("/v1/") else path
        return ask(jsm.origin, whole, query, None if who is None else basic(*who), method=method, body=body)

    return send


@pytest.fixture
def xmatters(clock: Clock) -> Iterator[xmatters_simulator.Simulator]:
    with xmatters_simulator.Simulator(xmatters_simulator.build_world(NOW), now=clock) as running:
        yield running


@pytest.fixture
def xm(xmatters: xmatters_simulator.Simulator) -> Call:
    """``xm("/people", {"limit": 5})``: one request below xMatters' API root, or to a path that has it already.

    A query that is a text is sent as it stands. ``who`` is (user, password), None sends no Authorization.
    """
    demo = (xmatters_simulator.DEMO_USER, xmatters_simulator.DEMO_PASSWORD)

    def send(
        path: str,
        query: dict[str, Any] | str | None = None,
        *,
        who: tuple[str, str] | None = demo,
        method: str = "GET",
    ) -> Got:
        whole = path if path.startswith("/api/") else f"/api/xm/1{path}"
        whole += f"?{query}" if isinstance(query, str) else ""
        pairs = query if isinstance(query, dict) else None
        return ask(xmatters.origin, whole, pairs, None if who is None else basic(*who), method=method)

    return send
