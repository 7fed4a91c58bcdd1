"""Describes how the states of :mod:`oncall.aggregates` are stored in tables. Readers and writers share it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from oncall.aggregates import Kind, Values
from oncall.errors import InvalidDraft
from oncall.models.root import KEY_LENGTH, Element, Root
from oncall.numbers import row_number
from oncall.rendering.codec import instant_to_text

#: Longest list of ids in one statement.
CHUNK = 500
PERSON = "person:"
LOCAL = "local:"

T = TypeVar("T")
Row = TypeVar("Row", Root, Element)


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Yields lists of at most CHUNK items: databases limit the parameters of a statement."""
    rest = list(items)
    return (rest[start : start + CHUNK] for start in range(0, len(rest), CHUNK))


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A reference to another aggregate: a column for its key, and a foreign key that caches its row.

    key: the column of the key, which is compared. row: the foreign key. prefix: precedes the key in the column
    (``person:``); a text without the prefix refers to no row.
    """

    key: str
    row: str
    kind: Kind
    prefix: str = ""

    @property
    def row_id(self) -> str:
        return f"{self.row}_id"

    def bare(self, text: str) -> str:
        """Returns the key without its prefix; empty if the prefix is absent."""
        return text.removeprefix(self.prefix) if text.startswith(self.prefix) else ""


def _accept(values: Values) -> None:
    """Accepts all values."""


@dataclass(frozen=True)
class Table(Generic[Row]):
    """A model, and the values of a state that it stores.

    fields: names in a state. columns: the columns of the fields that have another name than their column. check: raises
    InvalidDraft if the values are invalid together; paths of elements are relative to the element.
    """

    model: type[Row]
    fields: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[KeyColumn, ...] = ()
    check: Callable[[Values], None] = _accept

    @property
    def rows(self) -> models.QuerySet[Row]:
        return self.model._default_manager.all()

    @cached_property
    def primary_key(self) -> list[str]:
        """The name of the primary key, as ``bulk_create`` takes it."""
        return [self.model._meta.pk.name]

    @cached_property
    def concrete(self) -> list[str]:
        """The columns an update may change: all but the primary key."""
        return [f.name for f in self.model._meta.concrete_fields if not f.primary_key]

    @cached_property
    def _columns(self) -> dict[str, str]:
        """Every field and its column."""
        return {name: self.columns.get(name, name) for name in self.fields}

    @cached_property
    def _instants(self) -> frozenset[str]:
        columns = {f.name for f in self.model._meta.concrete_fields if isinstance(f, models.DateTimeField)}
        return frozenset(name for name, column in self._columns.items() if column in columns)

    def read(self, row: Row) -> Values:
        """Returns the values of a row as a state has them."""
        values = {name: getattr(row, column) for name, column in self._columns.items()}
        for name in self._instants:
            values[name] = instant_to_text(int(values[name].timestamp()))
        return values

    def put(self, row: Row, values: Values) -> None:
        """Sets values of a state on an unsaved row. Raises InvalidDraft if a column has no valid value then."""
        for name, value in values.items():
            if name not in self._columns:
                raise InvalidDraft(name, "there is no such field")
            setattr(row, self._columns[name], _instant(value, name) if name in self._instants else value)
        for name, column in self._columns.items():
            setattr(row, column, _cleaned(row, column, name))
        row.set_derived_columns()

    def fill(self, row: Row, values: Values) -> Values:
        """Sets values of a state on an unsaved row; returns all values of the row. Raises InvalidDraft."""
        self.put(row, values)
        after = self.read(row)
        self.check(after)
        return after


def _cleaned(row: models.Model, column: str, path: str) -> object:
    """Returns the valid value of a column. Unlike ``Field.clean``, it does not turn other values into text."""
    value, field = getattr(row, column), row._meta.get_field(column)
    if not isinstance(field, models.Field):
        raise TypeError(f"{column} is not a column")
    if isinstance(field, models.CharField | models.TextField) and not isinstance(value, str | None):
        raise InvalidDraft(path, f"{value!r} is not text")
    try:
        return field.clean(value, row)
    except ValidationError as wrong:
        raise InvalidDraft(path, " ".join(wrong.messages)) from None


def _instant(text: str, path: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidDraft(path, f"{text!r} is not an ISO date and time") from None
    if at.tzinfo is None:
        raise InvalidDraft(path, f"{text!r} has no UTC offset")
    try:
        return at.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise InvalidDraft(path, f"{text!r} is outside the years 1 to 9999 in UTC") from None


@dataclass(frozen=True, slots=True)
class Sibling:
    """A reference to another element of the same aggregate, by its element key. collection: of the other element."""

    key: str
    row: str
    collection: str

    @property
    def row_id(self) -> str:
        return f"{self.row}_id"


@dataclass(frozen=True)
class Elements(Table[Element]):
    """The table of a collection.

    owner: its foreign key to the aggregate.
    """

    owner: str = ""
    sibling: Sibling | None = None

    @property
    def owner_id(self) -> str:
        return f"{self.owner}_id"

    def new(self, key: str) -> Element:
        """Returns an unsaved row with this element key. Raises InvalidDraft if the key is too long."""
        if len(key) > KEY_LENGTH:
            raise InvalidDraft("", f"its key has {len(key)} characters, more than {KEY_LENGTH}")
        return self.model(source_key=None if key.startswith(LOCAL) else key)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key inside a JSON field. position: ``layers/<layer>/<slot>`` or ``levels/<level>/<target>``."""

    position: str
    kind: Kind
    key: str


def _no_keys(values: Values) -> Iterable[KeyUse]:
    """Returns nothing: the fields contain no keys."""
    return ()


@dataclass(frozen=True)
class Roots(Table[Root]):
    """The table of an aggregate.

    elements: by collection name, in the order in which they are written. keys_field: the JSON field that contains keys
    of other rows. find_keys: returns these keys; they are stored as Reference rows whose foreign key
    ``reference_owner`` is the aggregate. united: whether a merge adds the elements of one row to those of the other. If
    not, fields and elements only make sense together, so a merge takes both from one of the rows.
    """

    kind: Kind = "responder"
    elements: Mapping[str, Elements] = field(default_factory=dict)
    keys_field: str = ""
    find_keys: Callable[[Values], Iterable[KeyUse]] = _no_keys
    reference_owner: str = ""
    united: bool = True

    def fill(self, row: Root, values: Values) -> Values:
        """Sets values of a state on an unsaved row; returns all values of the row. Raises InvalidDraft."""
        after = super().fill(row, values)
        for use in self.find_keys(after):
            if max(len(use.position), len(use.key)) > KEY_LENGTH:
                raise InvalidDraft(self.keys_field, f"a key has more than {KEY_LENGTH} characters: {use.key[:40]}…")
        return after


def element_key(row: Element) -> str:
    """Returns the key of an element in a state: the key of its source, or ``local:<pk>``."""
    return row.source_key if row.source_key is not None else f"{LOCAL}{row.pk}"


def source_of(key: str) -> str:
    """Returns the text before the first colon of a key: its source, or ``local`` for a row made here."""
    return key.partition(":")[0]


def local_id(key: str) -> int | None:
    """Returns the primary key in ``local:<pk>``, or None for any other key."""
    return row_number(key.removeprefix(LOCAL)) or None if key.startswith(LOCAL) else None
