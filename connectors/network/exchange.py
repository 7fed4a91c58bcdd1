"""Requests and responses, shared by the live, the recording and the replaying transport."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias
from urllib.parse import quote, urlencode

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
Query: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. path: percent-encoded, starts with "/". query: decoded pairs in order, with repeats.

    host: the host for a provider that uses several; None = the transport's own origin. form: whether the body, an
    object of texts, is sent as a form instead of as JSON.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: JsonValue = None
    host: str | None = None
    form: bool = False

    @property
    def target(self) -> str:
        """Path and encoded query. Commas are not encoded: xMatters reads an encoded comma as a character of a value,
        not as a separator. The other vendors read both in the same way."""
        return f"{self.path}?{urlencode(self.query, safe=',')}" if self.query else self.path


@dataclass(frozen=True, slots=True)
class Response:
    """One response. headers: with lower-case keys. body: complete and decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


FaultKind: TypeAlias = Literal["connect", "timeout", "broken", "tls", "address", "limits"]


class TransportFault(Exception):
    """An attempt without a usable response. The text contains no URL, query or credential.

    kind: ``connect`` no connection, ``timeout`` the deadline passed, ``broken`` the connection broke, ``tls`` the
    certificate or handshake failed, ``address`` our address check refused, ``limits`` the response is too large.
    """

    def __init__(self, kind: FaultKind, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable


class Transport(Protocol):
    """Sends requests, one attempt each."""

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        """Return the response. deadline: ``time.monotonic`` value at which the attempt ends. Raises TransportFault."""
        ...


def segment(text: str) -> str:
    """Return the text percent-encoded as one path segment, also if it contains a slash or a question mark.

    ".", ".." and "" cannot be encoded. HttpClient refuses a path that contains them.
    """
    return quote(text, safe="")
