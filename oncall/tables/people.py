"""The tables of responders, and the checks that other kinds share with them."""

from oncall.aggregates import AGGREGATES, Values
from oncall.errors import InvalidDraft
from oncall.models import ContactMethod, NotificationRule, Responder, Substitution
from oncall.rendering import validation
from oncall.rendering.codec import instant_from_text, participant_from_text
from oncall.rendering.spec import InvalidSpec
from oncall.rendering.zones import check_zone
from oncall.tables.base import PERSON, Elements, KeyColumn, Roots, Sibling

_COLLECTIONS = {c.name: c for c in AGGREGATES["responder"].collections}


def check_name(values: Values) -> None:
    """Raises InvalidDraft if the name consists of spaces."""
    if not values["name"].strip():
        raise InvalidDraft("name", "is empty")


def check_known_zone(path: str, zone: str) -> None:
    """Raises InvalidDraft if the time zone is unknown."""
    try:
        check_zone(zone)
    except InvalidSpec as unknown:
        raise InvalidDraft(path, unknown.message) from None


def check_keys(path: str, value: object) -> None:
    """Raises InvalidDraft unless the value is null or a list of texts."""
    if value is not None and not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        raise InvalidDraft(path, "is neither null nor a list of keys")


def check_stand_in(path: str, text: str) -> None:
    """Raises InvalidDraft unless the text is ``person:<key>``, ``unknown:<key>`` or ``vacant``.

    No group or policy replaces a person.
    """
    try:
        participant = participant_from_text(text)
    except InvalidSpec as unknown:
        raise InvalidDraft(path, unknown.message) from None
    has_key = participant.kind in ("person", "unknown")
    if not (has_key or participant.kind == "vacant") or has_key != bool(participant.id):
        raise InvalidDraft(path, f"{text!r} is neither a person nor vacant")


def check_range(values: Values) -> None:
    """Raises InvalidDraft if the end is not after the start, or if rendering does not support the years."""
    if not values["starts_at"] < values["ends_at"]:
        raise InvalidDraft("ends_at", f"{values['ends_at']} is not after {values['starts_at']}")
    try:
        validation.check_range("range", instant_from_text(values["starts_at"]), instant_from_text(values["ends_at"]))
    except InvalidSpec as wrong:
        raise InvalidDraft(wrong.path.rpartition(".")[2], wrong.message) from None


def _check_responder(values: Values) -> None:
    check_name(values)
    if values["time_zone"]:
        check_known_zone("time_zone", values["time_zone"])


def _check_rule(values: Values) -> None:
    if not isinstance(values["windows"], list):
        raise InvalidDraft("windows", "is not a list")


def _check_substitution(values: Values) -> None:
    check_range(values)
    check_keys("scope", values["scope"])
    check_stand_in("by_key", values["by_key"])


RESPONDERS = Roots(
    kind="responder",
    model=Responder,
    fields=AGGREGATES["responder"].fields,
    check=_check_responder,
    elements={
        "contact_methods": Elements(
            model=ContactMethod,
            fields=_COLLECTIONS["contact_methods"].fields,
            owner="responder",
        ),
        "notification_rules": Elements(
            model=NotificationRule,
            fields=_COLLECTIONS["notification_rules"].fields,
            owner="responder",
            check=_check_rule,
            sibling=Sibling("method_key", "contact_method", "contact_methods"),
        ),
        "substitutions": Elements(
            model=Substitution,
            fields=_COLLECTIONS["substitutions"].fields,
            owner="responder",
            keys=(KeyColumn("by_key", "by", "responder", PERSON),),
            check=_check_substitution,
        ),
    },
)
