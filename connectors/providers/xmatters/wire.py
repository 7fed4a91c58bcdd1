"""Models of the objects that xMatters' REST API sends (vendor: https://help.xmatters.com/xmapi/).

They have only the fields that are used. Fields may be null or missing; ``None`` for a collection means that it was not
reported. A value outside a documented set is an error of that object, never a default. Fields have the vendor's names
in snake case. Secrets in clear text (``phonePin``, ``phoneLogin``, custom ``properties``) have no field, so they are
never imported.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from connectors.providers.xmatters.fields import (
    CamelWire,
    Day,
    Flag,
    GroupType,
    Month,
    Status,
    Whole,
    Word,
    complete_rows,
    is_incomplete,
    number_of,
    rows_of,
    text_of_number,
    word_of,
)
from connectors.reading.texts import name_of
from connectors.reading.wire import Id, Instant, Text, without_empty


class Reference(CamelWire):
    """A reference to an object. Only the id is required."""

    id: Id
    target_name: Text | None = None
    name: Text | None = None

    @property
    def label(self) -> str:
        return name_of(self.id, self.target_name, self.name)


class Recipient(Reference):
    """An object that can be notified. recipient_type: PERSON, GROUP, DEVICE or DYNAMIC_TEAM. owner: of a device."""

    recipient_type: Word | None = None
    group_type: GroupType | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    owner: Annotated["Recipient | None", BeforeValidator(without_empty)] = None

    @property
    def label(self) -> str:
        """The name of a person, or the target name of another recipient."""
        full = " ".join(part.strip() for part in (self.first_name or "", self.last_name or "") if part.strip())
        return name_of(self.id, full, self.target_name, self.name)


# --- people -----------------------------------------------------------------------------------------------------------


class Role(CamelWire):
    name: Text | None = None


def _readable_roles(value: object) -> object:
    rows = rows_of(value)
    return [row for row in rows if _is_role(row)] if isinstance(rows, list) else rows


def _has_unread_roles(value: object) -> bool:
    rows = rows_of(value)
    return is_incomplete(value) or (isinstance(rows, list) and not all(map(_is_role, rows)))


def _is_role(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("name"), str | None)


class Person(Recipient):
    """A person. roles_incomplete: whether there are more roles than could be read."""

    web_login: Text | None = None
    timezone: Text | None = None
    status: Status | None = None
    site: Annotated[Reference | None, BeforeValidator(without_empty)] = None
    roles: Annotated[tuple[Role, ...] | None, BeforeValidator(_readable_roles)] = None
    roles_incomplete: Annotated[bool, Field(validation_alias="roles"), BeforeValidator(_has_unread_roles)] = False


class Site(Reference):
    timezone: Text | None = None
    status: Word | None = None


class Timeframe(CamelWire):
    name: Text | None = None
    start_time: Text
    timezone: Text | None = None
    duration_in_minutes: Whole
    days: tuple[Day, ...] | None = None
    exclude_holidays: Flag | None = None


class Timeframes(CamelWire):
    """The time frames of a device, which must be complete. items: None means always."""

    items: Annotated[tuple[Timeframe, ...] | None, BeforeValidator(complete_rows)] = None


class Device(CamelWire):
    """A device. status: one sample of the reference calls it ``active``. delay: minutes until the next device. country:
    two letters. timeframes: read by the mapping, because an unreadable one costs only the device's notification rule.
    """

    id: Id
    name: Text | None = None
    device_type: Annotated[Word, Field(pattern=r"\S")]
    email_address: Text | None = None
    phone_number: Text | None = None
    country: Any = None
    owner: Recipient | None = None
    sequence: Whole | None = None
    delay: Whole | None = None
    status: Status | None = None
    test_status: Word | None = None
    priority_threshold: Word | None = None
    timeframes: Any = None

    @model_validator(mode="before")
    @classmethod
    def _either_spelling(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("status") is None and isinstance(raw.get("active"), str):
            return {**raw, "status": raw["active"]}
        return raw


# --- groups -----------------------------------------------------------------------------------------------------------


class Group(Reference):
    """A group. group_type: missing in answers before 2021, when every group was an on-call group."""

    group_type: GroupType = "ON_CALL"
    status: Status | None = None
    description: Text | None = None
    site: Annotated[Reference | None, BeforeValidator(without_empty)] = None
    timezone: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, raw: Any) -> Any:
        return {k: v for k, v in raw.items() if v is not None or k == "id"} if isinstance(raw, dict) else raw


class RosterRow(CamelWire):
    member: Recipient


# --- shifts -----------------------------------------------------------------------------------------------------------


class RecurrenceEnd(CamelWire):
    end_by: Annotated[Literal["NEVER", "DATE", "REPETITIONS"], BeforeValidator(word_of)] | None = None
    date: Instant | None = None
    repetitions: Whole | None = None


class Recurrence(CamelWire):
    """A recurrence. DATE_OF_MONTH and DAY_OF_WEEK are documented as frequencies, but samples have them in ``on``."""

    frequency: Annotated[
        Literal[
            "ONCE",
            "DAILY",
            "WEEKLY",
            "EVERY_WEEKDAY",
            "EVERY_WEEKEND_DAY",
            "MONTHLY",
            "YEARLY",
            "HOLIDAY",
            "DATE_OF_MONTH",
            "DAY_OF_WEEK",
        ],
        BeforeValidator(word_of),
    ]
    repeat_every: Whole | None = None
    on_days: tuple[Day, ...] | None = None
    on: Annotated[Literal["DATE_OF_MONTH", "DAY_OF_WEEK"], BeforeValidator(word_of)] | None = None
    months: tuple[Month, ...] | None = None
    date_of_month: Annotated[Text, BeforeValidator(text_of_number)] | None = None
    day_of_week_classifier: (
        Annotated[Literal["FIRST", "SECOND", "THIRD", "FOURTH", "LAST"], BeforeValidator(word_of)] | None
    ) = None
    day_of_week: Day | None = None
    end: RecurrenceEnd | None = None


class Rotation(CamelWire):
    """A rotation. No reference contains its words, so every value is accepted here. A note names unknown words."""

    type: Any = None
    direction: Any = None
    interval: Annotated[Any, BeforeValidator(number_of)] = None
    interval_unit: Any = None
    next_rotation_time: Instant | None = None


class Exclusion(CamelWire):
    start_date: Instant


def _usable_or_none(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError:
        return None


class ShiftMember(CamelWire):
    """A member of a shift. in_rotation: was also seen inside the recipient.

    delay: minutes *before* this member; None if it is unusable. recipient: None if it is unusable, for example without
    an id: it keeps its seat. recipient_type: its type then.
    """

    position: Whole
    delay: Annotated[Whole | None, WrapValidator(_usable_or_none)] = None
    escalation_type: Word | None = None
    in_rotation: Flag = True
    recipient: Annotated[Recipient | None, WrapValidator(_usable_or_none)] = None
    recipient_type: Text = ""

    @model_validator(mode="before")
    @classmethod
    def _from_recipient(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        recipient = raw.get("recipient")
        nested = recipient if isinstance(recipient, dict) else {}
        kept = {key: value for key, value in raw.items() if key not in ("inRotation", "recipientType")}
        in_rotation = raw.get("inRotation") if raw.get("inRotation") is not None else nested.get("inRotation")
        if in_rotation is not None:
            kept["inRotation"] = in_rotation
        if isinstance(nested.get("recipientType"), str):
            kept["recipientType"] = nested["recipientType"]
        return kept


class SiteHolidays(CamelWire):
    on_call: Flag | None = None


class RepeatEscalation(CamelWire):
    """A repetition. delay: minutes. wait_in_seconds: the same delay in another place of the reference."""

    repeat_enabled: Flag | None = None
    repetitions: Whole | None = None
    delay: Whole | None = None
    wait_in_seconds: Whole | None = None


class EndOfEscalation(CamelWire):
    notify_enabled: Flag | None = None


class Shift(Reference):
    """A shift. start, end: of the first occurrence. members, exclusions: None means not reported; they are read element
    by element, so that an unreadable one costs only itself."""

    description: Text | None = None
    start: Instant | None = None
    end: Instant | None = None
    timezone: Text | None = None
    recurrence: Recurrence | None = None
    rotation: Rotation | None = None
    rotation_type: Any = None
    members: tuple[ShiftMember, ...] | None = None
    exclusions: tuple[Exclusion, ...] | None = None
    site_holidays: SiteHolidays | None = None
    repeat_escalation: RepeatEscalation | None = None
    notify_end_of_escalation: EndOfEscalation | None = None


# --- absences, services, who is on call -------------------------------------------------------------------------------


class Raw(CamelWire):
    """An element as it was sent, which is read later for the object that it belongs to."""

    value: Any = None

    @model_validator(mode="before")
    @classmethod
    def _anything(cls, raw: Any) -> Any:
        return {"value": raw}


class Absence(CamelWire):
    id: Id
    absence_type: Annotated[Literal["VACANCY", "REPLACEMENT"], BeforeValidator(word_of)]
    start: Instant
    end: Instant
    member: Recipient
    group: Reference | None = None
    replacement: Recipient | None = None

    @property
    def substitute(self) -> Recipient | None:
        """The replacement, None if there is none or if it is not a person."""
        by = self.replacement
        return by if by is not None and by.recipient_type in (None, "PERSON") else None


class Service(Reference):
    description: Text | None = None
    owned_by: Annotated[Reference | None, BeforeValidator(without_empty)] = None
    status: Word | None = None


class Replacement(CamelWire):
    """A stretch of time of an on-call member. replacement: None means nobody."""

    start: Instant
    end: Instant
    replacement: Recipient | None = None


class OnCallMember(CamelWire):
    member: Recipient
    replacements: Annotated[tuple[Replacement, ...] | None, BeforeValidator(rows_of)] = None


class OnCallRow(CamelWire):
    """A row of the on-call answer. shift: None means a gap. members: completed by the client."""

    group: Reference
    shift: Reference | None = None
    start: Instant
    end: Instant
    members: tuple[OnCallMember, ...] | None = None
