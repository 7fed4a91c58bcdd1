"""Assigns questions to accounts."""

from django.db import transaction

from oncall.models import User
from oncall.operations import Actor
from syncjobs.conflicts.audit import record_question
from syncjobs.conflicts.visible import visible_conflicts
from syncjobs.models import Conflict


class CannotAssign(Exception):
    """The question cannot be assigned to this account. Nothing was written."""


@transaction.atomic
def assign(conflict: Conflict, to: User | None, by: Actor) -> None:
    """Let an account, or nobody, be the one who answers a question, and record it. Raises CannotAssign.

    The account must be active and see the question. Nothing is written if the question is assigned to it already.
    """
    if to is not None and not (to.is_active and visible_conflicts(to).filter(pk=conflict.pk).exists()):
        raise CannotAssign(f"{to} cannot see this question, or is not active. It was not assigned.")
    before = Conflict.objects.select_for_update(of=("self",)).select_related("assignee").get(pk=conflict.pk).assignee
    if before == to:
        return
    Conflict.objects.filter(pk=conflict.pk).update(assignee=to)
    changes = {"assignee": [before.email if before else None, to.email if to else None]}
    record_question(conflict, by, changes)
