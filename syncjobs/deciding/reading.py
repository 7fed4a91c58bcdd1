"""Reads schedules again after a decision that takes effect with a read."""

from collections.abc import Iterable

from connectors.models import Connection
from oncall.models import User
from syncjobs.errors import RunAlreadyActive
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.runs.start import start


def start_read(connection: Connection, schedules: Iterable[str], by: User | None, *, notify: bool) -> SyncRun | None:
    """Start a run that is limited to these schedules, given by their ids at the source.

    notify: False if the caller drives the run. Return None if another run is active: the next sync reads them.
    """
    try:
        return start(
            SyncProfile.objects.select_related("connection").get(connection=connection),
            RunKind.APPLY,
            by=by,
            only=[("schedule", external_id) for external_id in schedules],
            notify=notify,
        )
    except RunAlreadyActive:
        return None
