"""The final schedule: layers, extra shifts, overrides and substitutions. Only this file decides their precedence.

The order of computation: the layers (the first with a participant wins, or all count); the extra shifts, which are
added; the overrides, which replace people of the layers and extra shifts that they apply to; the substitutions, which
replace the people who are on call then.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import NamedTuple

from oncall.rendering.intervals import NO_HOLDER, Held, Who, merged, stacked, together, who_at, within
from oncall.rendering.layers import alone, layer_spans, people
from oncall.rendering.spec import Composition, ExtraShift, Override, Participant, ScheduleSpec, Substitution
from oncall.rendering.validation import check_amount, validate


class Span(NamedTuple):
    """``participants`` (sorted, unique, not vacant, not empty) are on call in ``[start, end)``, instants."""

    start: int
    end: int
    participants: tuple[Participant, ...]


@dataclass(frozen=True, slots=True)
class Rendering:
    """A rendered schedule.

    layers: (key, spans) of each layer in order, rendered as if it were the only layer, with overrides and
    substitutions.
    """

    final: tuple[Span, ...]
    layers: tuple[tuple[str, tuple[Span, ...]], ...]


#: For each substituted person, who is on call instead.
StandIns = dict[Participant, list[Held]]
_NO_LAYER = "\0"  # no override has this key, because stored text never contains this character


def render(spec: ScheduleSpec, substitutions: Sequence[Substitution], since: int, until: int) -> Rendering:
    """Returns the final schedule and each layer alone in ``[since, until)``. Time without participants has no span.

    A layer alone is rendered as if the schedule had only this layer and no extra shifts. Overrides of other layers do
    not change it. Raises InvalidSpec for an invalid schedule or range.
    """
    layers = _own_spans(spec, since, until)
    stand_ins = _stand_ins(spec, substitutions)

    def composed(layers: Sequence[tuple[str, list[Held]]], shifts: Sequence[ExtraShift]) -> tuple[Span, ...]:
        return _composed(spec.composition, layers, shifts, spec.overrides, stand_ins, since, until)

    return Rendering(composed(layers, spec.extra_shifts), tuple((layer[0], composed([layer], ())) for layer in layers))


def render_final(spec: ScheduleSpec, substitutions: Sequence[Substitution], since: int, until: int) -> tuple[Span, ...]:
    """Returns only the final schedule of :func:`render`. Raises InvalidSpec as well."""
    layers, stand_ins = _own_spans(spec, since, until), _stand_ins(spec, substitutions)
    return _composed(spec.composition, layers, spec.extra_shifts, spec.overrides, stand_ins, since, until)


def _own_spans(spec: ScheduleSpec, since: int, until: int) -> list[tuple[str, list[Held]]]:
    validate(spec)
    check_amount(spec, since, until)
    return [(layer.key, layer_spans(layer, spec.zone, since, until)) for layer in spec.layers]


def _composed(
    composition: Composition,
    layers: Sequence[tuple[str, list[Held]]],
    extra_shifts: Sequence[ExtraShift],
    overrides: Sequence[Override],
    stand_ins: StandIns,
    since: int,
    until: int,
) -> tuple[Span, ...]:
    own = [spans for _, spans in layers]
    if composition == "concurrent" and len(own) > 1:
        own = [together(chain.from_iterable(own))]
    spans = stacked([_exceptions(composition, layers, extra_shifts, overrides, since, until), *own])
    return tuple(map(Span._make, merged(_substituted(spans, stand_ins))))


def on_call(
    composition: Composition,
    layers: Sequence[tuple[str, Who]],
    extra_shifts: Sequence[ExtraShift],
    overrides: Sequence[Override],
) -> Who:
    """Returns who is on call at one instant, before substitutions.

    layers: (key, participants of the layer itself), in order. extra_shifts, overrides: those that run at the instant;
    the overrides in the order of :func:`by_rank`.

    A source is a layer or a running extra shift. Each participant of a source is replaced by the strongest override
    that applies to the source and to this participant. If the override is vacant, the place stays empty and no lower
    layer is used. A source without participants is filled by the strongest override that applies to it and covers gaps.
    An override that replaces one certain person fills a source only when all its sources are empty.
    """
    if overrides and _takes_all(overrides[0]):
        return alone(overrides[0].by)
    layers = layers or [(_NO_LAYER, NO_HOLDER)]  # an override of all sources works without layers
    shifts = [(shift.key, alone(shift.by)) for shift in extra_shifts]
    sources = [*layers, *shifts]
    staffed = (who for key, own in layers if (who := _overridden(key, own, overrides, sources)))
    counting = islice(staffed, 1) if composition == "stacked" else staffed
    beside = (_overridden(key, own, overrides, sources) for key, own in shifts)
    return people(*chain.from_iterable(chain(counting, beside)))


def by_rank(overrides: Iterable[Override]) -> list[Override]:
    """Returns the overrides, the strongest first: by rank, then the latest start, then the greatest key."""
    return sorted(overrides, key=lambda override: (override.rank, override.starts_at, override.key), reverse=True)


def _takes_all(override: Override) -> bool:
    return override.covers_gaps and override.sources is None and override.replaces is None


def deciders(
    key: str, own: Who, overrides: Sequence[Override], sources: Sequence[tuple[str, Who]]
) -> list[tuple[Participant | None, Override | None]]:
    """Returns which override replaces whom in one source.

    The result has a pair (participant, override) for each participant of ``own``; the override is None if the
    participant is not replaced. If ``own`` is empty, the result is one pair (None, override that fills the source), or
    it is empty. overrides, sources: as in :func:`on_call`.
    """
    applying = [override for override in overrides if override.sources is None or key in override.sources]
    if own:
        return [(each, next((o for o in applying if o.replaces in (None, each)), None)) for each in own]
    for override in applying:
        if override.covers_gaps and (override.replaces is None or _is_silent(override, sources)):
            return [(None, override)]
    return []


def _overridden(key: str, own: Who, overrides: Sequence[Override], sources: Sequence[tuple[str, Who]]) -> Who:
    """Returns who is on call in one source after its overrides. A vacant override is in the result as VACANT."""
    decided = deciders(key, own, overrides, sources)
    return tuple(who for each, override in decided if (who := override.by if override else each))


def _is_silent(override: Override, sources: Sequence[tuple[str, Who]]) -> bool:
    """Returns whether all sources that the override applies to are empty."""
    return not any(who for key, who in sources if override.sources is None or key in override.sources)


def _exceptions(
    composition: Composition,
    layers: Sequence[tuple[str, list[Held]]],
    extra_shifts: Sequence[ExtraShift],
    overrides: Sequence[Override],
    since: int,
    until: int,
) -> list[Held]:
    """Returns who is on call while an extra shift or an override runs.

    The spans have no gaps in this time: time without participants has :data:`NO_HOLDER`.
    """
    keys = frozenset(chain((key for key, _ in layers), (shift.key for shift in extra_shifts)))
    ordered = by_rank(each for each in overrides if each.sources is None or not each.sources.isdisjoint(keys))
    result: list[Held] = []
    for start, end, shifts_now, overrides_now in _running(extra_shifts, ordered, since, until):
        if overrides_now and _takes_all(ordered[overrides_now[0]]):
            result.append((start, end, alone(ordered[overrides_now[0]].by)))
            continue
        own = [(key, within(spans, start, end)) for key, spans in layers]
        cuts = sorted({start, end, *(edge for _, spans in own for span in spans for edge in span[:2])})
        shifts, stand_ins = [extra_shifts[i] for i in shifts_now], [ordered[i] for i in overrides_now]
        for cut, following in pairwise(cuts):
            now = [(key, who_at(spans, cut)) for key, spans in own]
            result.append((cut, following, on_call(composition, now, shifts, stand_ins)))
    return result


def _running(
    extra_shifts: Sequence[ExtraShift], overrides: Sequence[Override], since: int, until: int
) -> Iterator[tuple[int, int, list[int], list[int]]]:
    """Yields (start, end, positions of running extra shifts, positions of running overrides) while one of them runs.

    The yielded lists are reused. Copy them to keep them.
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
    """Returns for each substituted person the disjoint spans of the replacement, which may be VACANT."""
    by_person: dict[Participant, list[list[Held]]] = {}
    for substitution in by_strength(spec, substitutions):
        span = (substitution.starts_at, substitution.ends_at, (substitution.replacement,))
        by_person.setdefault(substitution.person, []).append([span])
    return {person: stacked(lists) for person, lists in by_person.items()}


def by_strength(spec: ScheduleSpec, substitutions: Sequence[Substitution]) -> list[Substitution]:
    """Returns the substitutions for this schedule, the strongest first: the latest start, then the greatest key."""
    chosen = [
        each
        for each in substitutions
        if each.starts_at < each.ends_at and (each.groups is None or not each.groups.isdisjoint(spec.groups))
    ]
    chosen.sort(key=lambda each: (each.starts_at, each.key), reverse=True)
    return chosen


def _substituted(held: list[Held], stand_ins: StandIns) -> list[Held]:
    """Returns ``held`` with substituted people replaced.

    A replacement is not replaced again, so there is no endless loop.
    """
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
