"""Maps shifts to schedules with a layer for each seat. Pure: the current time is an argument."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from connectors.providers.xmatters import rotations, wire
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.rotations import Turning, Unsupported
from connectors.providers.xmatters.vendor import invalid
from connectors.providers.xmatters.windows import on_holidays_only, window, without
from connectors.reading.findings import Findings
from connectors.records import SourceSchedule
from oncall.rendering.spec import Always, ByOccurrence, ByTime, Everyone, Layer, Participant, Recurring
from oncall.rendering.turns import turn_range
from oncall.rendering.windows import occurrences
from oncall.rendering.zones import DAY, LATEST, reading

#: Used for times and rotations while a shift's own zone is unknown. Nothing is rendered then.
_PLACEHOLDER_ZONE: Final = "Etc/UTC"
#: How many future changes of a rotation are checked.
_CHECKED_CHANGES: Final = 8


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat of a shift. key: of its layer. delay: minutes before its participant is notified."""

    key: str
    delay: int
    participant: Participant
    in_rotation: bool
    escalation_type: str


def seats(shift: wire.Shift, directory: Directory) -> tuple[Seat, ...]:
    """Returns the seats of a shift by position. Raises UnexpectedResponse for an unknown recipient, and if two members
    have the same position."""
    made: dict[int, Seat] = {}
    for index, member in enumerate(shift.members or ()):
        path = f"members[{index}]"
        if member.position in made:
            message = f"Two members of {shift.label} have the position {member.position}."
            raise invalid("invalid_value", f"{path}.position", message)
        participant = directory.participant(member.recipient, f"{path}.recipient")
        word = "" if member.escalation_type in (None, "NONE") else str(member.escalation_type)
        made[member.position] = Seat(str(member.position), member.delay, participant, member.in_rotation, word)
    return tuple(made[position] for position in sorted(made))


def schedule(
    shift: wire.Shift, group: wire.Group, directory: Directory, at: int, because: tuple[str, ...], findings: Findings
) -> SourceSchedule:
    """Returns the record of a shift's schedule. Raises UnexpectedResponse for a value that makes the shift unusable.

    All seats are on call during the shift. Their order decides only when each is notified, which is part of the policy.
    at: instant at which the shift was read.
    """
    zone = directory.shift_zone(shift, group, findings)
    layers: tuple[Layer, ...] = ()
    turned_by_alert: tuple[str, ...] = ()
    if on_holidays_only(shift):
        message = (
            f"{shift.label} runs on the holidays of a site. xMatters does not report them, so nobody is shown in it."
        )
        findings.note("schedule", shift.id, "unsupported_holiday_shift", message, "recurrence.frequency", loss=True)
    else:
        places = seats(shift, directory)
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
        extra_shifts=(),
        overrides=(),
        fetched_range=(at, LATEST),
        enabled=group.status != "INACTIVE",
        turned_by_alert=turned_by_alert,
        because=because,
    )


def shift_name(shift: wire.Shift, group: wire.Group) -> str:
    """Returns the name of a shift's schedule and policy. Names of shifts are unique only within a group."""
    return f"{group.label}: {shift.name or shift.id}"


def _layers(shift: wire.Shift, places: Sequence[Seat], zone: str, at: int, findings: Findings) -> tuple[Layer, ...]:
    runs = without(window(shift, zone, findings), shift, shift.exclusions or (), zone, findings)
    rotating = [seat for seat in places if seat.in_rotation]
    turning = _turning(shift, len(rotating), runs, zone, at, findings)
    order = [seat.participant for seat in rotating]

    def layer(seat: Seat) -> Layer:
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
            excluded_occurrence_uses_turn=False,
            window_edge="boundary",
        )

    return tuple(layer(seat) for seat in places)


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
    if not shift.members:
        findings.note("schedule", shift.id, "no_members", f"{shift.label} has no members.", "members")
    if shift.site_holidays is not None and shift.site_holidays.on_call is False:
        message = f"{shift.label} does not run on site holidays, but xMatters does not report them."
        findings.note("schedule", shift.id, "unsupported_site_holidays", message, "siteHolidays", loss=True)
    for index, member in enumerate(shift.members or ()):
        path = f"members[{index}].recipient"
        if directory.kind(member.recipient) == "DEVICE":
            message = f"A device has the seat {member.position} of {shift.label}. Its owner is shown there."
            findings.note("schedule", shift.id, "device_seat", message, path)
        if directory.kind(member.recipient) == "GROUP" and member.recipient.id not in directory.groups:
            message = f"The group {member.recipient.label} has a seat of {shift.label}, but is not visible."
            findings.note("schedule", shift.id, "nested_group_not_seen", message, path)
        if member.recipient.id == group.id:
            message = f"The group has a seat in its own shift {shift.label}. It is not followed again."
            findings.note("schedule", shift.id, "nested_in_itself", message, path)
