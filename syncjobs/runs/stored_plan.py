"""Store a plan as rows. These rows are reviewed, and later applied."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Subquery

from oncall.models.root import NAME_LENGTH
from oncall.tables.base import chunks
from syncjobs.models import Conflict, ConflictState, ExternalLink, Outcome, SyncItem, SyncRun
from syncjobs.planning.canonical import digest
from syncjobs.planning.values import ConflictDraft, Item, OpenConflict, Plan


def store_plan(run: SyncRun, plan: Plan) -> None:
    """Insert the items of a plan. Items held by the guard start unticked, because a person must approve them."""
    SyncItem.objects.bulk_create(
        [
            SyncItem(
                run_id=run.pk,
                link_id=item.link_id,
                entity_type=item.kind,
                external_id=item.external_id,
                label=item.label[:NAME_LENGTH],
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
    """Return the changes of an item as JSON, without empty values. A create has no base: see :func:`settled_by`."""
    changes: dict[str, Any] = {
        "fields": dict(item.fields),
        "elements": {name: dict(changes) for name, changes in item.elements.items()},
        "base": {} if item.action == "create" else dict(item.base),
        "account": item.account_id,
        "held": {name: dict(changes) for name, changes in item.held.items()},
        "candidates": list(item.candidates),
        "unread": dict(item.unread) if item.link_id is None else {},
    }
    stored = {name: value for name, value in changes.items() if value}
    if not item.settles:
        stored["settles"] = False
    return stored


def settled_by(item: SyncItem) -> dict[str, Any]:
    """Return the patch of the link's base when the item is applied. A create settles all that it writes."""
    if item.action != "create":
        return dict(item.changes.get("base", {}))
    elements = item.changes.get("elements", {})
    return {
        "fields": _new_values(item.changes.get("fields", {})),
        "elements": {name: _new_values(changes) for name, changes in elements.items()},
    }


def _new_values(changes: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {path: new for path, (_, new) in changes.items()}


def store_conflicts(run: SyncRun, plan: Plan, stored: Iterable[OpenConflict], at: datetime) -> int:
    """Open, refresh and close conflicts so that they match the plan. Returns how many were opened."""
    open_conflicts = {(conflict.kind, conflict.subject): conflict for conflict in stored}
    new, moved = [], []
    for (kind, subject), draft in {(draft.kind, draft.subject): draft for draft in plan.conflicts}.items():
        evidence_hash = digest([draft.paths, draft.evidence])
        before = open_conflicts.get((kind, subject))
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
    """Store the fingerprints of links that need no change. A link with a newer version is compared again next time."""
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
    """Set the link of open conflicts about objects that had no link when they were planned."""
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
        external_id=draft.external_id,
        label=draft.label[:NAME_LENGTH],
        paths=list(draft.paths),
        evidence=dict(draft.evidence),
        evidence_hash=evidence_hash,
        opened_at=at,
    )
