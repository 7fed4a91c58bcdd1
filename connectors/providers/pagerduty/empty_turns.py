"""Finds the turns of the empty member in the rotations of a shift-based schedule. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from oncall.rendering.intervals import Range, joined
from oncall.rendering.layers import layer_spans
from oncall.rendering.spec import VACANT, Everyone, Layer, person

_EMPTY = person("empty")


def empty_turns(layers: Iterable[Layer], zone: str, since: int, until: int) -> list[Range]:
    """Returns the ranges of instants in ``[since, until)`` in which the empty member has the turn, in order.

    zone: of layers without a zone of their own. An event for everyone has no turn; it is empty only when nobody else is
    in it.
    """
    found: list[Range] = []
    for layer in layers:
        if isinstance(layer.turns, Everyone) and set(layer.participants) != {VACANT}:
            continue
        swapped = tuple(_EMPTY if each == VACANT else VACANT for each in layer.participants)
        found += [span[:2] for span in layer_spans(replace(layer, participants=swapped), zone, since, until)]
    return joined(found)
