"""What a walk may ask, answered from values: schedules are rendered, groups and people looked up."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from oncall.escalation.policy import Policy
from oncall.escalation.walk import Members
from oncall.rendering.answers import on_call_at
from oncall.rendering.coverage import HORIZON
from oncall.rendering.final import render_final
from oncall.rendering.intervals import Who
from oncall.rendering.spec import (
    VACANT,
    Always,
    Everyone,
    InvalidSpec,
    Layer,
    Participant,
    ScheduleSpec,
    Substitution,
)
from oncall.rendering.validation import validate
from oncall.rendering.zones import DAY, EARLIEST, LATEST

_HORIZONS = (2 * DAY, 14 * DAY, HORIZON)  # most answers lie in the first


@dataclass(frozen=True, slots=True)
class Group:
    """members: each once, in the order they are shown. leads: those of them whom ``leads`` means."""

    members: tuple[Participant, ...]
    leads: frozenset[Participant] = frozenset()


@dataclass(frozen=True, slots=True)
class WalkContext:
    """A context of the walk; every mapping is by key. substitutions: of people who are targets or members themselves.
    reachable: everybody who is. Inactive schedules and policies are given empty, inactive groups without members."""

    policies: Mapping[str, Policy] = field(default_factory=dict)
    schedules: Mapping[str, tuple[ScheduleSpec, tuple[Substitution, ...]]] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    routings: Mapping[str, str] = field(default_factory=dict)
    substitutions: Mapping[Participant, tuple[Substitution, ...]] = field(default_factory=dict)
    reachable: frozenset[Participant] = frozenset()

    def policy(self, key: str) -> Policy | None:
        return self.policies.get(key)

    def routing(self, group: str) -> str | None:
        return self.routings.get(group)

    def on_call(
        self, schedule: str, instant: int, mode: Literal["current", "next", "previous"], layers: tuple[str, ...] | None
    ) -> Who | None:
        if schedule not in self.schedules or not EARLIEST + HORIZON <= instant < LATEST - HORIZON:
            return None
        spec, substitutions = self.schedules[schedule]
        try:
            validate(spec)
            if layers is not None:
                spec = limited(spec, layers)
            if mode == "current":
                return on_call_at(spec, substitutions, instant)
            return neighbours(spec, substitutions, instant, mode)
        except InvalidSpec:  # not known, which the walk names
            return None

    def members(self, group: str, which: Members) -> Who | None:
        if group not in self.groups:
            return None
        known = self.groups[group]
        if which == "all":
            return known.members
        return tuple(each for each in known.members if (each in known.leads) == (which == "leads"))

    def stand_in(self, person: Participant, instant: int, group: str | None) -> Participant:
        """By the one rule for substitutions: somebody who is paged without a schedule is always on call in one."""
        substitutions = self.substitutions.get(person)
        if not substitutions:
            return person
        always = Layer("", "", (Always(),), Everyone(), (person,))
        spec = ScheduleSpec("UTC", "concurrent", (always,), groups=() if group is None else (group,))
        return next(iter(on_call_at(spec, substitutions, instant)), VACANT)

    def is_reachable(self, person: Participant) -> bool:
        return person in self.reachable


def limited(spec: ScheduleSpec, layers: tuple[str, ...]) -> ScheduleSpec:
    """The schedule as if it had only these layers and extra shifts. Raises InvalidSpec for one it does not have."""
    shifts = tuple(each for each in spec.extra_shifts if each.key in layers)
    kept = tuple(each for each in spec.layers if each.key in layers)
    missing = set(layers) - {each.key for each in kept} - {each.key for each in shifts}
    if missing:
        raise InvalidSpec("layers", f"there is no layer {min(missing)!r}")
    overrides = tuple(o for o in spec.overrides if o.sources is None or not o.sources.isdisjoint(layers))
    return replace(spec, layers=kept, extra_shifts=shifts, overrides=overrides)


def neighbours(
    spec: ScheduleSpec, substitutions: tuple[Substitution, ...], instant: int, mode: Literal["next", "previous"]
) -> Who | None:
    """Who holds the final schedule's first stretch after, or last one before, that of ``instant``; time with nobody is
    passed over. None when there is none within HORIZON. Raises InvalidSpec like ``render``."""
    for seconds in _HORIZONS:
        if mode == "next":
            for span in render_final(spec, substitutions, instant, instant + seconds):
                if span.start > instant:
                    return span.participants
        else:
            for span in reversed(render_final(spec, substitutions, instant - seconds, instant + 1)):
                if span.end <= instant:
                    return span.participants
    return None
