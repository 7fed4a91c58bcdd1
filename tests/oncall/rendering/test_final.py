"""Tests the precedence of layers, extra shifts, overrides and substitutions."""

import pytest

from oncall.rendering.answers import on_call_at
from oncall.rendering.final import Span, render, render_final
from oncall.rendering.spec import (
    EARLIEST,
    LATEST,
    VACANT,
    Daily,
    Everyone,
    ExtraShift,
    InvalidSpec,
    Override,
    Participant,
    ScheduleSpec,
    Substitution,
)
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAN,
    DAY,
    EVE,
    HOUR,
    MINUTE,
    assert_agrees,
    clock_time,
    layer,
    stack,
    when,
)

SINCE = when(2026, 6, 2)
UNTIL = SINCE + DAY
T8, T10, T12, T14, T16 = (SINCE + hour * HOUR for hour in (8, 10, 12, 14, 16))
MORNING = (Daily(clock_time(8), 4 * HOUR),)


def changes(
    spec: ScheduleSpec, substitutions: tuple[Substitution, ...] = ()
) -> list[tuple[int, tuple[Participant, ...]]]:
    """(hour, who) from each change on, gaps included; refereed on the way."""
    result: list[tuple[int, tuple[Participant, ...]]] = []
    end = SINCE
    for span in assert_agrees(spec, SINCE, UNTIL, substitutions):
        if span.start > end:
            result.append(((end - SINCE) // HOUR, ()))
        result.append(((span.start - SINCE) // HOUR, span.participants))
        end = span.end
    return [*result, ((end - SINCE) // HOUR, ())] if end < UNTIL else result


def test_an_override_needs_no_layer_below() -> None:
    override = Override("o", T8, T10, ANN)
    expected = [(0, ()), (8, (ANN,)), (10, ())]
    assert changes(stack("Etc/UTC", overrides=(override,))) == expected
    assert changes(stack("Etc/UTC", layer("a"), overrides=(override,))) == expected
    ended = layer("a", BEN, ends_at=SINCE - DAY)
    assert changes(stack("Etc/UTC", ended, overrides=(override,))) == expected


def test_a_vacant_override_lets_nothing_through() -> None:
    high, low = layer("high", ANN), layer("low", BEN)
    everywhere = Override("o", T8, T10, VACANT)
    assert changes(stack("Etc/UTC", high, low, overrides=(everywhere,))) == [(0, (ANN,)), (8, ()), (10, (ANN,))]
    on_high = Override("o", T8, T10, VACANT, sources=frozenset({"high"}))
    assert changes(stack("Etc/UTC", high, low, overrides=(on_high,))) == [(0, (ANN,)), (8, ()), (10, (ANN,))]


def test_an_override_that_covers_no_gaps_leaves_them() -> None:
    override = Override("o", T10, T14, BEN, covers_gaps=False)
    spec = stack("Etc/UTC", layer("a", ANN, windows=MORNING), overrides=(override,))
    assert changes(spec) == [(0, ()), (8, (ANN,)), (10, (BEN,)), (12, ())]


def test_an_override_of_one_layer_shows_where_that_layer_shows() -> None:
    high, low = layer("high", ANN, windows=MORNING), layer("low", BEN)
    on_low = Override("o", T10, T14, CAT, sources=frozenset({"low"}))
    assert changes(stack("Etc/UTC", high, low, overrides=(on_low,))) == [
        (0, (BEN,)), (8, (ANN,)), (12, (CAT,)), (14, (BEN,)),
    ]  # fmt: skip
    on_high = Override("o", T10, T14, CAT, sources=frozenset({"high"}))
    assert changes(stack("Etc/UTC", high, low, overrides=(on_high,))) == [
        (0, (BEN,)), (8, (ANN,)), (10, (CAT,)), (14, (BEN,)),
    ]  # fmt: skip
    of_nothing_known = Override("o", T10, T14, CAT, sources=frozenset({"gone"}))
    assert changes(stack("Etc/UTC", high, low, overrides=(of_nothing_known,))) == [
        (0, (BEN,)), (8, (ANN,)), (12, (BEN,)),
    ]  # fmt: skip


def test_an_override_of_one_person_replaces_only_them() -> None:
    both = layer("a", ANN, BEN, turns=Everyone())
    override = Override("o", T8, T10, CAT, replaces=ANN, covers_gaps=False)
    assert changes(stack("Etc/UTC", both, overrides=(override,))) == [
        (0, (ANN, BEN)), (8, (BEN, CAT)), (10, (ANN, BEN)),
    ]  # fmt: skip
    removed = Override("o", T8, T10, VACANT, replaces=ANN, covers_gaps=False)
    assert changes(stack("Etc/UTC", both, overrides=(removed,))) == [(0, (ANN, BEN)), (8, (BEN,)), (10, (ANN, BEN))]


def test_an_override_of_one_person_that_covers_gaps_fills_only_what_nobody_holds() -> None:
    high, low = layer("high", ANN, windows=MORNING), layer("low", BEN, starts_at=T10)
    override = Override("o", SINCE, UNTIL, CAT, replaces=ANN)
    assert changes(stack("Etc/UTC", high, low, overrides=(override,))) == [(0, (CAT,)), (12, (BEN,))]


def test_the_highest_rank_wins_for_each_person_and_then_the_later_start() -> None:
    both = layer("a", ANN, BEN, turns=Everyone())
    of_ann = Override("1", T8, T12, CAT, replaces=ANN, rank=2)
    of_all = Override("2", T8, T12, DAN, rank=1)
    assert changes(stack("Etc/UTC", both, overrides=(of_all, of_ann)))[1] == (8, (CAT, DAN))
    later = Override("0", T10, T14, EVE, rank=1)
    assert changes(stack("Etc/UTC", both, overrides=(later, of_all))) == [
        (0, (ANN, BEN)), (8, (DAN,)), (10, (EVE,)), (14, (ANN, BEN)),
    ]  # fmt: skip
    same_start = (Override("x", T8, T10, CAT), Override("y", T8, T10, DAN))
    assert changes(stack("Etc/UTC", both, overrides=same_start))[1] == (8, (DAN,))


def test_extra_shifts_stand_beside_the_layers() -> None:
    shifts = (ExtraShift("x", T8, T12, BEN), ExtraShift("y", T10, T14, CAT), ExtraShift("z", T8, T16, VACANT))
    spec = stack("Etc/UTC", layer("a", ANN, windows=MORNING), extra_shifts=shifts)
    assert changes(spec) == [(0, ()), (8, (ANN, BEN)), (10, (ANN, BEN, CAT)), (12, (CAT,)), (14, ())]


def test_an_override_of_an_extra_shift_leaves_the_layer_alone() -> None:
    shifts = (ExtraShift("x", T8, T12, BEN),)
    override = Override("o", T10, T14, CAT, sources=frozenset({"x"}))
    spec = stack("Etc/UTC", layer("a", ANN), extra_shifts=shifts, overrides=(override,))
    assert changes(spec) == [(0, (ANN,)), (8, (ANN, BEN)), (10, (ANN, CAT)), (12, (ANN,))]


def test_a_substitution_comes_after_everything_else() -> None:
    shifts = (ExtraShift("x", T8, T10, ANN),)
    override = Override("o", T12, T14, ANN)
    away = (Substitution("s", ANN, CAT, SINCE, UNTIL),)
    spec = stack("Etc/UTC", layer("a", BEN), extra_shifts=shifts, overrides=(override,))
    assert changes(spec, away) == [(0, (BEN,)), (8, (BEN, CAT)), (10, (BEN,)), (12, (CAT,)), (14, (BEN,))]


def test_a_substitute_is_not_substituted_and_a_circle_swaps() -> None:
    circle = (Substitution("1", ANN, BEN, T8, T12), Substitution("2", BEN, ANN, T8, T12))
    assert changes(stack("Etc/UTC", layer("a", ANN)), circle) == [(0, (ANN,)), (8, (BEN,)), (12, (ANN,))]
    herself = (Substitution("1", ANN, ANN, T8, T12),)
    assert changes(stack("Etc/UTC", layer("a", ANN)), herself) == [(0, (ANN,))]


def test_a_substitution_by_nobody_leaves_a_gap_that_no_lower_layer_fills() -> None:
    away = (Substitution("s", ANN, VACANT, T8, T10),)
    assert changes(stack("Etc/UTC", layer("a", ANN), layer("b", BEN)), away) == [(0, (ANN,)), (8, ()), (10, (ANN,))]


def test_substitutions_of_one_person_the_later_start_wins() -> None:
    away = (
        Substitution("long", ANN, BEN, SINCE, UNTIL),
        Substitution("short", ANN, CAT, T10, T12),
        Substitution("over", ANN, DAN, T14, T14),
    )
    expected = [(0, (BEN,)), (10, (CAT,)), (12, (BEN,))]
    assert changes(stack("Etc/UTC", layer("a", ANN)), away) == expected
    assert changes(stack("Etc/UTC", layer("a", ANN)), away[::-1]) == expected


def test_a_substitution_limited_to_groups_reaches_only_their_schedules() -> None:
    away = (Substitution("s", ANN, BEN, T8, T10, groups=frozenset({"g1", "g2"})),)
    assert changes(stack("Etc/UTC", layer("a", ANN), groups=("g2",)), away) == [(0, (ANN,)), (8, (BEN,)), (10, (ANN,))]
    assert changes(stack("Etc/UTC", layer("a", ANN), groups=("g3",)), away) == [(0, (ANN,))]
    assert changes(stack("Etc/UTC", layer("a", ANN)), away) == [(0, (ANN,))]


def test_each_layer_alone_has_its_overrides_and_substitutions_and_no_extra_shift() -> None:
    spec = stack(
        "Etc/UTC",
        layer("high", ANN, windows=MORNING),
        layer("low", BEN),
        extra_shifts=(ExtraShift("x", T8, T10, EVE),),
        overrides=(Override("o", T14, T16, CAT, sources=frozenset({"low"})),),
    )
    away = (Substitution("s", ANN, DAN, T10, T12),)
    rendering = render(spec, away, SINCE, UNTIL)
    assert rendering.layers == (
        ("high", (Span(T8, T10, (ANN,)), Span(T10, T12, (DAN,)))),
        ("low", (Span(SINCE, T14, (BEN,)), Span(T14, T16, (CAT,)), Span(T16, UNTIL, (BEN,)))),
    )
    assert rendering.final == render_final(spec, away, SINCE, UNTIL)


def test_ends_are_half_open_to_the_second() -> None:
    override = Override("o", T8 + 1, T8 + 2, BEN)
    spec = stack("Etc/UTC", layer("a", ANN, starts_at=T8, ends_at=T8 + 4), overrides=(override,))
    whose = [on_call_at(spec, (), T8 + second) for second in range(-1, 5)]
    assert whose == [(), (ANN,), (BEN,), (ANN,), (ANN,), ()]
    assert render_final(spec, (), T8 - MINUTE, T8 + MINUTE) == (
        Span(T8, T8 + 1, (ANN,)),
        Span(T8 + 1, T8 + 2, (BEN,)),
        Span(T8 + 2, T8 + 4, (ANN,)),
    )


def test_an_empty_range_and_an_empty_schedule_have_nobody() -> None:
    assert render_final(stack("Etc/UTC", layer("a", ANN)), (), SINCE, SINCE) == ()
    assert render(stack("Etc/UTC"), (), SINCE, UNTIL).final == ()
    assert render(stack("Etc/UTC", layer("a")), (), SINCE, UNTIL).layers == (("a", ()),)
    assert on_call_at(stack("Etc/UTC"), (), SINCE) == ()


@pytest.mark.parametrize(
    ("since", "until"), [(UNTIL, SINCE), (EARLIEST - 1, SINCE), (SINCE, LATEST + 1), (-(10**18), 10**18)]
)
def test_it_refuses_a_reversed_range_and_a_range_outside_the_supported_years(since: int, until: int) -> None:
    with pytest.raises(InvalidSpec, match=r"since: .* is not a range in the years 1900 to 2200"):
        render_final(stack("Etc/UTC", layer("a", ANN)), (), since, until)


def test_three_centuries_render() -> None:
    spec = stack("Europe/Paris", layer("a", ANN), overrides=(Override("o", EARLIEST, EARLIEST + DAY, BEN),))
    spans = render_final(spec, (), EARLIEST, LATEST)
    assert spans == (Span(EARLIEST, EARLIEST + DAY, (BEN,)), Span(EARLIEST + DAY, LATEST, (ANN,)))


def test_an_override_of_another_source_fills_nothing() -> None:
    spec = stack("Etc/UTC", overrides=(Override("o", SINCE, UNTIL, ANN, sources=frozenset({""})),))
    assert render_final(spec, (), SINCE, UNTIL) == ()
    assert on_call_at(spec, (), SINCE) == ()
