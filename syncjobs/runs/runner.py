"""Run a sync: fetch, plan, review, apply, verify. Celery and the shell commands use the same code."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q
from django.utils import timezone

from connectors.connections.opening import open_connector
from connectors.errors import ConnectorError, ReadStopped
from connectors.records import Snapshot, entity_type_of
from connectors.zones.chosen import chosen_zones
from oncall.aggregates import Kind
from oncall.operations import Actor
from syncjobs.current_run import working_on
from syncjobs.models import OPEN_PLAN, UNTICKED_ITEMS, Outcome, Rule, RunKind, RunState, SyncRun
from syncjobs.planning.merge import replaced_edits
from syncjobs.planning.values import element_key
from syncjobs.runs.again import MOST_ROUNDS, overtaken_items, plan_again
from syncjobs.runs.apply import Application, ItemResult
from syncjobs.runs.changed_rules import changed_rules, is_approved, is_limited, lost_right
from syncjobs.runs.claim import STOPPING, Claim, FenceLost, GiveBack, WaitElsewhere, claim_run
from syncjobs.runs.durable.failing import MOST_ATTEMPTS, fail
from syncjobs.runs.durable.pages import Pages
from syncjobs.runs.durable.quarantine import note_end
from syncjobs.runs.durable.resume import COUNTERS, count_removals, counted_by_plan, recount
from syncjobs.runs.ending import conclude, load_ended
from syncjobs.runs.impact.guarded import foresee_guarded, guard_following
from syncjobs.runs.impact.measuring import TOO_MANY, Measurement, items_that_matter
from syncjobs.runs.notify import notify_workers
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
#: Why a run waits whose objects were detached and follow their source again.
REPLACES: Final = "Objects follow this source again, which replaces {} value{} edited here."
APPROVE_EDITS: Final = "Nothing was written. Look at the changes, then apply the plan or drop it."
#: Why a run goes back to the queue although its worker goes on.
TURN: Final = "It is the turn of other runs. This run goes on after them."
#: The key of the checkpoint with who was on call before the run wrote anything.
_BEFORE: Final = "before"
#: If a plan is older than this, the source is read again before anything is written.
FRESH: Final = timedelta(minutes=15)


def drive(
    run_id: int,
    *,
    opener: Opener = open_connector,
    slice_seconds: float | None = None,
    at: datetime | None = None,
) -> SyncRun | None:
    """Work on a queued run until it ends or waits for a person. None: the run was no longer queued.

    A run whose worker died or gave it back goes on after its last page or batch. slice_seconds: the longest time that a
    worker works on it at once; it also gives it back instead of sleeping while the source demands a wait. None: until
    its end. at: the clock of retries; None: the present.

    Errors become the state, the reason and the hint of the run. Only KeyboardInterrupt and SystemExit are raised again.
    """
    with working_on(run_id):
        return _drive(run_id, opener, slice_seconds, at)


def _drive(run_id: int, opener: Opener, slice_seconds: float | None, at: datetime | None) -> SyncRun | None:
    run = claim_run(run_id)
    if run is None:
        return None
    claim = Claim(run, slice_seconds=slice_seconds, at=at)
    pages = Pages(claim)
    opener = partial(opener, kept=pages, on_pause=claim.on_pause)
    try:
        with chosen_zones(Rule.objects.zones(run.connection_id), kept_zones(run.connection_id)):
            if run.planned_at is None:
                _plan(run, claim, opener, pages)
            else:
                _apply(run, claim, opener, pages)
    except FenceLost:
        log.info("Run %s was taken away or cancelled; nothing more was written", run.pk)
    except (GiveBack, ReadStopped):
        if not claim.lost:
            _give_back(claim, pages, "Another worker goes on with this run." if STOPPING.is_set() else TURN)
    except WaitElsewhere as wait:
        _wait(claim, pages, wait.seconds)
    except ConnectorError as error:
        fail(claim, error.code, error.message, f"{error.hint} What was imported before did not change.".strip())
    except (OperationalError, InterfaceError) as error:
        log.warning("The database failed during run %s: %s", run.pk, type(error).__name__)
        if not connection.in_atomic_block and not connection.is_usable():
            connection.close()
        claim.give_back("The database failed. The run goes on where it stopped.", is_counted=True)
    except SystemExit:
        _give_back(claim, pages, "Its process was ended. The run goes on where it stopped.")
        raise
    except KeyboardInterrupt:
        reason = "The run was interrupted."
        hint = "What was written before stays; no object is half written. Start a new run to continue."
        fail(claim, "interrupted", reason, hint, counts=False)
        raise
    except Exception as error:
        log.exception("Run %s failed", run.pk)
        fail(
            claim,
            type(error).__name__,
            f"An unexpected {type(error).__name__} stopped the run.",
            "What was written before stays; no object is half written. See the log for details, then start a new run.",
        )
    run, reads_wait = load_ended(run_id)
    if run.state == RunState.QUEUED:
        notify_workers(run)
    if run.is_active:
        return run
    pages.delete()
    repair_after(run)
    if reads_wait:
        reads_awaited.send(sender=SyncRun, run=run)
    return run


def _give_back(claim: Claim, pages: Pages, reason: str) -> None:
    with suppress(FenceLost):
        pages.flush()
        claim.give_back(reason)


def _wait(claim: Claim, pages: Pages, seconds: float) -> None:
    if claim.run.attempt >= MOST_ATTEMPTS:
        reason = f"The source demanded a wait {MOST_ATTEMPTS} times and gave no page between."
        fail(claim, "rate_limited", reason, "Start the sync again when less is read with this key.")
        return
    with suppress(FenceLost):
        pages.flush()
        claim.wait(seconds, "The source limits the number of requests. The run goes on by itself.")


def _plan(run: SyncRun, claim: Claim, opener: Opener, pages: Pages) -> None:
    run.started_at = run.started_at or timezone.now()
    claim.write(phase="fetch", started_at=run.started_at, checkpoint=pages.begin())
    snapshot = read_accepted(run, claim, opener)
    if snapshot is None:
        return
    planned = plan_from(run, claim, snapshot)
    rendering = SourceRendering.of(snapshot)
    changes = any(item.action not in OVER for item in planned.plan.items)
    vanished = bool(planned.plan.vanished)
    edits = replaced_edits(planned.plan.items)
    waits, state, reason, hint = vanished or (changes and run.kind == RunKind.PLAN), RunState.AWAITING_REVIEW, "", ""
    if vanished:
        state, reason, hint = _held(planned)
    elif edits:
        waits, reason, hint = True, REPLACES.format(edits, "" if edits == 1 else "s"), APPROVE_EDITS
    with claim.fenced():
        opened = store(run, planned)
        if renew(run) and changes:
            waits, hint = True, hint or RENEWED
        _supersede_others(run)
        count(claim, planned)
        columns = columns_of(run, planned)
        if planned.plan.held or planned.plan.removes or (changes and (waits or run.profile.approval_on_impact)):
            run.planned_at = columns["planned_at"]
            impact, columns["guard"] = foresee_guarded(run, planned.plan.held, removes=planned.plan.removes)
            columns["impact"] = None if impact is None else impact.to_json()
            if run.profile.approval_on_impact and not waits and (impact is None or not impact.is_empty):
                waits, reason, hint = True, TOO_MANY if impact is None else CHANGES_ON_CALL, APPROVE
        columns["checkpoint"] = {"opened_conflicts": opened, "counted": counted_by_plan(claim)} | (
            {"told": rendering.to_json()} if waits else {"read_at": pages.began}
        )
        if waits:
            claim.end(state, reason, hint, **columns, phase="review", finished_at=None)
            note_end(run)
        else:
            claim.write(phase="planned" if changes else PHASE, **columns)
    if waits:
        return
    awaits = any(conflict.awaits for conflict in planned.picture.conflicts)
    _finish(run, claim, opener, snapshot, rendering, changes=changes, awaits=awaits)


def _finish(
    run: SyncRun,
    claim: Claim,
    opener: Opener,
    snapshot: Snapshot,
    rendering: SourceRendering,
    *,
    changes: bool,
    awaits: bool,
    created: dict[tuple[Kind, int], str] | None = None,
) -> None:
    """Apply a plan that nobody reviews, and end the run. created: the rows that an earlier attempt has created."""
    impact = None
    if changes:
        measurement = _measured(run)
        created = (created or {}) | _write_items(run, claim, measurement)
        for _ in range(MOST_ROUNDS):
            if not plan_again(run, claim, snapshot):
                break
            created |= _write_items(run, claim, measurement)
        impact = measurement.impact(created)
    if changes or awaits:
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


def _apply(run: SyncRun, claim: Claim, opener: Opener, pages: Pages) -> None:
    """Apply a stored plan: a reviewed one, or the rest of one that another worker began to apply.

    Items are stale if rows or the source changed.
    """
    created = recount(run, claim)
    if changed := changed_rules(run, run.profile) or lost_right(run):
        written = "The rest was not written." if created or _BEFORE in run.checkpoint else "Nothing was written."
        claim.end(RunState.AWAITING_REVIEW, changed, f"{written} Plan again, or apply this plan once more.")
        return
    rendering = SourceRendering.from_json(run.checkpoint["told"]) if "told" in run.checkpoint else None
    snapshot = None
    is_reading = run.phase == "fetch" and pages.goes_on
    if is_reading or _is_old(run, pages):
        claim.write(phase="fetch", checkpoint=pages.begin() if is_reading else pages.begin_anew())
        snapshot = read_accepted(run, claim, opener)
        if snapshot is None:
            return
        claim.write(calls=run.calls)
        compare_with_source(run, claim, snapshot)
    elif pages.goes_on:
        calls = run.calls
        snapshot = read_accepted(run, claim, opener)
        if snapshot is None:
            return
        run.calls = calls  # they were counted when the pages were fetched
    if snapshot is not None:
        rendering = SourceRendering.of(snapshot)
        if not is_approved(run):
            changes = run.items.exclude(action__in=OVER).exists()
            _finish(run, claim, opener, snapshot, rendering, changes=changes, awaits=True, created=created)
            return
    measurement = _measured(run)
    created |= _write_items(run, claim, measurement)
    if overtaken_items(run):
        snapshot = read_accepted(run, claim, opener)
        if snapshot is None:
            return
        if plan_again(run, claim, snapshot, reviewed=True):
            created |= _write_items(run, claim, measurement)
    impact = measurement.impact(created)
    with claim.fenced():
        for following in run.following.filter(state=RunState.AWAITING_REVIEW):
            guard_following(following)
    items_written.send(sender=SyncRun, run=run, fenced=claim.fenced)
    verification = None if rendering is None else verify(run, claim, rendering, opener)
    conclude(run, claim, verification, impact, has_read=snapshot is not None)


def _is_old(run: SyncRun, pages: Pages) -> bool:
    """Whether the source has to be read again before the plan is applied."""
    assert run.planned_at is not None  # noqa: S101 - the caller has a plan
    read_at = datetime.fromtimestamp(pages.began, UTC) if pages.goes_on else run.planned_at
    return timezone.now() - max(run.planned_at, read_at) > FRESH


def _measured(run: SyncRun) -> Measurement:
    """Return who was on call before the run wrote anything, also if an earlier attempt has written already."""
    before = run.checkpoint.get(_BEFORE)
    return Measurement(items_that_matter(run).touched) if before is None else Measurement.from_json(before)


def _write_items(run: SyncRun, claim: Claim, measurement: Measurement) -> dict[tuple[Kind, int], str]:
    """Apply the open items. Return the keys of the rows that were created."""
    with claim.fenced(phase="apply", checkpoint={**run.checkpoint, _BEFORE: measurement.to_json()}):
        _leave_out(run, claim)
    created: dict[tuple[Kind, int], str] = {}

    def progress(kind: Kind, results: Sequence[ItemResult]) -> None:
        for result in results:
            claim.add(kind, COUNTERS[result.outcome])
            if result.outcome == Outcome.APPLIED:
                count_removals(kind, result.item, claim.add)
                key = element_key(run.connection_id, result.item.external_id)
                if result.item.action == "create" and (row_id := application.resolve.get((kind, key))) is not None:
                    created[kind, row_id] = key
        claim.after_batch()

    application = Application(run, Actor(run.requested_by_id, f"run:{run.pk}"), claim.advancing)
    application.apply(open_items(run).iterator(chunk_size=500), progress)
    with claim.fenced():
        link_conflicts(run)
    return created


def _leave_out(run: SyncRun, claim: Claim) -> None:
    """Give the items an outcome that are not applied: those without a tick, and those that wait for approval."""
    held = Q(held=True, held_ticked=False)
    waiting = open_items(run).filter(UNTICKED_ITEMS | held).values_list("entity_type", "action", "ticked", "held")
    found = list(waiting)
    if not found:
        return
    for kind, action, ticked, is_held in found:
        is_unticked = not ticked and not (action == "missing" and is_held)
        claim.add(entity_type_of(kind), "skipped" if is_unticked else "held")
    open_items(run).filter(UNTICKED_ITEMS, action="missing").update(outcome=Outcome.SKIPPED, code="missing")
    skipped = {"outcome": Outcome.SKIPPED, "code": "unticked", "reason": "unticked by the reviewer"}
    open_items(run).filter(UNTICKED_ITEMS).update(**skipped)
    open_items(run).filter(held).update(outcome=Outcome.DEFERRED, code="held")
