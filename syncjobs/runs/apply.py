"""Apply a stored plan in batches of whole aggregates. Each batch is one transaction, which checks each item again."""

import logging
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, NamedTuple

from django.contrib.auth import get_user_model

from connectors.records import entity_type_of
from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.emails import canonical_email
from oncall.errors import InvalidDraft
from oncall.models import ChangeRecord, Responder
from oncall.operations import Actor, lock_versions, write
from oncall.tables.base import chunks
from syncjobs.models import (
    ApplyLock,
    Awaits,
    Conflict,
    ConflictState,
    ExternalLink,
    Invitation,
    InvitationState,
    Outcome,
    SyncItem,
    SyncRun,
)
from syncjobs.planning.decisions.people import matched_people
from syncjobs.planning.failures import refusal_text
from syncjobs.planning.values import element_key
from syncjobs.runs.claim import FenceLost
from syncjobs.runs.stored.links import PrimaryLinks, ends_link, followed_links, removes, takes_over, write_links
from syncjobs.runs.stored.references import fill_from_links, known_rows

log = logging.getLogger(__name__)

BATCH: Final = 200
#: The code of stale items that are planned again at once: a decision or another import came first.
AGAIN: Final = "again"

#: Actions that only change the link, not the on-call row.
_LINK_ONLY = frozenset({"settle", "conflict", "skip", "detach"})

#: Actions that end a link and may make its row inactive.
_REMOVALS = frozenset({"missing", "deactivate"})

#: Actions on objects that had no link when they were planned.
_FIRST_CONTACT = frozenset({"create", "match"})


@dataclass
class ItemResult:
    """The outcome of one item. code, reason: why the item was not applied."""

    item: SyncItem
    outcome: Outcome
    code: str = ""
    reason: str = ""


class _Stale(NamedTuple):
    """Why an item is stale, and its code."""

    reason: str
    code: str = "stale"


