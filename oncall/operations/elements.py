"""Writes elements of aggregates (members, contact methods, overrides, ...) in bulk."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from oncall.aggregates import Draft, Values
from oncall.errors import InvalidDraft
from oncall.models.root import Element, Root
from oncall.operations.keys import Resolver, keys_of, set_foreign_keys
from oncall.tables.base import LOCAL, KeyUse, Roots, chunks, element_key, local_id


@dataclass(slots=True)
class Change:
    """A draft and its row.

    changes: the path -> [old, new] of the change record. keys: the keys inside the row's JSON field, None if that field
    did not change.
    """

    draft: Draft
    row: Root
    created: bool
    changes: dict[str, list[object]] = field(default_factory=dict)
    keys: list[KeyUse] | None = None


@contextmanager
def location(position: int | None, path: str = "") -> Iterator[None]:
    """Adds the position of the draft and the path of its element to an InvalidDraft that is raised inside."""
    try:
        yield
    except InvalidDraft as wrong:
        raise InvalidDraft((path + wrong.path).rstrip("."), wrong.message, position) from wrong


class ElementWriter:
    """Writes the changes of a collection. The constructor reads and compares the rows; :meth:`write` writes them.

    keep_keys: whether an element ``local:<pk>`` that does not exist is created under this key, and not under a new one.
    """

    def __init__(
        self, roots: Roots, name: str, changes: Sequence[Change], resolver: Resolver, *, keep_keys: bool = False
    ) -> None:
        self._name, self._roots, self._table, self._resolver = name, roots, roots.elements[name], resolver
        self._keep_keys = keep_keys
        self._made: list[tuple[Change, str, Element]] = []
        self._changed: list[Element] = []
        self._removed: list[int] = []
        wanted = [(position, change) for position, change in enumerate(changes) if name in change.draft.elements]
        drafted = [change.draft.elements[name] for _, change in wanted]
        # Locked: all columns are written again, so a foreign key that is filled in the meantime would be lost.
        locked = self._table.rows.select_for_update(no_key=True).order_by("pk")
        rows = _stored(locked, {key for each in drafted for key in (*each.put, *each.remove)})
        for (position, change), each in zip(wanted, drafted, strict=True):
            for key in sorted(each.remove):
                self._remove(change, key, rows)
            for key, values in each.put.items():
                with location(position, f"{name}.{key}."):
                    self._put(change, key, values, rows)

    def _remove(self, change: Change, key: str, rows: Mapping[str, Element]) -> None:
        row = rows.get(key)
        if row is not None and getattr(row, self._table.owner_id) == change.row.pk:
            change.changes[f"{self._name}.{key}"] = [self._table.read(row), None]
            self._removed.append(row.pk)

    def _put(self, change: Change, key: str, values: Values, rows: Mapping[str, Element]) -> None:
        table, row = self._table, rows.get(key)
        if row is not None and getattr(row, table.owner_id) != change.row.pk:
            raise InvalidDraft("", f"belongs to another {table.owner}; merge the two first")
        stored = row is not None
        if row is None:
            row = table.new(key)
            row.pk = local_id(key) if self._keep_keys else None
        keys, before = (keys_of(table, row), table.read(row)) if stored else ({}, None)
        after = table.fill(row, values)
        if before == after:
            return
        set_foreign_keys(table, row, keys, self._resolver)
        change.changes[f"{self._name}.{key}"] = [before, after]
        if stored:
            self._changed.append(row)
        else:
            self._made.append((change, key, row))

    def write(self) -> None:
        """Writes the elements. The aggregates must be stored before."""
        rows, made = self._table.rows, [row for _, _, row in self._made]
        for change, _, row in self._made:
            setattr(row, self._table.owner_id, change.row.pk)
        for ids in chunks(self._removed):
            rows.filter(pk__in=ids).delete()
        self._set_siblings([*made, *self._changed])
        rows.bulk_create(made)
        rows.bulk_create(
            self._changed,
            update_conflicts=True,
            unique_fields=self._table.primary_key,
            update_fields=self._table.concrete,
        )
        self._fill_siblings([row.source_key for row in made if row.source_key is not None])
        for change, key, row in self._made:
            if row.source_key is None:  # the database has assigned its key
                change.changes[f"{self._name}.{element_key(row)}"] = change.changes.pop(f"{self._name}.{key}")

    def _fill_siblings(self, keys: Sequence[str]) -> None:
        """Sets the empty foreign keys beside the keys of new elements, in elements that were stored before them."""
        owner = self._table.owner
        for table in self._roots.elements.values():
            sibling = table.sibling
            if sibling is None or sibling.collection != self._name:
                continue
            new = self._table.rows.filter(source_key=OuterRef(sibling.key), **{owner: OuterRef(owner)})
            for some in chunks(keys):
                opened = table.rows.filter(**{f"{sibling.row}__isnull": True, f"{sibling.key}__in": some})
                opened.filter(Exists(new)).update(**{sibling.row: Subquery(new.values("pk")[:1])})

    def _set_siblings(self, rows: Sequence[Element]) -> None:
        sibling = self._table.sibling
        if sibling is None:
            return
        keys = {getattr(row, sibling.key) for row in rows} - {""}
        others = _stored(self._roots.elements[sibling.collection].rows, keys)
        owner_id = self._table.owner_id
        for row in rows:
            other = others.get(getattr(row, sibling.key))
            if other is not None and getattr(other, owner_id) != getattr(row, owner_id):
                other = None
            setattr(row, sibling.row_id, None if other is None else other.pk)


def _stored(rows: QuerySet[Element], keys: Iterable[str]) -> dict[str, Element]:
    """Returns the rows with these element keys, by key."""
    wanted = set(keys)
    local = sorted(id_ for key in wanted if (id_ := local_id(key)) is not None)
    found: dict[str, Element] = {}
    for some in chunks(sorted(key for key in wanted if not key.startswith(LOCAL))):
        found |= {element_key(row): row for row in rows.filter(source_key__in=some)}
    for ids in chunks(local):
        found |= {element_key(row): row for row in rows.filter(pk__in=ids, source_key__isnull=True)}
    return found
