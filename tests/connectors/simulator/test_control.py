"""The control plane of a running simulator, and serving it from a shell."""

import http.client
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from connectors.simulator import control
from connectors.simulator.pagerduty import DEMO_KEY, Simulator
from connectors.simulator.serve import build, serve

Call = Callable[..., Any]


def post(call: Call, verb: str, arguments: Any) -> Any:
    body = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return call(f"/_simulator/{verb}", method="POST", body=body, headers={"Content-Type": "application/json"}, key=None)


def test_the_summary_needs_no_key_and_is_not_logged(call: Call, simulator: Simulator) -> None:
    summary = call("/_simulator/", key=None).json
    assert (summary["provider"], summary["subdomain"]) == ("pagerduty", "acme")
    assert (summary["users"], summary["teams"], summary["schedules"], summary["v3_schedules"]) == (60, 8, 12, 2)
    assert summary["requests"] == 0
    assert not simulator.requests


def test_edits_change_what_is_served(call: Call, user_id: Callable[[str], str]) -> None:
    ana = user_id("Ana Keller")
    got = post(call, "edits", {"edit": "rename", "kind": "user", "object_id": ana, "name": "Ana Keller-Vogt"})
    assert (got.status, got.json["ok"]) == (200, True)
    assert call(f"/users/{ana}").json["user"]["name"] == "Ana Keller-Vogt"


def test_an_edit_answers_with_its_result(
    call: Call, schedule_id: Callable[[str], str], user_id: Callable[[str], str]
) -> None:
    arguments = {
        "edit": "add_override",
        "schedule_id": schedule_id("Sun EMEA"),
        "user_id": user_id("Bo Lindqvist"),
        "start": 1_774_010_000,
        "end": 1_774_020_000,
    }
    made = post(call, "edits", arguments).json["result"]
    path = f"/schedules/{arguments['schedule_id']}/overrides"
    listed = call(path, {"since": "2026-03-20T00:00:00Z", "until": "2026-03-27T00:00:00Z"}).json["overrides"]
    assert [one["id"] for one in listed] == [made]


def test_faults_and_limits_are_set_and_cleared(call: Call) -> None:
    assert post(call, "faults", {"path": "/users", "kind": "status", "status": 500, "count": None}).status == 200
    assert call("/users").status == 500
    post(call, "faults", {"clear": True})
    assert call("/users").status == 200
    post(call, "limit", {"requests": 1, "window": 60})
    assert [call("/users").status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    ("verb", "arguments", "status"),
    [
        ("edits", {"edit": "explode"}, 404),
        ("edits", {"edit": "rename", "kind": "user", "object_id": "PNOBODY", "name": "x"}, 404),
        ("edits", {"edit": "rename"}, 400),
        ("edits", "[]", 400),
        ("edits", "{", 400),
        ("faults", {"path": "/users", "kind": "meteor"}, 400),
        ("limit", {"requests": 5}, 400),
        ("nothing", {}, 404),
    ],
)
def test_what_cannot_be_done_is_said(call: Call, verb: str, arguments: Any, status: int) -> None:
    got = post(call, verb, arguments)
    assert got.status == status
    assert got.json["error"]


def test_a_web_page_cannot_steer_it(call: Call) -> None:
    assert call("/_simulator/edits", method="POST", body="{}", headers={"Content-Type": "text/plain"}).status == 415
    assert call("/_simulator/edits", method="GET").status == 405


def test_callers_from_elsewhere_are_refused(simulator: Simulator) -> None:
    refused = control.answer(simulator, "GET", "/_simulator/", {}, b"", "192.0.2.7")
    assert refused.status == 403


def test_it_serves_until_it_is_stopped() -> None:
    origins: list[str] = []
    seen: list[int] = []

    def visit(origin: str) -> None:
        origins.append(origin)
        connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=5)
        connection.request("GET", "/users?limit=1", headers={"Authorization": f"Token token={DEMO_KEY}"})
        seen.append(connection.getresponse().status)
        connection.close()

    thread = threading.Thread(target=serve, args=("pagerduty",), kwargs={"announce": visit, "seconds": 0.1})
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert seen == [200]


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(LookupError, match="no simulator of 'carrierpigeon'"):
        build("carrierpigeon")
