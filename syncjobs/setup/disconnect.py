"""Disconnect a source and keep what was imported from it."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from connectors.models import Connection
from syncjobs.models import ACTIVE, OPEN_PLAN, Conflict, ConflictState, ExternalLink, LinkState
from syncjobs.runs.start import cancel


@transaction.atomic
def disconnect(connection: Connection) -> int:
    """Delete the credentials, end runs, plans and conflicts, and detach all links. Return the number of these links.

    Imported rows are not changed. Links of objects that were deleted here are kept, so that connecting again does not
    import these objects again.
    """
    for run in connection.runs.filter(state__in=[*ACTIVE, *OPEN_PLAN]):
        cancel(run)
    now = timezone.now()
    connection.credentials = {}
    connection.disconnected_at = now
    connection.save(update_fields=["credentials", "disconnected_at"])
    open_questions = Conflict.objects.filter(connection=connection, state=ConflictState.OPEN)
    open_questions.update(state=ConflictState.CLOSED, closed_at=now)
    links = ExternalLink.objects.filter(connection=connection, state__in=[LinkState.LINKED, LinkState.GONE])
    return links.update(state=LinkState.DETACHED, since=now, version=F("version") + 1)
