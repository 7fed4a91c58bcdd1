"""The actor of a change, and its record in the change log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from django.utils import timezone

from oncall.models import ChangeRecord
from oncall.models.root import NAME_LENGTH

#: Path -> [old value, new value].
Changes: TypeAlias = Mapping[str, Sequence[object]]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change. account_id: None if no person does. cause: ``account:<id>``, ``run:<id>``, ..."""

    account_id: int | None
    cause: str


def account(account_id: int) -> Actor:
    """Returns the actor of the changes that a person makes."""
    return Actor(account_id, f"account:{account_id}")


def change_record(model: str, object_id: int, label: str, action: str, by: Actor, changes: Changes) -> ChangeRecord:
    """Returns an unsaved record."""
    return ChangeRecord(
        model=model,
        object_id=object_id,
        label=label[:NAME_LENGTH],
        action=action,
        cause=by.cause,
        actor_id=by.account_id,
        at=timezone.now(),
        changes=dict(changes),
        personal=model == "responder",
    )


def record(model: str, object_id: int, label: str, action: str, by: Actor, changes: Changes) -> None:
    """Saves a record."""
    change_record(model, object_id, label, action, by, changes).save(force_insert=True)
