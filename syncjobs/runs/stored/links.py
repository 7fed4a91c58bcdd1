"""Writes links when items are applied."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db.models import F
from django.utils import timezone

from oncall.aggregates import Kind
from oncall.operations import WriteResult
from oncall.rendering.codec import instant_to_text
from oncall.tables.base import chunks
from syncjobs.models import ExternalLink, LinkState, SyncItem, SyncRun
from syncjobs.planning.missing.unlisted import BETWEEN_SIGHTINGS
from syncjobs.planning.primary import RowLink, primary_link
from syncjobs.runs.stored.plan import NEW_STATES, settled_by

_UPDATED: Final = [
    "state", "ignored_reason", "primary", "source_hash", "synced_version", "version", "base", "since", "pins",
    "first_missing",
]  # fmt: skip


class PrimaryLinks:
    """The primary links of the rows that a batch matches or takes over. Locks all links of these rows."""

    def __init__(self, kind: Kind, items: Iterable[SyncItem]) -> None:
        items = [item for item in items if item.row_id is not None and _may_take_over(item)]
        attached = {item.link_id for item in items}
        self._taken = {item.row_id for item in items if takes_over(item)}
        self._links: dict[int, list[RowLink]] = defaultdict(list)
        for rows in chunks(sorted({item.row_id for item in items if item.row_id is not None})):
            found = ExternalLink.objects.select_for_update().filter(**{f"{kind}_id__in": rows}).order_by("pk")
            for pk, row_id, state, primary in found.values_list("pk", f"{kind}_id", "state", "primary"):
                live = state == LinkState.LINKED or pk in attached
                self._links[row_id].append(RowLink(pk, live, primary))

    def is_as_planned(self, item: SyncItem) -> bool:
        """Whether the link of the item still becomes the primary link, or still does not."""
        if item.row_id is None or not _may_take_over(item):
            return True
        if item.row_id in self._taken and not takes_over(item):
            return True  # another item of the row, which is applied with this one, takes over
        links = self._links[item.row_id]
        if (primary_link(links) == item.link_id) != takes_over(item):
            return False
        former = next((link.id for link in links if link.primary), None)
        return not takes_over(item) or former == item.changes.get("former_primary")

    def give_up(self, items: Iterable[SyncItem]) -> None:
        """Make the former primary links of these rows secondary, as one link of a row is primary."""
        rows = {item.row_id for item in items if item.row_id is not None and takes_over(item)}
        former = [link.id for row in rows for link in self._links[row] if link.primary]
        for ids in chunks(former):
            ExternalLink.objects.filter(pk__in=ids).update(primary=False, version=F("version") + 1)


def takes_over(item: SyncItem) -> bool:
    """Whether the link of the item becomes the primary link of an existing row."""
    return "primary" in item.changes.get("link", {})


def ends_link(item: SyncItem) -> bool:
    """Whether the row of the item does not follow its object any more when it is applied."""
    return item.action in NEW_STATES and item.changes.get("settles", True)


def removes(item: SyncItem) -> bool:
    """Whether the item makes a row inactive because its object is gone."""
    return item.action in ("missing", "deactivate") and "active" in item.changes.get("fields", {})


def followed_links(kind: Kind, items: Iterable[SyncItem]) -> dict[int, set[int]]:
    """Return the links that the rows follow whose objects are gone. The rows are locked, so this stays as it is.

    Makes no query if no object is gone.
    """
    rows = {item.row_id for item in items if removes(item) or item.changes.get("follows_another")}
    found: dict[int, set[int]] = defaultdict(set)
    for piece in chunks(sorted(row_id for row_id in rows if row_id is not None)):
        linked = ExternalLink.objects.filter(state=LinkState.LINKED, **{f"{kind}_id__in": piece})
        for pk, row_id in linked.values_list("pk", f"{kind}_id"):
            found[row_id].add(pk)
    return found


def _may_take_over(item: SyncItem) -> bool:
    return item.action == "match" or takes_over(item)


def write_links(
    run: SyncRun,
    kind: Kind,
    items: Sequence[SyncItem],
    links: Mapping[int, ExternalLink],
    rows: Mapping[int, WriteResult],
) -> list[ExternalLink]:
    """Create and update the links of applied items. Return the links that got a row: the new ones, and those whose row
    was deleted here and is created again.

    links: the locked links by primary key. rows: the written rows by primary key of the item.
    """
    made: list[ExternalLink] = []
    updated: list[ExternalLink] = []
    restored: list[ExternalLink] = []
    for item in items:
        if item.link_id is None:
            made.append(_new_link(run, kind, item, rows[item.pk]))
            continue
        link = links[item.link_id]
        if item.action == "create":
            setattr(link, f"{kind}_id", rows[item.pk].id)
            link.primary = True
            restored.append(link)
        if _update(link, item, rows.get(item.pk)):
            updated.append(link)
        if item.action == "create":
            link.source_hash = ""  # the next sync compares the object, which closes the question about it
    ExternalLink.objects.bulk_create(made)
    if updated:
        columns = [kind, *_UPDATED]
        ExternalLink.objects.bulk_create(updated, update_conflicts=True, unique_fields=["id"], update_fields=columns)
    return [*made, *restored]


def _new_link(run: SyncRun, kind: Kind, item: SyncItem, row: WriteResult) -> ExternalLink:
    return ExternalLink(
        connection_id=run.connection_id,
        entity_type=kind,
        external_id=item.external_id,
        primary=item.action == "create" or takes_over(item),
        since=timezone.now(),
        source_hash=item.source_hash,
        synced_version=row.version,
        source_label=item.label,
        base=patched({}, settled_by(item)),
        pins=item.changes.get("link", {}).get("pins", [None, {}])[1],
        unread=item.changes.get("unread", {}),
        **{f"{kind}_id": row.id},
    )


def _update(link: ExternalLink, item: SyncItem, row: WriteResult | None) -> bool:
    """Update a link for an applied item. Return whether it changed; its version has changed then, too."""
    before = {name: getattr(link, name) for name in _UPDATED}
    link.primary = link.primary or takes_over(item)
    if item.action == "missing" and not item.changes.get("settles", True):
        # The next read finds the object missing for the second time, and then its plan asks.
        seen = datetime.fromisoformat(link.first_missing["at"]) - BETWEEN_SIGHTINGS
        link.first_missing = {**link.first_missing, "at": instant_to_text(int(seen.timestamp()))}
    elif item.action in NEW_STATES:
        link.state = item.changes.get("link", {}).get("state", [None, NEW_STATES[item.action]])[1]
        link.ignored_reason = item.reason[:200] if link.state == LinkState.IGNORED else ""
        if settled := settled_by(item):
            link.base = patched(link.base, settled)
        if row is not None:
            link.synced_version = row.version
    else:
        link.state = LinkState.LINKED
        link.base = patched(link.base, settled_by(item))
        link.pins = item.changes.get("link", {}).get("pins", [None, link.pins])[1]
        held = item.changes.get("held", {})
        if item.held_ticked:
            link.base = patched(
                link.base, {"elements": {name: dict.fromkeys(changes) for name, changes in held.items()}}
            )
        if item.held_ticked or item.changes.get("settles", True):
            link.source_hash = item.source_hash
        if row is not None:
            link.synced_version = row.version
    if before == {name: getattr(link, name) for name in _UPDATED}:
        return False
    if before["state"] != link.state:
        link.since = timezone.now()
    link.version += 1
    return True


def patched(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a base with the values of a patch. An element whose value is None is removed."""
    elements = {name: dict(values) for name, values in base.get("elements", {}).items()}
    for name, changes in patch.get("elements", {}).items():
        values = elements.setdefault(name, {})
        for key, value in changes.items():
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value
    return {"fields": {**base.get("fields", {}), **patch.get("fields", {})}, "elements": elements}
