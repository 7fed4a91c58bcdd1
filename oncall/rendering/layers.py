"""One layer by itself: when it is open, times whose turn it is."""

from collections.abc import Iterator

from oncall.rendering.intervals import NOBODY, Held, Who, intersect, together
from oncall.rendering.recurrence import pattern
from oncall.rendering.spec import ByOccurrence, ByTime, Everyone, Layer, Participant, Recurring
from oncall.rendering.turns import turn_at, turn_spans
from oncall.rendering.windows import is_open, occurrences, open_ranges


def people(*participants: Participant) -> Who:
    """The participants as they are shown: sorted, unique, without the vendor's nobody."""
    return tuple(sorted({each for each in participants if each.kind != "vacant"}))


def alone(participant: Participant) -> Who:
    """:func:`people` for one."""
    return NOBODY if participant.kind == "vacant" else (participant,)


def layer_spans(layer: Layer, zone: str, since: int, until: int) -> list[Held]:
    """Who the layer puts on call in ``[since, until)``, disjoint and in order; vacant turns are left out.

    zone: the schedule's, for a layer without its own. Touching spans of one participant are not merged.
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
    """Who the layer puts on call at ``instant``, by arithmetic; :data:`NOBODY` when it is closed or vacant."""
    if layer.starts_at is not None and instant < layer.starts_at:
        return NOBODY
    if layer.ends_at is not None and instant >= layer.ends_at:
        return NOBODY
    zone = layer.zone or zone
    if not layer.participants:
        return NOBODY
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
    return NOBODY


def occurring_shifts(layer: Layer, zone: str, since: int, until: int) -> Iterator[tuple[int, int, int, Who]]:
    """(index, begins, ends, who) of each shift of a layer with turns by occurrence that runs in ``[since, until)``.

    The instants are those of the occurrence, not cut by the clip.
    """
    turns, window = layer.turns, layer.windows[0]
    assert isinstance(turns, ByOccurrence)  # noqa: S101 - validated, and so is the window
    assert isinstance(window, Recurring)  # noqa: S101
    order = [alone(participant) for participant in layer.participants]
    for start, begins, ends in occurrences(layer, zone, window, since, until):
        if begins < until and ends > since and begins < ends:
            index = pattern(window).index(start, excluded_counts=layer.excluded_occurrence_uses_turn)
            yield index, begins, ends, order[index // turns.shifts_per_participant % len(order)]
