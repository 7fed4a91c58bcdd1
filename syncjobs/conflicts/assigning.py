"""Assigns questions to accounts."""

from oncall.models import User
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.models import Conflict


class CannotAssign(Exception):
    """The question cannot be assigned to this account. Nothing was written."""


def assign(conflict: Conflict, to: User | None) -> None:
    """Let an account, or nobody, be the one who answers a question. Raises CannotAssign.

    The account must be active and see the question.
    """
    if to is not None and not (to.is_active and visible_conflicts(to).filter(pk=conflict.pk).exists()):
        raise CannotAssign(f"{to} cannot see this question, or is not active. It was not assigned.")
    Conflict.objects.filter(pk=conflict.pk).update(assignee=to)
