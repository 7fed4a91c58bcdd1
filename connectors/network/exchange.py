"""Requests to a source and its answers: values that the live, the recording and the replaying transport share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias
from urllib.parse import quote, urlencode

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
Query: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``path``: percent-encoded, starts with "/". ``query``: decoded pairs, repeats and order kept.

    ``host``: only where a provider uses several hosts; None is the transport's own origin. ``form``: the body, an
    object of texts, goes as a form instead of as JSON.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: JsonValue = None
    host: str | None = None
    form: bool = False

    @property
    def target(self) -> str:
        """Path and query as they go on the wire. A comma stays one: xMatters takes an encoded one for part of a value
        instead of between two; to the others it is the same."""
        return f"{self.path}?{urlencode(self.query, safe=',')}" if self.query else self.path


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. ``headers`` have lower-case keys; ``body`` is complete and already decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


FaultKind: TypeAlias = Literal["connect", "timeout", "broken", "tls", "address", "limits"]


class TransportFault(Exception):
    """An attempt brought no usable answer. The text holds neither URL, query nor credential.

    kind: ``connect`` no connection, ``timeout`` the deadline passed, ``broken`` the answer broke off, ``tls`` the
    certificate or handshake was refused, ``address`` our own egress guard refused, ``limits`` the answer is too large.
    """

    def __init__(self, kind: FaultKind, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable


class Transport(Protocol):
    """One attempt at one request."""

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        """``deadline``: instant of the monotonic clock at which the attempt ends. Raises TransportFault."""
        ...


def segment(text: str) -> str:
    """One path segment, percent-encoded: an id can hold a slash, a question mark or an emoji and stays one segment.

    "." , ".." and "" cannot be encoded; HttpClient refuses a path that holds them.
    """
    return quote(text, safe="")
