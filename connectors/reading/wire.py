"""The base of the wire models of all vendors, and the types of their fields: ids, texts, numbers, instants.

Unknown extra fields are ignored. A value that does not fit is an error of its object, never a default.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StringConstraints

from connectors.reading.texts import MOST_CHARACTERS


@dataclass(frozen=True, slots=True)
class Moment:
    """A date-time as the vendor sent it: the instant and its offset from UTC, both in seconds.

    milliseconds: the fraction that was cut from the instant; it does not count when moments are compared.
    """

    instant: int
    offset: int
    milliseconds: int = field(default=0, compare=False)

    @property
    def reading(self) -> int:
        """The wall-clock reading that the vendor's text shows, in seconds."""
        return self.instant + self.offset


def _moment(value: object) -> Moment:
    if not isinstance(value, str):
        raise ValueError("a date-time text is expected")
    parsed = datetime.fromisoformat(value)
    offset = parsed.utcoffset()
    if offset is None:
        raise ValueError("a date-time without an offset from UTC")
    whole = parsed.replace(microsecond=0)
    return Moment(int(whole.timestamp()), int(offset.total_seconds()), parsed.microsecond // 1000)


def none_is_empty(value: object) -> object:
    """An empty tuple for null. For lists that should never be null according to the vendor, but sometimes are."""
    return () if value is None else value


def without_empty(value: object) -> object:
    """None for a reference to nothing: null, a text without a visible character, or an object of only such values.

    For the owner or the site of an object, which it may lack.
    """
    values = value.values() if isinstance(value, dict) else (value,)
    return None if all(v is None or (isinstance(v, str) and not v.strip()) for v in values) else value


def has_no_limit(restriction: object) -> bool:
    """Whether a time restriction has no value. The vendor's sample of a list of JSM schedules has an empty object."""
    return restriction is None or (isinstance(restriction, dict) and all(v is None for v in restriction.values()))


LONGEST_TEXT: Final = 20_000
#: Any text with a visible character; the length is that of the database column.
Id = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS, pattern=r"\S")]
#: The key of an element. People choose some of them, so any text is valid; the mapping shortens it with ``short_key``.
Key = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
#: Any year is a legal one: vendors send 1970 for a default and a year like 3025 for "forever".
Instant = Annotated[Moment, PlainValidator(_moment)]
Whole = Annotated[int, Field(strict=True)]


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Identified(Wire):
    id: Id
