"""Shifts -> schedules with a layer per seat: what xMatters sent -> records. Pure; the clock comes in as an argument."""

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

#: In which times and rotations are counted while a shift's own zone is unknown; nothing is rendered then.
_MEANWHILE: Final = "Etc/UTC"
#: How many coming changes of a rotation are looked at.
_CHANGES: Final = 8


@dataclass(frozen=True, slots=True)
class Seat:
    """A place in a shift. key: of its layer. delay: minutes before whoever sits there is notified."""

    key: str
    delay: int
    who: Participant
    in_rotation: bool
    escalation_type: str


def seats(shift: wire.Shift, directory: Directory) -> tuple[Seat, ...]:
    """In the order of their positions. Raises UnexpectedResponse for a recipient that cannot be told, and when two
    have one position."""
    made: dict[int, Seat] = {}
    for index, member in enumerate(shift.members or ()):
        path = f"members[{index}]"
        if member.position in made:
            message = f"Two members of {shift.label} have the position {member.position}."
            raise invalid("invalid_value", f"{path}.position", message)
        who = directory.participant(member.recipient, f"{path}.recipient")
        word = "" if member.escalation_type in (None, "NONE") else str(member.escalation_type)
        made[member.position] = Seat(str(member.position), member.delay, who, member.in_rotation, word)
    return tuple(made[position] for position in sorted(made))


def schedule(
    shift: wire.Shift, group: wire.Group, directory: Directory, at: int, because: tuple[str, ...], findings: Findings
) -> SourceSchedule:
    """``at``: instant at which the shift was read. Raises UnexpectedResponse for a value that makes it unusable.

    All seats are on call during the shift; the order only says who is notified when, which is the policy's business.
    """
    told = directory.shift_zone(shift, group, findings)
    layers: tuple[Layer, ...] = ()
    turned: tuple[str, ...] = ()
    if on_holidays_only(shift):
        message = f"{shift.label} runs on the holidays of a site, which xMatters does not tell; nobody is shown in it."
        findings.note("schedule", shift.id, "unsupported_holiday_shift", message, "recurrence.frequency", loss=True)
    else:
        places = seats(shift, directory)
        layers = _layers(shift, places, told.zone or _MEANWHILE, at, findings)
        turned = _turned_by_alert(shift, places)
        _notes(shift, group, directory, findings)
    return SourceSchedule(
        external_id=shift.id,
        name=shift_name(shift, group),
        time_zone=told,
        composition="concurrent",
        layers=tuple(sorted(layers, key=lambda layer: layer.key)),
        description=shift.description or "",
        group_ids=(group.id,),
        extra_shifts=(),
        overrides=(),
        fetched_range=(at, LATEST),
        enabled=group.status != "INACTIVE",
        turned_by_alert=turned,
        because=because,
    )


def shift_name(shift: wire.Shift, group: wire.Group) -> str:
    """Of its schedule and of its policy: names of shifts are unique within a group only."""
    return f"{group.label}: {shift.name or shift.id}"


def _layers(shift: wire.Shift, places: Sequence[Seat], zone: str, at: int, findings: Findings) -> tuple[Layer, ...]:
    runs = without(window(shift, zone, findings), shift, shift.exclusions or (), zone, findings)
    rotating = [seat for seat in places if seat.in_rotation]
    turning = _turning(shift, len(rotating), runs, zone, at, findings)
    order = [seat.who for seat in rotating]

    def layer(seat: Seat) -> Layer:
        turns: ByTime | ByOccurrence | Everyone = Everyone()
        people: tuple[Participant, ...] = (seat.who,)
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
    """None when the seats do not turn, or nobody can say how: then a note says so and the order as read stays."""
    sent = _sent(shift)
    if sent is None or count < 2:
        return None
    try:
        turning = _understood(sent, shift, runs, zone, at, findings)
    except Unsupported as reason:
        message = f"Unsupported rotation: {reason}. The order of {shift.label} stays as it was read; compare it."
        findings.note("schedule", shift.id, "unsupported_rotation", message, "rotation", loss=True)
        return None
    if turning is not None and not turning.certain:
        message = (
            f"The next change of {shift.label} falls into an hour that the clock skips or on the last day of a month, "
            "or comes every few shifts: that leaves open when the later ones are. Compare them."
        )
        findings.note("schedule", shift.id, "rotation_time_open", message, "rotation.nextRotationTime")
    return turning


