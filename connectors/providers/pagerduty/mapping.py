"""Maps the objects of one read to the records of a snapshot. Pure: the current time is an argument."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final

from connectors.closure import Kept
from connectors.providers.pagerduty import mapping_layers, mapping_people, mapping_policies, mapping_shifts
from connectors.providers.pagerduty.harvest import Harvest
from connectors.reading.findings import Findings
from connectors.reading.mapping import Records, finish, kept_of
from connectors.records import ENTITY_TYPES, EntityKey, EntityType, SourceSchedule, SourceUser

#: A kind's number is raised when its mapping returns a different record for the same answer.
MAPPING_VERSION: Final[Mapping[EntityType, int]] = dict.fromkeys(ENTITY_TYPES, 2) | {"schedule": 3}


def records(
    harvest: Harvest, kept: Kept, people: Iterable[str], window: tuple[int, int], at: int, findings: Findings
) -> Records:
    """Returns the records of the kept objects and of the people. An object that cannot be mapped is reported in
    ``findings`` and is missing in the result.

    people: ids. window: the instants between which overrides were read. at: instant of the read.
    """
    schedules = _schedules(harvest, kept, window, at, findings)
    policies = [
        mapping_policies.policy(policy, because, findings)
        for policy, because in kept_of(kept, "escalation_policy", harvest.policies)
    ]
    services = tuple(
        mapping_policies.service(service, because, findings)
        for service, because in kept_of(kept, "service", harvest.services)
    )
    read: set[EntityKey] = {("schedule", schedule.external_id) for schedule in schedules}
    return Records(
        users=_people(harvest, kept, people, findings),
        teams=tuple(
            mapping_people.team(team, harvest.members.get(team.id), because)
            for team, because in kept_of(kept, "user_group", harvest.teams)
        ),
        schedules=schedules,
        policies=finish(policies, services, read, findings, path="escalation_policy"),
        services=services,
    )


def _schedules(
    harvest: Harvest, kept: Kept, window: tuple[int, int], at: int, findings: Findings
) -> tuple[SourceSchedule, ...]:
    made: dict[str, Callable[[], SourceSchedule]] = {}
    for layered, because in kept_of(kept, "schedule", harvest.layered):
        made[layered.schedule.id] = partial(mapping_layers.schedule, layered, window, at, because, findings)
    for shift, because in kept_of(kept, "schedule", harvest.shifts):
        made[shift.schedule.id] = partial(mapping_shifts.schedule, shift, window, at, because, findings)
    mapped = (findings.mapped("schedule", id_, make) for id_, make in made.items())
    return tuple(schedule for schedule in mapped if schedule is not None)


def _people(harvest: Harvest, kept: Kept, ids: Iterable[str], findings: Findings) -> tuple[SourceUser, ...]:
    """A person who was not read is mapped from the references to them."""
    references = harvest.references(kept)
    made = []
    for id_ in ids:
        because = kept.get(("responder", id_), ())
        user = harvest.users.get(id_)
        if user is None:
            made.append(mapping_people.referenced_user(references[id_], because, findings))
        else:
            methods, rules = harvest.contacts.get(id_, (None, None))
            mapping_people.compare(user, references.get(id_, ()), findings)
            made.append(mapping_people.user(user, methods, rules, because, findings))
    return tuple(made)
