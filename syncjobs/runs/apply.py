"""Applying a stored plan: whole aggregates in batches, each batch one transaction, each item checked inside it."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from connectors.records import entity_type_of
from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.emails import canonical_email
from oncall.errors import InvalidDraft
from oncall.models import Responder
from oncall.operations import Actor, WriteResult, fill_references, lock_versions, write
from oncall.tables.base import chunks
from syncjobs.models import ROW_COLUMNS, ExternalLink, LinkState, Outcome, SyncItem, SyncRun
from syncjobs.planning.values import element_key
from syncjobs.runs.stored_plan import settled_by

log = logging.getLogger(__name__)

BATCH = 200

#: Items that write nothing to on-call rows, only remember something on the link.
_LINK_ONLY = frozenset({"settle", "conflict", "skip", "detach"})

#: Items of objects that had no link when they were planned.
_FIRST_CONTACT = frozenset({"create", "match"})


class FenceLost(Exception):
    """Another worker has claimed the run, or somebody cancelled it: nothing more may be written."""


@dataclass
class Verdict:
    """What became of one item."""

    item: SyncItem
    outcome: Outcome
    code: str = ""
    reason: str = ""


@dataclass
class Application:
    """Applies the items of one run. ``hold_fence`` is called inside every transaction and raises FenceLost."""

    run: SyncRun
    by: Actor
    hold_fence: Callable[[], None]
    resolve: dict[tuple[Kind, str], int] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)

    def apply(self, items: Iterable[SyncItem], progress: Callable[[Kind, Sequence[Verdict]], None]) -> None:
        """Items in dependency order. Raises FenceLost; everything else ends as an item's outcome."""
        connection_id = self.run.connection_id
        linked = ExternalLink.objects.filter(connection_id=connection_id).annotate(row=Coalesce(*ROW_COLUMNS))
        for name, external_id, row_id in linked.values_list("entity_type", "external_id", "row"):
            if row_id is not None:
                self.resolve[entity_type_of(name), element_key(connection_id, external_id)] = row_id
        for name, group in groupby(items, key=lambda item: item.entity_type):
            kind = entity_type_of(name)
            self.created = {}
            members = list(group)
            for start in range(0, len(members), BATCH):
                verdicts = self._batch(kind, members[start : start + BATCH])
                progress(kind, verdicts)
            if self.created:
                self.hold_fence()
                fill_references(kind, self.created)

    def _batch(self, kind: Kind, items: Sequence[SyncItem]) -> list[Verdict]:
        try:
            return self._write(kind, items)
        except FenceLost:
            raise
        except Exception as error:  # noqa: BLE001 - the item boundary: one bad item costs one item
            for item in items:  # rolled back: what this batch created does not exist
                key = element_key(self.run.connection_id, item.external_id)
                if self.created.pop(key, None) is not None:
                    self.resolve.pop((kind, key), None)
            if len(items) == 1:
                return self._finish([_failure(items[0], error)])
            return [verdict for item in items for verdict in self._batch(kind, [item])]

    def _finish(self, verdicts: list[Verdict]) -> list[Verdict]:
        """Write outcomes: one statement per outcome for those without words of their own, the others singly."""
        plain: dict[Outcome, list[int]] = {}
        for verdict in verdicts:
            if verdict.reason or verdict.code:
                SyncItem.objects.filter(pk=verdict.item.pk).update(
                    outcome=verdict.outcome, code=verdict.code, reason=verdict.reason
                )
            else:
                plain.setdefault(verdict.outcome, []).append(verdict.item.pk)
        for outcome, ids in plain.items():
            for piece in chunks(ids):
                SyncItem.objects.filter(pk__in=piece).update(outcome=outcome)
        return verdicts

    @transaction.atomic
    def _write(self, kind: Kind, items: Sequence[SyncItem]) -> list[Verdict]:
        self.hold_fence()
        links = {
            link.pk: link
            for link in ExternalLink.objects.select_for_update().filter(pk__in=[i.link_id for i in items if i.link_id])
        }
        versions = lock_versions(kind, [item.row_id for item in items if item.row_id is not None])
        claimed = self._already_here(kind, [item for item in items if item.link_id is None])
        verdicts: list[Verdict] = []
        current: list[SyncItem] = []
        for item in items:
            moved = _moved(item, links, versions, claimed)
            if moved:
                verdicts.append(Verdict(item, Outcome.STALE, "stale", moved))
            else:
                current.append(item)
        writing = [item for item in current if item.action not in _LINK_ONLY]
        written = write(kind, [self._draft(item) for item in writing], by=self.by, resolve=self.resolve)
        rows = {item.pk: row for item, row in zip(writing, written, strict=True)}
        self._store_links(kind, current, links, rows)
        verdicts += [Verdict(i, Outcome.SKIPPED if i.action == "skip" else Outcome.APPLIED) for i in current]
        return self._finish(verdicts)

    def _already_here(self, kind: Kind, items: Sequence[SyncItem]) -> dict[str, str]:
        """First matches run again inside the transaction: external id -> why it is no longer a first contact."""
        if not items:
            return {}
        linked = ExternalLink.objects.filter(
            connection_id=self.run.connection_id,
            entity_type=kind,
            external_id__in=[item.external_id for item in items],
        ).values_list("external_id", flat=True)
        reasons = dict.fromkeys(linked, "it was linked to something here in the meantime")
        if kind != "responder":
            return reasons
        emails = {item.external_id: canonical_email(_new(item, "email") or "") or "" for item in items}
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
                reasons[item.external_id] = "a person with the same address appeared here in the meantime"
            if item.changes.get("account") in taken:
                reasons[item.external_id] = "the account was linked to somebody else in the meantime"
        return reasons

    def _draft(self, item: SyncItem) -> Draft:
        elements = dict(item.changes.get("elements", {}))
        if item.action == "held":  # reaches this place only when a reviewer approved it
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
        """Create the links of new rows; remember on the others what was settled. Untouched links are not written."""
        owned = self._owned(kind, [item.row_id for item in items if item.action == "match"])
        new, moved = [], []
        for item in items:
            row = rows.get(item.pk)
            if item.link_id is None:
                assert row is not None  # noqa: S101 - without a link an item creates or matches, and so was written
                new.append(self._new_link(kind, item, row, row.id not in owned))
                key = element_key(self.run.connection_id, item.external_id)
                self.resolve[kind, key] = self.created[key] = row.id
            elif _remember(links[item.link_id], item, row):
                moved.append(links[item.link_id])
        ExternalLink.objects.bulk_create(new)
        if moved:
            ExternalLink.objects.bulk_create(
                moved,
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=["state", "ignored_reason", "source_hash", "synced_version", "version", "base", "since"],
            )

    def _owned(self, kind: Kind, row_ids: Sequence[int | None]) -> set[int]:
        """Rows among these whose single-valued fields another link writes already."""
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
            base=_patched({}, settled_by(item)),
            unread=item.changes.get("unread", {}),
            **{f"{kind}_id": row.id},
        )


