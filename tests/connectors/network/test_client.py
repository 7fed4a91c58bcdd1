"""The retry loop, the statuses and the budget, against a scripted transport; a few over real sockets."""

import itertools
import json
import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors.errors import (
    AddressRefused,
    AuthenticationFailed,
    CertificateRefused,
    ConnectionConfigError,
    ConnectorError,
    DeadlineExceeded,
    NotFound,
    PermissionMissing,
    ProviderUnavailable,
    RateLimited,
    ReadStopped,
    RequestRejected,
    UnexpectedResponse,
)
from connectors.network.client import Exchange, HttpClient, LiveTransport, Rate, RateHeaders
from connectors.network.exchange import JsonValue, Request, Response, TransportFault, segment
from tests.connectors.network.fault_server import FaultServer, Peer, message

JSON = {"content-type": "application/json"}
GOOD = Response(200, JSON, b'{"users": []}')
NAMES = RateHeaders("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = "c4n4ry-k3y-0815"
Step = Response | TransportFault


def refused(status: int, body: object = None, **headers: str) -> Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {**JSON, **named}, content)


def http_date(offset: float) -> str:
    return format_datetime(NOW + timedelta(seconds=offset), usegmt=True)


class Script:
    """A transport that answers in turn, and a clock that moves only by sleeping or by what an answer takes."""

    def __init__(self, steps: Iterable[Step], *, takes: float = 0.0) -> None:
        self.steps = iter(steps)
        self.takes = takes
        self.now = 1000.0
        self.sleeps: list[float] = []
        self.requests: list[Request] = []
        self.headers: list[Mapping[str, str]] = []
        self.deadlines: list[float] = []

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        self.requests.append(request)
        self.headers.append(headers)
        self.deadlines.append(deadline)
        self.now += self.takes
        step = next(self.steps)
        if isinstance(step, TransportFault):
            raise step
        return step

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    def client(self, **options: object) -> HttpClient:
        given: dict[str, object] = {
            "provider": "pagerduty",
            "authorize": lambda: {"Authorization": f"Token token={KEY}"},
            "headers": {"Accept": "application/json"},
            "limits": NAMES,
            "clock": lambda: self.now,
            "wall_clock": lambda: NOW.timestamp() + self.now - 1000,
            "sleep": self.sleep,
            "secrets": (KEY,),
            **options,
        }
        return HttpClient(self, **given)  # type: ignore[arg-type]


def failing(script: Script, path: str = "/users", **options: object) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        script.client(**options).get(path, envelope="users")
    error = caught.value
    assert error.provider == "pagerduty"
    assert error.hint
    assert KEY not in "".join(traceback.format_exception(error))
    return error


def test_it_returns_the_object_and_counts_the_call() -> None:
    script = Script(
        [refused(200, {"users": [1]}, ratelimit_limit="960", ratelimit_remaining="959", ratelimit_reset="60")]
    )
    client = script.client()
    assert client.get("/users", [("offset", "0"), ("limit", "100")], envelope="users") == {"users": [1]}
    assert client.calls == 1
    assert client.rate == Rate(960, 959, 60.0)
    assert script.requests == [Request("GET", "/users", (("offset", "0"), ("limit", "100")))]
    assert script.headers == [{"Accept": "application/json", "Authorization": f"Token token={KEY}"}]
    assert script.deadlines == [1060.0]


