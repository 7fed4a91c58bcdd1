"""The progress of a run in numbers and words."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.utils import timezone

from connectors.records import ENTITY_TYPES
from oncall.selectors.visible import Viewer
from syncjobs.models import RunKind, RunState, SyncRun
from syncjobs.pages.marks import ago, kind_words, started, state_mark
from syncjobs.pages.run.loading import asked_questions
from syncjobs.pages.run.phases import phases
from syncjobs.words.losses import loss_title
from syncjobs.words.names import Names
from syncjobs.words.runs import run_word

#: Words of ``SyncRun.counts`` and their titles, in the order in which things happen. Columns of zeros are not shown.
#: The number of questions is not among them, because it changes after the run: see :func:`asked_questions`.
_COLUMNS: Final = (
    ("planned", "To do"),
    ("written", "Written"),
    ("skipped", "Skipped"),
    ("failed", "Failed"),
    ("stale", "Stale"),
    ("held", "Held"),
    ("unlisted", "Not listed, kept"),
    ("unreached", "Not reached, kept"),
)
_WORDS: Final = (*(word for word, _ in _COLUMNS), "conflict")
#: Words of ``SyncRun.counts`` and the filter that shows the same items.
_FILTERS: Final[Mapping[str, Mapping[str, str]]] = {
    "written": {"outcome": "applied"},
    "skipped": {"outcome": "skipped"},
    "failed": {"outcome": "failed"},
    "stale": {"outcome": "stale"},
}
_PHASES: Final = {
    "": "Starting.",
    "fetch": "Reading the source. Nothing is ever written there.",
    "planned": "Comparing the source with this site.",
    "apply": "Writing. Each object is written completely or not at all.",
    "verify": "Comparing the schedules with the source's own rendering.",
}
_MOST_NOTES: Final = 20


def progress(run: SyncRun, viewer: Viewer) -> dict[str, Any]:
    """Return the context of the progress card, which the page reloads while the run is active.

    run: as :func:`syncjobs.pages.run.loading.with_figures` returns it. Makes no query.
    """
    asked = asked_questions(run, viewer)
    counts = [_counts_of(run, kind) for kind in ENTITY_TYPES]
    shown = [(word, title) for word, title in _COLUMNS if any(row[word] for row in counts)]
    return {
        "run": run,
        "word": run_word(run),
        "mark": state_mark(run),
        "started": started(run),
        "next": _next_step(run),
        "columns": [title for _, title in shown],
        "has_questions": bool(asked),
        "table": [
            {
                "kind": kind_words(kind),
                "fetched": row["fetched"],
                "total": row["total"],
                "label": f"{kind_words(kind).capitalize()} fetched",
                "compared": row["compared"],
                "unchanged": row["unchanged"],
                "cells": [(title, row[word], word, _items_query(kind, word)) for word, title in shown],
                "asked": asked.get(kind),
            }
            for kind, row in zip(ENTITY_TYPES, counts, strict=True)
            if run.is_active or run.counts  # a decision, and a run that read nothing, have no numbers
        ],
        "compared_more": not run.is_active and any((row["compared"] or 0) > (row["fetched"] or 0) for row in counts),
        "phases": phases(run),
        "times": [(word, moment, ago(moment)) for word, moment in _times(run) if moment],
    }


def _items_query(kind: str, word: str) -> str:
    """Return the query of the items that a number counts; empty if no filter shows exactly these."""
    return urlencode({"kind": kind, **_FILTERS[word]}) if word in _FILTERS else ""


def totals(run: SyncRun) -> dict[str, int]:
    """Return the sum of each column over all kinds, and as ``conflict`` the number of questions that the run asked."""
    rows = [_counts_of(run, kind) for kind in ENTITY_TYPES]
    return {word: sum(row[word] or 0 for row in rows) for word in _WORDS}


def _counts_of(run: SyncRun, kind: str) -> dict[str, Any]:
    counts: Mapping[str, Any] = run.counts.get(kind, {})
    planned = sum(number for word, number in counts.items() if word.startswith("plan_") and word != "plan_failed")
    row = {word: counts.get(word, 0) for word in _WORDS}
    fetched = {word: counts.get(word) for word in ("fetched", "total", "compared", "unchanged")}
    return {**row, **fetched, "planned": planned}


def _times(run: SyncRun) -> tuple[tuple[str, Any], ...]:
    begun = ("began", run.started_at) if run.started_at else ("requested", run.created_at)
    return (begun, ("ended", run.finished_at) if run.finished_at else ("planned", run.planned_at))


def _next_step(run: SyncRun) -> str:
    """Say what to do or to expect now. Empty where the run's own reason and hint say it."""
    now = timezone.now()
    match RunState(run.state):
        case RunState.QUEUED if run.started_at is not None:
            return "Waiting for a worker. The run goes on by itself where it stopped, as soon as one takes it."
        case RunState.QUEUED:
            return "Waiting for a worker. The run begins by itself as soon as one takes it."
        case RunState.WAITING:
            due = "" if run.due_at is None else f" at {run.due_at:%H:%M:%S} UTC"
            return f"Waiting until the source allows more requests. The run goes on by itself{due}."
        case RunState.RUNNING:
            return _PHASES.get(run.phase, "Working.")
        case RunState.AWAITING_REVIEW if run.plan_expires_at and run.plan_expires_at < now:
            return "This plan has expired, because the source may have changed since. Nothing was written. Plan again."
        case RunState.AWAITING_REVIEW:
            return (
                "Nothing was written yet. Look through the items below, untick what should wait, then apply the plan. "
                "Objects that are changed here or at the source before that are not written; they are listed as stale."
            )
        case RunState.SUCCEEDED if run.kind == RunKind.DECISION and not totals(run)["written"]:
            return "The question was answered. No row was changed."
        case RunState.SUCCEEDED:
            return _applied(totals(run))
        case RunState.SUPERSEDED:
            return "A newer plan replaced this plan. Nothing of this plan was written."
    return ""


