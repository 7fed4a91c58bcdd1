"""Types of the fields that xMatters sends: words, numbers, flags, days and lists. A wrong value is an error."""

from typing import Annotated, Final, Literal

from pydantic import AliasGenerator, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from connectors.reading.texts import MOST_CHARACTERS
from connectors.reading.wire import Instant, Moment, Text, Wire

_INSTANT: Final[TypeAdapter[Moment]] = TypeAdapter(Instant)
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


def word_of(value: object) -> object:
    """Returns a known word in upper case, because samples mix the case. An unknown word stays as it was sent."""
    word = value.strip().upper() if isinstance(value, str) else ""
    return word if word in _WORDS else value


def number_of(value: object) -> object:
    """Returns a number for ``4`` or ``"4"``: both were seen. Other texts and very long numbers stay as they are."""
    word = value.strip() if isinstance(value, str) else ""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 12 else value


def flag_of(value: object) -> object:
    """Returns a boolean for ``true`` or ``"true"``."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


def rows_of(value: object) -> object:
    """Returns a bare list, or the ``data`` of its envelope."""
    return value.get("data") if isinstance(value, dict) else value


def is_incomplete(value: object) -> bool:
    """Returns whether an envelope contains fewer rows than its total."""
    rows, total = rows_of(value), value.get("total") if isinstance(value, dict) else None
    return isinstance(rows, list) and type(total) is int and len(rows) < total


def complete_rows(value: object) -> object:
    """Returns the rows of a list that must be complete."""
    if is_incomplete(value):
        raise ValueError("the list is incomplete")
    return rows_of(value)


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


def text_of_number(value: object) -> object:
    return str(value) if type(value) is int else word_of(value)


Word = Annotated[Text, BeforeValidator(word_of)]
Whole = Annotated[int, Field(strict=True, ge=0), BeforeValidator(number_of)]
Flag = Annotated[bool, Field(strict=True), BeforeValidator(flag_of)]
Status = Annotated[Literal["ACTIVE", "INACTIVE"], BeforeValidator(word_of)]
Day = Annotated[Literal["SU", "MO", "TU", "WE", "TH", "FR", "SA"], BeforeValidator(word_of)]
Month = Annotated[
    Literal["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    BeforeValidator(word_of),
]
GroupType = Annotated[Literal["ON_CALL", "BROADCAST", "DYNAMIC"], BeforeValidator(word_of)]


class CamelWire(Wire):
    """A model whose fields have camel-case names in answers."""

    model_config = ConfigDict(alias_generator=AliasGenerator(validation_alias=to_camel))
