"""Who one layer puts on call, without other layers: when the layer is open, combined with whose turn it is."""

from bisect import bisect_left
from collections.abc import Iterator

from oncall.rendering.intervals import NO_HOLDER, ORDER, Held, Who, intersect, together
from oncall.rendering.recurrence import pattern
from oncall.rendering.spec import ByOccurrence, ByTime, Everyone, Layer, Participant, Recurring
from oncall.rendering.turns import turn_at, turn_spans
from oncall.rendering.windows import is_open, occurrences, open_ranges
from oncall.rendering.zones import furthest_reading


def people(*participants: Participant) -> Who:
    """Returns the participants sorted and unique, without vacant ones."""
    return tuple(sorted({each for each in participants if each.kind != "vacant"}, key=ORDER))


def alone(participant: Participant) -> Who:
    """Returns :func:`people` for one participant."""
    return NO_HOLDER if participant.kind == "vacant" else (participant,)


def layer_spans(layer: Layer, zone: str, since: int, until: int) -> list[Held]:
    """Returns who the layer puts on call in ``[since, until)``, in order and disjoint. Vacant turns are left out.

    zone: the schedule's zone, which is used if the layer has no zone. Adjacent spans with equal holders are not merged.
    """
    zone = layer.zone or zone
    since = since if layer.starts_at is None else max(since, layer.starts_at)
    until = until if layer.ends_at is None else min(until, layer.ends_at)
    if since >= until or not layer.participants:
        return []
    match layer.turns:
        case ByOccurrence():
            shifts = ((begins, ends, who) for _, begins, ends, who in occurring_shifts(layer, zone, since, until))
            return together((max(begins, since), min(ends, until), who) for begins, ends, who in shifts)
        case ByTime() as turns:
            order = [alone(participant) for participant in layer.participants]
            held = turn_spans(turns, order, zone, since, until)
        case Everyone():  # pragma: no branch - mypy proves these are all
            held = [(since, until, people(*layer.participants))]
    return intersect(open_ranges(layer, zone, since, until), [span for span in held if span[2]])


def layer_at(layer: Layer, zone: str, instant: int) -> Who:
    """Returns who the layer puts on call at ``instant``; :data:`NO_HOLDER` if it is closed or the turn is vacant.

    The result is computed directly, without a list of spans.
    """
    if layer.starts_at is not None and instant < layer.starts_at:
        return NO_HOLDER
    if layer.ends_at is not None and instant >= layer.ends_at:
        return NO_HOLDER
    zone = layer.zone or zone
    if not layer.participants:
        return NO_HOLDER
    match layer.turns:
        case ByOccurrence():
            running = occurring_shifts(layer, zone, instant, instant + 1)
            return people(*(each for _, _, _, who in running for each in who))
        case ByTime() as turns:
            if is_open(layer, zone, instant):
                return alone(layer.participants[turn_at(turns, zone, instant) % len(layer.participants)])
        case Everyone():  # pragma: no branch - mypy proves these are all
            if is_open(layer, zone, instant):
                return people(*layer.participants)
    return NO_HOLDER


def occurring_shifts(layer: Layer, zone: str, since: int, until: int) -> Iterator[tuple[int, int, int, Who]]:
    """Yields (index, first instant, end instant, who) for each shift in ``[since, until)``.

    layer: its turns are ByOccurrence. The instants are those of the occurrence; the clip does not cut them.
    """
    turns, window = layer.turns, layer.windows[0]
    assert isinstance(turns, ByOccurrence)  # noqa: S101 - validate() checks turns and window
    assert isinstance(window, Recurring)  # noqa: S101
    order = [alone(participant) for participant in layer.participants]
    for start, begins, ends in occurrences(layer, zone, window, since, until):
        if begins < until and ends > since and begins < ends:
            shown = furthest_reading(zone, begins) + 1 if begins in window.late else start
            index = pattern(window).index(shown, excluded_counts=layer.excluded_occurrence_uses_turn)
            index += bisect_left(window.late, begins)
            yield index, begins, ends, order[index // turns.shifts_per_participant % len(order)]
