"""Reads the shifts of a group with their members, rotations and exclusions."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from connectors.errors import ConnectorError, NotFound, PermissionMissing
from connectors.network.client import JsonValue
from connectors.providers.xmatters import wire
from connectors.providers.xmatters.client import Client
from connectors.providers.xmatters.fields import has_ended
from connectors.providers.xmatters.harvest import GroupShifts
from connectors.providers.xmatters.rotations import NOT_ROTATING
from connectors.providers.xmatters.vendor import VENDOR, invalid
from connectors.reading.findings import Elements, Findings
from connectors.reading.listing import RECOVERABLE, all_items


class ShiftReading:
    """Reads shifts, one instance per read. at: instant of the read. unread_count: the number of lists and shifts that
    could not be read.

    Lists are requested with members, rotation and exclusions. If no shift of any list contains a rotation (or
    exclusions), the lists do not report it, and :meth:`complete` requests it for each shift. If some shift contains it,
    a missing one is empty. Incomplete exclusions that cannot be followed are requested too.
    """

    def __init__(self, client: Client, findings: Findings, at: int) -> None:
        self._client = client
        self._at = at
        self._findings = findings
        self._embedded = {"rotation": False, "exclusions": False}
        self.unread_count = 0

    def of(self, group: wire.Group) -> GroupShifts | None:
        """Returns the shifts of a group, None if they are not reported.

        Needs one request, and one more for each shift whose members are incomplete.
        """
        try:
            raw = all_items(self._client.shifts(group.id), VENDOR, f"shifts of {group.label}", "shifts")
        except (NotFound, PermissionMissing) as error:
            message = f"The shifts of {group.label} could not be read: {error.message}"
            self._findings.note(
                "escalation_policy", group.id, "shifts_not_told", message, "shifts", loss=True, hides=True
            )
            self.unread_count += 1
            return None
        except RECOVERABLE as error:
            self._findings.fail("escalation_policy", group.id, error)
            self.unread_count += 1
            return None
        shifts = GroupShifts()
        for index, item in enumerate(raw):
            id_ = _id(item)
            at = f"shifts[{index}]"
            reference = self._findings.read(wire.Reference, item, "schedule", id_, "" if id_ else at)
            if reference is None:
                self.unread_count += 1
                shifts.without_id += 1
                message = f"A shift of {group.label} has no usable id. It keeps its place as an unresolved target."
                self._findings.note(
                    "escalation_policy", group.id, "shift_without_id", message, at, loss=True, hides=True
                )
                continue
            shift = self._shift(group.id, reference.id, item)
            if shift is None:
                shifts.unreadable[reference.id] = wire.Shift(id=reference.id, name=reference.name)
            else:
                shifts.read[shift.id] = shift
        return shifts

    def complete(self, shifts: Mapping[str, GroupShifts | None]) -> None:
        """Requests the rotations and exclusions that no list reported. All lists must have been read before.

        shifts: by group id.
        """
        for group_id, group_shifts in shifts.items():
            for shift in list(group_shifts.read.values()) if group_shifts else ():
                assert group_shifts is not None  # noqa: S101 - otherwise there would be no shift
                try:
                    changed = self._missing(group_id, shift)
                except RECOVERABLE as error:
                    self._fail(shift.id, error)
                    del group_shifts.read[shift.id]
                    group_shifts.unreadable[shift.id] = shift
                else:
                    group_shifts.read[shift.id] = shift.model_copy(update=changed)

    # --- one shift ------------------------------------------------------------------------------------------------

    def _shift(self, group_id: str, shift_id: str, item: Any) -> wire.Shift | None:
        """Returns a shift. None: its schedule and its policy were reported as failed."""
        try:
            members = self._members(group_id, shift_id, item.get("members"))
            exclusions = self._embedded_exclusions(group_id, shift_id, item.get("exclusions"))
        except RECOVERABLE as error:
            self._fail(shift_id, error)
            return None
        for name in self._embedded:
            self._embedded[name] |= item.get(name) is not None
        shift = self._findings.read(wire.Shift, {**item, "members": None, "exclusions": None}, "schedule", shift_id, "")
        if shift is None:
            message = f"The shift {shift_id} could not be read: see its schedule."
            self._findings.fail("escalation_policy", shift_id, invalid("unreadable_shift", "", message))
            return None
        found = self._findings.read_all(wire.ShiftMember, members, "schedule", shift_id, "members")
        return shift.model_copy(update={"members": found, "exclusions": self._parsed_exclusions(shift_id, exclusions)})

    def _members(self, group_id: str, shift_id: str, sent: JsonValue) -> list[JsonValue]:
        """Returns the complete members of a shift. Raises ConnectorError.

        Members that lack a needed field are requested from their own list. If that is refused, they are read as sent.
        """
        members = self._client.whole(sent)
        if members is not None and not any(_is_incomplete(member) for member in members):
            return members
        try:
            pages = self._client.shift_members(group_id, shift_id)
            return all_items(pages, VENDOR, f"members of the shift {shift_id}", "members")
        except (NotFound, PermissionMissing):
            if members is None:
                raise
            return members

    def _missing(self, group_id: str, shift: wire.Shift) -> dict[str, object]:
        """Returns the missing values of a shift, by field. Raises ConnectorError."""
        found: dict[str, object] = {}
        if shift.exclusions is None and shift.recurrence is not None and not self._embedded["exclusions"]:
            found["exclusions"] = self._exclusions(group_id, shift.id)
        if shift.rotation is None and _may_rotate(shift) and not self._embedded["rotation"]:
            found["rotation"] = self._rotation(group_id, shift.id)
        return found

    def _embedded_exclusions(self, group_id: str, shift_id: str, sent: JsonValue) -> list[JsonValue] | None:
        """Returns complete exclusions of a shift, None if they are not reported. Raises ConnectorError."""
        try:
            whole = self._client.whole(sent)
        except (NotFound, PermissionMissing):
            whole = None
        return self._listed_exclusions(group_id, shift_id) if whole is None and sent is not None else whole

    def _listed_exclusions(self, group_id: str, shift_id: str) -> list[JsonValue] | None:
        """Returns the exclusions of their own list. None: not reported, with a note. Raises ConnectorError."""
        pages = self._client.exclusions(group_id, shift_id)
        try:
            return all_items(pages, VENDOR, f"exclusions of the shift {shift_id}", "exclusions")
        except (NotFound, PermissionMissing) as error:
            message = f"The deleted occurrences could not be read: {error.message}"
            self._findings.note("schedule", shift_id, "exclusions_not_told", message, "exclusions", loss=True)
            return None

    def _exclusions(self, group_id: str, shift_id: str) -> Elements[wire.Exclusion] | None:
        return self._parsed_exclusions(shift_id, self._listed_exclusions(group_id, shift_id))

    def _parsed_exclusions(self, shift_id: str, raw: list[JsonValue] | None) -> Elements[wire.Exclusion] | None:
        """Returns exclusions. An unreadable one is ignored if its occurrence has ended."""
        if raw is None:
            return None

        def ended(item: object) -> bool:
            return has_ended(item, "endDate", self._at)

        return self._findings.read_all(wire.Exclusion, raw, "schedule", shift_id, "exclusions", ended=ended)

    def _rotation(self, group_id: str, shift_id: str) -> wire.Rotation | None:
        """Returns the rotation of a shift. None: there is none, or it was not reported, with a note."""
        try:
            single = self._client.shift(group_id, shift_id)
        except (NotFound, PermissionMissing) as error:
            message = f"The rotation could not be read: {error.message}"
            self._findings.note("schedule", shift_id, "rotation_not_told", message, "rotation", loss=True)
            return None
        try:
            return wire.Shift.model_validate({"id": shift_id, "rotation": single.get("rotation")}).rotation
        except ValidationError:
            raise invalid(
                "invalid_value", "rotation", f"The rotation of the shift {shift_id} cannot be read."
            ) from None

    def _fail(self, shift_id: str, error: ConnectorError) -> None:
        self._findings.fail("schedule", shift_id, error)
        self._findings.fail("escalation_policy", shift_id, error)


def _id(item: JsonValue) -> str | None:
    id_ = item.get("id") if isinstance(item, dict) else None
    return id_ if isinstance(id_, str) and id_.strip() else None


def _is_incomplete(member: JsonValue) -> bool:
    """Returns whether an embedded member lacks needed fields. The list of members contains them."""
    if not isinstance(member, dict):
        return False
    recipient = member.get("recipient")
    typed = isinstance(recipient, dict) and recipient.get("recipientType") is not None
    return not typed or member.get("delay") is None or member.get("position") is None


def _may_rotate(shift: wire.Shift) -> bool:
    """Returns whether an unreported rotation would matter: several members take turns and one has a delay."""
    if isinstance(shift.rotation_type, str):
        return shift.rotation_type.strip().upper() not in NOT_ROTATING
    members = shift.members or ()
    return sum(member.in_rotation for member in members) > 1 and any(member.delay for member in members)
