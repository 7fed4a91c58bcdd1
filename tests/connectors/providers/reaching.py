"""What a selection reaches in a simulated account of Opsgenie or JSM, walked over the account's own data.

A second opinion: it shares nothing with the reading that is counted.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]


@dataclass
class Reach:
    """Ids by kind. routed: teams whose routing is imported. everything: no selection at all; whole: a team was chosen,
    so that what it owns has to be looked for in every list."""

    schedules: set[str] = field(default_factory=set)
    escalations: set[str] = field(default_factory=set)
    teams: set[str] = field(default_factory=set)
    routed: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    everything: bool = False
    whole: bool = False


def everything(state: Any) -> Reach:
    all_of_it = [("schedule", id_) for id_ in state.schedules] + [("escalation", id_) for id_ in state.escalations]
    all_of_it += [("service", id_) for id_ in state.services]
    all_of_it += [(kind, id_) for id_ in state.teams for kind in ("team", "routing")]
    reach = reached(state, all_of_it)
    reach.everything = True
    return reach


def chosen_team(state: Any, team_id: str) -> Reach:
    """A team with everything it owns."""
    owned: list[Key] = [("team", team_id), ("routing", team_id)]
    for kind, shelf in (("schedule", state.schedules), ("escalation", state.escalations), ("service", state.services)):
        owned += [(kind, one.id) for one in shelf.values() if one.team_id == team_id]
    reach = reached(state, owned)
    reach.whole = True
    return reach


def reached(state: Any, chosen: Iterable[Key]) -> Reach:
    """The chosen and whatever they lead to. An owner comes along as a team, without its routing."""
    reach = Reach()
    shelves = {
        "schedule": reach.schedules,
        "escalation": reach.escalations,
        "team": reach.teams,
        "routing": reach.routed,
        "service": reach.services,
        "user": reach.users,
    }
    queue = deque(chosen)
    while queue:
        kind, id_ = queue.popleft()
        if kind in shelves and id_ not in shelves[kind]:
            shelves[kind].add(id_)
            queue += _leads_to(state, kind, id_)
    return reach


def _leads_to(state: Any, kind: str, id_: str) -> list[Key]:
    if kind == "schedule":
        schedule = state.schedules[id_]
        found = [key for rotation in schedule.rotations for key in rotation.participants]
        return _pointed([*found, *(one.by for one in schedule.overrides)]) + _owner(schedule)
    if kind == "escalation":
        return _pointed(rule.recipient for rule in state.escalations[id_].rules) + _owner(state.escalations[id_])
    if kind == "service":
        team_id = state.services[id_].team_id
        return [("team", team_id), ("routing", team_id)]
    if kind == "team":
        return [("user", user_id) for user_id, _ in state.teams[id_].members]
    if kind == "routing":
        rules = state.teams[id_].routing_rules
        return [("team", id_), *_pointed(rule.notify for rule in rules if rule.is_default and rule.notify)]
    if kind == "user":
        return [("user", one.to_user) for one in state.forwardings.values() if one.from_user == id_]
    return []


def _pointed(keys: Iterable[Key]) -> list[Key]:
    """A team that something points to is paged by its routing."""
    return [found for kind, id_ in keys for found in ((kind, id_), *([("routing", id_)] if kind == "team" else []))]


def _owner(one: Any) -> list[Key]:
    return [] if one.team_id is None else [("team", one.team_id)]
