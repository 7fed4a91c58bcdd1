"""Maps people and their contacts to records. Pure."""

from typing import Final

from connectors.providers.atlassian.java_zones import convert_java
from connectors.providers.atlassian.mapping_people import email_of
from connectors.providers.opsgenie.wire import Contact, User
from connectors.reading.findings import Elements, Findings
from connectors.reading.mapping import unread_of
from connectors.reading.phones import Phone, note_extension, read_phone
from connectors.reading.texts import is_email, short_key, short_text
from connectors.records import Channel, SourceContactMethod, SourceUser
from oncall.rendering.spec import Substitution

#: Vendor docs "Contact API". A mobile contact is an app on a device: ``to`` is its token (unverified), never kept.
_CHANNELS: Final[dict[str, Channel]] = {"email": "email", "sms": "sms", "voice": "voice", "mobile": "push"}


def user(
    wire: User,
    contacts: Elements[Contact] | None,
    substitutions: Elements[Substitution] | None,
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
        unread=unread_of(contact_methods=contacts, substitutions=substitutions),
        because=because,
    )


def _contact(wire: Contact, person_id: str, findings: Findings) -> SourceContactMethod:
    channel = _CHANNELS.get(wire.kind)
    path = f"userContacts[{wire.id}]"
    typed = (wire.to or "").strip()
    found, invalid = Phone(None), ""
    if channel is None:
        message = f"The contact {wire.id} has the unknown method {wire.kind!r}. Its address was not imported."
        findings.note("responder", person_id, "unknown_contact_method", message, f"{path}.contactMethod")
    elif channel == "email":
        found = Phone(short_text(typed) or None)
        invalid = "" if is_email(typed) else "invalid_email"
    elif channel != "push":
        read = read_phone(typed, plus=False)
        found = read if read.address else Phone(short_text(typed) or None)
        invalid = "" if read.address else "invalid_number"
        note_extension(read, f"the contact {wire.id}", person_id, f"{path}.to", findings)
    if invalid:
        kind = "an e-mail address" if channel == "email" else "an international phone number"
        message = f"The address of the contact {wire.id} is not {kind}. It is kept as typed and switched off."
        findings.note("responder", person_id, invalid, message, f"{path}.to")
    enabled = wire.enabled is not False and wire.status.enabled is not False
    if not enabled:
        reason = wire.disabled_reason or wire.status.disabled_reason
        message = f"The contact {wire.id} is switched off at Opsgenie" + (f": {reason[:80]}." if reason else ".")
        findings.note("responder", person_id, "contact_method_off", message, f"{path}.enabled")
    return SourceContactMethod(
        external_id=short_key(wire.id),
        channel=channel or "other",
        address=found.address,
        label="",
        enabled=enabled and not invalid,
        vendor_type=wire.kind,
        extension=found.extension,
    )
