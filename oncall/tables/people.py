"""Responders: how their states lie in tables, and what makes sense."""

from typing import Any

from oncall.aggregates import AGGREGATES, Values
from oncall.emails import canonical_email
from oncall.errors import InvalidDraft
from oncall.models import ContactMethod, NotificationRule, Responder, Substitution
from oncall.rendering.codec import participant_from_text
from oncall.rendering.spec import InvalidSpec
from oncall.rendering.zones import check_zone
from oncall.tables.base import PERSON, Elements, KeyColumn, Roots, Sibling, name_key

_COLLECTIONS = {c.name: c for c in AGGREGATES["responder"].collections}


def check_name(values: Values) -> None:
    if not values["name"].strip():
        raise InvalidDraft("name", "is empty")


def check_known_zone(path: str, zone: str) -> None:
    try:
        check_zone(zone)
    except InvalidSpec as unknown:
        raise InvalidDraft(path, unknown.message) from None


def check_person_or_vacant(path: str, text: str) -> None:
    """``person:<key>`` or ``vacant``; a group or a policy cannot stand in."""
    try:
        participant = participant_from_text(text)
    except InvalidSpec as unknown:
        raise InvalidDraft(path, unknown.message) from None
    if participant.kind not in ("person", "vacant") or (participant.kind == "person") != bool(participant.id):
        raise InvalidDraft(path, f"{text!r} names neither a person nor vacant")


def check_range(values: Values) -> None:
    if not values["starts_at"] < values["ends_at"]:
        raise InvalidDraft("ends_at", f"{values['ends_at']} is not after {values['starts_at']}")


def _derive_responder(row: Responder) -> None:
    row.name_key = name_key(row.name)
    row.email_canonical = canonical_email(row.email) or ""


def _derive_method(row: ContactMethod) -> None:
    address = row.address.strip()
    match row.channel:
        case "email":
            row.canonical = canonical_email(address) or ""
        case "sms" | "voice":
            row.canonical = "".join(c for c in address if c.isdigit() or c == "+")
        case _:
            row.canonical = address


def _check_responder(values: Values) -> None:
    check_name(values)
    if values["time_zone"]:
        check_known_zone("time_zone", values["time_zone"])


def _check_rule(values: Values) -> None:
    windows: Any = values["windows"]
    if not isinstance(windows, list):
        raise InvalidDraft("windows", "is not a list")


def _check_substitution(values: Values) -> None:
    check_range(values)
    check_person_or_vacant("by_key", values["by_key"])


RESPONDERS = Roots(
    kind="responder",
    model=Responder,
    fields=AGGREGATES["responder"].fields,
    derive=_derive_responder,
    check=_check_responder,
    elements={
        "contact_methods": Elements(
            model=ContactMethod,
            fields=_COLLECTIONS["contact_methods"].fields,
            owner="responder",
            derive=_derive_method,
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
