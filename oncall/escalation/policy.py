"""The value types of escalation policies, one model for all vendors."""

from dataclasses import dataclass
from typing import Final, Literal

TargetKind = Literal["responder", "schedule", "user_group", "group_routing", "escalation_policy", "unresolved"]
Condition = Literal["not_acked", "not_closed"]
Mode = Literal["current", "next", "previous"]
Members = Literal["all", "leads", "others", "random"]
Distribution = Literal["everyone", "round_robin"]


#: The most levels, of all rounds and of all policies inside each other, and the most minutes of a walk. Writers and the
#: walk share them, so that the walk of each stored policy can be shown.
MOST_STEPS: Final = 2_000
MOST_MINUTES: Final = 366 * 1_440


@dataclass(frozen=True, slots=True)
class Target:
    """Who or what a level pages.

    key: opaque text (an external id in records, a reference key in the database). label: the name that pages show while
    the key has no row. mode: which shift of a schedule. layers: keys of the layers that count, None = all. members:
    which members of a group. unresolved_kind: the kind of an unresolved target at the source. notify: the vendor's own
    word.
    """

    kind: TargetKind
    key: str
    label: str = ""
    condition: Condition = "not_acked"
    mode: Mode = "current"
    layers: tuple[str, ...] | None = None
    members: Members = "all"
    unresolved_kind: str = ""
    notify: str = ""


@dataclass(frozen=True, slots=True)
class Level:
    """A step of a policy.

    wait: whole minutes until the next level starts; for the last level, the pause before the next round, None if there
    is none. distribution: all targets are paged, or the targets take turns.
    """

    wait: int | None
    distribution: Distribution
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """An escalation policy. A value that the source does not report is None, never a default.

    initial_wait: minutes before the first level, in the first round only. repeat_count: extra rounds after the first.
    unstaffed_level: if nobody of a level is reachable, the next level starts at once (skip) or after the level's wait
    (wait); skip_within_round skips and keeps the pause before a next round. resolved: who is on call is determined when
    each level starts, or once when the policy starts.
    """

    initial_wait: int
    levels: tuple[Level, ...]
    repeat_count: int | None
    after_last: Literal["nothing", "close"]
    unstaffed_level: Literal["skip", "skip_within_round", "wait"]
    resolved: Literal["level", "start"]

    def too_long(self) -> str:
        """Returns why no walk of this policy can be shown, or an empty string. Policies inside it are not counted."""
        if not self.levels:
            return ""
        rounds = 1 + (self.repeat_count or 0)
        if rounds * len(self.levels) > MOST_STEPS:
            return f"has more than {MOST_STEPS} levels in all rounds"
        waits = [level.wait or 0 for level in self.levels]
        if self.initial_wait + rounds * sum(waits) - waits[-1] > MOST_MINUTES:
            return f"takes more than {MOST_MINUTES} minutes"
        return ""