def test_it_accepts_any_success_and_any_object_without_envelope() -> None:
    assert Script([refused(201, {})]).client().get("/users") == {}
    assert Script([refused(200, {"a": 1, "b": 2})]).client().get("/users", envelope=["a", "b"]) == {"a": 1, "b": 2}
    assert Script([refused(200, [1])]).client().get("/users", bare="users") == {"users": [1]}


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, AuthenticationFailed, "auth"),
        (402, PermissionMissing, "permission"),
        (403, PermissionMissing, "permission"),
        (404, NotFound, "not_found"),
        (410, NotFound, "not_found"),
        (400, RequestRejected, "bad_request"),
        (409, RequestRejected, "bad_request"),
        (422, RequestRejected, "bad_request"),
        (301, UnexpectedResponse, "unexpected_redirect"),
        (302, UnexpectedResponse, "unexpected_redirect"),
        (304, UnexpectedResponse, "unexpected_redirect"),
        (307, UnexpectedResponse, "unexpected_redirect"),
        (206, UnexpectedResponse, "unexpected_status"),
        (101, UnexpectedResponse, "unexpected_status"),
        (204, UnexpectedResponse, "empty_answer"),
        (205, UnexpectedResponse, "empty_answer"),
    ],
)
def test_it_asks_once_and_says_what_the_status_means(status: int, kind: type[ConnectorError], code: str) -> None:
    script = Script([refused(status)])
    error = failing(script)
    assert type(error) is kind
    assert error.code == code
    assert "/users" in error.message
    assert script.sleeps == []
    if isinstance(error, PermissionMissing | RequestRejected):
        assert error.status == status


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"error": {"message": "Invalid Input", "code": 2001, "errors": ["since is bad"]}},
            "Invalid Input: since is bad",
        ),
        ({"error": {"message": "Bad", "errors": "one string"}}, "Bad: one string"),
        ({"error": "account-level access token"}, "account-level access token"),
        ({"error": ["a", "b"]}, "a: b"),
        (b"<html><body>Bad <b>Gateway</b></body></html>", "Bad  Gateway"),
        (b"", ""),
        ({"error": {"message": f"key {KEY} is\r\nwrong \x1b[31m"}}, "key *** is wrong  [31m"),
        ({"error": {"message": "Authorization: Token token=somebody-elses"}}, "Authorization: ***"),
        ({"error": "x" * 5000}, "x" * 199 + "…"),
    ],
)
def test_it_quotes_the_vendor_redacted_and_short(body: object, reason: str) -> None:
    error = failing(Script([refused(400, body)]))
    assert isinstance(error, RequestRejected)
    assert re.sub(" +", " ", error.reason) == re.sub(" +", " ", reason)
    assert error.path == "/users"
    assert error.reason in error.message


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 521])
def test_four_passing_failures_heal_invisibly(status: int) -> None:
    script = Script([*[refused(status)] * 4, GOOD])
    client = script.client()
    assert client.get("/users", envelope="users") == {"users": []}
    assert client.calls == 5
    assert len(script.sleeps) == 4
    assert all(0 <= wait <= 2**n for n, wait in enumerate(script.sleeps))


@pytest.mark.parametrize(("status", "kind"), [(503, ProviderUnavailable), (429, RateLimited)])
def test_it_gives_up_after_five_attempts(status: int, kind: type[ConnectorError]) -> None:
    script = Script(itertools.repeat(refused(status, {"error": "later"})))
    error = failing(script)
    assert type(error) is kind
    assert "later" in error.message
    assert len(script.requests) == 5


@pytest.mark.parametrize(
    ("fault", "attempts", "kind", "code"),
    [
        (TransportFault("connect", "refused", retryable=True), 5, ProviderUnavailable, "unavailable"),
        (TransportFault("timeout", "late", retryable=True), 5, ProviderUnavailable, "unavailable"),
        (TransportFault("broken", f"cut {KEY}", retryable=True), 5, ProviderUnavailable, "unavailable"),
        (TransportFault("tls", "certificate has expired", retryable=False), 1, CertificateRefused, "tls"),
        (TransportFault("address", "not public", retryable=False), 1, AddressRefused, "address"),
        (TransportFault("limits", "too large", retryable=False), 1, UnexpectedResponse, "limits"),
    ],
)
def test_it_repeats_a_fault_only_when_that_can_help(
    fault: TransportFault, attempts: int, kind: type[ConnectorError], code: str
) -> None:
    script = Script(itertools.repeat(fault))
    seen: list[Exchange] = []
    error = failing(script, observe=seen.append)
    assert type(error) is kind
    assert error.code == code
    assert [exchange.attempt for exchange in seen] == list(range(1, attempts + 1))
    assert {exchange.fault for exchange in seen} == {fault.kind}


