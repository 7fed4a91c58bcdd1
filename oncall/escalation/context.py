"""Answers the questions of a walk from values: it renders schedules, and looks up groups and people."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from oncall.escalation.policy import Mode, Policy
from oncall.escalation.walk import MemberSet
from oncall.rendering.answers import on_call_at
from oncall.rendering.coverage import HORIZON, SHORT_HORIZONS
from oncall.rendering.final import render_final
from oncall.rendering.intervals import Who
from oncall.rendering.spec import (
    EARLIEST,
    LATEST,
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

_HORIZONS = (*SHORT_HORIZONS, HORIZON)


@dataclass(frozen=True, slots=True)
class Group:
    """A user group. members: in the order of the pages, without duplicates. leads: the members who lead it."""

    members: tuple[Participant, ...]
    leads: frozenset[Participant] = frozenset()


@dataclass(frozen=True, slots=True)
class WalkContext:
    """A context of a walk. Keys of targets are the keys of all mappings but ``substitutions``.

    substitutions: by person, for people who are targets or members of groups. reachable: all reachable people. Inactive
    schedules and policies are empty, inactive groups have no members.
    """

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

    def on_call(self, schedule: str, instant: int, mode: Mode, layers: tuple[str, ...] | None) -> Who | None:
        if schedule not in self.schedules or not EARLIEST + HORIZON <= instant < LATEST - HORIZON:
            return None
        spec, substitutions = self.schedules[schedule]
        try:
            validate(spec)
            if layers is not None:
                spec = with_layers(spec, layers)
            if mode == "current":
                return on_call_at(spec, substitutions, instant)
            return neighbours(spec, substitutions, instant, mode)
        except InvalidSpec:  # the walk reports it as unknown
            return None

    def members(self, group: str, which: MemberSet) -> Who | None:
        if group not in self.groups:
            return None
        found = self.groups[group]
        if which == "all":
            return found.members
        return tuple(each for each in found.members if (each in found.leads) == (which == "leads"))

    def replacement(self, person: Participant, instant: int, group: str | None) -> Participant:
        # Substitutions apply as in a schedule in which the person is always on call.
        substitutions = self.substitutions.get(person)
        if not substitutions:
            return person
        always = Layer("", "", (Always(),), Everyone(), (person,))
        spec = ScheduleSpec("UTC", "concurrent", (always,), groups=() if group is None else (group,))
        return next(iter(on_call_at(spec, substitutions, instant)), VACANT)

    def is_reachable(self, person: Participant) -> bool:
        return person in self.reachable


def with_layers(spec: ScheduleSpec, layers: tuple[str, ...]) -> ScheduleSpec:
    """Returns the schedule with only these layers and extra shifts. Raises InvalidSpec if one does not exist."""
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
    """Returns who is on call in the span of the final schedule after, or before, the span of ``instant``.

    Spans in which nobody is on call are skipped. Returns None if there is no span within HORIZON. Raises InvalidSpec.
    """
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
