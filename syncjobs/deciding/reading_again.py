"""Reads the objects of a decision again, whose values must come from the source."""

from connectors.records import entity_type_of
from oncall.models import User
from syncjobs.deciding.decide import Decided
from syncjobs.errors import RunAlreadyActive
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.runs.start import start


def read_again(decided: Decided, by: User | None) -> SyncRun | None:
    """Start the run that a decision needs, for a worker. Return None if it needs none, or if the connection has an
    active run: the next sync reads these objects then.
    """
    if not decided.applied or not decided.outcome.reads or decided.connection.disconnected_at is not None:
        return None
    kind = entity_type_of(decided.conflict.entity_type)
    only = [(kind, external_id) for external_id in decided.outcome.reads]
    try:
        return start(SyncProfile.objects.get(connection=decided.connection), RunKind.APPLY, by=by, only=only)
    except RunAlreadyActive:
        return None
