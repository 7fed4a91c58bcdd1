"""The changes that users of the vendor make to their instance. Each is one edit under the instance's lock.

Rotations move by themselves. Before an edit of seats or of a rotation, the current order becomes the stored order.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connectors.simulator import account
from connectors.simulator.world import uuid
from connectors.simulator.xmatters.model import Absence, Group, Recipient, Repeat, Rotation, Seat, Shift
from connectors.simulator.xmatters.occurrences import occurrences
from connectors.simulator.xmatters.rotation import begin, settle
from connectors.simulator.xmatters.state import State

_TRIGGERS = {"ROTATION": "time", "COVERAGE_ROTATION": "shift", "EVENT_ROUND_ROBIN": "alert"}
_NAMED = {"device": "name", "group": "name", "shift": "name", "site": "name", "service": "name"}


class Edits(account.Edits):
    verbs = (
        "rename",
        "delete",
        "change_address",
        "activate",
        "add_member",
        "remove_member",
        "add_seat",
        "remove_seat",
        "swap_seats",
        "change_delay",
        "rotate",
        "raise_alert",
        "move_start",
        "exclude",
        "repeat",
        "add_absence",
        "change_plan",
        "change_habits",
    )

    def __init__(self, state: State, now: Callable[[], float]) -> None:
        self._state = state
        self._now = now

    # Any object.

    def rename(self, kind: str, object_id: str, name: str) -> None:
        """``kind`` person (first and last name) | device | group | shift | site | service."""
        with self._state.editing():
            found = self._get(kind, object_id)
            if kind == "person":
                found.first_name, _, found.last_name = name.partition(" ")
            elif kind in _NAMED:
                found.name = name
            else:
                raise ValueError(f"A {kind} has no name.")

    def delete(self, kind: str, object_id: str) -> None:
        """Delete an object and every mention of it in rosters, seats and absences."""
        with self._state.editing():
            self._get(kind, object_id)
            del self._state.objects(kind)[object_id]
            state = self._state
            if kind == "person":
                for device in [one.id for one in state.devices.values() if one.owner_id == object_id]:
                    self._forget(("DEVICE", device))
                    del state.devices[device]
                self._drop_absences(lambda one: object_id in (one.person_id, one.replacement))
                for person in state.people.values():
                    person.supervisors = [key for key in person.supervisors if key != object_id]
                for group in state.groups.values():
                    group.supervisors = [key for key in group.supervisors if key != object_id]
            if kind == "group":
                self._drop_absences(lambda one: one.group_id == object_id)
                for shift in state.shifts_of(object_id):
                    del state.shifts[shift.id]
                for service in state.services.values():
                    service.owner_id = None if service.owner_id == object_id else service.owner_id
            if kind == "site":
                for person in state.people.values():
                    person.site_id = None if person.site_id == object_id else person.site_id
                for group in state.groups.values():
                    group.site_id = None if group.site_id == object_id else group.site_id
            if kind in ("person", "group", "device"):
                self._forget((kind.upper(), object_id))

    def activate(self, kind: str, object_id: str, *, active: bool) -> None:
        """``kind`` person | device | group | site."""
        with self._state.editing():
            found = self._get(kind, object_id)
            if not hasattr(found, "status"):
                raise ValueError(f"A {kind} has no status.")
            found.status = "ACTIVE" if active else "INACTIVE"

    def change_address(self, device_id: str, address: str) -> None:
        with self._state.editing():
            self._get("device", device_id).address = address

    # Rosters and seats. ``recipient`` is [type, id].

    def add_member(self, group_id: str, recipient: list[str] | Recipient) -> None:
        """Add a member to a group, but to none of its shifts."""
        with self._state.editing():
            group: Group = self._get("group", group_id)
            group.members = [*group.members, self._recipient(recipient, group)]

    def remove_member(self, group_id: str, recipient: list[str] | Recipient) -> None:
        """Remove a member from a group and from the group's shifts."""
        with self._state.editing():
            group: Group = self._get("group", group_id)
            who = (recipient[0], recipient[1])
            if who not in self._state.roster(group):
                raise LookupError(f"{group.name} has no member {who[1]}.")
            self._forget(who, group)

    def add_seat(
        self, shift_id: str, recipient: list[str] | Recipient, delay: int = 0, *, in_rotation: bool = True
    ) -> None:
        """Add a seat at the end of a shift. delay: minutes."""
        with self._state.editing():
            shift = self._settled(shift_id)
            who = self._recipient(recipient, self._state.groups[shift.group_id])
            shift.seats.append(Seat(who, delay, "PEER" if delay else "NONE", in_rotation))

    def remove_seat(self, shift_id: str, position: int) -> None:
        """Remove a seat. position: from 1."""
        with self._state.editing():
            shift = self._settled(shift_id)
            self._seat(shift, position)
            del shift.seats[position - 1]

    def swap_seats(self, shift_id: str, one: int, other: int) -> None:
        """Exchange the recipients of two positions."""
        with self._state.editing():
            shift = self._settled(shift_id)
            first, second = self._seat(shift, one), self._seat(shift, other)
            first.recipient, second.recipient = second.recipient, first.recipient

    def change_delay(self, shift_id: str, position: int, minutes: int) -> None:
        with self._state.editing():
            seat = self._seat(self._get("shift", shift_id), position)
            if minutes < 0:
                raise ValueError("A delay is not negative.")
            seat.delay, seat.escalation = minutes, "PEER" if minutes else "NONE"

    # Shifts.

    def rotate(
        self,
        shift_id: str,
        type: str | None,  # noqa: A002 - the vendor's word
        direction: str = "SECOND_TO_FIRST",
        interval: int = 1,
        unit: str = "WEEKS",
        first: int | None = None,
    ) -> None:
        """Set the rotation of a shift; type None removes it. first: the next rotation instant in UTC seconds."""
        with self._state.editing():
            shift = self._settled(shift_id)
            if type is None:
                shift.rotation = None
                return
            if interval < 1 or unit not in ("DAYS", "WEEKS", "MONTHS"):
                raise ValueError("A rotation takes a number of DAYS, WEEKS or MONTHS.")
            trigger = _TRIGGERS.get(type, "")
            if trigger == "time" and first is None:
                raise ValueError("A rotation by time has a next instant.")
            shift.rotation = Rotation(type, direction, interval, unit, trigger, first)
            begin(shift, int(self._now()), self._state.holidays(shift.group_id))

    def raise_alert(self, group_id: str) -> None:
        """Count an alert: the group's rotations by alert move on."""
        with self._state.editing():
            self._get("group", group_id)
            for shift in self._state.shifts_of(group_id):
                if shift.rotation is not None:
                    shift.rotation.alerts += 1

    def move_start(self, shift_id: str, seconds: int) -> None:
        """Move the first occurrence and with it all others. A rotation by shifts continues with the present order."""
        with self._state.editing():
            shift = self._settled(shift_id)
            if shift.start is None or shift.end is None:
                raise ValueError(f"{shift.name} is always on.")
            shift.start, shift.end = shift.start + seconds, shift.end + seconds
            begin(shift, int(self._now()), self._state.holidays(shift.group_id))

    def exclude(self, shift_id: str, instant: int) -> None:
        """Delete the occurrence that runs at ``instant``."""
        with self._state.editing():
            shift = self._settled(shift_id)
            holidays = self._state.holidays(shift.group_id)
            found = occurrences(shift, instant, instant + 1, holidays)
            if not found or shift.start is None:
                raise LookupError(f"{shift.name} has no occurrence then that can be deleted.")
            shift.excluded = (*shift.excluded, (found[0].start, found[0].end))
            begin(shift, int(self._now()), holidays)

    def repeat(self, shift_id: str, times: int, wait: int) -> None:
        """Repeat the timeline ``times`` more, ``wait`` seconds apart; 0 = no repetition."""
        with self._state.editing():
            self._get("shift", shift_id).repeat = Repeat(times, wait) if times else None

    # Absences, plan, habits.

    def add_absence(
        self,
        person_id: str,
        start: int,
        end: int,
        replacement: str | None = None,
        group_id: str | None = None,
        word: str = "",
    ) -> str:
        """Add an absence and return its id. start, end: UTC seconds. word: an absenceType of its own. Absences of a
        person do not overlap."""
        if start >= end:
            raise ValueError("An absence ends after it starts.")
        with self._state.editing():
            for key in (person_id, replacement or person_id):
                self._get("person", key)
            if group_id is not None:
                self._get("group", group_id)
            for one in self._state.absences.values():
                shared = group_id is None or one.group_id is None or one.group_id == group_id
                if shared and one.person_id == person_id and one.start < end and one.end > start:
                    raise ValueError("Absences of one person do not overlap.")
            made = uuid(self._state.seed, "absence", person_id, self._state.version)
            self._state.absences[made] = Absence(made, person_id, start, end, replacement, group_id, word)
            return made

    def change_plan(self, *, services: bool) -> None:
        """Change whether the instance's plan includes services."""
        with self._state.editing():
            self._state.services_refused = None if services else 403

    def change_habits(self, **habits: Any) -> None:
        """Change fields of Habits."""
        with self._state.editing():
            self._state.habits = replace(self._state.habits, **habits)

    # Lookups.

    def _get(self, kind: str, object_id: str) -> Any:
        return account.find_object(self._state.objects(kind), kind, object_id)

    def _settled(self, shift_id: str) -> Shift:
        shift: Shift = self._get("shift", shift_id)
        settle(shift, int(self._now()), self._state.holidays(shift.group_id))
        return shift

    def _seat(self, shift: Shift, position: int) -> Seat:
        if not 1 <= position <= len(shift.seats):
            raise LookupError(f"{shift.name} has {len(shift.seats)} seats.")
        return shift.seats[position - 1]

    def _recipient(self, recipient: list[str] | Recipient, group: Group) -> Recipient:
        kind, key = recipient
        if kind == "GROUP" and key == group.id:
            raise ValueError("A group cannot be a member of itself.")
        self._get(kind.lower(), key)
        return kind, key

    def _forget(self, who: Recipient, only: Group | None = None) -> None:
        """Remove a recipient from every group and seat, or only from those of the group ``only``."""
        for group in [only] if only else list(self._state.groups.values()):
            group.members = [one for one in group.members if one != who]
            for shift in self._state.shifts_of(group.id):
                if any(seat.recipient == who for seat in shift.seats):
                    self._settled(shift.id)
                    shift.seats = [seat for seat in shift.seats if seat.recipient != who]

    def _drop_absences(self, concerned: Callable[[Absence], bool]) -> None:
        for key in [key for key, one in self._state.absences.items() if concerned(one)]:
            del self._state.absences[key]
