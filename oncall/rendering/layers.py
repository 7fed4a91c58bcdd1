"""One layer by itself: when it is open, times whose turn it is."""

from oncall.rendering.intervals import NOBODY, Held, Who, intersect
from oncall.rendering.spec import ByTime, Everyone, Layer, NotRendered, Participant
from oncall.rendering.turns import turn_at, turn_spans
from oncall.rendering.windows import is_open, open_ranges
from oncall.rendering.zones import reading, stretches


def people(*participants: Participant) -> Who:
    """The participants as they are shown: sorted, unique, without the vendor's nobody."""
    return tuple(sorted({each for each in participants if each.kind != "vacant"}))


def alone(participant: Participant) -> Who:
    """:func:`people` for one."""
    return NOBODY if participant.kind == "vacant" else (participant,)


def layer_spans(layer: Layer, zone: str, since: int, until: int) -> list[Held]:
    """Who the layer puts on call in ``[since, until)``, :data:`NOBODY` where a vacant turn runs.

    zone: the schedule's, for a layer without its own. Touching spans of one participant are not merged.
    """
    zone = layer.zone or zone
    since = since if layer.starts_at is None else max(since, layer.starts_at)
    until = until if layer.ends_at is None else min(until, layer.ends_at)
    if since >= until or not layer.participants:
        return []
    match layer.turns:
        case ByTime() as turns:
            order = [alone(participant) for participant in layer.participants]
            held = turn_spans(turns, order, zone, since, until)
        case Everyone():
            held = [(since, until, people(*layer.participants))]
        case _:
            raise NotRendered("turns", "a layer with turns by occurrence")
    return intersect(open_ranges(layer.windows, stretches(zone, since, until)), [span for span in held if span[2]])


def layer_at(layer: Layer, zone: str, instant: int) -> Who:
    """Who the layer puts on call at ``instant``, by arithmetic; :data:`NOBODY` when it is closed or vacant."""
    if layer.starts_at is not None and instant < layer.starts_at:
        return NOBODY
    if layer.ends_at is not None and instant >= layer.ends_at:
        return NOBODY
    zone = layer.zone or zone
    if not layer.participants or not is_open(layer.windows, reading(zone, instant)):
        return NOBODY
    match layer.turns:
        case ByTime() as turns:
            return alone(layer.participants[turn_at(turns, zone, instant) % len(layer.participants)])
        case Everyone():
            return people(*layer.participants)
        case _:
            raise NotRendered("turns", "a layer with turns by occurrence")
