"""Reads the source for a run, and plans from what was read."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from django.utils import timezone

from connectors.base import Connector
from connectors.closure import Selection
from connectors.errors import AnotherAccount
from connectors.models import Connection
from connectors.presence import Presences, rights_of
from connectors.records import ENTITY_TYPES, Snapshot, entity_type_of
from oncall.operations import check
from oncall.rendering.codec import instant_to_text
from syncjobs.models import Outcome, RunState, SyncRun
from syncjobs.planning.canonical import Proposer
from syncjobs.planning.conflicts import account_changed, identity
from syncjobs.planning.decisions.rules import domains_of, with_other_domain
from syncjobs.planning.plan import Proposals, by_kind, make_plan
from syncjobs.planning.trace import trace
from syncjobs.planning.values import Picture, Plan, Rules
from syncjobs.runs.changed_rules import is_limited
from syncjobs.runs.claim import Claim
from syncjobs.runs.durable.quarantine import note_end
from syncjobs.runs.picture.local import load_picture, rules_of
from syncjobs.runs.picture.missing import missing_objects
from syncjobs.runs.stored.plan import OVER, remember_compared, remember_sightings, remember_unread, store_plan
from syncjobs.runs.stored.questions import ask_about_account, store_conflicts

PLAN_LIFETIME: Final = timedelta(days=7)
Opener = Callable[..., Connector]
#: A run stores at most this many notes, and the number of the others.
MOST_NOTES: Final = 2000
#: The trace of a limited run is stored for at most this many objects.
MOST_TRACES: Final = 20
#: How many different reasons are stored why objects of one kind were not reached.
MOST_REASONS: Final = 5


def read(run: SyncRun, claim: Claim, opener: Opener) -> Snapshot:
    """Fetch the selection of the run, or the objects to which it is limited. The claim counts what was fetched."""
    connector = opener(run.connection, should_stop=claim.stopped)
    only = run.scope.get("only")
    selection = (
        Selection(everything=False, chosen=frozenset((kind, external_id) for kind, external_id in only))
        if only
        else Selection.from_json(run.scope["selection"])
    )
    snapshot = connector.fetch(selection, contact_details=run.profile.contact_details, progress=claim.fetched)
    run.calls += snapshot.calls
    same_account = snapshot.account.id in (None, run.connection.account_id)
    if same_account and not only and (missing := missing_objects(run.connection_id, snapshot)):
        before = connector.calls
        snapshot = replace(snapshot, looked_up=connector.look_up(missing))
        run.calls += connector.calls - before
    return snapshot


def propose(
    connection: Connection,
    snapshot: Snapshot,
    *,
    domains: Mapping[str, str] = MappingProxyType({}),
    progress: Callable[[], None] = lambda: None,
) -> Proposals:
    """Return the proposal for each record of a snapshot.

    domains: the remembered changes of domains of addresses. progress: called for each record.
    """
    proposer = Proposer(connection.pk, instant_to_text(snapshot.fetched_at), snapshot.mapping_version)

    def proposals() -> Any:
        for kind in ENTITY_TYPES:
            for record in snapshot.records(kind):
                progress()
                proposal = proposer.propose(record)
                other = with_other_domain(proposal.email, domains) if kind == "responder" else proposal.email
                yield proposal if other == proposal.email else replace(proposal, other_email=other)

    return by_kind(proposals())


def read_accepted(run: SyncRun, claim: Claim, opener: Opener) -> Snapshot | None:
    """Fetch as :func:`read`. Return None if the key belongs to another account: then the run is held, and it is asked.

    The first run stores the account. What the read learnt about the account is stored, too.
    """
    try:
        snapshot = read(run, claim, opener)
    except AnotherAccount as other:
        if run.connection.account_id in ("", other.account_id):
            raise  # the setting that names the account is wrong
        _hold(run, claim, other.account_id, other.account_label)
        return None
    return snapshot if _accept_account(run, claim, snapshot) else None


def _hold(run: SyncRun, claim: Claim, account_id: str, label: str) -> None:
    """Ask what to do with a key of another account, and hold the run. Nothing of that account is compared."""
    connection = run.connection
    here = (connection.account_id, connection.account_label)
    draft = account_changed(connection.pk, connection.name, here, (account_id, label))
    with claim.fenced():
        note_end(run)
        question = ask_about_account(connection, draft, timezone.now())
        older = SyncRun.objects.filter(connection=connection, state=RunState.HELD, planned_at=None)
        older.exclude(pk=run.pk).update(
            state=RunState.SUPERSEDED, superseded_by=run, finished_at=timezone.now(), checkpoint={}
        )
    claim.end(
        RunState.HELD,
        f"The key now belongs to {label}, not to {connection.account_label}.",
        f"Nothing was imported. Answer question {question}, or replace the key by one of {connection.account_label}.",
        calls=run.calls,
    )


def _accept_account(run: SyncRun, claim: Claim, snapshot: Snapshot) -> bool:
    """Return whether the read came from the account of the connection. Otherwise hold the run."""
    connection, account = run.connection, snapshot.account
    columns: dict[str, Any] = {}
    if account.id is not None and account.id != connection.account_id:
        if connection.account_id:
            _hold(run, claim, account.id, account.label)
            return False
        columns = {"account_id": account.id, "account_label": account.label}
    learnt = {**connection.learnt, **snapshot.learnt}
    if learnt != connection.learnt:
        columns["learnt"] = learnt
    if columns:
        with claim.fenced():
            for name, value in columns.items():
                setattr(connection, name, value)
            connection.save(update_fields=[*columns])
    return True


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, with what it was made from."""

    snapshot: Snapshot
    proposals: Proposals
    picture: Picture
    plan: Plan
    rules: Rules

    @property
    def mapping_version(self) -> dict[str, int]:
        return {str(kind): version for kind, version in self.snapshot.mapping_version.items()}


