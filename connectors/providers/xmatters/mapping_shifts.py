"""Maps shifts to schedules with a layer for each seat. Pure: the current time is an argument."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from connectors.providers.xmatters import rotations, wire
from connectors.providers.xmatters.directory import Directory, unknown_holder
from connectors.providers.xmatters.rotations import Turning, Unsupported
from connectors.providers.xmatters.vendor import invalid
from connectors.providers.xmatters.windows import limits, on_holidays_only, window, without
from connectors.reading.findings import Elements, Findings
from connectors.reading.mapping import unread_of
from connectors.reading.texts import name_of
from connectors.records import SourceSchedule
from oncall.rendering.spec import LATEST, Always, ByOccurrence, ByTime, Everyone, Layer, Participant, Recurring
from oncall.rendering.turns import turn_range
from oncall.rendering.windows import occurrences
from oncall.rendering.zones import DAY, reading

#: Used for times and rotations while a shift's own zone is unknown. Nothing is rendered then.
_PLACEHOLDER_ZONE: Final = "Etc/UTC"
#: How many future changes of a rotation are checked.
_CHECKED_CHANGES: Final = 8


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat of a shift. key: of its layer. delay: minutes before its participant is notified. None: not reported."""

    key: str
    delay: int | None
    participant: Participant | None
    in_rotation: bool
    escalation_type: str


def seats(shift: wire.Shift, directory: Directory, findings: Findings) -> Elements[Seat]:
    """Returns the seats of a shift by position. A holder who is not known keeps the seat.

    A member without a usable position, or with one that another member has, is reported in ``findings`` and counted as
    unread. An unusable delay and a device whose owner was not reported are reported, too, but the seat is known.
    """
    taken: set[int] = set()

    def make(member: wire.ShiftMember, path: str) -> Seat:
        if member.position in taken:
            message = f"Two members of {shift.label} have the position {member.position}."
            raise invalid("invalid_value", f"{path}.position", message)
        taken.add(member.position)
        participant = _holder(shift, member, directory, f"{path}.recipient", findings)
        if member.delay is None:
            message = f"The delay of the seat {member.position} of {shift.label} is not a number of minutes."
            findings.fail("schedule", shift.id, invalid("invalid_value", f"{path}.delay", message))
        word = "" if member.escalation_type in (None, "NONE") else str(member.escalation_type)
        return Seat(str(member.position), member.delay, participant, member.in_rotation, word)

    made = findings.map_all(() if shift.members is None else shift.members, "schedule", shift.id, "members", make)
    by_position = sorted(zip(made, made.places, strict=True), key=lambda placed: int(placed[0].key))
    return Elements((seat for seat, _ in by_position), made.unread, (place for _, place in by_position))


def _holder(
    shift: wire.Shift, member: wire.ShiftMember, directory: Directory, path: str, findings: Findings
) -> Participant | None:
    """Returns the holder of a seat; with a note if the holder is not known. None: it was not reported this time."""
    if member.recipient is None:
        holder = unknown_holder(member.recipient_type, f"{shift.id}:{member.position}")
    else:
        made = findings.mapped("schedule", shift.id, partial(directory.participant, member.recipient, path))
        if made is None:
            return None
        holder = made
    if holder.kind == "unknown":
        message = f"The holder of the seat {member.position} of {shift.label} is not known ({holder.id}). It stays."
        findings.note("schedule", shift.id, "unknown_holder", message, path)
    return holder


