"""When a layer is open.

Daily and weekly windows with ``window_edge`` *membership* form one pattern per week. The pattern is repeated in each
stretch of time with a constant UTC offset: an instant is inside a window if its wall-clock reading is. All other cases
(recurrence rules, ``window_edge`` *boundary*, ``clip`` *drop*) compute single occurrences.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter

from oncall.rendering.intervals import Range, joined
from oncall.rendering.recurrence import pattern
from oncall.rendering.spec import Always, Daily, Layer, Recurring, Weekly, Window
from oncall.rendering.zones import DAY, WEEK, at, reading, stretches

#: The windows that have occurrences: all but Always.
Recurrent = Daily | Weekly | Recurring

_MONDAY = 4 * DAY  # 1970-01-05
_WIDEST = DAY  # every UTC offset is smaller than this

#: The weekly pattern that is always open.
EVER: tuple[Range, ...] = ((0, WEEK),)


@lru_cache(maxsize=1024)
def weekly_pattern(windows: tuple[Always | Daily | Weekly, ...]) -> tuple[Range, ...]:
    """Returns the union of windows that repeat every week, as ranges in seconds after Monday 00:00.

    The ranges are sorted and not overlapping, also across the end of the week. Each start is in ``[0, WEEK)``; the last
    end may be in the next week. The result is :data:`EVER` when the union covers the whole week.
    """
    ranges: list[Range] = []
    for window in windows:
        match window:
            case Always():
                return EVER
            case Daily(start, duration):
                ranges += ((day * DAY + start, day * DAY + start + duration) for day in range(7))
            case Weekly(weekday, start, duration):  # pragma: no branch - mypy proves these are all
                begin = (weekday - 1) * DAY + start
                ranges.append((begin, begin + duration))
    apart = joined(ranges)
    last_start, last_end = apart.pop()
    while apart and last_end - WEEK >= apart[0][0]:  # the last range reaches the first range of the next week
        last_end = max(last_end, apart.pop(0)[1] + WEEK)
    if last_end - last_start >= WEEK:
        return EVER
    return (*apart, (last_start, last_end))


def open_ranges(layer: Layer, zone: str, since: int, until: int) -> list[Range]:
    """Returns the ranges of instants in ``[since, until)`` in which the layer's windows are open: sorted, with time
    between each two.

    The function applies ``clip`` *drop*. It does not apply *cut*: the caller passes a range that lies inside the clip.
    """
    if (alike := _alike_every_week(layer)) is not None:
        return _repeated(weekly_pattern(alike), stretches(zone, since, until))
    found: list[Range] = []
    for window in layer.windows:
        if isinstance(window, Always):
            return [(since, until)]
        found += _opened(layer, zone, window, since, until)
    return joined((max(start, since), min(end, until)) for start, end in found if start < until and end > since)


def is_open(layer: Layer, zone: str, instant: int) -> bool:
    """Returns whether the layer's windows are open at an instant. ``clip`` *drop* is applied, *cut* is not."""
    if layer.window_edge != "membership" or _drops(layer):
        return bool(open_ranges(layer, zone, instant, instant + 1))
    shown = reading(zone, instant)
    return any(_contains(window, shown) for window in layer.windows)


def occurrences(layer: Layer, zone: str, window: Recurrent, since: int, until: int) -> Iterator[tuple[int, int, int]]:
    """Yields (reading of the start, first instant, end instant) of each occurrence that may overlap ``[since, until)``
    and that the clip does not drop.

    If the clock skips an occurrence, its end equals its first instant.
    """
    drops = _drops(layer)
    for start, begins in _beginnings(window, zone, since - _WIDEST - window.duration, until + _WIDEST):
        ends = at(zone, start + window.duration, begins)
        if drops and layer.starts_at is not None and begins < layer.starts_at:
            continue
        if drops and layer.ends_at is not None and ends > layer.ends_at:
            continue
        yield start, begins, ends


def _alike_every_week(layer: Layer) -> tuple[Always | Daily | Weekly, ...] | None:
    """Returns the layer's windows if one weekly pattern describes them completely, else None."""
    if layer.window_edge != "membership" or _drops(layer):
        return None
    alike = tuple(window for window in layer.windows if not isinstance(window, Recurring))
    return alike if len(alike) == len(layer.windows) else None


def _drops(layer: Layer) -> bool:
    return layer.clip == "drop" and (layer.starts_at is not None or layer.ends_at is not None)


def _repeated(week: Sequence[Range], clock: Iterable[tuple[int, int, int]]) -> list[Range]:
    """Returns the ranges of instants of a weekly pattern. clock: stretches (start, end, offset)."""
    result: list[Range] = []
    for start, end, offset in clock:
        if week is EVER:
            inside = [(start, end)]
        else:
            monday = start + offset - (start + offset - _MONDAY) % WEEK - offset
            inside = [
                (base + opens, base + closes)
                for base in range(monday - WEEK, end, WEEK)
                for opens, closes in week
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


def _opened(layer: Layer, zone: str, window: Recurrent, since: int, until: int) -> Iterator[Range]:
    """Yields the occurrences of one window as ranges of instants, unsorted; they may overlap or leave the range."""
    found = occurrences(layer, zone, window, since, until)
    if layer.window_edge == "boundary":
        for _, begins, ends in found:
            yield begins, ends
        return
    shown = joined((start, start + window.duration) for start, _, _ in found)
    for start, end, offset in stretches(zone, since, until):
        first = bisect_right(shown, start + offset, key=itemgetter(1))
        last = bisect_left(shown, end + offset, key=itemgetter(0))
        for opens, closes in shown[first:last]:
            yield max(opens - offset, start), min(closes - offset, end)


def _beginnings(window: Recurrent, zone: str, since: int, until: int) -> Iterator[tuple[int, int]]:
    """Yields (reading, instant) of the starts with a reading in ``[since, until)``; those of ``late`` come last."""
    first = first_at = None
    if isinstance(window, Recurring) and window.first_at is not None:
        first, first_at = window.first, window.first_at
    for start in _starts(window, since, until):
        yield start, first_at if first_at is not None and start == first else at(zone, start)
    for instant in window.late if isinstance(window, Recurring) else ():
        if since <= (start := reading(zone, instant)) < until:
            yield start, instant


def _starts(window: Recurrent, since: int, until: int) -> Iterable[int]:
    """Returns the readings in ``[since, until)`` at which an occurrence starts."""
    match window:
        case Daily(start):
            return range(since + (start - since) % DAY, until, DAY)
        case Weekly(weekday, start):
            start += _MONDAY + (weekday - 1) * DAY
            return range(since + (start - since) % WEEK, until, WEEK)
        case Recurring():  # pragma: no branch - mypy proves these are all
            return pattern(window).starts(since, until)


def _contains(window: Window, shown: int) -> bool:
    """Returns whether a reading is inside an occurrence of the window. shown: the reading."""
    match window:
        case Always():
            return True
        case Daily(start, duration):
            return (shown - start) % DAY < duration
        case Weekly(weekday, start, duration):
            return (shown - _MONDAY - (weekday - 1) * DAY - start) % WEEK < duration
        case Recurring(duration=duration):  # pragma: no branch - mypy proves these are all
            return bool(pattern(window).starts(shown - duration + 1, shown + 1))
