"""The demo world as a site of JSM Operations: people have Atlassian account ids, some teams a migrated one's prefix."""

from dataclasses import replace
from functools import partial

from connectors.simulator.atlassian import account, large
from connectors.simulator.atlassian.state import State
from connectors.simulator.world import uuid

_MIGRATED = ("payments", "data")


def _identifier(seed: int, kind: str, *parts: object) -> str:
    """Account ids have one of three forms; all else is a UUID."""
    made = uuid(seed, "jsm", kind, *parts)
    if kind == "team" and parts[0] in _MIGRATED:
        return f"og-{made}"
    if kind != "user":
        return made
    forms = (f"712020:{made}", f"557058:{made}", f"5b10{made.replace('-', '')[:20]}")
    return forms[int(made[0], 16) % 3]


def build_world(now: float, size: int | None = None, seed: int = 7) -> State:
    """Acme at ``now`` (seconds since 1970), or with ``size`` a made-up site of about so many objects.

    The same arguments give the same site. Every escalation belongs to a team here, so the one without is left out.
    """
    state = State("acme", seed)
    new_id = partial(_identifier, seed)
    if size is None:
        account.fill(state, new_id, int(now))
    else:
        large.fill(state, new_id, int(now), size)
    state.escalations = {key: one for key, one in state.escalations.items() if one.team_id is not None}
    for escalation in state.escalations.values():
        escalation.enabled = bool(escalation.rules)
    for schedule in state.schedules.values():
        if schedule.team_id is None:  # a rotation that was deleted is still drawn in history
            schedule.removed.append(replace(schedule.rotations[0], id=new_id("rotation", "removed"), name="Removed"))
    return state
