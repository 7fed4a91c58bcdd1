"""Gives rows their former values, and deletes or deactivates those that a run created."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import QuerySet

from connectors.records import ENTITY_TYPES
from oncall.aggregates import Draft, ElementChanges, Kind
from oncall.errors import InvalidDraft
from oncall.models import User
from oncall.operations import Actor, deactivate, delete, may_manage
from oncall.operations.keys import references_to
from oncall.operations.restoring import Move, Restoration, restore
from oncall.tables.base import chunks
from oncall.tables.kinds import ROOTS
from syncjobs.errors import UndoRefused
from syncjobs.models import SyncItem
from syncjobs.planning.undoing import Former, Moved, former_values, moved_elements
from syncjobs.undoing.recorded import RecordedRow
from syncjobs.words.undoing import (
    BECOMES_INACTIVE,
    DELETED,
    DELETED_LATER,
    EDITED_LATER,
    FOLLOWED,
    IN_USE,
    LINKED_LATER,
    STAYS_INACTIVE,
    THINNED,
    UNLINKED,
    kept_in_words,
    values_in_words,
)


@dataclass(slots=True)
class UndoneRow:
    """What an undo does to a recorded row.

    former: what it gets back. moved: the paths of elements that come back from another row, or go there. action: as an
    item names it. done: what was done, in words. kept: why something was not, in words. is_partial: whether something
    that can be undone was kept.
    """

    row: RecordedRow
    former: Former = field(default_factory=Former)
    moved: tuple[Moved, ...] = ()
    action: str = "restore"
    done: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    is_partial: bool = False

    @property
    def is_listed(self) -> bool:
        return bool(self.done or self.kept)

    def keep(self, reason: str) -> None:
        """Note why a value or the row is not undone."""
        self.kept.append(reason)
        self.is_partial = True


def compare(rows: Sequence[RecordedRow], by: User | None) -> list[UndoneRow]:
    """Return what an undo does to the rows, without writing. by: who undoes; None is the shell."""
    found = []
    moved = _moved(rows)
    for row in rows:
        one = UndoneRow(row, moved=tuple(m for m in moved.get(row.kind, ()) if row.row_id in (m.giver, m.taker)))
        found.append(one)
        if row.thinned:
            one.keep(THINNED)
        elif row.now is None:
            if row.row_id is not None or row.created:
                one.keep(DELETED_LATER)
        elif not row.created or row.followed:
            paths = {each.path for each in one.moved}
            sides_of = _elements_of(row.items) if row.created else row.changes
            changes = {path: sides for path, sides in sides_of.items() if path not in paths}
            one.former = _with_allowed_account(one, former_values(row.kind, changes, row.now), by)
    _keep_what_was_taken_away(found)
    for kind in ENTITY_TYPES:
        _keep_elements_of_others(kind, [one for one in found if one.row.kind == kind])
    for one in found:
        if one.former.kept:
            one.keep(kept_in_words(one.former.kept))
    return found


def _elements_of(items: Iterable[SyncItem]) -> dict[str, list[Any]]:
    """Return the elements that items put into a row which they created, as a change record has them."""
    parts = [(name, each) for item in items for name, each in item.changes.get("elements", {}).items()]
    return {f"{name}.{key}": sides for name, each in parts for key, sides in each.items()}


def _moved(rows: Iterable[RecordedRow]) -> dict[Kind, list[Moved]]:
    """Return the elements that a merge moved and that are still where it moved them, by kind."""
    by_kind: dict[Kind, dict[int, RecordedRow]] = {}
    for row in rows:
        if row.row_id is not None and row.now is not None and not row.thinned:
            by_kind.setdefault(row.kind, {})[row.row_id] = row
    return {
        kind: [
            each
            for each in moved_elements({pk: row.changes for pk, row in own.items()})
            if (now := own[each.giver].now) is not None and now.value(each.path) is not None
        ]
        for kind, own in by_kind.items()
    }


def _with_allowed_account(one: UndoneRow, former: Former, by: User | None) -> Former:
    """Leave the account of a person as it is if it holds rights that the account of the undo lacks."""
    now = one.row.now
    if by is None or now is None or "account" not in former.columns:
        return former
    ids = {former.columns["account"], now.columns["account"]} - {None}
    refused = [account for account in User.objects.filter(pk__in=ids).order_by("pk") if not may_manage(by, account)]
    if not refused:
        return former
    one.keep(f"{refused[0]} has rights that you do not have, so the account stays")
    return replace(former, columns={name: v for name, v in former.columns.items() if name != "account"})


def _keep_what_was_taken_away(rows: Sequence[UndoneRow]) -> None:
    """Leave out the account and the leads that a merge moved to another row, which has lost them since."""
    given_up = {one.row.now.columns["account"] for one in rows if one.row.now and "account" in one.former.columns}
    by_id = {(one.row.kind, one.row.row_id): one.row.now for one in rows}
    for one in rows:
        former, now = one.former, one.row.now
        lost = [name for name in ("account",) if former.columns.get(name) not in (None, *given_up)]
        into = None if now is None else by_id.get((one.row.kind, now.columns["merged_into"]))
        leading = frozenset() if into is None else into.leads
        lost += [f"leads.{email}" for email, leads in former.leads.items() if leads and email not in leading]
        if lost:
            columns = {name: value for name, value in former.columns.items() if name not in lost}
            leads = {email: leads for email, leads in former.leads.items() if f"leads.{email}" not in lost}
            one.former = replace(former, columns=columns, leads=leads, kept=(*former.kept, *lost))


def _keep_elements_of_others(kind: Kind, rows: Iterable[UndoneRow]) -> None:
    """Leave out elements that belong to another row meanwhile."""
    rows = list(rows)
    for name, table in ROOTS[kind].elements.items():
        put = {
            key: one for one in rows for key, values in one.former.elements.get(name, {}).items() if values is not None
        }
        for piece in chunks(sorted(put)):
            owners = table.rows.filter(source_key__in=piece).values_list("source_key", table.owner_id)
            for key, owner in owners:
                one = put[key or ""]
                if owner != one.row.row_id:
                    others = {k: values for k, values in one.former.elements[name].items() if k != key}
                    elements = {**one.former.elements, name: others}
                    kept = (*one.former.kept, f"{name}.{key}")
                    one.former = replace(one.former, elements={n: e for n, e in elements.items() if e}, kept=kept)


def restore_rows(rows: Sequence[UndoneRow], by: Actor, *, all_or_nothing: bool) -> None:
    """Write the former values. A row that cannot get them is left as it is and says why.

    all_or_nothing: raise UndoRefused instead, for a decision.
    """
    for kind in ENTITY_TYPES:
        some = [one for one in rows if one.row.kind == kind and not (one.former.is_empty and not one.moved)]
        if not some:
            continue
        try:
            _restore(kind, some, by)
        except InvalidDraft as wrong:
            if all_or_nothing or any(one.moved for one in some):
                text = f"A former value cannot be written any more: {wrong.message}. Nothing was written."
                raise UndoRefused("invalid", text) from wrong
            for one in some:
                _restore_alone(kind, one, by)
        for one in some:
            one.done += values_in_words(one.former, one.row.row_id, one.moved)


def _restore_alone(kind: Kind, one: UndoneRow, by: Actor) -> None:
    try:
        _restore(kind, [one], by)
    except InvalidDraft as wrong:
        one.former = Former(kept=one.former.kept)
        one.keep(f"a former value cannot be written any more: {wrong.message}")


def _restore(kind: Kind, rows: Sequence[UndoneRow], by: Actor) -> None:
    moves = {each for one in rows for each in one.moved}
    restore(
        kind,
        [_restoration(one) for one in rows],
        by,
        [Move(each.collection, each.key, each.giver, each.taker) for each in sorted(moves, key=lambda m: m.path)],
    )


def _restoration(one: UndoneRow) -> Restoration:
    assert one.row.now is not None  # noqa: S101 - a row without one has nothing to restore
    former, state = one.former, one.row.now.state
    elements = {
        name: ElementChanges(
            put={key: values for key, values in keys.items() if values is not None},
            remove=frozenset(key for key, values in keys.items() if values is None),
        )
        for name, keys in former.elements.items()
    }
    draft = Draft(former.fields, elements, id=state.id, version=state.version)
    return Restoration(draft, former.columns, former.leads)


def remove_created(rows: Sequence[UndoneRow], by: Actor, account: User | None) -> None:
    """Delete the rows that the run created, unless they were edited or are referred to: these become inactive.

    A row that follows another source meanwhile stays active.

    account: who undoes; None is the shell.
    """
    created = [one for one in rows if one.row.created and one.row.now is not None and not one.row.thinned]
    left = {(one.row.kind, one.row.row_id or 0): one for one in created if not (one.row.edited or one.row.known)}
    while left:  # what is deleted may have referred to rows of any kind
        deleted = [_delete_free(kind, left, by) for kind in reversed(ENTITY_TYPES)]
        if not any(deleted):
            break
    for one in created:
        if one.row.followed:
            one.kept.append(FOLLOWED)
        elif one.action != "delete":
            _deactivate(one, by, account)


def _delete_free(kind: Kind, left: dict[tuple[Kind, int], UndoneRow], by: Actor) -> bool:
    """Delete the rows of a kind to which nothing refers, and take them out of ``left``; return whether any was."""
    ids = sorted(pk for name, pk in left if name == kind)
    if not ids:
        return False
    used: set[int] = set()
    for piece in chunks(ids):
        for referring, column in references_to(kind):
            used |= set(referring.filter(**{f"{column.row}__in": piece}).values_list(column.row_id, flat=True))
        merged: QuerySet[Any] = ROOTS[kind].rows
        used |= set(merged.filter(merged_into__in=piece).values_list("merged_into_id", flat=True))
    free = [pk for pk in ids if pk not in used]
    if free:
        delete(kind, free, by)
    for pk in free:
        one = left.pop((kind, pk))
        one.action, one.done = "delete", [DELETED]
    return bool(free)


def _deactivate(one: UndoneRow, by: Actor, account: User | None) -> None:
    row, now = one.row, one.row.now
    assert now is not None and row.row_id is not None  # noqa: S101 - the caller has chosen it
    one.kept.append(EDITED_LATER if row.edited else LINKED_LATER if row.known else IN_USE)
    was_active = bool(now.state.fields["active"])
    linked = next((item.changes["account"] for item in row.items if item.changes.get("account")), None)
    if linked is not None and now.columns.get("account") == linked:
        former = _with_allowed_account(one, Former(columns={"account": None}), account)
        if former.columns:
            restore(row.kind, [Restoration(Draft({}, id=row.row_id, version=now.state.version), former.columns)], by)
            one.done.append(UNLINKED)
    deactivate(row.kind, [row.row_id], by)
    one.action = "deactivate"
    one.done.append(BECOMES_INACTIVE if was_active else STAYS_INACTIVE)
