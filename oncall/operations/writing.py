"""The one way in which on-call aggregates change: any number of drafts of one kind, in one transaction.

Statements grow with the number of tables, and with the rows only as far as a statement can hold so many: rows are read,
checked, compared and then written in bulk, with one change record per aggregate.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from oncall.aggregates import Draft, Kind
from oncall.errors import InvalidDraft, StaleRows
from oncall.models import ChangeRecord, Responder
from oncall.operations.audit import Actor, change_record
from oncall.operations.element_writing import Change, ElementWriter, placed
from oncall.operations.reference_writing import rebuild
from oncall.operations.resolving import Resolve, Resolver, keys_of, point
from oncall.tables.base import Roots, chunks
from oncall.tables.kinds import ROOTS


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The row of a draft, and its version now: unchanged when the draft changed nothing."""

    id: int
    version: int


def write(kind: Kind, drafts: Sequence[Draft], *, by: Actor, resolve: Resolve | None = None) -> list[WriteResult]:
    """Creates and changes aggregates; returns what became of each draft, in order.

    resolve: what keys mean, for the references in the drafts (``local:<pk>`` needs no entry; an unknown key is kept
    and filled in later). A draft that changes nothing raises no version and leaves no record. In ``put``,
    ``local:<pk>`` changes that element and any other key starting with ``local:`` makes one that no source owns.

    Raises InvalidDraft, or StaleRows when a row is not at its draft's version any more; then nothing is written.
    """
    with transaction.atomic():
        return _write(ROOTS[kind], drafts, by, Resolver(resolve or {}))


def _write(table: Roots, drafts: Sequence[Draft], by: Actor, resolver: Resolver) -> list[WriteResult]:
    rows = _lock(table, drafts)
    _check_accounts(drafts)
    changes = []
    for position, draft in enumerate(drafts):
        with placed(position):
            changes.append(_prepared(table, draft, rows, resolver))
    elements = [ElementWriter(table, name, changes, resolver) for name in table.elements]
    resolver.confirm()

    changed = [change for change in changes if change.changes and not change.created]
    for change in changed:
        change.row.version += 1
    table.rows.bulk_create([change.row for change in changes if change.created])
    table.rows.bulk_create(
        [change.row for change in changed],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=table.concrete,
    )
    for writer in elements:
        writer.write()
    rebuild(table, [change for change in changes if change.names is not None], resolver)
    ChangeRecord.objects.bulk_create(
        change_record(
            table.kind, change.row.pk, change.row.name, "create" if change.created else "update", by,
            {} if change.created else change.changes,
        )
        for change in changes
        if change.created or change.changes
    )  # fmt: skip
    return [WriteResult(change.row.pk, change.row.version) for change in changes]


def _lock(table: Roots, drafts: Sequence[Draft]) -> dict[int, Any]:
    """The rows to be changed, locked. Raises StaleRows."""
    versions = {draft.id: draft.version for draft in drafts if draft.id is not None}
    if len(versions) != sum(draft.id is not None for draft in drafts):
        raise ValueError("two drafts for one row")
    rows = {row.pk: row for row in _locked(table.rows, versions)}
    stale = [id_ for id_, version in versions.items() if id_ not in rows or rows[id_].version != version]
    if stale:
        raise StaleRows(stale)
    return rows


def _locked(rows: Any, ids: Iterable[int]) -> Iterator[Any]:
    for chunk in chunks(sorted(ids)):
        yield from rows.select_for_update().filter(pk__in=chunk).order_by("pk")


def lock_versions(kind: Kind, ids: Iterable[int]) -> dict[int, int]:
    """Locks rows until the transaction ends; row -> version, without rows that do not exist."""
    return dict(_locked(ROOTS[kind].rows.values_list("pk", "version"), ids))


def _prepared(table: Roots, draft: Draft, rows: Mapping[int, Any], resolver: Resolver) -> Change:
    unknown = set(draft.elements) - set(table.elements)
    if unknown:
        raise InvalidDraft(min(unknown), "there is no such collection")
    created = draft.id is None
    row = table.new(origin_label=draft.origin) if draft.id is None else rows[draft.id]
    keys, before = ({}, {}) if created else (keys_of(table, row), table.read(row))
    table.put(row, draft.fields)
    after = table.read(row)
    table.check(after)
    point(table, row, keys, resolver)
    changes = {} if created else {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    if draft.account_id is not None and draft.account_id != row.account_id:
        changes["account"] = [row.account_id, draft.account_id]
        row.account_id = draft.account_id
    if draft.origin and not row.origin_label:
        # A row made here that a source turned out to know as well.
        changes["origin_label"] = ["", draft.origin]
        row.origin_label = draft.origin
    names = None
    if table.naming and (created or table.naming in changes):
        names = list(table.names(after))
        for name in names:
            resolver.id(name.kind, name.key)  # to be confirmed with the rest
    return Change(draft, row, created, changes, names)


def _check_accounts(drafts: Sequence[Draft]) -> None:
    """An account is one responder. Raises InvalidDraft."""
    holders = {draft.account_id: draft.id for draft in drafts if draft.account_id is not None}
    if len(holders) != sum(draft.account_id is not None for draft in drafts):
        raise InvalidDraft("account", "two drafts take the same account")
    for chunk in chunks(holders):
        for pk, name, account_id in Responder.objects.filter(account_id__in=chunk).values_list("pk", "name", "account"):
            if holders[account_id] != pk:
                raise InvalidDraft("account", f"is linked to {name} already")
