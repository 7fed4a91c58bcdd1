"""Holds the removals of a stored plan by which the last person leaves a schedule or a level."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db.models import Value
from django.db.models.functions import Concat

from oncall.aggregates import Kind
from oncall.models import EscalationPolicy, Schedule
from oncall.tables.base import chunks
from syncjobs.models import HELD_ITEMS, OPEN_PLAN, SyncItem, SyncRun
from syncjobs.planning.impact.values import Impact
from syncjobs.planning.missing.last_person import Loss, Place
from syncjobs.runs.impact.measuring import MOST_ITEMS, Foreseen, foresee, items_that_matter
from syncjobs.runs.impact.staff import Row, rows_behind
from syncjobs.runs.stored.plan import open_items

#: Why removals wait if it cannot be computed what they take away.
UNKNOWN: Final = (
    f"More than {MOST_ITEMS:,} items may change who is on call, so what would be removed waits: it was not computed "
    "whether the last person leaves a schedule or a level."
)
#: The most places that the reasons of a run name.
MOST_NAMED: Final = 10


def foresee_guarded(run: SyncRun, held: Sequence[str], *, removes: bool = True) -> tuple[Impact | None, dict[str, Any]]:
    """Return what the open items of a run would change, and its column ``guard``.

    Marks the removals that wait because of the last person. held: why other removals wait already. removes: whether an
    item may take somebody away; if none does, only the impact is looked at. It must be inside a transaction, which has
    locked the run.
    """
    reasons = list(held)
    foreseen = foresee(run, guarded=bool(held) or removes)
    if removes:
        named: list[str] = []
        if foreseen is None:
            _hold(run, dict.fromkeys(items_that_matter(run).removals, ()))
            named.append(UNKNOWN)
        while foreseen is not None and foreseen.losses and foreseen.removals:
            named += _hold_last(run, foreseen)
            foreseen = foresee(run, guarded=True)
        if len(named) > MOST_NAMED:
            named[MOST_NAMED:] = [f"The same is true of {len(named) - MOST_NAMED} more schedules and levels."]
        reasons += named
    if not reasons:
        return None if foreseen is None else foreseen.impact, {}
    _keep_comments(run)
    guard: dict[str, Any] = {"reasons": reasons, "hours": None if foreseen is None else foreseen.hours}
    return None if foreseen is None else foreseen.impact, guard


def guard_again(run: SyncRun) -> None:
    """Guard the open items of a run that were planned again, and add why they wait. As :func:`foresee_guarded`."""
    _, guard = foresee_guarded(run, ())
    if guard:
        before = run.guard.get("reasons", [])
        run.guard = {**run.guard, **guard, "reasons": list(dict.fromkeys([*before, *guard["reasons"]]))}
        SyncRun.objects.filter(pk=run.pk).update(guard=run.guard)


def guard_following(run: SyncRun) -> None:
    """Guard a plan that waits for review, and store its impact, as its items are compared with what is here now."""
    waiting = SyncRun.objects.select_for_update(of=("self",)).filter(pk=run.pk, state__in=OPEN_PLAN)
    locked = waiting.select_related("connection", "profile").first()
    if locked is not None:
        impact, guard = foresee_guarded(locked, locked.guard.get("reasons", ()))
        waiting.update(impact=None if impact is None else impact.to_json(), guard=guard)


def _hold_last(run: SyncRun, foreseen: Foreseen) -> list[str]:
    """Mark the removals behind the places that their last person leaves. Return a sentence for each place.

    If no removal is behind a place as it is now, all removals wait.
    """
    behind = rows_behind(loss.place for loss in foreseen.losses)
    words = _words(foreseen.losses)
    held: dict[int, list[str]] = defaultdict(list)
    for loss in foreseen.losses:
        rows = behind[loss.place]
        found = [pk for pk, row in foreseen.removals.items() if row in rows]
        for pk in found or foreseen.removals:
            held[pk].append(words[loss])
    _hold(run, held)
    return [f"Nobody would be left in {words[loss]}." for loss in foreseen.losses]


def _hold(run: SyncRun, items: Mapping[int, Iterable[str]]) -> None:
    """Mark items that wait for approval, and say why: the places that nobody would be left in, by item."""
    by_reason: dict[str, list[int]] = defaultdict(list)
    for pk, places in items.items():
        first, *more = places or ("",)
        others = f" and {len(more)} more" if more else ""
        by_reason[f"it waits for approval, because nobody would be left in {first}{others}" if first else ""].append(pk)
    for reason, ids in by_reason.items():
        for piece in chunks(ids):
            waiting = open_items(run).filter(pk__in=piece)
            if reason:
                waiting.exclude(reason="").update(reason=Concat("reason", Value(f"; {reason}")))
                waiting.filter(reason="").update(reason=reason)
            waiting.update(held=True)


def _words(losses: Iterable[Loss]) -> dict[Loss, str]:
    """Return each place with its name and its hours. Makes up to two queries per 500 places."""
    losses, names = list(losses), dict[Row, str]()
    models: tuple[tuple[Kind, type[Schedule | EscalationPolicy]], ...] = (
        ("schedule", Schedule),
        ("escalation_policy", EscalationPolicy),
    )
    for kind, model in models:
        for piece in chunks(sorted({loss.place.row_id for loss in losses if loss.place.kind == kind})):
            rows = model._default_manager.filter(pk__in=piece).values_list("pk", "name")
            names |= {(kind, pk): name for pk, name in rows}
    return {loss: f"{_place(loss.place, names)} ({loss.hours:g} h of the next 7 days)" for loss in losses}


def _place(place: Place, names: Mapping[Row, str]) -> str:
    name = names[place.kind, place.row_id]
    if place.kind == "schedule":
        return f"the schedule {name}"
    level = "levels" if place.level is None else f"level {place.level + 1}"
    return f"{level} of the policy {name}"


def _keep_comments(run: SyncRun) -> None:
    """Give what waits the comment of the item that waited for the same object in an earlier run."""
    waiting = {(item.entity_type, item.external_id): item for item in run.items.filter(HELD_ITEMS, comment="")}
    changed = []
    for piece in chunks(sorted({external_id for _, external_id in waiting})):
        before = SyncItem.objects.filter(HELD_ITEMS, run__connection=run.connection_id, external_id__in=piece)
        commented = before.exclude(run=run).exclude(comment="").order_by("pk")
        for kind, external_id, comment in commented.values_list("entity_type", "external_id", "comment"):
            item = waiting.get((kind, external_id))
            if item is not None:
                item.comment = comment
                changed.append(item)
    SyncItem.objects.bulk_update(dict.fromkeys(changed), ["comment"], batch_size=500)
