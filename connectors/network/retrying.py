"""When to ask again and how long to wait first: the constants and the arithmetic, without any I/O."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0
REQUEST_SECONDS: Final = 60.0
PAGE_BYTES: Final = 20_000_000

ATTEMPTS: Final = 5
FLAWED_ATTEMPTS: Final = 2
BACKOFF_BASE: Final = 1.0
BACKOFF_CAP: Final = 60.0
LONGEST_SLEEP: Final = 60.0
WAIT_BUDGET: Final = 1800.0

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """The provider's header names, lower case; None where it has none. ``reset`` tells seconds from now. Where nothing
    tells what is left and until when, ``used`` counts up in a window of ``period`` seconds.

    PagerDuty: REST API docs "Rate Limiting" (``ratelimit-limit``, ``ratelimit-remaining``, ``ratelimit-reset``).
    xMatters: headers that its own tool reads (xmtoolbox, lib/common.js: ``x-ratelimit-used``,
    ``x-ratelimit-period_in_sec``).
    """

    limit: str | None = None
    remaining: str | None = None
    reset: str | None = None
    used: str | None = None
    period: str | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """What the last answer said about the budget. ``reset`` in seconds; None = not told.

    used, window: of a budget that is told by what was used of it: so much, and the most seconds until that starts anew.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None
    used: int | None = None
    window: float | None = None


def read_rate(
    headers: Mapping[str, str], names: RateHeaders, now: float, before: Rate | None = None, passed: float = 0.0
) -> Rate:
    """The budget as told by one answer's headers. before: as told ``passed`` seconds ago."""
    limit = _count(headers, names.limit)
    used, period = _count(headers, names.used), _count(headers, names.period)
    if limit is not None and used is not None and period:
        window = _window(used, float(period), before or Rate(), passed)
        return Rate(limit, max(0, limit - used), window if used >= limit else None, used, window)
    return Rate(
        limit=limit,
        remaining=_count(headers, names.remaining),
        reset=None if names.reset is None else seconds_until(headers.get(names.reset, ""), now),
    )


def _window(used: int, period: float, before: Rate, passed: float) -> float:
    """A window that an answer is the first of began before it, so it ends a period later at the latest. One that ought
    to be over, and still counts on, is told by the vendor in another way than this: then a whole period is safe."""
    if before.used is None or before.window is None or used < before.used or before.window <= passed:
        return period
    return before.window - passed


def told_wait(headers: Mapping[str, str], rate: Rate, now: float) -> float | None:
    """Seconds the source asks us to wait: the longer of ``Retry-After`` and its own reset header; None = not told."""
    told = [wait for wait in (seconds_until(headers.get("retry-after", ""), now), rate.reset) if wait is not None]
    return max(told, default=None)


def seconds_until(text: str, now: float) -> float | None:
    """Seconds (with fraction) or an HTTP date (RFC 9110, 10.2.3) → seconds > 0.

    ``now``: seconds since the epoch. None for garbage and for what has passed: the caller backs off, never hammers.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(text) or None
    try:
        until = parsedate_to_datetime(text)
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return wait if wait > 0 else None


def backoff(attempt: int) -> float:
    """Full jitter: anything up to base x 2^(attempt-1), at most the cap. ``attempt`` counts from 1."""
    return random.uniform(0, min(BACKOFF_CAP, BACKOFF_BASE * 2 ** (attempt - 1)))  # noqa: S311 - spreads load only


def is_retryable(status: int) -> bool:
    """Statuses that say "later" rather than "no"."""
    return status in (408, 425, 429) or status >= 500


def _count(headers: Mapping[str, str], name: str | None) -> int | None:
    text = "" if name is None else headers.get(name, "").strip()
    return int(text) if _COUNT.fullmatch(text) else None
