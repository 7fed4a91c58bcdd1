"""Maps schedules with their rotations and overrides to records. Pure; the current time is an argument."""

from collections.abc import Sequence
from typing import Final

from connectors.providers.atlassian import wire
from connectors.providers.atlassian.java_zones import convert_java
from connectors.reading.findings import Elements, Findings, Vendor
from connectors.reading.mapping import unread_of
from connectors.reading.overrides import ranked
from connectors.reading.periods import read_period
from connectors.reading.wire import Moment
from connectors.records import SourceSchedule
from connectors.zones.timezones import ZoneReading
from oncall.rendering.codec import instant_to_text
from oncall.rendering.spec import (
    VACANT,
    Always,
    ByTime,
    Daily,
    Layer,
    Override,
    Participant,
    ParticipantKind,
    Weekly,
    Window,
)
from oncall.rendering.validation import MAX_TURN_SECONDS
from oncall.rendering.zones import DAY, EARLIEST, HOUR, LATEST, WEEK, reading

_DAYS: Final = {name: number for number, name in enumerate(wire.DAYS, start=1)}
_UNITS: Final = {"hourly": HOUR, "daily": DAY, "weekly": WEEK}
#: Vendor docs "Schedule API", participants. Whom a team or an escalation pages is decided when it is paged.
_PARTICIPANTS: Final[dict[str, ParticipantKind]] = {"user": "person", "team": "group_routing", "escalation": "policy"}
_YEAR_1970_ENDS: Final = 365 * DAY


