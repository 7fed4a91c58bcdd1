"""Compares two final schedules: when different people are on call, and what changes from now on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oncall.rendering.coverage import filled
from oncall.rendering.final import Span
from oncall.rendering.intervals import NO_HOLDER, Range, Who
from oncall.rendering.zones import DAY


@dataclass(frozen=True, slots=True)
class Difference:
    """In ``[start, end)`` (instants), ``before`` are on call in the first schedule and ``after`` in the second one.

    One of the two may be empty.
    """

    start: int
    end: int
    before: Who
    after: Who


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two final schedules differ in a range; all numbers are seconds.

    equal: time with the same people in both. total: length of the range. uncovered_before, uncovered_after: time
    without anyone on call. newly_uncovered: time with someone before and no one after. differences: in order; adjacent
    differences with the same people are one.
    """

    equal: int
    total: int
    uncovered_before: int
    uncovered_after: int
    newly_uncovered: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change of a schedule does from an instant on.

    now_before, now_after: who is on call at this instant. changes_next_day: how many differences begin in the next 24
    hours. newly_uncovered: the ranges with someone before and no one after, in order.
    """

    now_before: Who
    now_after: Who
    changes_next_day: int
    newly_uncovered: tuple[Range, ...]

    @property
    def newly_uncovered_seconds(self) -> int:
        return sum(end - start for start, end in self.newly_uncovered)


def compare(before: Sequence[Span], after: Sequence[Span], since: int, until: int) -> Comparison:
    """Returns how two schedules differ in ``[since, until)``. before, after: spans in order, disjoint."""
    equal = uncovered_before = uncovered_after = newly_uncovered = 0
    differences: list[Difference] = []
    for start, end, was, will in _side_by_side(before, after, since, until):
        seconds = end - start
        uncovered_before += seconds * (not was)
        uncovered_after += seconds * (not will)
        if was == will:
            equal += seconds
            continue
        newly_uncovered += seconds * (not will)
        last = differences[-1] if differences else None
        if last is not None and (last.end, last.before, last.after) == (start, was, will):
            differences[-1] = Difference(last.start, end, was, will)
        else:
            differences.append(Difference(start, end, was, will))
    total = max(until - since, 0)
    return Comparison(equal, total, uncovered_before, uncovered_after, newly_uncovered, tuple(differences))


def impact(before: Sequence[Span], after: Sequence[Span], now: int, until: int) -> Impact:
    """Returns what changes from ``now`` on. before, after: spans that were rendered for at least ``[now, until)``."""
    differences = compare(before, after, now, until).differences
    first = next(_side_by_side(before, after, now, now + 1))
    uncovered: list[Range] = []
    for each in differences:
        if each.after != NO_HOLDER:
            continue
        if uncovered and uncovered[-1][1] == each.start:
            uncovered[-1] = (uncovered[-1][0], each.end)
        else:
            uncovered.append((each.start, each.end))
    return Impact(first[2], first[3], sum(each.start < now + DAY for each in differences), tuple(uncovered))


def _side_by_side(
    before: Sequence[Span], after: Sequence[Span], since: int, until: int
) -> Iterator[tuple[int, int, Who, Who]]:
    """Yields (start, end, who before, who after) for ``[since, until)``, cut where one of the two changes."""
    left, right = list(filled(before, since, until)), list(filled(after, since, until))
    i = j = 0
    while since < until:
        end = min(left[i][1], right[j][1])
        yield since, end, left[i][2], right[j][2]
        i += left[i][1] == end
        j += right[j][1] == end
        since = end
