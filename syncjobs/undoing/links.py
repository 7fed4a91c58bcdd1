"""Gives links their former values: of an import their state, of a decision all that it changed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from connectors.records import ENTITY_TYPES, entity_type_of
from oncall.aggregates import Kind
from oncall.operations.keys import move_references
from oncall.tables.base import LOCAL, chunks
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.carrying_out import values_of
from syncjobs.models import ExternalLink, LinkState, SyncItem, SyncRun
from syncjobs.planning.undoing import ABSENT, Moved, Place, composed_places, former_places, nested, places
from syncjobs.undoing.rows import UndoneRow
from syncjobs.words.undoing import UNDONE_IN, link_in_words

#: The new values of links: id of the link -> place -> value, ABSENT for none.
Edits = dict[int, dict[Place, Any]]

_FIRST_CONTACT: Final = frozenset({"create", "match"})
_COLUMNS: Final = (
    *ENTITY_TYPES, "state", "ignored_reason", "since", "primary", "pins", "base", "source_hash", "version",
)  # fmt: skip


def lock_links(run: SyncRun, rows: Iterable[UndoneRow]) -> dict[int, ExternalLink]:
    """Lock the links that an undo may change; return them by id."""
    rows, ids = list(rows), set[int]()
    objects: dict[str, set[str]] = {}
    for item in (item for one in rows for item in one.row.items):
        ids |= {pk for pk in (item.link_id, item.changes.get("former_primary")) if pk is not None}
        ids |= set(map(int, item.changes.get("links", {})))
        if item.link_id is None and item.action in _FIRST_CONTACT:
            objects.setdefault(item.entity_type, set()).add(item.external_id)
    unlinked = [one.row.row_id for one in rows if "account" in one.former.columns]
    ids |= set(ExternalLink.objects.filter(responder__in=unlinked).values_list("pk", flat=True)) if unlinked else set()
    for kind, names in objects.items():
        for piece in chunks(sorted(names)):
            made = ExternalLink.objects.filter(connection=run.connection_id, entity_type=kind, external_id__in=piece)
            ids |= set(made.values_list("pk", flat=True))
    found: dict[int, ExternalLink] = {}
    for some in chunks(sorted(ids)):
        locked = ExternalLink.objects.select_for_update(of=("self",)).filter(pk__in=some).order_by("pk")
        found |= {link.pk: link for link in locked}
    return found


def edits_of_import(one: UndoneRow, links: Mapping[int, ExternalLink], undo: SyncRun) -> Edits:
    """Return what the undo of an import does to the links of a row. The base stays, undone paths are pinned."""
    edits: Edits = {}
    if "account" in one.former.columns:  # no sync links it again
        own = [pk for pk, link in links.items() if link.responder_id == one.row.row_id]
        edits = {pk: {("pins", "account"): "ask"} for pk in own}
    by_object = {(link.connection_id, link.entity_type, link.external_id): link for link in links.values()}
    for item in one.row.items:
        link = links.get(item.link_id or 0) or by_object.get((undo.connection_id, item.entity_type, item.external_id))
        if link is None:
            continue
        edit = edits.setdefault(link.pk, {})
        sides = item.changes.get("link", {})
        if item.action not in _FIRST_CONTACT:
            edit |= _former_state(link, item, sides)
            edit |= {("pins", path): "ask" for path in sorted(one.former.paths & _paths(item)) if path not in link.pins}
        elif link.state != LinkState.IGNORED:  # an ignored link keeps its reason, such as the erasure of a person
            edit |= {("state",): LinkState.IGNORED, ("ignored_reason",): UNDONE_IN.format(undo.pk), ("primary",): False}
        former = links.get(item.changes.get("former_primary") or 0)
        if "primary" in sides and link.primary and former is not None and former.row_id == link.row_id:
            edit["primary",] = False
            edits.setdefault(former.pk, {})["primary",] = True
    return {pk: edit for pk, edit in edits.items() if edit}


def _former_state(link: ExternalLink, item: SyncItem, sides: Mapping[str, Sequence[Any]]) -> dict[Place, Any]:
    old, new = sides.get("state", ("", ""))
    if item.action == "skip":
        old, new = sides.get("state", (LinkState.LINKED, LinkState.IGNORED))
    if old == new or link.state != new:
        return {}
    return {("state",): old, ("ignored_reason",): link.ignored_reason if old == LinkState.IGNORED else ""}


def _paths(item: SyncItem) -> frozenset[str]:
    """Return the paths that an item changed."""
    elements = [*item.changes.get("elements", {}).items(), *item.changes.get("held", {}).items()]
    return frozenset({*item.changes.get("fields", {}), *(f"{name}.{key}" for name, keys in elements for key in keys)})


def edits_of_decision(items: Iterable[SyncItem], links: Mapping[int, ExternalLink]) -> tuple[Edits, frozenset[int]]:
    """Return what the undo of a decision does to links, and the links that something else changed later."""
    steps: dict[int, list[tuple[dict[Place, Any], dict[Place, Any]]]] = {}
    for item in sorted(items, key=lambda item: item.pk):
        for pk, (before, after) in _recorded(item).items():
            steps.setdefault(pk, []).append((places(before), places(after)))
    edits: Edits = {}
    kept = set()
    for pk, pairs in steps.items():
        if pk in links:
            edits[pk], is_kept = former_places(composed_places(pairs), values_of(links[pk]))
            kept |= {pk} if is_kept else set()
    return {pk: edit for pk, edit in edits.items() if edit}, frozenset(kept)


def _recorded(item: SyncItem) -> dict[int, tuple[dict[str, Any], dict[str, Any]]]:
    """Return both sides of the links of an item. An item of an earlier release has only its own link."""
    if "links" in item.changes:
        return {int(pk): (before, after) for pk, (before, after) in item.changes["links"].items()}
    sides = item.changes.get("link", {})
    if item.link_id is None or not sides:
        return {}
    return {item.link_id: ({name: old for name, (old, _) in sides.items()}, {n: new for n, (_, new) in sides.items()})}


def return_elements(rows: Iterable[UndoneRow], edits: Edits, links: Mapping[int, ExternalLink]) -> None:
    """Let the elements that a link has written since a merge go with it to the row that it gets back."""
    by_id = {(one.row.kind, one.row.row_id): one for one in rows}
    for pk, edit in edits.items():
        link = links[pk]
        giver, taker = (by_id.get((entity_type_of(link.entity_type), row)) for row in (link.row_id, edit.get(("row",))))
        if giver is None or taker is None or giver.row.now is None or giver.row.row_id is None:
            continue
        known = {each.path for each in (*giver.moved, *taker.moved)}
        own = {f"{name}.{key}" for name, keys in link.base.get("elements", {}).items() for key in keys}
        for path in sorted(own - known):
            if giver.row.now.value(path) is not None and taker.row.row_id is not None:
                moved = Moved(path, giver.row.row_id, taker.row.row_id)
                giver.moved, taker.moved = (*giver.moved, moved), (*taker.moved, moved)


def write_links(edits: Edits, links: Mapping[int, ExternalLink]) -> None:
    """Write the edits. The next sync compares these links again."""
    changed = [links[pk] for pk in sorted(edits)]
    now = timezone.now()
    for link in changed:
        before = link.state
        _set(link, edits[link.pk])
        link.since = now if before != link.state else link.since
        link.source_hash, link.version = "", link.version + 1
    for kind in ENTITY_TYPES:
        _keep_one_primary(kind, [link for link in changed if link.entity_type == kind])
    # No statement may give a row two primary links, not even between two of its rows.
    for some in chunks(edits):
        ExternalLink.objects.filter(pk__in=some).update(primary=False)
    ExternalLink.objects.bulk_update(changed, _COLUMNS, batch_size=100)


def _set(link: ExternalLink, edit: Mapping[Place, Any]) -> None:
    values = {**values_of(link), **edit}
    side = nested({place: value for place, value in values.items() if value is not ABSENT})
    setattr(link, f"{link.entity_type}_id", side["row"])
    link.state, link.ignored_reason, link.primary = side["state"], side["ignored_reason"], side["primary"]
    if any(place[0] == "pins" for place in edit):
        link.pins = side.get("pins", {})
    if any(place[0] == "base" for place in edit):
        link.base = {"fields": {}, "elements": {}, **side.get("base", {})}


def _keep_one_primary(kind: Kind, changed: Sequence[ExternalLink]) -> None:
    """Leave the primary link of a row that another link of it became meanwhile."""
    rows = {link.row_id for link in changed if link.primary and link.row_id is not None}
    others: set[int] = set()
    for some in chunks(sorted(rows)):
        found = ExternalLink.objects.filter(primary=True, **{f"{kind}__in": some})
        others |= set(found.exclude(pk__in=[link.pk for link in changed]).values_list(f"{kind}_id", flat=True))
    for link in changed:
        link.primary = link.primary and link.row_id not in others


def words_of(one: UndoneRow, edits: Edits, links: Mapping[int, ExternalLink], *, is_decision: bool) -> list[str]:
    """Say what the edits do to the links of a row."""
    row = one.row
    own = [pk for pk in edits if links[pk].entity_type == row.kind and _is_of(one, links[pk])]
    return list(dict.fromkeys(word for pk in own for word in link_in_words(edits[pk], settles=is_decision)))


def _is_of(one: UndoneRow, link: ExternalLink) -> bool:
    if one.row.row_id is not None and link.row_id == one.row.row_id:
        return True
    return any(link.pk == item.link_id or link.external_id == item.external_id for item in one.row.items)


def split_references(rows: Iterable[UndoneRow]) -> None:
    """Point references to rows that are rows of their own again at them. The links are written before."""
    for one in rows:
        into = one.row.now.columns["merged_into"] if one.row.now is not None else None
        if "merged_into" not in one.former.columns or one.row.row_id is None or into is None:
            continue
        kind, own = one.row.kind, one.row.row_id
        if one.former.columns["merged_into"] is not None:
            continue  # it is a part of a row that gets its references here
        every: QuerySet[Any] = ROOTS[kind].rows
        former = list(every.filter(merged_into=own).values_list("pk", flat=True))
        links = ExternalLink.objects.filter(**{f"{kind}__in": [own, *former]})
        keys = {*links.values_list("key", flat=True), *(f"{LOCAL}{pk}" for pk in (own, *former))}
        move_references(kind, into, own, sorted(keys))
