"""Elements of aggregates (members, contact methods, overrides, ...): compared first, then written in bulk."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from oncall.aggregates import Draft, Values
from oncall.errors import InvalidDraft
from oncall.operations.resolving import Resolver, keys_of, point
from oncall.tables.base import LOCAL, Elements, KeyUse, Roots, chunks, element_key, local_id


@dataclass(slots=True)
class Change:
    """A draft on its way into tables. changes: path -> [old, new], what the change record will say. names: what the
    row's JSON names now, None when that did not change."""

    draft: Draft
    row: Any
    created: bool
    changes: dict[str, list[Any]] = field(default_factory=dict)
    names: list[KeyUse] | None = None


@contextmanager
def placed(position: int, path: str = "") -> Iterator[None]:
    """Says in an InvalidDraft raised inside which draft, and which element of it, is meant."""
    try:
        yield
    except InvalidDraft as wrong:
        raise InvalidDraft((path + wrong.path).rstrip("."), wrong.message, position) from wrong


class ElementWriter:
    """What the drafts want of one collection. Making one reads and compares; :meth:`write` writes."""

    def __init__(self, roots: Roots, name: str, changes: Sequence[Change], resolver: Resolver) -> None:
        self._name, self._roots, self._table, self._resolver = name, roots, roots.elements[name], resolver
        self._made: list[tuple[Change, str, Any]] = []
        self._changed: list[Any] = []
        self._removed: list[int] = []
        wanted = [(position, change) for position, change in enumerate(changes) if name in change.draft.elements]
        drafted = [change.draft.elements[name] for _, change in wanted]
        rows = _stored(self._table, {key for each in drafted for key in (*each.put, *each.remove)})
        for (position, change), each in zip(wanted, drafted, strict=True):
            for key in sorted(each.remove):
                self._remove(change, key, rows)
            for key, values in each.put.items():
                with placed(position, f"{name}.{key}."):
                    self._put(change, key, values, rows)

    def _remove(self, change: Change, key: str, rows: Mapping[str, Any]) -> None:
        row = rows.get(key)
        if row is not None and getattr(row, self._table.owner_id) == change.row.pk:
            change.changes[f"{self._name}.{key}"] = [self._table.read(row), None]
            self._removed.append(row.pk)

    def _put(self, change: Change, key: str, values: Values, rows: Mapping[str, Any]) -> None:
        table, row = self._table, rows.get(key)
        if row is not None and getattr(row, table.owner_id) != change.row.pk:
            raise InvalidDraft("", f"belongs to another {table.owner} already; merge the two first")
        stored = row is not None
        if row is None:
            row = table.new(source_key=None if key.startswith(LOCAL) else key)
        keys, before = (keys_of(table, row), table.read(row)) if stored else ({}, None)
        table.put(row, values)
        after = table.read(row)
        table.check(after)
        if before == after:
            return
        point(table, row, keys, self._resolver)
        change.changes[f"{self._name}.{key}"] = [before, after]
        if stored:
            self._changed.append(row)
        else:
            self._made.append((change, key, row))

    def write(self) -> None:
        """To be called once the aggregates themselves are stored."""
        rows, made = self._table.rows, [row for _, _, row in self._made]
        for change, _, row in self._made:
            setattr(row, self._table.owner_id, change.row.pk)
        for ids in chunks(self._removed):
            rows.filter(pk__in=ids).delete()
        self._point_at_siblings([*made, *self._changed])
        rows.bulk_create(made)
        rows.bulk_create(self._changed, update_conflicts=True, unique_fields=["id"], update_fields=self._table.concrete)
        for change, key, row in self._made:
            if row.source_key is None:  # its key became known by storing it
                change.changes[f"{self._name}.{element_key(row)}"] = change.changes.pop(f"{self._name}.{key}")

    def _point_at_siblings(self, rows: Sequence[Any]) -> None:
        sibling = self._table.sibling
        if sibling is None:
            return
        keys = {getattr(row, sibling.key) for row in rows} - {""}
        others = _stored(self._roots.elements[sibling.collection], keys)
        owner_id = self._table.owner_id
        for row in rows:
            other = others.get(getattr(row, sibling.key))
            if other is not None and getattr(other, owner_id) != getattr(row, owner_id):
                other = None
            setattr(row, sibling.row_id, None if other is None else other.pk)


def _stored(table: Elements, keys: Iterable[str]) -> dict[str, Any]:
    """The rows of these element keys, as far as there are any."""
    rows, wanted = table.rows, set(keys)
    local = sorted(id_ for key in wanted if (id_ := local_id(key)) is not None)
    found: dict[str, Any] = {}
    for some in chunks(sorted(key for key in wanted if not key.startswith(LOCAL))):
        found |= {row.source_key: row for row in rows.filter(source_key__in=some)}
    for ids in chunks(local):
        found |= {element_key(row): row for row in rows.filter(pk__in=ids, source_key__isnull=True)}
    return found
