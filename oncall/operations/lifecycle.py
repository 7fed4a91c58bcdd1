"""Deactivates, reactivates and deletes aggregates."""

from collections.abc import Iterable, Sequence

from django.db import models, transaction
from django.db.models.deletion import ProtectedError

from oncall.aggregates import Draft, Kind
from oncall.errors import RowsInUse
from oncall.models import ChangeRecord, GroupLead, Reference
from oncall.operations.audit import Actor, change_record
from oncall.operations.drafts import WriteResult, lock_versions, write
from oncall.tables.base import chunks, element_key
from oncall.tables.kinds import ROOTS

_MOST_NAMES = 5  # in a message


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
    """Deletes rows, their elements and the leads of groups; returns the number of rows.

    The change record of a row contains all that it had. Raises RowsInUse if other rows refer to one.
    """
    roots, count = ROOTS[kind], 0
    for chunk in chunks(sorted(lock_versions(kind, ids, for_delete=True))):
        rows = roots.rows.filter(pk__in=chunk)
        before: dict[int, tuple[str, dict[str, list[object]]]] = {
            row.pk: (row.name, {name: [value, None] for name, value in roots.read(row).items()}) for row in rows
        }
        for name, table in roots.elements.items():
            for element in table.rows.filter(**{f"{table.owner}__in": chunk}):
                owner = getattr(element, table.owner_id)
                before[owner][1][f"{name}.{element_key(element)}"] = [table.read(element), None]
        if kind == "user_group":
            for lead in GroupLead.objects.filter(group__in=chunk).select_related("account"):
                before[lead.group_id][1][f"leads.{lead.account.email}"] = [True, None]
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
    return f"{subject} in use by {', '.join(seen[:_MOST_NAMES])}{more}. Deactivate instead of deleting."


def _user(row: models.Model) -> str:
    """Returns the kind and name of the aggregate that contains a protected reference."""
    owner = (row.owner_schedule or row.owner_policy) if isinstance(row, Reference) else row
    for roots in ROOTS.values():
        for table in roots.elements.values():
            if isinstance(row, table.model):
                owner = getattr(row, table.owner)
    return f"{owner._meta.verbose_name} {owner}" if owner is not None else str(row)
