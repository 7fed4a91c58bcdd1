"""Around every change of every zone in one year: rendered, refereed and asked agree."""

import pytest

from oncall.rendering.spec import Always, ByTime, Daily, ScheduleSpec, Weekly, Window
from oncall.rendering.zones import offset_at, transitions, zone_names
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAN,
    DAY,
    EVE,
    HOUR,
    assert_agrees,
    clock_time,
    layer,
    stack,
    when,
)

YEAR = 2026


def changes() -> dict[tuple[int, int, int], list[str]]:
    """(instant, offset before, offset after) -> the zones in which that happens, of every zone there is."""
    result: dict[tuple[int, int, int], list[str]] = {}
    for zone in sorted(zone_names()):
        for instant in transitions(zone, when(YEAR, 1, 1), when(YEAR + 1, 1, 1)):
            key = (instant, offset_at(zone, instant - 1), offset_at(zone, instant))
            result.setdefault(key, []).append(zone)
    return result


CHANGES = changes()
ANCHOR = when(YEAR, 1, 5, 2, 30)
ALWAYS: tuple[Window, ...] = (Always(),)


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
def test_around_every_change_of_every_zone(shape: str) -> None:
    """One zone stands for all that share the change: the same instant, the same offsets hours around it."""
    for (instant, before, after), zones in CHANGES.items():
        since, until = instant - 7 * HOUR, instant + 7 * HOUR
        for zone in zones:
            assert offset_at(zone, since) == before
            assert offset_at(zone, until) == after
        sampled = range(instant - 3 * HOUR, instant + 3 * HOUR, 421)
        assert_agrees(shapes(zones[0])[shape], since, until, sampled=sampled)
