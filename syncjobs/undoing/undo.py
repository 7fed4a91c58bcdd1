"""Undoes a run: shows what would be done, and does exactly that, as a run of its own with an item for each row."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.records import entity_type_of
from oncall.aggregates import Kind
from oncall.errors import NotAllowed, OperationRefused
from oncall.models import User
from oncall.models.root import NAME_LENGTH
from oncall.operations import Actor
from syncjobs.errors import RunAlreadyActive, UndoRefused
from syncjobs.models import ACTIVE, ExternalLink, LinkState, Outcome, RunKind, RunState, SyncItem, SyncRun
from syncjobs.runs.claim import end_columns
from syncjobs.runs.impact.measuring import Measurement
from syncjobs.runs.impact.touched import Touched
from syncjobs.runs.stored.references import repair_references
from syncjobs.undoing.answers import SOURCE, UndoneAnswer, take_back_answer
from syncjobs.undoing.links import (
    Edits,
    edits_of_decision,
    edits_of_import,
    lock_links,
    return_elements,
    split_references,
    words_of,
    write_links,
)
from syncjobs.undoing.recorded import load_rows
from syncjobs.undoing.refusals import demand_may_undo, demand_not_merged, demand_undoable
from syncjobs.undoing.rows import UndoneRow, compare, remove_created, restore_rows

#: The code of the refusal of an undo that is not the one that was shown.
CHANGED_MEANWHILE: Final = "changed_meanwhile"


@dataclass(frozen=True, slots=True)
class UndoneItem:
    """What an undo does to one row, question, invitation or rule.

    change: in words; empty if nothing is undone. reason: why something is not undone, in words. is_partial: whether
    something that could have been undone is kept. changes: as those of :class:`syncjobs.models.SyncItem`.
    """

    entity_type: str
    external_id: str
    label: str
    action: str
    change: str
    reason: str
    is_partial: bool
    row_id: int | None
    link_id: int | None
    changes: Mapping[str, Any]

    @property
    def outcome(self) -> Outcome:
        """Return whether something is undone."""
        return Outcome.APPLIED if self.change else Outcome.SKIPPED


@dataclass(frozen=True, slots=True)
class Undone:
    """An undo, or the preview of one. run: None for a preview. undoes: the run that is undone.

    shown: identifies what is done; the same undo of the same values has the same.
    """

    undoes: SyncRun
    items: tuple[UndoneItem, ...]
    run: SyncRun | None = None

    @property
    def is_partial(self) -> bool:
        return any(item.is_partial for item in self.items)

    @property
    def shown(self) -> str:
        parts = [
            [item.entity_type, item.external_id, item.action, item.change, item.reason, item.changes]
            for item in self.items
        ]
        text = json.dumps(parts, sort_keys=True, default=str)
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def preview_undo(run: SyncRun, by: User | None) -> Undone:
    """Return what :func:`undo` would do, and write nothing: it is done in a transaction that is rolled back.

    Raises UndoRefused or RunAlreadyActive.
    """
    with transaction.atomic():
        undone = _undo(run, by)
        transaction.set_rollback(True)
    return Undone(undone.undoes, undone.items)


def undo(run: SyncRun, by: User | None, shown: str | None = None) -> Undone:
    """Undo a run in one transaction. by: None for the shell.

    shown: :attr:`Undone.shown` of the preview that a person has seen; None accepts any.

    Raises UndoRefused, also if the preview is not what would be done now, or RunAlreadyActive. Nothing is written then.
    """
    with transaction.atomic():
        measurement = Measurement(_touched_by(run))
        undone = _undo(run, by)
        if shown not in (None, undone.shown):
            text = "Something was changed after this was shown. Nothing was written. Look at it again."
            raise UndoRefused(CHANGED_MEANWHILE, text)
        if undone.run is not None:
            undone.run.impact = measurement.impact().to_json()
            undone.run.save(update_fields=["impact"])
    return undone


def _touched_by(run: SyncRun) -> Touched:
    """Return the rows that a run has written."""
    touched = Touched()
    written = run.items.filter(outcome=Outcome.APPLIED, row_id__isnull=False)
    for name, row_id, changes in written.values_list("entity_type", "row_id", "changes").iterator():
        touched.add(entity_type_of(name), row_id, "", changes)
    return touched


def _undo(run: SyncRun, by: User | None) -> Undone:
    # The lock lets a second undo of the run wait for the first, and see it.
    run = SyncRun.objects.select_for_update(of=("self",)).select_related("connection", "profile").get(pk=run.pk)
    demand_undoable(run)
    demand_may_undo(run, by)
    undo_run = _start(run, by)
    actor = Actor(by.pk if by else None, f"run:{undo_run.pk}")
    try:
        return _finish(run, undo_run, _carry_out(run, undo_run, by, actor))
    except NotAllowed as refused:
        raise UndoRefused("not_allowed", str(refused)) from refused
    except OperationRefused as refused:
        raise UndoRefused("refused", f"{refused} Nothing was written.") from refused


def _start(run: SyncRun, by: User | None) -> SyncRun:
    """Create the run of the undo. No other run of the connection may be active meanwhile."""
    now = timezone.now()
    try:
        with transaction.atomic():
            return SyncRun.objects.create(
                connection=run.connection,
                profile=run.profile,
                kind=RunKind.UNDO,
                of_run=run,
                state=RunState.RUNNING,
                phase="apply",
                requested_by=by,
                notified_at=now,
                started_at=now,
            )
    except IntegrityError:
        active = SyncRun.objects.filter(connection=run.connection_id, state__in=ACTIVE).first()
        if active is None:
            raise
        raise RunAlreadyActive(active) from None


def _carry_out(run: SyncRun, undo_run: SyncRun, by: User | None, actor: Actor) -> list[UndoneItem]:
    is_decision = run.kind == RunKind.DECISION
    rows = load_rows(run)
    changed: dict[Kind, list[int]] = {}
    for row in rows:
        if row.row_id is not None:
            changed.setdefault(row.kind, []).append(row.row_id)
    demand_not_merged(run, changed)
    undone = compare(rows, by)
    _demand_records(run, undone)
    links = lock_links(run, undone)
    edits = _edits(undone, links, undo_run, is_decision=is_decision)
    _demand_connected(run, edits, links)
    return_elements(undone, edits, links)
    restore_rows(undone, actor, all_or_nothing=is_decision)
    if not is_decision:  # a row that could not be restored pins nothing
        edits = _edits(undone, links, undo_run, is_decision=False)
    words = {id(one): words_of(one, edits, links, is_decision=is_decision) for one in undone}
    write_links(edits, links)
    split_references(undone)
    repair_references()
    remove_created(undone, actor, by)
    items = [_item_of_row(one, words[id(one)]) for one in undone]
    if is_decision:
        reopens = not any(one.row.thinned for one in undone)
        items += [_item_of_answer(one) for one in take_back_answer(run, by, actor, reopens=reopens)]
    return [item for item in items if item.change or item.reason]


def _demand_records(run: SyncRun, rows: Sequence[UndoneRow]) -> None:
    """Raises UndoRefused if the run merged rows, and not all that this takes is known or exists."""
    merges = [item for one in rows for item in one.row.items if "merge" in item.changes]
    if any("links" not in item.changes for item in merges):
        text = f"{run} merged rows in a release that did not record enough to split them again. Nothing was written."
        raise UndoRefused("not_recorded", text)
    if not merges:
        return
    missing = next((one.row for one in rows if one.row.now is None or one.row.thinned), None)
    if missing is not None:
        what = "was deleted later" if missing.now is None else "lost its former values, because they are too old"
        raise UndoRefused("not_recorded", f"{missing.label} {what}, so the merge stays. Nothing was written.")


def _edits(
    rows: Sequence[UndoneRow], links: Mapping[int, ExternalLink], undo_run: SyncRun, *, is_decision: bool
) -> Edits:
    if not is_decision:
        found: Edits = {}
        for one in rows:
            for pk, edit in ({} if one.row.thinned else edits_of_import(one, links, undo_run)).items():
                found.setdefault(pk, {}).update(edit)
        return found
    items = [item for one in rows if not one.row.thinned for item in one.row.items]
    found, kept = edits_of_decision(items, links)
    for one in rows:
        recorded = {pk for item in one.row.items for pk in map(int, item.changes.get("links", {}))}
        if kept & (recorded | {item.link_id or 0 for item in one.row.items}):
            one.keep("what was agreed with the source was changed later and stays")
    return found


def _demand_connected(run: SyncRun, edits: Edits, links: Mapping[int, ExternalLink]) -> None:
    """Raises UndoRefused if an object would follow a source again that is disconnected."""
    again = [links[pk] for pk, edit in edits.items() if edit.get(("state",)) == LinkState.LINKED]
    gone = next((link.connection for link in again if link.connection.disconnected_at is not None), None)
    if gone is not None:
        text = f"{gone} is disconnected, so nothing can follow it again. Connect it first. Nothing was written."
        raise UndoRefused("disconnected", text)


def _item_of_row(one: UndoneRow, words: Sequence[str]) -> UndoneItem:
    row, former, now = one.row, one.former, one.row.now
    changes: dict[str, Any] = {}
    if now is not None and not row.created:
        changes = {
            "fields": {path: [now.value(path), value] for path, value in former.fields.items()},
            "elements": {
                name: {key: [now.value(f"{name}.{key}"), value] for key, value in keys.items()}
                for name, keys in former.elements.items()
            },
        }
    if one.action == "restore" and not (former.fields or former.elements or former.columns or one.moved):
        action = "settle" if words else "skip"
    else:
        action = one.action
    return UndoneItem(
        row.kind, row.external_id, row.label, action, "; ".join([*one.done, *words]), "; ".join(one.kept),
        one.is_partial, row.row_id, row.link_id, {name: value for name, value in changes.items() if value},
    )  # fmt: skip


def _item_of_answer(one: UndoneAnswer) -> UndoneItem:
    return UndoneItem(
        one.entity_type, one.external_id, one.label, one.action, "; ".join(one.done), "; ".join(one.kept),
        one.is_partial, None, None, {},
    )  # fmt: skip


def _finish(run: SyncRun, undo_run: SyncRun, items: Sequence[UndoneItem]) -> Undone:
    """Store the items, and end the run of the undo."""
    SyncItem.objects.bulk_create(
        [
            SyncItem(
                run=undo_run,
                link_id=item.link_id,
                entity_type=item.entity_type,
                external_id=item.external_id,
                label=item.label[:NAME_LENGTH],
                group_no=number,
                action=item.action,
                outcome=item.outcome,
                reason="; ".join(filter(None, (item.change, item.reason))),
                row_id=None if item.action == "delete" else item.row_id,
                changes={**item.changes, "undone": [item.change, item.reason]},
            )
            for number, item in enumerate(items, 1)
        ],
        batch_size=200,
    )
    counts: dict[str, dict[str, int]] = {}
    for item in items:
        of_kind = counts.setdefault(item.entity_type, {})
        word = "written" if item.change else "skipped"
        of_kind[word] = of_kind.get(word, 0) + 1
    counts.pop(SOURCE, None)
    undone = Undone(run, tuple(items), undo_run)
    state = RunState.PARTIAL if undone.is_partial else RunState.SUCCEEDED
    kept = sum(item.is_partial for item in items)
    reason = f"Not everything of run {run.pk} was undone: {kept} of {len(items)} items keep something."
    hint = "The items below say what and why."
    columns = end_columns(state, *((reason, hint) if kept else (f"This undid run {run.pk}.", "")))
    for name, value in {**columns, "counts": counts}.items():
        setattr(undo_run, name, value)
    undo_run.save(update_fields=[*columns, "counts"])
    return undone
