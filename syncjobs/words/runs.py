"""Names a run by what it is now."""

from syncjobs.models import ACTIVE, RunKind, RunState, SyncRun


def run_word(run: SyncRun) -> str:
    """Return what the run is: a plan until it is applied, then an import, with or without changes.

    Or it is an undo or a decision.
    """
    if run.kind in (RunKind.UNDO, RunKind.DECISION):
        return "Undo" if run.kind == RunKind.UNDO else "Decision"
    written = objects_written(run)
    if run.state == RunState.AWAITING_REVIEW:
        return "Plan"
    if run.state in ACTIVE:
        return "Import" if run.phase == "apply" or run.kind != RunKind.PLAN else "Plan"
    if run.state == RunState.SUCCEEDED and not written:
        return "Import without changes"
    return "Import" if written or run.kind != RunKind.PLAN else "Plan"


def objects_written(run: SyncRun) -> int:
    """Return the number of objects that a run wrote."""
    return sum(counts.get("written", 0) for counts in run.counts.values())


def titled(run: SyncRun) -> str:
    """Return the title of the page of a run, such as ``Import of acme, run 12``."""
    return f"{run_word(run)} of {run.connection}, run {run.pk}"
