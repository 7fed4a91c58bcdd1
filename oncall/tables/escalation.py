"""Escalation policies: how their states lie in tables, and what makes sense."""

from collections.abc import Iterator
from typing import Any, get_args

from oncall.aggregates import AGGREGATES, Kind, Values
from oncall.errors import InvalidDraft
from oncall.escalation.codec import InvalidPolicy, levels_from_json
from oncall.escalation.policy import Condition, Target, TargetKind
from oncall.models import EscalationPolicy
from oncall.tables.base import KeyColumn, KeyUse, Roots, name_key
from oncall.tables.people import check_name

#: Which kind of row a target's key names. An unresolved target names none.
ROW_OF_TARGET: dict[TargetKind, Kind] = {
    "responder": "responder",
    "schedule": "schedule",
    "user_group": "user_group",
    "group_routing": "user_group",
    "escalation_policy": "escalation_policy",
}
_WORDS: dict[str, tuple[str, ...]] = {
    "kind": get_args(TargetKind),
    "condition": get_args(Condition),
    "mode": ("current", "next", "previous"),
    "members": ("all", "leads", "others", "random"),
}


def _derive(row: EscalationPolicy) -> None:
    row.name_key = name_key(row.name)


def _check(values: Values) -> None:
    check_name(values)
    try:
        levels = levels_from_json(values["levels"])
    except InvalidPolicy as wrong:
        raise InvalidDraft(wrong.path, str(wrong)) from wrong
    for index, level in enumerate(levels):
        path = f"levels[{index}]"
        if level.wait is not None and not _is_count(level.wait):
            raise InvalidDraft(f"{path}.wait", f"{level.wait!r} is no number of minutes")
        if level.distribution not in ("everyone", "round_robin"):
            raise InvalidDraft(f"{path}.distribution", f"unknown word {level.distribution!r}")
        for slot, target in enumerate(level.targets):
            _check_target(f"{path}.targets[{slot}]", target)


def _check_target(path: str, target: Target) -> None:
    for name, words in _WORDS.items():
        if getattr(target, name) not in words:
            raise InvalidDraft(f"{path}.{name}", f"unknown word {getattr(target, name)!r}")
    if not target.key and target.kind != "unresolved":
        raise InvalidDraft(f"{path}.key", "is empty")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _names(values: Values) -> Iterator[KeyUse]:
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
    derive=_derive,
    check=_check,
    naming="levels",
    names=_names,
    reference_owner="owner_policy",
)
