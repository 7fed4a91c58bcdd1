"""Every minute around every change of every zone in one year, and every minute of a year in twelve zones."""

from array import array
from datetime import datetime
from operator import ne
from typing import Literal

import pytest

from oncall.rendering.answers import on_call_at
from oncall.rendering.final import render_final
from oncall.rendering.spec import ByTime, Daily, Everyone, Layer, ScheduleSpec, Weekly, Window
from oncall.rendering.zones import offset_at, transitions, zone_names
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAN,
    DAY,
    EVE,
    HOUR,
    MINUTE,
    clock_time,
    layer,
    minutes_of,
    names,
    plain,
    stack,
    when,
)
from tests.oncall.rendering.referee import timeline, zone_info

YEAR = 2026


def changes() -> dict[tuple[int, int, int], list[str]]:
    """Returns the zones of each change, by (instant, offset before, offset after)."""
    result: dict[tuple[int, int, int], list[str]] = {}
    for zone in sorted(zone_names()):
        for instant in transitions(zone, when(YEAR, 1, 1), when(YEAR + 1, 1, 1)):
            key = (instant, offset_at(zone, instant - 1), offset_at(zone, instant))
            result.setdefault(key, []).append(zone)
    return result


CHANGES = changes()
ANCHOR = when(YEAR, 1, 5, 2, 30)
MATRIX_ZONES = (
    "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "Asia/Beirut",
    "America/Havana", "Atlantic/Azores", "Antarctica/Troll", "Asia/Kolkata", "Pacific/Auckland", "Africa/Casablanca",
)  # fmt: skip
MATRIX_WINDOWS = tuple(
    (clock_time(start), hours * HOUR) for start, hours in ((9, 8), (20, 6), (2, 1), (0, 24), (22, 8), (0, 1))
)


def shapes(zone: str) -> dict[str, ScheduleSpec]:
    night = (Daily(clock_time(20), 6 * HOUR),)
    small_hours = (Daily(clock_time(1, 30), HOUR), Daily(clock_time(23, 30), HOUR))
    weekend = (Weekly(6, clock_time(22), 30 * HOUR), Weekly(7, clock_time(0, 15), 2 * HOUR))
    return {
        "hourly turns around the clock": stack(zone, layer("a", ANN, BEN, CAT, turns=ByTime(ANCHOR, HOUR))),
        "daily turns at half past two, nights over days": stack(
            zone,
            layer("a", ANN, BEN, turns=ByTime(ANCHOR, DAY), windows=night),
            layer("b", CAT, DAN, EVE, turns=ByTime(ANCHOR, DAY)),
        ),
        "small hours over the weekend": stack(
            zone,
            layer("a", ANN, BEN, turns=ByTime(ANCHOR, 90 * 60), windows=small_hours),
            layer("b", CAT, DAN, turns=ByTime(ANCHOR, 12 * HOUR), windows=weekend),
        ),
    }


def test_the_year_has_changes_of_every_kind() -> None:
    assert len({zone for zones in CHANGES.values() for zone in zones}) > 150
    jumps = {after - before for _, before, after in CHANGES}
    assert {HOUR, -HOUR, HOUR // 2, -HOUR // 2, 2 * HOUR, -2 * HOUR} <= jumps
    assert any((instant + before) % DAY == 0 and after > before for instant, before, after in CHANGES)  # midnight gap


@pytest.mark.slow
@pytest.mark.parametrize("shape", list(shapes("Etc/UTC")))
def test_no_minute_differs_in_the_two_days_around_every_change_of_every_zone(shape: str) -> None:
    """One zone is tested for all zones with the same change: equal instant and equal offsets before and after."""
    differing = compared = 0
    for (instant, before, after), zones in CHANGES.items():
        since, until = instant - DAY, instant + DAY
        for zone in zones:
            assert transitions(zone, since, until) == (instant,)
            assert (offset_at(zone, since), offset_at(zone, until)) == (before, after)
        spec = shapes(zones[0])[shape]
        ours = minutes_of(render_final(spec, (), since, until))
        for minute, verdict in timeline(plain(spec), [], since, until).items():
            answer = names(on_call_at(spec, (), minute))
            differing += not ours.get(minute, ()) == verdict == answer
            compared += 1
    assert compared == len(CHANGES) * 2 * DAY // MINUTE > 150_000
    assert differing == 0


def edges(key: str, window: Window, window_edge: Literal["membership", "boundary"]) -> Layer:
    return layer(key, ANN, turns=Everyone(), windows=(window,), window_edge=window_edge)


@pytest.mark.slow
@pytest.mark.parametrize("zone", MATRIX_ZONES)
def test_no_minute_differs_in_a_year_of_six_daily_windows(zone: str) -> None:
    """A minute is covered if its reading (membership) or its largest reading so far (boundary) is in a window.

    The clock is read once for each minute. Each minute of the day is compared with the window once.
    """
    info = zone_info(zone)
    since, until = when(YEAR, 1, 4), when(YEAR, 12, 30)
    shown, furthest, most = array("i"), array("i"), 0
    for instant in range(since - DAY, until, MINUTE):
        moment = datetime.fromtimestamp(instant, info)
        reading = moment.toordinal() * 1440 + moment.hour * 60 + moment.minute
        most = max(most, reading)
        shown.append(reading % 1440)
        furthest.append(most % 1440)
    differing = compared = 0
    for start, duration in MATRIX_WINDOWS:
        holds = [(minute - start // MINUTE) % 1440 < duration // MINUTE for minute in range(1440)]
        for window_edge, clock in (("membership", shown), ("boundary", furthest)):
            verdict = bytes(map(holds.__getitem__, clock[1440:]))
            ours = bytearray(len(verdict))
            spec = stack(zone, edges("a", Daily(start, duration), window_edge))
            for span in render_final(spec, (), since, until):
                first, end = (span.start - since) // MINUTE, (span.end - since) // MINUTE
                ours[first:end] = b"\1" * (end - first)
            differing += 0 if ours == verdict else sum(map(ne, ours, verdict))
            compared += len(verdict)
    assert compared == 2 * 6 * 360 * 1440
    assert differing == 0
