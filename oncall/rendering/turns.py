"""Whose turn it is, computed from the anchor by a formula, without steps from turn to turn.

Turn k lasts from B(k) to B(k + 1). B(k) is the first instant at which the clock shows at least the anchor plus k
lengths. So the turn at an instant is the turn of the largest reading that the clock has shown until this instant.
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
    """Returns the start of ``turn``: a reading, or an instant when the clock is *elapsed*."""
    if turns.unit == "seconds":
        return turns.anchor + turn * turns.length
    anchor = _EPOCH + turns.anchor * _SECOND
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + turn * turns.length, 12)
    day = min(anchor.day, monthrange(year, month + 1)[1])
    return timegm((year, month + 1, day, anchor.hour, anchor.minute, anchor.second))


def turn_range(turns: ByTime, zone: str, turn: int) -> tuple[int, int]:
    """Returns the instants at which a turn begins and ends. They are equal if the clock skips the turn."""
    start, end = _boundary(turns, turn), _boundary(turns, turn + 1)
    return (start, end) if turns.clock == "elapsed" else (at(zone, start), at(zone, end))


def turn_of(turns: ByTime, shown: int) -> int:
    """Returns the number of the turn. shown: the largest value that the clock of the turns has shown."""
    if turns.unit == "seconds":
        return (shown - turns.anchor) // turns.length
    anchor, now = _EPOCH + turns.anchor * _SECOND, _EPOCH + shown * _SECOND
    turn = ((now.year - anchor.year) * 12 + now.month - anchor.month) // turns.length
    return turn if _boundary(turns, turn) <= shown else turn - 1


def turn_at(turns: ByTime, zone: str, instant: int) -> int:
    """Returns the number of the turn at ``instant``. It is negative before the anchor."""
    return turn_of(turns, instant if turns.clock == "elapsed" else furthest_reading(zone, instant))


def handoffs(turns: ByTime, zone: str, since: int, until: int) -> list[tuple[int, int]]:
    """Returns (instant, turn) for each turn in ``[since, until)``, in order. The first instant is ``since``.

    If the clock skips several handoffs, only the last of these turns is in the result.
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
    """Returns who has the turn, without gaps in ``[since, until)``. order: the holders in order of turns, not empty."""
    if order.count(order[0]) == len(order):
        return [(since, until, order[0])]
    starts = handoffs(turns, zone, since, until)
    ends = [instant for instant, _ in starts[1:]]
    ends.append(until)
    count = len(order)
    return [(start, end, order[turn % count]) for (start, turn), end in zip(starts, ends, strict=True)]
