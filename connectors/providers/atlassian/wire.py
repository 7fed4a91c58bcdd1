"""Pydantic models of what both APIs send (vendor: opsgenie/opsgenie-oas; JSM Operations REST API v2).

Where an API spells a field differently, its own package derives a model from these. Null and missing fields are
accepted. ``None`` for a collection means that the answer did not report it. A value outside a documented set is an
error of that one object and never replaced by a default. Fields have the vendor's names in snake case.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from connectors.reading.texts import name_of
from connectors.reading.wire import Id, Instant, Key, Moment, Text, Whole, Wire, without_empty


def word(value: object) -> object:
    """Normalise a word to ``time-of-day``. ``MONDAY`` and ``time_of_day`` occur in the test data of other clients."""
    return value.strip().lower().replace("_", "-") if isinstance(value, str) else value


def _word_or(default: str) -> Callable[[object], object]:
    """Return a validator that normalises a word and replaces null by ``default``."""
    return lambda value: default if value is None else word(value)


def _or_default(default: object) -> Callable[[object, ValidatorFunctionWrapHandler], object]:
    """Return a validator that replaces a value that cannot be read by ``default``."""

    def validate(value: object, handler: ValidatorFunctionWrapHandler) -> object:
        try:
            return handler(value)
        except ValidationError:
            return default

    return validate


def has_ended(raw: object, at: int) -> bool:
    """Return whether a raw element with ``endDate`` ended before the instant ``at``. False for an unreadable end."""
    try:
        return isinstance(raw, dict) and _INSTANT.validate_python(raw.get("endDate")).instant <= at
    except ValidationError:
        return False


class AtlassianModel(Wire):
    """The base of all models. The vendor's names of fields are in camel case."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))


def vendor_field_name(model: AtlassianModel, name: str) -> str:
    """Return the vendor's name of the field ``name``, for paths in messages."""
    return str(type(model).model_fields[name].validation_alias)


#: Wrap validators that replace a value that cannot be read.
_OR_NONE: Final = WrapValidator(_or_default(None))
_OR_EMPTY: Final = WrapValidator(_or_default(""))
_INSTANT: Final = TypeAdapter[Moment](Instant)


class MainObject(AtlassianModel):
    """Fields that all main objects have."""

    id: Id
    name: Text | None = None
    description: Text | None = None

    @property
    def label(self) -> str:
        """The name exactly as sent, with its blanks, or the id."""
        return name_of(self.id, self.name)


class Reference(AtlassianModel):
    """A reference to a user (with ``username``) or to another object (with ``name``). JSM sends neither.

    The type ``none`` (JSM: ``noone``) means nobody and has no id. A reference is always readable, because it keeps a
    turn or a place: a field that cannot be read counts as missing, and a reference without an id or with an unknown
    type is reported by the mapping.
    """

    type: Annotated[Text, BeforeValidator(_word_or("")), _OR_EMPTY] = ""
    id: Annotated[Id | None, _OR_NONE] = None
    name: Annotated[Text | None, _OR_NONE] = None
    username: Annotated[Text | None, _OR_NONE] = None

    @model_validator(mode="before")
    @classmethod
    def _without_fields(cls, raw: Any) -> Any:
        return raw if isinstance(raw, dict | Reference) else {}

    @property
    def label(self) -> str:
        return name_of(self.id or self.type or "without a type", self.username, self.name)

    @property
    def nobody(self) -> bool:
        return self.type in ("none", "noone")


class UserMeta(AtlassianModel):
    id: Id
    username: Annotated[Text | None, _OR_NONE] = None


class Member(AtlassianModel):
    user: UserMeta
    role: Text | None = None


class SentRule(AtlassianModel):
    """A forwarding rule as sent, of which only the person it is from was read. from_user: without an id if unreadable.
    raw: the whole rule."""

    from_user: Reference = Reference()
    raw: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _with_raw(cls, raw: Any) -> Any:
        return {"fromUser": raw.get("fromUser"), "raw": raw} if isinstance(raw, dict) else raw


class ForwardingRule(AtlassianModel):
    id: Id
    from_user: UserMeta
    to_user: UserMeta
    start_date: Instant
    end_date: Instant


# --- schedules --------------------------------------------------------------------------------------------------------

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = get_args(Day)
Hour = Annotated[Whole, Field(ge=0, le=24)]
Minute = Annotated[Whole, Field(ge=0, le=59)]


