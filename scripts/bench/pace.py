"""H3, H4: how long a whole read takes over a slow network and under a rate limit, and how often it is refused.

Each vendor is simulated in another process, so that this process only waits. 192 calls in 12 seconds represent
960 in 60. Requests are serial, as PagerDuty advises (developer docs, "Rate Limiting"): one worker. Under the limit
most of the time is waiting, so the providers are read at the same time, each by its own client. The least possible time
is the sum of the times of the vendor's answers; under a limit every window except the last is added.
"""

import math
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from connectors.base import Rim
from connectors.closure import Selection
from connectors.network.addresses import parse_allow
from connectors.network.egress import LiveTransport
from connectors.network.exchange import Request, Response, Transport
from connectors.redaction import Secret
from connectors.registry import connector_class
from connectors.simulator.serve import demo_account
from scripts.bench.effort import Effort
from scripts.bench.figures import Figure, Target

WORKERS: Final = 1
REQUESTS: Final = 192
WINDOW: Final = 12.0
#: Objects of the account for the slow network, and of the account for the rate limit.
SIZES: Mapping[str, tuple[int, int]] = {
    "pagerduty": (400, 3_100),
    "opsgenie": (250, 1_400),
    "jsm": (200, 1_160),
    "xmatters": (190, 1_300),
}
#: Providers that report the rest of the budget in every answer. The others refuse one request per window.
REPORTING: Final = frozenset({"pagerduty", "xmatters"})
SLOW, FAST = 0.1, 0.02


@dataclass(frozen=True, slots=True)
class Scene:
    """Settings of a paced read. ``limit``: calls per window."""

    size: int
    latency: float
    limit: int


@dataclass
class Counted:
    """Counts answers by status."""

    transport: Transport
    statuses: Counter[int] = field(default_factory=Counter)

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        response = self.transport.exchange(request, headers=headers, deadline=deadline)
        self.statuses[response.status] += 1
        return response


@dataclass(frozen=True, slots=True)
class Read:
    """The result of a read: ``seconds`` of wall time, of which the vendor used ``answering``.

    ``refused`` requests (429) are not included in ``answered``.
    """

    seconds: float
    answering: float
    answered: int
    refused: int
    scene: Scene

    @property
    def windows(self) -> int:
        return math.ceil(self.answered / self.scene.limit)

    @property
    def least_seconds(self) -> float:
        full = self.windows - 1
        last = 1 - full * self.scene.limit / self.answered
        return max(self.answering / WORKERS, full * WINDOW + last * self.answering / WORKERS)


def measure(effort: Effort) -> Iterator[Figure]:
    if effort.quick:
        return
    slow = {provider: _read(provider, Scene(sizes[0], SLOW, 100_000)) for provider, sizes in SIZES.items()}
    with ThreadPoolExecutor(len(SIZES)) as readers:
        scenes = [Scene(sizes[1], FAST, REQUESTS) for sizes in SIZES.values()]
        limited = dict(zip(SIZES, readers.map(_read, SIZES, scenes), strict=True))
    for provider in SIZES:
        label = connector_class(provider).label
        for read, how in ((slow[provider], "100 ms away"), (limited[provider], "limited to 192 calls in 12 s")):
            target = Target("H3", f"{label}, {how}: wall time against the least possible", "x", 1.15, 1.08)
            detail = f"{read.answered} calls, {WORKERS} worker: {read.seconds:.1f} s; {read.least_seconds:.1f} s needed"
            yield Figure(target, read.seconds / read.least_seconds, detail=detail)
        read = limited[provider]
        most = WORKERS if provider in REPORTING else WORKERS * read.windows
        detail = "every answer reports the budget" if provider in REPORTING else "only a refusal does, one per window"
        target = Target("H4", f"{label}: calls refused in {read.windows} windows", "calls", most, most)
        yield Figure(target, read.refused, detail=detail)


def _read(provider: str, scene: Scene) -> Read:
    """Read the account. Raises AssertionError when a part of it could not be read."""
    with _vendor(provider, scene) as (origin, stop):
        cls = connector_class(provider)
        settings, secrets = demo_account(provider)
        clean = cls.clean(settings)
        hosts = dict.fromkeys(cls.hosts(clean), origin)
        allow = parse_allow([origin.removeprefix("http://")])
        transport = Counted(LiveTransport(origin, hosts=hosts, allow=allow))
        rim = Rim(transport, now=time.time, sleep=time.sleep)
        connector = cls(clean, {name: Secret(text) for name, text in secrets.items()}, rim)
        started = time.monotonic()
        snapshot = connector.fetch(Selection(), contact_details=provider == "pagerduty")
        seconds = time.monotonic() - started
        answering = stop()
    if snapshot.failed or not snapshot.schedules:
        raise AssertionError(f"The simulated account must be readable: {snapshot.failed[:3]}")
    refused = transport.statuses[429]
    return Read(seconds, answering, transport.statuses.total() - refused, refused, scene)


@contextmanager
def _vendor(provider: str, scene: Scene) -> Iterator[tuple[str, Callable[[], float]]]:
    """Start a vendor. Yields its origin, and a function that stops it and returns the seconds of its answers."""
    words = (provider, str(scene.size), str(scene.latency), str(scene.limit), str(WINDOW))
    command = [sys.executable, "-m", "scripts.bench.paced_vendor", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdin is not None and process.stdout is not None  # noqa: S101
        output, vendor_input = process.stdout, process.stdin

        def stop() -> float:
            vendor_input.close()
            return float(output.readline())

        try:
            yield output.readline().strip(), stop
        finally:
            vendor_input.close()
