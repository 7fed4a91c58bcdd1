"""Which changes of rows may change who is on call."""

from collections.abc import Mapping
from typing import Any, Final

from oncall.aggregates import Kind

#: The fields and collections on which it depends who is on call, or whom a policy reaches first.
MATTERS: Final[Mapping[Kind, frozenset[str]]] = {
    "responder": frozenset({"state", "active", "contact_methods", "substitutions"}),
    "user_group": frozenset({"active", "members"}),
    "schedule": frozenset(
        {"time_zone", "zone_state", "composition", "layers", "group_keys", "active", "extra_shifts", "overrides"}
    ),
    "escalation_policy": frozenset(
        {"initial_wait", "levels", "repeat_count", "after_last", "unstaffed_level", "resolved", "active"}
    ),
    "service": frozenset({"policy_key"}),
}
#: Actions that make the key of an object lead to a row.
NAMES_A_ROW: Final = frozenset({"create", "match"})


def matters(kind: Kind, action: str, changes: Mapping[str, Any]) -> bool:
    """Return whether the changes of an item may change who is on call. changes: as an item stores them."""
    if action in NAMES_A_ROW or changes.get("merge"):
        return True
    paths = [*changes.get("fields", {}), *changes.get("elements", {}), *changes.get("held", {})]
    return any(path.partition(".")[0] in MATTERS[kind] for path in paths)
