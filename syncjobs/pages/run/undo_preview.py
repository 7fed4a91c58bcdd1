"""What the page of an undo shows before anything is written."""

from typing import Any, Final

from oncall.masking import without_addresses
from syncjobs.models import Outcome, RunKind
from syncjobs.pages.marks import kind_words
from syncjobs.undoing.undo import Undone

MOST_SHOWN: Final = 500


def undo_context(undone: Undone, *, with_addresses: bool) -> dict[str, Any]:
    """Return the context of the page. with_addresses: False hides the addresses of people."""
    rows = [
        {
            "kind": kind_words(item.entity_type, plural=False),
            "label": item.label,
            "change": item.change,
            "reason": item.reason,
        }
        for item in undone.items[:MOST_SHOWN]
    ]
    is_decision = undone.undoes.kind == RunKind.DECISION
    return {
        "run": undone.undoes,
        "is_decision": is_decision,
        "sentence": "The rows and links that the answer changed get their former values."
        if is_decision
        else "What the run created is deleted, and what it changed gets its former values.",
        "rows": rows if with_addresses else without_addresses(rows),
        "hidden": len(undone.items) - len(rows),
        "total": len(undone.items),
        "undone": sum(item.outcome == Outcome.APPLIED for item in undone.items),
        "partial": sum(item.is_partial for item in undone.items),
        "shown": undone.shown,
    }