def _applied(sums: Mapping[str, int]) -> str:
    """Say what a run that succeeded has applied."""
    if sums["skipped"]:
        return "Everything was applied, except the skipped items." if sums["written"] else "All items were skipped."
    return "Everything was applied." if sums["written"] else "Nothing to do: nothing had to be changed."


def grouped_notes(run: SyncRun, names: Names) -> list[dict[str, Any]]:
    """Return what was not imported exactly: for each code the number of notes and the first of them.

    Call it once to request the names of the objects, load them, and call it again.
    """
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
                    "about": _about(run, note, names),
                    "message": note["message"],
                }
                for note in notes[:_MOST_NOTES]
            ],
        }
        for code, notes in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    ]


def _about(run: SyncRun, note: Mapping[str, Any], names: Names) -> str:
    """Return the kind and the name of the object of a note; its id if no name is known."""
    kind, external_id = note["entity_type"], note["external_id"] or ""
    name = external_id and names.find(kind, f"{run.connection_id}:{external_id}")
    return f"{kind_words(kind, plural=False)} {name or external_id}".strip()


@dataclass(frozen=True, slots=True)
class ListRead:
    """What a page says about a list that was not read to its end. is_fault: whether it failed or was cut."""

    sentence: str
    is_fault: bool


def incomplete_lists(run: SyncRun) -> list[ListRead]:
    """Return a sentence for each list that was not read to its end, and for linked objects that were not reached."""
    found = []
    for kind, completeness in run.completeness.items():
        unreached, reason = completeness.get("unreached", {}), completeness["reason"]
        by_design = completeness.get("by_design", False)
        for why, number in unreached.items():
            were = (
                "was not reached by this read, so it is kept"
                if number == 1
                else ("were not reached by this read, so they are kept")
            )
            sentence = f"{number} {kind_words(kind, plural=number > 1)} {were} unchanged: {why}".strip(": ")
            found.append(ListRead(sentence, is_fault=not (by_design and why == reason)))
        if completeness["listing"] or not reason or reason in unreached:
            continue
        if by_design:
            found.append(ListRead(f"{reason} All other {kind_words(kind)} count as unchanged.", is_fault=False))
        else:
            sentence = (
                f"The list of {kind_words(kind)} was not read completely: {reason} "
                "Objects that are missing from it count as unchanged."
            )
            found.append(ListRead(sentence, is_fault=True))
    return found
