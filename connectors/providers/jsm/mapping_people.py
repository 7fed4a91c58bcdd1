"""Maps Atlassian accounts to people. Pure."""

from collections.abc import Mapping

from connectors.providers.jsm.wire import User
from connectors.reading.findings import Elements, Findings
from connectors.reading.mapping import unread_of
from connectors.reading.texts import is_email
from connectors.records import PersonState, SourceUser
from connectors.zones.timezones import convert
from oncall.rendering.spec import Substitution


def user(
    wire: User, substitutions: Elements[Substitution] | None, because: tuple[str, ...], findings: Findings
) -> SourceUser:
    """Return a person that Jira reported. substitutions: None if not reported.

    The API does not report contacts and notification rules of other people. A person who hides the e-mail address has
    to be matched by hand, by name.
    """
    states: Mapping[bool | None, PersonState] = {True: "active", False: "inactive", None: "unknown"}
    zone = findings.zone("responder", wire.id, convert(wire.time_zone), "timeZone")
    if wire.active is False:
        message = f"The Atlassian account of {wire.label} is deactivated: imported as inactive."
        findings.note("responder", wire.id, "deactivated", message, "active")
    if wire.account_type not in ("atlassian", None):
        message = f"{wire.label} is not a person of the company but an account of the type {wire.account_type!r}."
        findings.note("responder", wire.id, "unusual_account", message, "accountType")
    email = _email(wire, findings)
    return SourceUser(
        external_id=wire.id,
        name=wire.label,
        email=email,
        state=states[wire.active],
        time_zone=zone,
        substitutions=substitutions,
        unread=unread_of(substitutions=substitutions),
        unreported=frozenset({"email"} if email is None else ()),
        because=because,
    )


def _email(wire: User, findings: Findings) -> str | None:
    email = (wire.email_address or "").strip()
    if is_email(email):
        return email
    message = f"{wire.label} hides the e-mail address from this token. Match this person by hand."
    findings.note("responder", wire.id, "email_hidden", message, "emailAddress")
    return None
