"""What both APIs send, in the spelling they share (vendor: opsgenie/opsgenie-oas; JSM Operations REST API v2).

A vendor's own models derive from these where it spells a field in another way. Nullable and missing fields are
tolerated; ``None`` for a collection means the answer did not tell it. A value outside a documented set is an error of
that one object, never a default. Fields are named as sent, in snake case.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

from pydantic import AliasChoices, AliasGenerator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from connectors.reading.wire import AnyInstant, Id, Text, Whole, Wire


def word(value: object) -> object:
    """``MONDAY``, ``time_of_day``: seen in other clients' test data."""
    return value.strip().lower().replace("_", "-") if isinstance(value, str) else value


def _or(default: str) -> Callable[[object], object]:
    """A word, null being the same as absence."""
    return lambda value: default if value is None else word(value)


class Sent(Wire):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))


def sent_as(one: Sent, name: str) -> str:
    """What the vendor calls the field ``name``, for paths in messages."""
    return str(type(one).model_fields[name].validation_alias)


class Named(Sent):
    """What every main object has."""

    id: Id
    name: Text | None = None
    description: Text | None = None

    @property
    def label(self) -> str:
        """The name exactly as sent, blanks and all."""
        return self.name or self.id


class Reference(Sent):
    """A pointer to a user (``username``) or to anything else (``name``); JSM sends neither. ``type`` none (JSM: noone)
    has no id."""

    type: Annotated[Text, BeforeValidator(_or(""))] = ""
    id: Id | None = None
    name: Text | None = None
    username: Text | None = None

    @property
    def label(self) -> str:
        return self.username or self.name or self.id or self.type

    @property
    def nobody(self) -> bool:
        return self.type in ("none", "noone")


class UserMeta(Sent):
    id: Id
    username: Text | None = None


class Member(Sent):
    user: UserMeta
    role: Text | None = None


class ForwardingRule(Sent):
    id: Id
    from_user: UserMeta
    to_user: UserMeta
    start_date: AnyInstant
    end_date: AnyInstant


# --- schedules --------------------------------------------------------------------------------------------------------

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = get_args(Day)
Hour = Annotated[Whole, Field(ge=0, le=24)]
Minute = Annotated[Whole, Field(ge=0, le=59)]


class Restriction(Sent):
    """One period; days only of the weekly kind. 24:00 is the end of a day."""

    start_day: Annotated[Day, BeforeValidator(word)] | None = None
    start_hour: Hour
    start_min: Minute
    end_day: Annotated[Day, BeforeValidator(word)] | None = None
    end_hour: Hour
    end_min: Minute


class TimeRestriction(Sent):
    """``restriction`` or ``restrictions``: both were seen with both types."""

    type: Annotated[Literal["time-of-day", "weekday-and-time-of-day"], BeforeValidator(word)]
    restriction: Restriction | None = None
    restrictions: tuple[Restriction, ...] | None = None


class Rotation(Named):
    start_date: AnyInstant
    end_date: AnyInstant | None = None
    type: Annotated[Literal["hourly", "daily", "weekly"], BeforeValidator(word)]
    length: Whole = 1
    participants: tuple[Reference, ...] = ()
    time_restriction: TimeRestriction | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, raw: Any) -> Any:
        """Absent and null are the same: no end, no restriction, nobody, the vendor's default length of 1."""
        empty = (None, "")
        return {k: v for k, v in raw.items() if v not in empty or k == "id"} if isinstance(raw, dict) else raw


class Owned(Named, ABC):
    @property
    @abstractmethod
    def team_id(self) -> str | None:
        """The team it belongs to."""


class Schedule(Owned):
    """``rotations`` None or empty: the answer did not expand them, or there are none."""

    timezone: Text | None = None
    enabled: bool | None = None
    rotations: tuple[Rotation, ...] | None = None


class Override(Sent, ABC):
    """A vendor's own has ``rotations``, too, in its spelling."""

    alias: Id
    by: Reference
    start_date: AnyInstant
    end_date: AnyInstant

    @property
    @abstractmethod
    def rotation_ids(self) -> frozenset[str]:
        """Those it is for, empty = all."""


# --- escalation, routing, services ------------------------------------------------------------------------------------


class Duration(Sent):
    """``timeUnit``: minutes unless sent (vendor schema: Duration)."""

    time_amount: Annotated[Whole, Field(ge=0)]
    time_unit: Annotated[Text, BeforeValidator(_or("minutes"))] = "minutes"


class EscalationRule(Sent):
    condition: Annotated[Literal["if-not-acked", "if-not-closed"], BeforeValidator(word)]
    notify_type: Annotated[Text, BeforeValidator(word)]
    delay: Duration
    recipient: Reference


class Repeat(Sent):
    """``waitInterval``: minutes, 0 = no repeat."""

    wait_interval: Annotated[Whole, Field(ge=0)] | None = None
    count: Annotated[Whole, Field(ge=0)] | None = None
    reset_recipient_states: bool | None = None
    close_alert_after_all: bool | None = None


class Escalation(Owned):
    """``enabled``: JSM only."""

    enabled: bool | None = None
    rules: tuple[EscalationRule, ...] | None = None
    repeat: Repeat | None = None


class RoutingRule(Named):
    is_default: bool | None = None
    order: Whole | None = None
    notify: Reference


class Service(Named):
    team_id: Id | None = None


# --- the vendor's own rendering ---------------------------------------------------------------------------------------


class Period(Sent):
    """Opsgenie speaks of recipients, JSM of responders."""

    start_date: AnyInstant
    end_date: AnyInstant
    type: Annotated[Literal["historical", "default", "base", "override", "forwarding"], BeforeValidator(word)]
    holder: Reference | None = Field(None, validation_alias=AliasChoices("recipient", "responder"))
    served: tuple[Reference, ...] | None = Field(
        None, validation_alias=AliasChoices("flattenedRecipients", "flattenedResponders")
    )


class TimelineRotation(Sent):
    """``deleted``: JSM draws what a rotation that is gone has served."""

    deleted: bool | None = None
    periods: tuple[Period, ...] | None = None


class TimelinePart(Sent):
    rotations: tuple[TimelineRotation, ...] | None = None


class Timeline(Sent):
    start_date: AnyInstant
    end_date: AnyInstant
    final_timeline: TimelinePart | None = None
