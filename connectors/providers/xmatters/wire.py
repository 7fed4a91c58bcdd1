"""What xMatters' REST API sends, as far as it is read here (vendor: https://help.xmatters.com/xmapi/).

Nullable and missing fields are tolerated; ``None`` for a collection means the answer did not tell it. A value outside
a documented set is an error of that one object, never a default. Fields are named as sent, in snake case. Secrets that
come in clear (``phonePin``, ``phoneLogin``, custom ``properties``) have no field here: they are never taken.
"""

from typing import Annotated, Any, Literal

from pydantic import AliasGenerator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from connectors.reading.wire import AnyInstant, Id, Instant, Text, Wire

#: Every documented word that is looked at.
_KNOWN = frozenset(
    (  # noqa: SIM905 - sixty lines otherwise
        "ACTIVE INACTIVE SU MO TU WE TH FR SA JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC ON_CALL BROADCAST "
        "DYNAMIC PERSON GROUP DEVICE DYNAMIC_TEAM EMAIL VOICE TEXT_PHONE TEXT_PAGER APPLE_PUSH ANDROID_PUSH FAX "
        "VOICE_IVR GENERIC INVALID NEVER DATE REPETITIONS ONCE DAILY WEEKLY EVERY_WEEKDAY EVERY_WEEKEND_DAY MONTHLY "
        "YEARLY HOLIDAY DATE_OF_MONTH DAY_OF_WEEK FIRST SECOND THIRD FOURTH LAST NONE PEER MANAGEMENT VACANCY "
        "REPLACEMENT"
    ).split()
)


def _word(value: object) -> object:
    """``None``, ``Peer``: samples mix the case. A word that is not known stays as it is sent, to be shown."""
    word = value.strip().upper() if isinstance(value, str) else ""
    return word if word in _KNOWN else value


def _number(value: object) -> object:
    """``4`` or ``"4"``: seen both ways. Nothing that only looks like a number, nor one that is too long to be meant."""
    word = value.strip() if isinstance(value, str) else ""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 12 else value