@pytest.mark.parametrize(
    ("flaw", "code"),
    [
        (Response(200, {"content-type": "text/html"}, b"<html>Sign in</html>"), "not_api"),
        (Response(200, JSON, b""), "empty_answer"),
        (Response(200, {}, b""), "empty_answer"),
        (Response(200, JSON, b'{"users": [1,'), "invalid_json"),
        (Response(200, JSON, b'{"users": [NaN]}'), "invalid_json"),
    ],
)
def test_a_flawed_answer_is_requested_once_more(flaw: Response, code: str) -> None:
    healed = Script([flaw, GOOD])
    assert healed.client().get("/users", envelope="users") == {"users": []}
    script = Script([flaw, flaw])
    error = failing(script)
    assert isinstance(error, UnexpectedResponse)
    assert (error.code, error.path) == (code, "/users")
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"teams": []}', "missing_envelope"),
        (b"[]", "missing_envelope"),
        (b'{"users":' + b"[" * 70 + b"]" * 70 + b"}", "limits"),
    ],
)
def test_a_whole_answer_of_the_wrong_shape_is_not_requested_again(body: bytes, code: str) -> None:
    script = Script([Response(200, JSON, body)])
    assert failing(script).code == code


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after": http_date(30)}, 30.0),
        ({"ratelimit_reset": "12", "ratelimit_remaining": "0"}, 12.0),
        ({"ratelimit_reset": "12", "ratelimit_remaining": "0", "retry_after": "20"}, 20.0),
        ({"retry_after": "60"}, 60.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_the_answer_says(headers: dict[str, str], wait: float, status: int) -> None:
    script = Script([refused(status, **headers), GOOD])
    assert script.client().get("/users", envelope="users") == {"users": []}
    assert script.sleeps == [wait]


def test_an_error_of_the_server_is_repeated_in_seconds_whatever_the_rate_limit_says() -> None:
    headers = {"ratelimit_remaining": "959", "ratelimit_reset": "45"}
    script = Script([refused(500, **headers), refused(429, **headers), GOOD])
    assert script.client().get("/users", envelope="users") == {"users": []}
    assert script.sleeps[0] <= 1.0
    assert script.sleeps[1] == 45.0


@pytest.mark.parametrize("reported", ["0", "-5", "soon", "1e9", "nan", http_date(-60)])
def test_it_backs_off_after_an_invalid_wait(reported: str) -> None:
    script = Script([refused(429, retry_after=reported), GOOD])
    script.client().get("/users", envelope="users")
    assert len(script.sleeps) == 1
    assert 0 <= script.sleeps[0] <= 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("reported", ["61", "86400", http_date(7200)])
def test_it_does_not_sleep_longer_than_a_worker_may(status: int, reported: str) -> None:
    script = Script([refused(status, retry_after=reported)])
    error = failing(script)
    assert isinstance(error, RateLimited)
    assert error.retry_after is not None
    assert error.retry_after >= 61
    assert script.sleeps == []


def test_its_waits_have_a_budget() -> None:
    script = Script(itertools.cycle([refused(429, retry_after="50"), GOOD]))
    client = script.client(wait_budget=120)
    for _ in range(2):
        client.get("/users", envelope="users")
    with pytest.raises(RateLimited) as caught:
        client.get("/users", envelope="users")
    assert caught.value.retry_after == 50
    assert script.sleeps == [50.0, 50.0]


def test_it_waits_for_the_next_budget_before_it_asks() -> None:
    used_up = refused(200, {"users": []}, ratelimit_remaining="0", ratelimit_reset="9")
    script = Script([used_up, GOOD, GOOD])
    client = script.client()
    client.get("/users", envelope="users")
    assert script.sleeps == []
    script.now += 4
    client.get("/users", envelope="users")
    client.get("/users", envelope="users")
    assert script.sleeps == [5.0]


def test_it_does_not_wait_for_a_budget_that_has_come_or_takes_too_long() -> None:
    script = Script([refused(200, {"users": []}, ratelimit_remaining="0", ratelimit_reset="9"), GOOD])
    client = script.client()
    client.get("/users")
    script.now += 10
    client.get("/users")
    assert script.sleeps == []
    script = Script([refused(200, {"users": []}, ratelimit_remaining="0", ratelimit_reset="3600")])
    client = script.client()
    client.get("/users")
    with pytest.raises(RateLimited) as caught:
        client.get("/users")
    assert caught.value.retry_after == 3600
    assert client.calls == 1


def test_the_whole_read_has_a_deadline() -> None:
    script = Script(itertools.repeat(GOOD), takes=20)
    client = script.client(deadline=1070.0)
    for _ in range(4):
        client.get("/users")
    assert script.deadlines == [1060.0, 1070.0, 1070.0, 1070.0]
    with pytest.raises(DeadlineExceeded) as caught:
        client.get("/users")
    assert caught.value.code == "deadline"
    assert client.calls == 4


def test_it_does_not_sleep_past_the_deadline() -> None:
    script = Script([refused(429, retry_after="30")])
    assert isinstance(failing(script, deadline=1020.0), RateLimited)
    script = Script([refused(503, retry_after="30")])
    assert isinstance(failing(script, deadline=1020.0), ProviderUnavailable)
    assert script.sleeps == []


def test_it_can_be_stopped_before_a_request_and_while_waiting() -> None:
    assert isinstance(failing(Script([]), should_stop=lambda: True), ReadStopped)
    script = Script([refused(429, retry_after="30")])
    error = failing(script, should_stop=lambda: script.now >= 1005)
    assert error.code == "stopped"
    assert script.sleeps == [1.0] * 5


def test_it_asks_for_the_credential_at_each_attempt() -> None:
    tokens = iter(["first-token-1", "second-token-2"])
    script = Script([refused(503), refused(400, {"error": "no second-token-2"})])
    with pytest.raises(RequestRejected) as caught:
        script.client(authorize=lambda: {"Authorization": f"Bearer {next(tokens)}"}).get("/users")
    assert [headers["Authorization"] for headers in script.headers] == ["Bearer first-token-1", "Bearer second-token-2"]
    assert caught.value.reason == "no ***"


@pytest.mark.parametrize(
    "value", ["", "Token token=a\r\nX-Evil: 1", "Token token=ключ", "Token token=“a”", " x", "a\x00"]
)
def test_it_refuses_a_credential_that_cannot_be_sent(value: str) -> None:
    script = Script([])
    with pytest.raises(ConnectionConfigError) as caught:
        script.client(authorize=lambda: {"Authorization": value}).get("/users")
    assert value.strip() == "" or value not in str(caught.value)
    assert script.requests == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "users",
        "//evil.example/x",
        "/users/",
        "/users//x",
        "/users/..",
        "/../x",
        "/users/%2e%2E/x",
        "/.",
        "/a?b",
        "/a#b",
        "/a\\b",
        "/a b",
        "/a\n",
        "/ä",
        "/" + "a" * 2000,
    ],
)
def test_no_path_leaves_its_place(path: str) -> None:
    script = Script([])
    error = failing(script, path)
    assert error.code == "unsafe_path"
    assert script.requests == []


