"""Maps schedules with their rotations and overrides to records. Pure; the current time is an argument."""

from typing import Final

from connectors.providers.atlassian import wire
from connectors.providers.atlassian.java_zones import convert_java
from connectors.reading.findings import Elements, Findings, Vendor
from connectors.reading.mapping import unread_of
from connectors.reading.overrides import note_assumed_order, ranked
from connectors.reading.periods import anchor_within_years, read_period
from connectors.reading.texts import short_key
from connectors.reading.wire import Moment, has_no_limit
from connectors.records import SourceSchedule
from connectors.zones.timezones import ZoneReading
from oncall.rendering.codec import instant_to_text
from oncall.rendering.spec import (
    EARLIEST,
    LATEST,
    MAX_TURN_SECONDS,
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
from oncall.rendering.zones import DAY, HOUR, WEEK, reading

_DAYS: Final = {name: number for number, name in enumerate(wire.DAYS, start=1)}
_UNITS: Final = {"hourly": HOUR, "daily": DAY, "weekly": WEEK}
#: Vendor docs "Schedule API", participants. Whom a team or an escalation pages is decided when it is paged.
_PARTICIPANTS: Final[dict[str, ParticipantKind]] = {"user": "person", "team": "group_routing", "escalation": "policy"}
_YEAR_1970_ENDS: Final = 365 * DAY


def schedule(
    source: wire.Schedule,
    rotations: Elements[wire.Rotation],
    overrides: Elements[wire.Override] | None,
    at: int,
    because: tuple[str, ...],
    findings: Findings,
) -> SourceSchedule:
    """Return a schedule.

    rotations: the readable ones. overrides: None if not reported. at: the instant of the read. All rotations apply at
    the same time (vendor docs "On-call Schedules and Rotations"), so their order has no meaning; they are sorted by id.
    Rotations that have ended are kept with their end.
    """
    zone = _zone(source, findings)

    partial: dict[str, int] = {}

    def make(rotation: wire.Rotation, path: str) -> Layer | None:
        layer, unread = _layer(source, rotation, zone, path, at, findings)
        partial.update({f"layers.{rotation.id}": unread} if unread else {})
        return layer

    def ended(rotation: wire.Rotation) -> bool:
        return rotation.end_date is not None and rotation.end_date.instant <= at

    made = findings.map_all(rotations, "schedule", source.id, "rotations", make, ended=ended)
    layers = Elements(sorted(made, key=lambda layer: layer.key), made.unread)
    if not layers and not layers.unread:
        findings.note("schedule", source.id, "no_layers", f"{source.label} has no rotation.", "rotations")
    if source.enabled is False:
        message = f"{source.label} is switched off at {findings.vendor.label} and pages nobody. It is inactive here."
        findings.note("schedule", source.id, "switched_off", message, "enabled")
    known = frozenset(layer.key for layer in layers)
    exceptions = None if overrides is None else _overrides(source.id, overrides, known, at, findings)
    if exceptions is not None:
        lasting = [override for override in exceptions if override.ends_at > at]
        note_assumed_order(lasting, (), findings, source.id, source.label)
    return SourceSchedule(
        external_id=source.id,
        name=source.label,
        time_zone=zone,
        composition="concurrent",
        layers=tuple(layers),
        description=source.description or "",
        group_ids=() if source.team_id is None else (source.team_id,),
        extra_shifts=(),
        overrides=None if exceptions is None else ranked(exceptions),
        unread={**unread_of(layers=layers, overrides=exceptions), **partial},
        fetched_range=None if exceptions is None else (at, LATEST),
        enabled=source.enabled is not False,
        because=because,
    )


def participant(reference: wire.Reference, place: str) -> Participant:
    """Return a participant. It is unknown for another type (``group``, ``schedule``: API v1) and without an id.

    place: identifies an unknown participant that has no id.
    """
    if reference.nobody:
        return VACANT
    kind = _PARTICIPANTS.get(reference.type)
    if kind is None or reference.id is None:
        return Participant("unknown", short_key(f"{reference.type}:{reference.id or place}"))
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
) -> tuple[Layer | None, int]:
    """Return a rotation as a layer, None if it has no effect, and how many of its restrictions could not be read.

    Turns of days and weeks keep the schedule's local time of day (recorded shifts show it for weeks across both clock
    changes). Turns of hours are counted in elapsed hours (unverified).
    """
    vendor = findings.vendor
    label = _label(rotation)
    start, end = rotation.start_date, rotation.end_date
    length = rotation.length * _UNITS[rotation.type]
    if not 0 < length <= MAX_TURN_SECONDS:
        message = f"A turn of the rotation {label} has the impossible length {rotation.length}."
        raise vendor.invalid("invalid_turn", f"{path}.length", message)
    period = read_period(
        start.instant,
        max(LATEST, start.instant + 1) if end is None else end.instant,
        findings,
        "schedule",
        source.id,
        code="rotation",
        words=f"The rotation {label}",
        path=f"{path}.{'startDate' if end is None else 'endDate'}",
    )
    if period is None:
        return None, 0
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
    all_turns = length * max(len(rotation.participants), 1)
    if rotation.type == "hourly":
        turns = ByTime(anchor_within_years(start.instant, all_turns), length, clock="elapsed")
    else:
        # If the zone is unknown, use the local time as it was sent.
        known = zone.zone is not None and EARLIEST <= start.instant < LATEST
        first = reading(zone.zone, start.instant) if zone.zone and known else start.reading
        turns = ByTime(anchor_within_years(first, all_turns), length)
    windows = _windows(source.id, rotation, path, findings)
    layer = Layer(
        key=rotation.id,
        name=rotation.name or "",
        windows=tuple(windows),
        turns=turns,
        participants=_participants(source.id, rotation, path, findings),
        starts_at=period[0],
        ends_at=None if period[1] == LATEST else period[1],
    )
    return layer, windows.unread


