"""Keeps what somebody did to an open plan when a periodic sync plans again."""

from datetime import datetime
from typing import Final

from django.db.models import Q

from oncall.tables.base import chunks
from syncjobs.models import OPEN_PLAN, Conflict, Outcome, SyncItem, SyncRun
from syncjobs.runs.stored.plan import is_same_change

#: What a renewed plan says.
RENEWED: Final = (
    "This plan replaces one that somebody was reviewing. Changes that are still the same have kept their ticks, "
    "approvals and comments. Nothing was written."
)
#: The items that a reviewer has changed. All start ticked but those that are missing for the first time.
_CHANGED: Final = (
    ~Q(comment="") | Q(held_ticked=True) | Q(ticked=False) & ~Q(action="missing") | Q(ticked=True, action="missing")
)


def renew(run: SyncRun) -> bool:
    """Give the items of a periodic sync the ticks, approvals and comments of equal items of the plans it replaces.

    Return whether somebody has ticked, commented or decided something since one of these plans was made. Call it in
    the transaction that stores the plan and supersedes the others.
    """
    if run.slot is None or not run.may_replace_plans:
        return False
    plans = SyncRun.objects.select_for_update(of=("self",)).filter(
        connection=run.connection_id, state__in=OPEN_PLAN, planned_at__isnull=False
    )
    touched = False
    for plan in plans.exclude(pk=run.pk).order_by("pk"):
        reviewed = list(plan.items.filter(_CHANGED, outcome=Outcome.NONE))
        touched |= bool(reviewed) or (plan.planned_at is not None and _is_decided(run, plan.planned_at))
        _keep(run, reviewed)
    return touched


def _is_decided(run: SyncRun, since: datetime) -> bool:
    """Return whether somebody has answered a question of the connection since an instant."""
    decided = Conflict.objects.of_connection(run.connection_id).filter(decided_at__gt=since)
    return decided.filter(Q(decided_by__isnull=False) | Q(rule=None)).exists()


def _keep(run: SyncRun, reviewed: list[SyncItem]) -> None:
    before = {(item.entity_type, item.external_id): item for item in reviewed}
    for piece in chunks(sorted({external_id for _, external_id in before})):
        same = []
        for item in run.items.filter(external_id__in=piece, outcome=Outcome.NONE):
            old = before.get((item.entity_type, item.external_id))
            if old is not None and is_same_change(old, item.action, item.changes):
                item.ticked, item.held_ticked, item.comment = old.ticked, old.held_ticked, old.comment
                same.append(item)
        SyncItem.objects.bulk_update(same, ["ticked", "held_ticked", "comment"])
