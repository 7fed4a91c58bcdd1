"""Compares any schedule: rendered, by the referee at each minute, and at single seconds."""

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from oncall.rendering.final import Span, render, render_final
from oncall.rendering.spec import (
    VACANT,
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    ExtraShift,
    InvalidSpec,
    Layer,
    Override,
    Participant,
    Recurring,
    Rule,
    ScheduleSpec,
    Substitution,
    Turns,
    Weekly,
    Window,
)
from oncall.rendering.validation import validate
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
    layer,
    stack,
    when,
)
from tests.oncall.rendering.referee import occurs, starts_of_rule

ZONES = (
    "America/New_York", "Europe/Paris", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "America/Havana",
    "Atlantic/Azores", "Antarctica/Troll", "Asia/Kolkata", "Pacific/Auckland", "Africa/Casablanca", "Etc/UTC",
)  # fmt: skip
# The days around the changes of 2026 in the zones above, an ordinary Monday and other days.
DAYS = ((2026, 3, 7), (2026, 3, 28), (2026, 4, 4), (2026, 9, 5), (2026, 10, 24), (2026, 10, 31), (2026, 2, 14),
        (2026, 4, 23), (2026, 6, 8), (2026, 6, 10))  # fmt: skip
COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

zones = st.sampled_from(ZONES)
minute_of_day = st.one_of(st.integers(0, 1439), st.sampled_from([0, 60, 120, 150, 180, 540, 1200])).map(
    lambda minutes: minutes * MINUTE
)
people = st.sampled_from([ANN, BEN, CAT, Participant("group", "ops"), Participant("policy", "p1")])
anyone = st.one_of(people, people, people, st.just(VACANT))


def sometimes(strategy: st.SearchStrategy[Any], otherwise: Any) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(otherwise), st.just(otherwise), strategy)


