"""No secret survives in a text, a log record or a Secret's own repr."""

import base64
import copy
import io
import json
import logging
import pickle
import sys
import time
from urllib.parse import quote, quote_plus

import pytest

from connectors.redaction import RedactingFilter, Secret, excerpt, live_secrets, mask_values, redact

CANARY = 'k€y/+ "canary"=9f8e7d'


@pytest.mark.parametrize(
    "form",
    [
        CANARY,
        quote(CANARY),
        quote(CANARY, safe=""),
        quote(CANARY, safe="")
        .replace("%E2%82%AC", "%e2%82%ac")
        .replace("%2F", "%2f")
        .replace("%2B", "%2b")
        .replace("%3D", "%3d"),
        quote_plus(CANARY),
        json.dumps(CANARY)[1:-1],
        base64.b64encode(CANARY.encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode(),
        CANARY.encode().hex(),
    ],
)
def test_it_masks_a_secret_in_every_form(form: str) -> None:
    for text in (redact(f"before {form} after", [CANARY]), mask_values(f"before {form} after", [CANARY])):
        assert form.rstrip("=") not in text
        assert text.startswith("before ***")
        assert text.endswith(" after")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Token token=s3cr3t-s3cr3t", "Authorization: ***"),
        ("{'Authorization': 'Bearer abcdef123456'}", "{'Authorization': '***'}"),
        ("sent Token token=s3cr3t, got 401", "sent Token token=***, got 401"),
        ("token  TOKEN=abc", "token  TOKEN=***"),
        ("used Bearer abc.DEF-123_456 there", "used Bearer *** there"),
        ("used Basic dXNlcjpwYXNz there", "used Basic *** there"),
        ("used GenieKey 0a1b2c3d-4e5f there", "used GenieKey *** there"),
        ("/v2/alerts?apiKey=12345&limit=1", "/v2/alerts?apiKey=***&limit=1"),
        ("x-api-key-0a1b2c3d-4e5f:pw", "x-api-key-***:pw"),
        ('{"access_token": "eyJhbGciOi"}', '{"access_token": "***"}'),
        ("client_secret=abc&grant_type=x", "client_secret=***&grant_type=x"),
        ("password: hunter2", "password: ***"),
    ],
)
def test_it_masks_what_looks_like_a_credential(text: str, masked: str) -> None:
    assert redact(text) == masked


@pytest.mark.parametrize("text", ["The basic plan", "token of thanks", "Rate Limit Exceeded", "secretary: Ada"])
def test_it_leaves_ordinary_words(text: str) -> None:
    assert redact(text) == text


def test_it_does_not_mask_tiny_texts_everywhere() -> None:
    assert mask_values("a banana", ["a", ""]) == "a banana"


def test_an_excerpt_is_one_short_line_redacted_before_it_is_cut() -> None:
    assert excerpt("a\r\nb\x1b[31m\u202ec\x00\u2028d") == "a b [31m c d"
    secret = "s" * 50
    cut = excerpt("x" * 180 + secret + "tail", [secret])
    assert cut == "x" * 180 + "***tail"
    assert len(excerpt("y" * 5000)) == 200


@pytest.mark.parametrize(
    "attack", ["token " * 20_000, "Authorization" + " " * 100_000, "api_key" * 15_000, "basic  " * 15_000]
)
def test_redacting_takes_linear_time(attack: str) -> None:
    started = time.perf_counter()
    redact(attack)
    assert time.perf_counter() - started < 0.5


def test_only_reveal_shows_a_secret() -> None:
    secret = Secret("canary-1234")
    assert secret.reveal() == "canary-1234"
    assert bool(secret)
    assert not Secret("")
    for shown in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r}",
        repr([secret]),
        repr({"key": secret}),
        f"{secret}",
    ):
        assert "canary" not in shown
        assert "***" in shown
    assert copy.copy(secret) is secret
    assert copy.deepcopy({"a": secret})["a"] is secret
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_a_secret_is_known_as_long_as_it_lives() -> None:
    first, second = Secret("canary-5678"), Secret("canary-5678")
    assert live_secrets().count("canary-5678") == 2
    del first
    assert "canary-5678" in live_secrets()
    del second
    assert "canary-5678" not in live_secrets()


def log_line(*args: object, exc_info: bool = False, stack_info: bool = False) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.getLogger("test.redaction.child")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        logger.error(*args, exc_info=exc_info, stack_info=stack_info)
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


def test_the_filter_masks_message_arguments_exception_and_stack() -> None:
    secret = Secret("canary-in-the-log")
    value = secret.reveal()
    assert log_line("sent %s to %s", value, {"key": value}) == "sent *** to {'key': '***'}\n"
    assert log_line(f"apiKey=abcdef and {value}") == "apiKey=*** and ***\n"
    try:
        raise ValueError(f"refused {value}") from KeyError(value)
    except ValueError:
        line = log_line("failed", exc_info=True, stack_info=True)
    assert value not in line
    assert "ValueError: refused ***" in line
    assert "KeyError: '***'" in line
    assert "Stack (most recent call last)" in line


def test_the_filter_survives_arguments_that_do_not_fit() -> None:
    secret = Secret("canary-in-the-args")
    record = logging.LogRecord("n", logging.INFO, __file__, 1, "%d of %s", (secret.reveal(),), None)
    assert RedactingFilter().filter(record)
    assert record.getMessage() == "%d of %s ('***',)"


def test_the_filter_leaves_exc_info_for_reporters() -> None:
    try:
        raise ValueError("x")
    except ValueError:
        record = logging.LogRecord("n", logging.INFO, __file__, 1, "m", None, sys.exc_info())
    RedactingFilter().filter(record)
    assert record.exc_info is not None
    assert record.exc_text is not None
    assert record.exc_text.endswith("ValueError: x")
