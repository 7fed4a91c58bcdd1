"""Taking aggregates out of use, bringing them back, deleting them, and putting one in another's place."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models, transaction
from django.db.models.deletion import ProtectedError

from oncall.aggregates import Draft, Kind
from oncall.errors import InvalidDraft, RowsInUse
from oncall.models import ChangeRecord, Reference
from oncall.operations.audit import Actor, change_record
from oncall.operations.writing import WriteResult, lock_versions, write
from oncall.tables.base import chunks, element_key
from oncall.tables.kinds import ROOTS, columns_naming

_SHOWN = 5


def deactivate(kind: Kind, ids: Iterable[int], by: Actor) -> list[WriteResult]:
    """Takes rows out of use; they keep their slots. Rows that do not exist, or are inactive, are left alone."""
    return _set_active(kind, ids, by, active=False)


def reactivate(kind: Kind, ids: Iterable[int], by: Actor) -> list[WriteResult]:
    return _set_active(kind, ids, by, active=True)


@transaction.atomic
def _set_active(kind: Kind, ids: Iterable[int], by: Actor, *, active: bool) -> list[WriteResult]:
    versions = lock_versions(kind, ids)
    return write(kind, [Draft({"active": active}, id=id_, version=version) for id_, version in versions.items()], by=by)


@transaction.atomic
def delete(kind: Kind, ids: Iterable[int], by: Actor) -> int:
    """Deletes rows and their elements for good; returns how many. Raises RowsInUse when something else names one."""
    roots, count = ROOTS[kind], 0
    for chunk in chunks(sorted(lock_versions(kind, ids))):
        rows = roots.rows.filter(pk__in=chunk)
        before = {row.pk: (row.name, {name: [value, None] for name, value in roots.read(row).items()}) for row in rows}
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
    more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
    subject = f"{names[0]} is" if len(names) == 1 else f"Some of {', '.join(names[:_SHOWN])} are"
    return f"{subject} in use by {', '.join(seen[:_SHOWN])}{more}. Nothing was deleted; deactivate instead."


def _user(user: Any) -> str:
    """The aggregate that holds a protected reference, as a person knows it."""
    if isinstance(user, Reference):
        user = user.owner_schedule or user.owner_policy
    for roots in ROOTS.values():
        for table in roots.elements.values():
            if isinstance(user, table.model):
                user = getattr(user, table.owner)
    return f"{user._meta.verbose_name} {user}"


@transaction.atomic
def merge(kind: Kind, loser_id: int, into_id: int, by: Actor) -> list[WriteResult]:
    """Puts one row in the place of another: whatever names the loser means ``into`` from now on, its elements move
    there, and it stays as an inactive row that says what replaced it. Returns the versions of (loser, into).

    Raises InvalidDraft when the two are one, or one of them does not exist or was merged away itself.
    """
    roots = ROOTS[kind]
    lock_versions(kind, [loser_id, into_id])
    rows = {row.pk: row for row in roots.rows.filter(pk__in=[loser_id, into_id], merged_into=None)}
    if len(rows) != 2:
        raise InvalidDraft("merged_into", f"{kind} {loser_id} cannot be merged into {into_id}: they are not two rows")
    loser, into = rows[loser_id], rows[into_id]
    given: dict[str, list[Any]] = {"merged_into": [None, into_id]}
    taken: dict[str, list[Any]] = {}
    if loser.active:
        given["active"] = [True, False]
    for name, table in roots.elements.items():
        for element in table.rows.filter(**{table.owner: loser_id}):
            path, values = f"{name}.{element_key(element)}", table.read(element)
            given[path], taken[path] = [values, None], [None, values]
        table.rows.filter(**{table.owner: loser_id}).update(**{table.owner: into_id})
    for other, column in columns_naming(kind):
        other.rows.filter(**{column.row: loser_id}).update(**{column.row: into_id})
    Reference.objects.filter(**{kind: loser_id}).update(**{kind: into_id})
    loser.active, loser.merged_into, loser.version = False, into, loser.version + 1
    loser.save(update_fields=["active", "merged_into", "version"])
    if taken:
        into.version += 1
        into.save(update_fields=["version"])
        ChangeRecord.objects.bulk_create([change_record(kind, into_id, into.name, "update", by, taken)])
    ChangeRecord.objects.bulk_create([change_record(kind, loser_id, loser.name, "update", by, given)])
    return [WriteResult(loser_id, loser.version), WriteResult(into_id, into.version)]
