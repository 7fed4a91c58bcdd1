"""Store a plan as rows. These rows are reviewed, and later applied."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from oncall.aggregates import Kind
from oncall.models.root import NAME_LENGTH
from oncall.tables.base import chunks
from syncjobs.models import ROW_COLUMNS, ExternalLink, LinkState, Outcome, SyncItem, SyncRun
from syncjobs.planning.values import Action, Item, Plan

#: The outcome of items that are over when the plan is stored: there is nothing to apply.
OVER: Final[Mapping[Action, Outcome]] = {"failed": Outcome.FAILED, "conflict": Outcome.SKIPPED}
#: What a reviewer has seen of an item. If it is the same again, it needs no second review.
_REVIEWED: Final = ("fields", "elements", "held", "account")
#: The states of links after the actions that end or refuse a link. After other actions they are linked.
NEW_STATES: Final = {
    "detach": LinkState.DETACHED,
    "skip": LinkState.IGNORED,
    "missing": LinkState.GONE,
    "deactivate": LinkState.GONE,
}


def store_plan(run: SyncRun, plan: Plan, *, after: int = 0) -> None:
    """Insert the items of a plan. The removals that an item holds back start unticked: a person must approve them.

    Items of one row have the same number and follow each other, because they are applied together. after: the last
    number that the run has used.
    """
    numbers: dict[tuple[Kind, int | str], int] = {}
    numbered = [(numbers.setdefault(_row_of(item), after + len(numbers) + 1), item) for item in plan.items]
    numbered.sort(key=lambda pair: pair[0])
    labels = _labels_here(run, plan.items)
    SyncItem.objects.bulk_create(
        [
            SyncItem(
                run_id=run.pk,
                link_id=item.link_id,
                entity_type=item.kind,
                external_id=item.external_id,
                label=labels.get((item.kind, item.external_id), item.label)[:NAME_LENGTH],
                group_no=number,
                action=item.action,
                outcome=OVER.get(item.action, Outcome.NONE),
                code=_code(item),
                reason=item.reason,
                row_id=item.row_id,
                row_version=item.row_version,
                link_version=0 if item.link is None else item.link.version,
                source_hash=item.fingerprint,
                changes=changes_of(item),
                ticked=item.action != "missing",
                held=item.guarded or item.action == "held",
                sighting=item.sighting,
            )
            for number, item in numbered
        ]
    )


def _labels_here(run: SyncRun, items: Iterable[Item]) -> dict[tuple[str, str], str]:
    """Return the names of the rows of items that have only an id, because the source did not send their object.

    Makes a query for each 500 of them; none if there are none.
    """
    found: dict[tuple[str, str], str] = {}
    for piece in chunks(sorted({item.external_id for item in items if item.label == item.external_id})):
        links = ExternalLink.objects.filter(connection=run.connection_id, external_id__in=piece)
        name = Coalesce(*(F(f"{kind}__name") for kind in ROW_COLUMNS), F("source_label"))
        named = links.values_list("entity_type", "external_id", name)
        found |= {(kind, external_id): label for kind, external_id, label in named if label}
    return found


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
        "held_link": _held_link_changes(item),
        "former_primary": item.former_link,
        "account": item.account_id,
        "held": {name: dict(changes) for name, changes in item.held.items()},
        "candidates": list(item.candidates),
        "unread": dict(item.unread) if item.link is None else {},
        "follows_another": _follows_another(item),
    }
    stored = {name: value for name, value in changes.items() if value}
    if not item.settles:
        stored["settles"] = False
    return stored


def is_same_change(reviewed: SyncItem, action: str, changes: Mapping[str, Any]) -> bool:
    """Return whether a reviewer of an item would see nothing else in a new item of the same object."""
    old = reviewed.changes
    return reviewed.action == action and all(old.get(name) == changes.get(name) for name in _REVIEWED)


def _follows_another(item: Item) -> bool:
    """Return whether the row of a missing object stays active, because it follows another link, too."""
    ends = item.action in ("missing", "detach") and item.settles and item.sighting is not None
    return ends and item.row_id is not None and "active" not in item.base.get("fields", {})


def _link_changes(item: Item) -> dict[str, list[Any]]:
    """Return what an item does to its link, ``{column: [old, new]}``. A create makes the link: see :func:`settled_by`.

    The sides of ``base`` are patches: values by path. The old side lacks the paths that had no value.
    """
    if item.action in ("create", "failed", "conflict"):
        return {}
    sides: dict[str, list[Any]] = {}
    if any(item.base.values()):
        sides["base"] = [dict(item.base_before), dict(item.base)]
    if item.pins:
        sides["pins"] = [dict(item.pins_before), {**item.pins_before, **item.pins}]
    if item.takes_over:
        sides["primary"] = [False, True]
    if item.link is not None and (item.settles or item.action != "missing"):
        sides["state"] = [item.link.state, _new_state(item)]
    if item.link is not None and item.action not in NEW_STATES and item.settles:
        sides["source_hash"] = [item.link.source_hash, item.fingerprint]
    return {column: [old, new] for column, (old, new) in sides.items() if old != new}


def _new_state(item: Item) -> LinkState:
    if item.action == "missing" and "active" not in item.base.get("fields", {}):
        return LinkState.DETACHED  # its row follows another source
    return NEW_STATES.get(item.action, LinkState.LINKED)


def _held_link_changes(item: Item) -> dict[str, list[Any]]:
    """Return what the held part of an item does to its link when it is approved, as in :func:`_link_changes`."""
    if not item.held:
        return {}
    removed = {name: dict.fromkeys(changes) for name, changes in item.held.items()}
    before = {name: dict(values) for name, values in item.held_before.items()}
    sides: dict[str, list[Any]] = {"base": [{"elements": before}, {"elements": removed}]}
    if item.link is not None and item.link.source_hash != item.fingerprint:
        sides["source_hash"] = [item.link.source_hash, item.fingerprint]
    return sides


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


def remember_compared(plan: Plan) -> None:
    """Store the fingerprints of links that need no change. A link with a newer version is compared again next time."""
    for piece in chunks(sorted(plan.compared, key=lambda pair: pair[0].id)):
        found = {view.id: (view.version, fingerprint) for view, fingerprint in piece}
        with transaction.atomic():
            links = ExternalLink.objects.select_for_update().filter(pk__in=found).order_by("pk")
            moved = [link for link in links.only("version", "source_hash") if link.version == found[link.pk][0]]
            for link in moved:
                link.source_hash = found[link.pk][1]
            ExternalLink.objects.bulk_update(moved, ["source_hash"])


def remember_sightings(plan: Plan) -> None:
    """Store on the links how often their objects were seen missing. It is no part of what a plan was reviewed with."""
    for piece in chunks(sorted(plan.sightings, key=lambda sighting: sighting[0].id)):
        ExternalLink.objects.bulk_update(
            [
                ExternalLink(
                    pk=view.id,
                    missing_count=seen.count,
                    first_missing={"at": seen.since, "rights": seen.rights} if seen.count else {},
                )
                for view, seen in piece
            ],
            ["missing_count", "first_missing"],
        )


def remember_unread(plan: Plan) -> None:
    """Store on the links which collections this read took only in part. Nothing that can be decided depends on it."""
    for piece in chunks(sorted(plan.unread, key=lambda pair: pair[0].id)):
        ExternalLink.objects.bulk_update(
            [ExternalLink(pk=view.id, unread=dict(unread)) for view, unread in piece], ["unread"]
        )