def _label(rotation: wire.Rotation) -> str:
    name = rotation.name if rotation.name and rotation.name.strip() else ""
    return f"{name} ({rotation.id})" if name else rotation.id


def _participants(schedule_id: str, rotation: wire.Rotation, path: str, findings: Findings) -> tuple[Participant, ...]:
    """Return the participants in order, with a note for each that is unknown: it keeps its turns."""
    made = tuple(participant(reference, str(i)) for i, reference in enumerate(rotation.participants))
    for i, (reference, found) in enumerate(zip(rotation.participants, made, strict=True)):
        if found.kind == "unknown":
            words = f"A participant of the rotation {_label(rotation)}"
            _note_unknown(schedule_id, reference, words, "its turns", f"{path}.participants[{i}]", findings)
    return made


def _note_unknown(
    schedule_id: str, reference: wire.Reference, words: str, kept: str, path: str, findings: Findings
) -> None:
    reason = "has no id" if reference.type in _PARTICIPANTS else f"has the unknown type {reference.type[:60]!r}"
    reason = reason if reference.type else "has no type"
    message = f"{words}, {reference.label}, {reason}. It keeps {kept}, and nobody known is on call then."
    findings.note("schedule", schedule_id, "unknown_holder", message, path, loss=True)


def _windows(schedule_id: str, rotation: wire.Rotation, path: str, findings: Findings) -> Elements[Window]:
    """Return restrictions as windows, sorted. They are a union, and the vendor sends them in changing order.

    Raises UnexpectedResponse if none of several restrictions is readable.
    """
    sent = rotation.time_restriction
    if sent is None:
        return Elements([Always()])
    label, path = _label(rotation), f"{path}.timeRestriction"
    limits = {i: raw for i, raw in enumerate(sent.all) if not has_no_limit(raw)}
    if not limits:
        message = f"The rotation {label} has a restriction without any period. The rotation applies at all times."
        findings.note("schedule", schedule_id, "empty_restriction", message, path)
        return Elements([Always()])
    if sent.type is None:
        raise findings.vendor.invalid("missing_field", f"{path}.type", f"A restriction of {label} has no type.")
    read = _weekly if sent.type == "weekday-and-time-of-day" else _daily

    def make(restriction: wire.Restriction, at: str) -> Window:
        window, whole = read(restriction, at, findings.vendor)
        if whole:
            message = f"A restriction of the rotation {label} ends when it starts. It is used as the whole {whole}."
            findings.note("schedule", schedule_id, "whole_restriction", message, at)
        return window

    at = f"{path}.restrictions"
    raw = Elements(limits.values(), 0, limits)
    restrictions = findings.read_all(wire.Restriction, raw, "schedule", schedule_id, at)
    windows: Elements[Window] = findings.map_all(restrictions, "schedule", schedule_id, at, make)
    if not windows:
        message = f"No restriction of the rotation {label} could be read, so it is unknown when it applies."
        raise findings.vendor.invalid("invalid_window", at, message)
    return Elements(sorted(set(windows), key=repr), windows.unread)


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
    schedule_id: str, overrides: Elements[wire.Override], rotations: frozenset[str], at: int, findings: Findings
) -> Elements[Override]:
    def make(override: wire.Override, path: str) -> Override | None:
        return _override(schedule_id, override, path, rotations, findings)

    def ended(override: wire.Override) -> bool:
        return override.end_date.instant <= at

    return findings.map_all(overrides, "schedule", schedule_id, "overrides", make, ended=ended)


def _override(
    schedule_id: str, source: wire.Override, path: str, rotations: frozenset[str], findings: Findings
) -> Override | None:
    """Return an override, or None if it has no effect. Ends in 3025 were seen for "no end"."""
    sources = source.rotation_ids
    if sources - rotations:
        gone = ", ".join(sorted(sources - rotations))
        message = f"The override {source.alias} is for rotations that are not among those read: {gone}."
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
    by_path = f"{path}.{wire.vendor_field_name(source, 'by')}"
    if not source.by.type and source.by.id is None:
        raise findings.vendor.invalid("missing_field", by_path, f"The override {source.alias} names nobody.")
    by = participant(source.by, source.alias)
    if by.kind == "unknown":
        _note_unknown(
            schedule_id, source.by, f"The holder of the override {source.alias}", "its place", by_path, findings
        )
    return Override(key=short_key(source.alias), starts_at=period[0], ends_at=period[1], by=by, sources=sources or None)
