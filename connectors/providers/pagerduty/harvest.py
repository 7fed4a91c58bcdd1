"""The objects that one read has collected so far, as the vendor sent them, and their references. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from connectors.closure import Kept, Node
from connectors.providers.pagerduty import wire, wire_shifts
from connectors.reading.findings import Elements
from connectors.records import EntityKey, EntityType

Contacts = tuple[Elements[wire.ContactMethod] | None, Elements[wire.NotificationRule] | None]


@dataclass(frozen=True, slots=True)
class LayerDetail:
    """A layer schedule. layers: those that could be read. overrides: None means not reported."""

    schedule: wire.Schedule
    layers: Elements[wire.Layer]
    overrides: Elements[wire.Override] | None


@dataclass(frozen=True, slots=True)
class RotationDetail:
    """A rotation of a shift-based schedule. path: its JSON path. events: those that could be read."""

    id: str
    path: str
    events: Elements[wire_shifts.Event]


@dataclass(frozen=True, slots=True)
class ShiftDetail:
    """A shift-based schedule. rotations: those that could be read. shifts, overrides: None means not reported."""

    schedule: wire_shifts.ShiftSchedule
    rotations: Elements[RotationDetail]
    shifts: Elements[wire_shifts.CustomShift] | None
    overrides: Elements[wire_shifts.OverrideShift] | None

    def person_ids(self) -> list[str]:
        """Returns the ids of the people in events, custom shifts and overrides, in order, each once."""
        members = [m for r in self.rotations for e in r.events for m in e.assignment_strategy.members]
        members += [assignment.member for shift in self.shifts or () for assignment in shift.assignments]
        members += [m for o in self.overrides or () for m in (o.overridden_member, o.overriding_member)]
        return list(dict.fromkeys(id_ for member in members if (id_ := member.person_id) is not None))


@dataclass(slots=True)
class Harvest:
    """Every field is a dict by id.

    contacts, members: a missing id was not requested, None means not reported. schedules, shift_schedules: the objects
    of the lists. layered, shifts: the schedules that were read with their details.
    """

    users: dict[str, wire.User] = field(default_factory=dict)
    contacts: dict[str, Contacts] = field(default_factory=dict)
    teams: dict[str, wire.Team] = field(default_factory=dict)
    members: dict[str, Elements[wire.Member] | None] = field(default_factory=dict)
    policies: dict[str, wire.EscalationPolicy] = field(default_factory=dict)
    services: dict[str, wire.Service] = field(default_factory=dict)
    schedules: dict[str, wire.ListedSchedule] = field(default_factory=dict)
    shift_schedules: dict[str, wire.Named] = field(default_factory=dict)
    layered: dict[str, LayerDetail] = field(default_factory=dict)
    shifts: dict[str, ShiftDetail] = field(default_factory=dict)

    def nodes(self) -> list[Node]:
        """Returns a node for each object except people, with the references that are known so far."""
        nodes = [self._node("user_group", team, (), ()) for team in self.teams.values()]
        nodes += [
            self._node("escalation_policy", policy, policy.teams, _schedule_targets(policy))
            for policy in self.policies.values()
        ]
        nodes += [self._node("service", s, s.teams, _policy_of(s)) for s in self.services.values()]
        for id_ in {**self.schedules, **self.shift_schedules}:
            schedule = self.shifts[id_].schedule if id_ in self.shifts else self.schedules.get(id_)
            if schedule is None:
                nodes.append(self._node("schedule", self.shift_schedules[id_], (), ()))
            else:
                nodes.append(self._node("schedule", schedule, schedule.teams, ()))
        return nodes

    def _node(
        self, kind: EntityType, named: wire.Named, teams: Iterable[wire.Holder], others: Iterable[EntityKey]
    ) -> Node:
        owners = tuple(team.id for team in teams if team.id is not None)
        people: list[EntityKey] = [("responder", person.id) for person in self.people_of(kind, named.id)]
        groups: list[EntityKey] = [("user_group", owner) for owner in owners]
        return Node(kind, named.id, named.label, tuple(dict.fromkeys((*others, *people, *groups))), owners)

    def people_of(self, kind: EntityType, id_: str) -> list[wire.Reference]:
        """Returns all references from an object to people, repeated ones too. A service has none."""
        if kind == "user_group":
            return [member.user for member in self.members.get(id_) or ()]
        if kind == "escalation_policy":
            people = [target.person for target in _targets(self.policies[id_]) if target.kind == "user"]
            return [person for person in people if person is not None]
        return list(self._people_of_schedule(id_)) if kind == "schedule" else []

    def _people_of_schedule(self, id_: str) -> Iterator[wire.Reference]:
        if id_ in self.schedules:
            yield from self.schedules[id_].users
        if id_ in self.layered:
            layered = self.layered[id_]
            yield from layered.schedule.users
            holders = [holder for layer in layered.layers for holder in layer.users]
            holders += [override.user for override in layered.overrides or ()]
            yield from (person for holder in holders if (person := holder.person) is not None)
        if id_ in self.shifts:
            yield from self.shifts[id_].schedule.users
            yield from (wire.Reference(id=person, type="user_reference") for person in self.shifts[id_].person_ids())

    def references(self, kept: Kept) -> dict[str, list[wire.Reference]]:
        """Returns all references from the kept objects to people, by the person's id."""
        found: dict[str, list[wire.Reference]] = {}
        for node in self.nodes():
            for reference in self.people_of(node.entity_type, node.external_id) if node.key in kept else ():
                found.setdefault(reference.id, []).append(reference)
        return found


def _targets(policy: wire.EscalationPolicy) -> list[wire.Holder]:
    return [target for rule in policy.escalation_rules for target in rule.targets]


def _schedule_targets(policy: wire.EscalationPolicy) -> list[EntityKey]:
    targets = [target for target in _targets(policy) if target.kind in ("schedule", "schedule_v3")]
    return [("schedule", target.id) for target in targets if target.id is not None]


def _policy_of(service: wire.Service) -> list[EntityKey]:
    return [("escalation_policy", service.escalation_policy.id)] if service.escalation_policy else []
