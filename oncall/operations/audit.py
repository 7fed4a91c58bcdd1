"""Who changes something, and the record of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from oncall.models import ChangeRecord


@dataclass(frozen=True, slots=True)
class Actor:
    """account_id: who answers for it, None for nobody in person. cause: ``account:<id>``, ``run:<id>``, ..."""

    account_id: int | None
    cause: str


def account(account_id: int) -> Actor:
    """The actor of what a person does by hand."""
    return Actor(account_id, f"account:{account_id}")


def change_record(
    model: str, object_id: int, label: str, action: str, by: Actor, changes: Mapping[str, Any]
) -> ChangeRecord:
    """An unsaved record; ``changes``: path -> [old, new]."""
    return ChangeRecord(
        model=model,
        object_id=object_id,
        label=label[:255],
        action=action,
        cause=by.cause,
        actor_id=by.account_id,
        at=timezone.now(),
        changes=dict(changes),
    )


def record(model: str, object_id: int, label: str, action: str, by: Actor, changes: Mapping[str, Any]) -> None:
    change_record(model, object_id, label, action, by, changes).save(force_insert=True)