def _flag(value: object) -> object:
    """``true`` or ``"true"``."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


def _rows(value: object) -> object:
    """A bare list, or the ``data`` of an envelope around it."""
    return value.get("data") if isinstance(value, dict) else value


def _is_cut(value: object) -> bool:
    """Whether an envelope tells that more is there than came with it."""
    rows, total = _rows(value), value.get("total") if isinstance(value, dict) else None
    return isinstance(rows, list) and type(total) is int and len(rows) < total


def _whole_rows(value: object) -> object:
    """The rows of a list that must not lack anything."""
    if _is_cut(value):
        raise ValueError("a list that was cut")
    return _rows(value)


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


class Sent(Wire):
    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))


class Reference(Sent):
    """A pointer; any of these but the id may be left out."""

    id: Id
    target_name: Text | None = None
    name: Text | None = None

    @property
    def label(self) -> str:
        return self.target_name or self.name or self.id


class Recipient(Reference):
    """Whoever can be notified. recipient_type: PERSON, GROUP, DEVICE or DYNAMIC_TEAM. owner: of a device."""

    recipient_type: Word | None = None
    group_type: GroupType | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    owner: "Recipient | None" = None

    @property
    def label(self) -> str:
        """The name of a person, the target name of anything else."""
        full = " ".join(part.strip() for part in (self.first_name or "", self.last_name or "") if part.strip())
        return full or self.target_name or self.name or self.id


# --- people -----------------------------------------------------------------------------------------------------------


class Role(Sent):
    name: Text | None = None


class Person(Recipient):
    """roles_cut: there are more roles than came."""

    web_login: Text | None = None
    timezone: Text | None = None
    status: Status | None = None
    site: Reference | None = None
    roles: Annotated[tuple[Role, ...] | None, BeforeValidator(_rows)] = None
    roles_cut: Annotated[bool, Field(validation_alias="roles"), BeforeValidator(_is_cut)] = False


class Site(Reference):
    timezone: Text | None = None
    status: Word | None = None


class Timeframe(Sent):
    name: Text | None = None
    start_time: Text
    timezone: Text | None = None
    duration_in_minutes: Whole
    days: tuple[Day, ...] | None = None
    exclude_holidays: Flag | None = None


class Device(Sent):
    """``status``, in one sample of the reference spelt ``active``. delay: minutes from this device to the next."""

    id: Id
    name: Text | None = None
    device_type: Word
    email_address: Text | None = None
    phone_number: Text | None = None
    owner: Recipient | None = None
    sequence: Whole | None = None
    delay: Whole | None = None
    status: Status | None = None
    test_status: Word | None = None
    priority_threshold: Word | None = None
    timeframes: Annotated[tuple[Timeframe, ...] | None, BeforeValidator(_whole_rows)] = None

    @model_validator(mode="before")
    @classmethod
    def _either_spelling(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and raw.get("status") is None and isinstance(raw.get("active"), str):
            return {**raw, "status": raw["active"]}
        return raw


# --- groups -----------------------------------------------------------------------------------------------------------


class Group(Reference):
    """group_type: absent in replies of before 2021, when every group was on call."""

    group_type: GroupType = "ON_CALL"
    status: Status | None = None
    description: Text | None = None
    site: Reference | None = None
    timezone: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, raw: Any) -> Any:
        return {k: v for k, v in raw.items() if v is not None or k == "id"} if isinstance(raw, dict) else raw


class RosterRow(Sent):
    member: Recipient


# --- shifts -----------------------------------------------------------------------------------------------------------


class RecurrenceEnd(Sent):
    end_by: Annotated[Literal["NEVER", "DATE", "REPETITIONS"], BeforeValidator(_word)] | None = None
    date: AnyInstant | None = None
    repetitions: Whole | None = None


class Recurrence(Sent):
    """DATE_OF_MONTH and DAY_OF_WEEK are listed as frequencies, but samples have them in ``on``: both are read."""

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


class Rotation(Sent):
    """The spellings of the words are in no reference; what is unknown is named, so nothing is refused here."""

    type: Any = None
    direction: Any = None
    interval: Annotated[Any, BeforeValidator(_number)] = None
    interval_unit: Any = None
    next_rotation_time: Instant | None = None


class Exclusion(Sent):
    start_date: Instant
    end_date: Instant | None = None


class ShiftMember(Sent):
    """delay: minutes to wait *before* this member. in_rotation: also seen inside of the recipient."""

    position: Whole
    delay: Whole
    escalation_type: Word | None = None
    in_rotation: Flag = True
    recipient: Recipient

    @model_validator(mode="before")
    @classmethod
    def _in_rotation(cls, raw: Any) -> Any:
        if not isinstance(raw, dict) or raw.get("inRotation") is not None:
            return raw
        nested = raw["recipient"].get("inRotation") if isinstance(raw.get("recipient"), dict) else None
        kept = {key: value for key, value in raw.items() if key != "inRotation"}
        return kept if nested is None else {**kept, "inRotation": nested}


class SiteHolidays(Sent):
    on_call: Flag | None = None


class RepeatEscalation(Sent):
    """delay: minutes; wait_in_seconds: the same in another spelling of the reference."""

    repeat_enabled: Flag | None = None
    repetitions: Whole | None = None
    delay: Whole | None = None
    wait_in_seconds: Whole | None = None


class EndOfEscalation(Sent):
    notify_enabled: Flag | None = None


class Shift(Reference):
    """start, end: of the first occurrence. members, exclusions: None = not told."""

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


class Absence(Sent):
    id: Id
    absence_type: Annotated[Literal["VACANCY", "REPLACEMENT"], BeforeValidator(_word)]
    start: AnyInstant
    end: AnyInstant
    member: Recipient
    group: Reference | None = None
    replacement: Recipient | None = None


class Service(Reference):
    description: Text | None = None
    owned_by: Reference | None = None
    status: Word | None = None


class Replacement(Sent):
    """replacement None: nobody."""

    start: Instant
    end: Instant
    replacement: Recipient | None = None


class OnCallMember(Sent):
    member: Recipient
    replacements: Annotated[tuple[Replacement, ...] | None, BeforeValidator(_rows)] = None


class OnCallRow(Sent):
    """shift None: a gap. members as completed by the client."""

    group: Reference
    shift: Reference | None = None
    start: Instant
    end: Instant
    members: tuple[OnCallMember, ...] | None = None
