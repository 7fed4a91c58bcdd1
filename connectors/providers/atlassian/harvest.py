"""What one read has brought so far, as the vendor sent it, and who points to whom in it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from connectors.closure import Kept, Node
from connectors.providers.atlassian import wire
from connectors.providers.atlassian.mapping_policies import default_rule, routed_to
from connectors.records import EntityKey, EntityType

#: What a pointer's type is called here. A user is a person even when nobody lists them.
_KINDS: Mapping[str, EntityType] = {
    "user": "responder",
    "schedule": "schedule",
    "escalation": "escalation_policy",
    "team": "user_group",
}


@dataclass(slots=True)
class Harvest:
    """By id each, without the people; a missing id was not asked for. members, routing, overrides: None = not told.
    schedules: as listed, or read one by one where the list showed no rotations. forwarding None: not told."""

    teams: dict[str, wire.Named] = field(default_factory=dict)
    members: dict[str, tuple[wire.Member, ...] | None] = field(default_factory=dict)
    routing: dict[str, tuple[wire.RoutingRule, ...] | None] = field(default_factory=dict)
    escalations: dict[str, wire.Escalation] = field(default_factory=dict)
    services: dict[str, wire.Service] = field(default_factory=dict)
    schedules: dict[str, wire.Schedule] = field(default_factory=dict)
    overrides: dict[str, tuple[wire.Override, ...] | None] = field(default_factory=dict)
    forwarding: tuple[wire.ForwardingRule, ...] | None = None

    def nodes(self) -> list[Node]:
        """Everything, of the people only those who forward, and what it refers to as far as that is known by now.

        A team whose routing is known is also a policy: whatever pages the team brings that along.
        """
        routes = self.routes()
        nodes = [
            self._node("user_group", t, None, (_user(member.user) for member in self.members.get(t.id) or ()))
            for t in self.teams.values()
        ]
        nodes += [
            self._node("escalation_policy", e, e.team_id, _followed((rule.recipient for rule in e.rules or ()), routes))
            for e in self.escalations.values()
        ]
        nodes += [_entry(self.teams[id_], rule) for id_, rule in routes.items() if id_ in self.teams]
        nodes += [self._node("service", s, s.team_id, _route(s, routes)) for s in self.services.values()]
        nodes += [
            self._node("schedule", s, s.team_id, _followed(self._pointers(s), routes)) for s in self.schedules.values()
        ]
        nodes += [
            Node("responder", rule.from_user.id, _label(rule.from_user), (("responder", rule.to_user.id),))
            for rule in self.forwarding or ()
        ]
        return nodes

    def shelf(self, kind: EntityType) -> Mapping[str, wire.Named]:
        """What there is of one kind, by id."""
        shelves: dict[EntityType, Mapping[str, wire.Named]] = {
            "user_group": self.teams,
            "schedule": self.schedules,
            "escalation_policy": self.escalations,
            "service": self.services,
        }
        return shelves[kind]

    def paged_teams(self, kept: Kept) -> set[str]:
        """Teams whose routing something kept leads to."""
        pointers = [pointer for kind, id_ in kept for pointer in self._pointers_of(kind, id_)]
        found = {pointer.id for pointer in pointers if pointer.type == "team"}
        found |= {self.services[id_].team_id for kind, id_ in kept if kind == "service" and id_ in self.services}
        return {id_ for id_ in found if id_ is not None}

    def routes(self) -> dict[str, wire.RoutingRule]:
        """The default routing rule by team, as far as told."""
        found = ((id_, default_rule(rules or ())) for id_, rules in self.routing.items())
        return {id_: rule for id_, rule in found if rule is not None}

    def references(self, kept: Kept) -> dict[str, list[wire.UserMeta]]:
        """Every reference to a person in what is kept, by the person's id."""
        found: dict[str, list[wire.UserMeta]] = {}
        for kind, id_ in kept:
            for user in self._people_of(kind, id_):
                found.setdefault(user.id, []).append(user)
        return found

    # --- who points to whom ---------------------------------------------------------------------------------------

    def _node(self, kind: EntityType, named: wire.Named, owner: str | None, references: Iterable[EntityKey]) -> Node:
        owners = () if owner is None else (owner,)
        groups: list[EntityKey] = [("user_group", id_) for id_ in owners]
        return Node(kind, named.id, named.label, tuple(dict.fromkeys((*references, *groups))), owners)

    def _pointers(self, schedule: wire.Schedule) -> Iterator[wire.Reference]:
        for rotation in schedule.rotations or ():
            yield from rotation.participants
        for override in self.overrides.get(schedule.id) or ():
            yield override.by

    def _people_of(self, kind: EntityType, id_: str) -> Iterator[wire.UserMeta]:
        """Everyone an object points to, once per pointer. Services point to nobody; whoever forwards, to two."""
        if kind == "user_group":
            yield from (member.user for member in self.members.get(id_) or ())
        elif kind == "responder":
            forwarded = [rule for rule in self.forwarding or () if rule.from_user.id == id_]
            yield from (user for rule in forwarded for user in (rule.from_user, rule.to_user))
        for pointer in self._pointers_of(kind, id_):
            if pointer.type == "user" and pointer.id is not None:
                yield wire.UserMeta(id=pointer.id, username=pointer.username)

    def _pointers_of(self, kind: EntityType, id_: str) -> Iterable[wire.Reference]:
        """Of a policy or schedule; empty for everything else."""
        if kind == "escalation_policy" and id_ in self.escalations:
            return [rule.recipient for rule in self.escalations[id_].rules or ()]
        return self._pointers(self.schedules[id_]) if kind == "schedule" and id_ in self.schedules else ()


def _followed(pointers: Iterable[wire.Reference], routes: Mapping[str, wire.RoutingRule]) -> Iterator[EntityKey]:
    for pointer in pointers:
        kind = _KINDS.get(pointer.type)
        if kind is not None and pointer.id is not None:
            yield (kind, pointer.id)
            if kind == "user_group" and pointer.id in routes:
                yield ("escalation_policy", pointer.id)


def _entry(team: wire.Named, rule: wire.RoutingRule) -> Node:
    followed = routed_to(rule)
    references = () if followed is None else (followed,)
    return Node("escalation_policy", team.id, f"{team.label}: routing", references, (team.id,))


def _route(service: wire.Service, routes: Mapping[str, wire.RoutingRule]) -> list[EntityKey]:
    return [("escalation_policy", service.team_id)] if service.team_id is not None and service.team_id in routes else []


def _user(user: wire.UserMeta) -> EntityKey:
    return ("responder", user.id)


def _label(user: wire.UserMeta) -> str:
    return user.username or user.id
