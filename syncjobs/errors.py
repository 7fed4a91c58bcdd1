"""Errors of runs that do not come from a source."""

from syncjobs.models import SyncRun


class RunAlreadyActive(Exception):
    """The connection already has an active run, which is ``run``."""

    def __init__(self, run: SyncRun) -> None:
        super().__init__(f"{run} is already {run.get_state_display()}. Watch or cancel it first.")
        self.run = run


class UndoRefused(Exception):
    """A run cannot be undone, or not now. Nothing was written. ``code``: why, in one word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StalePlan(Exception):
    """A stored plan can no longer be applied. Nothing was written."""


class RulesChanged(StalePlan):
    """The selection or the rules changed after the plan was made. The plan waits until somebody confirms it."""
