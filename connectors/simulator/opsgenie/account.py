"""The demo organisation as an Opsgenie account. Ids are UUIDs."""

from functools import partial

from connectors.simulator.atlassian import account, large
from connectors.simulator.atlassian.state import State
from connectors.simulator.world import uuid


def build_world(now: float, size: int | None = None, seed: int = 7) -> State:
    """Return the demo account at ``now`` (UTC seconds since 1970), or a made-up one of about ``size`` objects.

    The same arguments give the same account.
    """
    state = State("acme", seed)
    new_id = partial(uuid, seed, "opsgenie")
    if size is None:
        account.fill(state, new_id, int(now))
    else:
        large.fill(state, new_id, int(now), size)
    return state
