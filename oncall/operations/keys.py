"""Finds the rows of keys. The foreign key beside a key is a cache: it is set when the row exists, never compared."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import Exists, Func, OuterRef, Subquery, Value
from django.db.models.functions import Substr

from oncall.aggregates import Kind
from oncall.errors import InvalidDraft
from oncall.models import Reference
from oncall.tables.base import KeyColumn, Row, Table, chunks, local_id
from oncall.tables.kinds import ROOTS, key_columns_to

Resolve = Mapping[tuple[Kind, str], int]
#: A queryset with the columns ``key`` (a key without prefix) and ``row`` (the primary key of its row).
Known = models.QuerySet[Any]
Holder = TypeVar("Holder", bound=models.Model)
#: The empty text as a literal. SQLite uses a partial index only if the statement contains the text of its condition.
_EMPTY = Func(template="''", output_field=models.CharField())


class Resolver:
    """Finds the primary key of a key: in the mapping of the caller, or in ``local:<pk>``.

    A local key of a row that was merged means the row it became. This is known after :meth:`confirm`.
    """

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._local: dict[Kind, set[int]] = defaultdict(set)
        self._became: dict[tuple[Kind, int], int] = {}
        self._assigned: list[tuple[models.Model, str, Kind, int]] = []

    def id(self, kind: Kind, key: str) -> int | None:
        """Returns the primary key, or None if it is unknown."""
        local = local_id(key)
        if local is None:
            return self._resolve.get((kind, key)) if key else None
        self._local[kind].add(local)
        return self._became.get((kind, local), local)

    def assign(self, row: models.Model, column: KeyColumn, key: str) -> None:
        """Sets the foreign key of a row to the row of a key. :meth:`confirm` sets it again if that row was merged."""
        setattr(row, column.row_id, self.id(column.kind, key))
        local = local_id(key)
        if local is not None:
            self._assigned.append((row, column.row_id, column.kind, local))

    def confirm(self) -> None:
        """Raises InvalidDraft if the row of a local key does not exist. Call it before the first write."""
        for kind, local in self._local.items():
            rows: models.QuerySet[Any] = ROOTS[kind].rows
            for ids in chunks(sorted(local)):
                found = dict(rows.filter(pk__in=ids).values_list("pk", "merged_into_id"))
                missing = set(ids) - set(found)
                if missing:
                    raise InvalidDraft(kind, f"there is no {rows.model._meta.verbose_name} {min(missing)}")
                self._became |= {(kind, pk): into for pk, into in found.items() if into is not None}
        for row, row_id, kind, pk in self._assigned:
            setattr(row, row_id, self._became.get((kind, pk), pk))


def set_foreign_keys(table: Table[Row], row: Row, before: Mapping[str, str], resolver: Resolver) -> None:
    """Sets the foreign keys beside the keys of a row. If a key did not change, its foreign key is kept.

    before: the :func:`keys_of` the row before the change.
    """
    for column in table.keys:
        key = column.bare(getattr(row, column.key))
        if getattr(row, column.row_id) is None or before.get(column.key) != getattr(row, column.key):
            resolver.assign(row, column, key)


def keys_of(table: Table[Row], row: Row) -> dict[str, str]:
    """Returns the texts of the key columns of a row."""
    return {column.key: getattr(row, column.key) for column in table.keys}


@transaction.atomic(savepoint=False)  # no caller goes on after an error
def fill_references(known: Mapping[Kind, Known], keys: Collection[str] | None = None, *, start: str = "") -> int:
    """Sets the empty foreign keys beside known keys in all tables; returns their number.

    keys: fill only these keys; None fills all. start: fill only keys that begin with this text. One statement finds the
    columns with open references, and one statement fills each of these. Versions do not change, because the keys do
    not. A row that another transaction has locked is left out, so this never waits for a person who saves a form; the
    next call fills it.
    """
    if keys is None:
        return _fill(known, lambda rows, column: opened(rows, column, start))
    count = 0
    for some in chunks(keys):

        def chosen(rows: models.QuerySet[Any], column: KeyColumn, some: list[str] = some) -> models.QuerySet[Any]:
            return opened(rows, column).filter(**{f"{column.key}__in": [column.prefix + key for key in some]})

        count += _fill(known, chosen)
    return count


def _fill(
    known: Mapping[Kind, Known], choose: Callable[[models.QuerySet[Any], KeyColumn], models.QuerySet[Any]]
) -> int:
    places = [(kind, *place) for kind in known for place in references_to(kind)]
    found = [choose(rows, column) for _, rows, column in places]
    count = 0
    for number in _nonempty(found):
        kind, rows, column = places[number]
        row_of_key = known[kind].filter(key=_bare(column))
        row = Subquery(row_of_key.values("row")[:1])
        count += _set_rows(rows, found[number].filter(Exists(row_of_key)), column, row)
    return count


@transaction.atomic
def follow_merges() -> int:
    """Replaces foreign keys to rows that were merged by those of the rows they became; returns their number.

    :func:`~oncall.operations.merging.merge` replaces them, but a transaction that does not see the merge yet can store
    such a foreign key after it. Rows that are locked are left out, as in :func:`fill_references`.
    """
    kinds = [kind for kind in ROOTS if any(references_to(kind))]
    merged: list[models.QuerySet[Any]] = [ROOTS[kind].rows.filter(merged_into__isnull=False) for kind in kinds]
    count = 0
    for number in _nonempty(merged):
        for rows, column in references_to(kinds[number]):
            wanted = rows.filter(**{f"{column.row}__in": merged[number].values("pk")})
            became = merged[number].filter(pk=OuterRef(column.row_id))
            count += _set_rows(rows, wanted, column, Subquery(became.values("merged_into")))
    return count


def move_references(kind: Kind, old: int, new: int, keys: Collection[str] | None = None) -> None:
    """Replaces the foreign keys to one row by those of another.

    keys: only those beside these keys, which are keys of the other row; None replaces all.
    """
    for rows, column in references_to(kind):
        referring = rows.filter(**{column.row: old})
        if keys is None:
            referring.update(**{column.row: new})
        for some in chunks(keys or ()):
            texts = [column.prefix + key for key in some]
            referring.filter(**{f"{column.key}__in": texts}).update(**{column.row: new})


def references_to(kind: Kind) -> Iterator[tuple[models.QuerySet[Any], KeyColumn]]:
    """Yields the rows and the column of every reference to rows of this kind."""
    for table, column in key_columns_to(kind):
        yield table.rows, column
    if kind in Reference.Kind.values:
        yield Reference.objects.filter(kind=kind), KeyColumn("key", kind, kind)


def opened(rows: models.QuerySet[Any], column: KeyColumn, start: str = "") -> models.QuerySet[Any]:
    """Returns the rows with a key but without its row. The conditions are those of the partial indexes.

    start: the keys begin with this text.
    """
    names = Reference.Kind.values if rows.model is Reference else [column.row]
    found = rows.filter(**{f"{name}__isnull": True for name in names}, **{f"{column.key}__gt": _EMPTY})
    prefix = column.prefix + start
    return found.filter(**{f"{column.key}__startswith": prefix}) if prefix else found


def _bare(column: KeyColumn) -> OuterRef | Substr:
    """Returns the key in the outer query without its prefix."""
    return Substr(OuterRef(column.key), len(column.prefix) + 1) if column.prefix else OuterRef(column.key)


def _nonempty(querysets: Sequence[models.QuerySet[Any]]) -> list[int]:
    """Returns the positions of the querysets that have rows. Runs one query."""
    if not querysets:
        return []
    marks = [rows.values_list(Value(n, models.IntegerField())) for n, rows in enumerate(querysets)]
    return sorted(number for (number,) in marks[0].union(*marks[1:]))


def _set_rows(rows: models.QuerySet[Holder], wanted: models.QuerySet[Holder], column: KeyColumn, row: Subquery) -> int:
    free = wanted.select_for_update(skip_locked=True, no_key=True)
    return rows.filter(pk__in=free.values("pk")).update(**{column.row: row})
