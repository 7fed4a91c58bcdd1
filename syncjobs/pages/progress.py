"""Where a run stands, in numbers and words."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from django.utils import timezone

from connectors.records import ENTITY_TYPES
from syncjobs.models import RunState, SyncRun
from syncjobs.pages.marks import ago, kind_words, state_mark
from syncjobs.runs.start import RING_AGAIN
from syncjobs.words.losses import loss_title

#: Words of ``SyncRun.counts`` in the order in which things happen; what happened to nothing is left out.
_COLUMNS: Final = (
    ("planned", "To do"),
    ("written", "Written"),
    ("skipped", "Skipped"),
    ("conflict", "Conflicts"),
    ("failed", "Failed"),
    ("stale", "Stale"),
    ("held", "Held"),
    ("unlisted", "Not listed, kept"),
)
_PHASES: Final = {
    "": "Starting.",
    "fetch": "Reading the source. Nothing is written there, ever.",
    "planned": "Comparing with what is here.",
    "apply": "Writing, each object whole.",
    "verify": "Comparing the schedules with the source's own rendering.",
}
_MOST_NOTES: Final = 20


def progress(run: SyncRun) -> dict[str, Any]:
    """What the moving part of the page shows. Costs no query."""
    counts = [_of_kind(run, kind) for kind in ENTITY_TYPES]
    shown = [(word, title) for word, title in _COLUMNS if any(row[word] for row in counts)]
    return {
        "run": run,
        "mark": state_mark(run),
        "next": _next(run),
        "columns": [title for _, title in shown],
        "table": [
            {
                "kind": kind_words(kind),
                "fetched": row["fetched"],
                "total": row["total"],
                "share": _share(row),
                "compared": row["compared"],
                "unchanged": row["unchanged"],
                "cells": [(title, row[word], word) for word, title in shown],
            }
            for kind, row in zip(ENTITY_TYPES, counts, strict=True)
        ],
        "times": [(word, moment, ago(moment)) for word, moment in _times(run) if moment],
    }


def totals(run: SyncRun) -> dict[str, int]:
    """The columns summed over all kinds."""
    rows = [_of_kind(run, kind) for kind in ENTITY_TYPES]
    return {word: sum(row[word] or 0 for row in rows) for word, _ in _COLUMNS}


def _of_kind(run: SyncRun, kind: str) -> dict[str, Any]:
    counts: Mapping[str, Any] = run.counts.get(kind, {})
    planned = sum(number for word, number in counts.items() if word.startswith("plan_") and word != "plan_failed")
    row = {word: counts.get(word, 0) for word, _ in _COLUMNS}
    told = {word: counts.get(word) for word in ("fetched", "total", "compared", "unchanged")}
    return {**row, **told, "planned": planned}


def _share(row: Mapping[str, Any]) -> int | None:
    """Percent fetched, None while the source has not told how many there are."""
    return min(100, 100 * row["fetched"] // row["total"]) if row["fetched"] is not None and row["total"] else None


def _times(run: SyncRun) -> tuple[tuple[str, Any], ...]:
    begun = ("started", run.started_at) if run.started_at else ("asked for", run.created_at)
    return (begun, ("ended", run.finished_at) if run.finished_at else ("planned", run.planned_at))


def _next(run: SyncRun) -> str:
    """What to do or expect now, where the run's own reason and hint do not say it."""
    now = timezone.now()
    match RunState(run.state):
        case RunState.QUEUED if now - run.created_at > RING_AGAIN:
            return "No worker has taken it yet. Start one with `make worker`; the run begins by itself then."
        case RunState.QUEUED:
            return "Waiting for a worker."
        case RunState.RUNNING | RunState.WAITING:
            return _PHASES.get(run.phase, "Working.")
        case RunState.AWAITING_REVIEW if run.plan_expires_at and run.plan_expires_at < now:
            return "This plan has expired: the source may have moved on. Nothing was written; plan again."
        case RunState.AWAITING_REVIEW:
            return (
                "Nothing was written yet. Look through the items below, untick what should wait, then apply the plan. "
                "What was changed here or at the source in the meantime is left alone and listed as stale."
            )
        case RunState.SUCCEEDED:
            return "Everything went through." if totals(run)["written"] else "Nothing had to be changed."
        case RunState.SUPERSEDED:
            return "A newer plan replaced this one. Nothing of this one was written."
    return ""


def grouped_notes(run: SyncRun) -> list[dict[str, Any]]:
    """What the mapping could not take over exactly, by code: how often, and the first few."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for note in run.notes:
        groups[note["code"]].append(note)
    return [
        {
            "title": loss_title(code, notes[0]["message"]),
            "count": len(notes),
            "more": max(0, len(notes) - _MOST_NOTES),
            "notes": [
                {
                    "about": f"{kind_words(note['entity_type'], plural=False)} {note['external_id'] or ''}".strip(),
                    "message": note["message"],
                }
                for note in notes[:_MOST_NOTES]
            ],
        }
        for code, notes in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    ]


def incomplete(run: SyncRun) -> list[tuple[str, str]]:
    """(kind, reason) of the listings that were not read to their end: nothing counts as absent there."""
    return [
        (kind_words(kind), told["reason"])
        for kind, told in run.completeness.items()
        if not told["listing"] and told["reason"]
    ]
