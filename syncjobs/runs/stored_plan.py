"""A plan as rows: what a person reviews is what is applied later."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery

from oncall.tables.base import chunks
from syncjobs.models import Conflict, ConflictState, ExternalLink, Outcome, SyncItem, SyncRun
from syncjobs.planning.canonical import digest
from syncjobs.planning.values import ConflictDraft, Item, OpenConflict, Plan


def store_plan(run: SyncRun, plan: Plan) -> None:
    """Insert the items of a plan. Items held by the guard start without a tick: somebody has to approve them."""
    SyncItem.objects.bulk_create(
        [
            SyncItem(
                run_id=run.pk,
                link_id=item.link_id,
                entity_type=item.kind,
                external_id=item.external_id[:255],
                label=item.label[:255],
                group_no=number,
                action=item.action,
                outcome=Outcome.FAILED if item.action == "failed" else Outcome.NONE,
                code=_code(item),
                reason=item.reason,
                row_id=item.row_id,
                row_version=item.row_version,
                link_version=item.link_version,
                source_hash=item.fingerprint,
                changes=changes_of(item),
                ticked=item.action != "held",
            )
            for number, item in enumerate(plan.items, start=1)
        ]
    )


def _code(item: Item) -> str:
    return item.path[:40] if item.action == "failed" else "+".join(sorted({c.kind for c in item.conflicts}))[:40]


def changes_of(item: Item) -> dict[str, Any]:
    """The stored form of an item's contents; empty parts are left out, and the base of what is created, because that
    is all it writes: see :func:`settled_by`."""
    parts: dict[str, Any] = {
        "fields": dict(item.fields),
        "elements": {name: dict(changes) for name, changes in item.elements.items()},
        "base": {} if item.action == "create" else dict(item.base),
        "account": item.account_id,
        "held": {name: dict(changes) for name, changes in item.held.items()},
        "candidates": list(item.candidates),
        "unread": dict(item.unread) if item.link_id is None else {},
    }
    kept = {name: part for name, part in parts.items() if part}
    if not item.settles:
        kept["settles"] = False
    return kept


def settled_by(item: SyncItem) -> dict[str, Any]:
    """The values its link remembers once the item is applied, as a patch."""
    if item.action != "create":
        return dict(item.changes.get("base", {}))
    elements = item.changes.get("elements", {})
    return {
        "fields": _news(item.changes.get("fields", {})),
        "elements": {name: _news(changes) for name, changes in elements.items()},
    }


def _news(changes: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {path: new for path, (_, new) in changes.items()}


def store_conflicts(run: SyncRun, plan: Plan, stored: Iterable[OpenConflict], at: datetime) -> int:
    """Open, refresh and close conflicts so that they match the plan. Returns how many were opened."""
    known = {(conflict.kind, conflict.subject): conflict for conflict in stored}
    new, moved = [], []
    for (kind, subject), draft in {(draft.kind, draft.subject): draft for draft in plan.conflicts}.items():
        evidence_hash = digest([draft.paths, draft.evidence])
        before = known.get((kind, subject))
        if before is None:
            new.append(_conflict(run, draft, evidence_hash, at))
        elif before.evidence_hash != evidence_hash:
            moved.append(_conflict(run, draft, evidence_hash, at, pk=before.id))
    if not (new or moved or plan.settled):
        return 0
    with transaction.atomic():
        Conflict.objects.bulk_create(new)
        Conflict.objects.bulk_update(moved, ["paths", "evidence", "evidence_hash", "label"], batch_size=100)
        for piece in chunks(plan.settled):
            Conflict.objects.filter(pk__in=piece).update(state=ConflictState.CLOSED, closed_at=at)
    return len(new)


def remember_compared(plan: Plan) -> None:
    """Move the fingerprints of links that were compared and need nothing; one with a decision in the meantime is left
    to be compared again."""
    for piece in chunks(plan.compared):
        found = {view.id: (view.version, fingerprint) for view, fingerprint in piece}
        with transaction.atomic():
            links = ExternalLink.objects.select_for_update().filter(pk__in=found).order_by("pk")
            moved = [link for link in links.only("version", "source_hash") if link.version == found[link.pk][0]]
            for link in moved:
                link.source_hash = found[link.pk][1]
            ExternalLink.objects.bulk_update(moved, ["source_hash"])


def remember_unread(plan: Plan) -> None:
    """Store on the links which collections this read took only in part. Nothing that can be decided depends on it."""
    for piece in chunks(plan.unread):
        ExternalLink.objects.bulk_update(
            [ExternalLink(pk=view.id, unread=dict(unread)) for view, unread in piece], ["unread"]
        )


def link_conflicts(run: SyncRun) -> None:
    """Point open conflicts to the links that exist by now; those of new objects were asked before there was one."""
    link = ExternalLink.objects.filter(
        connection=OuterRef("connection"), entity_type=OuterRef("entity_type"), external_id=OuterRef("external_id")
    )
    Conflict.objects.filter(connection=run.connection, state=ConflictState.OPEN, link=None).update(
        link=Subquery(link.values("pk")[:1])
    )


def _conflict(
    run: SyncRun, draft: ConflictDraft, evidence_hash: str, at: datetime, *, pk: int | None = None
) -> Conflict:
    return Conflict(
        pk=pk,
        connection_id=run.connection_id,
        kind=draft.kind,
        subject_key=draft.subject,
        entity_type=draft.entity_type,
        external_id=draft.external_id[:255],
        label=draft.label[:255],
        paths=list(draft.paths),
        evidence=dict(draft.evidence),
        evidence_hash=evidence_hash,
        opened_at=at,
    )
