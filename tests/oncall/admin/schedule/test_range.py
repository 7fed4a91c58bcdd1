"""The query of a schedule's page: which days, whose clock, which instant."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.admin.schedule.range import DEFAULT_DAYS, RANGES, VisibleRange
from oncall.rendering.codec import instant_from_text
from oncall.rendering.spec import EARLIEST, LATEST
from oncall.rendering.zones import DAY, HOUR, reading

BERLIN = "Europe/Berlin"
NOW = instant_from_text("2026-03-28T12:00:00Z")  # a day before the clock is put forward


def of(mine: str = "", **query: str) -> VisibleRange:
    return VisibleRange.of({name.removesuffix("_"): value for name, value in query.items()}, BERLIN, NOW, mine)


def test_the_default_is_a_fortnight_from_today_on() -> None:
    found = of()
    assert (found.days, found.first, found.clock, found.zone, found.chosen) == (
        14,
        "2026-03-28",
        "schedule",
        BERLIN,
        None,
    )
    assert found.since == instant_from_text("2026-03-27T23:00:00Z")
    assert found.until - found.since == 14 * DAY - HOUR  # the day of the change has 23 hours


@pytest.mark.parametrize(
    ("query", "first", "days"),
    [
        ({"days": "7"}, "2026-03-28", 7),
        ({"days": "8"}, "2026-03-28", DEFAULT_DAYS),
        ({"from_": "2026-05-01", "days": "1"}, "2026-05-01", 1),
        ({"from_": "yesterday"}, "2026-03-28", 14),
        ({"from_": "0001-01-01"}, "2026-03-28", 14),
        ({"from_": "9999-12-31"}, "2026-03-28", 14),
        ({"at": "2026-03-30T10:00"}, "2026-03-28", 14),
        ({"at": "2026-05-30T10:00"}, "2026-05-30", 14),
        ({"at": "2026-03-27T10:00"}, "2026-03-27", 14),
    ],
)
def test_what_cannot_be_read_counts_as_missing(query: dict[str, str], first: str, days: int) -> None:
    found = of(**query)
    assert (found.first, found.days) == (first, days)


@pytest.mark.parametrize(
    ("mine", "zone", "clock", "name"),
    [
        ("", "", "schedule", BERLIN), ("", "utc", "utc", "UTC"), ("Asia/Tokyo", "mine", "mine", "Asia/Tokyo"),
        ("", "mine", "schedule", BERLIN), ("Nowhere/Land", "mine", "schedule", BERLIN),
        ("", "Asia/Tokyo", "schedule", BERLIN),
    ],
)  # fmt: skip
def test_whose_clock_it_is(mine: str, zone: str, clock: str, name: str) -> None:
    found = of(mine, zone=zone)
    assert (found.clock, found.zone) == (clock, name)


def test_an_instant_is_read_in_the_zone_that_is_shown() -> None:
    nine = instant_from_text("2026-03-30T09:00:00Z")
    assert of(at="2026-03-30T11:00").chosen == of(at="2026-03-30T09:00", zone="utc").chosen == nine
    assert of(at="2026-03-30T09:00:00Z").chosen == of(at="2026-03-30T11:00:00+02:00").chosen == nine
    assert of(at="2026-03-29T02:30").chosen is None  # the clock skips it: the page names the nearest times
    for text in ("", "soon", "2026-13-01T00:00", "1850-01-01T00:00", "2201-01-02T00:00", "9999-12-31T23:59"):
        assert of(at=text).chosen is None, text


def test_links_keep_what_they_do_not_change() -> None:
    found = of(days="7", zone="utc")
    assert found.link() == "?days=7&from=2026-03-28&zone=utc"
    assert found.link(days=30) == "?days=30&from=2026-03-28&zone=utc"
    assert found.link(shift=1) == "?days=7&from=2026-04-04&zone=utc"
    assert found.link(shift=-1) == "?days=7&from=2026-03-21&zone=utc"
    assert found.link(clock="schedule") == "?days=7&from=2026-03-28"
    assert found.link(chosen=NOW) == "?days=7&from=2026-03-28&zone=utc&at=2026-03-28T12:00:00Z#why"


typed = st.text("0129-:TZ+ é", max_size=12)
texts = st.one_of(typed, st.dates().map(str), st.datetimes().map(str), st.sampled_from(("7", "utc", "mine")))
keys = st.sampled_from(("days", "from", "zone", "at"))
zones = st.sampled_from((BERLIN, "Pacific/Apia", "America/Sao_Paulo"))


@given(st.dictionaries(keys, texts), zones, st.integers(EARLIEST + 40 * DAY, LATEST - 40 * DAY))
def test_every_query_has_days_that_can_be_rendered(query: dict[str, str], zone: str, now: int) -> None:
    found = VisibleRange.of(query, zone, now)
    assert EARLIEST < found.since < found.until < LATEST
    assert found.days in RANGES
    assert reading(found.zone, found.until) - reading(found.zone, found.since) in range(
        (found.days - 1) * DAY, (found.days + 1) * DAY
    )
    link: Any = found.link(shift=0)
    assert f"from={found.first}" in link
