"""Who is on call at one instant. Teams and escalations are resolved to their people."""

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.simulator.atlassian.model import Escalation, EscalationRule, Participant, Schedule
from connectors.simulator.atlassian.state import State
from connectors.simulator.atlassian.walk import walk

_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class OnCall:
    """``minutes`` and ``notify_type`` come from the escalation rule; None outside of an escalation."""

    participant: Participant
    forwarded_from: str | None = None
    below: tuple["OnCall", ...] = ()
    minutes: int | None = None
    notify_type: str | None = None


def on_call(state: State, schedule: Schedule, instant: int, depth: int = 0) -> tuple[OnCall, ...]:
    """Return one entry per rotation with somebody on call, in order of the rotations, each participant once."""
    walked = walk(schedule, list(state.forwardings.values()), instant, instant + 1)
    found: dict[tuple[Participant, str | None], OnCall] = {}
    for rotation in sorted(schedule.rotations, key=lambda one: one.order):
        for period in walked.final[rotation.id]:
            below = _below(state, period.recipient, instant, depth + 1)
            found[period.recipient, period.from_user] = OnCall(period.recipient, period.from_user, below)
    return tuple(found.values())


def _below(state: State, participant: Participant, instant: int, depth: int) -> tuple[OnCall, ...]:
    kind, key = participant
    if depth > _DEEPEST or kind in ("user", "group") or not key or participant in state.deleted_names:
        return ()
    if kind == "schedule":
        return on_call(state, state.schedules[key], instant, depth)
    if kind == "escalation":
        return tuple(_opened(state, state.escalations[key], instant, depth))
    default = next((rule for rule in state.teams[key].routing_rules if rule.is_default), None)
    if default is None or default.notify is None:
        return ()
    return (OnCall(default.notify, None, _below(state, default.notify, instant, depth + 1)),)


def _opened(state: State, escalation: Escalation, instant: int, depth: int) -> Iterator[OnCall]:
    for rule in escalation.rules:
        if rule.recipient[0] == "team":
            below = tuple(OnCall(("user", user_id)) for user_id in _of_team(state, rule))
        else:
            below = _below(state, rule.recipient, instant, depth + 1)
        yield OnCall(rule.recipient, None, below, rule.minutes, rule.notify_type)


def _of_team(state: State, rule: EscalationRule) -> list[str]:
    if rule.recipient in state.deleted_names:
        return []
    members = state.teams[rule.recipient[1]].members
    if rule.notify_type == "admins":
        return [user_id for user_id, role in members if role == "admin"]
    if rule.notify_type == "users":
        return [user_id for user_id, role in members if role != "admin"]
    return [user_id for user_id, _ in members]


def leaves(found: tuple[OnCall, ...]) -> Iterator[Participant]:
    """Yield the people at the end of each branch."""
    for one in found:
        if one.participant[0] == "user" and one.participant[1]:
            yield one.participant
        else:
            yield from leaves(one.below)


def people_of(state: State, participant: Participant, instant: int) -> list[Participant]:
    """Return the people of a participant, each once."""
    if participant[0] == "user":
        return [participant] if participant[1] else []
    return list(dict.fromkeys(leaves(_below(state, participant, instant, 1))))
