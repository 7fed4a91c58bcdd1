"""Reads schedules again after a decision that takes effect with a read."""

from collections.abc import Sequence

from connectors.models import Connection
from connectors.records import EntityKey
from oncall.models import User
from syncjobs.errors import RunAlreadyActive
from syncjobs.models import Awaits, Conflict, RunKind, SyncProfile, SyncRun
from syncjobs.runs.start import add_objects, start


def start_read(
    connection: Connection, questions: Sequence[Conflict], by: User | None, *, notify: bool
) -> SyncRun | None:
    """Start a run that is limited to the schedules of these decided questions, which are stored.

    A limited run that no worker has begun reads these schedules, too. notify: False if the caller drives the run.
    Return None if another run is active: the end of that run starts the read.
    """
    only: list[EntityKey] = [("schedule", question.external_id) for question in questions]
    read: SyncRun | None
    try:
        profile = SyncProfile.objects.select_related("connection").get(connection=connection)
        read = start(profile, RunKind.APPLY, by=by, only=only, notify=notify)
    except RunAlreadyActive:
        read = add_objects(connection.pk, only)
    for question in questions:
        question.awaits = Awaits.READ if read is None else ""
    Conflict.objects.bulk_update(questions, ["awaits"])
    return read
