"""Rate limits per domain, each with a bucket per second and one per minute (documentation: "Rate Limiting").

The numbers are invented: at the vendor they depend on the plan and the number of users.
"""

import re
import time
from collections.abc import Callable, Mapping

from connectors.simulator.exchange import Quota
from connectors.simulator.faults import RateLimit

NUMBERS: Mapping[str, Mapping[int, int]] = {
    "search": {1: 10, 60: 300},
    "configuration": {1: 20, 60: 600},
    "schedule-oncalls": {1: 10, 60: 300},
}
"""Allowed requests by domain and period in seconds."""
_ON_CALLS = re.compile(r"/v2/schedules/(.+/)?(next-)?on-calls")


def domain_of(path: str) -> str:
    """Return the domain of a path. Each domain has its own limit."""
    if path == "/v2/users":
        return "search"
    return "schedule-oncalls" if _ON_CALLS.fullmatch(path) else "configuration"


class DomainLimits:
    """Counts requests per caller and domain. A limit that is not ``enforced`` only counts."""

    def __init__(self, *, enforced: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = {
            domain: [RateLimit(allowed, period, enforced=enforced, clock=clock) for period, allowed in numbers.items()]
            for domain, numbers in NUMBERS.items()
        }

    def count(self, caller: str, domain: str) -> Quota:
        """Return the quota that is exceeded, else the quota with the fewest requests left."""
        quotas = [bucket.count(caller, domain) for bucket in self._buckets[domain]]
        return min(quotas, key=lambda quota: (not quota.exceeded, quota.remaining))
