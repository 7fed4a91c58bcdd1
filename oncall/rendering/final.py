"""The final schedule: layers, extra shifts, overrides, substitutions. What beats what is decided in this file alone.

From the bottom up: the first layer with a participant; extra shifts beside it; overrides in place of what they look at;
substitutions in place of whoever is then on call.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from oncall.rendering.intervals import NOBODY, Held, Who, merged, over, stacked, who_at, within
from oncall.rendering.layers import alone, layer_spans, people
from oncall.rendering.spec import (
    ExtraShift,
    InvalidSpec,
    Override,
    Participant,
    ScheduleSpec,
    Substitution,
)
from oncall.rendering.validation import validate
from oncall.rendering.zones import EARLIEST, FIRST_YEAR, LAST_YEAR, LATEST


@dataclass(frozen=True, slots=True)
class Span:
    """``participants`` (sorted, unique, never vacant, never empty) are on call in ``[start, end)``, instants."""

    start: int
    end: int
    participants: tuple[Participant, ...]


@dataclass(frozen=True, slots=True)
class Rendering:
    """``final``, and each layer by its key as it would be alone, overrides and substitutions applied, in order."""

    final: tuple[Span, ...]
    layers: tuple[tuple[str, tuple[Span, ...]], ...]


StandIns = dict[Participant, list[Held]]


def render(spec: ScheduleSpec, substitutions: Sequence[Substitution], since: int, until: int) -> Rendering:
    """The final schedule and every layer alone, both in ``[since, until)``; time without anybody is not listed.

    A layer alone is rendered as if the schedule had only this layer and no extra shifts; overrides of other layers do
    not touch it. Raises InvalidSpec for a schedule or range that makes no sense and NotRendered for what this release
    cannot render.
    """
    layers = _own_spans(spec, since, until)
    stand_ins = _stand_ins(spec, substitutions)
    return Rendering(
        _composed(layers, spec.extra_shifts, spec.overrides, stand_ins, since, until),
        tuple((layer[0], _composed([layer], (), spec.overrides, stand_ins, since, until)) for layer in layers),
    )


def render_final(spec: ScheduleSpec, substitutions: Sequence[Substitution], since: int, until: int) -> tuple[Span, ...]:
    """The final schedule alone, as in :func:`render`."""
    layers = _own_spans(spec, since, until)
    return _composed(layers, spec.extra_shifts, spec.overrides, _stand_ins(spec, substitutions), since, until)


def _own_spans(spec: ScheduleSpec, since: int, until: int) -> list[tuple[str, list[Held]]]:
    validate(spec, for_rendering=True)
    if not EARLIEST <= since <= until <= LATEST:
        raise InvalidSpec("since", f"{since} until {until} is no range in the years {FIRST_YEAR} to {LAST_YEAR}")
    return [(layer.key, layer_spans(layer, spec.zone, since, until)) for layer in spec.layers]


def _composed(
    layers: Sequence[tuple[str, list[Held]]],
    extra_shifts: Sequence[ExtraShift],
    overrides: Sequence[Override],
    stand_ins: StandIns,
    since: int,
    until: int,
) -> tuple[Span, ...]:
    spans = stacked([spans for _, spans in layers])
    spans = over(_exceptions(layers, extra_shifts, overrides, since, until), spans)
    spans = _substituted(spans, stand_ins)
    return tuple([Span(start, end, who) for start, end, who in merged(spans)])


def on_call(
    layers: Sequence[tuple[str, Who]], extra_shifts: Sequence[ExtraShift], overrides: Sequence[Override]
) -> Who:
    """Who is on call at one instant, before substitutions.

    layers: (key, who the layer itself puts on call), in order. extra_shifts and overrides: those that run now, the
    overrides as :func:`concerning` gives them. Each participant of a source gives way to the strongest override that
    looks at the source and replaces them; a vacant one leaves nobody there, and no lower layer comes through. An
    override that covers gaps also fills its sources when none of them has anybody, but for those a stronger one fills.
    """
    if overrides and _takes_all(overrides[0]):
        return alone(overrides[0].by)
    shifts = [(shift.key, alone(shift.by)) for shift in extra_shifts]
    by_layer = [_overridden(key, who, overrides) for key, who in layers]
    beside = [_overridden(key, who, overrides) for key, who in shifts]
    filled: dict[str, Who] = {}
    for override in overrides:
        if override.covers_gaps and not any(who for key, who in chain(layers, shifts) if _looks_at(override, key)):
            scope = [index for index, (key, _) in enumerate(layers) if _looks_at(override, key)]
            for index in scope:
                by_layer[index] = by_layer[index] or (override.by,)
            if not scope:  # it looks at extra shifts only, or the schedule has no layer
                for key in override.sources or ("",):
                    filled.setdefault(key, (override.by,))
    winner = next((who for who in by_layer if who), NOBODY)
    return people(*winner, *chain(*beside, *filled.values()))


def concerning(overrides: Sequence[Override], keys: frozenset[str]) -> list[Override]:
    """The overrides that look at any of the sources ``keys``, narrowed to these, the strongest first.

    The highest rank is the strongest; of equal ranks the one that starts last, then the one with the greater key.
    """
    chosen = [
        override if override.sources is None else replace(override, sources=override.sources & keys)
        for override in overrides
        if override.sources is None or not override.sources.isdisjoint(keys)
    ]
    chosen.sort(key=lambda override: (override.rank, override.starts_at, override.key), reverse=True)
    return chosen


def _looks_at(override: Override, key: str) -> bool:
    return override.sources is None or key in override.sources


def _takes_all(override: Override) -> bool:
    return override.covers_gaps and override.sources is None and override.replaces is None


def _overridden(key: str, who: Who, overrides: Sequence[Override]) -> Who:
    """Who stands in for each of ``who`` in one source; holds the vacant participant where nobody does."""
    return tuple(
        next((o.by for o in overrides if _looks_at(o, key) and o.replaces in (None, participant)), participant)
        for participant in who
    )


def _exceptions(
    layers: Sequence[tuple[str, list[Held]]],
    extra_shifts: Sequence[ExtraShift],
    overrides: Sequence[Override],
    since: int,
    until: int,
) -> list[Held]:
    """Who is on call while an extra shift or an override runs: gapless over that time, :data:`NOBODY` included."""
    keys = frozenset(chain((key for key, _ in layers), (shift.key for shift in extra_shifts)))
    ordered = concerning(overrides, keys)
    result: list[Held] = []
    for start, end, shifts_now, overrides_now in _running(extra_shifts, ordered, since, until):
        if overrides_now and _takes_all(ordered[overrides_now[0]]):
            result.append((start, end, alone(ordered[overrides_now[0]].by)))
            continue
        own = [(key, within(spans, start, end)) for key, spans in layers]
        cuts = sorted({start, end, *(edge for _, spans in own for span in spans for edge in span[:2])})
        shifts, stand_ins = [extra_shifts[i] for i in shifts_now], [ordered[i] for i in overrides_now]
        for cut, following in pairwise(cuts):
            result.append((cut, following, on_call([(k, who_at(spans, cut)) for k, spans in own], shifts, stand_ins)))
    return result


def _running(
    extra_shifts: Sequence[ExtraShift], overrides: Sequence[Override], since: int, until: int
) -> Iterator[tuple[int, int, list[int], list[int]]]:
    """(start, end, positions of the extra shifts, positions of the overrides) while the same ones, and any, run.

    The lists are alive: they change when the next item is asked for.
    """
    running: tuple[list[int], list[int]] = ([], [])
    kinds: tuple[Sequence[ExtraShift | Override], ...] = (extra_shifts, overrides)
    edges = sorted(
        (edge, kind, position)
        for kind, items in enumerate(kinds)
        for position, item in enumerate(items)
        if item.starts_at < until and item.ends_at > since and item.starts_at < item.ends_at
        for edge in (max(item.starts_at, since), min(item.ends_at, until))
    )
    for (edge, kind, position), (following, _, _) in pairwise(edges):
        where = bisect_left(running[kind], position)
        if running[kind][where : where + 1] == [position]:
            del running[kind][where]
        else:
            insort(running[kind], position)
        if following > edge and any(running):
            yield edge, following, *running


def _stand_ins(spec: ScheduleSpec, substitutions: Sequence[Substitution]) -> StandIns:
    """For each person the spans of who stands in, disjoint; a vacant replacement is kept as such."""
    by_person: dict[Participant, list[list[Held]]] = {}
    for substitution in by_strength(spec, substitutions):
        span = (substitution.starts_at, substitution.ends_at, (substitution.replacement,))
        by_person.setdefault(substitution.person, []).append([span])
    return {person: stacked(lists) for person, lists in by_person.items()}


def by_strength(spec: ScheduleSpec, substitutions: Sequence[Substitution]) -> list[Substitution]:
    """The substitutions for this schedule, the strongest first: the one that starts last, then the greater key."""
    chosen = [
        each
        for each in substitutions
        if each.starts_at < each.ends_at and (each.groups is None or not each.groups.isdisjoint(spec.groups))
    ]
    chosen.sort(key=lambda each: (each.starts_at, each.key), reverse=True)
    return chosen


def _substituted(held: list[Held], stand_ins: StandIns) -> list[Held]:
    """Each person gives way to who stands in; that one does not give way again, so that no circle can turn."""
    if not stand_ins:
        return held
    result: list[Held] = []
    for start, end, who in held:
        away = {each: within(stand_ins[each], start, end) for each in who if each in stand_ins}
        cuts = sorted({start, end, *(edge for spans in away.values() for span in spans for edge in span[:2])})
        for cut, following in pairwise(cuts):
            now = chain.from_iterable(who_at(away.get(each, ()), cut) or (each,) for each in who)
            result.append((cut, following, people(*now)))
    return result
