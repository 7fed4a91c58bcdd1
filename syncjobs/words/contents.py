"""What a schedule or policy of a source consists of, in words, and what it lacks to page somebody."""

from collections.abc import Sequence
from itertools import accumulate

from oncall.escalation.policy import Policy
from oncall.rendering.spec import ByOccurrence, ByTime, Layer
from syncjobs.words.values import span, windows_in_words

#: How many layers, levels and gaps are said of one object.
MOST = 4


def layers_in_words(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return a line for each layer, such as ``Weekdays: 4 people, a week each, at all times``."""
    lines = [f"{layer.name.strip() or layer.key}: {_layer_in_words(layer)}" for layer in layers[:MOST]]
    more = len(layers) - MOST
    return (*lines, f"and {more} more layer{'s' if more > 1 else ''}") if more > 0 else tuple(lines)


def _layer_in_words(layer: Layer) -> str:
    number = len(set(layer.participants))
    parts = ["1 participant" if number == 1 else f"{number} participants"]
    turns = layer.turns
    if number > 1 and isinstance(turns, ByTime):
        length = f"{turns.length} months" if turns.unit == "months" else span(turns.length)
        parts.append(f"{length} each")
    elif number > 1 and isinstance(turns, ByOccurrence):
        shifts = turns.shifts_per_participant
        parts.append(f"{shifts} shift{'s' if shifts > 1 else ''} each")
    elif number > 1:
        parts.append("all at once")
    return ", ".join((*parts, windows_in_words(layer.windows)))


def policy_in_words(policy: Policy) -> tuple[str, ...]:
    """Return the levels of a policy as one line, such as ``2 levels, after 0 and 30 minutes, then 1 more round``."""
    levels = policy.levels
    if not levels:
        return ()
    waits = [level.wait for level in levels[:-1]]
    known = [wait for wait in waits if wait is not None]
    line = f"{len(levels)} level{'s' if len(levels) > 1 else ''}"
    if len(known) == len(waits):
        minutes = list(accumulate((policy.initial_wait, *known)))
        shown = [str(minute) for minute in minutes[: 2 * MOST]]
        line += f", after {', '.join(shown)}{' …' if len(minutes) > len(shown) else ''} minutes"
    if policy.repeat_count:
        line += f", then {policy.repeat_count} more round{'s' if policy.repeat_count > 1 else ''}"
    return (line,)


def gaps_of_layers(layers: Sequence[Layer], now: int) -> tuple[str, ...]:
    """Return what the layers of a schedule lack at an instant."""
    if not layers:
        return ("It has no layer.",)
    ended = [layer for layer in layers if layer.ends_at is not None and layer.ends_at <= now]
    if len(ended) == len(layers):
        return ("All of its layers have ended.",)
    found = [f"The layer {layer.name.strip() or layer.key} has ended." for layer in ended]
    empty = [layer for layer in layers if layer not in ended and not layer.participants]
    found += [f"Nobody is in the layer {layer.name.strip() or layer.key}." for layer in empty]
    return tuple(found[:MOST])


def gaps_of_policy(policy: Policy) -> tuple[str, ...]:
    """Return which levels of a policy page nobody."""
    if not policy.levels:
        return ("It has no level.",)
    empty = [number for number, level in enumerate(policy.levels, 1) if not level.targets]
    return tuple(f"Level {number} has no target." for number in empty[:MOST])
