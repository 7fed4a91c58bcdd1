"""Run a sync: fetch, plan, review, apply, verify. Celery and the shell commands use the same code."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from connectors.base import Connector
from connectors.closure import Selection
from connectors.connections.opening import open_connector
from connectors.errors import ConnectorError, ReadStopped
from connectors.models import Connection
from connectors.presence import Presences
from connectors.records import ENTITY_TYPES, Snapshot, entity_type_of
from oncall.aggregates import Kind
from oncall.operations import Actor, check
from oncall.rendering.codec import instant_to_text
from syncjobs.models import OPEN_PLAN, Outcome, RunKind, RunState, SyncItem, SyncProfile, SyncRun
from syncjobs.planning.canonical import Proposer
from syncjobs.planning.plan import Proposals, by_kind, make_plan
from syncjobs.planning.prediction import as_predicted
from syncjobs.planning.values import Base, Picture, Plan
from syncjobs.runs.apply import Application, FenceLost, ItemResult
from syncjobs.runs.claim import Claim, claim_run
from syncjobs.runs.local_picture import load_picture, rules_of
from syncjobs.runs.stored_plan import OVER, remember_compared, remember_unread, store_plan
from syncjobs.runs.stored_questions import link_conflicts, store_conflicts
from syncjobs.runs.verify import PHASE, SourceRendering, verify

log = logging.getLogger(__name__)

#: If a plan is older than this, the source is read again before anything is written.
FRESH: Final = timedelta(minutes=15)
PLAN_LIFETIME: Final = timedelta(days=7)
#: A run stores at most this many notes, and the number of the others.
MOST_NOTES: Final = 2000
#: How many different reasons are stored why objects of one kind were not reached.
MOST_REASONS: Final = 5

Opener = Callable[..., Connector]


def drive(run_id: int, *, opener: Opener = open_connector) -> SyncRun | None:
    """Work on a queued run until it ends or waits for a person. None: the run was no longer queued.

    Errors become the state, the reason and the hint of the run. Only KeyboardInterrupt and SystemExit are raised again.
    """
    run = claim_run(run_id)
    if run is None:
        return None
    claim = Claim(run)
    try:
        if run.planned_at is None:
            _plan(run, claim, opener)
        else:
            _apply_reviewed(run, claim, opener)
    except (FenceLost, ReadStopped):
        log.info("Run %s was taken away or cancelled; nothing more was written", run.pk)
    except ConnectorError as error:
        _finish(claim, RunState.FAILED, error.message, f"{error.hint} What was imported before did not change.".strip())
    except (KeyboardInterrupt, SystemExit):
        _finish(
            claim,
            RunState.FAILED,
            "The run was interrupted.",
            "What was written before stays; no object is half written. Start a new run to continue.",
        )
        raise
    except Exception as error:
        log.exception("Run %s failed", run.pk)
        _finish(
            claim,
            RunState.FAILED,
            f"An unexpected {type(error).__name__} stopped the run.",
            "What was written before stays; no object is half written. See the log for details, then start a new run.",
        )
    run.refresh_from_db()
    return run


def read(run: SyncRun, claim: Claim, opener: Opener) -> Snapshot:
    """Fetch the selection of the run, or the objects to which it is limited. The claim counts what was fetched."""
    connector = opener(run.connection, should_stop=claim.stopped)
    only = run.scope.get("only")
    selection = (
        Selection(everything=False, chosen=frozenset((kind, external_id) for kind, external_id in only))
        if only
        else Selection.from_json(run.scope["selection"])
    )
    return connector.fetch(selection, contact_details=run.profile.contact_details, progress=claim.fetched)


def propose(connection: Connection, snapshot: Snapshot) -> Proposals:
    """Return the proposal for each record of a snapshot."""
    proposer = Proposer(connection.pk, instant_to_text(snapshot.fetched_at), snapshot.mapping_version)
    return by_kind(proposer.propose(record) for kind in ENTITY_TYPES for record in snapshot.records(kind))


def _plan(run: SyncRun, claim: Claim, opener: Opener) -> None:
    run.started_at = timezone.now()
    claim.write(phase="fetch", started_at=run.started_at)
    connection, profile = run.connection, run.profile
    snapshot = read(run, claim, opener)
    if not _same_account(connection, snapshot):
        _finish(
            claim,
            RunState.HELD,
            f"The credential now belongs to {snapshot.account.label}, not to {connection.account_label}.",
            "Nothing was changed. Enter a credential of the same account, or create a new connection for this account.",
        )
        return
    _remember_learnt(connection, snapshot)
    proposals = propose(connection, snapshot)
    mapping_version = {str(kind): version for kind, version in snapshot.mapping_version.items()}
    evaluate_all = profile.evaluated_rules != profile.rules_version or profile.evaluated_mapping != mapping_version
    picture = load_picture(connection, proposals, evaluate_all=evaluate_all)
    plan = make_plan(
        proposals,
        picture,
        rules_of(profile, instant_to_text(snapshot.fetched_at)),
        presence=Presences(snapshot).of,
        check=check,
        failed=snapshot.failed,
        partial=_is_limited(run),
    )
    store_plan(run, plan)
    remember_compared(plan)
    remember_unread(plan)
    now = timezone.now()
    opened = store_conflicts(run, plan, picture, now)
    _count(claim, proposals, plan, picture)
    rendering = SourceRendering.of(snapshot)
    changes = any(item.action not in OVER for item in plan.items)
    waits = changes and run.kind == RunKind.PLAN
    kept = claim.write(
        phase="planned" if changes else PHASE,
        planned_at=now,
        plan_expires_at=now + PLAN_LIFETIME,
        rules_version=profile.rules_version,
        mapping_version=mapping_version,
        account_id=snapshot.account.id or "",
        calls=snapshot.calls,
        notes=_notes(snapshot),
        completeness=_completeness(snapshot, plan),
        checkpoint={"opened_conflicts": opened} | ({"told": rendering.to_json()} if waits else {}),
    )
    if not kept:
        raise FenceLost
    if changes:
        _supersede_others(run)
        if waits:
            _finish(claim, RunState.AWAITING_REVIEW, "", "")
            return
        _write_items(run, claim)
    _conclude(run, claim, rendering, opener)


def _is_limited(run: SyncRun) -> bool:
    return "only" in run.scope


def _same_account(connection: Connection, snapshot: Snapshot) -> bool:
    """Whether the credential belongs to the account of the connection. The first run stores this account."""
    account = snapshot.account
    if account.id is None or account.id == connection.account_id:
        return True
    if connection.account_id:
        return False
    connection.account_id, connection.account_label = account.id, account.label
    connection.save(update_fields=["account_id", "account_label"])
    return True


def _remember_learnt(connection: Connection, snapshot: Snapshot) -> None:
    """Store what a read of the connection's own account learnt. A fact that it did not see stays as it was."""
    learnt = {**connection.learnt, **snapshot.learnt}
    if learnt != connection.learnt:
        connection.learnt = learnt
        connection.save(update_fields=["learnt"])


