"""Atlassian accounts: what Jira sent -> records. Pure."""

from collections.abc import Mapping

from connectors.providers.jsm.wire import User
from connectors.reading.findings import Findings
from connectors.records import PersonState, SourceUser
from connectors.zones.timezones import convert
from oncall.rendering.spec import Substitution


def user(
    wire: User, substitutions: tuple[Substitution, ...] | None, because: tuple[str, ...], findings: Findings
) -> SourceUser:
    """A person that Jira told. ``substitutions``: None = not told.

    Contacts and notification rules are never told: the API gives everybody their own only. An address that its owner
    hides leaves nothing to match the person by; the name is for whoever does that by hand.
    """
    states: Mapping[bool | None, PersonState] = {True: "active", False: "inactive", None: "unknown"}
    zone = findings.zone("responder", wire.id, convert(wire.time_zone), "timeZone")
    if wire.active is False:
        message = f"The Atlassian account of {wire.label} is deactivated: imported as inactive."
        findings.note("responder", wire.id, "deactivated", message, "active")
    if wire.account_type not in ("atlassian", None):
        message = f"{wire.label} is no person of the company, but an account of the type {wire.account_type!r}."
        findings.note("responder", wire.id, "unusual_account", message, "accountType")
    email = _email(wire, findings)
    return SourceUser(
        external_id=wire.id,
        name=wire.label,
        email=email,
        state=states[wire.active],
        time_zone=zone,
        substitutions=substitutions,
        untold=frozenset({"email"} if email is None else ()),
        because=because,
    )


def _email(wire: User, findings: Findings) -> str | None:
    email = (wire.email_address or "").strip()
    if "@" in email:
        return email
    message = f"{wire.label} hides the e-mail address from this token: say by hand who it is here."
    findings.note("responder", wire.id, "email_hidden", message, "emailAddress")
    return None
