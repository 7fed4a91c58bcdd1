"""Offsets, readings and their inverse, in every zone and exact to the second."""

import struct
from calendar import timegm
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.rendering import spec, zones
from oncall.rendering.spec import InvalidSpec
from tests.oncall.rendering.comparison import DAY, HOUR, MINUTE, when
from tests.oncall.rendering.referee import zone_info

HALF = HOUR // 2
NAMES = sorted(zones.zone_names())


def by_the_library(name: str, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, zone_info(name)).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def compiled(data: bytes) -> list[tuple[int, int]]:
    """(instant, offset from then on) of every change a compiled zone file lists (RFC 9636, second block)."""
    header = struct.Struct(">4sc15x6l")
    _, _, is_ut, is_std, leaps, times, types, letters = header.unpack_from(data)
    position = header.size + times * 5 + types * 6 + letters + leaps * 8 + is_std + is_ut
    _, _, _, _, _, times, types, _ = header.unpack_from(data, position)
    position += header.size
    instants = struct.unpack_from(f">{times}q", data, position)
    kinds = data[position + 8 * times : position + 9 * times]
    offsets = [struct.unpack_from(">l", data, position + 9 * times + 6 * kind)[0] for kind in range(types)]
    before, changes = offsets[0], []
    for instant, kind in zip(instants, kinds, strict=True):
        if offsets[kind] != before:
            changes.append((instant, before := offsets[kind]))
    return changes


def listed_changes() -> dict[bytes, tuple[str, list[tuple[int, int]]]]:
    """Each distinct compiled file with one of its names."""
    result: dict[bytes, tuple[str, list[tuple[int, int]]]] = {}
    for name in NAMES:
        data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
        result.setdefault(data, (name, compiled(data)))
    return result


LISTED = listed_changes()


def test_no_stretch_since_1900_is_shorter_than_the_step_that_looks_for_changes() -> None:
    gaps = [
        later - earlier
        for _, changes in LISTED.values()
        for (earlier, _), (later, _) in pairwise(changes)
        if later >= spec.EARLIEST
    ]
    assert min(gaps) > zones._STEP
    assert all(abs(offset) < zones._WIDEST for _, changes in LISTED.values() for _, offset in changes)


def assert_all_found(name: str, changes: list[tuple[int, int]], since: int, until: int) -> None:
    found = [(instant, zones.offset_at(name, instant)) for instant in zones.transitions(name, since, until)]
    last = max((instant + 1 for instant, _ in changes), default=since)  # what follows a rule is not listed
    assert [change for change in found if change[0] < last] == [each for each in changes if since <= each[0] < until]


@pytest.mark.slow
def test_every_change_a_zone_file_lists_from_2000_to_2030_is_found_to_the_second() -> None:
    for name, changes in LISTED.values():
        assert_all_found(name, changes, when(2000, 1, 1), when(2030, 1, 1))


@pytest.mark.parametrize(
    "name", ["America/Noronha", "America/Boa_Vista", "Asia/Gaza", "Africa/Tunis", "Europe/Moscow", "Europe/Vienna"]
)
def test_every_change_since_1900_is_found_where_the_stretches_are_shortest(name: str) -> None:
    data = files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    assert_all_found(name, compiled(data), spec.EARLIEST, when(2100, 1, 1))


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe"])
@pytest.mark.parametrize("year", [2027, 2086, 2199])
def test_changes_that_follow_a_rule_for_the_future_are_found(name: str, year: int) -> None:
    since, until = when(year, 1, 1), when(year + 1, 1, 1)
    offsets = [(hour, by_the_library(name, hour)) for hour in range(since - HALF, until, HALF)]
    expected = {hour for (_, before), (hour, after) in pairwise(offsets) if before != after}
    assert set(zones.transitions(name, since, until)) == expected
    assert expected


instants = st.integers(spec.EARLIEST, spec.LATEST - 1)


@given(name=st.sampled_from(NAMES), instant=st.integers(when(1900, 1, 1), when(2060, 1, 1)))
def test_offset_and_reading_are_what_the_library_says(name: str, instant: int) -> None:
    assert zones.offset_at(name, instant) == by_the_library(name, instant)
    assert zones.reading(name, instant) == instant + by_the_library(name, instant)


def test_a_table_grows_both_ways_without_changing_its_offsets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "_tables", {})
    for year in (2026, 1985, 2071, 2200, 1900, 2030):
        for instant in (when(year, 1, 1), when(year, 7, 1, 12), when(year, 12, 31, 23, 59, 59)):
            assert zones.offset_at("Europe/Berlin", instant) == by_the_library("Europe/Berlin", instant)
    assert zones._tables["Europe/Berlin"].until > spec.LATEST


def test_seconds_of_local_mean_time_do_not_break_the_table() -> None:
    liberia = "Africa/Monrovia"  # -0:44:30 until 1972
    assert zones.offset_at(liberia, when(1971, 6, 1)) == -(44 * MINUTE + 30)
    assert zones.at(liberia, when(1971, 6, 1)) == when(1971, 6, 1, 0, 44, 30)
    change = when(1972, 1, 7, 0, 44, 30)
    assert zones.transitions(liberia, when(1971, 1, 1), when(1973, 1, 1)) == (change,)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "localtime", "Factory", "../zones", "America", "europe/berlin"])
def test_it_refuses_an_unknown_zone(name: str) -> None:
    for ask in (zones.check_zone, lambda zone: zones.offset_at(zone, 0), lambda zone: zones.at(zone, 0)):
        with pytest.raises(InvalidSpec) as refused:
            ask(name)
        assert refused.value.path == "zone"


