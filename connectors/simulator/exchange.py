"""Requests and answers between a client and a simulated vendor, and the protocols of vendor and rate limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

JSON = "application/json; charset=utf-8"
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list. total: the number of all objects. more: True when the answer promises another page."""

    items: Sequence[Item]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``query`` keeps all values of each name, ``raw_query`` is the query before decoding.

    A vendor needs ``raw_query`` when an encoded comma and a plain comma mean different things. ``body`` is the body of
    a POST. Two faults are carried out by the vendor: ``shrink`` limits each list to this number of objects; ``loop``
    answers every page with the first page and promises more.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    shrink: int | None = None
    loop: bool = False
    body: bytes = b""
    raw_query: str = ""

    def one(self, name: str) -> str | None:
        values = self.query.get(name)
        return values[-1] if values else None

    def many(self, name: str) -> list[str]:
        return list(self.query.get(name, ()))

    def flag(self, name: str) -> bool:
        return (self.one(name) or "").lower() in ("true", "1")

    def page(self, items: Sequence[Item], offset: int, limit: int) -> Page[Item]:
        """Return the page that starts at ``offset``, with the faults ``shrink`` and ``loop`` applied."""
        items = items[: self.shrink]
        start = 0 if self.loop else offset
        return Page(items[start : start + limit], len(items), self.loop or offset + limit < len(items))


@dataclass(slots=True)
class Answer:
    """One answer. ``payload`` is written as JSON; None writes no body. ``body`` replaces the payload."""

    status: int
    payload: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """The rate limit of one caller: requests allowed per window, requests left, seconds until the window ends."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool


class Limit(Protocol):
    """A rate limit. ``count`` counts one request of a caller; requests of one domain share a limit."""

    def count(self, caller: str, domain: str) -> Quota: ...


class Vendor(Protocol):
    """A simulated vendor: its data and its API. A refused edit raises ValueError or LookupError."""

    @property
    def state(self) -> Any: ...

    def domain(self, request: Request) -> str: ...

    def answer(self, request: Request) -> Answer: ...

    def refusal(self, status: int) -> Answer: ...

    def quota_headers(self, quota: Quota) -> dict[str, str]: ...

    def edit(self, verb: str, arguments: Mapping[str, Any]) -> Any: ...

    def summary(self) -> dict[str, Any]: ...
