"""What goes over the wire between a client and a simulated vendor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

JSON = "application/json; charset=utf-8"
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list. total: of all its objects. more: whether others follow, or are promised."""

    items: Sequence[Item]
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``query`` keeps every value of a name. ``shrink`` and ``loop`` are faults only a vendor can act out:
    list at most so many objects; answer every page with the first one and promise more. ``body`` is that of a POST.
    ``raw_query`` is the query as it came, for vendors to whom an encoded comma is another one."""

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
        """The page from ``offset`` on; ``shrink`` and ``loop`` are acted out."""
        items = items[: self.shrink]
        start = 0 if self.loop else offset
        return Page(items[start : start + limit], len(items), self.loop or offset + limit < len(items))


@dataclass(slots=True)
class Answer:
    """``payload`` is written as JSON; None writes no body at all."""

    status: int
    payload: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """What a rate limit says to one caller: allowed per window, left, and whole seconds until the window ends."""

    limit: int
    remaining: int
    reset: int
    exceeded: bool


class Limit(Protocol):
    """Counts one request of a caller in a domain, a set of requests that share a limit."""

    def count(self, caller: str, domain: str) -> Quota: ...


class Vendor(Protocol):
    """A simulated vendor: its data and how it speaks. Edits raise ValueError or LookupError when refused."""

    @property
    def state(self) -> Any: ...

    def domain(self, request: Request) -> str: ...

    def answer(self, request: Request) -> Answer: ...

    def refusal(self, status: int) -> Answer: ...

    def quota_headers(self, quota: Quota) -> dict[str, str]: ...

    def edit(self, verb: str, arguments: Mapping[str, Any]) -> Any: ...

    def summary(self) -> dict[str, Any]: ...
