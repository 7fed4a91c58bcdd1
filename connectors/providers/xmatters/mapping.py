"""Everything one read brought -> a snapshot's records. Pure; the clock comes in as an argument."""

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

#: Raised whenever the mapping of a kind gives another record for an equal answer.
MAPPING_VERSION: Final[Mapping[EntityType, int]] = dict.fromkeys(ENTITY_TYPES, 1)


def records(
    harvest: Harvest, kept: Kept, people: Iterable[str], at: int, contact_details: bool, findings: Findings
) -> Records:
    """What is ``kept``, and the ``people`` (ids). at: instant of the read. One object that cannot be mapped is named
    in ``findings`` and missing here."""
    schedules = tuple(_schedules(harvest, kept, at, findings))
    policies = [*_timelines(harvest, kept, findings), *_groups(harvest, kept, findings)]
    services = tuple(_services(harvest, kept, findings))
    read: set[EntityKey] = {("schedule", one.external_id) for one in schedules}
    read |= {("escalation_policy", one.external_id) for one in policies}
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
            message = f"{group.label} is a dynamic group: xMatters decides its members by criteria when it is paged."
            if harvest.rosters.told.get(group.id) is not None:
                message += " Those of this read were taken."
            findings.note("user_group", group.id, "dynamic_group", message, "groupType")
        if group.status == "INACTIVE":
            message = f"{group.label} is inactive at xMatters: it gets no messages."
            findings.note("user_group", group.id, "switched_off", message, "status")
        yield harvest.rosters.team(group, because, findings)


def _shifts(harvest: Harvest, kept: Kept, kind: EntityType) -> Iterator[tuple[wire.Shift, wire.Group, tuple[str, ...]]]:
    for id_, group in harvest.on_call_groups().items():
        told = harvest.shifts.get(id_)
        for shift in told.read.values() if told else ():
            if (kind, shift.id) in kept:
                yield shift, group, kept[kind, shift.id]


def _schedules(harvest: Harvest, kept: Kept, at: int, findings: Findings) -> Iterator[SourceSchedule]:
    for shift, group, because in _shifts(harvest, kept, "schedule"):
        make = partial(mapping_shifts.schedule, shift, group, harvest.directory, at, because, findings)
        made = findings.mapped("schedule", shift.id, make)
        if made is not None:
            yield made


def _timelines(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourcePolicy]:
    for shift, group, because in _shifts(harvest, kept, "escalation_policy"):
        places = findings.mapped("escalation_policy", shift.id, partial(mapping_shifts.seats, shift, harvest.directory))
        if places is not None:
            yield mapping_policies.shift_policy(shift, group, places, because, findings)


def _groups(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourcePolicy]:
    for group, because in kept_of(kept, "escalation_policy", harvest.on_call_groups()):
        told = harvest.shifts.get(group.id)
        if told is not None:
            yield mapping_policies.group_policy(group, told.every, because, findings)


def _services(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourceService]:
    for service, because in kept_of(kept, "service", harvest.services):
        yield mapping_policies.service(service, harvest.directory.groups, because, findings)
    if harvest.groups_as_services:
        for group, because in kept_of(kept, "service", harvest.on_call_groups()):
            yield mapping_policies.group_as_service(group, because)


def _people(
    harvest: Harvest, kept: Kept, ids: Iterable[str], contact_details: bool, findings: Findings
) -> Iterator[SourceUser]:
    """Whoever was not read is known from what points to them."""
    references = harvest.references(kept)
    absent, untold = mapping_people.substitutions(harvest.absences or (), findings)
    for id_ in ids:
        because = kept.get(("responder", id_), ())
        told = None if harvest.absences is None or id_ in untold else absent.get(id_, ())
        source = harvest.directory.people.get(id_)
        if source is None:
            # Being only referred to is no reason to lose the stand-in that was told.
            yield mapping_people.referenced_user(references[id_], told or None, because, findings)
        else:
            devices = harvest.devices.get(id_)
            yield mapping_people.user(source, devices, contact_details, told, harvest.directory, because, findings)
