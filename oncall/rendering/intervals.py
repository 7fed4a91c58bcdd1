"""Algebra on sorted lists of disjoint half-open ranges: ``(start, end)``, or ``(start, end, who)`` when held."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from oncall.rendering.spec import Participant

Who = tuple[Participant, ...]
Range = tuple[int, int]
Held = tuple[int, int, Who]

NOBODY: Who = ()


def intersect(ranges: Sequence[Range], held: Sequence[Held]) -> list[Held]:
    """The parts of ``held`` that lie inside ``ranges``."""
    result = []
    index, count = 0, len(held)
    for start, end in ranges:
        while index < count and held[index][1] <= start:
            index += 1
        while index < count:
            held_start, held_end, who = held[index]
            if held_end >= end:
                if held_start < end:
                    result.append((held_start if held_start > start else start, end, who))
                break
            result.append((held_start if held_start > start else start, held_end, who))
            index += 1
    return result


def over(top: Sequence[Held], below: Sequence[Held]) -> list[Held]:
    """``top`` everywhere it reaches, ``below`` in between."""
    result = []
    index, count = 0, len(top)
    for start, end, who in below:
        while index < count and top[index][1] <= start:
            result.append(top[index])
            index += 1
        while index < count and (top_start := top[index][0]) < end:
            if start < top_start:
                result.append((start, top_start, who))
            start = top[index][1]
            if start >= end:
                break
            result.append(top[index])
            index += 1
        if start < end:
            result.append((start, end, who))
    result.extend(top[index:])
    return result


def stacked(lists: Sequence[list[Held]]) -> list[Held]:
    """All lists as one, the earlier list winning. Pairs are joined first, so that many lists cost n log n."""
    if not lists:
        return []
    while len(lists) > 1:
        joined = [over(top, below) for top, below in zip(lists[::2], lists[1::2], strict=False)]
        lists = [*joined, lists[-1]] if len(lists) % 2 else joined
    return lists[0]


def within(held: Sequence[Held], since: int, until: int) -> list[Held]:
    """The parts of ``held`` inside ``[since, until)``, which is not empty."""
    first = bisect_right(held, since, key=lambda span: span[1])
    last = bisect_left(held, until, key=lambda span: span[0])
    return [(max(start, since), min(end, until), who) for start, end, who in held[first:last]]


def who_at(held: Sequence[Held], instant: int) -> Who:
    """Who holds ``instant``, :data:`NOBODY` outside every range."""
    index = bisect_right(held, instant, key=lambda span: span[1])
    return held[index][2] if index < len(held) and held[index][0] <= instant else NOBODY


def merged(held: Sequence[Held]) -> list[Held]:
    """``held`` without the time of nobody, and with touching ranges of equal holders made one."""
    result: list[Held] = []
    last_end, last_who = 0, NOBODY
    for span in held:
        start, end, who = span
        if not who:
            continue
        # Most neighbours differ; comparing one id first spares most of the comparisons of whole values.
        if start == last_end and last_who and who[0].id == last_who[0].id and who == last_who:
            result[-1] = (result[-1][0], end, who)
        else:
            result.append(span)
            last_who = who
        last_end = end
    return result
