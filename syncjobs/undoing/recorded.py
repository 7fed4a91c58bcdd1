"""Loads what a run did: the changes of each row, and its items."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from connectors.records import ENTITY_TYPES, EntityType, entity_type_of
from oncall.aggregates import Kind
from oncall.models import ChangeRecord, GroupLead
from oncall.operations import lock_versions
from oncall.operations.restoring import COLUMNS
from oncall.selectors.states import load_states
from oncall.tables.base import LOCAL, chunks
from oncall.tables.kinds import ROOTS
from syncjobs.models import ExternalLink, LinkState, Outcome, SyncItem, SyncRun
from syncjobs.planning.undoing import Current, composed
from syncjobs.runs.retention import is_thinned

_FIRST_CONTACT = frozenset({"create", "match"})


@dataclass(slots=True)
class RecordedRow:
    """What a run did to one row and to its links.

    row_id: None if the row does not exist any more, and for an item without a row. created: whether the run created
    it. changes: path -> [old, new]. edited: whether something else changed it after the run created it. followed,
    known: whether it follows another object of a source, and whether it has another link, after the run created it.
    thinned: whether former values were removed because they are old. now: the row as it is; None if it does not exist.
    """

    kind: Kind
    row_id: int | None
    label: str
    items: list[SyncItem] = field(default_factory=list)
    created: bool = False
    changes: dict[str, list[Any]] = field(default_factory=dict)
    edited: bool = False
    followed: bool = False
    known: bool = False
    thinned: bool = False
    now: Current | None = None

    @property
    def external_id(self) -> str:
        """The id at the source; of a row without an item, the key of the row."""
        return self.items[0].external_id if self.items else f"{LOCAL}{self.row_id}"

    @property
    def link_id(self) -> int | None:
        return self.items[0].link_id if self.items else None


def load_rows(run: SyncRun) -> list[RecordedRow]:
    """Return the rows that a run changed, those that it changed last first. The rows are locked until the
    transaction ends.

    Makes a limited number of queries per 500 rows.
    """
    found: dict[tuple[Kind, int | str], RecordedRow] = {}
    items = run.items.filter(outcome__in=[Outcome.APPLIED, Outcome.SKIPPED]).exclude(action="conflict")
    rows_of_links = _rows_of_links(run)
    for item in items.order_by("pk"):
        kind = entity_type_of(item.entity_type)
        row_id = item.row_id or rows_of_links.get((kind, item.external_id))
        row = found.setdefault((kind, row_id or item.external_id), RecordedRow(kind, row_id, item.label))
        row.items.append(item)
        row.created |= item.action == "create"
        row.thinned |= is_thinned(run, item)
    steps: dict[tuple[Kind, int | str], list[Any]] = {}
    for record in ChangeRecord.objects.filter(cause=f"run:{run.pk}", model__in=ENTITY_TYPES).order_by("pk"):
        kind = entity_type_of(record.model)
        key: tuple[Kind, int | str] = (kind, record.object_id)
        row = found.setdefault(key, RecordedRow(kind, record.object_id, record.label))
        row.created |= record.action == ChangeRecord.Action.CREATE
        row.thinned |= record.model == "responder" and not record.personal
        steps.setdefault(key, []).append(record.changes)
    for key, changes in steps.items():
        found[key].changes = composed(changes)
    for kind in ENTITY_TYPES:
        _load_current(kind, [row for row in found.values() if row.kind == kind and row.row_id is not None], run)
    # A created row that was deleted later has an item without a row, which stands for it.
    return [row for row in reversed(found.values()) if row.items or row.now is not None or not row.created]


def _rows_of_links(run: SyncRun) -> dict[tuple[str, str], int]:
    """Return the rows of the objects that the run created or matched, by kind and id at the source."""
    names = run.items.filter(action__in=_FIRST_CONTACT, row_id=None).values_list("external_id", flat=True)
    found: dict[tuple[str, str], int] = {}
    for piece in chunks(names):
        for link in ExternalLink.objects.filter(connection=run.connection_id, external_id__in=piece).defer("base"):
            if link.row_id is not None:
                found[link.entity_type, link.external_id] = link.row_id
    return found


def _load_current(kind: EntityType, rows: Iterable[RecordedRow], run: SyncRun) -> None:
    by_id = {row.row_id: row for row in rows if row.row_id is not None}
    created = [pk for pk, row in by_id.items() if row.created]
    lock_versions(kind, set(by_id) - set(created))
    lock_versions(kind, created, for_delete=True)
    states = load_states(kind, sorted(by_id))
    names = [column for name, column in COLUMNS.items() if name != "account" or kind == "responder"]
    for ids in chunks(sorted(by_id)):
        leads: dict[int, set[str]] = {}
        if kind == "user_group":
            for group, email in GroupLead.objects.filter(group__in=ids).values_list("group", "account__email"):
                leads.setdefault(group, set()).add(email)
        for pk, *values in ROOTS[kind].rows.filter(pk__in=ids).values_list("pk", *names):
            columns = {name.removesuffix("_id"): value for name, value in zip(names, values, strict=True)}
            by_id[pk].now = Current(states[pk], columns, frozenset(leads.get(pk, ())))
        later = ChangeRecord.objects.filter(model=kind, object_id__in=[pk for pk in ids if by_id[pk].created])
        for pk in later.exclude(cause=f"run:{run.pk}").values_list("object_id", flat=True):
            by_id[pk].edited = True
        _load_other_links(kind, [by_id[pk] for pk in ids if by_id[pk].created], run)


def _load_other_links(kind: EntityType, rows: Iterable[RecordedRow], run: SyncRun) -> None:
    """Note which of the created rows other sources, or other objects of this source, have been linked to since."""
    by_id = {row.row_id: row for row in rows}
    links = ExternalLink.objects.filter(**{f"{kind}__in": list(by_id)}).exclude(state=LinkState.IGNORED)
    for pk, state, *key in links.values_list(f"{kind}_id", "state", "connection_id", "external_id"):
        row = by_id[pk]
        if key not in [[run.connection_id, item.external_id] for item in row.items]:
            row.known = True
            row.followed |= state == LinkState.LINKED
