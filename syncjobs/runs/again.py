"""Plans items again that a decision or another import overtook while the plan was applied."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from django.db.models import Max, Value
from django.db.models.functions import Concat
from django.utils import timezone

from connectors.records import EntityKey, Snapshot, entity_type_of
from syncjobs.models import Outcome, RunKind, RunState, SyncItem, SyncRun
from syncjobs.planning.values import Item
from syncjobs.runs.apply import AGAIN
from syncjobs.runs.claim import Claim
from syncjobs.runs.planned_read import Planned, columns_of, count, plan_from, store
from syncjobs.runs.stored.plan import changes_of, is_same_change, store_plan

#: How often the items of one run are planned again.
MOST_ROUNDS: Final = 3


def overtaken_items(run: SyncRun) -> dict[EntityKey, SyncItem]:
    """Return the items to plan again, by object."""
    items = run.items.filter(outcome=Outcome.STALE, code=AGAIN)
    return {(entity_type_of(item.entity_type), item.external_id): item for item in items}


def plan_again(run: SyncRun, claim: Claim, snapshot: Snapshot, *, reviewed: bool = False) -> bool:
    """Replace the overtaken items of a run by new items. Return whether there are new items to apply now.

    reviewed: a new item that differs from what was reviewed is not applied. It waits in a new plan.
    """
    is_stale = any(counts.get("stale") for counts in claim.counts.values())
    overtaken = overtaken_items(run) if is_stale else {}
    if not overtaken:
        return False
    planned = plan_from(run, claim, snapshot)
    again = [item for item in planned.plan.items if (item.kind, item.external_id) in overtaken]
    waiting = [item for item in again if reviewed and not _is_reviewed(item, overtaken)]
    now = [item for item in again if item not in waiting]
    new = {(item.kind, item.external_id): item for item in now}
    later = {(item.kind, item.external_id) for item in waiting}
    with claim.fenced():
        store(run, replace(planned, plan=replace(planned.plan, items=())))
        last = run.items.aggregate(last=Max("group_no"))["last"] or 0
        run.items.filter(pk__in=[overtaken[key].pk for key in new]).delete()
        store_plan(run, replace(planned.plan, items=tuple(now)), after=last)
        for key in new:
            _keep_review(run, overtaken[key])
            _count(claim, overtaken[key], f"plan_{overtaken[key].action}", f"plan_{new[key].action}")
            claim.add(key[0], "stale", -1)
        for key in overtaken.keys() - new.keys() - later:
            _count(claim, overtaken[key], "stale", "skipped")
        done = [overtaken[key].pk for key in overtaken.keys() - new.keys() - later]
        _explain(run, done, "nothing is left to do", outcome=Outcome.SKIPPED)
        if waiting:
            following = _store_next_plan(run, replace(planned, plan=replace(planned.plan, items=tuple(waiting))))
            _explain(run, [overtaken[key].pk for key in later], f"it waits in run {following.pk}")
    return bool(now)


def _keep_review(run: SyncRun, before: SyncItem) -> None:
    """Give the new item of an object the approval and the comment of its overtaken item."""
    if before.held_ticked or before.comment:
        again = run.items.filter(entity_type=before.entity_type, external_id=before.external_id)
        again.update(held_ticked=before.held_ticked, comment=before.comment)


def _explain(run: SyncRun, ids: list[int], words: str, **columns: Any) -> None:
    """Add to the reasons of items what became of them."""
    reason = Concat("reason", Value(f"; it was planned again: {words}"))
    run.items.filter(pk__in=ids).update(reason=reason, **columns)


def _count(claim: Claim, item: SyncItem, old: str, new: str) -> None:
    kind = entity_type_of(item.entity_type)
    claim.add(kind, old, -1)
    claim.add(kind, new)


def _is_reviewed(item: Item, overtaken: Mapping[EntityKey, SyncItem]) -> bool:
    return is_same_change(overtaken[item.kind, item.external_id], item.action, changes_of(item))


def _store_next_plan(run: SyncRun, planned: Planned) -> SyncRun:
    """Store a plan of its own, which waits for review."""
    columns: dict[str, Any] = columns_of(run, planned)
    following = SyncRun(
        connection=run.connection,
        profile=run.profile,
        kind=RunKind.PLAN,
        of_run=run,
        state=RunState.AWAITING_REVIEW,
        phase="review",
        reason=f"These items of run {run.pk} were planned again, because a decision or another import came first.",
        scope=run.scope,
        requested_by=run.requested_by,
        started_at=timezone.now(),
        **columns,
    )
    claim = Claim(following)
    count(claim, planned)
    following.counts = claim.counts
    following.save(force_insert=True)
    store_plan(following, planned.plan)
    return following
