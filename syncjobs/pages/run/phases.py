"""The phases of a sync with their times, as a line of steps."""

from datetime import datetime
from typing import Final

from oncall.parts import Step, StepState
from syncjobs.models import OPEN_PLAN, RunKind, RunState, SyncRun
from syncjobs.words.values import span

_DONE: Final = (RunState.SUCCEEDED, RunState.PARTIAL)


def phases(run: SyncRun) -> tuple[Step, ...]:
    """Return the phases of a plan or an import; none of a decision or an undo, which is one transaction."""
    if run.kind in (RunKind.DECISION, RunKind.UNDO):
        return ()
    reviewed = (_review(run),) if run.kind == RunKind.PLAN or run.state in OPEN_PLAN else ()
    return (_wait(run), _read(run), *reviewed, *_written(run))


def _wait(run: SyncRun) -> Step:
    if run.started_at is None:
        return Step("Wait for a worker", "now" if run.is_active else "failed", note=f"since {_clock(run.created_at)}")
    return Step("Wait for a worker", "done", note=_length(run.created_at, run.started_at))


def _read(run: SyncRun) -> Step:
    title = "Read and compare"
    if run.planned_at is not None and run.started_at is not None:
        return Step(title, "done", note=f"{_length(run.started_at, run.planned_at)}, until {_clock(run.planned_at)}")
    if run.started_at is None:
        return Step(title, "next")
    ended = "" if run.finished_at is None else f", ended {_clock(run.finished_at)}"
    return Step(title, "now" if run.is_active else "failed", note=f"since {_clock(run.started_at)}{ended}")


def _review(run: SyncRun) -> Step:
    if run.has_open_plan:
        until = "" if run.plan_expires_at is None else f"until {run.plan_expires_at:%-d %b %H:%M} UTC"
        return Step("Review", "now", note=until)
    if run.planned_at is None:
        return Step("Review", "next")
    ended_open = run.state in (RunState.SUPERSEDED, RunState.CANCELLED) and not _wrote(run)
    return Step("Review", "failed" if ended_open else "done")


def _written(run: SyncRun) -> tuple[Step, Step]:
    """Return the steps of writing and of the comparison at the end. Neither has a time of its own but the end."""
    ended = "" if run.finished_at is None else f"ended {_clock(run.finished_at)}"
    if run.planned_at is not None and run.finished_at is not None and run.kind == RunKind.APPLY:
        ended = f"{_length(run.planned_at, run.finished_at)}, {ended}"
    writing: StepState
    comparing: StepState
    if run.state in _DONE:
        writing, comparing = "done", "done"
    elif run.is_active:
        writing = {"apply": "now", "verify": "done"}.get(run.phase, "next")  # type: ignore[assignment]
        comparing = "now" if run.phase == "verify" else "next"
    else:
        writing, comparing = ("failed" if run.phase in ("apply", "verify") else "next"), "next"
    compare = Step("Compare with the source", comparing, note=ended if comparing == "done" else "")
    return Step("Write", writing, note=ended if writing == "failed" else ""), compare


def _wrote(run: SyncRun) -> bool:
    return any(counts.get("written") for counts in run.counts.values())


def _length(since: datetime, until: datetime) -> str:
    return span(max(0, round((until - since).total_seconds())))


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
