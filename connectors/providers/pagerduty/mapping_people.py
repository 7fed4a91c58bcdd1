"""Maps people, their contact details and teams to records. Pure."""

from collections.abc import Iterable, Sequence

from connectors.providers.pagerduty.wire import ContactMethod, Member, NotificationRule, Reference, Team, User, bare
from connectors.reading.findings import Findings
from connectors.reading.mapping import members_by_id, unread_of
from connectors.reading.phones import note_extension, read_phone
from connectors.reading.texts import is_email, name_of
from connectors.records import (
    Channel,
    SourceContactMethod,
    SourceNotificationRule,
    SourceTeam,
    SourceUser,
)
from connectors.zones.timezones import convert

#: Vendor OpenAPI, ContactMethod.type. WhatsApp is a channel at PagerDuty, but not here.
_CHANNELS: dict[str, Channel] = {
    "email_contact_method": "email",
    "phone_contact_method": "voice",
    "sms_contact_method": "sms",
    "push_notification_contact_method": "push",
    "whatsapp_contact_method": "other",
}


def user(
    wire: User,
    methods: Sequence[ContactMethod] | None,
    rules: Sequence[NotificationRule] | None,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """Returns the record of a person who was read from the list or alone. methods, rules: None means not reported."""
    email = _email(wire.email)
    if email is None:
        reason = "has no e-mail address" if not (wire.email or "").strip() else "has an address that is not valid"
        findings.note("responder", wire.id, "no_email", f"{wire.label} {reason}.", "email")
    zone = findings.zone("responder", wire.id, convert(wire.time_zone), "time_zone")
    return SourceUser(
        external_id=wire.id,
        name=wire.label,
        email=email,
        state="deleted" if wire.deleted_at else "active",
        time_zone=zone,
        title=wire.job_title or "",
        contact_methods=None if methods is None else tuple(_contact_method(m, wire.id, findings) for m in methods),
        notification_rules=None if rules is None else tuple(_notification_rule(rule) for rule in rules),
        unread=unread_of(contact_methods=methods, notification_rules=rules),
        because=because,
    )


def compare(wire: User, references: Iterable[Reference], findings: Findings) -> None:
    """Adds a note if references contain another e-mail address than the person's own record. The own record wins."""
    own = (wire.email or "").strip().casefold()
    others = sorted({email for r in references if (email := (r.email or "").strip()) and email.casefold() != own})
    if own and others:
        message = f"References to {wire.label} contain the address {', '.join(others)}; {wire.email} was used."
        findings.note("responder", wire.id, "reference_differs", message, "email")


def referenced_user(references: Sequence[Reference], because: tuple[str, ...], findings: Findings) -> SourceUser:
    """Returns the record of a person who was not listed, from the references to them.

    references: at least one, all of the same id. References with an e-mail address are used first, because they contain
    more. The person is deleted if any reference says so.
    """
    fullest = sorted(references, key=lambda reference: reference.email is None)
    first = fullest[0]
    deleted = any(reference.deleted_at for reference in fullest)
    name = name_of(first.id, *(text for reference in fullest for text in (reference.name, reference.summary)))
    message = (
        f"{name} was deleted at PagerDuty" if deleted else f"{name} is referred to, but was not found among the people"
    )
    findings.note(
        "responder",
        first.id,
        "deleted" if deleted else "referenced_only",
        f"{message}. They keep every slot.",
    )
    return SourceUser(
        external_id=first.id,
        name=name,
        email=_email(first.email),
        state="deleted" if deleted else "unknown",
        time_zone=convert(first.time_zone),
        listed=False,
        because=because,
    )


def _email(sent: str | None) -> str | None:
    email = (sent or "").strip()
    return email if is_email(email) else None


def _contact_method(wire: ContactMethod, person_id: str, findings: Findings) -> SourceContactMethod:
    vendor_type = bare(wire.type)
    channel = _CHANNELS.get(vendor_type)
    path = f"contact_methods[{wire.id}]"
    address: str | None = None
    extension = ""
    usable = True
    if channel is None:
        message = f"The contact method {wire.id} has the unknown type {vendor_type!r}, so its address was not imported."
        findings.note("responder", person_id, "unknown_contact_method", message, f"{path}.type")
    elif channel == "email":
        address = name_of("", (wire.address or "").strip()) or None
        usable = address is not None and is_email(address)
        if not usable:
            message = (
                f"The address of the contact method {wire.id} is not a valid e-mail address. It is switched off here."
            )
            findings.note("responder", person_id, "invalid_email", message, f"{path}.address")
    elif channel != "push":  # a push address is a device token and is never kept
        phone = read_phone(wire.address or "", wire.country_code)
        usable = phone.address is not None
        address, extension = phone.address or name_of("", wire.address) or None, phone.extension
        note_extension(phone, f"the contact method {wire.id}", person_id, f"{path}.address", findings)
        if not usable:
            message = f"The number of the contact method {wire.id} is not a valid number. It is switched off here."
            findings.note("responder", person_id, "invalid_number", message, f"{path}.address")
    enabled = wire.enabled is not False and wire.blacklisted is not True
    if not enabled:
        message = f"The contact method {wire.id} is switched off or blocked at PagerDuty."
        findings.note("responder", person_id, "contact_method_off", message, f"{path}.enabled")
    return SourceContactMethod(
        external_id=wire.id,
        channel=channel or "other",
        address=address,
        label=name_of("", wire.label, wire.summary),
        enabled=enabled and usable,
        vendor_type=vendor_type,
        extension=extension,
    )


def _notification_rule(wire: NotificationRule) -> SourceNotificationRule:
    return SourceNotificationRule(
        external_id=wire.id,
        urgency=wire.urgency,
        delay=wire.start_delay_in_minutes,
        method_id=wire.contact_method.id,
    )


def team(wire: Team, members: Iterable[Member] | None, because: tuple[str, ...]) -> SourceTeam:
    """Returns the record of a team, its members sorted by id. members: None means not reported."""
    return SourceTeam(
        external_id=wire.id,
        name=wire.label,
        description=wire.description or "",
        members=members_by_id(None if members is None else [(m.user.id, m.role or "") for m in members]),
        unread=unread_of(members=members),
        because=because,
    )
