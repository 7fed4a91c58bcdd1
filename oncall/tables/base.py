"""How the states of :mod:`oncall.aggregates` lie in tables: the one description that writing and reading work by."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from django.db import models

from oncall.aggregates import Kind, Values, fold
from oncall.errors import InvalidDraft

#: Longest list of ids in one statement.
CHUNK = 500
PERSON = "person:"
LOCAL = "local:"

T = TypeVar("T")


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Lists of at most CHUNK items, so that no statement has more parameters than a database takes."""
    rest = list(items)
    return (rest[start : start + CHUNK] for start in range(0, len(rest), CHUNK))


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A reference to another aggregate. key: the column that is compared; row: the foreign key, a cache of its meaning.

    prefix: what stands before the bare key in the column (``person:``); a text without it names no row.
    """

    key: str
    row: str
    kind: Kind
    prefix: str = ""

    @property
    def row_id(self) -> str:
        return f"{self.row}_id"

    def bare(self, text: str) -> str:
        return text.removeprefix(self.prefix) if text.startswith(self.prefix) else ""


def _nothing(row: Any) -> None:
    """Most tables have no column that follows from others."""


@dataclass(frozen=True)
class Table:
    """One model and the values kept in it. fields: names in a state. columns: where the column is called otherwise.

    derive: sets the columns that follow from others.
    """

    model: type[models.Model]
    fields: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[KeyColumn, ...] = ()
    derive: Callable[[Any], None] = _nothing

    @property
    def rows(self) -> Any:
        """The model's manager. What comes from it is one of many models, which types cannot tell apart here."""
        return self.model._default_manager

    def new(self, **columns: Any) -> Any:
        return self.model(**columns)

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

    @cached_property
    def _checks(self) -> list[tuple[str, "models.Field[Any, Any]", frozenset[Any]]]:
        names = {column: name for name, column in self._columns.items()}
        return [
            (names[f.name], f, frozenset(value for value, _ in f.flatchoices))
            for f in self.model._meta.concrete_fields
            if f.name in names
        ]

    def read(self, row: Any) -> dict[str, Any]:
        """The values of a row, in the form of a state."""
        values = {name: getattr(row, column) for name, column in self._columns.items()}
        for name in self._instants:
            values[name] = values[name].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return values

    def put(self, row: Any, values: Values, path: str = "") -> None:
        """Sets values of a state on an unsaved row. Raises InvalidDraft; path: what stands before a field's name."""
        for name, value in values.items():
            if name not in self._columns:
                raise InvalidDraft(path + name, "there is no such field")
            setattr(row, self._columns[name], _instant(value, path + name) if name in self._instants else value)
        for name, column, choices in self._checks:
            value = getattr(row, column.attname)
            if value is None and not column.null:
                raise InvalidDraft(path + name, "is missing")
            if choices and value not in choices:
                raise InvalidDraft(path + name, f"{value!r} is none of {', '.join(sorted(map(str, choices)))}")
            if isinstance(column, models.CharField) and value is not None:
                if not isinstance(value, str):
                    raise InvalidDraft(path + name, f"{value!r} is not text")
                if column.max_length is not None and len(value) > column.max_length:
                    raise InvalidDraft(path + name, f"has {len(value)} characters; the most is {column.max_length}")
            if isinstance(column, models.PositiveIntegerField) and value is not None and value < 0:
                raise InvalidDraft(path + name, "must not be negative")
        self.derive(row)


def _instant(text: Any, path: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise InvalidDraft(path, f"{text!r} is not an ISO date and time") from None
    if at.tzinfo is None:
        raise InvalidDraft(path, f"{text!r} names no zone")
    return at.astimezone(UTC).replace(microsecond=0)


def _accept(values: Values) -> None:
    """Most elements make sense whatever their values."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """A reference to another element of the same aggregate, by its element key. collection: where that one is."""

    key: str
    row: str
    collection: str

    @property
    def row_id(self) -> str:
        return f"{self.row}_id"


@dataclass(frozen=True)
class Elements(Table):
    """A collection's table. owner: its foreign key to the aggregate. check: raises InvalidDraft for values that make no
    sense, with paths relative to the element."""

    owner: str = ""
    check: Callable[[Values], None] = _accept
    sibling: Sibling | None = None

    @property
    def owner_id(self) -> str:
        return f"{self.owner}_id"


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One name inside a JSON field: ``layers/<layer>/<slot>`` or ``levels/<level>/<target>`` names ``key``."""

    position: str
    kind: Kind
    key: str


def _names_nothing(values: Values) -> Iterable[KeyUse]:
    return ()


@dataclass(frozen=True)
class Roots(Table):
    """An aggregate's own table. elements: by collection name, in the order they are written. names: what the JSON
    field ``naming`` names, kept as Reference rows under ``reference_owner``. check: raises InvalidDraft for a whole
    state that makes no sense."""

    kind: Kind = "responder"
    elements: Mapping[str, Elements] = field(default_factory=dict)
    naming: str = ""
    names: Callable[[Values], Iterable[KeyUse]] = _names_nothing
    reference_owner: str = ""
    check: Callable[[Values], None] = _accept


def name_key(name: str) -> str:
    """The folded name, cut to its column: folding makes some letters several."""
    return fold(name)[:600]


def element_key(row: Any) -> str:
    """The key of an element in a state: its source's, or ``local:<pk>``."""
    return str(row.source_key) if row.source_key is not None else f"{LOCAL}{row.pk}"


def source_of(key: str) -> str:
    """Which source a key is of: what stands before its first colon, ``local`` for one made here."""
    return key.partition(":")[0]


def local_id(key: str) -> int | None:
    """The primary key that ``local:<pk>`` names; None for any other key."""
    number = key.removeprefix(LOCAL)
    return int(number) if key.startswith(LOCAL) and number.isascii() and number.isdecimal() else None
