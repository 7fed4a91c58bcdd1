"""Two final schedules side by side: where different people are on call, and what that means from now on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oncall.rendering.coverage import filled
from oncall.rendering.final import Span
from oncall.rendering.intervals import NOBODY, Range, Who
from oncall.rendering.zones import DAY


@dataclass(frozen=True, slots=True)
class Difference:
    """In the instants ``[start, end)`` ``before`` are on call on one side and ``after`` on the other; either may be
    nobody."""

    start: int
    end: int
    before: Who
    after: Who


@dataclass(frozen=True, slots=True)
class Comparison:
    """Seconds of a range: ``equal`` of ``total``; without anybody on each side; with somebody before and nobody after.

    differences: in order, neighbours with the same people on both sides made one.
    """

    equal: int
    total: int
    uncovered_before: int
    uncovered_after: int
    newly_uncovered: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change does from an instant on.

    changes_next_day: in how many stretches of the next 24 hours other people are on call than before. newly_uncovered:
    ranges with somebody before and nobody after, in order and apart.
    """

    now_before: Who
    now_after: Who
    changes_next_day: int
    newly_uncovered: tuple[Range, ...]

    @property
    def newly_uncovered_seconds(self) -> int:
        return sum(end - start for start, end in self.newly_uncovered)


def compare(before: Sequence[Span], after: Sequence[Span], since: int, until: int) -> Comparison:
    """Both sides (spans in order, disjoint) at every second of ``[since, until)``; equal when the same are on call."""
    equal = uncovered_before = uncovered_after = newly_uncovered = 0
    differences: list[Difference] = []
    for start, end, there, here in _side_by_side(before, after, since, until):
        seconds = end - start
        uncovered_before += seconds * (not there)
        uncovered_after += seconds * (not here)
        if there == here:
            equal += seconds
            continue
        newly_uncovered += seconds * (not here)
        last = differences[-1] if differences else None
        if last is not None and (last.end, last.before, last.after) == (start, there, here):
            differences[-1] = Difference(last.start, end, there, here)
        else:
            differences.append(Difference(start, end, there, here))
    total = max(until - since, 0)
    return Comparison(equal, total, uncovered_before, uncovered_after, newly_uncovered, tuple(differences))


def impact(before: Sequence[Span], after: Sequence[Span], now: int, until: int) -> Impact:
    """What changes from ``now`` on, when ``before`` and ``after`` are rendered for at least ``[now, until)``."""
    differences = compare(before, after, now, until).differences
    first = next(_side_by_side(before, after, now, now + 1))
    uncovered: list[Range] = []
    for each in differences:
        if each.after != NOBODY:
            continue
        if uncovered and uncovered[-1][1] == each.start:
            uncovered[-1] = (uncovered[-1][0], each.end)
        else:
            uncovered.append((each.start, each.end))
    return Impact(first[2], first[3], sum(each.start < now + DAY for each in differences), tuple(uncovered))


def _side_by_side(
    before: Sequence[Span], after: Sequence[Span], since: int, until: int
) -> Iterator[tuple[int, int, Who, Who]]:
    """``[since, until)`` cut at every edge of both sides, with who is on call on each."""
    left, right = list(filled(before, since, until)), list(filled(after, since, until))
    i = j = 0
    while since < until:
        end = min(left[i][1], right[j][1])
        yield since, end, left[i][2], right[j][2]
        i += left[i][1] == end
        j += right[j][1] == end
        since = end
