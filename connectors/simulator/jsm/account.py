"""The demo organisation as a site of JSM Operations. Some teams have ids of teams migrated from Opsgenie."""

from dataclasses import replace
from functools import partial

from connectors.simulator.atlassian import account, large
from connectors.simulator.atlassian.state import State
from connectors.simulator.world import uuid

_MIGRATED = ("payments", "data")


def _identifier(seed: int, kind: str, *parts: object) -> str:
    """Return an account id in one of three forms, or a UUID for other kinds."""
    made = uuid(seed, "jsm", kind, *parts)
    if kind == "team" and parts[0] in _MIGRATED:
        return f"og-{made}"
    if kind != "user":
        return made
    forms = (f"712020:{made}", f"557058:{made}", f"5b10{made.replace('-', '')[:20]}")
    return forms[int(made[0], 16) % 3]


def build_world(now: float, size: int | None = None, seed: int = 7) -> State:
    """Return the demo site at ``now`` (UTC seconds since 1970), or a made-up site of about ``size`` objects.

    The same arguments give the same site. Escalations without a team do not exist in JSM and are left out.
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
        if schedule.team_id is None:  # history still shows a deleted rotation
            schedule.removed.append(replace(schedule.rotations[0], id=new_id("rotation", "removed"), name="Removed"))
    return state
