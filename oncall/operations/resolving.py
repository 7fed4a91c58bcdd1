"""What keys mean here: the foreign keys beside them are caches, filled when the row is known, never compared."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.db import models, transaction

from oncall.aggregates import Kind
from oncall.errors import InvalidDraft
from oncall.models import Reference
from oncall.tables.base import CHUNK, Table, chunks, local_id
from oncall.tables.kinds import ROOTS, columns_naming

Resolve = Mapping[tuple[Kind, str], int]


class Resolver:
    """Gives the primary key that a key means: what the caller says, or the row of ``local:<pk>``."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._picked: dict[Kind, set[int]] = defaultdict(set)

    def id(self, kind: Kind, key: str) -> int | None:
        picked = local_id(key)
        if picked is None:
            return self._resolve.get((kind, key)) if key else None
        self._picked[kind].add(picked)
        return picked

    def confirm(self) -> None:
        """Raises InvalidDraft when a hand-picked row does not exist; to be asked before the first write."""
        for kind, picked in self._picked.items():
            model = ROOTS[kind].model
            for ids in chunks(sorted(picked)):
                missing = set(ids) - set(model._default_manager.filter(pk__in=ids).values_list("pk", flat=True))
                if missing:
                    raise InvalidDraft(kind, f"there is no {model._meta.verbose_name} {min(missing)}")


def point(table: Table, row: Any, before: Mapping[str, str], resolver: Resolver) -> None:
    """Fills the row's caches. before: key column -> its text before the change; a key that stayed keeps its cache."""
    for column in table.keys:
        key = column.bare(getattr(row, column.key))
        if getattr(row, column.row_id) is None or before.get(column.key) != getattr(row, column.key):
            setattr(row, column.row_id, resolver.id(column.kind, key))


def keys_of(table: Table, row: Any) -> dict[str, str]:
    return {column.key: getattr(row, column.key) for column in table.keys}


def fill_references(kind: Kind, rows: Mapping[str, int]) -> int:
    """Fills the empty caches of these keys (key -> primary key) wherever they occur; returns how many.

    No version is raised: what a key means is no change of the row that holds it.
    """
    return _point_all(kind, rows, {"{row}__isnull": True})


def repoint_references(kind: Kind, rows: Mapping[str, int]) -> int:
    """As :func:`fill_references`, but also where a key meant another row before (mapped, merged or split)."""
    return _point_all(kind, rows, {})


@transaction.atomic
def _point_all(kind: Kind, rows: Mapping[str, int], where: Mapping[str, Any]) -> int:
    count = 0
    for table, column in columns_naming(kind):
        texts = {column.prefix + key: id_ for key, id_ in rows.items() if key}
        count += _set(table.model, column.key, column.row, texts, where)
    if kind == "service":  # nothing refers to a service
        return count
    bare = {key: id_ for key, id_ in rows.items() if key}
    return count + _set(Reference, "key", kind, bare, {**where, "kind": kind})


def _set(model: type[models.Model], key: str, row: str, rows: Mapping[str, int], where: Mapping[str, Any]) -> int:
    count = 0
    conditions = {name.format(row=row): value for name, value in where.items()}
    for texts in chunks(rows):
        found = model._default_manager.filter(**{f"{key}__in": texts}, **conditions).only("pk", key, row)
        moved = []
        for item in found:
            target = rows[getattr(item, key)]
            if getattr(item, f"{row}_id") != target:
                setattr(item, f"{row}_id", target)
                moved.append(item)
        model._default_manager.bulk_update(moved, [row], batch_size=CHUNK // 2)
        count += len(moved)
    return count
