"""Planned faults of a simulator, and its rate limit."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, get_args

from connectors.simulator.exchange import Quota, Request

Kind = Literal[
    "status",  # answer ``status`` with ``body`` "json" (the vendor's error), "html" or "none" (no body, no headers)
    "redirect",  # 302 to ``location``
    "html",  # a page of HTML with 200
    "empty",  # 200 with an empty body
    "truncated",  # half of the JSON, with the Content-Length of that half
    "cut",  # announces the whole body, sends half of it, closes the connection
    "endless",  # sends without end until the client disconnects
    "drip",  # the right body, with ``seconds`` between two bytes
    "mistyped",  # the right body with the content type text/plain
    "loop",  # every page repeats the first page and promises more
    "shrink",  # each list is limited to ``items`` objects
    "delay",  # the right answer after ``seconds``; can be combined with another fault
]
_BODIES = ("json", "html", "none")


@dataclass(slots=True)
class Fault:
    """A fault of the requests whose path matches ``path`` (shell pattern) and whose query contains ``query``.

    The first ``after`` matching requests pass. The next ``count`` requests fail (None = all further requests).
    ``struck`` is the number of requests that failed so far.
    """

    path: str
    kind: Kind
    count: int | None = 1
    after: int = 0
    query: Mapping[str, str] = field(default_factory=dict)
    status: int = 500
    body: str = "json"
    headers: Mapping[str, str] = field(default_factory=dict)
    location: str = ""
    seconds: float = 0.0
    items: int = 0
    struck: int = 0

    def matches(self, request: Request) -> bool:
        return fnmatchcase(request.path, self.path) and all(
            value in request.query.get(name, ()) for name, value in self.query.items()
        )


class Faults:
    """The faults of one simulator. They may be changed while it runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(
        self,
        path: str,
        kind: Kind,
        *,
        count: int | None = 1,
        after: int = 0,
        query: Mapping[str, str] | None = None,
        status: int = 500,
        body: str = "json",
        headers: Mapping[str, str] | None = None,
        location: str = "http://elsewhere.example/",
        seconds: float = 0.0,
        items: int = 0,
    ) -> Fault:
        """Plan a fault and return it. Raises ValueError for an unknown kind or body."""
        if kind not in get_args(Kind):
            raise ValueError(f"Unknown fault {kind!r}; choose one of {', '.join(get_args(Kind))}.")
        if body not in _BODIES:
            raise ValueError(f"Unknown body {body!r}; choose one of {', '.join(_BODIES)}.")
        fault = Fault(
            path, kind, count, after, dict(query or {}), status, body, dict(headers or {}), location, seconds, items
        )
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def strike(self, request: Request) -> tuple[Fault | None, float]:
        """Return the fault of this request (None = no fault) and the seconds to wait before answering."""
        hit, wait = None, 0.0
        with self._lock:
            for fault in self._faults:
                if fault.count == 0 or not fault.matches(request):
                    continue
                if fault.kind != "delay" and hit is not None:
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                if fault.count is not None:
                    fault.count -= 1
                fault.struck += 1
                if fault.kind == "delay":
                    wait += fault.seconds
                else:
                    hit = fault
        return hit, wait


class RateLimit:
    """Counts requests per caller and domain in fixed windows of ``window`` seconds.

    A limit that is not ``enforced`` only reports its figures, so that it does not slow a demo.
    """

    def __init__(
        self, requests: int, window: float, *, enforced: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.requests = requests
        self.window = window
        self.enforced = enforced
        self._clock = clock
        self._lock = threading.Lock()
        self._opened: dict[tuple[str, str], tuple[float, int]] = {}

    def count(self, caller: str, domain: str = "") -> Quota:
        with self._lock:
            moment = self._clock()
            opened, used = self._opened.get((caller, domain), (moment, 0))
            if moment - opened >= self.window:
                opened, used = moment, 0
            self._opened[caller, domain] = (opened, used + 1)
        reset = max(1, -int(-(self.window - (moment - opened)) // 1))
        return Quota(self.requests, max(0, self.requests - used - 1), reset, self.enforced and used >= self.requests)
