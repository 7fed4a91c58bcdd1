"""When a layer is open: windows by membership of the wall clock's reading.

An instant is inside a window iff its reading lies in ``[d + start, d + start + duration)`` for some day d on which the
window starts. So a repeated hour counts both times and a skipped one never.
"""

from collections.abc import Iterable
from functools import lru_cache

from oncall.rendering.intervals import Range
from oncall.rendering.spec import Always, Daily, NotRendered, Weekly, Window
from oncall.rendering.zones import DAY

WEEK = 7 * DAY
_MONDAY = 4 * DAY  # 1970-01-05

EVER: tuple[Range, ...] = ((0, WEEK),)


@lru_cache(maxsize=1024)
def weekly_pattern(windows: tuple[Window, ...]) -> tuple[Range, ...]:
    """The union of daily and weekly windows, in seconds after Monday 00:00: sorted, and apart even cyclically.

    Starts lie in ``[0, WEEK)``, the last end may lie in the next week. :data:`EVER` when nothing is left out. Raises
    NotRendered for recurring windows.
    """
    ranges: list[Range] = []
    for window in windows:
        match window:
            case Always():
                return EVER
            case Daily(start, duration):
                ranges += ((day * DAY + start, day * DAY + start + duration) for day in range(7))
            case Weekly(weekday, start, duration):
                begin = (weekday - 1) * DAY + start
                ranges.append((begin, begin + duration))
            case _:
                raise NotRendered("windows", "a layer with recurring windows")
    ranges.sort()
    apart = [ranges[0]]
    for start, end in ranges[1:]:
        last_start, last_end = apart[-1]
        if start <= last_end:
            apart[-1] = (last_start, max(last_end, end))
        else:
            apart.append((start, end))
    last_start, last_end = apart.pop()
    while apart and last_end - WEEK >= apart[0][0]:  # runs into next week's first
        last_end = max(last_end, apart.pop(0)[1] + WEEK)
    if last_end - last_start >= WEEK:
        return EVER
    return (*apart, (last_start, last_end))


def open_ranges(windows: tuple[Window, ...], stretches: Iterable[tuple[int, int, int]]) -> list[Range]:
    """When the windows are open during the stretches (start, end, offset): instants, sorted, disjoint and apart."""
    pattern = weekly_pattern(windows)
    result: list[Range] = []
    for start, end, offset in stretches:
        if pattern is EVER:
            inside = [(start, end)]
        else:
            monday = start + offset - (start + offset - _MONDAY) % WEEK - offset
            inside = [
                (base + opens, base + closes)
                for base in range(monday - WEEK, end, WEEK)
                for opens, closes in pattern
                if base + closes > start and base + opens < end
            ]
            if not inside:
                continue
            inside[0] = (max(inside[0][0], start), inside[0][1])
            inside[-1] = (inside[-1][0], min(inside[-1][1], end))
        if result and result[-1][1] == inside[0][0]:
            inside[0] = (result.pop()[0], inside[0][1])
        result += inside
    return result


def is_open(windows: tuple[Window, ...], reading: int) -> bool:
    """Whether a wall-clock reading lies inside one of the windows. Raises NotRendered for recurring ones."""
    for window in windows:
        match window:
            case Always():
                return True
            case Daily(start, duration):
                if (reading - start) % DAY < duration:
                    return True
            case Weekly(weekday, start, duration):
                if (reading - _MONDAY - (weekday - 1) * DAY - start) % WEEK < duration:
                    return True
            case _:
                raise NotRendered("windows", "a layer with recurring windows")
    return False
