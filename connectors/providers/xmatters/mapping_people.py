"""Maps people and absences to records. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.devices import by_sequence, contact_methods, notification_rules, unread_count
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.vendor import invalid, unknown_value
from connectors.reading.findings import Elements, Findings
from connectors.reading.mapping import unread_of
from connectors.reading.periods import read_period
from connectors.reading.texts import is_email, short_text
from connectors.records import PersonState, SourceUser
from connectors.zones.timezones import convert
from oncall.rendering.spec import VACANT, Substitution, person


def user(
    source: wire.Person,
    devices: Iterable[wire.Device] | None,
    contact_details: bool,
    substitutions: tuple[Substitution, ...] | None,
    directory: Directory,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """Returns the record of a person who was read from the list or alone.

    devices, substitutions: None means not reported. contact_details: whether devices become contact methods. If not,
    they are used only for the e-mail address, which a person has only on a device. Roles are shown with the person and
    give no rights.
    """
    site = directory.site_of(source)
    if source.status == "INACTIVE":
        message = f"{source.label} is inactive at xMatters. They are imported as inactive and keep every seat."
        findings.note("responder", source.id, "inactive", message, "status")
    elif site is not None and site.status == "INACTIVE":
        message = (
            f"The site of {source.label} is inactive, so xMatters does not notify them. They are imported as inactive."
        )
        findings.note("responder", source.id, "inactive_site", message, "site")
    state: PersonState = "unknown" if source.status is None else "active"
    if source.status == "INACTIVE" or (site is not None and site.status == "INACTIVE"):
        state = "inactive"
    if source.roles_incomplete:
        message = f"Only {len(source.roles or ())} of the roles of {source.label} could be read."
        findings.note("responder", source.id, "roles_incomplete", message, "roles")
    imported = devices if contact_details else None
    methods = None if imported is None else contact_methods(source.id, imported, findings)
    rules = None if imported is None else notification_rules(source.id, imported, findings)
    return SourceUser(
        external_id=source.id,
        name=source.label,
        email=_email(source, devices, findings),
        state=state,
        time_zone=directory.person_zone(source, findings),
        title=short_text(", ".join(sorted({role.name.strip() for role in source.roles or () if role.name}))),
        contact_methods=methods,
        notification_rules=rules,
        substitutions=substitutions,
        unread=unread_of(contact_methods=methods, notification_rules=rules, substitutions=substitutions),
        unreported=frozenset(_unknown_fields(source, devices, directory)),
        because=because,
    )


def _unknown_fields(source: wire.Person, devices: Iterable[wire.Device] | None, directory: Directory) -> Iterator[str]:
    """Returns the fields of a person that depend on other objects, which could not be read this time."""
    if devices is None or unread_count(devices):
        yield "email"
    if source.roles is None or source.roles_incomplete:
        yield "title"
    if source.site is not None and directory.site_of(source) is None:
        if source.status != "INACTIVE":
            yield "state"
        if not source.timezone:
            yield "time_zone"


def referenced_user(
    references: Sequence[wire.Recipient],
    substitutions: tuple[Substitution, ...] | None,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """Returns the record of a person who was not listed, from the references to them.

    references: at least one, all of the same id.
    """
    id_ = references[0].id
    name = next((reference.label for reference in references if reference.label != id_), id_)
    message = f"{name} is referred to, but was not found among the people. They keep every seat."
    findings.note("responder", id_, "referenced_only", message)
    return SourceUser(
        external_id=id_,
        name=name,
        email=None,
        state="unknown",
        time_zone=convert(None),
        substitutions=substitutions,
        unread=unread_of(substitutions=substitutions),
        listed=False,
        because=because,
    )


def _email(source: wire.Person, devices: Iterable[wire.Device] | None, findings: Findings) -> str | None:
    """Returns the address of the first active e-mail device. A device with "work" in its name comes first.

    Without an e-mail device, the login or the user id is used if it looks like an address. devices: None means not
    reported.
    """
    mail = [d for d in by_sequence(devices or ()) if d.device_type == "EMAIL" and d.status != "INACTIVE"]
    mail.sort(key=lambda device: "work" not in (device.name or "").lower())
    for device in mail:
        address = (device.email_address or "").strip().lower()
        if is_email(address):
            return address
    reason = "The devices could not be read" if devices is None else "There is no active e-mail device"
    for login in (source.web_login, source.target_name):
        address = (login or "").strip().lower()
        if is_email(address):
            message = f"{reason}. The login looks like an address and was used as the e-mail address."
            findings.note("responder", source.id, "email_from_login", message, "webLogin")
            return address
    message = f"{reason}, and the login is not an address. The person cannot be matched or invited by e-mail."
    findings.note("responder", source.id, "no_email", message)
    return None


def substitutions(person_id: str, absences: Elements[wire.Absence], findings: Findings) -> Elements[Substitution]:
    """Returns the substitutions of an absent person, sorted by start.

    An absence with a group applies in that group only. Any other absence applies in all groups and to direct messages
    (help, "Temporary absences"). An absence with an unusable replacement is unread: nobody else is shown instead.
    """

    def make(absence: wire.Absence, path: str) -> Substitution | None:
        words = f"The absence {absence.id}"
        span = read_period(
            absence.start.instant,
            absence.end.instant,
            findings,
            "responder",
            person_id,
            code="absence",
            words=words,
            path=f"{path}.end",
        )
        if span is None:
            return None
        by = VACANT
        if absence.absence_type == "REPLACEMENT":
            if absence.replacement is None:
                message = f"The replacement of the absence {absence.id} was not reported."
                raise invalid("replacement_not_told", f"{path}.replacement", message)
            if absence.replacement.recipient_type not in (None, "PERSON"):
                message = f"{words} has a replacement of the type {absence.replacement.recipient_type[:40]!r}."
                raise unknown_value(f"{path}.replacement.recipientType", message)
            by = person(absence.replacement.id)
        groups = None if absence.group is None else frozenset({absence.group.id})
        return Substitution(absence.id, person(person_id), by, *span, groups)

    made = findings.map_all(absences, "responder", person_id, "absences", make)
    return Elements(sorted(made, key=lambda each: (each.starts_at, each.key)), made.unread)
