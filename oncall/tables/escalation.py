"""The table of escalation policies, and the checks of their values."""

from collections.abc import Iterator
from typing import get_args

from oncall.aggregates import AGGREGATES, Kind, Values
from oncall.errors import InvalidDraft
from oncall.escalation.codec import InvalidPolicy, levels_from_json
from oncall.escalation.policy import Condition, Distribution, Members, Mode, Policy, Target, TargetKind
from oncall.models import EscalationPolicy
from oncall.tables.base import KeyColumn, KeyUse, Roots
from oncall.tables.people import check_name

#: The kind of row that a target's key identifies. An unresolved target has no row.
ROW_OF_TARGET: dict[TargetKind, Kind] = {
    "responder": "responder",
    "schedule": "schedule",
    "user_group": "user_group",
    "group_routing": "user_group",
    "escalation_policy": "escalation_policy",
}
_VALUES: dict[str, tuple[str, ...]] = {
    "kind": get_args(TargetKind),
    "condition": get_args(Condition),
    "mode": get_args(Mode),
    "members": get_args(Members),
}


def _check(values: Values) -> None:
    check_name(values)
    try:
        levels = levels_from_json(values["levels"])
    except InvalidPolicy as wrong:
        raise InvalidDraft(wrong.path, str(wrong)) from wrong
    for index, level in enumerate(levels):
        path = f"levels[{index}]"
        if level.wait is not None and not _is_count(level.wait):
            raise InvalidDraft(f"{path}.wait", f"{level.wait!r} is not a whole number of minutes")
        if level.distribution not in get_args(Distribution):
            raise InvalidDraft(f"{path}.distribution", f"unknown value {level.distribution!r}")
        for slot, target in enumerate(level.targets):
            _check_target(f"{path}.targets[{slot}]", target)
    names = ("initial_wait", "repeat_count", "after_last", "unstaffed_level", "resolved")
    if wrong_size := Policy(levels=levels, **{name: values[name] for name in names}).too_long():
        raise InvalidDraft("levels", f"{wrong_size}, so who is paged cannot be shown")


def _check_target(path: str, target: Target) -> None:
    for name, allowed in _VALUES.items():
        if getattr(target, name) not in allowed:
            raise InvalidDraft(f"{path}.{name}", f"unknown value {getattr(target, name)!r}")
    if not target.key and target.kind != "unresolved":
        raise InvalidDraft(f"{path}.key", "is empty")


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _find_keys(values: Values) -> Iterator[KeyUse]:
    for index, level in enumerate(values["levels"]["levels"]):
        for slot, target in enumerate(level["targets"]):
            kind = ROW_OF_TARGET.get(target["kind"])
            if kind is not None:
                yield KeyUse(f"levels/{index}/{slot}", kind, target["key"])


POLICIES = Roots(
    kind="escalation_policy",
    model=EscalationPolicy,
    fields=AGGREGATES["escalation_policy"].fields,
    keys=(
        KeyColumn("part_of_key", "part_of", "escalation_policy"),
        KeyColumn("group_key", "group", "user_group"),
    ),
    check=_check,
    keys_field="levels",
    find_keys=_find_keys,
    reference_owner="owner_policy",
    united=False,
)
