"""What a worker needs to know of a run that another worker began to apply."""

from collections.abc import Callable, Mapping
from typing import Final

from connectors.records import ENTITY_TYPES, entity_type_of
from oncall.aggregates import Kind
from syncjobs.models import Outcome, SyncItem, SyncRun
from syncjobs.planning.values import element_key
from syncjobs.runs.claim import Claim
from syncjobs.runs.stored.plan import OVER
from syncjobs.runs.stored.references import known_rows

#: The word of the counts for each outcome of an item.
COUNTERS: Final = {
    Outcome.APPLIED: "written",
    Outcome.SKIPPED: "skipped",
    Outcome.FAILED: "failed",
    Outcome.STALE: "stale",
    Outcome.DEFERRED: "held",
}
_REMOVED: Final = ("removed", "deactivated")
#: Words that the plan counts, too.
_PLANNED: Final = ("skipped", "failed")


def count_removals(kind: Kind, item: SyncItem, add: Callable[[Kind, str, int], None]) -> None:
    """Count what an applied item removed, and whether a part of it is still held."""
    changes = item.changes
    held, approved = changes.get("held", {}), item.held_ticked
    if held and not approved:
        add(kind, "held", 1)
    parts = [changes.get("elements", {}), held if approved else {}]
    removed = sum(new is None for part in parts for elements in part.values() for _, new in elements.values())
    if removed:
        add(kind, "removed", removed)
    if changes.get("fields", {}).get("active", [False, True]) == [True, False]:
        add(kind, "deactivated", 1)


def counted_by_plan(claim: Claim) -> dict[str, dict[str, int]]:
    """Return what the plan has counted of the words that applying counts, too. Kinds without any are missing."""
    found = {
        kind: {word: counts[word] for word in _PLANNED if counts.get(word)} for kind, counts in claim.counts.items()
    }
    return {kind: counts for kind, counts in found.items() if counts}


def recount(run: SyncRun, claim: Claim) -> dict[tuple[Kind, int], str]:
    """Count the outcomes of the items again: the counts of the last batch were lost with its worker.

    Return the keys of the rows that the run has created.
    """
    planned = run.checkpoint.get("counted", {})
    for kind in ENTITY_TYPES:
        for word in (*COUNTERS.values(), *_REMOVED):
            claim.counts[kind].pop(word, None)
        claim.counts[kind] |= planned.get(kind, {})
    rows: Mapping[tuple[Kind, str], int] | None = None
    created: dict[tuple[Kind, int], str] = {}
    done = run.items.exclude(outcome=Outcome.NONE).exclude(action__in=OVER)
    for item in done.only("entity_type", "external_id", "action", "outcome", "changes", "held_ticked").iterator():
        kind = entity_type_of(item.entity_type)
        claim.add(kind, COUNTERS[Outcome(item.outcome)])
        if item.outcome != Outcome.APPLIED:
            continue
        count_removals(kind, item, claim.add)
        if item.action == "create":
            rows = known_rows(run.connection_id) if rows is None else rows
            key = element_key(run.connection_id, item.external_id)
            if (row_id := rows.get((kind, key))) is not None:
                created[kind, row_id] = key
    return created
