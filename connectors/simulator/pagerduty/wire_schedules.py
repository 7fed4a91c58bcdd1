"""Layer-based and shift-based schedules in the JSON of PagerDuty's REST API.

OpenAPI: Schedule, ScheduleLayer, Restriction, SubSchedule, Override; v3: ScheduleResponse, Rotation, Event,
ComputedShiftAssignment, OverrideShift, CustomShift.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connectors.simulator.pagerduty.model import (
    CustomShift,
    Event,
    Layer,
    Override,
    OverrideShift,
    Restriction,
    Rotation,
    Schedule,
    ShiftSchedule,
)
from connectors.simulator.pagerduty.recurrence import recurrence_lines
from connectors.simulator.pagerduty.shifts import Shift, shifts, staffed
from connectors.simulator.pagerduty.state import schedule_users
from connectors.simulator.pagerduty.walk import Entry, Walked, coverage
from connectors.simulator.pagerduty.wire import API, Json, Wire
from connectors.simulator.world import identifier
from connectors.simulator.zones import DAY, WEEK, clock_text, first_instant, iso, offset_at

UTC = "Etc/UTC"
INCLUDED = ("schedule_layers", "overrides_subschedule", "final_schedule")


@dataclass(frozen=True, slots=True)
class Window:
    """The requested window [since, until). ``overflow``: entries are not cut. ``empty``: shorter than a second."""

    since: int
    until: int
    overflow: bool = False
    empty: bool = False


def schedule_json(
    wire: Wire, schedule: Schedule, window: Window | None, now: int, include: Collection[str] = INCLUDED
) -> Json:
    """Write a layer-based schedule. Without a window the rendered lists are empty and percentages null."""
    made = wire.schedule_head(schedule)
    walked = _walked(wire, schedule, window)
    if "schedule_layers" in include:
        made["schedule_layers"] = [
            _layer(wire, schedule, layer, () if walked is None else walked.layers[position], window, now)
            for position, layer in enumerate(schedule.layers)
        ]
    if "overrides_subschedule" in include:
        made["overrides_subschedule"] = {
            "name": "Overrides",
            "rendered_schedule_entries": [] if walked is None else _entries(wire, walked.overrides),
            "rendered_coverage_percentage": None if walked is None else _coverage(walked.overrides, window),
        }
    if "final_schedule" in include:
        made["final_schedule"] = {
            "name": "Final Schedule",
            "rendered_schedule_entries": [] if walked is None else _entries(wire, walked.final),
            "rendered_coverage_percentage": None if walked is None else _coverage(walked.final, window),
        }
    return made


def _walked(wire: Wire, schedule: Schedule, window: Window | None) -> Walked | None:
    if window is None:
        return None
    if window.empty:
        return wire.state.walked(schedule, window.since, window.since)
    if window.since == window.until:  # "the entry at that instant"
        return wire.state.walked(schedule, window.since, window.since + 1, whole=True)
    return wire.state.walked(schedule, window.since, window.until, whole=window.overflow)


def _coverage(entries: Sequence[Entry], window: Window | None) -> float | None:
    return None if window is None else coverage(entries, window.since, window.until)


def _entries(wire: Wire, entries: Sequence[Entry]) -> list[Json]:
    return [
        {
            "id": identifier(0, entry.source, entry.start, entry.end, prefix="Q", length=14),
            "start": wire.instant(entry.start),
            "end": wire.instant(entry.end),
            "user": wire.user_reference(entry.user_id),
        }
        for entry in entries
    ]


def _layer(
    wire: Wire, schedule: Schedule, layer: Layer, entries: Sequence[Entry], window: Window | None, now: int
) -> Json:
    return {
        "id": layer.id,
        "name": layer.name,
        "start": wire.instant(layer.start),
        "end": None if layer.end is None else wire.instant(layer.end),
        "rotation_virtual_start": wire.instant(layer.virtual_start),
        "rotation_turn_length_seconds": layer.turn_length,
        "users": [{"user": wire.user_reference(user_id)} for user_id in layer.users],
        "restrictions": [restriction_json(one, schedule.time_zone, wire.zone, now) for one in layer.restrictions],
        "rendered_schedule_entries": _entries(wire, entries),
        "rendered_coverage_percentage": _coverage(entries, window),
    }


def restriction_json(window: Restriction, own_zone: str, requested_zone: str, now: int) -> Json:
    """Write a restriction in the requested zone.

    Times of day have no offset, so they are moved by the present difference of both zones' offsets. It is unknown which
    date PagerDuty uses for this difference. A request in the schedule's own zone is safe.
    """
    shift = offset_at(requested_zone, now) - offset_at(own_zone, now)
    if window.weekday is None:
        return {
            "type": "daily_restriction",
            "start_time_of_day": clock_text(window.start_second + shift),
            "duration_seconds": window.duration,
        }
    moved = ((window.weekday - 1) * DAY + window.start_second + shift) % WEEK
    return {
        "type": "weekly_restriction",
        "start_day_of_week": moved // DAY + 1,
        "start_time_of_day": clock_text(moved),
        "duration_seconds": window.duration,
    }


def override_json(wire: Wire, override: Override, window: Window) -> Json:
    start, end = _cut(override.start, override.end, window)
    return {
        "id": override.id,
        "start": wire.instant(start),
        "end": wire.instant(end),
        "user": wire.user_reference(override.user_id),
    }


# Shift-based schedules.


def member_json(member: str | None) -> Json:
    return {"type": "empty_member"} if member is None else {"type": "user_member", "user_id": member}


def shift_schedule_json(wire: Wire, schedule: ShiftSchedule, window: Window | None) -> Json:
    """Write a v3 schedule. With a window its final schedule is rendered."""
    reference = wire.schedule_reference(schedule.id)
    made: Json = {
        "id": schedule.id,
        "type": "schedule_v3",
        "self": reference["self"],
        "html_url": reference["html_url"],
        "name": schedule.name,
        "time_zone": schedule.time_zone,
        "description": schedule.description,
        "teams": [wire.team_reference(team_id) for team_id in schedule.team_ids],
        "escalation_policies": [
            wire.policy_reference(policy) for policy in wire.state.policies_of_schedule(schedule.id)
        ],
        "users": [wire.user_reference(user_id) for user_id in schedule_users(schedule)],
        "rotations": [_rotation(schedule, rotation) for rotation in schedule.rotations],
        **wire.calendar(schedule.id),
    }
    if window is not None:
        pieces = shifts(schedule, window.since, window.until, overflow=window.overflow)
        made["final_schedule"] = {
            "type": "final_schedule",
            "rendered_coverage_percentage": staffed(pieces, window.since, window.until),
            "computed_shift_assignments": [_assignment(wire, piece) for piece in pieces],
        }
    return made


def _rotation(schedule: ShiftSchedule, rotation: Rotation) -> Json:
    location = f"{API}/v3/schedules/{schedule.id}/rotations/{rotation.id}"
    return {
        "id": rotation.id,
        "type": "schedule_rotation",
        "self": location,
        "events": [_event(event, location) for event in rotation.events],
    }


def _event(event: Event, rotation_location: str) -> Json:
    strategy: Json = {"type": "every_member_assignment_strategy"}
    if event.shifts_per_member is not None:
        strategy = {"type": "rotating_member_assignment_strategy", "shifts_per_member": event.shifts_per_member}
    return {
        "id": event.id,
        "type": "schedule_event",
        "self": f"{rotation_location}/events/{event.id}",
        "name": event.name,
        "start_time": _zoned(event.start, event.time_zone),
        "end_time": _zoned(event.end, event.time_zone),
        "effective_since": iso(event.effective_since, UTC),
        "effective_until": None if event.effective_until is None else iso(event.effective_until, UTC),
        "recurrence": recurrence_lines(event),
        "assignment_strategy": strategy | {"members": [member_json(member) for member in event.members]},
    }


def _zoned(reading: int, zone: str) -> Json:
    return {"date_time": iso(first_instant(zone, reading), zone), "time_zone": zone}


def _assignment(wire: Wire, shift: Shift) -> Json:
    base = "custom_shift" if shift.source.rotation_id is None else "schedule_rotation"
    source: Json = {"type": base if shift.source.override_id is None else f"{base}_override"}
    for name, value in (
        ("rotation_id", shift.source.rotation_id),
        ("shift_id", shift.source.shift_id),
        ("override_id", shift.source.override_id),
    ):
        if value is not None:
            source[name] = value
    return {
        "type": "computed_shift_assignment",
        "start_time": wire.instant(shift.start),
        "end_time": wire.instant(shift.end),
        "member": member_json(shift.member),
        "source": source,
    }


def _cut(start: int, end: int, window: Window) -> tuple[int, int]:
    return (start, end) if window.overflow else (max(start, window.since), min(end, window.until))


def override_shift_json(wire: Wire, override: OverrideShift, window: Window) -> Json:
    start, end = _cut(override.start, override.end, window)
    made: Json = {
        "id": override.id,
        "type": "override_shift",
        "start_time": wire.instant(start),
        "end_time": wire.instant(end),
        "overridden_member": member_json(override.overridden),
        "overriding_member": member_json(override.overriding),
    }
    if override.rotation_id is not None:
        made["rotation_id"] = override.rotation_id
    if override.custom_shift_id is not None:
        made["custom_shift_id"] = override.custom_shift_id
    return made


def custom_shift_json(wire: Wire, custom: CustomShift, window: Window) -> Json:
    start, end = _cut(custom.start, custom.end, window)
    return {
        "id": custom.id,
        "type": "custom_shift",
        "start_time": wire.instant(start),
        "end_time": wire.instant(end),
        "assignments": [{"id": "A" + custom.id[1:], "type": "shift_assignment", "member": member_json(custom.member)}],
    }
