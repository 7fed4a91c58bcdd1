"""Any schedule: rendered, refereed minute by minute, and asked at single seconds."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oncall.rendering.final import Span, render, render_final
from oncall.rendering.spec import (
    VACANT,
    Always,
    ByTime,
    Daily,
    Everyone,
    ExtraShift,
    Layer,
    Override,
    Participant,
    ScheduleSpec,
    Substitution,
    Weekly,
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
    when,
)

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


@st.composite
def windows(draw: st.DrawFn) -> tuple[Always | Daily | Weekly, ...]:
    daily = st.builds(Daily, minute_of_day, st.integers(1, 1440).map(lambda minutes: minutes * MINUTE))
    weekly = st.builds(
        Weekly, st.integers(1, 7), minute_of_day, st.integers(1, 8 * 1440 - 1).map(lambda minutes: minutes * MINUTE)
    )
    return draw(
        st.one_of(st.just((Always(),)), st.tuples(daily), st.lists(st.one_of(daily, weekly), min_size=1).map(tuple))
    )


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
def cases(draw: st.DrawFn) -> tuple[ScheduleSpec, tuple[Substitution, ...], int, int]:
    since = when(*draw(st.sampled_from(DAYS))) + draw(st.integers(0, 1439)) * MINUTE
    until = since + draw(st.integers(1, 2 * 1440)) * MINUTE
    edge = st.one_of(st.none(), st.none(), ranges(since, until).map(lambda pair: pair[0]))
    layers = []
    for key in draw(st.lists(st.sampled_from("abcd"), max_size=4, unique=True)):
        starts_at, ends_at = draw(edge), draw(edge)
        if starts_at is not None and ends_at is not None:
            starts_at, ends_at = sorted((starts_at, ends_at))
        participants = tuple(draw(st.lists(anyone, max_size=4)))
        zone = draw(st.one_of(st.none(), zones))
        layers.append(Layer(key, key, draw(windows()), draw(turns(since)), participants, zone, starts_at, ends_at))
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
    spec = ScheduleSpec(draw(zones), "stacked", tuple(layers), shifts, overrides, draw(st.sampled_from([(), ("g1",)])))
    return spec, substitutions, since, until


@given(case=cases(), data=st.data())
@settings(COMMON, max_examples=50)
def test_rendered_refereed_and_asked_agree(
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
@settings(COMMON, max_examples=30)
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
@settings(COMMON, max_examples=30)
def test_a_layer_alone_is_the_final_schedule_of_that_layer(
    case: tuple[ScheduleSpec, tuple[Substitution, ...], int, int],
) -> None:
    spec, substitutions, since, until = case
    for layer, (key, spans) in zip(spec.layers, render(spec, substitutions, since, until).layers, strict=True):
        overrides = tuple(o for o in spec.overrides if o.sources is None or layer.key in o.sources)
        alone = ScheduleSpec(spec.zone, "stacked", (layer,), (), overrides, spec.groups)
        assert key == layer.key
        assert spans == render_final(alone, substitutions, since, until)