@pytest.mark.parametrize("instant", [-(10**15), timegm((1, 1, 1, 0, 0, 0)), timegm((9999, 1, 1, 0, 0, 0)), 10**15])
def test_outside_the_supported_years_the_first_and_last_offset_apply(instant: int) -> None:
    edge = spec.EARLIEST if instant < 0 else spec.LATEST - 1
    assert zones.offset_at("Europe/Paris", instant) == by_the_library("Europe/Paris", edge)
    assert list(zones.stretches("Europe/Paris", instant, instant + DAY)) == [
        (instant, instant + DAY, by_the_library("Europe/Paris", edge))
    ]


def first_instant_by_looking(name: str, reading: int) -> int:
    """The definition of at, second by second around where it must be."""
    for instant in range(reading - 16 * HOUR, reading + 16 * HOUR):
        if instant + by_the_library(name, instant) >= reading:
            return instant
    raise AssertionError


def test_at_goes_to_the_end_of_a_gap_and_to_the_first_pass_of_a_repeated_hour() -> None:
    paris = "Europe/Paris"
    assert zones.at(paris, when(2026, 3, 29, 1, 59, 59)) == when(2026, 3, 29, 0, 59, 59)
    assert zones.at(paris, when(2026, 3, 29, 2)) == when(2026, 3, 29, 1)
    assert zones.at(paris, when(2026, 3, 29, 2, 59, 59)) == when(2026, 3, 29, 1)
    assert zones.at(paris, when(2026, 3, 29, 3)) == when(2026, 3, 29, 1)
    assert zones.at(paris, when(2026, 3, 29, 3, 0, 1)) == when(2026, 3, 29, 1, 0, 1)
    assert zones.at(paris, when(2026, 10, 25, 2)) == when(2026, 10, 25, 0)
    assert zones.at(paris, when(2026, 10, 25, 2, 59, 59)) == when(2026, 10, 25, 0, 59, 59)
    assert zones.at(paris, when(2026, 10, 25, 3)) == when(2026, 10, 25, 2)


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("Pacific/Apia", when(2011, 12, 30, 12)),  # the day that was skipped
        ("Pacific/Kwajalein", when(1969, 9, 30, 12)),  # 23 hours twice
        ("Australia/Lord_Howe", when(2026, 4, 5, 1, 45)),
        ("Africa/Cairo", when(2026, 4, 24, 0, 30)),  # midnight skipped
    ],
)
def test_at_is_the_first_second_whose_reading_is_that_large(name: str, reading: int) -> None:
    assert zones.at(name, reading) == first_instant_by_looking(name, reading)


@given(
    name=st.sampled_from(NAMES),
    around=st.integers(when(1901, 1, 1), when(2060, 1, 1)),
    offset=st.integers(-2 * DAY, 2 * DAY),
)
def test_the_instants_of_a_reading_are_all_that_show_it(name: str, around: int, offset: int) -> None:
    changes = zones.transitions(name, around, around + 400 * DAY) or (around,)
    reading = changes[0] + offset
    found = zones.instants(name, reading)
    # An instant shows the reading if it is the reading minus an offset that the clock has around that time.
    offsets = {zones.offset_at(name, reading + hours * HOUR) for hours in range(-26, 27)}
    showing = sorted(each for each in {reading - each for each in offsets} if zones.reading(name, each) == reading)
    assert list(found) == showing
    assert not found or zones.at(name, reading) == found[0]


@given(
    name=st.sampled_from(NAMES),
    around=st.integers(when(1901, 1, 1), when(2060, 1, 1)),
    steps=st.lists(st.integers(1, 2 * HOUR), min_size=1, max_size=20),
    near_a_change=st.booleans(),
)
def test_at_never_decreases_and_answers_its_definition(
    name: str, around: int, steps: list[int], near_a_change: bool
) -> None:
    if near_a_change and (changes := zones.transitions(name, around, around + 400 * DAY)):
        around = changes[0] + zones.offset_at(name, changes[0]) - 3 * HOUR
    last = zones.at(name, around)
    for step in steps:
        around += step
        instant = zones.at(name, around)
        assert instant >= last
        assert zones.reading(name, instant) >= around
        assert zones.furthest_reading(name, instant - 1) < around
        last = instant


@given(name=st.sampled_from(NAMES), since=instants, length=st.integers(-DAY, 1000 * DAY))
def test_stretches_cover_the_range_with_the_right_offsets(name: str, since: int, length: int) -> None:
    until = since + length
    parts = list(zones.stretches(name, since, until))
    assert bool(parts) == (length > 0)
    if parts:
        assert (parts[0][0], parts[-1][1]) == (since, until)
    for start, end, offset in parts:
        assert start < end
        if end <= spec.LATEST:
            assert by_the_library(name, start) == by_the_library(name, end - 1) == offset
    assert [start for start, _, _ in parts[1:]] == [t for t in zones.transitions(name, since, until) if t != since]


def test_the_furthest_reading_stays_at_the_change_until_the_clock_has_caught_up() -> None:
    change = when(2026, 10, 25, 1)  # 03:00 becomes 02:00 in Paris
    before = when(2026, 10, 25, 2, 59, 59)
    assert zones.furthest_reading("Europe/Paris", change - 1) == before
    assert zones.furthest_reading("Europe/Paris", change) == before
    assert zones.furthest_reading("Europe/Paris", change + HOUR - 1) == before
    assert zones.furthest_reading("Europe/Paris", change + HOUR) == before + 1


def test_names_are_those_of_the_packaged_zone_data() -> None:
    assert {"Europe/Berlin", "Asia/Rangoon", "Etc/GMT+12", "UTC"} <= zones.zone_names()
    assert datetime.fromtimestamp(spec.EARLIEST, UTC).year == spec.FIRST_YEAR
    assert datetime.fromtimestamp(spec.LATEST - 1, UTC).year == spec.LAST_YEAR
