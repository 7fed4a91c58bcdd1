"""The final schedule: layers, extra shifts, overrides, substitutions. What beats what is decided in this file alone.

From the bottom up: the layers, of which the first with a participant wins or all count; extra shifts beside them;
overrides in place of what they look at; substitutions in place of whoever is then on call.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import NamedTuple

from oncall.rendering.intervals import NOBODY, Held, Who, merged, stacked, together, who_at, within
from oncall.rendering.layers import alone, layer_spans, people
from oncall.rendering.spec import Composition, ExtraShift, Override, Participant, ScheduleSpec, Substitution
from oncall.rendering.validation import check_amount, validate


class Span(NamedTuple):
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
_NO_LAYER = "\0"  # no override names it: stored text has no such character


def render(spec: ScheduleSpec, substitutions: Sequence[Substitution], since: int, until: int) -> Rendering:
    """The final schedule and every layer alone, both in ``[since, until)``; time without anybody is not listed.

    A layer alone is rendered as if the schedule had only this layer and no extra shifts; overrides of other layers do
    not touch it. Raises InvalidSpec for a schedule or range that makes no sense.
    """
    layers = _own_spans(spec, since, until)
    stand_ins = _stand_ins(spec, substitutions)

    def composed(layers: Sequence[tuple[str, list[Held]]], shifts: Sequence[ExtraShift]) -> tuple[Span, ...]:
        return _composed(spec.composition, layers, shifts, spec.overrides, stand_ins, since, until)

    return Rendering(composed(layers, spec.extra_shifts), tuple((layer[0], composed([layer], ())) for layer in layers))


def render_final(spec: ScheduleSpec, substitutions: Sequence[Substitution], since: int, until: int) -> tuple[Span, ...]:
    """The final schedule alone, as in :func:`render`."""
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
    """Who is on call at one instant, before substitutions.

    layers: (key, who the layer itself puts on call), in order. extra_shifts and overrides: those that run now, the
    overrides as :func:`by_rank` orders them. A source is a layer or a running extra shift. Each of its participants
    gives way to the strongest override that looks at the source and replaces them; a vacant one leaves nobody there,
    and no lower layer comes through. A source without participants is filled by the strongest override that looks at it
    and covers gaps; one that replaces a certain person does so only when none of its sources has anybody.
    """
    if overrides and _takes_all(overrides[0]):
        return alone(overrides[0].by)
    layers = layers or [(_NO_LAYER, NOBODY)]  # an override of everything needs no layer below
    shifts = [(shift.key, alone(shift.by)) for shift in extra_shifts]
    sources = [*layers, *shifts]
    with_somebody = (who for key, own in layers if (who := _overridden(key, own, overrides, sources)))
    counting = islice(with_somebody, 1) if composition == "stacked" else with_somebody
    beside = (_overridden(key, own, overrides, sources) for key, own in shifts)
    return people(*chain.from_iterable(chain(counting, beside)))


def by_rank(overrides: Iterable[Override]) -> list[Override]:
    """The strongest first: the highest rank; of equal ranks the one that starts last, then the greater key."""
    return sorted(overrides, key=lambda override: (override.rank, override.starts_at, override.key), reverse=True)


def _takes_all(override: Override) -> bool:
    return override.covers_gaps and override.sources is None and override.replaces is None


def deciders(
    key: str, own: Who, overrides: Sequence[Override], sources: Sequence[tuple[str, Who]]
) -> list[tuple[Participant | None, Override | None]]:
    """Who of one source gives way to which override: a pair per participant of ``own``, with None for one who stays.

    Of a source with nobody: one pair, None and the override that fills it, or nothing. overrides and sources: as in
    :func:`on_call`.
    """
    looking = [override for override in overrides if override.sources is None or key in override.sources]
    if own:
        return [(each, next((o for o in looking if o.replaces in (None, each)), None)) for each in own]
    for override in looking:
        if override.covers_gaps and (override.replaces is None or _is_silent(override, sources)):
            return [(None, override)]
    return []


def _overridden(key: str, own: Who, overrides: Sequence[Override], sources: Sequence[tuple[str, Who]]) -> Who:
    """Who is on call in one source instead of its ``own``; holds the vacant participant where an override says so."""
    decided = deciders(key, own, overrides, sources)
    return tuple(who for each, override in decided if (who := override.by if override else each))


def _is_silent(override: Override, sources: Sequence[tuple[str, Who]]) -> bool:
    """Whether none of the sources that the override looks at has anybody."""
    return not any(who for key, who in sources if override.sources is None or key in override.sources)


def _exceptions(
    composition: Composition,
    layers: Sequence[tuple[str, list[Held]]],
    extra_shifts: Sequence[ExtraShift],
    overrides: Sequence[Override],
    since: int,
    until: int,
) -> list[Held]:
    """Who is on call while an extra shift or an override runs: gapless over that time, :data:`NOBODY` included."""
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
