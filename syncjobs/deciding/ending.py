"""Ends answers that hold only until an instant."""

from datetime import datetime

from django.db import transaction

from oncall.tables.base import chunks
from syncjobs.models import Conflict, ConflictState


def reopen_ended(at: datetime) -> int:
    """Ask the questions again whose answer ended at or before an instant. Return their number.

    The answered question is closed and stays as the story of the new one.
    """
    ended = Conflict.objects.filter(state=ConflictState.DECIDED, decided_until__lte=at)
    reopened = 0
    for piece in chunks(ended.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            locked = list(ended.filter(pk__in=piece).select_for_update(of=("self",)).order_by("pk"))
            Conflict.objects.filter(pk__in=[each.pk for each in locked]).update(
                state=ConflictState.CLOSED, closed_at=at
            )
            Conflict.objects.bulk_create([_asked_again(each, at) for each in locked])
            reopened += len(locked)
    return reopened


def _asked_again(answered: Conflict, at: datetime) -> Conflict:
    return Conflict(
        connection_id=answered.connection_id,
        link_id=answered.link_id,
        kind=answered.kind,
        subject_key=answered.subject_key,
        entity_type=answered.entity_type,
        external_id=answered.external_id,
        label=answered.label,
        paths=answered.paths,
        evidence=answered.evidence,
        evidence_hash=answered.evidence_hash,
        assignee_id=answered.assignee_id,
        opened_at=at,
    )
