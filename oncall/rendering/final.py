"""The final schedule: layers, extra shifts, overrides and substitutions, and their precedence.

The order of computation: the layers (the first with a participant wins, or all count); the extra shifts, which are
added; the overrides, which replace people of the layers and extra shifts that they apply to; the substitutions, which
replace the people who are on call then. ``overriding`` decides which override is the strongest.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from oncall.rendering.intervals import (
    NO_HOLDER,
    Held,
    Spans,
    Who,
    intersect,
    joined,
    merged,
    outside,
    over,
    stacked,
    together,
    who_at,
    within,
)
from oncall.rendering.layers import alone, layer_spans
from oncall.rendering.overriding import Fillers, Overriding
from oncall.rendering.spec import (
    MAX_PIECES,
    Composition,
    ExtraShift,
    InvalidSpec,
    Layer,
    Override,
    Participant,
    ScheduleSpec,
    Substitution,
)
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


class Source(NamedTuple):
    """A layer or an extra shift that exists in ``[start, end)``. spans: who is on call in it before overrides."""

    key: str
    spans: list[Held]
    start: int
    end: int


#: Spans of sources: the key, and who is on call before overrides; :data:`NO_HOLDER` while an override fills the source.
#: The key is None for sources that no override names.
Entries = Spans[tuple[str | None, Who]]
#: For each substituted person, who is on call instead.
StandIns = dict[Participant, list[Held]]
_NO_LAYER = "\0"  # no override has this key, because stored text never contains this character


def render(spec: ScheduleSpec, substitutions: Sequence[Substitution], since: int, until: int) -> Rendering:
    """Returns the final schedule and each layer alone in ``[since, until)``. Time without participants has no span.

    A layer alone is rendered as if the schedule had only this layer and no extra shifts. Overrides of other layers do
    not change it. Raises InvalidSpec for an invalid schedule or range.
    """
    layers, overriding = _own_spans(spec, since, until)
    stand_ins, fillers = _stand_ins(spec, substitutions), overriding.fillers(None)
    final = _composed(spec.composition, layers, spec.extra_shifts, overriding, since, until)
    own: list[tuple[str, tuple[Span, ...]]] = []
    count = 0
    for layer in layers:
        own.append((layer.key, _spans(_overridden(_entries(layer, fillers), overriding, fillers), stand_ins)))
        count += len(own[-1][1])
        if count > MAX_PIECES:
            raise InvalidSpec("overrides", f"more than {MAX_PIECES:,} shifts of layers; request a shorter range")
    return Rendering(_spans(final, stand_ins), tuple(own))


def render_final(spec: ScheduleSpec, substitutions: Sequence[Substitution], since: int, until: int) -> tuple[Span, ...]:
    """Returns only the final schedule of :func:`render`. Raises InvalidSpec as well."""
    layers, overriding = _own_spans(spec, since, until)
    final = _composed(spec.composition, layers, spec.extra_shifts, overriding, since, until)
    return _spans(final, _stand_ins(spec, substitutions))


def _own_spans(spec: ScheduleSpec, since: int, until: int) -> tuple[list[Source], Overriding]:
    validate(spec)
    check_amount(spec, since, until)
    own = ((layer.key, layer_spans(layer, spec.zone, since, until)) for layer in spec.layers)
    layers = [Source(key, spans, since, until) for key, spans in own]
    return layers, Overriding(spec.overrides, _keys(spec.layers, spec.extra_shifts), since, until)


def _keys(layers: Iterable[Layer | Source], extra_shifts: Iterable[ExtraShift]) -> frozenset[str]:
    """Returns the keys of all sources. A schedule without layers has one empty source."""
    return frozenset(chain([each.key for each in layers] or [_NO_LAYER], (each.key for each in extra_shifts)))


def _spans(held: Iterable[Held], stand_ins: StandIns) -> tuple[Span, ...]:
    return tuple(map(Span._make, merged(_substituted(held, stand_ins))))


def on_call(
    composition: Composition,
    layers: Sequence[tuple[str, Who]],
    extra_shifts: Sequence[ExtraShift],
    overrides: Sequence[Override],
    instant: int,
) -> Who:
    """Returns who is on call at one instant, before substitutions.

    layers: (key, participants of the layer itself), in order.
    """
    end = instant + 1
    own = [Source(key, [(instant, end, who)] if who else [], instant, end) for key, who in layers]
    overriding = Overriding(overrides, _keys(own, extra_shifts), instant, end)
    return who_at(_composed(composition, own, extra_shifts, overriding, instant, end), instant)


def _composed(
    composition: Composition,
    layers: Sequence[Source],
    extra_shifts: Iterable[ExtraShift],
    overriding: Overriding,
    since: int,
    until: int,
) -> list[Held]:
    """Returns who is on call before substitutions.

    While the strongest override applies to all sources, replaces everyone and covers gaps, nothing else counts.
    Otherwise, each participant of a source is replaced by the strongest override that applies to the source and to this
    participant. An empty source is filled by the strongest override that fills it. A vacant override leaves nobody in
    its source, and no lower layer is used.
    """
    strongest = overriding.strongest()
    taken = [span for span in strongest if _takes_all(overriding.ranked[span[2]])]
    shifts = []
    for shift in extra_shifts:
        start, end = max(shift.starts_at, since), min(shift.ends_at, until)
        if start < end:
            shifts.append(Source(shift.key, [(start, end, who)] if (who := alone(shift.by)) else [], start, end))
    if shifts or len(taken) < len(strongest):
        rest = _of_sources(composition, layers or [Source(_NO_LAYER, [], since, until)], shifts, overriding)
    else:
        own = [layer.spans for layer in layers]
        rest = stacked(own) if composition == "stacked" or len(own) < 2 else together(chain.from_iterable(own))
    return over(overriding.people(taken), rest)


def _takes_all(override: Override) -> bool:
    return override.covers_gaps and override.sources is None and override.replaces is None


def _of_sources(
    composition: Composition, layers: Sequence[Source], shifts: Sequence[Source], overriding: Overriding
) -> list[Held]:
    """Returns who is on call after overrides. Sources that no override names are overridden as one source."""
    fillers = overriding.fillers((each.key, each.spans) for each in (*layers, *shifts))
    if composition == "stacked":
        # An override of all sources fills the first layer. So lower layers are not used then.
        lower = [_entries(each, {each.key: fillers.get(each.key, [])}) for each in layers[1:]]
        counting, beside = [stacked([_entries(layers[0], fillers), *lower])], shifts
    else:
        counting, beside = [], [*layers, *shifts]
    plain = [each for each in beside if each.key not in overriding.special]
    pooled = together(chain.from_iterable(each.spans for each in plain))
    counting.append([(start, end, (None, who)) for start, end, who in pooled])
    if filling := fillers.get(None):
        empty = joined(gap for each in plain for gap in outside(each.spans, each.start, each.end))
        counting.append([(start, end, (None, NO_HOLDER)) for start, end, _ in intersect(empty, filling)])
    counting += (_entries(each, fillers) for each in beside if each.key in overriding.special)
    return together(chain.from_iterable(_overridden(entries, overriding, fillers) for entries in counting))


def _entries(source: Source, fillers: Fillers) -> Entries:
    """Returns the entries of a source: its spans, and the time in which one of the fillers fills it."""
    own = [(start, end, (source.key, who)) for start, end, who in source.spans]
    filling = (fillers[each] for each in {None, source.key} & fillers.keys())
    filled = joined(span[:2] for spans in filling for span in within(spans, source.start, source.end))
    return over(own, [(start, end, (source.key, NO_HOLDER)) for start, end in filled])


def _overridden(entries: Entries, overriding: Overriding, fillers: Fillers) -> Iterator[Held]:
    """Yields who is on call after overrides. While a vacant one counts, there is a span with :data:`NO_HOLDER`."""
    for start, end, (key, who) in entries:
        yield from overriding.replaced(key, who, start, end) if who else overriding.filled(fillers, key, start, end)


def _stand_ins(spec: ScheduleSpec, substitutions: Sequence[Substitution]) -> StandIns:
    """Returns for each substituted person the disjoint spans of the replacement, without holder if it is vacant."""
    by_person: dict[Participant, list[list[Held]]] = {}
    for substitution in by_strength(spec, substitutions):
        span = (substitution.starts_at, substitution.ends_at, alone(substitution.replacement))
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


def _substituted(held: Iterable[Held], stand_ins: StandIns) -> Iterable[Held]:
    """Returns ``held`` with substituted people replaced.

    A replacement is not replaced again, so there is no endless loop.
    """
    if not stand_ins:
        return held
    result: list[Held] = []
    for start, end, who in held:
        away = {each: found for each in stand_ins.keys() & who if (found := within(stand_ins[each], start, end))}
        if not away:
            result.append((start, end, who))
            continue
        parts = [(start, end, tuple(each for each in who if each not in away))]
        for each, found in away.items():
            parts += over(found, [(start, end, (each,))])
        result += together(parts)
    return result
