"""Recording a read, and answering from the recording."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from connectors.errors import NotFound, UnexpectedResponse
from connectors.network.client import HttpClient, LiveTransport
from connectors.network.exchange import JsonValue, Request, Response
from connectors.recordings.recording import FORMAT, Recorder, Recording, RecordingUnreadable, ReplayTransport, load
from tests.connectors.network.fault_server import FaultServer, message, sends
from tests.paths import SHARED

RECORDINGS = SHARED / "recordings"
KEY = "c4n4ry/k3y+0815"
AT = datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))


def document(*exchanges: JsonValue, **more: JsonValue) -> dict[str, JsonValue]:
    return {
        "format": FORMAT,
        "provider": "pagerduty",
        "settings": {"region": "us"},
        "exchanges": list(exchanges),
        **more,
    }


def exchange(path: str = "/users", *, body: JsonValue = "body", **more: JsonValue) -> JsonValue:
    return {"method": "GET", "path": path, "query": {}, "status": 200, "body": body, **more}


def answer(transport: ReplayTransport, request: Request) -> object:
    return json.loads(transport.exchange(request, headers={}, deadline=0).body)


def get(path: str, *query: tuple[str, str], host: str | None = None) -> Request:
    return Request("GET", path, query, host=host)


def test_it_loads_a_document_and_a_file(tmp_path: Path) -> None:
    whole = document(exchange(), recorded_at="2026-03-01T12:00:00Z", provenance="made up")
    path = tmp_path / "recording.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(whole).encode())
    for source in (whole, path, str(path)):
        recording = load(source)
        assert recording.provider == "pagerduty"
        assert recording.settings == {"region": "us"}
        assert recording.recorded_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
        assert [recorded.path for recorded in recording.exchanges] == ["/users"]
    assert load(document()).recorded_at is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "har/1.2"}, "format is 'har/1.2'"),
        ({"format": None}, "format is None"),
        ({"provider": ""}, "provider is missing"),
        ({"settings": None}, "settings is not an object"),
        ({"exchanges": {}}, "exchanges is not a list"),
        ({"recorded_at": "yesterday"}, "recorded_at"),
        ({"recorded_at": "2026-03-01T12:00:00"}, "recorded_at"),
        ({"recorded_at": 5}, "recorded_at"),
    ],
)
def test_it_names_what_is_wrong_with_a_document(change: dict[str, JsonValue], says: str) -> None:
    with pytest.raises(RecordingUnreadable) as caught:
        load(document(**change))
    assert says in caught.value.message
    assert FORMAT in caught.value.hint


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (5, "exchanges[1] is not an object"),
        (exchange(method=""), "exchanges[1].method"),
        (exchange("users"), "exchanges[1].path"),
        (exchange(status="200"), "exchanges[1].status"),
        (exchange(status=True), "exchanges[1].status"),
        (exchange(status=99), "exchanges[1].status"),
        (exchange(host=1), "exchanges[1].host"),
        (exchange(query=[]), "exchanges[1].query is not an object"),
        (exchange(query={"limit": "1"}), "exchanges[1].query.limit"),
        (exchange(query={"limit": [1]}), "exchanges[1].query.limit"),
        (exchange(headers=[]), "exchanges[1].headers is not an object"),
        (exchange(headers={"Retry-After": 5}), "exchanges[1].headers.Retry-After"),
        ({"method": "GET", "path": "/x", "query": {}, "status": 200}, "exchanges[1].body is missing"),
    ],
)
def test_it_names_the_exchange_that_is_wrong(wrong: JsonValue, says: str) -> None:
    with pytest.raises(RecordingUnreadable) as caught:
        load(document(exchange(), wrong))
    assert says in caught.value.message


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"[]", b"[" * 100_000])
def test_it_says_that_a_file_is_no_recording(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "recording.json"
    path.write_bytes(content)
    with pytest.raises(RecordingUnreadable, match=r"recording\.json"):
        load(path)


def test_it_says_that_a_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecordingUnreadable, match="No such file"):
        load(tmp_path / "absent.json")
    with pytest.raises(RecordingUnreadable, match="directory"):
        load(tmp_path)


def test_a_hostile_answer_fails_alone_not_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "recording.json"
    bad: dict[str, JsonValue] = {"/deep": json.loads("[" * 90 + "]" * 90), "/long": 10**50, "/nan": float("nan")}
    path.write_text(
        json.dumps(document(exchange("/good", body={}), *(exchange(name, body=body) for name, body in bad.items())))
    )
    client = replaying(load(path))
    assert client.get("/good") == {}
    for name in bad:
        with pytest.raises(UnexpectedResponse):
            client.get(name)


def test_every_recorded_parameter_must_equal_and_others_are_free() -> None:
    transport = ReplayTransport(
        load(document(exchange(query={"include[]": ["teams", "users"], "offset": ["0"]}, body="page")))
    )
    free = [("limit", "100"), ("total", "true")]
    assert (
        answer(transport, get("/users", ("offset", "0"), ("include[]", "users"), ("include[]", "teams"), *free))
        == "page"
    )
    for query in (
        [("offset", "0")],
        [("offset", "100"), ("include[]", "users"), ("include[]", "teams")],
        [("offset", "0"), ("include[]", "users")],
        [("offset", "0"), ("include[]", "users"), ("include[]", "users")],
        [("offset", "0"), ("offset", "0"), ("include[]", "users"), ("include[]", "teams")],
    ):
        assert transport.exchange(get("/users", *query), headers={}, deadline=0).status == 404
    assert transport.exchange(Request("POST", "/users"), headers={}, deadline=0).status == 404
    assert transport.unmatched == len(transport.unmatched_requests) == 6


def test_the_most_specific_exchange_wins_then_the_first() -> None:
    transport = ReplayTransport(
        load(
            document(
                exchange(body="any"),
                exchange(body="later"),
                exchange(query={"offset": ["100"]}, body="page 2"),
                exchange(query={"offset": ["100"], "query": ["x"]}, body="page 2 of x"),
            )
        )
    )
    assert answer(transport, get("/users")) == "any"
    assert answer(transport, get("/users", ("offset", "0"))) == "any"
    assert answer(transport, get("/users", ("offset", "100"))) == "page 2"
    assert answer(transport, get("/users", ("query", "x"), ("offset", "100"))) == "page 2 of x"
    assert transport.unmatched == 0


def test_without_an_exchange_the_vendor_says_not_found() -> None:
    transport = ReplayTransport(load(document(exchange())))
    assert answer(transport, get("/users/P1")) == {"error": {"code": 2100, "message": "Not Found"}}
    with pytest.raises(NotFound, match="Not Found"):
        replaying(load(document())).get("/users")


def test_paths_are_equal_however_they_are_encoded_but_segments_stay() -> None:
    transport = ReplayTransport(load(document(exchange("/users/a:b@c"), exchange("/users/a%2Fb", body="one segment"))))
    assert answer(transport, get("/users/a%3Ab%40c")) == "body"
    assert answer(transport, get("/users/a%2fb")) == "one segment"
    assert transport.exchange(get("/users/a/b"), headers={}, deadline=0).status == 404


def test_a_host_counts_where_it_was_recorded() -> None:
    transport = ReplayTransport(
        load(document(exchange(host="one.example.com", body=1), exchange(host="two.example.com", body=2)))
    )
    assert answer(transport, get("/users", host="two.example.com")) == 2
    assert answer(transport, get("/users")) == 1
    assert transport.exchange(get("/users", host="three.example.com"), headers={}, deadline=0).status == 404


def test_posts_are_distinguished_by_their_bodies() -> None:
    pages = [exchange("/members", method="POST", request_body={"after": cursor}, body=cursor) for cursor in ("a", "b")]
    transport = ReplayTransport(load(document(*pages)))
    assert answer(transport, Request("POST", "/members", body={"after": "b"})) == "b"
    assert answer(transport, Request("POST", "/members", body={"after": "c"})) == "a"


@pytest.mark.parametrize(
    ("headers", "body", "wire", "content_type"),
    [
        (None, {"a": "ä"}, b'{"a": "\\u00e4"}', "application/json"),
        ({"Retry-After": "3"}, "text", b'"text"', "application/json"),
        ({"Content-Type": "text/html"}, "<html>ä", "<html>ä".encode(), "text/html"),
        ({"Content-Type": "text/html"}, {"a": 1}, b'{"a": 1}', "text/html"),
        (None, None, b"", "application/json"),
    ],
)
def test_an_answer_goes_on_the_wire_as_it_was(
    headers: JsonValue, body: JsonValue, wire: bytes, content_type: str
) -> None:
    recorded = exchange(body=body) if headers is None else exchange(body=body, headers=headers)
    response = ReplayTransport(load(document(recorded))).exchange(get("/users"), headers={}, deadline=0)
    assert response.body == wire
    assert response.headers["content-type"] == content_type


def replaying(recording: Recording) -> HttpClient:
    return HttpClient(
        ReplayTransport(recording), provider="pagerduty", authorize=dict, headers={}, sleep=lambda seconds: None
    )


class Answers:
    """A transport that gives prepared answers by path, the last one again and again."""

    def __init__(self, **answers: list[Response]) -> None:
        self.answers = answers

    def exchange(self, request: Request, *, headers: object, deadline: float) -> Response:
        queue = self.answers[request.path.split("/")[1]]
        return queue.pop(0) if len(queue) > 1 else queue[0]


def json_answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, {"content-type": "application/json", **(headers or {})}, json.dumps(body).encode())


def scrub(path: str, body: JsonValue) -> object:
    """What a provider would remove: push device addresses."""
    if path == "/users" and isinstance(body, dict):
        return {key: value for key, value in body.items() if key != "address"}
    return body


def recorder(transport: object, **more: object) -> Recorder:
    return Recorder(transport, "pagerduty", {"region": "us", "note": f"x{KEY}"}, **more)  # type: ignore[arg-type]


def test_what_goes_out_as_authorization_is_masked_where_the_vendor_repeats_it() -> None:
    kept = recorder(Answers(users=[json_answer({"you sent": ["cGFpcjpvZmJvdGg=", "Basic cGFpcjpvZmJvdGg="]})]))
    kept.exchange(Request("GET", "/users"), headers={"Authorization": "Basic cGFpcjpvZmJvdGg="}, deadline=0)
    assert "cGFpcjpvZmJvdGg" not in json.dumps(kept.dump(AT))
    assert "cGFpcjpvZmJvdGg" not in repr(kept)


def test_no_secret_reaches_the_document() -> None:
    body = {
        "name": f"Ada {KEY}",
        "address": "device-c4n4ry",
        "http_cal_url": "https://x/private/c4n4ry",
        "web_cal_url": None,
        "access_token": "c4n4ry",
        "nested": [{"integration_key": "c4n4ry", "token_count": "3", "enabled": True}],
    }
    kept = recorder(
        Answers(
            users=[
                json_answer(body, headers={"set-cookie": "c4n4ry", "x-request-id": "c4n4ry", "ratelimit-limit": "960"})
            ]
        ),
        secrets=(KEY,),
        scrub=scrub,
    )
    request = Request(
        "POST", "/users", (("apiKey", "c4n4ry"), ("q", KEY), ("q", "b")), {"client_secret": "c4n4ry", "a": 1}
    )
    response = kept.exchange(request, headers={"Authorization": f"Token token={KEY}"}, deadline=0)
    assert json.loads(response.body) == body
    dumped = kept.dump(AT)
    assert "c4n4ry" not in json.dumps(dumped)
    assert "c4n4ry" not in repr(kept.dump(AT))
    assert dumped == {
        "format": FORMAT,
        "provider": "pagerduty",
        "settings": {"region": "us", "note": "x***"},
        "recorded_at": "2026-03-01T12:00:00Z",
        "exchanges": [
            {
                "method": "POST",
                "path": "/users",
                "query": {"apiKey": ["***"], "q": ["***", "b"]},
                "request_body": {"client_secret": "***", "a": 1},
                "status": 200,
                "headers": {"content-type": "application/json", "ratelimit-limit": "960"},
                "body": {
                    "name": "Ada ***",
                    "http_cal_url": "***",
                    "web_cal_url": None,
                    "access_token": "***",
                    "nested": [{"integration_key": "***", "token_count": "3", "enabled": True}],
                },
            }
        ],
    }


def test_ordinary_names_are_recorded_as_they_are() -> None:
    kept = recorder(Answers(users=[json_answer({"name": "Basic rotation, token=none"})]))
    kept.exchange(get("/users"), headers={}, deadline=0)
    assert load(kept.dump(AT)).exchanges[0].body == b'{"name": "Basic rotation, token=none"}'


def test_the_last_answer_to_a_question_is_the_one_kept() -> None:
    kept = recorder(Answers(users=[json_answer({}, 429), json_answer({"users": []})]))
    for offset in ("0", "0", "100"):
        kept.exchange(get("/users", ("offset", offset)), headers={}, deadline=0)
    assert [recorded.status for recorded in load(kept.dump(AT)).exchanges] == [200, 200]


def test_what_is_not_json_is_recorded_as_text() -> None:
    html = Response(200, {"content-type": "text/html"}, b"<html>\xff")
    kept = recorder(
        Answers(a=[html], b=[Response(204, {}, b"")], c=[Response(200, {"content-type": "application/json"}, b"{")])
    )
    for path in ("/a", "/b", "/c"):
        kept.exchange(get(path, host="x.example.com"), headers={}, deadline=0)
    exchanges = load(kept.dump(AT)).exchanges
    assert [recorded.body for recorded in exchanges] == ["<html>\ufffd".encode(), b"", b'"{"']
    assert {recorded.host for recorded in exchanges} == {"x.example.com"}


def test_a_scrub_must_return_json() -> None:
    kept = recorder(Answers(users=[json_answer({})]), scrub=lambda path, body: {1, 2})
    with pytest.raises(TypeError, match="scrub returned a set"):
        kept.exchange(get("/users"), headers={}, deadline=0)


def test_what_was_recorded_over_the_wire_replays_the_same() -> None:
    with FaultServer() as server:
        server.on("/users", sends(message({"users": [{"id": "P1"}]})))
        server.on("/users/P1", sends(message({"user": {"id": "P1", "name": "Ada"}})))
        with LiveTransport(server.origin, allow=server.allow) as transport:
            kept = recorder(transport, secrets=(KEY,))
            client = HttpClient(kept, provider="pagerduty", authorize=lambda: {"Authorization": KEY}, headers={})
            live = [client.get("/users", [("offset", "0")]), client.get("/users/P1")]
    replay = replaying(load(json.loads(json.dumps(kept.dump(AT)))))
    assert [replay.get("/users", [("offset", "0")]), replay.get("/users/P1")] == live


@pytest.mark.parametrize("name", ["pagerduty", "opsgenie"])
def test_recordings_of_live_accounts_load(name: str) -> None:
    path = RECORDINGS / f"{name}.json"
    if not path.exists():
        pytest.skip("the recordings are not beside this repository")
    recording = load(path)
    assert recording.provider == name
    transport = ReplayTransport(recording)
    for recorded in recording.exchanges:
        query = tuple((key, value) for key, values in recorded.query.items() for value in values)
        response = transport.exchange(Request(recorded.method, recorded.path, query), headers={}, deadline=0)
        assert response.status == recorded.status
    assert transport.unmatched == 0