@pytest.mark.parametrize("text", ["P1A2B3C", "a/b", "a?b#c", "ä b", "😀", "%2F", "user@example.com", "a:b;c", "..."])
def test_any_id_is_one_segment(text: str) -> None:
    script = Script([GOOD])
    script.client().get(f"/users/{segment(text)}")
    assert script.requests[0].path.count("/") == 2


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_an_id_that_cannot_be_one_segment_is_refused(text: str) -> None:
    assert failing(Script([]), f"/users/{segment(text)}").code == "unsafe_path"


def test_it_posts_only_what_was_declared_as_read_only() -> None:
    body: JsonValue = {"first": 50}
    script = Script([refused(503), GOOD])
    client = script.client(declared_posts=("/oauth/token", "/org/*/teams/*/members"))
    assert client.post("/org/1/teams/2/members", body, envelope="users") == {"users": []}
    assert script.requests[0] == Request("POST", "/org/1/teams/2/members", (), body)
    for path in (
        "/org/1/teams/2",
        "/org/1/teams/2/members/3",
        "/org/1/x/2/members",
        "/users",
        "/org/1/2/teams/3/members",
    ):
        with pytest.raises(ValueError, match="not declared as read-only"):
            client.post(path, body)
    with pytest.raises(UnexpectedResponse):
        client.post("/org/1/teams/../members", body)
    assert client.calls == 2


def test_it_can_only_read() -> None:
    verbs = {name for name in dir(HttpClient) if not name.startswith("_")}
    assert verbs <= {"get", "post", "calls", "rate"}


def live(server: FaultServer, sleep: Callable[[float], None]) -> HttpClient:
    return HttpClient(
        LiveTransport(server.origin, allow=server.allow, request_seconds=1),
        provider="pagerduty",
        authorize=lambda: {"Authorization": f"Token token={KEY}"},
        headers={},
        sleep=sleep,
    )


def test_a_source_that_stumbles_four_times_over_the_wire_still_answers() -> None:
    def stumble(peer: Peer) -> None:
        whole = message({"users": ["P1"]})
        if peer.count == 1:
            peer.reset()
        elif peer.count == 2:
            peer.sock.sendall(whole[:-5])
        elif peer.count == 3:
            peer.sock.sendall(message(b"", status="502 Bad Gateway", content_type="text/html"))
        elif peer.count == 4:
            peer.sock.sendall(message(b"", status="429 Too Many Requests", headers=(("Retry-After", "3"),)))
        else:
            peer.sock.sendall(whole)

    sleeps: list[float] = []
    with FaultServer() as server:
        server.on("/users", stumble)
        assert live(server, sleeps.append).get("/users", envelope="users") == {"users": ["P1"]}
    assert len(sleeps) == 4
    assert sleeps[3] == 3.0


def test_a_redirect_over_the_wire_reaches_nobody() -> None:
    with FaultServer() as server, FaultServer() as trap:
        moved = message(b"", status="302 Found", headers=(("Location", f"{trap.origin}/login?next=%2F"),))
        server.on("/users", lambda peer: peer.sock.sendall(moved))
        with pytest.raises(UnexpectedResponse) as caught:
            live(server, time.sleep).get("/users")
        assert trap.connections == 0
    assert caught.value.code == "unexpected_redirect"
    assert trap.origin not in str(caught.value)


def test_no_query_and_no_key_shows_in_a_traceback() -> None:
    query = [("apiKey", KEY)]
    with FaultServer() as server:
        server.on("/users", Peer.reset)
        with pytest.raises(ProviderUnavailable) as caught:
            live(server, lambda seconds: None).get("/users", query)
    assert KEY not in "".join(traceback.format_exception(caught.value))
