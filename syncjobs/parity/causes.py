"""Finds the first cause of each difference between our rendering and that of the source. Pure.

Windows and turns are tested: the schedule is rendered again with one window or turn changed. If this removes the
difference, the window or turn is its cause.
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
    "unread element",
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
#: Differences caused by a clock change are at most this near to it, in seconds: a day of 25 hours and one hour.
NEAR_A_CHANGE: Final = 26 * HOUR

Variant = Callable[[], ScheduleSpec | None]


class Causes:
    """Finds the causes of the differences of one schedule in ``[since, until)``.

    source: the spans of the source. unresolved: people without a row here. unread: whether elements of the schedule,
    or substitutions of its people, could not be read. incomplete: whether the source did not report the whole schedule.
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
        unread: bool = False,
        incomplete: bool = False,
    ) -> None:
        self._spec = spec
        self._substitutions = substitutions
        self._source = source
        self._range = (since, until)
        self._unresolved = unresolved
        self._unread = unread
        self._incomplete = incomplete
        self._tried: dict[object, tuple[Difference, ...] | None] = {}

    def first_of(self, difference: Difference) -> Cause:
        """Return the first cause. difference: from the source (before) to our rendering (after)."""
        tests: tuple[Callable[[Difference], bool], ...] = (
            lambda _: self._unread,
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
        # The source renders people, but turns of groups and policies are not resolved to people here.
        return self._incomplete or any(who.kind != "person" for who in _people(difference))

    def _is_at_a_clock_change(self, difference: Difference) -> bool:
        zones = {self._spec.zone, *(layer.zone for layer in self._spec.layers if layer.zone is not None)}
        since, until = difference.end - NEAR_A_CHANGE, difference.start + NEAR_A_CHANGE + 1
        return since < until and any(transitions(zone, since, until) for zone in zones)

    def _is_at_an_override(self, difference: Difference) -> bool:
        exceptions: tuple[Override | ExtraShift, ...] = (*self._spec.overrides, *self._spec.extra_shifts)
        return any(each.starts_at <= difference.end and each.ends_at >= difference.start for each in exceptions)

    def _is_a_window(self, difference: Difference) -> bool:
        """Return whether closing or opening one layer removes the difference."""
        for index, layer in enumerate(self._spec.layers):
            if all(isinstance(window, Always) for window in layer.windows):
                continue
            if self._is_settled_by(difference, ("closed", index), partial(self._with, index, ())):
                return True
            if not self._is_empty(difference, index):
                continue
            variant = _always_open(layer, difference.before)
            if variant is not None:
                key = ("open", index, variant.participants)
                if self._is_settled_by(difference, key, partial(self._with, index, (variant,))):
                    return True
        return False

    def _is_a_turn(self, difference: Difference) -> bool:
        """Return whether giving the turns to the people of the source removes the difference."""
        return self._is_settled_by(
            difference, ("turn", difference.before), partial(self._with_turns_of, difference.before)
        )

    def _is_a_substitution(self, difference: Difference) -> bool:
        people = set(_people(difference))
        return any(
            each.starts_at <= difference.end
            and each.ends_at >= difference.start
            and not people.isdisjoint((each.person, each.replacement))
            for each in self._substitutions
        )

    # --- variants -----------------------------------------------------------------------------------------------

    def _with(self, index: int, layers: tuple[Layer, ...]) -> ScheduleSpec:
        """Return the schedule with other layers in place of the layer at ``index``."""
        before, after = self._spec.layers[:index], self._spec.layers[index + 1 :]
        return replace(self._spec, layers=(*before, *layers, *after))

    def _with_turns_of(self, who: Who) -> ScheduleSpec | None:
        """Return the schedule without the other participants of all layers with turns that contain some of ``who``.

        None if no layer changes.
        """
        layers = []
        for layer in self._spec.layers:
            kept = tuple(each for each in layer.participants if each in who)
            taking_turns = kept and not isinstance(layer.turns, Everyone)
            layers.append(replace(layer, participants=kept) if taking_turns else layer)
        spec = replace(self._spec, layers=tuple(layers))
        return None if spec == self._spec else spec

    def _is_empty(self, difference: Difference, index: int) -> bool:
        """Return whether the layer alone has nobody during the difference."""
        alone = replace(self._spec, layers=(self._spec.layers[index],), overrides=(), extra_shifts=())
        spans = render_final(alone, (), difference.start, difference.end)
        return not spans

    def _is_settled_by(self, difference: Difference, key: object, variant: Variant) -> bool:
        """Return whether a variant has no difference in this time. Variants with the same key are rendered once."""
        if key not in self._tried:
            self._tried[key] = self._differences_of(variant())
        left = self._tried[key]
        return left is not None and not any(
            each.start < difference.end and each.end > difference.start for each in left
        )

    def _differences_of(self, spec: ScheduleSpec | None) -> tuple[Difference, ...] | None:
        """Return the differences of a variant; None if it does not exist or is invalid."""
        if spec is None:
            return None
        try:
            spans = render_final(spec, self._substitutions, *self._range)
        except InvalidSpec:
            return None
        return compare(self._source, spans, *self._range).differences


def _people(difference: Difference) -> Who:
    """Return who is on call on one side only."""
    return tuple(set(difference.before) ^ set(difference.after))


def _always_open(layer: Layer, who: Who) -> Layer | None:
    """Return the layer without windows, or None.

    Turns by occurrence do not exist without windows, so that the participants who are in ``who`` are on call together.
    """
    if not isinstance(layer.turns, ByOccurrence):
        return replace(layer, windows=(Always(),), clip="cut")
    kept = tuple(each for each in layer.participants if each in who)
    return replace(layer, windows=(Always(),), clip="cut", turns=Everyone(), participants=kept) if kept else None
