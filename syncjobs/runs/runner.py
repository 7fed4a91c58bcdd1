"""Run a sync: fetch, plan, review, apply, verify. Celery and the shell commands use the same code."""

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from connectors.connections.opening import open_connector
from connectors.errors import ConnectorError, ReadStopped
from connectors.records import entity_type_of
from connectors.zones.chosen import chosen_zones
from oncall.aggregates import Kind
from oncall.operations import Actor
from syncjobs.models import OPEN_PLAN, Outcome, Rule, RunKind, RunState, SyncRun
from syncjobs.planning.values import element_key
from syncjobs.runs.again import MOST_ROUNDS, overtaken_items, plan_again
from syncjobs.runs.apply import Application, ItemResult
from syncjobs.runs.changed_rules import changed_rules, is_limited
from syncjobs.runs.claim import Claim, FenceLost, claim_run
from syncjobs.runs.ending import conclude, load_ended
from syncjobs.runs.impact.measuring import (
    TOO_MANY,
    Measurement,
    foresee,
    foresee_again,
    held_hours,
    items_that_matter,
)
from syncjobs.runs.picture.zones import kept_zones
from syncjobs.runs.planned_read import Opener, Planned, columns_of, count, plan_from, read_accepted, store
from syncjobs.runs.review import compare_with_source
from syncjobs.runs.signals import items_written, reads_awaited
from syncjobs.runs.stored.plan import OVER, open_items
from syncjobs.runs.stored.questions import link_conflicts
from syncjobs.runs.stored.references import repair_after
from syncjobs.runs.stored.renewal import RENEWED, renew
from syncjobs.runs.verify import PHASE, SourceRendering, verify

log = logging.getLogger(__name__)

#: Why a run that would be applied at once waits for a person.
CHANGES_ON_CALL: Final = (
    "This plan changes who is on call now or in the next 24 hours, or leaves hours of the next 7 days without anyone."
)
#: What to do then.
APPROVE: Final = (
    "The rules of the connection demand that somebody approves such a plan. Nothing was written. Look at the changes, "
    "then apply the plan or drop it."
)
#: If a plan is older than this, the source is read again before anything is written.
FRESH: Final = timedelta(minutes=15)


def drive(run_id: int, *, opener: Opener = open_connector) -> SyncRun | None:
    """Work on a queued run until it ends or waits for a person. None: the run was no longer queued.

    Errors become the state, the reason and the hint of the run. Only KeyboardInterrupt and SystemExit are raised again.
    """
    run = claim_run(run_id)
    if run is None:
        return None
    claim = Claim(run)
    try:
        with chosen_zones(Rule.objects.zones(run.connection_id), kept_zones(run.connection_id)):
            if run.planned_at is None:
                _plan(run, claim, opener)
            else:
                _apply_reviewed(run, claim, opener)
    except (FenceLost, ReadStopped):
        log.info("Run %s was taken away or cancelled; nothing more was written", run.pk)
    except ConnectorError as error:
        claim.end(RunState.FAILED, error.message, f"{error.hint} What was imported before did not change.".strip())
    except (KeyboardInterrupt, SystemExit):
        claim.end(
            RunState.FAILED,
            "The run was interrupted.",
            "What was written before stays; no object is half written. Start a new run to continue.",
        )
        raise
    except Exception as error:
        log.exception("Run %s failed", run.pk)
        claim.end(
            RunState.FAILED,
            f"An unexpected {type(error).__name__} stopped the run.",
            "What was written before stays; no object is half written. See the log for details, then start a new run.",
        )
    run, reads_wait = load_ended(run_id)
    repair_after(run)
    if reads_wait:
        reads_awaited.send(sender=SyncRun, run=run)
    return run


def _plan(run: SyncRun, claim: Claim, opener: Opener) -> None:
    run.started_at = timezone.now()
    claim.write(phase="fetch", started_at=run.started_at)
    snapshot = read_accepted(run, claim, opener)
    if snapshot is None:
        return
    planned = plan_from(run, claim, snapshot)
    rendering = SourceRendering.of(snapshot)
    changes = any(item.action not in OVER for item in planned.plan.items)
    vanished = bool(planned.plan.vanished)
    waits, state, reason, hint = vanished or (changes and run.kind == RunKind.PLAN), RunState.AWAITING_REVIEW, "", ""
    if vanished:
        state, reason, hint = _held(planned)
    with claim.fenced():
        opened = store(run, planned)
        if renew(run) and changes:
            waits, hint = True, hint or RENEWED
        _supersede_others(run)
        count(claim, planned)
        columns = columns_of(run, planned)
        if planned.plan.held or (changes and (waits or run.profile.approval_on_impact)):
            run.planned_at = columns["planned_at"]
            impact = foresee(run)
            if planned.plan.held:
                columns["guard"] |= {"hours": held_hours(run, impact)}
            columns["impact"] = None if impact is None else impact.to_json()
            if run.profile.approval_on_impact and not waits and (impact is None or not impact.is_empty):
                waits, reason, hint = True, TOO_MANY if impact is None else CHANGES_ON_CALL, APPROVE
        columns["checkpoint"] = {"opened_conflicts": opened} | ({"told": rendering.to_json()} if waits else {})
        if waits:
            claim.end(state, reason, hint, **columns, phase="review", finished_at=None)
        else:
            claim.write(phase="planned" if changes else PHASE, **columns)
    if waits:
        return
    impact = None
    if changes:
        measurement = Measurement(items_that_matter(run)[0])
        created = _write_items(run, claim)
        for _ in range(MOST_ROUNDS):
            if not plan_again(run, claim, snapshot):
                break
            created |= _write_items(run, claim)
        impact = measurement.impact(created)
    if changes or any(conflict.awaits for conflict in planned.picture.conflicts):
        items_written.send(sender=SyncRun, run=run, fenced=claim.fenced)
    conclude(run, claim, verify(run, claim, rendering, opener), impact)


