"""Operations on sorted lists of disjoint half-open ranges: ``(start, end)``, or ``(start, end, who)`` with holders."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain, pairwise
from operator import attrgetter
from typing import TypeVar

from oncall.rendering.spec import MAX_PLACES, InvalidSpec, Participant

T = TypeVar("T")

Who = tuple[Participant, ...]
Range = tuple[int, int]
#: A range and the participants who are on call in it.
Held = tuple[int, int, Who]
#: Ranges with a value each.
Spans = list[tuple[int, int, T]]

#: The value of :data:`Who` for time in which no one is on call.
NO_HOLDER: Who = ()
#: The order of participants as a sort key, which is faster than comparing them.
ORDER = attrgetter("kind", "id")
TOO_MANY_PLACES = f"more than {MAX_PLACES:,} people in all shifts of this range; request a shorter range"


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Returns the union of the ranges, sorted and with time between each two. The input may have any order."""
    apart: list[Range] = []
    for start, end in sorted(ranges):
        if apart and start <= apart[-1][1]:
            if end > apart[-1][1]:
                apart[-1] = (apart[-1][0], end)
        elif start < end:
            apart.append((start, end))
    return apart


def intersect(ranges: Sequence[Range], held: Sequence[tuple[int, int, T]]) -> Spans[T]:
    """Returns ``held`` cut to the time inside ``ranges``."""
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


def outside(ranges: Iterable[tuple[int, int, *tuple[object, ...]]], since: int, until: int) -> list[Range]:
    """Returns the ranges of ``[since, until)`` between the given ranges, which are sorted, disjoint and inside it."""
    result = []
    for start, end, *_ in ranges:
        if since < start:
            result.append((since, start))
        since = end
    if since < until:
        result.append((since, until))
    return result


def over(top: Sequence[tuple[int, int, T]], below: Sequence[tuple[int, int, T]]) -> Spans[T]:
    """Returns ``top``, and ``below`` wherever ``top`` has no range."""
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


def stacked(lists: Sequence[Spans[T]]) -> Spans[T]:
    """Returns all lists as one list; where they overlap, the earlier list wins.

    Neighbouring lists are combined in pairs, so the cost is n log n for many lists.
    """
    if not lists:
        return []
    while len(lists) > 1:
        pairs = [over(top, below) for top, below in zip(lists[::2], lists[1::2], strict=False)]
        lists = [*pairs, lists[-1]] if len(lists) % 2 else pairs
    return lists[0]


def together(held: Iterable[Held]) -> list[Held]:
    """Returns the spans as sorted disjoint spans; each has all participants who hold it, sorted and unique.

    held: spans in any order; they may overlap. The function sweeps once over the start and end instants. Each holder
    tuple gets a number. A set of numbers is cached as one merged tuple. Raises InvalidSpec if these tuples have more
    than :data:`MAX_PLACES` participants.
    """
    by_id: dict[int, int] = {}  # Most spans share their tuple of holders, and comparing tuples takes longer.
    numbers: dict[Who, int] = {}
    edges: list[tuple[int, int]] = []  # (instant, number + 1), negative where the span ends
    kept = [span for span in held if span[2] and span[0] < span[1]]  # Keep references: `id()` must not be reused.
    for start, end, who in kept:
        number = by_id.get(id(who))
        if number is None:
            number = by_id[id(who)] = numbers.setdefault(who, len(numbers))
        edges += ((start, number + 1), (end, ~number))
    edges.sort()
    holders = list(numbers)
    running = [0] * len(holders)
    now: set[int] = set()
    combine = _Combinations(holders)
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
        else:
            result.append((instant, following, combine[frozenset(now)]))
    return result


class _Combinations(dict[frozenset[int], Who]):
    """For a set of numbers of holder tuples: all their participants, sorted and unique.

    The participants are sorted once. After that, the code compares only their positions.
    """

    def __init__(self, holders: Sequence[Who]) -> None:
        self._holders, self._places = holders, 0

    @cached_property
    def _everybody(self) -> list[Participant]:
        return sorted(set(chain.from_iterable(self._holders)), key=ORDER)

    @cached_property
    def _positions(self) -> list[list[int]]:
        position = {each: index for index, each in enumerate(self._everybody)}
        return [[position[each] for each in who] for who in self._holders]

    def __missing__(self, numbers: frozenset[int]) -> Who:
        positions = sorted(set(chain.from_iterable(self._positions[each] for each in numbers)))
        self._places += len(positions)
        if self._places > MAX_PLACES:
            raise InvalidSpec("layers", TOO_MANY_PLACES)
        self[numbers] = who = tuple(self._everybody[each] for each in positions)
        return who


def within(held: Sequence[tuple[int, int, T]], since: int, until: int) -> Spans[T]:
    """Returns ``held`` cut to ``[since, until)``. The range must not be empty."""
    first = bisect_right(held, since, key=lambda span: span[1])
    last = bisect_left(held, until, key=lambda span: span[0])
    return [(max(start, since), min(end, until), who) for start, end, who in held[first:last]]


def who_at(held: Sequence[Held], instant: int) -> Who:
    """Returns the participants at ``instant``; :data:`NO_HOLDER` outside all ranges."""
    index = bisect_right(held, instant, key=lambda span: span[1])
    return held[index][2] if index < len(held) and held[index][0] <= instant else NO_HOLDER


def merged(held: Iterable[Held]) -> list[Held]:
    """Returns ``held`` without ranges that have no holder; adjacent ranges with equal holders become one range."""
    result: list[Held] = []
    last_end, last_who = 0, NO_HOLDER
    for span in held:
        start, end, who = span
        if not who:
            continue
        # Most neighbours differ. Comparing one id first avoids most comparisons of whole tuples.
        if start == last_end and last_who and who[0].id == last_who[0].id and who == last_who:
            result[-1] = (result[-1][0], end, who)
        else:
            result.append(span)
            last_who = who
        last_end = end
    return result