def some_of(*values: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def rules(draw: st.DrawFn, since: int) -> Rule:
    frequency = draw(st.sampled_from(["DAILY", "DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY"]))
    ordinals = [0] if frequency in ("DAILY", "WEEKLY") else [0, 0, 1, 2, 3, 4, 5, -1, -2, -5]
    months = draw(sometimes(some_of(2, 3, 4, 6, 9, 10, 11), ()))
    if frequency == "YEARLY" and not months:
        ordinals += [9, 23, -10, -53]
    weekdays = st.lists(st.tuples(st.sampled_from(ordinals), st.integers(1, 7)), min_size=1, max_size=5, unique=True)
    days_of_month = some_of(1, 5, 8, 14, 24, 25, 28, 29, 30, 31, -1)
    return Rule(
        frequency,
        draw(st.sampled_from([1, 1, 1, 2, 3, 5])),
        draw(sometimes(weekdays.map(tuple), ())),
        () if frequency == "WEEKLY" else draw(sometimes(days_of_month, ())),
        months,
        draw(st.integers(1, 7)),
        draw(sometimes(st.integers(1, 80), None)),
        draw(sometimes(st.integers(-30 * 1440, 3 * 1440).map(lambda minutes: since + minutes * MINUTE), None)),
    )


@st.composite
def recurring(draw: st.DrawFn, since: int) -> Recurring:
    """Occurrences that tend to run near ``since``, of which some of the last ones are excluded, and some added."""
    rule = draw(rules(since))
    nearby = st.integers(-40 * 1440, 1440).map(lambda minutes: since + minutes * MINUTE)
    long_ago = st.sampled_from([when(2024, 2, 29, 2, 30), when(2025, 12, 31, 22), when(2023, 10, 29, 2)])
    first = draw(st.one_of(nearby, nearby, nearby, long_ago))
    of_rule = starts_of_rule(asdict(rule), first, since + 2 * DAY)[-5:]
    excluded = draw(st.lists(st.sampled_from(of_rule or [first]), max_size=3, unique=True))
    near_edges = st.integers(-2 * 1440, 2 * 1440).map(lambda minutes: since + minutes * MINUTE)
    added = draw(st.lists(st.one_of(near_edges, st.sampled_from(of_rule or [first])), max_size=3))
    durations = st.one_of(
        st.integers(1, 3 * 1440), st.sampled_from([60, 480, 1440, 33 * 60, 10 * 1440, 30 * 1440, 8760 * 60])
    )
    window = Recurring(rule, first, draw(durations) * MINUTE, tuple(excluded), tuple(added))
    assume(added or occurs(asdict(rule), first))
    return window


@st.composite
def windows(draw: st.DrawFn, since: int, always: bool) -> tuple[Window, ...]:
    daily = st.builds(Daily, minute_of_day, st.integers(1, 1440).map(lambda minutes: minutes * MINUTE))
    weekly = st.builds(
        Weekly, st.integers(1, 7), minute_of_day, st.integers(1, 8 * 1440 - 1).map(lambda minutes: minutes * MINUTE)
    )
    mixed = st.lists(st.one_of(daily, weekly, recurring(since)), min_size=1, max_size=4).map(tuple)
    simple = st.just((Always(),)) if always else st.tuples(weekly)
    return draw(st.one_of(simple, st.tuples(daily), st.tuples(recurring(since)), mixed))


@st.composite
def turns(draw: st.DrawFn, since: int) -> ByTime | Everyone:
    anchors = st.one_of(
        st.integers(-20 * DAY // MINUTE, 20 * DAY // MINUTE).map(lambda minutes: since + minutes * MINUTE),
        st.sampled_from([when(2016, 2, 29, 9), when(2036, 5, 31, 2, 30), when(2026, 1, 5, 2)]),
    )
    lengths = st.one_of(
        st.sampled_from([HOUR, 90 * MINUTE, 8 * HOUR, 12 * HOUR, DAY, 36 * HOUR, 2 * DAY, 7 * DAY]),
        st.integers(20, 5000).map(lambda minutes: minutes * MINUTE),
    )
    return draw(
        st.one_of(
            st.builds(ByTime, anchors, lengths),
            st.builds(ByTime, anchors, lengths),
            st.builds(ByTime, anchors, lengths, clock=st.just("elapsed")),
            st.builds(ByTime, anchors, st.integers(1, 14), unit=st.just("months")),
            st.just(Everyone()),
        )
    )


@st.composite
def ranges(draw: st.DrawFn, since: int, until: int) -> tuple[int, int]:
    start = draw(st.integers(since // MINUTE - 600, until // MINUTE))
    return start * MINUTE, (start + draw(st.integers(0, 3000))) * MINUTE


@st.composite
def layers(draw: st.DrawFn, key: str, since: int, until: int) -> Layer:
    edge = st.one_of(st.none(), st.none(), ranges(since, until).map(lambda pair: pair[0]))
    starts_at, ends_at = draw(edge), draw(edge)
    if starts_at is not None and ends_at is not None:
        starts_at, ends_at = sorted((starts_at, ends_at))
    clip = draw(st.sampled_from(["cut", "cut", "drop"]))
    opening: tuple[Window, ...]
    who: Turns
    if draw(st.sampled_from([True, False, False])):
        opening, who = (draw(recurring(since)),), ByOccurrence(draw(st.integers(1, 3)))
    else:
        opening, who = draw(windows(since, clip == "cut")), draw(turns(since))
    return Layer(
        key,
        key,
        opening,
        who,
        tuple(draw(st.lists(anyone, max_size=4))),
        draw(st.one_of(st.none(), zones)),
        starts_at,
        ends_at,
        draw(st.booleans()),
        clip,
        draw(st.sampled_from(["membership", "membership", "boundary"])),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[ScheduleSpec, tuple[Substitution, ...], int, int]:
    since = when(*draw(st.sampled_from(DAYS))) + draw(st.integers(0, 1439)) * MINUTE
    until = since + draw(st.integers(1, 2 * 1440)) * MINUTE
    keys = draw(st.lists(st.sampled_from("abcd"), max_size=4, unique=True))
    drawn = tuple(draw(layers(key, since, until)) for key in keys)
    shifts = tuple(
        ExtraShift(f"x{index}", *draw(ranges(since, until)), draw(anyone)) for index in range(draw(st.integers(0, 2)))
    )
    sources = st.one_of(st.none(), st.frozensets(st.sampled_from(["a", "b", "c", "x0", "x1", "gone"]), min_size=1))
    overrides = tuple(
        Override(
            f"o{index}",
            *draw(ranges(since, until)),
            draw(anyone),
            draw(sources),
            draw(st.one_of(st.none(), people)),
            draw(st.booleans()),
            draw(st.integers(0, 2)),
        )
        for index in range(draw(st.integers(0, 4)))
    )
    groups = st.one_of(st.none(), st.frozensets(st.sampled_from(["g1", "g2"])))
    stand_in = st.one_of(anyone, st.sampled_from([DAN, EVE]))
    substitutions = tuple(
        Substitution(f"s{index}", draw(people), draw(stand_in), *draw(ranges(since, until)), draw(groups))
        for index in range(draw(st.integers(0, 3)))
    )
    composition = draw(st.sampled_from(["stacked", "concurrent"]))
    spec = ScheduleSpec(draw(zones), composition, drawn, shifts, overrides, draw(st.sampled_from([(), ("g1",)])))
    return spec, substitutions, since, until


@given(case=cases(), data=st.data())
@settings(COMMON, max_examples=120)
def test_the_range_the_referee_and_single_instants_agree(
    case: tuple[ScheduleSpec, tuple[Substitution, ...], int, int], data: st.DataObject
) -> None:
    spec, substitutions, since, until = case
    sampled = data.draw(st.lists(st.integers(since, until - 1), max_size=20))
    assert_agrees(spec, since, until, substitutions, sampled)


def clipped(spans: tuple[Span, ...], since: int, until: int) -> tuple[Span, ...]:
    return tuple(
        Span(max(span.start, since), min(span.end, until), span.participants)
        for span in spans
        if max(span.start, since) < min(span.end, until)
    )


@given(case=cases(), data=st.data())
@settings(COMMON, max_examples=40)
def test_a_part_of_the_range_renders_as_that_part_of_the_whole(
    case: tuple[ScheduleSpec, tuple[Substitution, ...], int, int], data: st.DataObject
) -> None:
    spec, substitutions, since, until = case
    start = data.draw(st.integers(since, until))
    end = data.draw(st.integers(start, until))
    whole = render(spec, substitutions, since, until)
    part = render(spec, substitutions, start, end)
    assert part.final == clipped(whole.final, start, end)
    assert part.layers == tuple((key, clipped(spans, start, end)) for key, spans in whole.layers)
    assert render_final(spec, substitutions, start, end) == part.final


@given(case=cases())
@settings(COMMON, max_examples=40)
def test_a_layer_alone_is_the_final_schedule_of_that_layer(
    case: tuple[ScheduleSpec, tuple[Substitution, ...], int, int],
) -> None:
    spec, substitutions, since, until = case
    for own, (key, spans) in zip(spec.layers, render(spec, substitutions, since, until).layers, strict=True):
        overrides = tuple(o for o in spec.overrides if o.sources is None or own.key in o.sources)
        alone = ScheduleSpec(spec.zone, spec.composition, (own,), (), overrides, spec.groups)
        assert key == own.key
        assert spans == render_final(alone, substitutions, since, until)


@given(rule=rules(when(2026, 6, 8)), first=st.integers(0, 800 * 24).map(lambda hours: when(2024, 5, 1) + hours * HOUR))
@example(rule=Rule("DAILY", 3, by_month=(2,), by_month_day=(29,)), first=when(2024, 5, 3))  # first in 2204
@settings(COMMON, max_examples=100)
def test_a_rule_is_refused_exactly_when_the_referee_finds_no_start(rule: Rule, first: int) -> None:
    spec = stack("Etc/UTC", layer("a", ANN, windows=(Recurring(rule, first, HOUR),)))
    if occurs(asdict(rule), first):
        validate(spec)
        return
    with pytest.raises(InvalidSpec) as refused:
        validate(spec)
    assert refused.value.path.startswith("layers[0].windows[0]")
    validate(stack("Etc/UTC", layer("a", ANN, windows=(Recurring(rule, first, HOUR, added=(first,)),))))
