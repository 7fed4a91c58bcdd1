"""What a rendered schedule covers, against a second-by-second count."""

from itertools import pairwise

from hypothesis import given

from oncall.rendering.coverage import covered, filled, gaps
from oncall.rendering.final import Span
from oncall.rendering.intervals import Held
from tests.oncall.rendering.comparison import shown_at
from tests.oncall.rendering.test_differences import SINCE, UNTIL, timelines


@given(timelines())
def test_gaps_and_cover_are_the_whole_range(spans: list[Span]) -> None:
    empty = {second for second in range(SINCE, UNTIL) if not shown_at(spans, second)}
    found = gaps(spans, SINCE, UNTIL)
    assert {second for start, end in found for second in range(start, end)} == empty
    assert all(first[1] < second[0] for first, second in pairwise(found))
    assert covered(spans, SINCE, UNTIL) == UNTIL - SINCE - len(empty)


@given(timelines())
def test_filled_leaves_no_second_out(spans: list[Span]) -> None:
    parts: list[Held] = list(filled(spans, SINCE, UNTIL))
    assert [(start, end) for start, end, _ in parts] == list(pairwise([SINCE, *(end for _, end, _ in parts)]))
    assert parts[-1][1] == UNTIL
    assert all(shown_at(spans, second) == who for start, end, who in parts for second in range(start, end))
