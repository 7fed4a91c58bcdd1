"""Whose turn it is, by formula from the anchor; nothing is stepped.

Turn k lasts from B(k) to B(k + 1), where B(k) is the first instant at which the clock shows at least the anchor plus k
lengths. So the turn of an instant is the turn of the furthest reading the clock has shown by then.
"""

from calendar import monthrange, timegm
from collections.abc import Sequence
from datetime import datetime, timedelta

from oncall.rendering.intervals import Held, Who
from oncall.rendering.spec import ByTime
from oncall.rendering.zones import at, furthest_reading, stretches

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a reading: naive on purpose
_SECOND = timedelta(seconds=1)


def _boundary(turns: ByTime, turn: int) -> int:
    """When the clock of the turns shows the start of ``turn``: a reading, or an instant when the clock is elapsed."""
    if turns.unit == "seconds":
        return turns.anchor + turn * turns.length
    anchor = _EPOCH + turns.anchor * _SECOND
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + turn * turns.length, 12)
    day = min(anchor.day, monthrange(year, month + 1)[1])
    return timegm((year, month + 1, day, anchor.hour, anchor.minute, anchor.second))


def turn_range(turns: ByTime, zone: str, turn: int) -> tuple[int, int]:
    """The instants at which a turn begins and ends. Equal when the clock jumps over it."""
    start, end = _boundary(turns, turn), _boundary(turns, turn + 1)
    return (start, end) if turns.clock == "elapsed" else (at(zone, start), at(zone, end))


def turn_of(turns: ByTime, shown: int) -> int:
    """The turn that runs when the clock of the turns has shown at most ``shown``."""
    if turns.unit == "seconds":
        return (shown - turns.anchor) // turns.length
    anchor, now = _EPOCH + turns.anchor * _SECOND, _EPOCH + shown * _SECOND
    turn = ((now.year - anchor.year) * 12 + now.month - anchor.month) // turns.length
    return turn if _boundary(turns, turn) <= shown else turn - 1


def turn_at(turns: ByTime, zone: str, instant: int) -> int:
    """The turn that runs at ``instant``; negative before the anchor."""
    return turn_of(turns, instant if turns.clock == "elapsed" else furthest_reading(zone, instant))


def handoffs(turns: ByTime, zone: str, since: int, until: int) -> list[tuple[int, int]]:
    """(instant, turn) of each turn that runs in ``[since, until)``; the first instant is ``since``.

    Where the clock jumps over several boundaries, only the last of these turns begins.
    """
    turn = turn_at(turns, zone, since)
    result = [(since, turn)]
    clock = [(since, until, 0)] if turns.clock == "elapsed" else stretches(zone, since, until)
    for start, end, offset in clock:
        while (instant := _boundary(turns, turn + 1) - offset) < end:
            if instant <= start:
                turn, instant = turn_of(turns, start + offset), start
            else:
                turn += 1
            result.append((instant, turn))
    return result


def turn_spans(turns: ByTime, order: Sequence[Who], zone: str, since: int, until: int) -> list[Held]:
    """Who has the turn in ``[since, until)``, covering it. ``order`` is the order of turns, not empty."""
    if order.count(order[0]) == len(order):
        return [(since, until, order[0])]
    starts = handoffs(turns, zone, since, until)
    ends = [instant for instant, _ in starts[1:]]
    ends.append(until)
    count = len(order)
    return [(start, end, order[turn % count]) for (start, turn), end in zip(starts, ends, strict=True)]
