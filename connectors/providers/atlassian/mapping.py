"""Everything one read brought -> a snapshot's records. Pure; the clock comes in as an argument."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from connectors.closure import Kept
from connectors.providers.atlassian import mapping_people, mapping_policies, mapping_rotations
from connectors.providers.atlassian.harvest import Harvest
from connectors.reading.findings import Findings
from connectors.reading.mapping import Records, finish, kept_of
from connectors.records import ENTITY_TYPES, EntityKey, EntityType, SourcePolicy, SourceSchedule, SourceUser
from oncall.rendering.spec import Substitution

#: Raised whenever the mapping of a kind gives another record for an equal answer.
MAPPING_VERSION: Final[Mapping[EntityType, int]] = dict.fromkeys(ENTITY_TYPES, 1)

#: The record of one person that was read, from the id, the stand-ins told and what brought the person along; None for
#: somebody who was not read. What a person is called and how one is reached is each vendor's own.
Person = Callable[[str, tuple[Substitution, ...] | None, tuple[str, ...]], SourceUser | None]


def records(
    harvest: Harvest, kept: Kept, people: Iterable[str], person: Person, at: int, findings: Findings
) -> Records:
    """What is ``kept``, and the ``people`` (ids). at: instant of the read. One object that cannot be mapped is named
    in ``findings`` and missing here."""
    schedules = _schedules(harvest, kept, at, findings)
    teams = tuple(
        mapping_people.team(team, harvest.members.get(team.id), because)
        for team, because in kept_of(kept, "user_group", harvest.teams)
    )
    policies = [*_escalations(harvest, kept, findings), *_entries(harvest, kept, findings)]
    routes = harvest.routes()
    services = tuple(
        mapping_policies.service(service, routes, because, findings)
        for service, because in kept_of(kept, "service", harvest.services)
    )
    read: set[EntityKey] = {("schedule", one.external_id) for one in schedules}
    read |= {("user_group", one.external_id) for one in teams}
    read |= {("escalation_policy", one.external_id) for one in policies}
    return Records(
        users=_people(harvest, kept, people, person, findings),
        teams=teams,
        schedules=schedules,
        policies=finish(policies, services, read, findings, path="teamId"),
        services=services,
    )


def _schedules(harvest: Harvest, kept: Kept, at: int, findings: Findings) -> tuple[SourceSchedule, ...]:
    made = []
    for schedule, because in kept_of(kept, "schedule", harvest.schedules):
        overrides = harvest.overrides.get(schedule.id)
        make = partial(mapping_rotations.schedule, schedule, overrides, at, because, findings)
        made.append(findings.mapped("schedule", schedule.id, make))
    return tuple(schedule for schedule in made if schedule is not None)


def _escalations(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourcePolicy]:
    for escalation, because in kept_of(kept, "escalation_policy", harvest.escalations):
        make = partial(mapping_policies.policy, escalation, because, findings)
        made = findings.mapped("escalation_policy", escalation.id, make)
        if made is not None:
            yield made


def _entries(harvest: Harvest, kept: Kept, findings: Findings) -> Iterator[SourcePolicy]:
    """The routing of every team that was read; a team that only comes along brings it when something pages it."""
    names = {node.key: node.name for node in harvest.nodes()}
    for team, _ in kept_of(kept, "user_group", harvest.teams):
        rules = harvest.routing.get(team.id)
        made = None if rules is None else mapping_policies.entry(team, rules, findings, names)
        if made is not None and ("escalation_policy", team.id) in kept:
            yield replace(made, because=kept["escalation_policy", team.id])


def _people(
    harvest: Harvest, kept: Kept, ids: Iterable[str], person: Person, findings: Findings
) -> tuple[SourceUser, ...]:
    """Whoever was not read is known from what points to them."""
    references = harvest.references(kept)
    forwarded = None if harvest.forwarding is None else mapping_people.substitutions(harvest.forwarding, findings)
    made = []
    for id_ in ids:
        because = kept.get(("responder", id_), ())
        substitutions = None if forwarded is None else forwarded.get(id_, ())
        read = person(id_, substitutions, because)
        # Being only referred to is no reason to lose the stand-in that was told.
        made.append(read or mapping_people.referenced_user(references[id_], substitutions or None, because, findings))
    return tuple(made)
