"""Models of the objects that PagerDuty's REST API v2 sends (vendor OpenAPI: REST/openapiv3.json).

They have only the fields that are used. Unknown fields are ignored, and fields may be null or missing; ``None`` for a
collection means that it was not reported. A value outside a documented set is an error of that object, never a default.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator

from connectors.reading.wire import Identified, Instant, Text, Whole, Wire, none_is_empty
from oncall.rendering.zones import HOUR, MINUTE


def _time_of_day(value: object) -> int:
    """Returns the seconds after midnight of ``HH:mm:ss``."""
    parts = value.split(":") if isinstance(value, str) else []
    if len(parts) != 3 or not all(len(part) == 2 and part.isascii() and part.isdigit() for part in parts):
        raise ValueError("a time of day such as 09:00:00 is expected")
    hours, minutes, seconds = map(int, parts)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError("this time of day does not exist")
    return hours * HOUR + minutes * MINUTE + seconds


def bare(type_name: str) -> str:
    """Returns a type without ``_reference``: both mean the same kind of object (vendor docs: Types and References)."""
    return type_name.removesuffix("_reference")


TimeOfDay = Annotated[int, PlainValidator(_time_of_day)]


def _blank(value: object) -> object:
    return "" if value is None else value


class Reference(Identified):
    """A reference to an object, or the whole object. ``deleted_at`` is not in the schema, but was seen in answers."""

    type: Annotated[Text, BeforeValidator(_blank)] = ""
    summary: Text | None = None
    html_url: Text | None = None
    deleted_at: Text | None = None
    name: Text | None = None
    email: Text | None = None
    time_zone: Text | None = None

    @property
    def kind(self) -> str:
        return bare(self.type)

    @property
    def label(self) -> str:
        return self.name or self.summary or self.id


References = Annotated[tuple[Reference, ...], BeforeValidator(none_is_empty)]


class UserReference(Reference):
    type: Literal["user", "user_reference"]


UserReferences = Annotated[tuple[UserReference, ...], BeforeValidator(none_is_empty)]


class Named(Identified):
    """The fields of every main object. Only some kinds must have a ``name``; ``summary`` usually repeats it."""

    name: Text | None = None
    summary: Text | None = None
    html_url: Text | None = None
    description: Text | None = None

    @property
    def label(self) -> str:
        """The name exactly as it was sent, spaces included."""
        return self.name or self.summary or self.id


# --- people -----------------------------------------------------------------------------------------------------------


class ContactMethod(Identified):
    """A contact method. A phone's ``address`` is the national number (vendor docs: PhoneContactMethod)."""

    type: Text
    summary: Text | None = None
    label: Text | None = None
    address: Text | None = None
    country_code: Annotated[Whole, Field(ge=1, le=1999)] | None = None
    enabled: bool | None = None
    blacklisted: bool | None = None


class NotificationRule(Identified):
    type: Literal["assignment_notification_rule"]
    start_delay_in_minutes: Annotated[Whole, Field(ge=0)]
    urgency: Literal["high", "low"]
    contact_method: Reference


class User(Named):
    """A person. ``contact_methods`` and ``notification_rules`` stay raw, so that a bad entry fails that list only."""

    email: Text | None = None
    time_zone: Text | None = None
    job_title: Text | None = None
    deleted_at: Text | None = None
    contact_methods: list[Any] | None = None
    notification_rules: list[Any] | None = None


class Team(Named):
    pass


class Member(Wire):
    user: UserReference
    role: Text | None = None


# --- layer schedules --------------------------------------------------------------------------------------------------


class Restriction(Wire):
    """A restriction. ``start_day_of_week``: 1 (Monday) to 7 (Sunday); daily restrictions have 0, null or nothing."""

    type: Literal["daily_restriction", "weekly_restriction"]
    start_time_of_day: TimeOfDay
    duration_seconds: Whole
    start_day_of_week: Whole | None = None


class LayerUser(Wire):
    user: UserReference


class Layer(Identified):
    name: Text | None = None
    start: Instant
    end: Instant | None = None
    rotation_virtual_start: Instant
    rotation_turn_length_seconds: Whole
    users: tuple[LayerUser, ...]
    restrictions: tuple[Restriction, ...] | None = None


class Entry(Wire):
    """An entry of a rendered schedule."""

    start: Instant
    end: Instant
    user: Reference | None = None


class SubSchedule(Wire):
    rendered_schedule_entries: tuple[Entry, ...] | None = None


class ListedSchedule(Named):
    """A schedule of the plain list. It has enough fields to be chosen, but not to be rendered."""

    time_zone: Text | None = None
    users: UserReferences = ()
    teams: References = ()


class Schedule(ListedSchedule):
    schedule_layers: tuple[Layer, ...]
    overrides_subschedule: SubSchedule | None = None
    final_schedule: SubSchedule | None = None


class Override(Identified):
    start: Instant
    end: Instant
    user: UserReference


# --- escalation and services ------------------------------------------------------------------------------------------


def _strategy(value: object) -> object:
    """Returns the name of a strategy.

    The schema has a string, its example a list of objects, and clients send an object. Null or a missing field means
    the default (vendor docs: Escalation Policies, ``escalation_rule_assignment_strategy``).
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("type")
    return "assign_to_everyone" if value is None else value


class EscalationRule(Wire):
    escalation_delay_in_minutes: Annotated[Whole, Field(ge=0)]
    targets: References = ()
    escalation_rule_assignment_strategy: Annotated[
        Literal["assign_to_everyone", "round_robin"], BeforeValidator(_strategy)
    ] = "assign_to_everyone"


class EscalationPolicy(Named):
    escalation_rules: tuple[EscalationRule, ...]
    num_loops: Annotated[Whole, Field(ge=0)] | None = None
    teams: References = ()


class Service(Named):
    escalation_policy: Reference | None = None
    teams: References = ()
    status: Text | None = None
