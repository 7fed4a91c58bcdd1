"""The read-only HTTP client of all providers. One loop sends, parses and repeats a request.

Every failure is raised as a ConnectorError with a redacted text. The text has the path, but no query or credential.
"""

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from connectors.errors import (
    ConnectionConfigError,
    ConnectorError,
    DeadlineExceeded,
    ProviderUnavailable,
    RateLimited,
    ReadStopped,
    UnexpectedResponse,
)
from connectors.network.egress import LiveTransport
from connectors.network.exchange import JsonValue, Query, Request, Response, Transport, TransportFault, segment
from connectors.network.failures import flawed, rate_limited, refusal, unreachable
from connectors.network.payload import Flaw, decode_object, vendor_reason
from connectors.network.retrying import (
    ATTEMPTS,
    FLAWED_ATTEMPTS,
    LONGEST_SLEEP,
    REQUEST_SECONDS,
    WAIT_BUDGET,
    Rate,
    RateHeaders,
    backoff,
    is_retryable,
    read_rate,
    reported_wait,
)
from connectors.redaction import credential, excerpt

__all__ = [
    "Exchange",
    "HttpClient",
    "JsonValue",
    "LiveTransport",
    "Query",
    "Rate",
    "RateHeaders",
    "Request",
    "Response",
    "Transport",
    "TransportFault",
    "segment",
]

