"""Says which places a plan leaves without anybody: the guard's rule about the last person. Pure.

A *place* is a schedule, or a level of an escalation policy. It has somebody while a person is on call there, or is
paged there, who is active here and at the source; a participant whose row is not known here counts as somebody. The
*last person leaves* a place that has somebody at some time of the next 7 days, and nobody at any time of them after the
plan. A schedule or policy that becomes inactive itself is no such place: it was proved to be gone, and the other rules
of the guard count it. What refers to it may lose its last person.

A *removal* is an item by which somebody may leave a place: a row that becomes inactive, also a person whom the source
reports as inactive; an element of a collection that disappears; a changed element, layer, level or route; a new
override or absence without replacement. What only adds people, and what creates a row, removes nothing.
"""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from typing import Final, NamedTuple

from oncall.aggregates import Kind
from oncall.rendering.codec import participant_to_text
from oncall.rendering.intervals import Range, intersect, joined, outside
from oncall.rendering.spec import VACANT
from oncall.rendering.zones import HOUR
from syncjobs.planning.impact.fields import MATTERS
from syncjobs.planning.values import Change

#: Actions that take nobody away: the row is new, or the item is not applied unless a reviewer ticks it.
_NEVER: Final = frozenset({"create", "missing"})
#: The collections whose new elements take somebody away if they name nobody.
_REPLACING: Final = frozenset({"overrides", "substitutions"})
_VACANT: Final = participant_to_text(VACANT)
#: The fields about the presence of a row, and their values if it is present.
_PRESENCE: Final = frozenset({"active", "state"})
_PRESENT: Final = (True, "active")


class Place(NamedTuple):
    """level: of a policy, counted from 0; None for a schedule, and for a policy whose number of levels changed."""

    kind: Kind
    row_id: int
    level: int | None = None


class Loss(NamedTuple):
    """A place that its last person leaves. hours: of the next 7 days in which somebody was there before."""

    place: Place
    hours: float


#: The ranges in which each place has somebody. Places with nobody are in it, too.
Staff = Mapping[Place, Sequence[Range]]


def is_removal(
    kind: Kind, action: str, fields: Mapping[str, Change], elements: Mapping[str, Mapping[str, Change]]
) -> bool:
    """Return whether an item with these changes may take somebody away from a place."""
    if action in _NEVER:
        return False
    matters = MATTERS[kind]
    return any(
        old not in (None, "") and not (path in _PRESENCE and new in _PRESENT)
        for path, (old, new) in fields.items()
        if path.partition(".")[0] in matters
    ) or any(
        old is not None or (name in _REPLACING and new["by_key"] == _VACANT)
        for name, changes in elements.items()
        if name in matters
        for old, new in changes.values()
    )


def last_people(before: Staff, after: Staff, leaving: Container[tuple[Kind, int]]) -> tuple[Loss, ...]:
    """Return the places that their last person leaves, schedules first.

    leaving: the rows that become inactive themselves.
    """
    rows = sorted({(place.kind, place.row_id) for place in before}, key=lambda row: (row[0] != "schedule", row))
    return tuple(
        loss
        for kind, row_id in rows
        if (kind, row_id) not in leaving
        for loss in (
            _left_schedule(row_id, before, after) if kind == "schedule" else _left_levels(row_id, before, after)
        )
    )


def _left_schedule(row_id: int, before: Staff, after: Staff) -> list[Loss]:
    place = Place("schedule", row_id)
    return [] if after.get(place) or not before[place] else [Loss(place, _hours(before[place]))]


def _left_levels(row_id: int, before: Staff, after: Staff) -> list[Loss]:
    """Return the levels of one policy. Levels have no keys, so they are compared by place while their number is equal.

    Otherwise the policy is one place: it has fewer levels with somebody, and more without, or nobody at all.
    """
    was, will = _levels(row_id, before), _levels(row_id, after)
    if len(was) == len(will):
        return [
            Loss(Place("escalation_policy", row_id, number), _hours(ranges))
            for number, ranges in enumerate(was)
            if ranges and not will[number]
        ]
    staffed, left = sum(map(bool, was)), sum(map(bool, will))
    fewer = left < staffed and len(will) - left > len(was) - staffed
    if fewer or (staffed and not left):
        lost = sum(map(_hours, was)) - sum(map(_hours, will))
        return [Loss(Place("escalation_policy", row_id), round(max(lost, 0.0), 2))]
    return []


def _levels(row_id: int, staff: Staff) -> list[Sequence[Range]]:
    found: list[Sequence[Range]] = []
    while (ranges := staff.get(Place("escalation_policy", row_id, len(found)))) is not None:
        found.append(ranges)
    return found


def lost_hours(before: Staff, after: Staff, since: int, until: int) -> float:
    """Return in how many hours of ``[since, until)`` places have nobody any more, counted over all places.

    An hour of a level counts only if no schedule loses it: most levels page schedules, which are counted already.
    """
    lost: dict[Kind, list[list[Range]]] = defaultdict(list)
    for place, ranges in before.items():
        gone = outside(after.get(place, ()), since, until)
        lost[place.kind].append([(start, end) for start, end, _ in intersect(gone, [(*each, None) for each in ranges])])
    counted = lost["schedule"]
    of_schedules = joined(each for ranges in counted for each in ranges)
    elsewhere = outside(of_schedules, since, until)
    for ranges in lost["escalation_policy"]:
        counted.append([(start, end) for start, end, _ in intersect(elsewhere, [(*each, None) for each in ranges])])
    return round(sum(map(_hours, counted)), 2)


def _hours(ranges: Sequence[Range]) -> float:
    return round(sum(end - start for start, end in ranges) / HOUR, 2)