def schedule(
    shift: wire.Shift,
    group: wire.Group,
    places: Elements[Seat],
    directory: Directory,
    at: int,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceSchedule:
    """Returns the record of a shift's schedule. Raises UnexpectedResponse for a value that makes the shift unusable.

    All seats are on call during the shift. Their order decides only when each is notified, which is part of the policy.
    at: instant at which the shift was read.
    """
    zone = directory.shift_zone(shift, group, findings)
    layers: Elements[Layer] = Elements()
    turned_by_alert: tuple[str, ...] = ()
    if on_holidays_only(shift):
        message = (
            f"{shift.label} runs on the holidays of a site. xMatters does not report them, so nobody is shown in it."
        )
        findings.note("schedule", shift.id, "unsupported_holiday_shift", message, "recurrence.frequency", loss=True)
    else:
        layers = _layers(shift, places, zone.zone or _PLACEHOLDER_ZONE, at, findings)
        turned_by_alert = _turned_by_alert(shift, places)
        _notes(shift, group, directory, findings)
    return SourceSchedule(
        external_id=shift.id,
        name=shift_name(shift, group),
        time_zone=zone,
        composition="concurrent",
        layers=tuple(sorted(layers, key=lambda layer: layer.key)),
        description=shift.description or "",
        group_ids=(group.id,),
        unread=unread_of(layers=layers),
        extra_shifts=(),
        overrides=(),
        fetched_range=(at, LATEST),
        enabled=group.status != "INACTIVE",
        turned_by_alert=turned_by_alert,
        because=because,
    )


def shift_name(shift: wire.Shift, group: wire.Group) -> str:
    """Returns the name of a shift's schedule and policy. Names of shifts are unique only within a group."""
    return name_of(shift.id, f"{group.label}: {name_of(shift.id, shift.name)}")


def _layers(shift: wire.Shift, places: Elements[Seat], zone: str, at: int, findings: Findings) -> Elements[Layer]:
    """Returns the layers of the seats. A seat without a reported holder has no layer, and then no seat that takes turns
    with it has one."""
    runs = without(window(shift, zone, findings), shift, shift.exclusions or (), zone, findings)
    starts_at, ends_at = limits(shift)
    if starts_at is not None and ends_at is None:
        message = f"{shift.label} ends after the year 2200. It was imported without an end."
        findings.note("schedule", shift.id, "shift_without_end", message, "end")
    rotating = [seat for seat in places if seat.in_rotation]
    turning = _turning(shift, len(rotating) + places.unread, runs, zone, at, findings)
    order = [seat.participant for seat in rotating if seat.participant is not None]
    order_is_known = turning is None or (not places.unread and len(order) == len(rotating))

    def layer(seat: Seat) -> Layer | None:
        if seat.participant is None or (seat.in_rotation and not order_is_known):
            return None
        turns: ByTime | ByOccurrence | Everyone = Everyone()
        people: tuple[Participant, ...] = (seat.participant,)
        if turning is not None and seat.in_rotation:
            turns, people = turning.turns, turning.on_seat(rotating.index(seat), order)
        return Layer(
            key=seat.key,
            name=f"Seat {seat.key}",
            windows=(runs,),
            turns=turns,
            participants=people,
            starts_at=starts_at,
            ends_at=ends_at,
            excluded_occurrence_uses_turn=False,
            window_edge="boundary",
        )

    made = [each for each in map(layer, places) if each is not None]
    return Elements(made, places.unread + len(places) - len(made))


def _turning(
    shift: wire.Shift, count: int, runs: Always | Recurring, zone: str, at: int, findings: Findings
) -> Turning | None:
    """Returns how the seats turn. None: they do not turn, or the rotation is not supported and a note says so."""
    rotation = _rotation(shift)
    if rotation is None or count < 2:
        return None
    try:
        turning = _parsed(rotation, shift, runs, zone, at, findings)
    except Unsupported as reason:
        message = f"Unsupported rotation: {reason}. The order of {shift.label} stays as it was read. Compare it."
        findings.note("schedule", shift.id, "unsupported_rotation", message, "rotation", loss=True)
        return None
    if turning is not None and not turning.certain:
        message = (
            f"The next change of {shift.label} is in an hour that the clock skips, on the last day of a month or after "
            "several shifts. The times of later changes are therefore unknown. Compare them."
        )
        findings.note("schedule", shift.id, "rotation_time_open", message, "rotation.nextRotationTime")
    return turning


def _rotation(shift: wire.Shift) -> wire.Rotation | None:
    """Returns the rotation of a shift. Some answers contain only its type."""
    if shift.rotation is None and isinstance(shift.rotation_type, str):
        return wire.Rotation(type=shift.rotation_type)
    return shift.rotation


def _turned_by_alert(shift: wire.Shift, places: Sequence[Seat]) -> tuple[str, ...]:
    """Returns the keys of the seats whose people change with every alert."""
    rotation = _rotation(shift)
    with suppress(Unsupported):  # reported where its layers are created
        if rotation is not None and rotations.trigger(rotation) == "alert":
            return tuple(seat.key for seat in places if seat.in_rotation)
    return ()


def _parsed(
    rotation: wire.Rotation, shift: wire.Shift, runs: Always | Recurring, zone: str, at: int, findings: Findings
) -> Turning | None:
    kind = rotations.trigger(rotation)
    if kind == "none":
        return None
    if kind == "alert":
        message = (
            f"{shift.label} rotates with every alert. Its order here is that of the first read, and only an edit at "
            "xMatters changes it."
        )
        findings.note("schedule", shift.id, "unsupported_rotation_by_alert", message, "rotation.type", loss=True)
        return None
    if kind == "shift":
        if isinstance(runs, Always):
            raise Unsupported("it depends on completed shifts, but the shift never ends")
        return rotations.by_shift(rotation, runs, zone, at)
    first = None if shift.start is None else reading(zone, shift.start.instant)
    turning = rotations.by_time(rotation, zone, first)
    assert isinstance(turning.turns, ByTime)  # noqa: S101 - by construction
    _note_inner_changes(shift, turning.turns, turning.turn, runs, zone, findings)
    return turning


def _note_inner_changes(
    shift: wire.Shift, turns: ByTime, turn: int, runs: Always | Recurring, zone: str, findings: Findings
) -> None:
    """Adds a note if the rotation changes during a shift.

    At xMatters everyone who shares that shift is then on call for all of it (support article on rotations). There is no
    form for this here. A shift that is always on consists of local days (recorded).
    """
    probe = Layer("", "", (runs,), Everyone(), (), window_edge="boundary")
    for number in range(turn + 1, turn + 1 + _CHECKED_CHANGES):
        change, _ = turn_range(turns, zone, number)
        if isinstance(runs, Always):
            inside = reading(zone, change) % DAY != 0 and reading(zone, change - 1) % DAY != DAY - 1
        else:
            around = occurrences(probe, zone, runs, change, change + 1)
            inside = any(begins < change < ends for _, begins, ends in around)
        if inside:
            message = (
                f"The rotation of {shift.label} changes during a shift. At xMatters both are on call for all of it."
            )
            findings.note(
                "schedule", shift.id, "unsupported_change_inside_shift", message, "rotation.nextRotationTime", loss=True
            )
            return


def _notes(shift: wire.Shift, group: wire.Group, directory: Directory, findings: Findings) -> None:
    """Adds notes about the parts of a valid shift that need attention."""
    members = shift.members if isinstance(shift.members, Elements) else Elements(shift.members or ())
    if not members and not members.unread:
        findings.note("schedule", shift.id, "no_members", f"{shift.label} has no members.", "members")
    if shift.site_holidays is not None and shift.site_holidays.on_call is False:
        message = f"{shift.label} does not run on site holidays, but xMatters does not report them."
        findings.note("schedule", shift.id, "unsupported_site_holidays", message, "siteHolidays", loss=True)
    for place, member in zip(members.places, members, strict=True):
        recipient, path = member.recipient, f"members[{place}].recipient"
        if recipient is None:
            continue
        if directory.kind(recipient) == "DEVICE" and directory.owner(recipient) is not None:
            message = f"A device has the seat {member.position} of {shift.label}. Its owner is shown there."
            findings.note("schedule", shift.id, "device_seat", message, path)
        if directory.kind(recipient) == "GROUP" and recipient.id not in directory.groups:
            message = f"The group {recipient.label} has a seat of {shift.label}, but is not visible."
            findings.note("schedule", shift.id, "nested_group_not_seen", message, path)
        if recipient.id == group.id:
            message = f"The group has a seat in its own shift {shift.label}. It is not followed again."
            findings.note("schedule", shift.id, "nested_in_itself", message, path)
