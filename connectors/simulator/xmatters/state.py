"""One instance in memory: its objects, sorted lists and relations, behind one lock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.simulator.account import Account, objects_of_kind, sorted_by_name
from connectors.simulator.xmatters.model import Absence, Device, Group, Person, Recipient, Service, Shift, Site

CANARY = "canary-never-store-this"
"""Part of every value that a reader must not store: pins, push tokens, properties of the type PASSWORD."""


@dataclass
class Habits:
    """Variants of the instance's answers.

    ``drifting_totals``: totals grow from page to page. ``untyped_groups``: groups have no groupType, as before 2021.
    ``nested_limit``: the most items of a nested list. ``sites_refused``: nobody has the right to see sites any more.
    """

    drifting_totals: bool = False
    untyped_groups: bool = False
    nested_limit: int = 100
    sites_refused: bool = False


@dataclass
class State(Account):
    """``dynamic_teams`` are names of a retired kind of team that groups still mention.

    ``services_refused`` is the HTTP status that a plan without services answers with.
    """

    name: str
    seed: int
    people: dict[str, Person] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    shifts: dict[str, Shift] = field(default_factory=dict)
    absences: dict[str, Absence] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    dependencies: list[tuple[str, str]] = field(default_factory=list)
    dynamic_teams: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    services_refused: int | None = None
    habits: Habits = field(default_factory=Habits)

    # Lists.

    def sorted_people(self) -> Sequence[Person]:
        return sorted(self.people.values(), key=lambda one: (one.first_name, one.last_name, one.id))

    def sorted_devices(self) -> Sequence[Device]:
        return sorted(self.devices.values(), key=lambda one: (self.people[one.owner_id].target_name, one.name, one.id))

    def sorted_groups(self) -> Sequence[Group]:
        return sorted_by_name(self.groups.values())

    def sorted_services(self) -> Sequence[Service]:
        return sorted_by_name(self.services.values())

    def devices_of(self, person_id: str) -> Sequence[Device]:
        own = (device for device in self.devices.values() if device.owner_id == person_id)
        return sorted(own, key=lambda one: (one.name, one.id))

    def shifts_of(self, group_id: str) -> Sequence[Shift]:
        return [shift for shift in self.shifts.values() if shift.group_id == group_id]

    def absences_of(self, person_id: str, group_id: str) -> Sequence[Absence]:
        """Return the absences of a person that apply to a group, by start."""
        found = [
            one for one in self.absences.values() if one.person_id == person_id and one.group_id in (None, group_id)
        ]
        return sorted(found, key=lambda one: (one.start, one.id))

    # Relations.

    def roster(self, group: Group) -> Sequence[Recipient]:
        """Return the members of a group and the recipients of its seats, each once."""
        seated = [seat.recipient for shift in self.shifts_of(group.id) for seat in shift.seats]
        return list(dict.fromkeys([*group.members, *seated]))

    def holidays(self, group_id: str) -> frozenset[int]:
        """Return the holidays of the group's site as days since 1970."""
        site = self.sites.get(self.groups[group_id].site_id or "")
        return site.holidays if site else frozenset()

    def name_of(self, recipient: Recipient) -> str:
        """Return the targetName. Raises KeyError when the recipient does not exist."""
        kind, key = recipient
        if kind == "PERSON":
            return self.people[key].target_name
        if kind == "GROUP":
            return self.groups[key].name
        if kind == "DEVICE":
            device = self.devices[key]
            return f"{self.people[device.owner_id].target_name}|{device.name}"
        return self.services[key].name if kind == "SERVICE" else self.dynamic_teams[key]

    def is_reachable(self, recipient: Recipient) -> bool:
        """Return whether a recipient can be notified.

        Inactive people, devices and groups cannot, nor devices of inactive people, nor people of an inactive site.
        """
        kind, key = recipient
        if kind == "DEVICE":
            device = self.devices[key]
            return device.status == "ACTIVE" and self.is_reachable(("PERSON", device.owner_id))
        if kind == "PERSON":
            person = self.people[key]
            site = self.sites.get(person.site_id or "")
            return person.status == "ACTIVE" and (site is None or site.status == "ACTIVE")
        return kind != "GROUP" or self.groups[key].status == "ACTIVE"

    def objects(self, kind: str) -> dict[str, Any]:
        """Return objects by id. kind: person | device | group | shift | absence | site | service, else LookupError."""
        objects_by_kind: dict[str, dict[str, Any]] = {
            "person": self.people,
            "device": self.devices,
            "group": self.groups,
            "shift": self.shifts,
            "absence": self.absences,
            "site": self.sites,
            "service": self.services,
        }
        return objects_of_kind(objects_by_kind, kind)

    def counts(self) -> dict[str, int]:
        kinds = ("people", "devices", "groups", "shifts", "absences", "sites", "services")
        return {kind: len(getattr(self, kind)) for kind in kinds}