_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+", re.ASCII)
_LONGEST_PATH: Final = 2000
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", re.ASCII)
_STOP_SLICE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt, for progress and traces. status None: no answer, for the reason in ``fault``. size: in bytes."""

    request: Request
    attempt: int
    status: int | None
    seconds: float
    size: int = 0
    fault: str = ""


class HttpClient:
    """Reads a provider through a transport. One instance per read, one request at a time.

    provider: registry key, kept on every error; label: its name in messages. authorize: returns the
    headers with the credential, called before each attempt. limits: names of the provider's rate headers.
    clock: monotonic seconds;
    wall_clock: seconds since the epoch. deadline: value of ``clock`` at which the whole read ends.
    declared_posts: paths of read-only POSTs, ``*`` means one segment. secrets: masked in every message, as the
    values of ``authorize`` are. observe: called after each attempt. should_stop: called before each request and
    while waiting. on_pause: called with the seconds of each wait before it begins. wait_budget: total seconds of
    waiting.

    calls: the number of requests sent, repeats included. rate: the rate limit as the last answer reported it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        provider: str,
        label: str = "",
        authorize: Callable[[], Mapping[str, str]],
        headers: Mapping[str, str],
        limits: RateHeaders | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        deadline: float | None = None,
        declared_posts: Collection[str] = (),
        secrets: Collection[str] = (),
        observe: Callable[[Exchange], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        on_pause: Callable[[float], None] | None = None,
        wait_budget: float = WAIT_BUDGET,
    ) -> None:
        self._transport = transport
        self._provider = provider
        self._label = label or provider
        self._authorize = authorize
        self._headers = headers
        self._limits = limits or RateHeaders()
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._deadline = deadline
        self._declared_posts = tuple(declared_posts)
        self._secrets = tuple(secrets)
        self._observe = observe
        self._should_stop = should_stop
        self._on_pause = on_pause
        self._wait_left = wait_budget
        self._resume_at: float | None = None
        self._answered_at = 0.0
        self.calls = 0
        self.rate = Rate()

    def get(
        self,
        path: str,
        query: Query = (),
        *,
        envelope: str | Sequence[str] | None = None,
        bare: str | None = None,
        host: str | None = None,
    ) -> dict[str, JsonValue]:
        """Return the JSON object at ``path`` ("/users"; ids through ``segment``). envelope: the keys that the object
        must have. bare: the key under which a list without an object around it is returned.

        Raises ConnectorError, see its classes; ReadStopped when ``should_stop`` returns True.
        """
        return self._send(Request("GET", path, tuple(query), host=host), envelope, bare)

    def post(
        self,
        path: str,
        body: JsonValue,
        query: Query = (),
        *,
        envelope: str | Sequence[str] | None = None,
        host: str | None = None,
        form: bool = False,
    ) -> dict[str, JsonValue]:
        """Do the same as ``get`` with a POST that only reads. form: whether the body is sent as a form.

        Raises ValueError for a path that the connector did not declare.
        """
        if not any(_same_path(path, declared) for declared in self._declared_posts):
            raise ValueError(f"POST {path} is not declared as read-only by the connector {self._provider}.")
        return self._send(Request("POST", path, tuple(query), body, host, form), envelope)

    def _send(
        self, request: Request, envelope: str | Sequence[str] | None, bare: str | None = None
    ) -> dict[str, JsonValue]:
        self._check_path(request.path)
        keys = (envelope,) if isinstance(envelope, str) else tuple(envelope or ())
        attempt = 0
        while True:
            attempt += 1
            wait: float | None = None
            failure: ConnectorError
            last = attempt >= ATTEMPTS
            try:
                response = self._attempt(request, attempt)
                if 200 <= response.status < 300 and response.status != 206:
                    return decode_object(response, keys, bare)
                reason = self._excerpt(vendor_reason(response.body))
                wait = reported_wait(response.status, response.headers, self.rate, self._wall_clock())
                failure = refusal(self._provider, self._label, request, response.status, reason, wait)
                last = last or not is_retryable(response.status)
            except TransportFault as fault:
                failure = unreachable(self._provider, self._label, request, fault, self._excerpt(str(fault)))
                last = last or not fault.retryable
            except Flaw as flaw:
                failure = flawed(self._provider, self._label, request, flaw, self._excerpt(str(flaw)))
                # Repeat once: the answer may be truncated or the page of a gateway.
                again = flaw.code in ("empty_answer", "not_api", "invalid_json") and response.status not in (204, 205)
                last = not again or attempt >= FLAWED_ATTEMPTS
            if last:
                raise failure
            self._pause(backoff(attempt) if wait is None else wait, failure)

    def _attempt(self, request: Request, attempt: int) -> Response:
        self._await_budget(request)
        self._check_stop()
        started = self._clock()
        if self._deadline is not None and started >= self._deadline:
            raise DeadlineExceeded(
                f"Reading from {self._label} took longer than it may.",
                hint="Narrow the selection, or run the import again when the source answers faster.",
                provider=self._provider,
            )
        headers = self._all_headers()
        deadline = started + REQUEST_SECONDS
        self.calls += 1
        try:
            response = self._transport.exchange(
                request, headers=headers, deadline=deadline if self._deadline is None else min(deadline, self._deadline)
            )
        except TransportFault as fault:
            self._report(Exchange(request, attempt, None, self._clock() - started, fault=fault.kind))
            raise
        self._report(Exchange(request, attempt, response.status, self._clock() - started, len(response.body)))
        passed, self._answered_at = self._clock() - self._answered_at, self._clock()
        self.rate = read_rate(response.headers, self._limits, self._wall_clock(), self.rate, passed)
        used_up = self.rate.remaining == 0 and self.rate.reset is not None
        self._resume_at = self._clock() + (self.rate.reset or 0.0) if used_up else None
        return response

    def _all_headers(self) -> dict[str, str]:
        credentials = self._authorize()
        bare = (credential(value) for value in credentials.values())
        self._secrets = tuple(dict.fromkeys((*self._secrets, *credentials.values(), *bare)))
        headers = {**self._headers, **credentials}
        if not all(_HEADER_VALUE.fullmatch(value) for value in headers.values()):
            raise ConnectionConfigError(
                f"The key for {self._label} is empty or contains a character that cannot be sent.",
                hint="Paste the key again, without line breaks and quotes.",
                provider=self._provider,
            )
        return headers

    def _check_path(self, path: str) -> None:
        parts = [unquote(part) for part in path.split("/")[1:]]
        if len(path) > _LONGEST_PATH or not _PATH.fullmatch(path) or any(part in (".", "..") for part in parts):
            raise UnexpectedResponse(
                f"The address {excerpt(path)!r} cannot be requested: an id in it is empty, too long or unsafe.",
                hint="Look at this object at the source; nothing was requested.",
                provider=self._provider,
                path=excerpt(path),
                code="unsafe_path",
            )

    def _check_stop(self) -> None:
        if self._should_stop is not None and self._should_stop():
            raise ReadStopped(
                f"Reading from {self._label} was stopped.", hint="Start it again.", provider=self._provider
            )

    def _report(self, exchange: Exchange) -> None:
        if self._observe is not None:
            self._observe(exchange)

    def _await_budget(self, request: Request) -> None:
        """Wait if the last answer reported that the rate limit is used up, to avoid a 429."""
        if self._resume_at is None:
            return
        wait = self._resume_at - self._clock()
        if wait > 0:
            self._pause(wait, rate_limited(self._provider, self._label, request, wait))
        self._resume_at = None

    def _pause(self, seconds: float, failure: ConnectorError) -> None:
        """Sleep, or raise ``failure`` if the wait is too long for the worker, the wait budget or the deadline."""
        if self._on_pause is not None:
            self._on_pause(seconds)
        late = self._deadline is not None and self._clock() + seconds >= self._deadline
        if seconds > LONGEST_SLEEP or seconds > self._wait_left or late:
            if isinstance(failure, ProviderUnavailable) and seconds > LONGEST_SLEEP:
                raise RateLimited(failure.message, hint=failure.hint, provider=self._provider, retry_after=seconds)
            raise failure
        self._wait_left -= seconds
        self._resume_at = None
        left = seconds
        while left > 0:
            self._check_stop()
            piece = left if self._should_stop is None else min(left, _STOP_SLICE)
            self._sleep(piece)
            left -= piece

    def _excerpt(self, text: str) -> str:
        return excerpt(text, self._secrets)


def _same_path(path: str, declared: str) -> bool:
    parts, pattern = path.split("/"), declared.split("/")
    return len(parts) == len(pattern) and all(b in ("*", a) for a, b in zip(parts, pattern, strict=True))
