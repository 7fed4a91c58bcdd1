"""Apply a stored plan in batches of whole aggregates. Each batch is one transaction, which checks each item again."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from connectors.records import entity_type_of
from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.emails import canonical_email
from oncall.errors import InvalidDraft
from oncall.models import Responder
from oncall.operations import Actor, WriteResult, lock_versions, write
from oncall.tables.base import chunks
from syncjobs.models import ExternalLink, LinkState, Outcome, SyncItem, SyncRun
from syncjobs.planning.failures import refusal_text
from syncjobs.planning.values import element_key
from syncjobs.runs.references import fill_from_links, known_rows
from syncjobs.runs.stored_plan import settled_by

log = logging.getLogger(__name__)

BATCH = 200

#: Actions that only change the link, not the on-call row.
_LINK_ONLY = frozenset({"settle", "conflict", "skip", "detach"})

#: Actions on objects that had no link when they were planned.
_FIRST_CONTACT = frozenset({"create", "match"})


class FenceLost(Exception):
    """Another worker has claimed the run, or it was cancelled. Nothing more may be written."""


@dataclass
class ItemResult:
    """The outcome of one item. code, reason: why the item was not applied."""

    item: SyncItem
    outcome: Outcome
    code: str = ""
    reason: str = ""


@dataclass
class Application:
    """Applies the items of a run.

    hold_fence: called inside every transaction; raises FenceLost. resolve: row ids by kind and element key. created:
    row ids of the current kind that this run created.
    """

    run: SyncRun
    by: Actor
    hold_fence: Callable[[], None]
    resolve: dict[tuple[Kind, str], int] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)

    def apply(self, items: Iterable[SyncItem], progress: Callable[[Kind, Sequence[ItemResult]], None]) -> None:
        """Apply the items, which are in dependency order. Any error but FenceLost becomes the outcome of an item."""
        self.resolve |= known_rows(self.run.connection_id)
        for name, group in groupby(items, key=lambda item: item.entity_type):
            kind = entity_type_of(name)
            self.created = {}
            members = list(group)
            for start in range(0, len(members), BATCH):
                results = self._batch(kind, members[start : start + BATCH])
                progress(kind, results)

    def _batch(self, kind: Kind, items: Sequence[SyncItem]) -> list[ItemResult]:
        try:
            return self._write(kind, items)
        except FenceLost:
            raise
        except Exception as error:  # noqa: BLE001 - an item that fails must not stop the others
            for item in items:  # the batch was rolled back, so its rows do not exist
                key = element_key(self.run.connection_id, item.external_id)
                if self.created.pop(key, None) is not None:
                    self.resolve.pop((kind, key), None)
            if len(items) == 1:
                return self._store_results([_failed(items[0], error)])
            return [result for item in items for result in self._batch(kind, [item])]

    def _store_results(self, results: list[ItemResult]) -> list[ItemResult]:
        """Store the outcomes: one statement for each outcome, and one for each item with a code or a reason."""
        without_reason: dict[Outcome, list[int]] = {}
        for result in results:
            if result.reason or result.code:
                SyncItem.objects.filter(pk=result.item.pk).update(
                    outcome=result.outcome, code=result.code, reason=result.reason
                )
            else:
                without_reason.setdefault(result.outcome, []).append(result.item.pk)
        for outcome, ids in without_reason.items():
            for piece in chunks(ids):
                SyncItem.objects.filter(pk__in=piece).update(outcome=outcome)
        return results

    @transaction.atomic
    def _write(self, kind: Kind, items: Sequence[SyncItem]) -> list[ItemResult]:
        self.hold_fence()
        links = {
            link.pk: link
            for link in ExternalLink.objects.select_for_update().filter(pk__in=[i.link_id for i in items if i.link_id])
        }
        versions = lock_versions(kind, [item.row_id for item in items if item.row_id is not None])
        taken = self._taken_meanwhile(kind, [item for item in items if item.link_id is None])
        results: list[ItemResult] = []
        current: list[SyncItem] = []
        for item in items:
            reason = _stale_reason(item, links, versions, taken)
            if reason:
                results.append(ItemResult(item, Outcome.STALE, "stale", reason))
            else:
                current.append(item)
        writing = [item for item in current if item.action not in _LINK_ONLY]
        written = write(kind, [self._draft(item) for item in writing], by=self.by, resolve=self.resolve)
        rows = {item.pk: row for item, row in zip(writing, written, strict=True)}
        self._store_links(kind, current, links, rows)
        results += [ItemResult(i, Outcome.SKIPPED if i.action == "skip" else Outcome.APPLIED) for i in current]
        return self._store_results(results)

    def _taken_meanwhile(self, kind: Kind, items: Sequence[SyncItem]) -> dict[str, str]:
        """Match new objects again inside the transaction.

        Returns external id -> reason, for objects that were linked or that match another person in the meantime.
        """
        if not items:
            return {}
        linked = ExternalLink.objects.filter(
            connection_id=self.run.connection_id,
            entity_type=kind,
            external_id__in=[item.external_id for item in items],
        ).values_list("external_id", flat=True)
        reasons = dict.fromkeys(linked, "it was linked in the meantime")
        if kind != "responder":
            return reasons
        emails = {item.external_id: canonical_email(_new_value(item, "email") or "") or "" for item in items}
        here: dict[str, set[int]] = {}
        for pk, email in (
            Responder.objects.filter(
                active=True, merged_into=None, email_canonical__in=[email for email in emails.values() if email]
            )
            .exclude(links__connection_id=self.run.connection_id)
            .values_list("id", "email_canonical")
        ):
            here.setdefault(email, set()).add(pk)
        taken = set(
            get_user_model()
            .objects.filter(pk__in=[i.changes["account"] for i in items if i.changes.get("account")])
            .exclude(responder=None)
            .values_list("pk", flat=True)
        )
        for item in items:
            if here.get(emails[item.external_id], set()) - set(item.changes.get("candidates", ())):
                reasons[item.external_id] = "a person with the same address was added here in the meantime"
            if item.changes.get("account") in taken:
                reasons[item.external_id] = "the account was linked to another person in the meantime"
        return reasons

    def _draft(self, item: SyncItem) -> Draft:
        elements = dict(item.changes.get("elements", {}))
        if item.action == "held":  # is only applied when a reviewer approved it
            elements |= item.changes["held"]
        return Draft(
            fields={path: change[1] for path, change in item.changes.get("fields", {}).items()},
            elements={name: _element_changes(changes) for name, changes in elements.items()},
            id=item.row_id,
            version=item.row_version,
            origin=self.run.connection.origin_label if item.action in _FIRST_CONTACT else "",
            account_id=item.changes.get("account"),
        )

    def _store_links(
        self, kind: Kind, items: Sequence[SyncItem], links: Mapping[int, ExternalLink], rows: Mapping[int, WriteResult]
    ) -> None:
        """Create the links of new rows, and update the other links if they changed."""
        has_primary = self._with_primary_link(kind, [item.row_id for item in items if item.action == "match"])
        new, updated = [], []
        for item in items:
            row = rows.get(item.pk)
            if item.link_id is None:
                assert row is not None  # noqa: S101 - an item without a link creates or matches, so its row was written
                new.append(self._new_link(kind, item, row, row.id not in has_primary))
                key = element_key(self.run.connection_id, item.external_id)
                self.resolve[kind, key] = self.created[key] = row.id
            elif _update_link(links[item.link_id], item, row):
                updated.append(links[item.link_id])
        ExternalLink.objects.bulk_create(new)
        fill_from_links(kind, new)
        if updated:
            ExternalLink.objects.bulk_create(
                updated,
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=["state", "ignored_reason", "source_hash", "synced_version", "version", "base", "since"],
            )

    def _with_primary_link(self, kind: Kind, row_ids: Sequence[int | None]) -> set[int]:
        """Return the rows that already have a primary link."""
        if not row_ids:
            return set()
        primary = ExternalLink.objects.filter(primary=True, **{f"{kind}_id__in": row_ids})
        return set(primary.values_list(f"{kind}_id", flat=True))

    def _new_link(self, kind: Kind, item: SyncItem, row: WriteResult, primary: bool) -> ExternalLink:
        return ExternalLink(
            connection_id=self.run.connection_id,
            entity_type=kind,
            external_id=item.external_id,
            primary=primary,
            since=timezone.now(),
            source_hash=item.source_hash,
            synced_version=row.version,
            source_label=item.label,
            base=_patch_base({}, settled_by(item)),
            unread=item.changes.get("unread", {}),
            **{f"{kind}_id": row.id},
        )


def _element_changes(changes: Mapping[str, Any]) -> ElementChanges:
    return ElementChanges(
        put={key: change[1] for key, change in changes.items() if change[1] is not None},
        remove=frozenset(key for key, change in changes.items() if change[1] is None),
    )


def _stale_reason(
    item: SyncItem,
    links: Mapping[int, ExternalLink],
    versions: Mapping[int, int],
    taken: Mapping[str, str],
) -> str:
    """Say why an item is stale. Empty: it is not, because its link and its row did not change since planning."""
    if item.link_id is None:
        if item.action not in _FIRST_CONTACT:
            return "its link was removed in the meantime; plan again"
        if item.external_id in taken:
            return f"{taken[item.external_id]}; plan again"
    elif links[item.link_id].version != item.link_version:
        return "a decision about it changed in the meantime; plan again"
    if item.row_id is not None and versions.get(item.row_id) != item.row_version:
        verb = "edited" if item.row_id in versions else "deleted"
        return f"it was {verb} here in the meantime and stays as it is; plan again"
    return ""


def _update_link(link: ExternalLink, item: SyncItem, row: Any) -> bool:
    """Update a link for an applied item. Return whether it changed."""
    before = (link.state, link.source_hash, link.synced_version, link.base)
    if item.action == "detach":
        link.state, link.since, link.version = LinkState.DETACHED, timezone.now(), link.version + 1
        return True
    if item.action == "skip":
        link.state, link.since, link.version = LinkState.IGNORED, timezone.now(), link.version + 1
        link.ignored_reason = item.reason[:200]
        return True
    if link.state != LinkState.LINKED:
        link.state, link.since = LinkState.LINKED, timezone.now()
    link.base = _patch_base(link.base, settled_by(item))
    approved = item.action == "held"
    if approved:
        removed = {name: dict.fromkeys(changes) for name, changes in item.changes["held"].items()}
        link.base = _patch_base(link.base, {"elements": removed})
    if approved or item.changes.get("settles", True):
        link.source_hash = item.source_hash
    if row is not None:
        link.synced_version = row.version
    return before != (link.state, link.source_hash, link.synced_version, link.base)


def _patch_base(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
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


def _new_value(item: SyncItem, path: str) -> Any:
    change = item.changes.get("fields", {}).get(path)
    return change[1] if change else None


def _failed(item: SyncItem, error: Exception) -> ItemResult:
    """Return the result of an item that failed. An unexpected error is only named, as its text may contain data."""
    if isinstance(error, InvalidDraft):
        return ItemResult(item, Outcome.FAILED, "invalid", refusal_text(error))
    log.exception("Item %s could not be applied", item.pk, exc_info=error)
    return ItemResult(
        item,
        Outcome.FAILED,
        type(error).__name__[:40],
        f"An unexpected {type(error).__name__} stopped it. It was not written. See the log for details.",
    )
