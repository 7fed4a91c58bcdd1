"""The objects that one read has collected so far, as the vendor sent them, and their references. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from connectors.closure import Kept, Node
from connectors.providers.xmatters import wire
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.mapping_shifts import shift_name
from connectors.providers.xmatters.rosters import Rosters
from connectors.reading.findings import Elements
from connectors.records import EntityKey


@dataclass(slots=True)
class GroupShifts:
    """The shifts of a group, by id. unreadable: only their id and name could be read. without_id: number of others."""

    read: dict[str, wire.Shift] = field(default_factory=dict)
    unreadable: dict[str, wire.Shift] = field(default_factory=dict)
    without_id: int = 0

    @property
    def all(self) -> tuple[wire.Shift, ...]:
        return (*self.read.values(), *self.unreadable.values())


@dataclass(slots=True)
class Absences:
    """read: each with its place in the list. unread: number of others, by the absent person, None = unknown."""

    read: list[tuple[int, wire.Absence]] = field(default_factory=list)
    unread: Counter[str | None] = field(default_factory=Counter)

    def of(self, person_id: str) -> Elements[wire.Absence]:
        """Returns the absences of a person."""
        mine = [(place, absence) for place, absence in self.read if absence.member.id == person_id]
        unread = self.unread[person_id] + self.unread[None]
        return Elements((absence for _, absence in mine), unread, (place for place, _ in mine))


@dataclass(slots=True)
class Harvest:
    """shifts: by group id; None means not reported, a missing id was not requested. devices: by the owner's id, with
    the same meaning. absences: None means not reported. groups_as_services: the on-call groups that are offered as
    services, because there are none.
    """

    directory: Directory
    rosters: Rosters
    shifts: dict[str, GroupShifts | None] = field(default_factory=dict)
    devices: dict[str, Elements[wire.Device] | None] = field(default_factory=dict)
    services: Mapping[str, wire.Service] = field(default_factory=dict)
    absences: Absences | None = None
    groups_as_services: Mapping[str, wire.Group] = field(default_factory=dict)

    def on_call_groups(self) -> dict[str, wire.Group]:
        return {id_: group for id_, group in self.directory.groups.items() if group.group_type == "ON_CALL"}

    def nodes(self) -> list[Node]:
        """Returns a node for each object and each absent person, with the references that are known so far."""
        nodes = [self._group(group) for group in self.directory.groups.values()]
        for group in self.on_call_groups().values():
            nodes += self._shift_nodes(group)
        nodes += [self._service(service) for service in self.services.values()]
        for group in self.groups_as_services.values():
            nodes.append(Node("service", group.id, group.label, _paging(group.id), (group.id,)))
        nodes += [
            Node("responder", absence.member.id, absence.member.label, (("responder", absence.substitute.id),))
            for absence in self._absences()
            if absence.substitute is not None
        ]
        return nodes

    def references(self, kept: Kept) -> dict[str, list[wire.Recipient]]:
        """Returns all references from the kept objects to people, by the person's id.

        Shifts that are not kept must have been removed before.
        """
        found: dict[str, list[wire.Recipient]] = {}
        for person in self._people_of(kept):
            found.setdefault(person.id, []).append(person)
        return found

    def has_unknown_owner(self) -> bool:
        """Returns whether a seat or a roster contains a device whose owner is unknown so far."""
        recipients = [recipient for shift in self._all_shifts() for recipient in _holders(shift)]
        recipients += [member for members in self.rosters.members.values() for member in members or ()]
        return any(self.directory.kind(r) == "DEVICE" and self.directory.owner(r) is None for r in recipients)

    # --- references -----------------------------------------------------------------------------------------------

    def _group(self, group: wire.Group) -> Node:
        people: list[EntityKey] = [("responder", person.id) for person, _ in self.rosters.people(group.id)]
        linked: list[EntityKey] = [("user_group", id_) for id_ in self.rosters.groups(group.id)]
        return Node("user_group", group.id, group.label, (*people, *linked))

    def _shift_nodes(self, group: wire.Group) -> Iterator[Node]:
        group_shifts = self.shifts.get(group.id)
        shifts = group_shifts.all if group_shifts else ()
        timelines: list[EntityKey] = [("escalation_policy", shift.id) for shift in shifts]
        owner: EntityKey = ("user_group", group.id)
        yield Node("escalation_policy", group.id, group.label, (*timelines, owner), (group.id,))
        for shift in shifts:
            name = shift_name(shift, group)
            yield Node("escalation_policy", shift.id, name, (("schedule", shift.id), owner), (group.id,))
            yield Node("schedule", shift.id, name, (*self._seats(shift), owner), (group.id,))

    def _seats(self, shift: wire.Shift) -> Iterable[EntityKey]:
        keys = (self.directory.key(recipient) for recipient in _holders(shift))
        return dict.fromkeys(key for key in keys if key is not None)

    def _service(self, service: wire.Service) -> Node:
        owner = None if service.owned_by is None else service.owned_by.id
        if owner is None:
            return Node("service", service.id, service.label)
        paged = _paging(owner) if owner in self.on_call_groups() else (("user_group", owner),)
        return Node("service", service.id, service.label, paged, (owner,))

    def _absences(self) -> list[wire.Absence]:
        return [] if self.absences is None else [absence for _, absence in self.absences.read]

    def _all_shifts(self) -> Iterator[wire.Shift]:
        for group_shifts in self.shifts.values():
            yield from group_shifts.read.values() if group_shifts else ()

    def _people_of(self, kept: Kept) -> Iterator[wire.Recipient]:
        for kind, id_ in kept:
            if kind == "user_group":
                yield from (person for person, _ in self.rosters.people(id_))
        for shift in self._all_shifts():
            found = (self.directory.person(recipient) for recipient in _holders(shift))
            yield from (person for person in found if person is not None)
        for absence in self._absences():
            if ("responder", absence.member.id) in kept:
                yield absence.member
                if absence.substitute is not None:
                    yield absence.substitute


def _holders(shift: wire.Shift) -> Iterator[wire.Recipient]:
    """Yields the recipients in the seats of a shift, without those that have no id."""
    for member in shift.members or ():
        if member.recipient is not None:
            yield member.recipient


def _paging(group_id: str) -> tuple[EntityKey, ...]:
    """Returns the keys of the objects that are used when a group is paged: its policy and the group."""
    return ("escalation_policy", group_id), ("user_group", group_id)
