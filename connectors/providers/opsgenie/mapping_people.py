"""People, their contacts, forwarding and teams: what Opsgenie sent -> records. Pure."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from connectors.findings import Findings
from connectors.providers.opsgenie.java_zones import convert_java
from connectors.providers.opsgenie.mapping_rotations import years
from connectors.providers.opsgenie.wire import Contact, ForwardingRule, Member, Team, User, UserMeta
from connectors.records import Channel, SourceContactMethod, SourceMember, SourceTeam, SourceUser
from connectors.timezones import convert
from oncall.rendering.spec import Substitution, person

#: Vendor docs "Contact API". A mobile contact is an app on a device: ``to`` is its token (unverified), never kept.
_CHANNELS: Final[dict[str, Channel]] = {"email": "email", "sms": "sms", "voice": "voice", "mobile": "push"}
_FEWEST_DIGITS, _MOST_DIGITS = 8, 15  # ITU-T E.164; shorter ones are internal numbers


def user(
    wire: User,
    contacts: Sequence[Contact] | None,
    substitutions: tuple[Substitution, ...] | None,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """A person that the user list or a single read gave. ``contacts``, ``substitutions``: None = not told.

    The user name is the e-mail address (vendor docs "User API").
    """
    zone = convert_java(wire.time_zone)
    if zone.zone is None and wire.time_zone:
        findings.note("responder", wire.id, "unknown_zone", zone.note, "timeZone")
    if wire.blocked:
        findings.note("responder", wire.id, "blocked", f"{wire.label} is blocked at Opsgenie: imported as inactive.")
    if wire.verified is False:
        message = f"{wire.label} has not accepted the invitation to Opsgenie yet."
        findings.note("responder", wire.id, "not_verified", message, "verified")
    return SourceUser(
        external_id=wire.id,
        name=wire.label,
        email=_email(wire.username, wire.id, findings),
        state="inactive" if wire.blocked else "active",
        time_zone=zone,
        contact_methods=None if contacts is None else tuple(_contact(c, wire.id, findings) for c in contacts),
        substitutions=substitutions,
        because=because,
    )


def referenced_user(
    references: Sequence[UserMeta],
    substitutions: tuple[Substitution, ...] | None,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """A person nobody listed, from everything that points to them (at least one reference, all of one id)."""
    id_ = references[0].id
    username = next((r.username for r in references if r.username), None)
    name = username or id_
    message = f"{name} is referred to, but was not among the people read; every slot stays theirs."
    findings.note("responder", id_, "referenced_only", message)
    return SourceUser(
        external_id=id_,
        name=name,
        email=None if username is None else _email(username, id_, findings),
        state="unknown",
        time_zone=convert(None),
        substitutions=substitutions,
        listed=False,
        because=because,
    )


def _email(username: str, person_id: str, findings: Findings) -> str | None:
    email = username.strip()
    if "@" in email:
        return email
    findings.note("responder", person_id, "no_email", "The user name is no e-mail address.", "username")
    return None


def _contact(wire: Contact, person_id: str, findings: Findings) -> SourceContactMethod:
    channel = _CHANNELS.get(wire.kind)
    path = f"userContacts[{wire.id}]"
    address: str | None = None
    if channel is None:
        message = f"The contact {wire.id} is of the unknown method {wire.kind!r}; its address was not taken."
        findings.note("responder", person_id, "unknown_contact_method", message, f"{path}.contactMethod")
    elif channel == "email":
        address = (wire.to or "").strip() or None
    elif channel != "push":
        address = _phone_number(wire.to or "")
        if address is None:
            message = f"The number of the contact {wire.id} cannot be read as an international one."
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
    """``1-9995550100`` -> E.164 (vendor docs "Contact API": country code, dash, number); None for what makes none."""
    if not re.fullmatch(r"\+?[0-9][0-9 ().-]*", sent.strip(), re.ASCII):
        return None
    digits = re.sub(r"[^0-9]", "", sent)
    return f"+{digits}" if _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS else None


def substitutions(rules: Iterable[ForwardingRule], findings: Findings) -> dict[str, tuple[Substitution, ...]]:
    """By the id of the person who is stood in for, sorted. Forwarding holds in every schedule and for direct targets
    (vendor docs "Forwarding Rule API")."""
    made: dict[str, list[Substitution]] = {}
    for rule in rules:
        from_id, to_id = rule.from_user.id, rule.to_user.id
        if rule.end_date.instant <= rule.start_date.instant:
            message = f"The forwarding rule {rule.id} ends before it starts and was left out."
            findings.note("responder", from_id, "forwarding_without_time", message)
            continue
        period = years(rule.start_date.instant, rule.end_date.instant)
        if period is None:
            message = f"The forwarding rule {rule.id} lies wholly before 1900 or after 2200 and was left out."
            findings.note("responder", from_id, "forwarding_out_of_time", message)
            continue
        made.setdefault(from_id, []).append(Substitution(rule.id, person(from_id), person(to_id), *period))
    return {id_: tuple(sorted(found, key=lambda s: (s.starts_at, s.key))) for id_, found in made.items()}


def team(wire: Team, members: Iterable[Member] | None, because: tuple[str, ...]) -> SourceTeam:
    """``members`` None: not told. The order of members means nothing and is by id."""
    listed = None if members is None else {m.user.id: SourceMember(m.user.id, m.role or "") for m in members}
    return SourceTeam(
        external_id=wire.id,
        name=wire.label,
        description=wire.description or "",
        members=None if listed is None else tuple(listed[id_] for id_ in sorted(listed)),
        because=because,
    )
