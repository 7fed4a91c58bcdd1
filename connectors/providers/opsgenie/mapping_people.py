"""Maps people and their contacts to records. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from connectors.providers.atlassian.java_zones import convert_java
from connectors.providers.atlassian.mapping_people import email_of
from connectors.providers.opsgenie.wire import Contact, User
from connectors.reading.findings import Findings
from connectors.records import Channel, SourceContactMethod, SourceUser
from oncall.rendering.spec import Substitution

#: Vendor docs "Contact API". A mobile contact is an app on a device: ``to`` is its token (unverified), never kept.
_CHANNELS: Final[dict[str, Channel]] = {"email": "email", "sms": "sms", "voice": "voice", "mobile": "push"}
_FEWEST_DIGITS, _MOST_DIGITS = 8, 15  # ITU-T E.164; shorter numbers are internal


def user(
    wire: User,
    contacts: Sequence[Contact] | None,
    substitutions: tuple[Substitution, ...] | None,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """Return a person from the list or from a single request. contacts, substitutions: None if not reported.

    The user name is the e-mail address (vendor docs "User API").
    """
    zone = findings.zone("responder", wire.id, convert_java(wire.time_zone), "timeZone")
    if wire.blocked:
        findings.note("responder", wire.id, "blocked", f"{wire.label} is blocked at Opsgenie: imported as inactive.")
    if wire.verified is False:
        message = f"{wire.label} has not accepted the invitation to Opsgenie yet."
        findings.note("responder", wire.id, "not_verified", message, "verified")
    return SourceUser(
        external_id=wire.id,
        name=wire.label,
        email=email_of(wire.username, wire.id, findings),
        state="inactive" if wire.blocked else "active",
        time_zone=zone,
        contact_methods=None if contacts is None else tuple(_contact(c, wire.id, findings) for c in contacts),
        substitutions=substitutions,
        because=because,
    )


def _contact(wire: Contact, person_id: str, findings: Findings) -> SourceContactMethod:
    channel = _CHANNELS.get(wire.kind)
    path = f"userContacts[{wire.id}]"
    address: str | None = None
    if channel is None:
        message = f"The contact {wire.id} has the unknown method {wire.kind!r}. Its address was not imported."
        findings.note("responder", person_id, "unknown_contact_method", message, f"{path}.contactMethod")
    elif channel == "email":
        address = (wire.to or "").strip() or None
    elif channel != "push":
        address = _phone_number(wire.to or "")
        if address is None:
            message = f"The number of the contact {wire.id} is not an international phone number."
            findings.note("responder", person_id, "invalid_number", message, f"{path}.to")
    enabled = wire.enabled is not False and wire.status.enabled is not False
    if not enabled:
        reason = wire.disabled_reason or wire.status.disabled_reason
        message = f"The contact {wire.id} is switched off at Opsgenie" + (f": {reason[:80]}." if reason else ".")
        findings.note("responder", person_id, "contact_method_off", message, f"{path}.enabled")
    return SourceContactMethod(
        external_id=wire.id,
        channel=channel or "other",
        address=address,
        label="",
        enabled=enabled,
        vendor_type=wire.kind,
    )


def _phone_number(sent: str) -> str | None:
    """Return the E.164 number of ``1-9995550100`` (vendor docs "Contact API"), None for an invalid number."""
    if not re.fullmatch(r"\+?[0-9][0-9 ().-]*", sent.strip(), re.ASCII):
        return None
    digits = re.sub(r"[^0-9]", "", sent)
    return f"+{digits}" if _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS else None
