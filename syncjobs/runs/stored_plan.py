"""Store a plan as rows. These rows are reviewed, and later applied."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import transaction

from oncall.models.root import NAME_LENGTH
from oncall.tables.base import chunks
from syncjobs.models import ExternalLink, Outcome, SyncItem, SyncRun
from syncjobs.planning.values import Action, Item, Plan

#: The outcome of items that are over when the plan is stored: there is nothing to apply.
OVER: Final[Mapping[Action, Outcome]] = {"failed": Outcome.FAILED, "conflict": Outcome.SKIPPED}


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
                outcome=OVER.get(item.action, Outcome.NONE),
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
