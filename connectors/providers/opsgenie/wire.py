"""What Opsgenie's REST API sends, as far as it is read here (vendor: opsgenie/opsgenie-oas).

Nullable and missing fields are tolerated; ``None`` for a collection means the answer did not tell it. A value outside
a documented set is an error of that one object, never a default. Fields are named as sent, in snake case.
"""

from typing import Annotated, Any, Literal, get_args

from pydantic import AliasGenerator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from connectors.wire import AnyInstant, Id, Text, Whole, Wire


def _word(value: object) -> object:
    """``MONDAY``, ``time_of_day``: seen in other clients' test data."""
    return value.strip().lower().replace("_", "-") if isinstance(value, str) else value


def _shown(value: object) -> object:
    return {} if value is None else value


class Sent(Wire):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))


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
    """A pointer to a user (``username``) or to anything else (``name``). ``type`` none has no id."""

    type: Annotated[Text, BeforeValidator(_word)] = ""
    id: Id | None = None
    name: Text | None = None
    username: Text | None = None

    @property
    def label(self) -> str:
        return self.username or self.name or self.id or self.type


class UserMeta(Sent):
    id: Id
    username: Text | None = None


class TeamMeta(Sent):
    id: Id
    name: Text | None = None


# --- people -----------------------------------------------------------------------------------------------------------


class ContactStatus(Sent):
    enabled: bool | None = None
    disabled_reason: Text | None = None


class Contact(Sent):
    """Two shapes: ``contactMethod`` and ``enabled`` within a user, ``method`` and ``status`` in a list of contacts."""

    id: Id
    to: Text | None = None
    contact_method: Annotated[Text, BeforeValidator(_word)] | None = None
    method: Annotated[Text, BeforeValidator(_word)] | None = None
    enabled: bool | None = None
    disabled_reason: Text | None = None
    status: Annotated[ContactStatus, BeforeValidator(_shown)] = ContactStatus()

    @model_validator(mode="after")
    def _has_a_method(self) -> "Contact":
        if not self.kind:
            raise ValueError("a contact without a method")
        return self

    @property
    def kind(self) -> str:
        return self.contact_method or self.method or ""


class User(Sent):
    """``username`` is the e-mail address. ``userContacts`` stay raw: one bad entry costs that list, not the person."""

    id: Id
    username: Text
    full_name: Text | None = None
    blocked: bool | None = None
    verified: bool | None = None
    time_zone: Text | None = None
    user_contacts: list[Any] | None = None

    @property
    def label(self) -> str:
        return self.full_name or self.username or self.id


class Member(Sent):
    user: UserMeta
    role: Text | None = None


class Team(Named):
    members: tuple[Member, ...] | None = None


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

    start_day: Annotated[Day, BeforeValidator(_word)] | None = None
    start_hour: Hour
    start_min: Minute
    end_day: Annotated[Day, BeforeValidator(_word)] | None = None
    end_hour: Hour
    end_min: Minute


class TimeRestriction(Sent):
    """``restriction`` or ``restrictions``: both were seen with both types."""

    type: Annotated[Literal["time-of-day", "weekday-and-time-of-day"], BeforeValidator(_word)]
    restriction: Restriction | None = None
    restrictions: tuple[Restriction, ...] | None = None


class Rotation(Named):
    start_date: AnyInstant
    end_date: AnyInstant | None = None
    type: Annotated[Literal["hourly", "daily", "weekly"], BeforeValidator(_word)]
    length: Whole = 1
    participants: tuple[Reference, ...] = ()
    time_restriction: TimeRestriction | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, raw: Any) -> Any:
        """Absent and null are the same: no end, no restriction, nobody, the vendor's default length of 1."""
        empty = (None, "")
        return {k: v for k, v in raw.items() if v not in empty or k == "id"} if isinstance(raw, dict) else raw


class Schedule(Named):
    """``rotations`` None or empty: the answer did not expand them, or there are none."""

    timezone: Text | None = None
    enabled: bool | None = None
    owner_team: TeamMeta | None = None
    rotations: tuple[Rotation, ...] | None = None


class OverrideRotation(Sent):
    id: Id
    name: Text | None = None


class Override(Sent):
    alias: Id
    user: Reference
    start_date: AnyInstant
    end_date: AnyInstant
    rotations: tuple[OverrideRotation, ...] | None = None


# --- escalation, routing, services ------------------------------------------------------------------------------------


class Duration(Sent):
    """``timeUnit``: minutes unless sent (vendor schema: Duration)."""

    time_amount: Annotated[Whole, Field(ge=0)]
    time_unit: Annotated[Text, BeforeValidator(_word)] = "minutes"


class EscalationRule(Sent):
    condition: Annotated[Literal["if-not-acked", "if-not-closed"], BeforeValidator(_word)]
    notify_type: Annotated[Text, BeforeValidator(_word)]
    delay: Duration
    recipient: Reference


class Repeat(Sent):
    """``waitInterval``: minutes, 0 = no repeat."""

    wait_interval: Annotated[Whole, Field(ge=0)] | None = None
    count: Annotated[Whole, Field(ge=0)] | None = None
    reset_recipient_states: bool | None = None
    close_alert_after_all: bool | None = None


class Escalation(Named):
    owner_team: TeamMeta | None = None
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
    start_date: AnyInstant
    end_date: AnyInstant
    type: Annotated[Literal["historical", "default", "base", "override", "forwarding"], BeforeValidator(_word)]
    recipient: Reference | None = None
    flattened_recipients: tuple[Reference, ...] | None = None


class TimelineRotation(Sent):
    periods: tuple[Period, ...] | None = None


class TimelinePart(Sent):
    rotations: tuple[TimelineRotation, ...] | None = None


class Timeline(Sent):
    start_date: AnyInstant
    end_date: AnyInstant
    final_timeline: TimelinePart | None = None


# --- account ----------------------------------------------------------------------------------------------------------


class AccountInfo(Sent):
    name: Text
    user_count: Whole | None = None


class Limit(Sent):
    limit: Annotated[Whole, Field(ge=1)]
    period_in_seconds: Annotated[Whole, Field(ge=1)]


class DomainLimits(Sent):
    domain: Text
    limits: tuple[Limit, ...]


class RequestLimits(Sent):
    rate_limits: tuple[DomainLimits, ...]
