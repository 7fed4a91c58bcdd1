"""Models of the objects that xMatters' REST API sends (vendor: https://help.xmatters.com/xmapi/).

They have only the fields that are used. Fields may be null or missing; ``None`` for a collection means that it was not
reported. A value outside a documented set is an error of that object, never a default. Fields have the vendor's names
in snake case. Secrets in clear text (``phonePin``, ``phoneLogin``, custom ``properties``) have no field, so they are
never imported.
"""

from typing import Annotated, Any, Literal

from pydantic import (
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

from connectors.reading.texts import MOST_CHARACTERS, name_of
from connectors.reading.wire import Id, Instant, Moment, Text, Wire

_INSTANT: TypeAdapter[Moment] = TypeAdapter(Instant)
#: All documented words that are used.
_WORDS = frozenset(
    (  # noqa: SIM905 - sixty lines otherwise
        "ACTIVE INACTIVE SU MO TU WE TH FR SA JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC ON_CALL BROADCAST "
        "DYNAMIC PERSON GROUP DEVICE DYNAMIC_TEAM EMAIL VOICE TEXT_PHONE TEXT_PAGER APPLE_PUSH ANDROID_PUSH FAX "
        "VOICE_IVR GENERIC INVALID NEVER DATE REPETITIONS ONCE DAILY WEEKLY EVERY_WEEKDAY EVERY_WEEKEND_DAY MONTHLY "
        "YEARLY HOLIDAY DATE_OF_MONTH DAY_OF_WEEK FIRST SECOND THIRD FOURTH LAST NONE PEER MANAGEMENT VACANCY "
        "REPLACEMENT"
    ).split()
)


def _word(value: object) -> object:
    """Returns a known word in upper case, because samples mix the case. An unknown word stays as it was sent."""
    word = value.strip().upper() if isinstance(value, str) else ""
    return word if word in _WORDS else value


def _number(value: object) -> object:
    """Returns a number for ``4`` or ``"4"``: both were seen. Other texts and very long numbers stay as they are."""
    word = value.strip() if isinstance(value, str) else ""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 12 else value


def _flag(value: object) -> object:
    """Returns a boolean for ``true`` or ``"true"``."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


def _rows(value: object) -> object:
    """Returns a bare list, or the ``data`` of its envelope."""
    return value.get("data") if isinstance(value, dict) else value


def _is_incomplete(value: object) -> bool:
    """Returns whether an envelope contains fewer rows than its total."""
    rows, total = _rows(value), value.get("total") if isinstance(value, dict) else None
    return isinstance(rows, list) and type(total) is int and len(rows) < total


def _complete_rows(value: object) -> object:
    """Returns the rows of a list that must be complete."""
    if _is_incomplete(value):
        raise ValueError("the list is incomplete")
    return _rows(value)


def usable_id(raw: object) -> str | None:
    """Returns the id of an object, None if it has none that can be used."""
    id_ = raw.get("id") if isinstance(raw, dict) else None
    return id_ if isinstance(id_, str) and id_.strip() and len(id_) <= MOST_CHARACTERS else None


def has_ended(raw: object, end: str, at: int) -> bool:
    """Returns whether an object has an instant ``end`` that is not after the instant ``at``."""
    try:
        return isinstance(raw, dict) and _INSTANT.validate_python(raw.get(end)).instant <= at
    except ValidationError:
        return False


def _text_of_number(value: object) -> object:
    return str(value) if type(value) is int else _word(value)


Word = Annotated[Text, BeforeValidator(_word)]
Whole = Annotated[int, Field(strict=True, ge=0), BeforeValidator(_number)]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(_flag)]
Status = Annotated[Literal["ACTIVE", "INACTIVE"], BeforeValidator(_word)]
Day = Annotated[Literal["SU", "MO", "TU", "WE", "TH", "FR", "SA"], BeforeValidator(_word)]
Month = Annotated[
    Literal["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], BeforeValidator(_word)
]
GroupType = Annotated[Literal["ON_CALL", "BROADCAST", "DYNAMIC"], BeforeValidator(_word)]


class CamelWire(Wire):
    """A model whose fields have camel-case names in answers."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))


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
    owner: "Recipient | None" = None

    @property
    def label(self) -> str:
        """The name of a person, or the target name of another recipient."""
        full = " ".join(part.strip() for part in (self.first_name or "", self.last_name or "") if part.strip())
        return name_of(self.id, full, self.target_name, self.name)


# --- people -----------------------------------------------------------------------------------------------------------


class Role(CamelWire):
    name: Text | None = None


def _readable_roles(value: object) -> object:
    rows = _rows(value)
    return [row for row in rows if _is_role(row)] if isinstance(rows, list) else rows


def _has_unread_roles(value: object) -> bool:
    rows = _rows(value)
    return _is_incomplete(value) or (isinstance(rows, list) and not all(map(_is_role, rows)))


def _is_role(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("name"), str | None)


class Person(Recipient):
    """A person. roles_incomplete: whether there are more roles than could be read."""

    web_login: Text | None = None
    timezone: Text | None = None
    status: Status | None = None
    site: Reference | None = None
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

    items: Annotated[tuple[Timeframe, ...] | None, BeforeValidator(_complete_rows)] = None


class Device(CamelWire):
    """A device. status: one sample of the reference calls it ``active``. delay: minutes until the next device. country:
    two letters. timeframes: read by the mapping, because an unreadable one costs only the device's notification rule.
    """

    id: Id
    name: Text | None = None
    device_type: Word
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
    site: Reference | None = None
    timezone: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, raw: Any) -> Any:
        return {k: v for k, v in raw.items() if v is not None or k == "id"} if isinstance(raw, dict) else raw


