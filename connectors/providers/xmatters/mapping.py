"""Maps the objects of one read to the records of a snapshot. Pure: the current time is an argument."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from connectors.closure import Kept
from connectors.providers.xmatters import mapping_people, mapping_policies, mapping_shifts, wire
from connectors.providers.xmatters.harvest import Harvest
from connectors.reading.findings import Findings
from connectors.reading.mapping import Records, finish, kept_of
from connectors.records import (
    ENTITY_TYPES,
    EntityKey,
    EntityType,
    SourcePolicy,
    SourceSchedule,
    SourceService,
    SourceTeam,
    SourceUser,
)

#: A kind's number is raised when its mapping returns a different record for the same answer.
MAPPING_VERSION: Final[Mapping[EntityType, int]] = dict.fromkeys(ENTITY_TYPES, 2)


def records(
    harvest: Harvest, kept: Kept, people: Iterable[str], at: int, contact_details: bool, findings: Findings
) -> Records:
    """Returns the records of the kept objects and of the people. An object that cannot be mapped is reported in
    ``findings`` and is missing in the result.

    people: ids. at: instant of the read. contact_details: whether devices become contact methods.
    """
    schedules, timelines = _schedules(harvest, kept, at, findings)
    policies = [*timelines, *_groups(harvest, kept, findings)]
    services = tuple(_services(harvest, kept, findings))
    read: set[EntityKey] = {("schedule", schedule.external_id) for schedule in schedules}
    read |= {("escalation_policy", policy.external_id) for policy in policies}
    return Records(
        users=tuple(_people(harvest, kept, people, contact_details, findings)),
        teams=tuple(_teams(harvest, kept, findings)),
        schedules=schedules,
        policies=finish(policies, services, read, findings, path="ownedBy"),
        services=services,
    )


def _teams(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourceTeam]:
    for group, because in kept_of(kept, "user_group", harvest.directory.groups):
        if group.group_type == "DYNAMIC":
            message = f"{group.label} is a dynamic group. xMatters finds its members by criteria when it is paged."
            if harvest.rosters.members.get(group.id) is not None:
                message += " The members at this read were imported."
            findings.note("user_group", group.id, "dynamic_group", message, "groupType")
        if group.status == "INACTIVE":
            message = f"{group.label} is inactive at xMatters, so it gets no messages."
            findings.note("user_group", group.id, "switched_off", message, "status")
        yield harvest.rosters.team(group, because, findings)


def _shifts(harvest: Harvest) -> Iterator[tuple[wire.Shift, wire.Group]]:
    for id_, group in harvest.on_call_groups().items():
        shifts = harvest.shifts.get(id_)
        for shift in shifts.read.values() if shifts else ():
            yield shift, group


def _schedules(
    harvest: Harvest, kept: Kept, at: int, findings: Findings
) -> tuple[tuple[SourceSchedule, ...], tuple[SourcePolicy, ...]]:
    """Returns the schedules of the shifts, and their policies."""
    schedules: list[SourceSchedule] = []
    policies: list[SourcePolicy] = []
    for shift, group in _shifts(harvest):
        seats = mapping_shifts.seats(shift, harvest.directory, findings)
        because = kept.get(("schedule", shift.id))
        if because is not None:
            make = partial(mapping_shifts.schedule, shift, group, seats, harvest.directory, at, because, findings)
            made = findings.mapped("schedule", shift.id, make)
            schedules += [] if made is None else [made]
        because = kept.get(("escalation_policy", shift.id))
        if because is not None:
            policies.append(mapping_policies.shift_policy(shift, group, seats, because, findings))
    return tuple(schedules), tuple(policies)


def _groups(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourcePolicy]:
    for group, because in kept_of(kept, "escalation_policy", harvest.on_call_groups()):
        shifts = harvest.shifts.get(group.id)
        if shifts is not None:
            yield mapping_policies.group_policy(group, shifts, because, findings)


def _services(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourceService]:
    for service, because in kept_of(kept, "service", harvest.services):
        yield mapping_policies.service(service, harvest.directory.groups, because, findings)
    for group, because in kept_of(kept, "service", harvest.groups_as_services):
        yield mapping_policies.group_as_service(group, because)


def _people(
    harvest: Harvest, kept: Kept, ids: Iterable[str], contact_details: bool, findings: Findings
) -> Iterator[SourceUser]:
    """A person who was not read is mapped from the references to them."""
    references = harvest.references(kept)
    for id_ in ids:
        because = kept.get(("responder", id_), ())
        absences = None if harvest.absences is None else harvest.absences.of(id_)
        substitutions = None if absences is None else mapping_people.substitutions(id_, absences, findings)
        source = harvest.directory.people.get(id_)
        if source is None:
            # A person who is only referred to keeps the substitutions that were reported.
            yield mapping_people.referenced_user(references[id_], substitutions or None, because, findings)
        else:
            devices = harvest.devices.get(id_)
            yield mapping_people.user(
                source, devices, contact_details, substitutions, harvest.directory, because, findings
            )
