"""Planned faults, seen from a plain HTTP client."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from connectors.simulator.faults import RateLimit
from connectors.simulator.pagerduty import DEMO_KEY, OTHER_ACCOUNT_KEY, Simulator

Call = Callable[..., Any]
AUTHORISED = {"Authorization": f"Token token={DEMO_KEY}"}


def test_a_status_strikes_as_often_as_told_and_then_heals(call: Call, simulator: Simulator) -> None:
    simulator.faults.add("/users", "status", status=503, count=2)
    assert [call("/users").status for _ in range(3)] == [503, 503, 200]
    assert call("/teams").status == 200
    assert [status for *_, status in simulator.requests] == [503, 503, 200, 200]


@pytest.mark.parametrize("status", [402, 403, 404, 429, 500])
def test_a_status_has_the_vendors_error_body(call: Call, simulator: Simulator, status: int) -> None:
    simulator.faults.add("/teams", "status", status=status, headers={"ratelimit-reset": "7"})
    got = call("/teams")
    assert got.status == status
    assert got.json["error"]["message"]
    assert got.headers["ratelimit-reset"] == "7"


def test_a_status_may_come_without_body_and_headers_or_as_html(call: Call, simulator: Simulator) -> None:
    simulator.faults.add("/users", "status", status=429, body="none")
    simulator.faults.add("/users", "status", status=502, body="html")
    bare, page = call("/users"), call("/users")
    assert (bare.status, bare.body) == (429, b"")
    assert not [name for name in bare.headers if name.startswith("ratelimit")]
    assert page.status == 502
    assert page.headers["content-type"] == "text/html"


def test_a_fault_may_wait_for_its_turn_or_for_a_page(call: Call, simulator: Simulator) -> None:
    simulator.faults.add("/users", "status", status=403, after=1)
    assert [call("/users").status for _ in range(3)] == [200, 403, 200]
    simulator.faults.add("/users", "status", status=403, query={"offset": "25"}, count=None)
    assert [call("/users", {"offset": offset}).status for offset in (0, 25, 50, 25)] == [200, 403, 200, 403]
    simulator.faults.clear()
    assert call("/users", {"offset": 25}).status == 200


def test_patterns_reach_below_a_path(call: Call, simulator: Simulator) -> None:
    simulator.faults.add("/teams/*/members", "status", status=404, count=None)
    team = next(iter(simulator.state.teams))
    assert (call("/teams").status, call(f"/teams/{team}/members").status) == (200, 404)


def test_answers_that_are_no_answer(call: Call, simulator: Simulator) -> None:
    simulator.faults.add("/users", "redirect", location="http://evil.example/users")
    simulator.faults.add("/users", "html")
    simulator.faults.add("/users", "empty")
    simulator.faults.add("/users", "mistyped")
    moved, page, empty, mistyped = (call("/users") for _ in range(4))
    assert (moved.status, moved.headers["location"]) == (302, "http://evil.example/users")
    assert (page.status, page.headers["content-type"]) == (200, "text/html")
    assert (empty.status, empty.body, empty.headers["content-length"]) == (200, b"", "0")
    assert (mistyped.status, mistyped.headers["content-type"]) == (200, "text/plain")
    assert mistyped.json["users"]


def test_truncated_json_is_honestly_measured(call: Call, simulator: Simulator) -> None:
    simulator.faults.add("/users", "truncated")
    got = call("/users")
    assert int(got.headers["content-length"]) == len(got.body)
    with pytest.raises(json.JSONDecodeError):
        _ = got.json


def test_a_cut_body_promises_more_than_it_sends(call: Call, simulator: Simulator) -> None:
    simulator.faults.add("/users", "cut")
    with pytest.raises(http.client.IncompleteRead):
        call("/users")
    assert call("/users").status == 200


def test_an_endless_body_goes_on_until_the_client_leaves(simulator: Simulator) -> None:
    simulator.faults.add("/users", "endless")
    host, port = simulator.origin.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"GET /users HTTP/1.1\r\nHost: x\r\nAuthorization: Token token={DEMO_KEY}\r\n\r\n".encode())
        received = 0
        while received < 2_000_000:
            received += len(connection.recv(65_536))
    assert received >= 2_000_000


def test_a_dripping_body_arrives_slowly(simulator: Simulator, call: Call) -> None:
    simulator.faults.add("/abilities", "drip", seconds=0.002)
    began = time.perf_counter()
    got = call("/abilities")
    assert time.perf_counter() - began > 0.002 * len(got.body)
    assert got.json["abilities"]


def test_a_delay_combines_with_another_fault(simulator: Simulator, call: Call) -> None:
    simulator.faults.add("*", "delay", seconds=0.2)
    simulator.faults.add("/users", "status", status=500)
    began = time.perf_counter()
    assert call("/users").status == 500
    assert time.perf_counter() - began >= 0.2


def test_a_looping_listing_never_ends(call: Call, simulator: Simulator) -> None:
    simulator.faults.add("/users", "loop", count=None)
    pages = [call("/users", {"offset": offset}).json for offset in (0, 25, 5000)]
    assert [page["more"] for page in pages] == [True, True, True]
    assert pages[0]["users"] == pages[2]["users"]


def test_a_shrunken_listing_looks_complete(call: Call, simulator: Simulator) -> None:
    simulator.faults.add("/users", "shrink", items=3)
    got = call("/users", {"total": "true"}).json
    assert (len(got["users"]), got["more"], got["total"]) == (3, False, 3)


def test_an_unknown_kind_is_refused(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="Unknown fault"):
        simulator.faults.add("/users", "meteor")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Unknown body"):
        simulator.faults.add("/users", "status", body="xml")


def test_a_rate_limit_counts_per_key_and_opens_again(call: Call, simulator: Simulator) -> None:
    moment = [100.0]
    simulator.rate_limit = RateLimit(3, 10, clock=lambda: moment[0])
    seen = [call("/users", {"limit": 1}) for _ in range(4)]
    assert [one.status for one in seen] == [200, 200, 200, 429]
    assert [one.headers["ratelimit-remaining"] for one in seen] == ["2", "1", "0", "0"]
    assert seen[-1].json == {"error": {"message": "Rate Limit Exceeded", "code": 2020}}
    assert call("/users", key=OTHER_ACCOUNT_KEY).status == 200
    moment[0] += 7.5
    waiting = call("/users")
    assert (waiting.status, waiting.headers["ratelimit-reset"]) == (429, "3")
    moment[0] += 2.5
    assert call("/users").status == 200


def test_one_connection_serves_many_requests(simulator: Simulator) -> None:
    connection = http.client.HTTPConnection(simulator.origin.removeprefix("http://"), timeout=5)
    for path in ("/users", "/teams", "/abilities/teams", "/nothing", "/services"):
        connection.request("GET", path, headers=AUTHORISED)
        answer = connection.getresponse()
        answer.read()
        assert not answer.will_close
    connection.close()
    assert len(simulator.requests) == 5


def test_the_log_holds_method_path_query_and_status(call: Call, simulator: Simulator) -> None:
    call("/users", {"include[]": ["teams", "contact_methods"], "limit": 3})
    assert simulator.requests[-1] == ("GET", "/users", {"include[]": ["teams", "contact_methods"], "limit": ["3"]}, 200)


def test_stopping_hangs_up_waiting_clients_and_may_be_repeated(simulator: Simulator) -> None:
    connection = http.client.HTTPConnection(simulator.origin.removeprefix("http://"), timeout=5)
    connection.request("GET", "/users", headers=AUTHORISED)
    connection.getresponse().read()
    simulator.stop()
    simulator.stop()
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        connection.request("GET", "/users", headers=AUTHORISED)
        connection.getresponse()
    connection.close()
    with pytest.raises(RuntimeError, match="not running"):
        _ = simulator.origin