def _element_changes(changes: Mapping[str, Any]) -> ElementChanges:
    return ElementChanges(
        put={key: change[1] for key, change in changes.items() if change[1] is not None},
        remove=frozenset(key for key, change in changes.items() if change[1] is None),
    )


def _moved(
    item: SyncItem,
    links: Mapping[int, ExternalLink],
    versions: Mapping[int, int],
    claimed: Mapping[str, str],
) -> str:
    """Why an item no longer fits what it was made from; empty when it does."""
    if item.link_id is None:
        if item.action not in _FIRST_CONTACT:
            return "its link was removed in the meantime; plan again"
        if item.external_id in claimed:
            return f"{claimed[item.external_id]}; plan again"
    elif links[item.link_id].version != item.link_version:
        return "a decision or a pin on it was changed in the meantime; plan again"
    if item.row_id is not None and versions.get(item.row_id) != item.row_version:
        gone = item.row_id not in versions
        return f"it was {'deleted' if gone else 'edited'} here in the meantime and was left as it is; plan again"
    return ""


def _remember(link: ExternalLink, item: SyncItem, row: Any) -> bool:
    """Move what a link remembers; False when nothing moved."""
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
    link.base = _patched(link.base, settled_by(item))
    approved = item.action == "held"
    if approved:
        gone = {name: dict.fromkeys(changes) for name, changes in item.changes["held"].items()}
        link.base = _patched(link.base, {"elements": gone})
    if approved or item.changes.get("settles", True):
        link.source_hash = item.source_hash
    if row is not None:
        link.synced_version = row.version
    return before != (link.state, link.source_hash, link.synced_version, link.base)


def _patched(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A link's base with settled values put in and forgotten elements taken out."""
    elements = {name: dict(known) for name, known in base.get("elements", {}).items()}
    for name, changes in patch.get("elements", {}).items():
        known = elements.setdefault(name, {})
        for key, value in changes.items():
            if value is None:
                known.pop(key, None)
            else:
                known[key] = value
    return {"fields": {**base.get("fields", {}), **patch.get("fields", {})}, "elements": elements}


def _new(item: SyncItem, path: str) -> Any:
    change = item.changes.get("fields", {}).get(path)
    return change[1] if change else None


def _failure(item: SyncItem, error: Exception) -> Verdict:
    """What a person reads: our own refusals in their words; anything else by name only, its text may hold data."""
    if isinstance(error, InvalidDraft):
        return Verdict(item, Outcome.FAILED, "invalid", f"{error} Nothing of it was written; correct it at the source.")
    log.exception("Item %s could not be applied", item.pk, exc_info=error)
    return Verdict(
        item,
        Outcome.FAILED,
        type(error).__name__[:40],
        f"An unexpected {type(error).__name__} stopped it. Nothing of it was written; the log has the details.",
    )