def plan_from(run: SyncRun, claim: Claim, snapshot: Snapshot) -> Planned:
    """Compare a read with the rows here. Writes nothing but progress, which also renews the lease."""
    connection, profile = run.connection, run.profile
    rights = rights_of(snapshot, connection.credentials_since)
    rules = rules_of(profile, instant_to_text(snapshot.fetched_at), rights)
    proposals = propose(connection, snapshot, domains=domains_of(rules.remembered), progress=claim.beat)
    versions = {str(kind): version for kind, version in snapshot.mapping_version.items()}
    evaluate_all = profile.evaluated_rules != profile.rules_version or profile.evaluated_mapping != versions
    presence = Presences(snapshot).of
    picture = load_picture(connection, proposals, presence, evaluate_all=evaluate_all, progress=claim.beat)
    plan = make_plan(
        proposals,
        picture,
        rules,
        presence=presence,
        check=check,
        failed=snapshot.failed,
        notes=snapshot.notes,
        is_same_account=snapshot.account.id is not None,
        partial=is_limited(run),
        progress=claim.beat,
    )
    return Planned(snapshot, proposals, picture, plan, rules)


def store(run: SyncRun, planned: Planned) -> int:
    """Store the items, the questions and what was compared. Return the number of new questions."""
    store_plan(run, planned.plan)
    remember_compared(planned.plan)
    remember_unread(planned.plan)
    remember_sightings(planned.plan)
    return store_conflicts(run, planned.plan, planned.picture, planned.rules, timezone.now())


def columns_of(run: SyncRun, planned: Planned) -> dict[str, Any]:
    """Return the columns of a run that describe its read and its plan."""
    now = timezone.now()
    return {
        "planned_at": now,
        "plan_expires_at": now + PLAN_LIFETIME,
        "rules_version": run.profile.rules_version,
        "mapping_version": planned.mapping_version,
        "account_id": planned.snapshot.account.id or "",
        "calls": run.calls,
        "notes": _notes(planned.snapshot),
        "completeness": _completeness(planned.snapshot, planned.plan),
        "guard": {"reasons": list(planned.plan.held)} if planned.plan.held else {},
    } | ({"scope": {**run.scope, "trace": _traces(run, planned)}} if is_limited(run) else {})


def _traces(run: SyncRun, planned: Planned) -> list[list[Any]]:
    """Return ``[kind, id, steps]`` of the first objects to which the run is limited."""
    presence, links = Presences(planned.snapshot).of, planned.picture.links
    return [
        [
            kind,
            external_id,
            trace(
                kind,
                external_id,
                presence=presence(kind, external_id),
                proposal=planned.proposals[kind].get(external_id),
                link=links[kind].get(external_id),
                plan=planned.plan,
                failed=planned.snapshot.failed,
                notes=planned.snapshot.notes,
            ),
        ]
        for kind, external_id in run.scope["only"][:MOST_TRACES]
    ]


def count(claim: Claim, planned: Planned) -> None:
    """Count the objects, the items and the open questions of a plan on the claim."""
    plan = planned.plan
    for kind in ENTITY_TYPES:
        counts: dict[str, Any] = {"compared": len(planned.proposals[kind]), "unchanged": plan.unchanged[kind]}
        if plan.unlisted[kind]:
            counts["unlisted"] = plan.unlisted[kind]
        if kind in plan.unreached:
            counts["unreached"] = len(plan.unreached[kind])
        claim.counts[kind] |= counts
    for item in plan.items:
        claim.add(item.kind, f"plan_{item.action}")
        if OVER.get(item.action) == Outcome.SKIPPED:
            claim.add(item.kind, "skipped")
        if item.failures:
            claim.add(item.kind, "failed")
    settled = set(plan.settled)
    present = [c for c in planned.picture.conflicts if c.id not in settled]
    decided = {(c.kind, c.subject, c.evidence_hash) for c in present if c.decided}
    waiting: dict[tuple[str, str], str] = {
        (c.kind, c.subject): c.entity_type for c in present if not c.decided and c.entity_type
    }
    waiting |= {(d.kind, d.subject): d.entity_type for d in plan.conflicts if not decided or identity(d) not in decided}
    for name in waiting.values():
        claim.add(entity_type_of(name), "conflict")


def _completeness(snapshot: Snapshot, plan: Plan) -> dict[str, dict[str, Any]]:
    """Whether each list was read to its end, and if not, or if linked objects were not reached, the reason.

    by_design: present if the list was not meant to be read to its end. unreached: number of linked objects that were
    not reached, by reason.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind, state in snapshot.completeness.items():
        reasons = plan.unreached.get(kind, ())
        found[kind] = {"listing": state.listing and not reasons, "reason": state.reason or next(iter(reasons), "")}
        if state.by_design:
            found[kind]["by_design"] = True
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
