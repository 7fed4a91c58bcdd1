"""Compares operations on intervals with sets of seconds."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from oncall.rendering.intervals import (
    NO_HOLDER,
    Held,
    Who,
    intersect,
    merged,
    over,
    stacked,
    who_at,
    within,
)
from oncall.rendering.spec import Participant
from tests.oncall.rendering.comparison import ANN, BEN

SAME_ID = Participant("group", "ann")
WHO: list[Who] = [(ANN,), (BEN,), (SAME_ID,), (ANN, BEN), (ANN, SAME_ID), NO_HOLDER]


@st.composite
def held(draw: st.DrawFn) -> list[Held]:
    edges = sorted(draw(st.lists(st.integers(-20, 40), max_size=16, unique=True)))
    parts = [(start, end, draw(st.sampled_from(WHO))) for start, end in pairwise(edges)]
    return [part for part in parts if draw(st.booleans())]


def seconds(spans: list[Held]) -> dict[int, Who]:
    result = {second: who for start, end, who in spans for second in range(start, end)}
    assert len(result) == sum(end - start for start, end, _ in spans)  # disjoint
    assert all(start < end for start, end, _ in spans)
    assert spans == sorted(spans, key=lambda span: span[0])
    return result


@given(top=held(), below=held())
def test_the_top_hides_what_is_below(top: list[Held], below: list[Held]) -> None:
    assert seconds(over(top, below)) == seconds(below) | seconds(top)


@given(lists=st.lists(held(), max_size=7))
def test_of_a_stack_the_earliest_list_wins(lists: list[list[Held]]) -> None:
    expected: dict[int, Who] = {}
    for spans in reversed(lists):
        expected |= seconds(spans)
    assert seconds(stacked(lists)) == expected


@given(ranges=held(), spans=held())
def test_an_intersection_keeps_who_holds_what_is_inside(ranges: list[Held], spans: list[Held]) -> None:
    inside = seconds(ranges)
    expected = {second: who for second, who in seconds(spans).items() if second in inside}
    assert seconds(intersect([(start, end) for start, end, _ in ranges], spans)) == expected


@given(spans=held(), since=st.integers(-25, 45), length=st.integers(1, 30))
def test_a_cut_keeps_what_is_inside(spans: list[Held], since: int, length: int) -> None:
    expected = {second: who for second, who in seconds(spans).items() if since <= second < since + length}
    assert seconds(within(spans, since, since + length)) == expected


@given(spans=held())
def test_who_holds_an_instant(spans: list[Held]) -> None:
    known = seconds(spans)
    assert all(who_at(spans, second) == known.get(second, NO_HOLDER) for second in range(-25, 45))


@given(spans=held())
def test_merging_joins_equal_neighbours_and_drops_nobody(spans: list[Held]) -> None:
    copied = [(start, end, tuple(Participant(each.kind, each.id) for each in who)) for start, end, who in spans]
    result = merged(copied)
    assert seconds(result) == {second: who for second, who in seconds(spans).items() if who}
    assert all((a[1], a[2]) != (b[0], b[2]) for a, b in pairwise(result))
