"""Finds rotations that several layers share (same people, shifted), so that the page shows each once."""

from collections.abc import Sequence
from dataclasses import dataclass

from oncall.rendering.layers import occurring_shifts
from oncall.rendering.spec import ByOccurrence, ByTime, Everyone, Layer, Participant, ScheduleSpec
from oncall.rendering.turns import turn_at, turn_range
from oncall.rendering.zones import DAY

#: How many seconds ahead the next shift of a rotation by occurrence is searched.
_AHEAD = 366 * DAY


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation that several layers share.

    keys: the keys of the layers. order: for each of these layers, the participant whose turn it is. next_handoff: the
    instant of the next handoff in all layers; None when there is none within a year.
    """

    keys: tuple[str, ...]
    order: tuple[Participant, ...]
    next_handoff: int | None


def rotations(spec: ScheduleSpec, instant: int) -> tuple[Rotation, ...]:
    """Returns the rotations that at least two layers share, with the turns at ``instant``.

    For turns by occurrence, these are the turns of the current or the next shift. Opening hours, overrides and
    substitutions are not considered.
    """
    shared: dict[object, list[Layer]] = {}
    for layer in sorted(spec.layers, key=lambda layer: (len(layer.key), layer.key)):  # 2 before 10
        if not isinstance(layer.turns, Everyone) and len(set(layer.participants)) > 1:
            first = _least_rotation(layer.participants)
            cycle = layer.participants[first:] + layer.participants[:first]
            same = (cycle, layer.turns, layer.windows, layer.zone, layer.starts_at, layer.ends_at)
            shared.setdefault(same, []).append(layer)
    found = (_rotation(layers, spec.zone, instant) for layers in shared.values() if len(layers) > 1)
    return tuple(rotation for rotation in found if rotation is not None)


def _rotation(layers: Sequence[Layer], zone: str, instant: int) -> Rotation | None:
    turn = _turn(layers[0], layers[0].zone or zone, instant)
    if turn is None:
        return None
    number, ends = turn
    order = tuple(layer.participants[number % len(layer.participants)] for layer in layers)
    return Rotation(tuple(layer.key for layer in layers), order, ends)


def _turn(layer: Layer, zone: str, instant: int) -> tuple[int, int | None] | None:
    """Returns the turn and the instant of the next handoff; None when no shift follows."""
    turns = layer.turns
    if isinstance(turns, ByTime):
        number = turn_at(turns, zone, instant)
        return number, turn_range(turns, zone, number)[1]
    assert isinstance(turns, ByOccurrence)  # noqa: S101 - the caller leaves out Everyone
    shifts = occurring_shifts(layer, zone, instant, instant + _AHEAD)
    coming = ((index // turns.shifts_per_participant, begins) for index, begins, _, _ in shifts)
    first = next(coming, None)
    return first and (first[0], next((begins for number, begins in coming if number != first[0]), None))


def _least_rotation(people: Sequence[Participant]) -> int:
    """Returns the position from which the circle of people reads as the least tuple. Each step excludes positions."""
    count = len(people)
    first, second, same = 0, 1, 0  # two candidates, and how many people they have in common
    while max(first, second, same) < count:
        one, other = people[(first + same) % count], people[(second + same) % count]
        if one == other:
            same += 1
            continue
        if other < one:
            first = max(first + same + 1, second)
            second = first + 1
        else:
            second += same + 1
        same = 0
    return first
