"""Changes the rules of a connection by name."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from oncall.aggregates import AGGREGATES
from oncall.models import User
from syncjobs.models import Strategy, SyncProfile
from syncjobs.slots.every import InvalidEvery, clean_every

#: When a rule of these changes, all objects are compared again, and *Apply* asks before it applies an older plan.
COMPARED: Final = frozenset({"strategy", "contact_details", "ownership", "guard"})
STRATEGIES: Final = {"preserve": Strategy.PRESERVE, "overwrite": Strategy.OVERWRITE}
OWNERS: Final = ("local", "ask", "source")
#: The owner that takes the entry of a field away, so that the strategy applies.
DEFAULT: Final = "default"
#: The fields and collections whose owner may be set.
OWNED: Final = tuple(
    f"{kind}.{name}"
    for kind, aggregate in AGGREGATES.items()
    for name in (*aggregate.fields, *(collection.name for collection in aggregate.collections))
)
_SHARES: Final = range(1, 100)
_BOOLEANS: Final = {"true": True, "false": False}
_ALLOWED: Final = (
    "strategy=preserve|overwrite, contact_details=true|false, review_first=true|false, approval_on_impact=true|false, "
    "guard.share=1…99 (percent), guard.count=1 or more, every=off|6h|a crontab with its time zone, "
    "own.KIND.FIELD=local|ask|source|default"
)


class UnknownRule(ValueError):
    """There is no rule with this name, or it cannot have this value."""


def read_rules(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of rules by name. Raises UnknownRule."""
    return {name: _value(name, text.strip()) for name, text in given.items()}


def _value(name: str, text: str) -> Any:
    if name == "strategy":
        return _one_of(name, text, STRATEGIES)
    if name in ("contact_details", "review_first", "approval_on_impact"):
        return _one_of(name, text, _BOOLEANS)
    if name in ("guard.share", "guard.count"):
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0
        if number < 1 or (name == "guard.share" and number not in _SHARES):
            least = "a percentage from 1 to 99" if name == "guard.share" else "a number from 1 to 999999"
            raise UnknownRule(f"{name}={text!r} is not allowed. Write {least}.")
        return number
    if name == "every":
        try:
            return clean_every(text)
        except InvalidEvery as invalid:
            raise UnknownRule(str(invalid)) from invalid
    if name.startswith("own."):
        if name.removeprefix("own.") not in OWNED:
            raise UnknownRule(f"There is no field {name.removeprefix('own.')!r}. Fields: {', '.join(OWNED)}.")
        return _one_of(name, text, {owner: owner for owner in (*OWNERS, DEFAULT)})
    raise UnknownRule(f"There is no rule {name!r}. Allowed: {_ALLOWED}.")


def _one_of(name: str, text: str, values: Mapping[str, Any]) -> Any:
    if text not in values:
        raise UnknownRule(f"{name}={text!r} is not allowed. Write one of: {', '.join(values)}.")
    return values[text]


@transaction.atomic
def set_rules(profile: SyncProfile, values: Mapping[str, Any]) -> None:
    """Store values by the names of :func:`read_rules`."""
    locked = SyncProfile.objects.select_for_update().get(pk=profile.pk)
    columns: dict[str, Any] = {}
    for name, value in values.items():
        top, _, rest = name.partition(".")
        if top == "guard":
            columns["guard"] = {**columns.get("guard", locked.guard), rest: value}
        elif top == "own":
            owners = {**columns.get("ownership", locked.ownership), rest: value}
            columns["ownership"] = {field: owner for field, owner in owners.items() if owner != DEFAULT}
        else:
            columns[name] = value
    save_rules(profile, {name: value for name, value in columns.items() if getattr(locked, name) != value})


def save_rules(profile: SyncProfile, changed: Mapping[str, Any]) -> None:
    """Store the changed columns of a profile. ``rules_version`` increases if objects must be compared again.

    A periodic sync counts its slots from now on if its rule changes.
    """
    if "every" in changed:
        now = timezone.now()
        changed = {**changed, "every_since": now, "slots_until": now}
    for name, value in changed.items():
        setattr(profile, name, value)
    if changed:
        profile.save(update_fields=[*changed])
    if COMPARED.intersection(changed):
        SyncProfile.objects.filter(pk=profile.pk).update(rules_version=F("rules_version") + 1)
        profile.refresh_from_db(fields=["rules_version"])


def may_change(by: User | None) -> bool:
    """Return whether an account may change rules. None is the shell, which has every right."""
    return by is None or by.has_perm("syncjobs.change_syncprofile")
