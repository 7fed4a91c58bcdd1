"""Models of shift-based schedules as PagerDuty sends them (``/v3/schedules``, vendor OpenAPI: ``ScheduleResponse``)."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from connectors.providers.pagerduty.wire import Named, References, UserReferences
from connectors.reading.wire import Id, Identified, Instant, Text, Whole, Wire, none_is_empty


class ZonedMoment(Wire):
    date_time: Instant
    time_zone: Text


class ShiftMember(Wire):
    """A member of an event or shift. ``empty_member`` means that the place is empty."""

    type: Literal["user_member", "empty_member"]
    user_id: Id | None = None


class Strategy(Wire):
    type: Literal["rotating_member_assignment_strategy", "every_member_assignment_strategy"]
    members: tuple[ShiftMember, ...]
    shifts_per_member: Annotated[Whole, Field(ge=1)] | None = None


class Event(Identified):
    """An event of a rotation. recurrence: one RRULE and any number of EXDATE and RDATE lines (RFC 5545)."""

    name: Text | None = None
    start_time: ZonedMoment
    end_time: ZonedMoment
    effective_since: Instant | None = None
    effective_until: Instant | None = None
    recurrence: tuple[Text, ...]
    assignment_strategy: Strategy


class Rotation(Identified):
    events: Annotated[tuple[Event, ...], BeforeValidator(none_is_empty)] = ()


class ShiftAssignment(Wire):
    start_time: Instant
    end_time: Instant
    member: ShiftMember


class ComputedShifts(Wire):
    computed_shift_assignments: tuple[ShiftAssignment, ...] | None = None


class ShiftSchedule(Named):
    time_zone: Text | None = None
    rotations: tuple[Rotation, ...]
    users: UserReferences = ()
    teams: References = ()
    final_schedule: ComputedShifts | None = None


class Assignment(Wire):
    member: ShiftMember


class CustomShift(Identified):
    start_time: Instant
    end_time: Instant
    assignments: Annotated[tuple[Assignment, ...], Field(min_length=1, max_length=1)]


class OverrideShift(Identified):
    rotation_id: Id | None = None
    custom_shift_id: Id | None = None
    start_time: Instant
    end_time: Instant
    overridden_member: ShiftMember
    overriding_member: ShiftMember
