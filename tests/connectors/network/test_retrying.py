"""The time to wait that headers report."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from connectors.network.retrying import (
    Rate,
    RateHeaders,
    backoff,
    is_retryable,
    read_rate,
    reported_wait,
    seconds_until,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()


def date(offset: int) -> str:
    return format_datetime(datetime.fromtimestamp(NOW + offset, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), (" 7 ", 7.0), ("1.5", 1.5), ("86400", 86400.0), (date(30), 30.0), ("Sun, 01 Mar 2026 12:00:09", 9.0)],
)
def test_it_reads_seconds_and_dates(text: str, seconds: float) -> None:
    assert seconds_until(text, NOW) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.0",
        "-5",
        "soon",
        "1_0",
        "1e3",
        "nan",
        "inf",
        "٣",
        "9" * 400,
        date(0),
        date(-60),
        "Sun, 99 Mar 2026 12:00:09 GMT",
        "7, 9",
    ],
)
def test_invalid_and_past_waits_count_as_not_reported(text: str) -> None:
    assert seconds_until(text, NOW) is None


def test_it_waits_for_the_longer_of_both_headers() -> None:
    names = RateHeaders("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
    headers = {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": "12", "retry-after": "5"}
    rate = read_rate(headers, names, NOW)
    assert rate == Rate(960, 0, 12.0)
    assert reported_wait(429, headers, rate, NOW) == 12
    assert reported_wait(429, {"retry-after": "5"}, Rate(), NOW) == 5
    assert reported_wait(429, {}, Rate(), NOW) is None


@pytest.mark.parametrize(
    ("status", "remaining", "wait"), [(500, 959, None), (503, None, None), (503, 0, 45.0), (429, 959, 45.0)]
)
def test_the_reset_of_a_limit_that_is_not_used_up_delays_no_error_of_the_server(
    status: int, remaining: int | None, wait: float | None
) -> None:
    rate = Rate(960, remaining, 45.0)
    assert reported_wait(status, {}, rate, NOW) == wait
    assert reported_wait(status, {"retry-after": "50"}, rate, NOW) == 50


USED = RateHeaders(limit="limit", used="used", period="period")


def counted(used: int, before: Rate | None = None, passed: float = 0.0) -> Rate:
    return read_rate({"limit": "3", "used": str(used), "period": "60"}, USED, NOW, before, passed)


def test_a_budget_reported_as_used_calls_returns_when_its_window_ends() -> None:
    first = counted(1)
    assert first == Rate(3, 2, None, 1, 60.0)
    second = counted(2, first, 10.0)
    assert second == Rate(3, 1, None, 2, 50.0)
    assert counted(3, second, 20.0) == Rate(3, 0, 30.0, 3, 30.0)
    assert counted(5, second, 20.0) == Rate(3, 0, 30.0, 5, 30.0)


def test_a_counter_that_starts_anew_is_a_new_window() -> None:
    assert counted(1, Rate(3, 0, 5.0, 3, 5.0), 2.0) == Rate(3, 2, None, 1, 60.0)


def test_a_counter_that_counts_on_when_its_window_is_over_is_given_a_whole_one() -> None:
    assert counted(3, Rate(3, 1, None, 2, 5.0), 5.0) == Rate(3, 0, 60.0, 3, 60.0)
    assert counted(2, Rate(960, 959, 12.0), 1.0) == Rate(3, 1, None, 2, 60.0)


@pytest.mark.parametrize("lacking", ["limit", "used", "period"])
def test_what_was_used_alone_tells_nothing(lacking: str) -> None:
    headers = {"limit": "3", "used": "3", "period": "60"}
    rate = read_rate({**headers, lacking: "0" if lacking == "period" else "many"}, USED, NOW)
    assert (rate.remaining, rate.reset, rate.window) == (None, None, None)


def test_it_knows_nothing_without_names_or_with_garbage() -> None:
    assert read_rate({"ratelimit-limit": "9"}, RateHeaders(), NOW) == Rate()
    assert read_rate({"l": "many", "r": "-1"}, RateHeaders("l", "r", "x"), NOW) == Rate()


def test_it_backs_off_with_full_jitter_up_to_the_cap() -> None:
    for attempt, most in ((1, 1), (2, 2), (3, 4), (7, 60), (30, 60)):
        waits = [backoff(attempt) for _ in range(200)]
        assert 0 <= min(waits) < most / 4
        assert most / 2 < max(waits) <= most


def test_it_retries_only_what_says_later() -> None:
    statuses = (400, 401, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504)
    assert [status for status in statuses if is_retryable(status)] == [408, 425, 429, 500, 502, 503, 504]
