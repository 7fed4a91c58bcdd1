"""Names a run by what it is now."""

from syncjobs.models import ACTIVE, RunKind, RunState, SyncRun


def run_word(run: SyncRun) -> str:
    """Return what the run is: a plan until it is applied, then an import, with or without changes; or an undo."""
    if run.kind == RunKind.UNDO:
        return "Undo"
    if run.state in (RunState.SUCCEEDED, RunState.PARTIAL):
        written = any(counts.get("written") for counts in run.counts.values())
        return "Import" if written or run.state == RunState.PARTIAL else "Import without changes"
    applied = run.phase == "apply" if run.state in ACTIVE else any("written" in each for each in run.counts.values())
    return "Plan" if run.kind == RunKind.PLAN and not applied else "Import"
