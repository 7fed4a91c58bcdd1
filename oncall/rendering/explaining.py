"""Why these people are on call at an instant: each layer's own people, the overrides, the substitutions, the result.

``layers`` and ``final`` make the decisions; this module records the reasons. :func:`reexecute` computes the people from
the recorded reasons, so a test can find an explanation with a wrong turn, override or replacement.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from oncall.rendering.final import by_strength, on_call
from oncall.rendering.intervals import NO_HOLDER, Range, Who, joined
from oncall.rendering.layers import alone, layer_at, occurring_shifts, people
from oncall.rendering.overriding import Overriding
from oncall.rendering.spec import (
    Always,
    ByOccurrence,
    ByTime,
    ExtraShift,
    Layer,
    Override,
    Participant,
    ScheduleSpec,
    Substitution,
)
from oncall.rendering.turns import turn_at, turn_range
from oncall.rendering.windows import is_open, occurrences, open_ranges
from oncall.rendering.zones import DAY, stretches

#: How many seconds ahead the next opening of a closed layer is searched.
AHEAD = 14 * DAY

State = Literal["open", "vacant", "closed", "not_started", "ended", "empty"]
#: Why a layer has no participant at an instant, for people.
STATE_WORDS: Mapping[State, str] = {
    "vacant": "this turn is empty in the rotation",
    "closed": "none of its windows is open",
    "not_started": "it has not started",
    "ended": "it has ended",
    "empty": "it has no participants",
}


@dataclass(frozen=True, slots=True)
class Opening:
    """The occurrence of a window that is open at the instant.

    window: position of the window in the layer, from 0. start, end: instants; None for a window that is always open. If
    a repeated hour cuts the occurrence in two, they are those of the half that contains the instant.
    """

    window: int
    start: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the participant ``participants[position]`` of the layer.

    number: of the turn or the occurrence. start, end: instants, not shortened by windows or clip.
    """

    number: int
    position: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """``by`` replaces ``person``. override: its key. person: None if the layer or extra shift had no participant."""

    override: str
    person: Participant | None
    by: Participant


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one layer, or one running extra shift, gives to the result.

    state: ``open``: it has a participant; ``vacant``: the turn is empty; ``closed``: no window is open;
    ``not_started``, ``ended``: the instant is outside the layer's clip; ``empty``: the layer has no participants. own:
    the participants before overrides. opening: the open window. next_opening: the first instant within :data:`AHEAD` at
    which a layer opens that is closed or not started. turns: the turns at the instant. replaced: the replacements by
    overrides. covered_by: the key of the higher layer that hides this layer; None if this layer counts.

    A schedule without layers has one contribution with an empty key, which overrides can fill.
    """

    kind: Literal["layer", "extra_shift"]
    key: str
    name: str
    state: State
    own: Who
    opening: Opening | None = None
    next_opening: int | None = None
    turns: tuple[Turn, ...] = ()
    replaced: tuple[Replacement, ...] = ()
    covered_by: str | None = None

    @property
    def holders(self) -> Who:
        """The participants after overrides, also when a higher layer hides this layer."""
        instead = {each.person: each.by for each in self.replaced}
        return people(*(instead.get(each, each) for each in self.own)) if self.own else people(*instead.values())


@dataclass(frozen=True, slots=True)
class Substituted:
    """``replacement`` is on call instead of ``person``; no one if it is vacant. substitution: its key."""

    substitution: str
    person: Participant
    replacement: Participant


@dataclass(frozen=True, slots=True)
class Explanation:
    """contributions: all layers in order, then the running extra shifts. participants: who is on call as the result."""

    instant: int
    contributions: tuple[Contribution, ...]
    substituted: tuple[Substituted, ...]
    participants: Who


def explain(spec: ScheduleSpec, substitutions: Sequence[Substitution], instant: int) -> Explanation:
    """Returns the reasons for the result of ``on_call_at``. spec: must be valid for ``validate``."""
    overrides = [each for each in spec.overrides if each.starts_at <= instant < each.ends_at]
    shifts = [each for each in spec.extra_shifts if each.starts_at <= instant < each.ends_at]
    contributions = [_of_layer(layer, layer.zone or spec.zone, instant) for layer in spec.layers]
    layers = [(each.key, each.own) for each in contributions]
    contributions = contributions or [Contribution("layer", "", "", "empty", NO_HOLDER)]
    contributions += map(_of_shift, shifts)
    contributions = list(_composed(spec, contributions, overrides, instant))
    who = on_call(spec.composition, layers, shifts, overrides, instant)
    running = [each for each in substitutions if each.starts_at <= instant < each.ends_at]
    strongest = {each.person: each for each in reversed(by_strength(spec, running))}
    chosen = [strongest[each] for each in who if each in strongest]
    substituted = tuple(Substituted(each.key, each.person, each.replacement) for each in chosen)
    return Explanation(instant, tuple(contributions), substituted, _substituted(who, substituted))


def reexecute(spec: ScheduleSpec, explanation: Explanation) -> Who:
    """Returns who is on call according to the turns, overrides and replacements of the explanation.

    The participants are looked up in the spec.
    """
    by = {override.key: override.by for override in spec.overrides}
    counting: list[Participant] = []
    for given in explanation.contributions:
        if given.covered_by is None:
            instead = {each.person: by[each.override] for each in given.replaced}
            own = _own_people(spec, given)
            counting += [instead.get(each, each) for each in own] if own else instead.values()
    return _substituted(people(*counting), explanation.substituted)


def _substituted(who: Who, substituted: Sequence[Substituted]) -> Who:
    instead = {each.person: each.replacement for each in substituted}
    return people(*(instead.get(each, each) for each in who))


def _own_people(spec: ScheduleSpec, given: Contribution) -> Who:
    """Returns the participants of a contribution before overrides, according to its recorded turns."""
    if given.kind == "extra_shift":
        return alone(next(shift.by for shift in spec.extra_shifts if shift.key == given.key))
    if given.state not in ("open", "vacant"):
        return NO_HOLDER
    layer = next(layer for layer in spec.layers if layer.key == given.key)
    match layer.turns:
        case ByOccurrence(shifts_per_participant):
            numbers = [turn.number // shifts_per_participant for turn in given.turns]
        case ByTime():
            numbers = [turn.number for turn in given.turns]
        case _:
            return people(*layer.participants)
    return people(*(layer.participants[number % len(layer.participants)] for number in numbers))


def _of_shift(shift: ExtraShift) -> Contribution:
    who = alone(shift.by)
    return Contribution("extra_shift", shift.key, "", "open" if who else "vacant", who)


def _composed(
    spec: ScheduleSpec, contributions: Sequence[Contribution], overrides: Sequence[Override], instant: int
) -> Iterator[Contribution]:
    """Yields them with their replacements and, in a stack, the layer that hides each."""
    top: str | None = None
    overriding = Overriding(overrides, frozenset(each.key for each in contributions), instant, instant + 1)
    fillers = overriding.fillers((each.key, [(instant, instant + 1, each.own)]) for each in contributions)
    for given in contributions:
        decided = overriding.decided(fillers, given.key, given.own, instant)
        replaced = tuple(Replacement(each.key, person, each.by) for person, each in decided if each is not None)
        is_layer = given.kind == "layer"
        yield replace(given, replaced=replaced, covered_by=top if is_layer else None)
        if is_layer and decided and top is None and spec.composition == "stacked":
            top = given.key


# --- one layer --------------------------------------------------------------------------------------------------------


def _of_layer(layer: Layer, zone: str, instant: int) -> Contribution:
    own = layer_at(layer, zone, instant)
    turns: tuple[Turn, ...] = ()
    opening = following = None
    state = _state(layer, zone, instant)
    if state == "open":
        state = "open" if own else "vacant"
        opening, turns = _opening(layer, zone, instant), tuple(_turns(layer, zone, instant))
    elif state in ("closed", "not_started"):
        following = _next_opening(layer, zone, instant)
    return Contribution("layer", layer.key, layer.name, state, own, opening, following, turns)


def _state(layer: Layer, zone: str, instant: int) -> State:
    if layer.starts_at is not None and instant < layer.starts_at:
        return "not_started"
    if layer.ends_at is not None and instant >= layer.ends_at:
        return "ended"
    if not layer.participants:
        return "empty"
    if isinstance(layer.turns, ByOccurrence):
        return "open" if any(occurring_shifts(layer, zone, instant, instant + 1)) else "closed"
    return "open" if is_open(layer, zone, instant) else "closed"


def _turns(layer: Layer, zone: str, instant: int) -> Iterator[Turn]:
    """Yields the turns at the instant, for an open layer. A layer with turns Everyone has none."""
    count = len(layer.participants)
    match layer.turns:
        case ByTime() as turns:
            number = turn_at(turns, zone, instant)
            yield Turn(number, number % count, *turn_range(turns, zone, number))
        case ByOccurrence(shifts_per_participant):
            for index, begins, ends, _ in occurring_shifts(layer, zone, instant, instant + 1):
                yield Turn(index, index // shifts_per_participant % count, begins, ends)


def _opening(layer: Layer, zone: str, instant: int) -> Opening | None:
    """Returns the first open window of an open layer.

    None for turns by occurrence, because the turn is the occurrence.
    """
    if isinstance(layer.turns, ByOccurrence):
        return None
    for index, window in enumerate(layer.windows):
        if isinstance(window, Always):
            return Opening(index, None, None)
        for start, begins, ends in occurrences(layer, zone, window, instant, instant + 1):
            parts = [(begins, ends)]
            if layer.window_edge == "membership":
                parts = _shown(zone, start, start + window.duration)
            for since, until in parts:
                if since <= instant < until:
                    return Opening(index, since, until)
    raise AssertionError("an open layer has an open window")  # pragma: no cover


def _shown(zone: str, since: int, until: int) -> list[Range]:
    """Returns the ranges of instants with a reading in ``[since, until)``. A repeated hour can give two ranges."""
    clock = stretches(zone, since - DAY, until + DAY)
    return joined((max(since - offset, start), min(until - offset, end)) for start, end, offset in clock)


def _next_opening(layer: Layer, zone: str, instant: int) -> int | None:
    since, until = instant, instant + AHEAD
    if layer.starts_at is not None:
        since = max(since, layer.starts_at)
    if layer.ends_at is not None:
        until = min(until, layer.ends_at)
    if since >= until or not layer.participants:
        return None
    if isinstance(layer.turns, ByOccurrence):
        shifts = occurring_shifts(layer, zone, since, until)
        return min((max(begins, since) for _, begins, _, _ in shifts), default=None)
    return next((start for start, _ in open_ranges(layer, zone, since, until)), None)
