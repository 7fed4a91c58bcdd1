"""Writes change records of questions."""

from typing import Final

from oncall.models import User
from oncall.operations import Actor, account, record
from oncall.operations.audit import Changes
from syncjobs.models import Conflict

#: ``ChangeRecord.model`` of a question.
QUESTION: Final = "question"


def actor_of(by: User | None) -> Actor:
    """Return the actor of an account; None is the shell."""
    return Actor(None, "shell") if by is None else account(by.pk)


def name_of(conflict: Conflict) -> str:
    """Return the name of a question that is no name or address of a person."""
    return f"{conflict.get_kind_display().capitalize()} (question {conflict.pk})"


def record_question(conflict: Conflict, by: Actor, changes: Changes) -> None:
    """Save a change record of a question. The caller's transaction has changed it.

    The label of the record is not that of the question, which may be an address.
    """
    label = name_of(conflict)
    record(QUESTION, conflict.pk, label, "update", by, changes)