@dataclass
class Application:
    """Applies the items of a run.

    fenced: opens a transaction of the run; raises FenceLost. resolve: row ids by kind and element key. waits:
    whether it waits until no other run matches or creates objects; False if everything is rolled back.
    """

    run: SyncRun
    by: Actor
    fenced: Callable[[], AbstractContextManager[None]]
    resolve: dict[tuple[Kind, str], int] = field(default_factory=dict)
    waits: bool = True

    def apply(self, items: Iterable[SyncItem], progress: Callable[[Kind, Sequence[ItemResult]], None]) -> None:
        """Apply the items, which are in dependency order. Any error but FenceLost becomes the outcome of an item."""
        self.resolve |= known_rows(self.run.connection_id)
        for name, group in groupby(items, key=lambda item: item.entity_type):
            kind = entity_type_of(name)
            for batch in _batches(_rows(group)):
                progress(kind, self._batch(kind, batch))

    def _batch(self, kind: Kind, rows: Sequence[Sequence[SyncItem]]) -> list[ItemResult]:
        """Apply the items of some rows in one transaction. If it fails, apply the items of each row in their own."""
        items = [item for row in rows for item in row]
        known = dict(self.resolve)
        try:
            return self._write(kind, rows)
        except FenceLost:
            raise
        except Exception as error:  # noqa: BLE001 - an item that fails must not stop the others
            self.resolve = known  # the batch was rolled back, so its rows do not exist
            if len(rows) == 1:
                with self.fenced():
                    return _store_results([_failed(item, error) for item in items])
            return [result for row in rows for result in self._batch(kind, [row])]

    def _write(self, kind: Kind, rows: Sequence[Sequence[SyncItem]]) -> list[ItemResult]:
        items = [item for row in rows for item in row]
        results: list[ItemResult] = []
        with self.fenced():
            if self.waits and any(item.action in _FIRST_CONTACT or takes_over(item) for item in items):
                self._lock_kind(kind)
            # Rows are locked before links, as a merge does it, so that neither waits for the other.
            versions = lock_versions(kind, [item.row_id for item in items if item.row_id is not None])
            links = {
                link.pk: link
                for link in ExternalLink.objects.select_for_update()
                .filter(pk__in=[item.link_id for item in items if item.link_id])
                .order_by("pk")
            }
            primary = PrimaryLinks(kind, items)
            followed = followed_links(kind, items)
            taken = self._taken_meanwhile(kind, [item for item in items if item.link_id is None])
            edited = self._edited(kind, items, versions)
            current: list[Sequence[SyncItem]] = []
            for row in rows:
                stale = next(
                    filter(None, (_stale(item, links, versions, taken, primary, edited) for item in row)), None
                ) or _stale_removal(row, followed)
                if stale is None:
                    current.append(row)
                else:
                    results += [ItemResult(item, Outcome.STALE, stale.code, stale.reason) for item in row]
            writing = [part for row in current if (part := [item for item in row if _writes_row(item)])]
            written = write(kind, [self._draft(part) for part in writing], by=self.by, resolve=self.resolve)
            rows_of = {item.pk: result for part, result in zip(writing, written, strict=True) for item in part}
            applied = [item for row in current for item in row]
            primary.give_up(applied)
            made = write_links(self.run, kind, applied, links, rows_of)
            for link in made:
                if link.row_id is not None:
                    self.resolve[kind, element_key(link.connection_id, link.external_id)] = link.row_id
            fill_from_links(kind, made)
            results += [ItemResult(i, Outcome.SKIPPED if i.action == "skip" else Outcome.APPLIED) for i in applied]
            _store_results(results)
        return results

    def _lock_kind(self, kind: Kind) -> None:
        """Wait until no other run matches or creates objects of this kind. The lock is held by the transaction."""
        lock = ApplyLock(entity_type=kind, run_id=self.run.pk)
        ApplyLock.objects.bulk_create(
            [lock], update_conflicts=True, unique_fields=["entity_type"], update_fields=["run_id"]
        )

    def _edited(self, kind: Kind, items: Sequence[SyncItem], versions: Mapping[int, int]) -> set[int]:
        """Return the changed rows that somebody edited since the run began, and not only other imports."""
        changed = {item.row_id for item in items if item.row_id is not None} - {None}
        changed -= {item.row_id for item in items if versions.get(item.row_id or 0) == item.row_version}
        if not changed:
            return set()
        records = ChangeRecord.objects.filter(model=kind, object_id__in=changed, at__gte=self.run.started_at)
        return set(records.exclude(cause__startswith="run:").values_list("object_id", flat=True))

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
        reasons |= dict.fromkeys(self._decided_meanwhile(kind), "a decision about it was made in the meantime")
        if kind != "responder":
            return reasons
        emails = {item.external_id: canonical_email(_new_value(item, "email") or "") or "" for item in items}
        here: dict[str, set[int]] = {}
        # SQL filters only by the address: beside another condition, SQLite uses the index of that and reads all people.
        for piece in chunks({email for email in emails.values() if email}):
            people = Responder.objects.filter(email_canonical__in=piece).exclude(
                links__connection=self.run.connection_id
            )
            for pk, email, active, into in people.values_list("id", "email_canonical", "active", "merged_into"):
                if active and into is None:
                    here.setdefault(email, set()).add(pk)
        taken = set(
            get_user_model()
            .objects.filter(pk__in=[i.changes["account"] for i in items if i.changes.get("account")])
            .exclude(responder=None)
            .values_list("pk", flat=True)
        )
        accepted = Invitation.objects.filter(
            connection=self.run.connection_id, state=InvitationState.ACCEPTED, ended_at__gt=self.run.planned_at
        )
        reasons |= dict.fromkeys(accepted.values_list("external_id", flat=True), "the invitation was accepted")
        for item in items:
            if here.get(emails[item.external_id], set()) - set(item.changes.get("candidates", ())):
                reasons[item.external_id] = "a person with the same address was added here in the meantime"
            if item.changes.get("account") in taken:
                reasons[item.external_id] = "the account was linked to another person in the meantime"
        return reasons

    def _decided_meanwhile(self, kind: Kind) -> set[str]:
        """Return the ids of the objects about which something was decided that the plan does not contain."""
        decided = Conflict.objects.filter(
            connection=self.run.connection_id,
            entity_type=kind,
            state=ConflictState.DECIDED,
            awaits__in=[Awaits.PLAN, Awaits.IMPORT],
            decided_at__gt=self.run.planned_at,
        )
        found: set[str] = set()
        for external_id, awaits, arguments in decided.values_list("external_id", "awaits", "arguments"):
            found |= matched_people(arguments, external_id).keys()
            if awaits == Awaits.PLAN and "claims" not in arguments:
                found.add(external_id)
        return found

    def _draft(self, items: Sequence[SyncItem]) -> Draft:
        """Return one draft of all items of a row."""
        fields: dict[str, Any] = {}
        elements: dict[str, dict[str, Any]] = {}
        for item in items:
            fields |= {path: change[1] for path, change in item.changes.get("fields", {}).items()}
            parts = [item.changes.get("elements", {}), item.changes.get("held", {}) if item.held_ticked else {}]
            for name, changes in ((name, changes) for part in parts for name, changes in part.items()):
                elements.setdefault(name, {}).update(changes)
        first = items[0]
        return Draft(
            fields=fields,
            elements={name: _element_changes(changes) for name, changes in elements.items()},
            id=first.row_id,
            version=first.row_version,
            origin=self.run.connection.origin_label if first.action in _FIRST_CONTACT else "",
            account_id=first.changes.get("account"),
        )


