"""The traces of the objects to which a run is limited, with what became of each."""

from typing import Any

from django.db.models import Q

from syncjobs.models import Outcome, SyncItem, SyncRun
from syncjobs.pages.run.items import add_created_rows
from syncjobs.planning.trace import STEPS
from syncjobs.words.names import Names


def traces_of(run: SyncRun, names: Names | None = None) -> list[dict[str, Any]]:
    """Return ``{"entity_type", "external_id", "label", "steps": [{"step", "text"}]}`` of each object.

    label: the name of the object at the source or here; its id if no name is known. Empty if the run is not limited or
    has no plan yet. Makes at most two queries, and those of ``names``, which the page shares with others.
    """
    stored = run.scope.get("trace", [])
    if not stored:
        return []
    of_these = Q()
    for kind, external_id, _ in stored:
        of_these |= Q(entity_type=kind, external_id=external_id)
    rows = list(SyncItem.objects.filter(of_these, run=run))
    add_created_rows(run, rows)
    names = Names(run) if names is None else names
    items = {(item.entity_type, item.external_id): item for item in rows}
    for kind, external_id, _ in stored:
        if (kind, external_id) not in items:
            names.find(kind, f"{run.connection_id}:{external_id}")
    names.load()
    found = []
    for kind, external_id, steps in stored:
        item = items.get((kind, external_id))
        texts = {**steps, STEPS[-1]: _written(run, item)}
        name = names.find(kind, f"{run.connection_id}:{external_id}") if item is None else item.label
        steps_in_order = [{"step": step, "text": texts[step]} for step in STEPS]
        found.append(
            {"entity_type": kind, "external_id": external_id, "label": name or external_id, "steps": steps_in_order}
        )
    return found


def _written(run: SyncRun, item: SyncItem | None) -> str:
    if item is None:
        return "There is nothing to write."
    if item.outcome == Outcome.APPLIED:
        return f"It was written: row {item.row_id}." if item.row_id else "It was written."
    if item.outcome == Outcome.NONE:
        return "It waits for the review of the plan." if run.has_open_plan else "It was not written."
    reason = f": {item.reason}" if item.reason else "."
    return f"It was not written ({item.outcome}){reason}"
