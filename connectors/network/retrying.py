"""Decides when a request is repeated and how long to wait before it. Pure."""

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
    """The provider's header names in lower case; None = no header. reset: reports seconds from now.

    used, period: reported instead of ``remaining``; ``used`` counts up in a window of ``period`` seconds.

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
    """The rate limit as the last answer reported it. reset: in seconds. None = not reported.

    used, window: the number of requests in the current window, and the longest time in seconds until the window ends.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None
    used: int | None = None
    window: float | None = None


def read_rate(
    headers: Mapping[str, str], names: RateHeaders, now: float, before: Rate | None = None, passed: float = 0.0
) -> Rate:
    """Return the rate limit that the headers of one answer report. before: the rate limit ``passed`` seconds ago."""
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
    """Return the longest time in seconds until the window ends.

    A window begins before its first answer, so it ends at most one period later. If a window should be over but still
    counts, its rule is unknown, and a whole period is safe.
    """
    if before.used is None or before.window is None or used < before.used or before.window <= passed:
        return period
    return before.window - passed


def reported_wait(status: int, headers: Mapping[str, str], rate: Rate, now: float) -> float | None:
    """Return the seconds to wait that an answer reports, None = not reported.

    ``Retry-After`` counts for every status. The reset header comes with every answer, so it counts only when the rate
    limit is the reason (429) or is used up.
    """
    limited = status == 429 or rate.remaining == 0
    waits = [seconds_until(headers.get("retry-after", ""), now), rate.reset if limited else None]
    return max((wait for wait in waits if wait is not None), default=None)


def seconds_until(text: str, now: float) -> float | None:
    """Return the seconds, more than 0, until a time sent as seconds or as an HTTP date (RFC 9110, 10.2.3).

    now: seconds since the epoch. None if the text is invalid or the time has passed; the caller then backs off.
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
    """Return random seconds up to base x 2^(attempt-1), at most the cap (full jitter). attempt: counts from 1."""
    return random.uniform(0, min(BACKOFF_CAP, BACKOFF_BASE * 2 ** (attempt - 1)))  # noqa: S311 - spreads load only


def is_retryable(status: int) -> bool:
    """Return whether a request with this status may succeed later."""
    return status in (408, 425, 429) or status >= 500


def _count(headers: Mapping[str, str], name: str | None) -> int | None:
    text = "" if name is None else headers.get(name, "").strip()
    return int(text) if _COUNT.fullmatch(text) else None
