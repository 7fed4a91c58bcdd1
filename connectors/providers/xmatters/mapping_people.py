"""People and absences: what xMatters sent -> records. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.devices import by_sequence, contact_methods, notification_rules
from connectors.providers.xmatters.directory import Directory
from connectors.reading.findings import Findings
from connectors.records import PersonState, SourceUser
from connectors.zones.timezones import convert
from oncall.rendering.spec import VACANT, Substitution, person
from oncall.rendering.zones import EARLIEST, LATEST


def user(
    source: wire.Person,
    devices: Sequence[wire.Device] | None,
    contact_details: bool,
    substitutions: tuple[Substitution, ...] | None,
    directory: Directory,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceUser:
    """A person that the list or a single read gave. ``devices``, ``substitutions``: None = not told.

    A person has no address of their own: it is on their devices. contact_details: whether devices become contact
    methods, or only tell the address. Imported roles are shown with the person; they give no right.
    """
    site = directory.site_of(source)
    if source.status == "INACTIVE":
        message = f"{source.label} is inactive at xMatters: imported as inactive, and keeps every seat."
        findings.note("responder", source.id, "inactive", message, "status")
    elif site is not None and site.status == "INACTIVE":
        message = f"The site of {source.label} is inactive, so xMatters does not notify them: imported as inactive."
        findings.note("responder", source.id, "inactive_site", message, "site")
    state: PersonState = "unknown" if source.status is None else "active"
    if source.status == "INACTIVE" or (site is not None and site.status == "INACTIVE"):
        state = "inactive"
    if source.roles_cut:
        message = f"Only {len(source.roles or ())} of the roles of {source.label} could be read."
        findings.note("responder", source.id, "roles_incomplete", message, "roles")
    told = devices if contact_details else None
    return SourceUser(
        external_id=source.id,
        name=source.label,
        email=_email(source, devices, findings),
        state=state,
        time_zone=directory.person_zone(source, findings),
        title=", ".join(sorted({role.name.strip() for role in source.roles or () if role.name})),
        contact_methods=None if told is None else contact_methods(source.id, told, findings),
        notification_rules=None if told is None else notification_rules(told),
        substitutions=substitutions,
        untold=frozenset(_untold(source, devices, directory)),
        because=because,
    )


def _untold(source: wire.Person, devices: Sequence[wire.Device] | None, directory: Directory) -> Iterator[str]:
    """Fields that hang on something else than the person, which could not be read this time."""
    if devices is None:
        yield "email"
    if source.roles is None or source.roles_cut:
        yield "title"
    if source.site is not None and directory.sites is None:
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
    """A person nobody listed, from everything that points to them (at least one reference, all of one id)."""
    id_ = references[0].id
    name = next((one.label for one in references if one.label != id_), id_)
    message = f"{name} is referred to, but was not among the people read; every seat stays theirs."
    findings.note("responder", id_, "referenced_only", message)
    return SourceUser(
        external_id=id_,
        name=name,
        email=None,
        state="unknown",
        time_zone=convert(None),
        substitutions=substitutions,
        listed=False,
        because=because,
    )


def _email(source: wire.Person, devices: Sequence[wire.Device] | None, findings: Findings) -> str | None:
    """The address of the first active e-mail device, one with "work" in its name before the others; without any the
    login or the user id, if that looks like an address. ``devices``: None = not told."""
    mail = [d for d in by_sequence(devices or ()) if d.device_type == "EMAIL" and d.status != "INACTIVE"]
    mail.sort(key=lambda device: "work" not in (device.name or "").lower())
    for device in mail:
        address = (device.email_address or "").strip().lower()
        if _is_address(address):
            return address
    why = "The devices could not be read" if devices is None else "There is no active e-mail device"
    for login in (source.web_login, source.target_name):
        address = (login or "").strip().lower()
        if _is_address(address):
            message = f"{why}; the login, which looks like an address, was taken for one."
            findings.note("responder", source.id, "email_from_login", message, "webLogin")
            return address
    message = f"{why}, and the login is no address: nobody can be matched or invited by it."
    findings.note("responder", source.id, "no_email", message)
    return None


def _is_address(text: str) -> bool:
    name, at, host = text.rpartition("@")
    return bool(name and at and "." in host) and not any(char.isspace() for char in text)


def substitutions(
    absences: Iterable[wire.Absence], findings: Findings
) -> tuple[dict[str, tuple[Substitution, ...]], Collection[str]]:
    """By the id of whoever is absent, sorted; and the people of whom one absence could not be told in full.

    An absence with a group holds in that group only, any other in all of them and for direct messages (help,
    "Temporary absences").
    """
    made: dict[str, list[Substitution]] = {}
    open_: set[str] = set()
    for absence in absences:
        absent = absence.member.id
        start, end = max(absence.start.instant, EARLIEST), min(absence.end.instant, LATEST)
        if end <= start:
            message = f"The absence {absence.id} ends before it starts and was left out."
            findings.note("responder", absent, "absence_without_time", message)
            continue
        if absence.absence_type == "REPLACEMENT" and absence.replacement is None:
            message = f"The absence {absence.id} has a replacement that is not told; absences of this person were left."
            findings.note("responder", absent, "replacement_not_told", message, loss=True)
            open_.add(absent)
            continue
        replaced = absence.absence_type == "REPLACEMENT" and absence.replacement is not None
        by = person(absence.replacement.id) if replaced and absence.replacement is not None else VACANT
        groups = None if absence.group is None else frozenset({absence.group.id})
        made.setdefault(absent, []).append(Substitution(absence.id, person(absent), by, start, end, groups))
    return {id_: tuple(sorted(found, key=lambda s: (s.starts_at, s.key))) for id_, found in made.items()}, open_