def _count(claim: Claim, proposals: Proposals, plan: Plan, picture: Picture) -> None:
    for kind in ENTITY_TYPES:
        counts: dict[str, Any] = {"compared": len(proposals[kind]), "unchanged": plan.unchanged[kind]}
        if plan.unlisted[kind]:
            counts["unlisted"] = plan.unlisted[kind]
        if kind in plan.unreached:
            counts["unreached"] = len(plan.unreached[kind])
        claim.counts[kind] |= counts
    for item in plan.items:
        claim.add(item.kind, f"plan_{item.action}")
        if item.failures:
            claim.add(item.kind, "failed")
    settled = set(plan.settled)
    still_open: dict[tuple[str, str], str] = {
        (c.kind, c.subject): c.entity_type for c in picture.conflicts if c.id not in settled
    }
    still_open |= {(d.kind, d.subject): d.entity_type for d in plan.conflicts}
    for name in still_open.values():
        claim.add(entity_type_of(name), "conflict")


def _completeness(snapshot: Snapshot, plan: Plan) -> dict[str, dict[str, Any]]:
    """Whether each list was read to its end, and if not, or if linked objects were not reached, the reason.

    unreached: number of linked objects that were not reached, by reason.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind, state in snapshot.completeness.items():
        reasons = plan.unreached.get(kind, ())
        found[kind] = {"listing": state.listing and not reasons, "reason": state.reason or next(iter(reasons), "")}
        if reasons:
            found[kind]["unreached"] = dict(Counter(reasons).most_common(MOST_REASONS))
    return found


def _notes(snapshot: Snapshot) -> list[dict[str, str | bool | None]]:
    notes: list[dict[str, str | bool | None]] = [
        {
            "entity_type": n.entity_type,
            "external_id": n.external_id,
            "code": n.code,
            "message": n.message,
            "loss": n.loss,
        }
        for n in snapshot.notes[:MOST_NOTES]
    ]
    more = len(snapshot.notes) - MOST_NOTES
    if more > 0:
        notes.append({"entity_type": "", "external_id": None, "code": "more", "message": f"{more} more notes"})
    return notes


def _supersede_others(run: SyncRun) -> None:
    """Supersede the other plans that wait for a person, so that only the last plan can be applied."""
    SyncRun.objects.filter(connection=run.connection, state__in=OPEN_PLAN).exclude(pk=run.pk).update(
        state=RunState.SUPERSEDED, superseded_by=run, finished_at=timezone.now(), checkpoint={}
    )


def open_items(run: SyncRun) -> "QuerySet[SyncItem]":
    """Return the items without an outcome, in the order in which they are applied."""
    return run.items.filter(outcome=Outcome.NONE).order_by("id")


def _apply_reviewed(run: SyncRun, claim: Claim, opener: Opener) -> None:
    """Apply a reviewed plan. Items are stale if rows or the source changed; the run fails if rules changed."""
    if run.profile.rules_version != run.rules_version:
        _finish(
            claim,
            RunState.FAILED,
            "The rules of this connection changed after this plan was made.",
            "Nothing was written. Plan again and review the new plan.",
        )
        return
    rendering = SourceRendering.from_json(run.checkpoint["told"]) if "told" in run.checkpoint else None
    if run.planned_at is not None and timezone.now() - run.planned_at > FRESH:
        rendering = _compare_with_source(run, claim, opener)
    _write_items(run, claim)
    _conclude(run, claim, rendering, opener)


def _compare_with_source(run: SyncRun, claim: Claim, opener: Opener) -> SourceRendering:
    """Read the source again for an old plan. Items whose object changed become stale. Return the new rendering."""
    claim.write(phase="fetch")
    snapshot = read(run, claim, opener)
    claim.write(calls=run.calls + snapshot.calls)
    if _same_account(run.connection, snapshot):
        _remember_learnt(run.connection, snapshot)
    proposals = propose(run.connection, snapshot)
    now = instant_to_text(snapshot.fetched_at)
    for item in (
        open_items(run).exclude(action="detach").only("pk", "entity_type", "external_id", "source_hash", "link")
    ):
        kind = entity_type_of(item.entity_type)
        proposal = proposals[kind].get(item.external_id)
        if proposal is not None and proposal.fingerprint != item.source_hash and item.link is not None:
            proposal = as_predicted(proposal, Base.from_json(item.link.base), now)
        if proposal is None or proposal.fingerprint != item.source_hash:
            SyncItem.objects.filter(pk=item.pk).update(
                outcome=Outcome.STALE,
                code="stale",
                reason="it changed at the source after this plan was made; plan again",
            )
            claim.add(kind, "stale")
    return SourceRendering.of(snapshot)


def _write_items(run: SyncRun, claim: Claim) -> None:
    claim.write(phase="apply")
    unticked = open_items(run).filter(ticked=False)
    for kind, action in unticked.values_list("entity_type", "action"):
        claim.add(entity_type_of(kind), "held" if action == "held" else "skipped")
    unticked.filter(action="held").update(outcome=Outcome.DEFERRED, code="held")
    unticked.update(outcome=Outcome.SKIPPED, code="unticked", reason="unticked by the reviewer")

    def progress(kind: Kind, results: Sequence[ItemResult]) -> None:
        for result in results:
            claim.add(kind, _COUNTERS[result.outcome])
        claim.beat()

    by = Actor(run.requested_by_id, f"run:{run.pk}")
    Application(run, by, claim.hold_fence).apply(open_items(run).iterator(chunk_size=500), progress)
    link_conflicts(run)


_COUNTERS: Final = {
    Outcome.APPLIED: "written",
    Outcome.SKIPPED: "skipped",
    Outcome.FAILED: "failed",
    Outcome.STALE: "stale",
}


#: Words of the counts that make a run partial, as its reason says them.
_INCOMPLETE: Final = {"failed": "failed", "stale": "stale", "held": "held", "unreached": "not reached"}


def _conclude(run: SyncRun, claim: Claim, rendering: SourceRendering | None, opener: Opener) -> None:
    """Verify and end a run: succeeded, or partial with a reason that says what was not applied.

    A schedule that differs from the source becomes a note of the run. It does not change the state of the run.
    """
    verification = None if rendering is None else verify(run, claim, rendering, opener)
    profile = run.profile
    evaluated = (profile.evaluated_rules, profile.evaluated_mapping)
    if not _is_limited(run) and evaluated != (run.rules_version, run.mapping_version):
        SyncProfile.objects.filter(pk=profile.pk).update(
            evaluated_rules=run.rules_version, evaluated_mapping=run.mapping_version
        )
    total = {word: sum(c.get(word, 0) for c in claim.counts.values()) for word in _INCOMPLETE}
    missing = [f"{number} {_INCOMPLETE[word]}" for word, number in total.items() if number]
    end = (RunState.SUCCEEDED, "", "")
    if missing:
        hint = "Everything else was applied. Nothing was removed. The items below say what to do."
        end = (RunState.PARTIAL, f"Not everything was applied: {', '.join(missing)}.", hint)
    if verification is None:
        _finish(claim, *end)
        return
    with transaction.atomic():
        _finish(claim, *end, **verification.columns)
        if claim.lost:
            raise FenceLost
        verification.store()


def _finish(claim: Claim, state: RunState, reason: str, hint: str, **columns: Any) -> None:
    waits = state == RunState.AWAITING_REVIEW
    claim.write(
        state=state,
        reason=reason,
        hint=hint,
        phase="review" if waits else "done",
        finished_at=None if waits else timezone.now(),
        **columns,
    )