class RosterRow(CamelWire):
    member: Recipient


# --- shifts -----------------------------------------------------------------------------------------------------------


class RecurrenceEnd(CamelWire):
    end_by: Annotated[Literal["NEVER", "DATE", "REPETITIONS"], BeforeValidator(_word)] | None = None
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
        BeforeValidator(_word),
    ]
    repeat_every: Whole | None = None
    on_days: tuple[Day, ...] | None = None
    on: Annotated[Literal["DATE_OF_MONTH", "DAY_OF_WEEK"], BeforeValidator(_word)] | None = None
    months: tuple[Month, ...] | None = None
    date_of_month: Annotated[Text, BeforeValidator(_text_of_number)] | None = None
    day_of_week_classifier: (
        Annotated[Literal["FIRST", "SECOND", "THIRD", "FOURTH", "LAST"], BeforeValidator(_word)] | None
    ) = None
    day_of_week: Day | None = None
    end: RecurrenceEnd | None = None


class Rotation(CamelWire):
    """A rotation. No reference contains its words, so every value is accepted here. A note names unknown words."""

    type: Any = None
    direction: Any = None
    interval: Annotated[Any, BeforeValidator(_number)] = None
    interval_unit: Any = None
    next_rotation_time: Instant | None = None


class Exclusion(CamelWire):
    start_date: Instant


def _recipient_or_none(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError:
        return None


class ShiftMember(CamelWire):
    """A member of a shift. delay: minutes *before* this member. in_rotation: was also seen inside the recipient.

    recipient: None if it is unusable, for example without an id: it keeps its seat. recipient_type: its type then.
    """

    position: Whole
    delay: Whole
    escalation_type: Word | None = None
    in_rotation: Flag = True
    recipient: Annotated[Recipient | None, WrapValidator(_recipient_or_none)] = None
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
    absence_type: Annotated[Literal["VACANCY", "REPLACEMENT"], BeforeValidator(_word)]
    start: Instant
    end: Instant
    member: Recipient
    group: Reference | None = None
    replacement: Recipient | None = None


class Service(Reference):
    description: Text | None = None
    owned_by: Reference | None = None
    status: Word | None = None


class Replacement(CamelWire):
    """A stretch of time of an on-call member. replacement: None means nobody."""

    start: Instant
    end: Instant
    replacement: Recipient | None = None


class OnCallMember(CamelWire):
    member: Recipient
    replacements: Annotated[tuple[Replacement, ...] | None, BeforeValidator(_rows)] = None


class OnCallRow(CamelWire):
    """A row of the on-call answer. shift: None means a gap. members: completed by the client."""

    group: Reference
    shift: Reference | None = None
    start: Instant
    end: Instant
    members: tuple[OnCallMember, ...] | None = None
