"""Masks secrets in messages, log records and recordings."""

import base64
import json
import logging
import re
import threading
import traceback
from collections.abc import Collection, Iterable, Iterator
from typing import Final, NoReturn
from urllib.parse import quote, quote_plus
from weakref import WeakSet

MASK: Final = "***"
EXCERPT_CHARS: Final = 200
_READ_CHARS = 4000
_SHORTEST_SECRET = 4

_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?)[^\r\n\"']+",
        r"(\btoken\s{1,3}token=)[^\s\"',;&]+",
        r"(\b(?:bearer|basic|geniekey)\s{1,3})[\w.~+/=:-]{6,}",
        r"(\b(?:api[-_]?key|(?:access|refresh|id)[-_]token|client[-_]secret|password)[\"']?\s{0,3}[:=]\s{0,3}[\"']?)"
        r"[^\s\"',;&]+",
        r"(\bx-api-key-)[\w-]+",
    )
)
_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")

_live: WeakSet["Secret"] = WeakSet()
_lock = threading.Lock()


class Secret:
    """A credential in memory: printed, formatted and logged as ``***``; ``reveal()`` gives the text.

    RedactingFilter masks the value of every Secret that is alive. Two Secrets are equal only if they are one object.
    """

    __slots__ = ("__weakref__", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        with _lock:
            _live.add(self)

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret is never serialised: pass the id of what holds it.")


def mask_values(text: str, secrets: Collection[str]) -> str:
    """Return the text with these secrets masked, also URL-encoded, JSON-escaped, in base64 and in hex."""
    forms = {form for secret in secrets if len(secret) >= _SHORTEST_SECRET for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def credential(authorization: str) -> str:
    """Return the secret in an Authorization header: the value without its scheme."""
    return authorization.rpartition(" ")[2].removeprefix("token=")


def redact(text: str, secrets: Collection[str] = ()) -> str:
    """Return the text with these secrets masked, and with all that looks like a key, token or password masked."""
    text = mask_values(text, secrets)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def excerpt(text: str, secrets: Collection[str] = ()) -> str:
    """Return a redacted excerpt for a message: one line of at most 200 characters, without control characters.

    The text is redacted before it is cut, so that no half of a secret remains at its end.
    """
    line = _CONTROL.sub(" ", redact(text[:_READ_CHARS], secrets)).strip()
    return line if len(line) <= EXCERPT_CHARS else line[: EXCERPT_CHARS - 1] + "…"


def live_secrets() -> tuple[str, ...]:
    """Return the texts of all Secrets in memory."""
    with _lock:
        return tuple(secret.reveal() for secret in _live)


class RedactingFilter(logging.Filter):
    """Masks secrets in log records. Add it to handlers: a logger's filter does not see records of its children."""

    def filter(self, record: logging.LogRecord) -> bool:
        secrets = live_secrets()
        record.msg = redact(_message(record), secrets)
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if record.exc_text:
            record.exc_text = redact(record.exc_text, secrets)
        if record.stack_info:
            record.stack_info = redact(record.stack_info, secrets)
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        # The arguments do not fit the text. Log both, so that a request does not fail.
        return f"{record.msg} {record.args!r}"


def _forms(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield from _both_cases(quote(raw, safe=""))
    yield from _both_cases(quote(raw))
    yield from _both_cases(quote_plus(raw))
    yield json.dumps(secret)[1:-1]
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield raw.hex()


def _both_cases(quoted: str) -> Iterable[str]:
    return quoted, re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), quoted)
