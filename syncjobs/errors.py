"""What stops a sync before or beside the source."""

from syncjobs.models import SyncRun


class RunAlreadyActive(Exception):
    """The connection has an active run. ``run`` is that one: link to it instead of starting another."""

    def __init__(self, run: SyncRun) -> None:
        super().__init__(f"{run} is {run.get_state_display()} already; watch it or cancel it first.")
        self.run = run


class StalePlan(Exception):
    """A stored plan that may not be applied any more. Nothing was written."""