class Restriction(AtlassianModel):
    """One period of a day or a week. Only weekly ones have days. 24:00 is the end of a day."""

    start_day: Annotated[Day, BeforeValidator(word)] | None = None
    start_hour: Hour
    start_min: Minute
    end_day: Annotated[Day, BeforeValidator(word)] | None = None
    end_hour: Hour
    end_min: Minute


class TimeRestriction(AtlassianModel):
    """Has ``restriction`` or ``restrictions``. Each was seen with both types. Both are raw, so that an unreadable
    restriction costs only itself."""

    type: Annotated[Literal["time-of-day", "weekday-and-time-of-day"], BeforeValidator(word)] | None = None
    restriction: Any = None
    restrictions: list[Any] | None = None

    @property
    def all(self) -> list[Any]:
        return [*(self.restrictions or ()), *([] if self.restriction is None else [self.restriction])]


class Rotation(MainObject):
    start_date: Instant
    end_date: Instant | None = None
    type: Annotated[Literal["hourly", "daily", "weekly"], BeforeValidator(word)]
    length: Whole = 1
    participants: tuple[Reference, ...] = ()
    time_restriction: TimeRestriction | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, raw: Any) -> Any:
        """Treat null like absent: no end, no restriction, no participants, the vendor's default length of 1."""
        empty = (None, "")
        return {k: v for k, v in raw.items() if v not in empty or k == "id"} if isinstance(raw, dict) else raw


class OwnedObject(MainObject, ABC):
    @property
    @abstractmethod
    def team_id(self) -> str | None:
        """The id of the team that owns this object."""


class Schedule(OwnedObject):
    """rotations: raw, so that an unreadable rotation costs only itself. None or empty if the answer did not expand
    them, or if there are none."""

    timezone: Text | None = None
    enabled: bool | None = None
    rotations: list[Any] | None = None


class Override(AtlassianModel, ABC):
    """Each provider adds ``rotations`` in its own spelling."""

    alias: Key
    by: Reference
    start_date: Instant
    end_date: Instant

    @property
    @abstractmethod
    def rotation_ids(self) -> frozenset[str]:
        """The rotations that it applies to. Empty means all."""


# --- escalation, routing, services ------------------------------------------------------------------------------------


class Duration(AtlassianModel):
    """time_unit: minutes if it is not sent (vendor schema: Duration)."""

    time_amount: Annotated[Whole, Field(ge=0)]
    time_unit: Annotated[Text, BeforeValidator(_word_or("minutes"))] = "minutes"


class EscalationRule(AtlassianModel):
    condition: Annotated[Literal["if-not-acked", "if-not-closed"], BeforeValidator(word)]
    notify_type: Annotated[Text, BeforeValidator(word)]
    delay: Duration
    recipient: Reference = Reference()


class Repeat(AtlassianModel):
    """wait_interval: minutes; 0 means no repeat."""

    wait_interval: Annotated[Whole, Field(ge=0)] | None = None
    count: Annotated[Whole, Field(ge=0)] | None = None
    reset_recipient_states: bool | None = None
    close_alert_after_all: bool | None = None


class Escalation(OwnedObject):
    """enabled: JSM only. rules: raw, so that an unreadable rule costs only itself."""

    enabled: bool | None = None
    rules: list[Any] | None = None
    repeat: Repeat | None = None


class RoutingRule(MainObject):
    is_default: bool | None = None
    order: Whole | None = None
    notify: Reference = Reference()


class Service(MainObject):
    team_id: Annotated[Id | None, BeforeValidator(without_empty)] = None


# --- the vendor's own rendering ---------------------------------------------------------------------------------------


class Period(AtlassianModel):
    """A period of the timeline. Opsgenie calls its people recipients, JSM calls them responders."""

    start_date: Instant
    end_date: Instant
    type: Annotated[Literal["historical", "default", "base", "override", "forwarding"], BeforeValidator(word)]
    holder: Reference | None = Field(None, validation_alias=AliasChoices("recipient", "responder"))
    served: tuple[Reference, ...] | None = Field(
        None, validation_alias=AliasChoices("flattenedRecipients", "flattenedResponders")
    )


class TimelineRotation(AtlassianModel):
    """deleted: JSM also shows the past shifts of rotations that no longer exist."""

    deleted: bool | None = None
    periods: tuple[Period, ...] | None = None


class TimelinePart(AtlassianModel):
    rotations: tuple[TimelineRotation, ...] | None = None


class Timeline(AtlassianModel):
    start_date: Instant
    end_date: Instant
    final_timeline: TimelinePart | None = None
