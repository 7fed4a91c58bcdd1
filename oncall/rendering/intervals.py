"""Algebra on sorted lists of disjoint half-open ranges: ``(start, end)``, or ``(start, end, who)`` when held."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise

from oncall.rendering.spec import Participant

Who = tuple[Participant, ...]
Range = tuple[int, int]
Held = tuple[int, int, Who]

NOBODY: Who = ()


def joined(ranges: Iterable[Range]) -> list[Range]:
    """The union of ranges in any order: sorted, disjoint and apart."""
    apart: list[Range] = []
    for start, end in sorted(ranges):
        if apart and start <= apart[-1][1]:
            if end > apart[-1][1]:
                apart[-1] = (apart[-1][0], end)
        elif start < end:
            apart.append((start, end))
    return apart


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
        pairs = [over(top, below) for top, below in zip(lists[::2], lists[1::2], strict=False)]
        lists = [*pairs, lists[-1]] if len(lists) % 2 else pairs
    return lists[0]


def together(held: Iterable[Held]) -> list[Held]:
    """Spans in any order, which may overlap, as disjoint ones with everybody who holds them: sorted and unique.

    One sweep over their edges. Holders are recognised by their tuple, so that a combination is a set of numbers; only
    one not met before is put together from its people.
    """
    numbers: dict[int, int] = {}
    holders: list[Who] = []
    edges: list[tuple[int, int]] = []  # (instant, number + 1), negative where the span ends
    kept = [span for span in held if span[2] and span[0] < span[1]]  # alive, so that identities stay theirs
    for start, end, who in kept:
        number = numbers.setdefault(id(who), len(holders))
        if number == len(holders):
            holders.append(who)
        edges += ((start, number + 1), (end, ~number))
    edges.sort()
    running = [0] * len(holders)
    now: set[int] = set()
    combined: dict[frozenset[int], Who] = {}
    result: list[Held] = []
    for (instant, mark), (following, _) in pairwise(edges):
        if mark > 0:
            running[mark - 1] += 1
            now.add(mark - 1)
        else:
            running[~mark] -= 1
            if not running[~mark]:
                now.discard(~mark)
        if instant == following or not now:
            continue
        if len(now) == 1:
            (only,) = now
            result.append((instant, following, holders[only]))
            continue
        combination = frozenset(now)
        if combination not in combined:
            combined[combination] = tuple(sorted(set(chain.from_iterable(holders[each] for each in now))))
        result.append((instant, following, combined[combination]))
    return result


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
