"""Store a plan as rows. These rows are reviewed, and later applied."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from oncall.aggregates import Kind
from oncall.models.root import NAME_LENGTH
from oncall.tables.base import chunks
from syncjobs.models import Conflict, ConflictState, ExternalLink, LinkState, Outcome, SyncItem, SyncRun
from syncjobs.planning.canonical import digest
from syncjobs.planning.values import ConflictDraft, Item, OpenConflict, Plan

#: The states of links after the actions that end or refuse a link. After other actions they are linked.
_NEW_STATES: Final = {"detach": LinkState.DETACHED, "skip": LinkState.IGNORED}


def store_plan(run: SyncRun, plan: Plan, *, after: int = 0) -> None:
    """Insert the items of a plan. The removals that an item holds back start unticked: a person must approve them.

    Items of one row have the same number and follow each other, because they are applied together. after: the last
    number that the run has used.
    """
    numbers: dict[tuple[Kind, int | str], int] = {}
    numbered = [(numbers.setdefault(_row_of(item), after + len(numbers) + 1), item) for item in plan.items]
    numbered.sort(key=lambda pair: pair[0])
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
                link_version=0 if item.link is None else item.link.version,
                source_hash=item.fingerprint,
                changes=changes_of(item),
            )
            for number, item in numbered
        ]
    )


def _row_of(item: Item) -> tuple[Kind, int | str]:
    """Return the row of an item; for an object without a row, the object itself."""
    return item.kind, item.external_id if item.row_id is None else item.row_id


def _code(item: Item) -> str:
    return item.path[:40] if item.action == "failed" else "+".join(sorted({c.kind for c in item.conflicts}))[:40]


def changes_of(item: Item) -> dict[str, Any]:
    """Return the changes of an item as JSON, without empty values."""
    changes: dict[str, Any] = {
        "fields": dict(item.fields),
        "elements": {name: dict(changes) for name, changes in item.elements.items()},
        "link": _link_changes(item),
        "account": item.account_id,
        "held": {name: dict(changes) for name, changes in item.held.items()},
        "candidates": list(item.candidates),
        "unread": dict(item.unread) if item.link is None else {},
    }
    stored = {name: value for name, value in changes.items() if value}
    if not item.settles:
        stored["settles"] = False
    return stored


def _link_changes(item: Item) -> dict[str, list[Any]]:
    """Return what an item does to its link, ``{column: [old, new]}``. A create makes the link: see :func:`settled_by`.

    The sides of ``base`` are patches: values by path. The old side lacks the paths that had no value. ``source_hash``
    stays as it was while a part of the item is held.
    """
    if item.action in ("create", "failed"):
        return {}
    sides: dict[str, list[Any]] = {}
    if any(item.base.values()):
        sides["base"] = [dict(item.base_before), dict(item.base)]
    if item.takes_over:
        sides["primary"] = [False, True]
    if item.link is not None:
        sides["state"] = [item.link.state, _NEW_STATES.get(item.action, LinkState.LINKED)]
    if item.link is not None and item.action not in _NEW_STATES:
        sides["source_hash"] = [item.link.source_hash, item.fingerprint]
    return {column: [old, new] for column, (old, new) in sides.items() if old != new}


def settled_by(item: SyncItem) -> dict[str, Any]:
    """Return the patch of the link's base when the item is applied. A create settles all that it writes."""
    if item.action != "create":
        patch: dict[str, Any] = item.changes.get("link", {}).get("base", [{}, {}])[1]
        return patch
    elements = item.changes.get("elements", {})
    return {
        "fields": _new_values(item.changes.get("fields", {})),
        "elements": {name: _new_values(changes) for name, changes in elements.items()},
    }


def _new_values(changes: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {path: new for path, (_, new) in changes.items()}


def open_items(run: SyncRun) -> "QuerySet[SyncItem]":
    """Return the items without an outcome, in the order in which they are applied."""
    return run.items.filter(outcome=Outcome.NONE).order_by("id")


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