def _sent(shift: wire.Shift) -> wire.Rotation | None:
    """The rotation of a shift, of which some answers tell the type alone."""
    if shift.rotation is None and isinstance(shift.rotation_type, str):
        return wire.Rotation(type=shift.rotation_type)
    return shift.rotation


def _turned_by_alert(shift: wire.Shift, places: Sequence[Seat]) -> tuple[str, ...]:
    """Keys of the seats whose people move on with every alert."""
    sent = _sent(shift)
    with suppress(Unsupported):  # named where its layers are made
        if sent is not None and rotations.trigger(sent) == "alert":
            return tuple(seat.key for seat in places if seat.in_rotation)
    return ()


def _understood(
    sent: wire.Rotation, shift: wire.Shift, runs: Always | Recurring, zone: str, at: int, findings: Findings
) -> Turning | None:
    kind = rotations.trigger(sent)
    if kind == "none":
        return None
    if kind == "alert":
        message = (
            f"{shift.label} rotates with every alert; its order here is the one of the first read, and only an edit at "
            "xMatters changes it."
        )
        findings.note("schedule", shift.id, "unsupported_rotation_by_alert", message, "rotation.type", loss=True)
        return None
    if kind == "shift":
        if isinstance(runs, Always):
            raise Unsupported("it goes by completed shifts, and the shift never ends")
        return rotations.by_shift(sent, runs, zone, at)
    first = None if shift.start is None else reading(zone, shift.start.instant)
    turning = rotations.by_time(sent, zone, first)
    assert isinstance(turning.turns, ByTime)  # noqa: S101 - by construction
    _note_inner_changes(shift, turning.turns, turning.turn, runs, zone, findings)
    return turning


def _note_inner_changes(
    shift: wire.Shift, turns: ByTime, turn: int, runs: Always | Recurring, zone: str, findings: Findings
) -> None:
    """A change inside of a shift lets everyone who shares it count for the whole of it (support article on rotations):
    that has no form here. A shift that is always on is made of local days (recorded)."""
    probe = Layer("", "", (runs,), Everyone(), (), window_edge="boundary")
    for number in range(turn + 1, turn + 1 + _CHANGES):
        change, _ = turn_range(turns, zone, number)
        if isinstance(runs, Always):
            inside = reading(zone, change) % DAY != 0 and reading(zone, change - 1) % DAY != DAY - 1
        else:
            around = occurrences(probe, zone, runs, change, change + 1)
            inside = any(begins < change < ends for _, begins, ends in around)
        if inside:
            message = f"The rotation of {shift.label} changes during a shift: xMatters counts both for all of it."
            findings.note(
                "schedule", shift.id, "unsupported_change_inside_shift", message, "rotation.nextRotationTime", loss=True
            )
            return


def _notes(shift: wire.Shift, group: wire.Group, directory: Directory, findings: Findings) -> None:
    """What a person should know about a shift that is otherwise fine."""
    if not shift.members:
        findings.note("schedule", shift.id, "no_members", f"{shift.label} has no members.", "members")
    if shift.site_holidays is not None and shift.site_holidays.on_call is False:
        message = f"{shift.label} depends on site holidays, on which it does not run; they are not told."
        findings.note("schedule", shift.id, "unsupported_site_holidays", message, "siteHolidays", loss=True)
    for index, member in enumerate(shift.members or ()):
        path = f"members[{index}].recipient"
        if directory.kind(member.recipient) == "DEVICE":
            message = f"A device has the seat {member.position} of {shift.label}; its owner is shown there."
            findings.note("schedule", shift.id, "device_seat", message, path)
        if directory.kind(member.recipient) == "GROUP" and member.recipient.id not in directory.groups:
            message = f"The group {member.recipient.label} has a seat of {shift.label}, but cannot be seen."
            findings.note("schedule", shift.id, "nested_group_not_seen", message, path)
        if member.recipient.id == group.id:
            message = f"The group has a seat of its own shift {shift.label}; it is not followed again."
            findings.note("schedule", shift.id, "nested_in_itself", message, path)
