"""What the headers tell about waiting."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from connectors.retrying import Rate, RateHeaders, backoff, is_retryable, read_rate, seconds_until, told_wait

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
def test_it_takes_garbage_and_the_past_for_not_told(text: str) -> None:
    assert seconds_until(text, NOW) is None


def test_it_waits_for_the_longer_of_both_headers() -> None:
    names = RateHeaders("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
    headers = {"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": "12", "retry-after": "5"}
    rate = read_rate(headers, names, NOW)
    assert rate == Rate(960, 0, 12.0)
    assert told_wait(headers, rate, NOW) == 12
    assert told_wait({"retry-after": "5"}, Rate(), NOW) == 5
    assert told_wait({}, Rate(), NOW) is None


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
