"""Rendering with the least possible work, for comparison: tuples of integers, only for schedules like the standard one.

Weekly or daily turns by wall clock, at most one daily window per layer, overrides that replace all layers and do not
overlap; layers in order, the first wins. There are no checks, no options and no result objects. The additional time of
the product's renderer is the cost of its model.
"""

from itertools import pairwise
from sys import intern

from oncall.rendering.spec import Always, ByTime, Daily, ScheduleSpec
from oncall.rendering.zones import DAY, stretches

Spans = list[tuple[int, int, str]]
#: Anchor (reading), length of a turn, people in order, start of the daily window (seconds after midnight) and its
#: length, None = always open.
Layer = tuple[int, int, tuple[str, ...], int, int | None]
#: Stretches of constant offset (start, end, offset), layers, overrides in order.
Prepared = tuple[tuple[tuple[int, int, int], ...], tuple[Layer, ...], Spans]

_FAR = 1 << 62


def prepared(spec: ScheduleSpec, since: int, until: int) -> Prepared:
    """Return a schedule in the kernel's format, with the table of its zone. Raises TypeError if it is not supported."""
    layers: list[Layer] = []
    for layer in spec.layers:
        match layer.turns, layer.windows:
            case ByTime(anchor, length, "seconds", "wall"), (Always(),):
                window: tuple[int, int | None] = (0, None)
            case ByTime(anchor, length, "seconds", "wall"), (Daily(start, duration),):
                window = (start, duration)
            case _:
                raise TypeError(f"layer {layer.key} is more than the kernel does")
        layers.append((anchor, length, tuple(intern(str(each)) for each in layer.participants), *window))
    overrides = [(each.starts_at, each.ends_at, intern(str(each.by))) for each in spec.overrides]
    if any(one[1] > other[0] for one, other in pairwise(overrides)):
        raise TypeError("overrides overlap")
    return tuple(stretches(spec.zone, since, until)), tuple(layers), overrides


def render(schedule: Prepared, since: int, until: int) -> Spans:
    """Return merged (start, end, person) in ``[since, until)`` without overlaps."""
    table, layers, overrides = schedule
    taken = [
        (start if start > since else since, end if end < until else until, who)
        for start, end, who in overrides
        if start < until and end > since
    ]
    table = tuple(
        (start if start > since else since, end if end < until else until, offset)
        for start, end, offset in table
        if start < until and end > since
    )
    for layer in layers:
        own = _always(layer, table) if layer[4] is None else _daily(layer, table)
        taken += _free(own, taken)
        taken.sort()
    return _merged(taken)


def _always(layer: Layer, table: tuple[tuple[int, int, int], ...]) -> Spans:
    anchor, length, order, _, _ = layer
    count = len(order)
    own: Spans = []
    for low, high, offset in table:
        turn = (low + offset - anchor) // length
        handoff = anchor + (turn + 1) * length - offset
        while low < high:
            end = handoff if handoff < high else high
            own.append((low, end, order[turn % count]))
            low = end
            handoff += length
            turn += 1
    return own


def _daily(layer: Layer, table: tuple[tuple[int, int, int], ...]) -> Spans:
    anchor, length, order, opens, lasts = layer
    assert lasts is not None  # noqa: S101 - the caller has looked
    count = len(order)
    own: Spans = []
    add = own.append
    for low, high, offset in table:
        start = (low + offset) // DAY * DAY + opens - offset
        while start + lasts - DAY > low:
            start -= DAY
        turn = (start + offset - anchor) // length
        handoff = anchor + (turn + 1) * length - offset
        who = order[turn % count]
        while start < high:
            end = start + lasts
            if end > low:
                left = start if start > low else low
                right = end if end < high else high
                while handoff < right:
                    if handoff > left:
                        add((left, handoff, who))
                        left = handoff
                    turn += 1
                    handoff += length
                    who = order[turn % count]
                add((left, right, who))
            start += DAY
    return own


def _free(own: Spans, taken: Spans) -> Spans:
    """Return the parts of ``own`` outside of ``taken``. Both are sorted."""
    if not taken:
        return own
    free: Spans = []
    add = free.append
    index, count = 0, len(taken)
    next_start, next_end, _ = taken[0]
    for span in own:
        start, end, who = span
        while next_end <= start:
            index += 1
            if index == count:
                next_start = next_end = _FAR
            else:
                next_start, next_end, _ = taken[index]
        if end <= next_start:
            add(span)
            continue
        while next_start < end:
            if start < next_start:
                add((start, next_start, who))
            start = next_end
            if next_end >= end:
                break
            index += 1
            if index == count:
                next_start = next_end = _FAR
            else:
                next_start, next_end, _ = taken[index]
        if start < end:
            add((start, end, who))
    return free


def _merged(taken: Spans) -> Spans:
    result: Spans = []
    add = result.append
    from_, to, holder = taken[0] if taken else (0, 0, "")
    for start, end, who in taken:
        if start <= to and who is holder:
            to = end
        else:
            add((from_, to, holder))
            from_, to, holder = start, end, who
    if taken:
        add((from_, to, holder))
    return result
