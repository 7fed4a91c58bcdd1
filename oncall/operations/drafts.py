"""Writes on-call aggregates: any number of drafts of one kind in one transaction.

Rows are read, checked, compared and written in bulk, so the number of statements depends on the number of tables. Each
changed aggregate gets one change record.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db import transaction
from django.db.models import QuerySet

from oncall.aggregates import Draft, Kind, Values
from oncall.errors import InvalidDraft, StaleRows
from oncall.models import ChangeRecord, Reference, Responder
from oncall.models.root import Root
from oncall.operations.audit import Actor, change_record
from oncall.operations.elements import Change, ElementWriter, location
from oncall.operations.keys import Resolve, Resolver, keys_of, set_foreign_keys
from oncall.tables.base import Roots, chunks
from oncall.tables.kinds import ROOTS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The row of a draft and its version, which does not change if the draft changes nothing."""

    id: int
    version: int


def write(
    kind: Kind, drafts: Sequence[Draft], *, by: Actor, resolve: Resolve | None = None, keep_keys: bool = False
) -> list[WriteResult]:
    """Creates and changes aggregates; returns the result of each draft, in order.

    resolve: the primary keys of keys in the drafts. ``local:<pk>`` needs no entry; an unknown key is stored and its
    foreign key is set later. A draft that changes nothing raises no version and leaves no record. In ``put``,
    ``local:<pk>`` changes that element; any other key with the prefix ``local:`` creates an element without a source.
    keep_keys: an element that was deleted is created again under its former key.

    Raises InvalidDraft, or StaleRows if a row has another version than its draft. Then nothing is written.
    """
    with transaction.atomic():
        return _write(ROOTS[kind], drafts, by, Resolver(resolve or {}), keep_keys=keep_keys)


def check(kind: Kind, fields: Values, elements: Mapping[str, Mapping[str, Values]]) -> None:
    """Raises InvalidDraft if :func:`write` would refuse these values. Neither reads nor writes the database.

    fields: all fields of the row after the change; fields of a new row that are left out have their defaults. elements:
    the elements that are put, by collection and key.
    """
    table = ROOTS[kind]
    table.fill(table.model(), fields)
    for name, put in elements.items():
        for key, values in put.items():
            with location(None, f"{name}.{key}."):
                table.elements[name].fill(table.elements[name].new(key), values)


def _write(
    table: Roots, drafts: Sequence[Draft], by: Actor, resolver: Resolver, *, keep_keys: bool
) -> list[WriteResult]:
    rows = _lock(table, drafts)
    _check_accounts(drafts)
    changes = []
    for position, draft in enumerate(drafts):
        with location(position):
            changes.append(_prepared(table, draft, rows, resolver))
    elements = [ElementWriter(table, name, changes, resolver, keep_keys=keep_keys) for name in table.elements]
    resolver.confirm()

    changed = [change for change in changes if change.changes and not change.created]
    for change in changed:
        change.row.version += 1
    table.rows.bulk_create([change.row for change in changes if change.created])
    table.rows.bulk_create(
        [change.row for change in changed],
        update_conflicts=True,
        unique_fields=table.primary_key,
        update_fields=table.concrete,
    )
    for writer in elements:
        writer.write()
    _rebuild_references(table, [change for change in changes if change.keys is not None], resolver)
    ChangeRecord.objects.bulk_create(
        change_record(
            table.kind, change.row.pk, change.row.name, "create" if change.created else "update", by,
            {} if change.created else change.changes,
        )
        for change in changes
        if change.created or change.changes
    )  # fmt: skip
    return [WriteResult(change.row.pk, change.row.version) for change in changes]


