"""People, their contact details and teams: what PagerDuty sent -> records. Pure."""

import re
from collections.abc import Iterable, Sequence

from connectors.providers.pagerduty.wire import ContactMethod, Member, NotificationRule, Reference, Team, User, bare
from connectors.reading.findings import Findings
from connectors.reading.mapping import members_by_id
from connectors.records import (
    Channel,
    SourceContactMethod,
    SourceNotificationRule,
    SourceTeam,
    SourceUser,
)
from connectors.zones.timezones import convert

#: Vendor OpenAPI, ContactMethod.type. WhatsApp is a channel of its own there, and none of ours.
_CHANNELS: dict[str, Channel] = {
    "email_contact_method": "email",
    "phone_contact_method": "voice",
    "sms_contact_method": "sms",
    "push_notification_contact_method": "push",
    "whatsapp_contact_method": "other",
}
_LONGEST_NUMBER = 15  # ITU-T E.164


def user(
    wire: User,
    methods: Sequence[ContactMethod] | None,
    rules: Sequence[NotificationRule] | None,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """A person that the user list or a single read gave. ``methods`` and ``rules``: None = not told."""
    email = (wire.email or "").strip() or None
    if email is None:
        findings.note("responder", wire.id, "no_email", f"{wire.label} has no e-mail address.", "email")
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
        because=because,
    )


def compare(wire: User, references: Iterable[Reference], findings: Findings) -> None:
    """Names a reference that shows the same id with another e-mail address; the person's own record wins."""
    own = (wire.email or "").strip().casefold()
    others = sorted({email for r in references if (email := (r.email or "").strip()) and email.casefold() != own})
    if own and others:
        message = f"Something refers to {wire.label} with the address {', '.join(others)}; {wire.email} was taken."
        findings.note("responder", wire.id, "reference_differs", message, "email")


def referenced_user(references: Sequence[Reference], because: tuple[str, ...], findings: Findings) -> SourceUser:
    """A person nobody listed, from everything that points to them (at least one reference, all of one id).

    An expanded reference tells more than a bare one and comes first; deleted is what any of them calls deleted.
    """
    told = sorted(references, key=lambda reference: reference.email is None)
    first = told[0]
    deleted = any(reference.deleted_at for reference in told)
    name = next((text for r in told for text in (r.name, r.summary) if text), first.id)
    message = (
        f"{name} was deleted at PagerDuty" if deleted else f"{name} is referred to, but was not among the people read"
    )
    findings.note(
        "responder",
        first.id,
        "deleted" if deleted else "referenced_only",
        f"{message}; every slot stays theirs.",
    )
    return SourceUser(
        external_id=first.id,
        name=name,
        email=(first.email or "").strip() or None,
        state="deleted" if deleted else "unknown",
        time_zone=convert(first.time_zone),
        listed=False,
        because=because,
    )


def _contact_method(wire: ContactMethod, person_id: str, findings: Findings) -> SourceContactMethod:
    vendor_type = bare(wire.type)
    channel = _CHANNELS.get(vendor_type)
    path = f"contact_methods[{wire.id}]"
    address: str | None = None
    if channel is None:
        message = f"The contact method {wire.id} is of the unknown type {vendor_type!r}; its address was not taken."
        findings.note("responder", person_id, "unknown_contact_method", message, f"{path}.type")
    elif channel == "email":
        address = (wire.address or "").strip() or None
    elif channel != "push":  # a push address is a device token: never kept
        address = _phone_number(wire)
        if address is None:
            message = f"The number of the contact method {wire.id} cannot be read as an international one."
            findings.note("responder", person_id, "invalid_number", message, f"{path}.address")
    enabled = wire.enabled is not False and wire.blacklisted is not True
    if not enabled:
        message = f"The contact method {wire.id} is switched off or blocked at PagerDuty."
        findings.note("responder", person_id, "contact_method_off", message, f"{path}.enabled")
    return SourceContactMethod(
        external_id=wire.id,
        channel=channel or "other",
        address=address,
        label=wire.label or wire.summary or "",
        enabled=enabled,
        vendor_type=vendor_type,
    )


def _phone_number(wire: ContactMethod) -> str | None:
    """E.164 of country code and national number, None when they do not make one."""
    national = (wire.address or "").strip()
    digits = re.sub(r"[^0-9]", "", national)
    if wire.country_code is None or not digits or national.startswith("+"):
        return None
    number = f"{wire.country_code}{digits}"
    return f"+{number}" if len(number) <= _LONGEST_NUMBER else None


def _notification_rule(wire: NotificationRule) -> SourceNotificationRule:
    return SourceNotificationRule(
        external_id=wire.id,
        urgency=wire.urgency,
        delay=wire.start_delay_in_minutes,
        method_id=wire.contact_method.id,
    )


def team(wire: Team, members: Iterable[Member] | None, because: tuple[str, ...]) -> SourceTeam:
    """``members`` None: not told. The order of members means nothing and is by id."""
    return SourceTeam(
        external_id=wire.id,
        name=wire.label,
        description=wire.description or "",
        members=members_by_id(None if members is None else [(m.user.id, m.role or "") for m in members]),
        because=because,
    )
