"""Models of shift-based schedules as PagerDuty sends them (``/v3/schedules``, vendor OpenAPI: ``ScheduleResponse``)."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, ValidationError

from connectors.providers.pagerduty.wire import Holders, LenientText, Named, UserReferences, dict_or_empty
from connectors.reading.texts import MOST_CHARACTERS
from connectors.reading.wire import Id, Identified, Instant, Text, Whole, Wire


class ZonedMoment(Wire):
    date_time: Instant
    time_zone: Text


class ShiftMember(Wire):
    """A member of an event or shift. ``empty_member`` means that the place is empty.

    A field without a visible character, or of another type than text, is None.
    """

    type: LenientText = None
    user_id: LenientText = None
    id: LenientText = None

    @property
    def person_id(self) -> str | None:
        """The id of a person; None for the empty member, and for a member that is not a person or has no usable id."""
        usable = self.user_id is not None and len(self.user_id) <= MOST_CHARACTERS
        return self.user_id if usable and self.type in ("user_member", None) else None


AnyMember = Annotated[ShiftMember, BeforeValidator(dict_or_empty)]


class Strategy(Wire):
    type: Literal["rotating_member_assignment_strategy", "every_member_assignment_strategy"]
    members: tuple[AnyMember, ...]
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
    events: list[Any]


class ShiftSource(Wire):
    """Where a computed shift comes from. override_id: only of a shift that an override made."""

    override_id: Id | None = None


class ShiftAssignment(Wire):
    start_time: Instant
    end_time: Instant
    member: ShiftMember
    source: ShiftSource | None = None


def _computed(value: object) -> tuple[ShiftAssignment, ...] | None:
    """The shifts of a final schedule, or None when it was not rendered or cannot be read, as in ``wire.Rendered``."""
    if not isinstance(value, dict) or not isinstance(shifts := value.get("computed_shift_assignments"), list):
        return None
    if not shifts and value.get("rendered_coverage_percentage") is None:
        return None
    try:
        return tuple(map(ShiftAssignment.model_validate, shifts))
    except ValidationError:
        return None


Computed = Annotated[tuple[ShiftAssignment, ...] | None, PlainValidator(_computed)]


class ShiftSchedule(Named):
    time_zone: Text | None = None
    rotations: list[Any]
    users: UserReferences = ()
    teams: Holders = ()
    final_schedule: Computed = None


class Assignment(Wire):
    member: AnyMember = ShiftMember()


class CustomShift(Identified):
    start_time: Instant
    end_time: Instant
    assignments: Annotated[tuple[Assignment, ...], Field(min_length=1, max_length=1)]


class OverrideShift(Identified):
    rotation_id: Id | None = None
    custom_shift_id: Id | None = None
    start_time: Instant
    end_time: Instant
    overridden_member: AnyMember = ShiftMember()
    overriding_member: AnyMember = ShiftMember()
