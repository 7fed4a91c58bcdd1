"""Erases a person on request: the row and its slots stay, and everything that identifies the person is replaced."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import models, transaction
from django.db.models import Q
from django.dispatch import Signal

from oncall.errors import InvalidDraft, StaleRows
from oncall.models import ChangeRecord, ContactMethod, NotificationRule, Responder
from oncall.operations.audit import Actor, record

#: Sent inside the transaction of an erasure, with ``erasure``. Receivers erase what their tables hold of the person,
#: and count it in ``erasure.counts``. A receiver that raises OperationRefused prevents the erasure.
erasing: Final = Signal()


@dataclass(slots=True)
class Erasure:
    """What an erasure replaces.

    names: the new name of each row, by its id: the person's row and the rows that were merged into it. texts: the names
    and addresses that the person has or had. counts: what was replaced or deleted, in words, and how often.
    """

    names: dict[int, str]
    texts: set[str]
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def shown(self) -> list[str]:
        return sorted(self.texts)


@transaction.atomic
def erase_responder(responder_id: int, by: Actor, *, version: int | None = None) -> Erasure:
    """Replaces the names and addresses of a person, deletes the contact methods and rules, and unlinks the account.

    The person keeps all slots, as *Former person <row id>*, and is inactive. The change log keeps which fields were
    changed when, without their values. This cannot be undone.

    Raises InvalidDraft if there is no such person, StaleRows if the row has another version, OperationRefused if
    another app cannot erase its part now. Then nothing is written.
    """
    one = Responder.objects.filter(pk=responder_id).first()
    if one is None:
        raise InvalidDraft("responder", f"there is no person {responder_id}")
    root_id = one.merged_into_id or one.pk
    chosen = Responder.objects.filter(Q(pk=root_id) | Q(merged_into=root_id))
    rows = list(chosen.select_for_update(no_key=True).order_by("pk"))
    if version is not None and version not in [row.version for row in rows if row.pk == responder_id]:
        raise StaleRows([responder_id])
    erasure = Erasure({row.pk: f"Former person {row.pk}" for row in rows}, _texts_of(rows))
    erasing.send(Erasure, erasure=erasure)
    for row in rows:
        _replace(row, erasure.names[row.pk])
    erasure.counts |= {
        "names and addresses": len(rows),
        "contact methods": ContactMethod.objects.filter(responder__in=rows).delete()[1].get("oncall.ContactMethod", 0),
        "notification rules": NotificationRule.objects.filter(responder__in=rows).delete()[0],
        "change records": _forget_changes(erasure),
    }
    record("responder", root_id, erasure.names[root_id], "update", by, {"erased": [None, True]})
    return erasure


def preview_erasure(responder_id: int, by: Actor) -> Erasure:
    """Returns what :func:`erase_responder` would replace, and changes nothing. Raises the same errors."""
    with transaction.atomic():
        erasure = erase_responder(responder_id, by)
        transaction.set_rollback(True)
    return erasure


def forget_values(changes: Mapping[str, object]) -> dict[str, list[None]]:
    """Returns changes of a person with the names of fields and collections, but without values and element keys."""
    return {path.partition(".")[0]: [None, None] for path in changes}


def _texts_of(rows: list[Responder]) -> set[str]:
    """Returns all names and addresses that these people have, or had according to the change log."""
    found: set[Any] = {text for row in rows for text in (row.name, row.email, row.email_canonical)}
    methods = ContactMethod.objects.filter(responder__in=rows)
    found |= {text for pair in methods.values_list("address", "canonical") for text in pair}
    for changes in _records(row.pk for row in rows).values_list("changes", flat=True):
        for path, sides in changes.items():
            if path in ("name", "email"):
                found |= set(sides)
            elif path.startswith("contact_methods."):
                found |= {side.get("address") for side in sides if side}
    return {text.strip() for text in found if isinstance(text, str) and text.strip()}


def _records(ids: Any) -> models.QuerySet[ChangeRecord]:
    return ChangeRecord.objects.filter(model="responder", object_id__in=list(ids))


def _replace(row: Responder, name: str) -> None:
    """Empties every text column that is not a choice, so that no column is forgotten, and deactivates the row."""
    for column in row._meta.concrete_fields:
        if isinstance(column, models.CharField | models.TextField) and not column.choices:
            setattr(row, column.name, "")
    row.name, row.active, row.state, row.account_id = name, False, Responder.State.INACTIVE, None
    row.version += 1
    row.set_derived_columns()
    row.save()


def _forget_changes(erasure: Erasure) -> int:
    records = list(_records(erasure.names).defer("cause"))
    for each in records:
        each.label, each.changes = erasure.names[each.object_id], forget_values(each.changes)
    ChangeRecord.objects.bulk_update(records, ["label", "changes"], batch_size=200)
    return len(records)
