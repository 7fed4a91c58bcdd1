"""Decodes the bytes of an answer to JSON that can be stored, and finds the reason of a refusal. Pure."""

import json
import math
import re
from collections.abc import Collection, Mapping
from itertools import chain
from typing import Any, Final, NoReturn

from connectors.network.exchange import JsonValue, Response

MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 40

# PostgreSQL stores neither NUL nor a lone surrogate. JSON may contain both.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# JSON in UTF-8 can contain them only as escapes. A pair of surrogates is one valid character.
_ESCAPED = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)
_REASON_KEYS = (
    "error", "errors", "errorMessages", "message", "error_description", "reason", "title", "detail", "details",
)  # fmt: skip


class Flaw(Exception):
    """The bytes are not the expected JSON object. code: becomes the code of UnexpectedResponse."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def is_json(headers: Mapping[str, str]) -> bool:
    """Return whether the content type is JSON: ``application/json`` or a vendor's ``application/...+json``."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    return media in ("application/json", "text/json") or (media.startswith("application/") and media.endswith("+json"))


def decode(body: bytes) -> JsonValue:
    """Return UTF-8 JSON (a byte-order mark is accepted). Characters that cannot be stored become U+FFFD.

    Raises Flaw ``invalid_json`` (not UTF-8, not JSON, NaN, Infinity) or ``limits`` (deeper than 64, over 40 digits).
    """
    try:
        text = body.decode("utf-8-sig")
        value: JsonValue = json.loads(text, parse_constant=_no_constant, parse_float=_finite, parse_int=_short_integer)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise Flaw("invalid_json", "the answer is not valid JSON") from None
    _check_depth(value)
    return _clean(value) if _ESCAPED.search(text) else value


def decode_object(response: Response, keys: Collection[str], bare: str | None = None) -> dict[str, JsonValue]:
    """Return the JSON object of an answer. Raises Flaw if it is empty, not a JSON object or lacks one of ``keys``.

    bare: the key under which a list without an object around it is returned; None = a list is a Flaw.
    """
    if not response.body.strip():
        raise Flaw("empty_answer", "the answer is empty")
    if not is_json(response.headers):
        media = response.headers.get("content-type", "") or "nothing"
        raise Flaw("not_api", f"the content type says {media!r}, not JSON")
    if response.body.lstrip().startswith(b"<"):
        raise Flaw("not_api", "the answer is a web page, whatever its content type says")
    value = decode(response.body)
    if bare is not None and isinstance(value, list):
        return {bare: value}
    if not isinstance(value, dict):
        raise Flaw("missing_envelope", f"the answer is a JSON {_NAMES.get(type(value), 'number')}, not an object")
    missing = [key for key in keys if key not in value]
    if missing:
        raise Flaw("missing_envelope", f"the answer lacks {', '.join(missing)}")
    return value


def vendor_reason(body: bytes) -> str:
    """Return the vendor's reason for a refusal, "" if there is none. It is neither redacted nor shortened.

    Seen at PagerDuty: ``{"error": {"message", "code", "errors": [..]}}``, ``errors`` a string, ``error`` a string or a
    list of strings, no JSON at all (REST API docs "Errors"; go-pagerduty APIErrorObject). Opsgenie: ``{"message"}``.
    JSM: ``{"errors": [{"title"}]}``, from Jira ``{"errorMessages": [..], "errors": {}}``.
    """
    try:
        value = decode(body)
    except Flaw:
        return re.sub(r"<[^<>]{0,200}>", " ", body[:4000].decode("utf-8", "replace")).strip()
    return ": ".join(dict.fromkeys(_texts(value, 0)))


def _texts(value: JsonValue, depth: int) -> list[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    if depth > 3:
        return []
    if isinstance(value, list):
        return [text for item in value[:5] for text in _texts(item, depth + 1)]
    if isinstance(value, dict):
        # Put "message" before the details, whatever order the vendor sent.
        keys = sorted((key for key in _REASON_KEYS if key in value), key=lambda key: key == "errors")
        return [text for key in keys for text in _texts(value[key], depth + 1)]
    return []


_NAMES: dict[type, str] = {list: "list", str: "string", bool: "boolean", type(None): "null"}


def _check_depth(value: JsonValue) -> None:
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        parts = chain.from_iterable(each.values() if isinstance(each, dict) else each for each in level)
        level = [part for part in parts if isinstance(part, dict | list)]
        if not level:
            return
    raise _too_deep()


def _clean(value: Any) -> JsonValue:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_UNSTORABLE.sub("\ufffd", key): _clean(item) for key, item in value.items()}
    plain: JsonValue = value
    return plain


def _too_deep() -> Flaw:
    return Flaw("limits", f"the answer is nested deeper than {MAX_DEPTH} levels")


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number out of range")
    return value


def _short_integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Flaw("limits", f"the answer holds a number of more than {MAX_DIGITS} digits")
    return int(text)