def schedule(
    source: wire.Schedule,
    overrides: Sequence[wire.Override] | None,
    at: int,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceSchedule:
    """Return a schedule. Raises UnexpectedResponse for a value that makes the schedule unusable.

    overrides: None if not reported. at: the instant of the read. All rotations apply at the same time (vendor docs
    "On-call Schedules and Rotations"), so their order has no meaning; they are sorted by id. Rotations that have ended
    are kept with their end.
    """
    zone = _zone(source, findings)
    rotations = source.rotations or ()
    layers = [_layer(source, r, zone, f"rotations[{i}]", at, findings) for i, r in enumerate(rotations)]
    if not layers:
        findings.note("schedule", source.id, "no_layers", f"{source.label} has no rotation.", "rotations")
    if source.enabled is False:
        message = f"{source.label} is switched off at {findings.vendor.label} and pages nobody. It is inactive here."
        findings.note("schedule", source.id, "switched_off", message, "enabled")
    known = frozenset(rotation.id for rotation in rotations)
    exceptions = None if overrides is None else _overrides(source.id, overrides, known, findings)
    return SourceSchedule(
        external_id=source.id,
        name=source.label,
        time_zone=zone,
        composition="concurrent",
        layers=tuple(sorted(layers, key=lambda layer: layer.key)),
        description=source.description or "",
        group_ids=() if source.team_id is None else (source.team_id,),
        extra_shifts=(),
        overrides=None if exceptions is None else ranked(exceptions),
        unread=unread_of(overrides=exceptions),
        fetched_range=None if exceptions is None else (at, LATEST),
        enabled=source.enabled is not False,
        because=because,
    )


def participant(reference: wire.Reference, path: str, vendor: Vendor) -> Participant:
    """Return a participant. Raises UnknownValue for another type (``group``, ``schedule``: API v1)."""
    if reference.nobody:
        return VACANT
    kind = _PARTICIPANTS.get(reference.type)
    if kind is None:
        message = f"The participant {reference.label} has the unknown type {reference.type!r}."
        raise vendor.unknown_value(f"{path}.type", message)
    if reference.id is None:
        raise vendor.invalid("missing_field", f"{path}.id", f"A participant of the type {reference.type} has no id.")
    return Participant(kind, reference.id)


def repaired_start(start: Moment) -> int | None:
    """Return the instant that a start in 1970 probably means, or None for any other start.

    Recorded: ``1970-01-20T04:45:32.4Z`` is 1658732400, a Monday midnight in July 2022, read as milliseconds instead of
    seconds. The probable instant is a thousand times the time since 1970. It is only shown, never applied.
    """
    repaired = start.instant * 1000 + start.milliseconds
    return repaired if 0 < start.instant < _YEAR_1970_ENDS and repaired < LATEST else None


# --- rotations --------------------------------------------------------------------------------------------------------


def _zone(source: wire.Schedule, findings: Findings) -> ZoneReading:
    zone = findings.zone("schedule", source.id, convert_java(source.timezone), "timezone")
    if zone.raw.strip() == "GMT":
        message = (
            f"Its time zone is GMT. {findings.vendor.label} may show GMT for a zone it does not know. Check the zone."
        )
        findings.note("schedule", source.id, "perhaps_lost_zone", message, "timezone")
    return zone


def _layer(
    source: wire.Schedule, rotation: wire.Rotation, zone: ZoneReading, path: str, at: int, findings: Findings
) -> Layer:
    """Return a rotation as a layer.

    Turns of days and weeks keep the schedule's local time of day (recorded shifts show it for weeks across both clock
    changes). Turns of hours are counted in elapsed hours (unverified).
    """
    vendor = findings.vendor
    label = f"{rotation.name} ({rotation.id})" if rotation.name else rotation.id
    start, end = rotation.start_date, rotation.end_date
    length = rotation.length * _UNITS[rotation.type]
    if not 0 < length <= MAX_TURN_SECONDS:
        message = f"A turn of the rotation {label} has the impossible length {rotation.length}."
        raise vendor.invalid("invalid_turn", f"{path}.length", message)
    if not EARLIEST <= start.instant <= LATEST or (end is not None and end.instant < start.instant):
        message = f"The rotation {label} has an impossible start, or it starts after its end."
        raise vendor.invalid("invalid_period", f"{path}.startDate", message)
    if end is not None and end.instant <= at:
        message = f"The rotation {label} has ended. It is kept with its end."
        findings.note("schedule", source.id, "ended_rotation", message, f"{path}.endDate")
    if not rotation.participants:
        message = f"The rotation {label} has no participant."
        findings.note("schedule", source.id, "empty_rotation", message, f"{path}.participants")
    repaired = repaired_start(start)
    if repaired is not None:
        message = (
            f"The rotation {label} starts in 1970. Probably seconds were read as milliseconds and the start is "
            f"{instant_to_text(repaired)}. The start was kept as sent. If it is wrong, correct it at {vendor.label}."
        )
        findings.note("schedule", source.id, "start_in_1970", message, f"{path}.startDate")
    if rotation.type == "hourly":
        turns = ByTime(start.instant, length, clock="elapsed")
    else:
        # If the zone is unknown, use the local time as it was sent.
        turns = ByTime(start.reading if zone.zone is None else reading(zone.zone, start.instant), length)
    return Layer(
        key=rotation.id,
        name=rotation.name or "",
        windows=_windows(source.id, rotation, label, path, findings),
        turns=turns,
        participants=tuple(
            participant(p, f"{path}.participants[{i}]", vendor) for i, p in enumerate(rotation.participants)
        ),
        starts_at=start.instant,
        ends_at=None if end is None or end.instant > LATEST else end.instant,
    )


def _windows(
    schedule_id: str, rotation: wire.Rotation, label: str, path: str, findings: Findings
) -> tuple[Window, ...]:
    """Return restrictions as windows, sorted. They are a union, and the vendor sends them in changing order."""
    sent = rotation.time_restriction
    if sent is None:
        return (Always(),)
    restrictions = [*(sent.restrictions or ()), *([sent.restriction] if sent.restriction is not None else [])]
    weekly = sent.type == "weekday-and-time-of-day"
    windows: set[Window] = set()
    for index, restriction in enumerate(restrictions):
        at = f"{path}.timeRestriction.restrictions[{index}]"
        window, whole = (_weekly if weekly else _daily)(restriction, at, findings.vendor)
        windows.add(window)
        if whole:
            message = f"A restriction of the rotation {label} ends when it starts. It is used as the whole {whole}."
            findings.note("schedule", schedule_id, "whole_restriction", message, at)
    if not windows:
        message = f"The rotation {label} has a restriction without any period. The rotation applies at all times."
        findings.note("schedule", schedule_id, "empty_restriction", message, f"{path}.timeRestriction")
    return tuple(sorted(windows, key=repr)) or (Always(),)


def _daily(restriction: wire.Restriction, path: str, vendor: Vendor) -> tuple[Daily, str]:
    """Return the window, and "day" if it ends at the time at which it starts, else ""."""
    if restriction.start_day is not None or restriction.end_day is not None:
        raise vendor.unknown_value(path, "A restriction of the type time-of-day names a day.")
    start, end = _times(restriction, path, vendor)
    duration = (end - start) % DAY or DAY
    return Daily(start % DAY, duration), "day" if start == end else ""


def _weekly(restriction: wire.Restriction, path: str, vendor: Vendor) -> tuple[Weekly, str]:
    """Return the window, and "week" if it ends at the day and time at which it starts, else ""."""
    if restriction.start_day is None or restriction.end_day is None:
        raise vendor.invalid("missing_field", path, "A restriction of the type weekday-and-time-of-day names no day.")
    start, end = _times(restriction, path, vendor)
    start += _DAYS[restriction.start_day] * DAY
    end += _DAYS[restriction.end_day] * DAY
    duration = (end - start) % WEEK or WEEK
    return Weekly((start // DAY - 1) % 7 + 1, start % DAY, duration), "week" if start == end else ""


def _times(restriction: wire.Restriction, path: str, vendor: Vendor) -> tuple[int, int]:
    start = restriction.start_hour * HOUR + restriction.start_min * 60
    end = restriction.end_hour * HOUR + restriction.end_min * 60
    if max(start, end) > DAY:
        raise vendor.invalid("invalid_window", path, "A restriction has a time after 24:00.")
    return start, end


# --- overrides --------------------------------------------------------------------------------------------------------


def _overrides(
    schedule_id: str, overrides: Sequence[wire.Override], rotations: frozenset[str], findings: Findings
) -> Elements[Override]:
    def make(override: wire.Override, path: str) -> Override | None:
        return _override(schedule_id, override, path, rotations, findings)

    return findings.map_all(overrides, "schedule", schedule_id, "overrides", make)


def _override(
    schedule_id: str, source: wire.Override, path: str, rotations: frozenset[str], findings: Findings
) -> Override | None:
    """Return an override, or None if it has no effect. Ends in 3025 were seen for "no end"."""
    sources = source.rotation_ids
    if sources - rotations:
        gone = ", ".join(sorted(sources - rotations))
        message = f"The override {source.alias} is for rotations that do not exist: {gone}."
        field = wire.vendor_field_name(source, "rotations")
        findings.note("schedule", schedule_id, "unknown_rotation", message, f"{path}.{field}")
    period = read_period(
        source.start_date.instant,
        source.end_date.instant,
        findings,
        "schedule",
        schedule_id,
        code="override",
        words=f"The override {source.alias}",
        path=f"{path}.endDate",
    )
    if period is None:
        return None
    return Override(
        key=source.alias,
        starts_at=period[0],
        ends_at=period[1],
        by=participant(source.by, f"{path}.{wire.vendor_field_name(source, 'by')}", findings.vendor),
        sources=sources or None,
    )