def _held(planned: Planned) -> tuple[RunState, str, str]:
    reason = " ".join(planned.plan.held)
    hint = "Nothing was changed. Check the source and the key. Approve what is gone, or discard the plan."
    return RunState.HELD, reason, hint


def _supersede_others(run: SyncRun) -> None:
    """Supersede the older plans that wait for a person, so that only the last plan can be applied.

    A run of a few objects does not replace a plan of everything, which is reviewed: its items are checked singly.
    """
    if not run.may_replace_plans:
        return
    older = SyncRun.objects.filter(connection=run.connection, state__in=OPEN_PLAN).exclude(pk=run.pk)
    if is_limited(run):
        older = older.filter(scope__has_key="only")
    older.update(state=RunState.SUPERSEDED, superseded_by=run, finished_at=timezone.now(), checkpoint={})


def _apply_reviewed(run: SyncRun, claim: Claim, opener: Opener) -> None:
    """Apply a reviewed plan. Items are stale if rows or the source changed."""
    if changed := changed_rules(run, run.profile):
        claim.end(RunState.AWAITING_REVIEW, changed, "Nothing was written. Plan again, or apply this plan once more.")
        return
    rendering = SourceRendering.from_json(run.checkpoint["told"]) if "told" in run.checkpoint else None
    if run.planned_at is not None and timezone.now() - run.planned_at > FRESH:
        claim.write(phase="fetch")
        snapshot = read_accepted(run, claim, opener)
        if snapshot is None:
            return
        claim.write(calls=run.calls)
        compare_with_source(run, claim, snapshot)
        rendering = SourceRendering.of(snapshot)
    measurement = Measurement(items_that_matter(run)[0])
    created = _write_items(run, claim)
    if overtaken_items(run):
        snapshot = read_accepted(run, claim, opener)
        if snapshot is None:
            return
        if plan_again(run, claim, snapshot, reviewed=True):
            created |= _write_items(run, claim)
    impact = measurement.impact(created)
    with claim.fenced():
        for following in run.following.filter(state=RunState.AWAITING_REVIEW):
            foresee_again(following)
    items_written.send(sender=SyncRun, run=run, fenced=claim.fenced)
    conclude(run, claim, None if rendering is None else verify(run, claim, rendering, opener), impact)


def _write_items(run: SyncRun, claim: Claim) -> dict[tuple[Kind, int], str]:
    """Apply the open items. Return the keys of the rows that were created."""
    with claim.fenced(phase="apply"):
        _leave_out(run, claim)
    created: dict[tuple[Kind, int], str] = {}

    def progress(kind: Kind, results: Sequence[ItemResult]) -> None:
        for result in results:
            claim.add(kind, _COUNTERS[result.outcome])
            if result.outcome == Outcome.APPLIED:
                _count_removals(kind, result, claim.add)
                key = element_key(run.connection_id, result.item.external_id)
                if result.item.action == "create" and (row_id := application.resolve.get((kind, key))) is not None:
                    created[kind, row_id] = key
        claim.beat()

    application = Application(run, Actor(run.requested_by_id, f"run:{run.pk}"), claim.fenced)
    application.apply(open_items(run).iterator(chunk_size=500), progress)
    with claim.fenced():
        link_conflicts(run)
    return created


def _leave_out(run: SyncRun, claim: Claim) -> None:
    """Give the items an outcome that are not applied: those without a tick, and those that wait for approval."""
    unticked = Q(ticked=False) & ~Q(action="missing", held=True)
    held = Q(held=True, held_ticked=False)
    waiting = open_items(run).filter(unticked | held).values_list("entity_type", "action", "ticked", "held")
    found = list(waiting)
    if not found:
        return
    for kind, action, ticked, is_held in found:
        is_unticked = not ticked and not (action == "missing" and is_held)
        claim.add(entity_type_of(kind), "skipped" if is_unticked else "held")
    open_items(run).filter(unticked, action="missing").update(outcome=Outcome.SKIPPED, code="missing")
    skipped = {"outcome": Outcome.SKIPPED, "code": "unticked", "reason": "unticked by the reviewer"}
    open_items(run).filter(unticked).update(**skipped)
    open_items(run).filter(held).update(outcome=Outcome.DEFERRED, code="held")


_COUNTERS: Final = {
    Outcome.APPLIED: "written",
    Outcome.SKIPPED: "skipped",
    Outcome.FAILED: "failed",
    Outcome.STALE: "stale",
}


def _count_removals(kind: Kind, result: ItemResult, add: Callable[[Kind, str, int], None]) -> None:
    """Count what an applied item removed, and whether a part of it is still held."""
    changes = result.item.changes
    held, approved = changes.get("held", {}), result.item.held_ticked
    if held and not approved:
        add(kind, "held", 1)
    parts = [changes.get("elements", {}), held if approved else {}]
    removed = sum(new is None for part in parts for elements in part.values() for _, new in elements.values())
    if removed:
        add(kind, "removed", removed)
    if changes.get("fields", {}).get("active", [False, True]) == [True, False]:
        add(kind, "deactivated", 1)
