"""Compares differences of schedules with a count of every second."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from oncall.rendering.differences import Comparison, Difference, Impact, compare, impact
from oncall.rendering.final import Span
from oncall.rendering.intervals import Who
from oncall.rendering.zones import DAY
from tests.oncall.rendering.comparison import ANN, BEN, HOUR, shown_at

SINCE, UNTIL = 0, 30


@st.composite
def timelines(draw: st.DrawFn) -> list[Span]:
    """Spans as a renderer or a source gives them; neighbours may be equal, and some lie outside the range."""
    edges = sorted(draw(st.lists(st.integers(-8, 40), max_size=12, unique=True)))
    who = st.sampled_from([(ANN,), (BEN,), (ANN, BEN), None])
    drawn = [(start, end, draw(who)) for start, end in pairwise(edges)]
    return [Span(start, end, each) for start, end, each in drawn if each is not None]


@given(timelines(), timelines())
def test_every_second_is_counted_once(before: list[Span], after: list[Span]) -> None:
    found = compare(before, after, SINCE, UNTIL)
    pairs = [(shown_at(before, second), shown_at(after, second)) for second in range(SINCE, UNTIL)]
    assert found.total == UNTIL - SINCE
    assert found.equal == sum(there == here for there, here in pairs)
    assert found.uncovered_before == sum(not there for there, _ in pairs)
    assert found.uncovered_after == sum(not here for _, here in pairs)
    assert found.newly_uncovered == sum(bool(there) and not here for there, here in pairs)
    differing: dict[int, tuple[Who, Who]] = {}
    for each in found.differences:
        assert each.start < each.end
        differing |= dict.fromkeys(range(each.start, each.end), (each.before, each.after))
    assert differing == {SINCE + n: pair for n, pair in enumerate(pairs) if pair[0] != pair[1]}


@given(timelines(), timelines())
def test_differences_are_in_order_and_merged(before: list[Span], after: list[Span]) -> None:
    for first, second in pairwise(compare(before, after, SINCE, UNTIL).differences):
        assert first.end <= second.start
        assert (first.end, first.before, first.after) != (second.start, second.before, second.after)


@given(timelines(), timelines())
def test_the_other_way_round_is_the_mirror(before: list[Span], after: list[Span]) -> None:
    there, back = compare(before, after, SINCE, UNTIL), compare(after, before, SINCE, UNTIL)
    assert (there.equal, there.uncovered_before) == (back.equal, back.uncovered_after)
    assert there.differences == tuple(Difference(d.start, d.end, d.after, d.before) for d in back.differences)
    assert compare(before, before, SINCE, UNTIL).differences == ()


@given(timelines(), timelines(), st.integers(SINCE, UNTIL - 1))
def test_the_impact_counts_from_now_on(before: list[Span], after: list[Span], now: int) -> None:
    found = impact(before, after, now, UNTIL)
    compared = compare(before, after, now, UNTIL)
    assert (found.now_before, found.now_after) == (shown_at(before, now), shown_at(after, now))
    assert found.changes_next_day == len(compared.differences)
    assert found.newly_uncovered_seconds == compared.newly_uncovered
    assert all(first[1] < second[0] for first, second in pairwise(found.newly_uncovered))


def test_an_empty_range_has_no_differences() -> None:
    assert compare([Span(0, 9, (ANN,))], [], 5, 5) == Comparison(0, 0, 0, 0, 0, ())


def test_the_sentence_about_a_change_can_be_made() -> None:
    before = [Span(0, 2 * DAY, (ANN,)), Span(2 * DAY, 3 * DAY, (BEN,))]
    after = [
        Span(0, HOUR, (BEN,)),
        Span(HOUR, 2 * HOUR, (ANN,)),
        Span(4 * HOUR, DAY, (ANN,)),
        Span(2 * DAY + 2 * HOUR, 3 * DAY, (BEN,)),
    ]
    assert impact(before, after, 0, 3 * DAY) == Impact(
        (ANN,), (BEN,), 2, ((2 * HOUR, 4 * HOUR), (DAY, 2 * DAY + 2 * HOUR))
    )
    assert impact(before, after, 0, 3 * DAY).newly_uncovered_seconds == 28 * HOUR
