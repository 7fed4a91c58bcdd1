"""Bytes → storable JSON, and the vendors' ways to say why not."""

import json

import pytest

from connectors.network.exchange import Response
from connectors.network.payload import Flaw, decode, decode_object, vendor_reason

JSON = {"content-type": "application/json"}


def test_it_reads_utf8_with_and_without_byte_order_mark() -> None:
    assert decode(b'{"a": "\xc3\xa4"}') == {"a": "ä"}
    assert decode(b'\xef\xbb\xbf{"a": [1, 2.5, true, null]}') == {"a": [1, 2.5, True, None]}


def test_it_replaces_what_a_database_cannot_store() -> None:
    assert decode(rb'{"a\u0000": ["x\u0000y", "\ud800", "\ud83d\ude00"]}') == {"a\ufffd": ["x\ufffdy", "\ufffd", "😀"]}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}x",
        b'{"a": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b'"\xe4"',
        '{"a": 1}'.encode("utf-16"),
        b"\x00",
        b"'a'",
    ],
)
def test_it_refuses_what_is_not_json(body: bytes) -> None:
    with pytest.raises(Flaw) as caught:
        decode(body)
    assert caught.value.code == "invalid_json"


@pytest.mark.parametrize(
    "body",
    [b"[" * 65 + b"]" * 65, b"[" * 100_000, b'{"a":' * 65 + b"1" + b"}" * 65, b"9" * 41, b"[-" + b"9" * 5000 + b"]"],
)
def test_it_refuses_what_is_too_deep_or_too_long(body: bytes) -> None:
    with pytest.raises(Flaw) as caught:
        decode(body)
    assert caught.value.code in ("limits", "invalid_json" if body == b"[" * 100_000 else "limits")


def test_it_accepts_the_deepest_allowed() -> None:
    body = b"[" * 64 + b"]" * 64
    assert json.dumps(decode(body)).encode() == body
    assert decode(b"9" * 40) == int("9" * 40)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/vnd.pagerduty+json;version=2", "text/json"],
)
def test_it_takes_vendor_content_types_for_json(content_type: str) -> None:
    assert decode_object(Response(200, {"content-type": content_type}, b'{"users": []}'), ("users",)) == {"users": []}


def test_a_list_may_come_without_an_object_around_it_where_that_is_expected() -> None:
    assert decode_object(Response(200, JSON, b"[1, 2]"), ("teams",), bare="teams") == {"teams": [1, 2]}
    assert decode_object(Response(200, JSON, b'{"teams": []}'), ("teams",), bare="teams") == {"teams": []}
    with pytest.raises(Flaw, match="boolean"):
        decode_object(Response(200, JSON, b"true"), (), bare="teams")


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        (JSON, b"", "empty_answer"),
        ({}, b"", "empty_answer"),
        (JSON, b" \r\n", "empty_answer"),
        ({"content-type": "text/html"}, b"<html>Sign in</html>", "not_api"),
        ({"content-type": "text/html"}, b'{"users": []}', "not_api"),
        ({}, b'{"users": []}', "not_api"),
        (JSON, b"\n<!DOCTYPE html>", "not_api"),
        (JSON, b'{"users": [', "invalid_json"),
        (JSON, b'{"user": []}', "missing_envelope"),
        (JSON, b"[]", "missing_envelope"),
        (JSON, b"null", "missing_envelope"),
        (JSON, b'"users"', "missing_envelope"),
        (JSON, b"1", "missing_envelope"),
        (JSON, b"true", "missing_envelope"),
    ],
)
def test_it_says_why_an_answer_is_no_envelope(headers: dict[str, str], body: bytes, code: str) -> None:
    with pytest.raises(Flaw) as caught:
        decode_object(Response(200, headers, body), ("users",))
    assert caught.value.code == code
    assert str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"error": {"message": "Invalid Input", "code": 2001, "errors": ["a is bad", "b too"]}},
            "Invalid Input: a is bad: b too",
        ),
        ({"error": {"errors": "just text", "message": "Invalid"}}, "Invalid: just text"),
        ({"error": ["one", "two"]}, "one: two"),
        ({"error": "plain"}, "plain"),
        ({"message": "Could not authenticate", "took": 0.1, "requestId": "x"}, "Could not authenticate"),
        ({"code": 401, "reason": "Unauthorized", "message": "No"}, "No: Unauthorized"),
        ({"errors": [{"title": "Forbidden"}]}, "Forbidden"),
        ({"errorMessages": ["No such user"], "errors": {}}, "No such user"),
        ({"error": {"message": None}}, ""),
        ({"error": {"error": {"error": {"error": {"error": "deep"}}}}}, ""),
        ([], ""),
        (7, ""),
    ],
)
def test_it_finds_what_the_vendor_says(body: object, reason: str) -> None:
    assert vendor_reason(json.dumps(body).encode()) == reason


def test_it_keeps_the_words_of_a_web_page() -> None:
    assert " ".join(vendor_reason(b"<html><h1>502</h1> Bad Gateway</html>").split()) == "502 Bad Gateway"
    assert vendor_reason(b"") == ""
    assert vendor_reason(b"\xff\xfe") == "\ufffd\ufffd"
