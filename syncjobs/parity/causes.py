"""Why our rendering differs from the source's: for each difference the first cause that explains it. Pure.

What a window or a turn has to do with a difference is tried out: the schedule is rendered once more with that one thing
changed, and the thing is the cause when nothing differs any more in that time.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Literal, get_args

from oncall.rendering.differences import Difference, compare
from oncall.rendering.final import Span, render_final
from oncall.rendering.intervals import Who
from oncall.rendering.spec import (
    Always,
    ByOccurrence,
    Everyone,
    ExtraShift,
    InvalidSpec,
    Layer,
    Override,
    ScheduleSpec,
    Substitution,
)
from oncall.rendering.zones import HOUR, transitions

Cause = Literal[
    "unresolved person",
    "unsupported element",
    "clock change",
    "override",
    "window",
    "turn",
    "substitution",
    "unexplained",
]
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)
#: A day of 25 hours and the hour in question: differences of a clock change lie this near to it.
NEAR_A_CHANGE: Final = 26 * HOUR

Variant = Callable[[], ScheduleSpec | None]


class Causes:
    """Of one schedule and the source's own ``source`` in ``[since, until)``.

    unresolved: persons that no row is known for. untold: the source did not tell all that the schedule consists of.
    """

    def __init__(
        self,
        spec: ScheduleSpec,
        substitutions: Sequence[Substitution],
        source: Sequence[Span],
        since: int,
        until: int,
        *,
        unresolved: frozenset[object] = frozenset(),
        untold: bool = False,
    ) -> None:
        self._spec = spec
        self._substitutions = substitutions
        self._source = source
        self._range = (since, until)
        self._unresolved = unresolved
        self._untold = untold
        self._tried: dict[object, tuple[Difference, ...] | None] = {}

    def first_of(self, difference: Difference) -> Cause:
        """``before`` is the source, ``after`` is ours."""
        tests: tuple[Callable[[Difference], bool], ...] = (
            self._is_unresolved,
            self._is_unsupported,
            self._is_at_a_clock_change,
            self._is_at_an_override,
            self._is_a_window,
            self._is_a_turn,
            self._is_a_substitution,
        )
        return next((cause for cause, fits in zip(CAUSES, tests, strict=False) if fits(difference)), "unexplained")

    def _is_unresolved(self, difference: Difference) -> bool:
        return not self._unresolved.isdisjoint(_people(difference))

    def _is_unsupported(self, difference: Difference) -> bool:
        """A source renders people; a group or policy that holds a turn here is not taken apart."""
        return self._untold or any(who.kind != "person" for who in _people(difference))

    def _is_at_a_clock_change(self, difference: Difference) -> bool:
        zones = {self._spec.zone, *(layer.zone for layer in self._spec.layers if layer.zone is not None)}
        since, until = difference.end - NEAR_A_CHANGE, difference.start + NEAR_A_CHANGE + 1
        return since < until and any(transitions(zone, since, until) for zone in zones)

    def _is_at_an_override(self, difference: Difference) -> bool:
        exceptions: tuple[Override | ExtraShift, ...] = (*self._spec.overrides, *self._spec.extra_shifts)
        return any(one.starts_at <= difference.end and one.ends_at >= difference.start for one in exceptions)

    def _is_a_window(self, difference: Difference) -> bool:
        """Had one layer been closed, or had one that was closed been open, nothing would differ."""
        for index, layer in enumerate(self._spec.layers):
            if all(isinstance(window, Always) for window in layer.windows):
                continue
            if self._settles(difference, ("closed", index), partial(self._with, index, ())):
                return True
            if not self._is_silent(difference, index):
                continue
            opened = _opened(layer, difference.before)
            if opened is not None:
                key = ("open", index, opened.participants)
                if self._settles(difference, key, partial(self._with, index, (opened,))):
                    return True
        return False

    def _is_a_turn(self, difference: Difference) -> bool:
        """Had those whom the source names had the turn in their layers, nothing would differ."""
        return self._settles(difference, ("turn", difference.before), partial(self._narrowed, difference.before))

    def _is_a_substitution(self, difference: Difference) -> bool:
        people = set(_people(difference))
        return any(
            one.starts_at <= difference.end
            and one.ends_at >= difference.start
            and not people.isdisjoint((one.person, one.replacement))
            for one in self._substitutions
        )

    # --- trying out -----------------------------------------------------------------------------------------------

    def _with(self, index: int, layers: tuple[Layer, ...]) -> ScheduleSpec:
        """The schedule with other layers in place of one."""
        before, after = self._spec.layers[:index], self._spec.layers[index + 1 :]
        return replace(self._spec, layers=(*before, *layers, *after))

    def _narrowed(self, who: Who) -> ScheduleSpec | None:
        """Layers in which people take turns, left to those of ``who``; None when no layer has any of them."""
        layers = []
        for layer in self._spec.layers:
            kept = tuple(one for one in layer.participants if one in who)
            taking_turns = kept and not isinstance(layer.turns, Everyone)
            layers.append(replace(layer, participants=kept) if taking_turns else layer)
        spec = replace(self._spec, layers=tuple(layers))
        return None if spec == self._spec else spec

    def _is_silent(self, difference: Difference, index: int) -> bool:
        """Whether the layer itself has nobody at that time."""
        alone = replace(self._spec, layers=(self._spec.layers[index],), overrides=(), extra_shifts=())
        spans = render_final(alone, (), difference.start, difference.end)
        return not spans

    def _settles(self, difference: Difference, key: object, variant: Variant) -> bool:
        """Whether a variant equals the source throughout the difference's time. Each is rendered once."""
        if key not in self._tried:
            self._tried[key] = self._differences_of(variant())
        left = self._tried[key]
        return left is not None and not any(one.start < difference.end and one.end > difference.start for one in left)

    def _differences_of(self, spec: ScheduleSpec | None) -> tuple[Difference, ...] | None:
        """None: there is no such variant."""
        if spec is None:
            return None
        try:
            spans = render_final(spec, self._substitutions, *self._range)
        except InvalidSpec:
            return None
        return compare(self._source, spans, *self._range).differences


def _people(difference: Difference) -> Who:
    """Who is on call on one side only."""
    return tuple(set(difference.before) ^ set(difference.after))


def _opened(layer: Layer, who: Who) -> Layer | None:
    """The layer without windows. Turns that count occurrences have none then: left to those of ``who``."""
    if not isinstance(layer.turns, ByOccurrence):
        return replace(layer, windows=(Always(),), clip="cut")
    kept = tuple(one for one in layer.participants if one in who)
    return replace(layer, windows=(Always(),), clip="cut", turns=Everyone(), participants=kept) if kept else None
