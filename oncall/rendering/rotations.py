"""Rotations that several layers share: one circle of people, each layer a place in it. To be told once."""

from collections.abc import Sequence
from dataclasses import dataclass

from oncall.rendering.layers import occurring_shifts
from oncall.rendering.spec import ByOccurrence, ByTime, Everyone, Layer, Participant, ScheduleSpec
from oncall.rendering.turns import turn_at, turn_range
from oncall.rendering.zones import DAY

#: How far ahead the next shift of a rotation by occurrence is looked for, seconds.
HORIZON = 366 * DAY


@dataclass(frozen=True, slots=True)
class Rotation:
    """keys: of its layers, in the order of their places. order: whose turn it is on each of them. next_handoff: instant
    at which all of them move on; None when there is none within a year."""

    keys: tuple[str, ...]
    order: tuple[Participant, ...]
    next_handoff: int | None


def rotations(spec: ScheduleSpec, instant: int) -> tuple[Rotation, ...]:
    """Those that at least two layers share, as they stand at ``instant`` or, by occurrence, in the next shift. Whether
    the layers are open then, overrides and substitutions do not matter."""
    shared: dict[object, list[Layer]] = {}
    for layer in sorted(spec.layers, key=lambda layer: (len(layer.key), layer.key)):  # 2 before 10
        if not isinstance(layer.turns, Everyone) and len(set(layer.participants)) > 1:
            circle = min(_from(layer.participants, first) for first in range(len(layer.participants)))
            same = (circle, layer.turns, layer.windows, layer.zone, layer.starts_at, layer.ends_at)
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
    """The turn and the instant of the next one; None when no shift is left."""
    turns = layer.turns
    if isinstance(turns, ByTime):
        number = turn_at(turns, zone, instant)
        return number, turn_range(turns, zone, number)[1]
    assert isinstance(turns, ByOccurrence)  # noqa: S101 - who takes no turns was left out before
    shifts = occurring_shifts(layer, zone, instant, instant + HORIZON)
    coming = ((index // turns.shifts_per_participant, begins) for index, begins, _, _ in shifts)
    first = next(coming, None)
    return first and (first[0], next((begins for number, begins in coming if number != first[0]), None))


def _from(people: Sequence[Participant], first: int) -> tuple[Participant, ...]:
    return (*people[first:], *people[:first])
