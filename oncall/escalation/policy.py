"""What an escalation policy is, in values: the one escalation model for every vendor."""

from dataclasses import dataclass
from typing import Literal

TargetKind = Literal["responder", "schedule", "user_group", "group_routing", "escalation_policy", "unresolved"]
Condition = Literal["not_acked", "not_closed"]


@dataclass(frozen=True, slots=True)
class Target:
    """Who or what a level pages.

    key: opaque text (an external id in records, a reference key in the database). label: the name to show while the
    key has no row. mode: which shift of a schedule. layers: keys of the layers that count, None = all. members: which
    members of a group. unresolved_kind: what an unresolved target was at the source. notify: the vendor's own word.
    """

    kind: TargetKind
    key: str
    label: str = ""
    condition: Condition = "not_acked"
    mode: Literal["current", "next", "previous"] = "current"
    layers: tuple[str, ...] | None = None
    members: Literal["all", "leads", "others", "random"] = "all"
    unresolved_kind: str = ""
    notify: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """One step. wait: whole minutes until the next level starts (last level: the pause before the next round, None
    without rounds). distribution: page all targets, or one of them in turn."""

    wait: int | None
    distribution: Literal["everyone", "round_robin"]
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. Unknown is None, never a default.

    initial_wait: minutes before the first level, first round only. repeat_count: extra rounds after the first.
    unstaffed_level: pass on at once (skip) or let the time run (wait) when nobody is there; skip_within_round passes on
    at once and keeps the pause before a next round. resolved: on-call is looked up as each level starts, or once when
    the walk starts.
    """

    initial_wait: int
    levels: tuple[Level, ...]
    repeat_count: int | None
    after_last: Literal["nothing", "close"]
    unstaffed_level: Literal["skip", "skip_within_round", "wait"]
    resolved: Literal["level", "start"]
