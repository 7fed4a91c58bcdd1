"""Maps everything that one read fetched to the records of a snapshot. Pure; the current time is an argument."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from connectors.closure import Kept
from connectors.providers.atlassian import mapping_people, mapping_policies, mapping_rotations
from connectors.providers.atlassian.harvest import Harvest
from connectors.reading.findings import Elements, Findings
from connectors.reading.mapping import Records, finish, kept_of
from connectors.records import ENTITY_TYPES, EntityKey, EntityType, SourcePolicy, SourceSchedule, SourceUser
from oncall.rendering.spec import Substitution

#: Increase the number of a kind when its mapping gives another record for the same answer.
MAPPING_VERSION: Final[Mapping[EntityType, int]] = dict.fromkeys(ENTITY_TYPES, 2)

#: Maps one person. Arguments: id, substitutions (None = not reported), why the person is included.
#: Returns None for a person who was not fetched. Each provider has its own, as names and contacts differ.
Person = Callable[[str, Elements[Substitution] | None, tuple[str, ...]], SourceUser | None]


def records(
    harvest: Harvest, kept: Kept, people: Iterable[str], person: Person, at: int, findings: Findings
) -> Records:
    """Return the records of the ``kept`` objects and of the ``people`` (ids).

    at: the instant of the read. What cannot be mapped of an object is reported in ``findings`` and missing in it.
    """
    schedules = _schedules(harvest, kept, at, findings)
    teams = tuple(
        mapping_people.team(team, harvest.members.get(team.id), because)
        for team, because in kept_of(kept, "user_group", harvest.teams)
    )
    policies = [*_escalations(harvest, kept, findings), *_routing_policies(harvest, kept, findings)]
    routes = harvest.routes()
    services = tuple(
        mapping_policies.service(service, routes, because, findings)
        for service, because in kept_of(kept, "service", harvest.services)
    )
    read: set[EntityKey] = {("schedule", one.external_id) for one in schedules}
    read |= {("user_group", one.external_id) for one in teams}
    read |= {("escalation_policy", one.external_id) for one in policies}
    return Records(
        users=_people(harvest, kept, people, person, at, findings),
        teams=teams,
        schedules=schedules,
        policies=finish(policies, services, read, findings, path="teamId"),
        services=services,
    )


def _schedules(harvest: Harvest, kept: Kept, at: int, findings: Findings) -> tuple[SourceSchedule, ...]:
    return tuple(
        mapping_rotations.schedule(
            schedule, harvest.rotations[schedule.id], harvest.overrides.get(schedule.id), at, because, findings
        )
        for schedule, because in kept_of(kept, "schedule", harvest.schedules)
    )


def _escalations(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourcePolicy]:
    for escalation, because in kept_of(kept, "escalation_policy", harvest.escalations):
        yield mapping_policies.policy(escalation, harvest.rules[escalation.id], because, findings)


def _routing_policies(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourcePolicy]:
    """Yield the routing of the fetched teams as policies. A team that nothing chosen pages has no such policy."""
    names = {node.key: node.name for node in harvest.nodes()}
    for team, _ in kept_of(kept, "user_group", harvest.teams):
        rules = harvest.routing.get(team.id)
        made = None if rules is None else mapping_policies.routing_policy(team, rules, findings, names)
        if made is not None and ("escalation_policy", team.id) in kept:
            yield replace(made, because=kept["escalation_policy", team.id])


def _people(
    harvest: Harvest, kept: Kept, ids: Iterable[str], person: Person, at: int, findings: Findings
) -> tuple[SourceUser, ...]:
    """Map people. The record of a person who was not fetched is made from the references to them."""
    references = harvest.references(kept)
    made = []
    for id_ in ids:
        because = kept.get(("responder", id_), ())
        substitutions = None
        if harvest.forwarding is not None:
            substitutions = mapping_people.substitutions(id_, harvest.forwarding, at, findings)
        read = person(id_, substitutions, because)
        # A person who is only referred to keeps the substitutions that were reported.
        made.append(read or mapping_people.referenced_user(references[id_], substitutions or None, because, findings))
    return tuple(made)
