"""Models of the objects that PagerDuty's REST API v2 sends (vendor OpenAPI: REST/openapiv3.json).

They have only the fields that are used. Unknown fields are ignored, and fields may be null or missing; ``None`` for a
collection means that it was not reported. A value outside a documented set is an error of that object, never a default.
Lists whose elements are read one by one stay raw (``list[Any]``).
"""

from contextlib import suppress
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainValidator, ValidationError

from connectors.reading.texts import MOST_CHARACTERS, name_of
from connectors.reading.wire import LONGEST_TEXT, Identified, Instant, Text, Whole, Wire, none_is_empty, without_empty
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


class UserReference(Reference):
    type: Literal["user", "user_reference"]


def _readable_people(value: object) -> tuple[UserReference, ...]:
    """The list of people repeats the holders of layers, so an element that cannot be read says nothing new."""
    found = []
    for item in value if isinstance(value, list) else ():
        with suppress(ValidationError):
            found.append(UserReference.model_validate(item))
    return tuple(found)


UserReferences = Annotated[tuple[UserReference, ...], PlainValidator(_readable_people)]


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() and len(value) <= LONGEST_TEXT else None


LenientText = Annotated[str | None, PlainValidator(_text_or_none)]


class Holder(Wire):
    """Whoever holds a place in an order, that must not be lost: a reference of any type, or one that is not usable.

    A field that is not a usable text, with a visible character, is None.
    """

    id: LenientText = None
    type: LenientText = None
    summary: LenientText = None
    name: LenientText = None
    email: LenientText = None
    deleted_at: LenientText = None
    time_zone: LenientText = None

    @property
    def kind(self) -> str:
        return bare(self.type or "")

    @property
    def label(self) -> str:
        return name_of(self.id or "without an id", self.name, self.summary)

    @property
    def person(self) -> Reference | None:
        """The reference to a person; None for a holder that is not a person or has no usable id."""
        if self.id is None or len(self.id) > MOST_CHARACTERS or self.kind not in ("user", ""):
            return None
        return Reference(
            id=self.id,
            type=self.type,
            summary=self.summary,
            deleted_at=self.deleted_at,
            name=self.name,
            email=self.email,
            time_zone=self.time_zone,
        )


def dict_or_empty(value: object) -> object:
    """An empty dict for anything else, so that a place in an order is kept even when its holder is not usable."""
    return value if isinstance(value, dict) else {}


AnyHolder = Annotated[Holder, BeforeValidator(dict_or_empty)]
Holders = Annotated[tuple[AnyHolder, ...], BeforeValidator(none_is_empty)]


class Named(Identified):
    """The fields of every main object. Only some kinds must have a ``name``; ``summary`` usually repeats it."""

    name: Text | None = None
    summary: Text | None = None
    html_url: Text | None = None
    description: Text | None = None

    @property
    def label(self) -> str:
        """The name exactly as it was sent, spaces included."""
        return name_of(self.id, self.name, self.summary)


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


def _slot_users(value: object) -> object:
    return (
        [slot.get("user") if isinstance(slot, dict) else None for slot in value] if isinstance(value, list) else value
    )


class Entry(Wire):
    """An entry of a rendered schedule."""

    start: Instant
    end: Instant
    user: AnyHolder = Holder()


def _readable_entries(value: object) -> tuple[Entry, ...]:
    """The entries that can be read. Those of a layer only show the zone of the answer."""
    found = []
    for item in value if isinstance(value, list) else ():
        with suppress(ValidationError):
            found.append(Entry.model_validate(item))
    return tuple(found)


class Layer(Identified):
    name: Text | None = None
    start: Instant
    end: Instant | None = None
    rotation_virtual_start: Instant
    rotation_turn_length_seconds: Whole
    users: Annotated[tuple[AnyHolder, ...], BeforeValidator(_slot_users)]
    restrictions: list[Any] | None = None
    rendered_schedule_entries: Annotated[tuple[Entry, ...], PlainValidator(_readable_entries)] = ()


def _rendered(value: object) -> tuple[Entry, ...] | None:
    """The entries of a sub-schedule, or None when it was not rendered or cannot be read.

    The coverage is a number in every answer with a range (vendor docs: Schedules, ``rendered_coverage_percentage``), so
    only a coverage of 0 means that there are no entries.
    """
    if not isinstance(value, dict) or not isinstance(entries := value.get("rendered_schedule_entries"), list):
        return None
    if not entries and value.get("rendered_coverage_percentage") != 0:
        return None
    try:
        return tuple(map(Entry.model_validate, entries))
    except ValidationError:
        return None


Rendered = Annotated[tuple[Entry, ...] | None, PlainValidator(_rendered)]


class ListedSchedule(Named):
    """A schedule of the plain list. It has enough fields to be chosen, but not to be rendered."""

    time_zone: Text | None = None
    users: UserReferences = ()
    teams: Holders = ()


class Schedule(ListedSchedule):
    schedule_layers: list[Any]
    overrides_subschedule: Rendered = None
    final_schedule: Rendered = None


class Override(Identified):
    start: Instant
    end: Instant
    user: AnyHolder = Holder()


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
    targets: Holders = ()
    escalation_rule_assignment_strategy: Annotated[
        Literal["assign_to_everyone", "round_robin"], BeforeValidator(_strategy)
    ] = "assign_to_everyone"


class EscalationPolicy(Named):
    escalation_rules: list[Any]
    num_loops: Annotated[Whole, Field(ge=0)] | None = None
    teams: Holders = ()

    @cached_property
    def targets(self) -> tuple[Holder, ...]:
        """The targets of all rules that can be read."""
        found: list[Holder] = []
        for rule in self.escalation_rules:
            with suppress(ValidationError):
                found += EscalationRule.model_validate(rule).targets
        return tuple(found)


class Service(Named):
    escalation_policy: Annotated[Reference | None, BeforeValidator(without_empty)] = None
    teams: Holders = ()
    status: Text | None = None
