"""Who is on call at one instant, computed directly without rendering a range."""

from collections.abc import Sequence
from itertools import chain

from oncall.rendering.final import by_strength, on_call
from oncall.rendering.intervals import NO_HOLDER, Who
from oncall.rendering.layers import layer_at, people
from oncall.rendering.spec import Participant, ScheduleSpec, Substitution


def on_call_at(spec: ScheduleSpec, substitutions: Sequence[Substitution], instant: int) -> tuple[Participant, ...]:
    """Returns who is on call at ``instant``: sorted, unique, not vacant. The result equals that of ``render_final``.

    spec: must be valid for ``validate``.
    """
    shifts = [each for each in spec.extra_shifts if each.starts_at <= instant < each.ends_at]
    overrides = [each for each in spec.overrides if each.starts_at <= instant < each.ends_at]
    if shifts or overrides:
        layers = [(layer.key, layer_at(layer, spec.zone, instant)) for layer in spec.layers]
        who = on_call(spec.composition, layers, shifts, overrides, instant)
    else:
        who = _of_layers(spec, instant)
    running = [each for each in substitutions if each.starts_at <= instant < each.ends_at]
    if who and running:
        stand_ins = {each.person: each.replacement for each in reversed(by_strength(spec, running))}
        who = people(*(stand_ins.get(each, each) for each in who))
    return who


def _of_layers(spec: ScheduleSpec, instant: int) -> Who:
    if spec.composition == "concurrent":
        return people(*chain.from_iterable(layer_at(layer, spec.zone, instant) for layer in spec.layers))
    for layer in spec.layers:
        if who := layer_at(layer, spec.zone, instant):
            return who
    return NO_HOLDER