def _rebuild_references(table: Roots, changes: Sequence[Change], resolver: Resolver) -> None:
    """Replaces the References of the changed rows. Rows that are already known for a key are kept.

    The old References are locked while they are read, so that a row which is filled in the meantime is kept, too.
    """
    found: dict[tuple[str, str], int] = {}
    for ids in chunks(change.row.pk for change in changes if not change.created):
        old = Reference.objects.filter(**{f"{table.reference_owner}__in": ids})
        for reference in old.select_for_update(no_key=True).order_by("pk"):
            target = getattr(reference, f"{reference.kind}_id")
            if target is not None:
                found[reference.kind, reference.key] = target
        old.delete()
    made = []
    for change in changes:
        for use in change.keys or ():
            target = resolver.id(use.kind, use.key) or found.get((use.kind, use.key))
            rows = {f"{table.reference_owner}_id": change.row.pk, f"{use.kind}_id": target}
            made.append(Reference(position=use.position, kind=use.kind, key=use.key, **rows))
    Reference.objects.bulk_create(made)


def _lock(table: Roots, drafts: Sequence[Draft]) -> dict[int, Root]:
    """Locks the rows of the drafts and returns them. Raises StaleRows."""
    versions = {draft.id: draft.version for draft in drafts if draft.id is not None}
    if len(versions) != sum(draft.id is not None for draft in drafts):
        raise ValueError("two drafts for one row")
    rows = {row.pk: row for row in _locked(table.rows, versions)}
    stale = [id_ for id_, version in versions.items() if id_ not in rows or rows[id_].version != version]
    if stale:
        raise StaleRows(stale)
    return rows


def _locked(rows: QuerySet[Root, T], ids: Iterable[int], *, for_delete: bool = False) -> Iterator[T]:
    for chunk in chunks(sorted(set(ids))):
        yield from rows.select_for_update(no_key=not for_delete).filter(pk__in=chunk).order_by("pk")


def lock_versions(kind: Kind, ids: Iterable[int], *, for_delete: bool = False) -> dict[int, int]:
    """Locks rows until the transaction ends; returns their versions. Rows that do not exist are left out.

    Other transactions can still store references to a locked row, unless it is locked for its deletion.
    """
    return dict(_locked(ROOTS[kind].rows.values_list("pk", "version"), ids, for_delete=for_delete))


def _prepared(table: Roots, draft: Draft, rows: Mapping[int, Root], resolver: Resolver) -> Change:
    """Sets the values of a draft on its row, without writing it. Raises InvalidDraft."""
    unknown = set(draft.elements) - set(table.elements)
    if unknown:
        raise InvalidDraft(min(unknown), "there is no such collection")
    created = draft.id is None
    row = table.model(origin_label=draft.origin) if draft.id is None else rows[draft.id]
    keys, before = ({}, {}) if created else (keys_of(table, row), table.read(row))
    after = table.fill(row, draft.fields)
    set_foreign_keys(table, row, keys, resolver)
    changes: dict[str, list[object]] = (
        {} if created else {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    )
    if isinstance(row, Responder) and draft.account_id not in (None, row.account_id):
        changes["account"] = [row.account_id, draft.account_id]
        row.account_id = draft.account_id
    if draft.origin and not row.origin_label:
        # A row that was made here now also comes from a source.
        changes["origin_label"] = ["", draft.origin]
        row.origin_label = draft.origin
    uses = None
    if table.keys_field and (created or table.keys_field in changes):
        uses = list(table.find_keys(after))
        for use in uses:
            resolver.id(use.kind, use.key)  # so that the resolver confirms local keys
    return Change(draft, row, created, changes, uses)


def _check_accounts(drafts: Sequence[Draft]) -> None:
    """Raises InvalidDraft if an account would have two responders."""
    holders = {draft.account_id: draft.id for draft in drafts if draft.account_id is not None}
    if len(holders) != sum(draft.account_id is not None for draft in drafts):
        raise InvalidDraft("account", "two drafts take the same account")
    for chunk in chunks(holders):
        for pk, name, account_id in Responder.objects.filter(account_id__in=chunk).values_list("pk", "name", "account"):
            if holders[account_id] != pk:
                raise InvalidDraft("account", f"is already linked to {name}")
