"""Finds the rows of keys. The foreign key beside a key is a cache: it is set when the row exists, never compared."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeVar

from django.db import models, transaction

from oncall.aggregates import Kind
from oncall.errors import InvalidDraft
from oncall.models import Reference
from oncall.tables.base import CHUNK, Row, Table, chunks, local_id
from oncall.tables.kinds import ROOTS, key_columns_to

Resolve = Mapping[tuple[Kind, str], int]
Holder = TypeVar("Holder", bound=models.Model)


class Resolver:
    """Finds the primary key of a key: in the mapping of the caller, or in ``local:<pk>``."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._local: dict[Kind, set[int]] = defaultdict(set)

    def id(self, kind: Kind, key: str) -> int | None:
        """Returns the primary key, or None if it is unknown."""
        local = local_id(key)
        if local is None:
            return self._resolve.get((kind, key)) if key else None
        self._local[kind].add(local)
        return local

    def confirm(self) -> None:
        """Raises InvalidDraft if the row of a local key does not exist. Call it before the first write."""
        for kind, local in self._local.items():
            model = ROOTS[kind].model
            for ids in chunks(sorted(local)):
                missing = set(ids) - set(model._default_manager.filter(pk__in=ids).values_list("pk", flat=True))
                if missing:
                    raise InvalidDraft(kind, f"there is no {model._meta.verbose_name} {min(missing)}")


def set_foreign_keys(table: Table[Row], row: Row, before: Mapping[str, str], resolver: Resolver) -> None:
    """Sets the foreign keys beside the keys of a row. If a key did not change, its foreign key is kept.

    before: the :func:`keys_of` the row before the change.
    """
    for column in table.keys:
        key = column.bare(getattr(row, column.key))
        if getattr(row, column.row_id) is None or before.get(column.key) != getattr(row, column.key):
            setattr(row, column.row_id, resolver.id(column.kind, key))


def keys_of(table: Table[Row], row: Row) -> dict[str, str]:
    """Returns the texts of the key columns of a row."""
    return {column.key: getattr(row, column.key) for column in table.keys}


def fill_references(kind: Kind, rows: Mapping[str, int]) -> int:
    """Sets the empty foreign keys beside these keys (key -> primary key) in all tables; returns their number.

    Versions do not change, because the keys do not.
    """
    return _update_all(kind, rows, only_empty=True)


def repoint_references(kind: Kind, rows: Mapping[str, int]) -> int:
    """As :func:`fill_references`, but also replaces the foreign keys to other rows (after a merge, for example)."""
    return _update_all(kind, rows, only_empty=False)


@transaction.atomic
def _update_all(kind: Kind, rows: Mapping[str, int], *, only_empty: bool) -> int:
    count = 0
    for table, column in key_columns_to(kind):
        texts = {column.prefix + key: id_ for key, id_ in rows.items() if key}
        count += _update(table.rows, column.key, column.row, texts, only_empty=only_empty)
    if kind == "service":  # nothing refers to a service
        return count
    bare = {key: id_ for key, id_ in rows.items() if key}
    return count + _update(Reference.objects.filter(kind=kind), "key", kind, bare, only_empty=only_empty)


def _update(queryset: models.QuerySet[Holder], key: str, row: str, rows: Mapping[str, int], *, only_empty: bool) -> int:
    count = 0
    if only_empty:
        queryset = queryset.filter(**{f"{row}__isnull": True})
    for texts in chunks(rows):
        found = queryset.filter(**{f"{key}__in": texts}).only("pk", key, row)
        moved = []
        for item in found:
            target = rows[getattr(item, key)]
            if getattr(item, f"{row}_id") != target:
                setattr(item, f"{row}_id", target)
                moved.append(item)
        queryset.bulk_update(moved, [row], batch_size=CHUNK // 2)
        count += len(moved)
    return count
