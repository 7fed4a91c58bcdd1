"""The objects that one read has fetched so far, as the vendor sent them, and the references between them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from connectors.closure import Kept, Node
from connectors.providers.atlassian import wire
from connectors.providers.atlassian.mapping_policies import default_rule, routed_to
from connectors.reading.findings import Elements
from connectors.reading.texts import name_of
from connectors.records import EntityKey, EntityType

#: The vendor's type of a reference -> our entity type. A user is a responder even if no list contains them.
_KINDS: Mapping[str, EntityType] = {
    "user": "responder",
    "schedule": "schedule",
    "escalation": "escalation_policy",
    "team": "user_group",
}


@dataclass(frozen=True, slots=True)
class Forwarding:
    """The forwarding rules, by the id of the person whom they are from. unowned: how many could not be read and do not
    say whom they are from."""

    rules: Mapping[str, Elements[wire.ForwardingRule]] = field(default_factory=dict)
    unowned: int = 0


@dataclass(slots=True)
class Harvest:
    """Every object but people, each kind by id.

    members: by team id. routing: rules by team id. overrides: by schedule id. In these three a missing id was not
    requested and None means that the collection was not reported.
    rules: of escalations, by the escalation's id. rotations: by schedule id; from the list, or fetched one by one
    where the list shows none. Both have only what was readable.
    forwarding: None if the rules were not reported.
    """

    teams: dict[str, wire.MainObject] = field(default_factory=dict)
    members: dict[str, Elements[wire.Member] | None] = field(default_factory=dict)
    routing: dict[str, Elements[wire.RoutingRule] | None] = field(default_factory=dict)
    escalations: dict[str, wire.Escalation] = field(default_factory=dict)
    rules: dict[str, Elements[wire.EscalationRule]] = field(default_factory=dict)
    services: dict[str, wire.Service] = field(default_factory=dict)
    schedules: dict[str, wire.Schedule] = field(default_factory=dict)
    rotations: dict[str, Elements[wire.Rotation]] = field(default_factory=dict)
    overrides: dict[str, Elements[wire.Override] | None] = field(default_factory=dict)
    forwarding: Forwarding | None = None

    def nodes(self) -> list[Node]:
        """Return a node for every object, with the references that are known so far.

        People have a node only if they forward. A team whose routing is known has a second node as a policy, so that an
        object that pages the team includes its routing.
        """
        routes = self.routes()
        nodes = [
            self._node("user_group", t, None, (_person_key(member.user) for member in self.members.get(t.id) or ()))
            for t in self.teams.values()
        ]
        nodes += [
            self._node(
                "escalation_policy",
                e,
                e.team_id,
                _reference_keys(self._references_of("escalation_policy", e.id), routes),
            )
            for e in self.escalations.values()
        ]
        nodes += [_routing_node(self.teams[id_], rule) for id_, rule in routes.items() if id_ in self.teams]
        nodes += [self._node("service", s, s.team_id, _service_references(s, routes)) for s in self.services.values()]
        nodes += [
            self._node("schedule", s, s.team_id, _reference_keys(self._schedule_references(s), routes))
            for s in self.schedules.values()
        ]
        nodes += [
            Node("responder", rule.from_user.id, _person_label(rule.from_user), (("responder", rule.to_user.id),))
            for rules in (self.forwarding.rules if self.forwarding else {}).values()
            for rule in rules
        ]
        return nodes

    def objects(self, kind: EntityType) -> Mapping[str, wire.MainObject]:
        """Return the objects of one kind by id."""
        objects: dict[EntityType, Mapping[str, wire.MainObject]] = {
            "user_group": self.teams,
            "schedule": self.schedules,
            "escalation_policy": self.escalations,
            "service": self.services,
        }
        return objects[kind]

    def paged_teams(self, kept: Kept) -> set[str]:
        """Return the ids of the teams whose routing a kept object leads to."""
        references = [reference for kind, id_ in kept for reference in self._references_of(kind, id_)]
        found = {reference.id for reference in references if reference.type == "team"}
        found |= {self.services[id_].team_id for kind, id_ in kept if kind == "service" and id_ in self.services}
        return {id_ for id_ in found if id_ is not None}

    def routes(self) -> dict[str, wire.RoutingRule]:
        """Return the default routing rule by team id, for the teams whose rules were reported."""
        found = ((id_, default_rule(rules or ())) for id_, rules in self.routing.items())
        return {id_: rule for id_, rule in found if rule is not None}

    def references(self, kept: Kept) -> dict[str, list[wire.UserMeta]]:
        """Return every reference from a kept object to a person, by the person's id."""
        found: dict[str, list[wire.UserMeta]] = {}
        for kind, id_ in kept:
            for user in self._people_of(kind, id_):
                found.setdefault(user.id, []).append(user)
        return found

    # --- references between objects --------------------------------------------------------------------------------

    def _node(
        self, kind: EntityType, sent: wire.MainObject, owner: str | None, references: Iterable[EntityKey]
    ) -> Node:
        owners = () if owner is None else (owner,)
        groups: list[EntityKey] = [("user_group", id_) for id_ in owners]
        return Node(kind, sent.id, sent.label, tuple(dict.fromkeys((*references, *groups))), owners)

    def _schedule_references(self, schedule: wire.Schedule) -> Iterator[wire.Reference]:
        for rotation in self.rotations.get(schedule.id, ()):
            yield from rotation.participants
        for override in self.overrides.get(schedule.id) or ():
            yield override.by

    def _people_of(self, kind: EntityType, id_: str) -> Iterator[wire.UserMeta]:
        """Yield the people an object refers to, once per reference. A forwarding rule refers to two people."""
        if kind == "user_group":
            yield from (member.user for member in self.members.get(id_) or ())
        elif kind == "responder":
            forwarded = self.forwarding.rules.get(id_, ()) if self.forwarding else ()
            yield from (user for rule in forwarded for user in (rule.from_user, rule.to_user))
        for reference in self._references_of(kind, id_):
            if reference.type == "user" and reference.id is not None:
                yield wire.UserMeta(id=reference.id, username=reference.username)

    def _references_of(self, kind: EntityType, id_: str) -> Iterable[wire.Reference]:
        """Return the references of a policy or a schedule. Other kinds have none here."""
        if kind == "escalation_policy":
            return [rule.recipient for rule in self.rules.get(id_, ())]
        return self._schedule_references(self.schedules[id_]) if kind == "schedule" and id_ in self.schedules else ()


def _reference_keys(
    references: Iterable[wire.Reference], routes: Mapping[str, wire.RoutingRule]
) -> Iterator[EntityKey]:
    for reference in references:
        kind = _KINDS.get(reference.type)
        if kind is not None and reference.id is not None:
            yield (kind, reference.id)
            if kind == "user_group" and reference.id in routes:
                yield ("escalation_policy", reference.id)


def _routing_node(team: wire.MainObject, rule: wire.RoutingRule) -> Node:
    target = routed_to(rule)
    references = () if target is None else (target,)
    return Node("escalation_policy", team.id, f"{team.label}: routing", references, (team.id,))


def _service_references(service: wire.Service, routes: Mapping[str, wire.RoutingRule]) -> list[EntityKey]:
    return [("escalation_policy", service.team_id)] if service.team_id is not None and service.team_id in routes else []


def _person_key(user: wire.UserMeta) -> EntityKey:
    return ("responder", user.id)


def _person_label(user: wire.UserMeta) -> str:
    return name_of(user.id, user.username)
