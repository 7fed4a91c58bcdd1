"""Rate limits per domain, each with a bucket per second and one per minute (documentation: "Rate Limiting").

The numbers are ours: the vendor's depend on the plan and the number of users.
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
    """Exhausting one domain does not affect the others."""
    if path == "/v2/users":
        return "search"
    return "schedule-oncalls" if _ON_CALLS.fullmatch(path) else "configuration"


class DomainLimits:
    """Counts per caller and domain. Not ``enforced`` it only counts, so a demo is never slowed down."""

    def __init__(self, *, enforced: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets = {
            domain: [RateLimit(allowed, period, enforced=enforced, clock=clock) for period, allowed in numbers.items()]
            for domain, numbers in NUMBERS.items()
        }

    def count(self, caller: str, domain: str) -> Quota:
        """The bucket that refuses, else the one with the least left."""
        quotas = [bucket.count(caller, domain) for bucket in self._buckets[domain]]
        return min(quotas, key=lambda quota: (not quota.exceeded, quota.remaining))
