"""Deactivates, reactivates, deletes and merges aggregates."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db import models, transaction
from django.db.models.deletion import ProtectedError

from oncall.aggregates import Draft, Kind
from oncall.errors import InvalidDraft, RowsInUse
from oncall.models import ChangeRecord, Reference
from oncall.operations.audit import Actor, change_record
from oncall.operations.drafts import WriteResult, lock_versions, write
from oncall.tables.base import chunks, element_key
from oncall.tables.kinds import ROOTS, key_columns_to

_MOST_NAMES = 5  # in a message
Holder = TypeVar("Holder", bound=models.Model)


def deactivate(kind: Kind, ids: Iterable[int], by: Actor) -> list[WriteResult]:
    """Makes rows inactive; they keep their slots. Rows that do not exist or are inactive are skipped."""
    return _set_active(kind, ids, by, active=False)


def reactivate(kind: Kind, ids: Iterable[int], by: Actor) -> list[WriteResult]:
    """Makes rows active again. Rows that do not exist or are active are skipped."""
    return _set_active(kind, ids, by, active=True)


@transaction.atomic
def _set_active(kind: Kind, ids: Iterable[int], by: Actor, *, active: bool) -> list[WriteResult]:
    versions = lock_versions(kind, ids)
    return write(kind, [Draft({"active": active}, id=id_, version=version) for id_, version in versions.items()], by=by)


@transaction.atomic
def delete(kind: Kind, ids: Iterable[int], by: Actor) -> int:
    """Deletes rows and their elements; returns the number of rows. Raises RowsInUse if other rows refer to one."""
    roots, count = ROOTS[kind], 0
    for chunk in chunks(sorted(lock_versions(kind, ids))):
        rows = roots.rows.filter(pk__in=chunk)
        before: dict[int, tuple[str, dict[str, list[object]]]] = {
            row.pk: (row.name, {name: [value, None] for name, value in roots.read(row).items()}) for row in rows
        }
        for name, table in roots.elements.items():
            for element in table.rows.filter(**{f"{table.owner}__in": chunk}):
                owner = getattr(element, table.owner_id)
                before[owner][1][f"{name}.{element_key(element)}"] = [table.read(element), None]
        try:
            rows.delete()
        except ProtectedError as used:
            raise RowsInUse(_in_use(sorted(name for name, _ in before.values()), used.protected_objects)) from used
        ChangeRecord.objects.bulk_create(
            change_record(kind, pk, name, "delete", by, changes) for pk, (name, changes) in before.items()
        )
        count += len(chunk)
    return count


def _in_use(names: Sequence[str], users: Iterable[models.Model]) -> str:
    seen = sorted({_user(user) for user in users})
    more = f" and {len(seen) - _MOST_NAMES} more" if len(seen) > _MOST_NAMES else ""
    subject = f"{names[0]} is" if len(names) == 1 else f"Some of {', '.join(names[:_MOST_NAMES])} are"
    return f"{subject} in use by {', '.join(seen[:_MOST_NAMES])}{more}. Nothing was deleted; deactivate instead."


def _user(row: models.Model) -> str:
    """Returns the kind and name of the aggregate that contains a protected reference."""
    owner = (row.owner_schedule or row.owner_policy) if isinstance(row, Reference) else row
    for roots in ROOTS.values():
        for table in roots.elements.values():
            if isinstance(row, table.model):
                owner = getattr(row, table.owner)
    return f"{owner._meta.verbose_name} {owner}" if owner is not None else str(row)


@transaction.atomic
def merge(kind: Kind, loser_id: int, into_id: int, by: Actor) -> list[WriteResult]:
    """Replaces the row ``loser_id`` by ``into_id``: references and elements move, and the loser becomes inactive.

    Returns the results of both rows, the loser first. Raises InvalidDraft if the rows are the same, or if one of them
    does not exist or was merged into another row before.
    """
    roots = ROOTS[kind]
    lock_versions(kind, [loser_id, into_id])
    stored = roots.rows.filter(pk__in=[loser_id, into_id])
    rows = {row.pk: row for row in stored if row.merged_into is None}
    if len(rows) != 2:
        raise InvalidDraft("merged_into", f"{kind} {loser_id} cannot be merged into {into_id}: these are not two rows")
    loser, into = rows[loser_id], rows[into_id]
    given: dict[str, list[object]] = {"merged_into": [None, into_id]}
    taken: dict[str, list[object]] = {}
    if loser.active:
        given["active"] = [True, False]
    for name, table in roots.elements.items():
        for element in table.rows.filter(**{table.owner: loser_id}):
            path, values = f"{name}.{element_key(element)}", table.read(element)
            given[path], taken[path] = [values, None], [None, values]
        _replace(table.rows, table.owner, loser_id, into_id)
    for other, column in key_columns_to(kind):
        _replace(other.rows, column.row, loser_id, into_id)
    _replace(Reference.objects.all(), kind, loser_id, into_id)
    loser.active, loser.merged_into, loser.version = False, into, loser.version + 1
    loser.save(update_fields=["active", "merged_into", "version"])
    if taken:
        into.version += 1
        into.save(update_fields=["version"])
        ChangeRecord.objects.bulk_create([change_record(kind, into_id, into.name, "update", by, taken)])
    ChangeRecord.objects.bulk_create([change_record(kind, loser_id, loser.name, "update", by, given)])
    return [WriteResult(loser_id, loser.version), WriteResult(into_id, into.version)]


def _replace(queryset: models.QuerySet[Holder], foreign_key: str, old: int, new: int) -> None:
    queryset.filter(**{foreign_key: old}).update(**{foreign_key: new})