def _rows(items: Iterable[SyncItem]) -> Iterator[list[SyncItem]]:
    """Yield the items of each row."""
    return (list(row) for _, row in groupby(items, key=lambda item: item.group_no))


def _batches(rows: Iterable[list[SyncItem]]) -> Iterator[list[list[SyncItem]]]:
    """Yield batches of rows with about BATCH items each."""
    batch: list[list[SyncItem]] = []
    size = 0
    for row in rows:
        if batch and size + len(row) > BATCH:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += len(row)
    if batch:
        yield batch


def _store_results(results: list[ItemResult]) -> list[ItemResult]:
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


def _writes_row(item: SyncItem) -> bool:
    if item.action not in _LINK_ONLY and item.action not in _REMOVALS:
        return True
    if item.changes.get("fields"):
        return True
    return bool((item.held_ticked and "held" in item.changes) or item.changes.get("elements"))


def _element_changes(changes: Mapping[str, Any]) -> ElementChanges:
    return ElementChanges(
        put={key: change[1] for key, change in changes.items() if change[1] is not None},
        remove=frozenset(key for key, change in changes.items() if change[1] is None),
    )


def _stale(
    item: SyncItem,
    links: Mapping[int, ExternalLink],
    versions: Mapping[int, int],
    taken: Mapping[str, str],
    primary: PrimaryLinks,
    edited: Container[int],
) -> _Stale | None:
    """Return why an item is stale. None: its link and its row did not change since planning."""
    if item.link_id is None:
        if item.action not in _FIRST_CONTACT:
            return _Stale("its link was removed in the meantime; plan again")
        if item.external_id in taken:
            return _Stale(taken[item.external_id], AGAIN)
    elif links[item.link_id].version != item.link_version:
        return _Stale("a decision or another import changed its link in the meantime", AGAIN)
    if not primary.is_as_planned(item):
        return _Stale("another source began or ended to set its fields in the meantime", AGAIN)
    if item.row_id is not None and versions.get(item.row_id) != item.row_version:
        if item.row_id in versions and item.row_id not in edited:
            return _Stale("the import of another source changed it in the meantime", AGAIN)
        reason = f"it was {'edited' if item.row_id in versions else 'deleted'} here in the meantime and stays as it is"
        return _Stale(reason, AGAIN) if item.action == "match" else _Stale(f"{reason}; plan again")
    return None


def _stale_removal(row: Sequence[SyncItem], links: Mapping[int, set[int]]) -> _Stale | None:
    """Return why the items of a row are stale that end links: the last link that ends makes a row inactive.

    links: those that each of these rows follows now.
    """
    followed = links.get(row[0].row_id or 0, set()) - {item.link_id for item in row if ends_link(item)}
    if any(not ends_link(item) for item in row):
        return None  # its link follows the source after this
    if any(removes(item) for item in row):
        why = "it follows another object of a source, too, since this was planned"
        return _Stale(why, AGAIN) if followed else None
    if not followed and any(item.changes.get("follows_another") for item in row):
        return _Stale("it follows no other object of a source any more", AGAIN)
    return None


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
