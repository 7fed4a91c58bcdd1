"""Disconnect a source and keep what was imported from it."""

from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from connectors.models import Connection
from syncjobs.models import ACTIVE, OPEN_PLAN, Conflict, ConflictRow, ConflictState, ExternalLink, LinkState
from syncjobs.runs.start import cancel


@transaction.atomic
def disconnect(connection: Connection) -> int:
    """Delete the credentials, end runs, plans and conflicts, and detach all links. Return the number of these links.

    Imported rows are not changed. Links of objects that were deleted here are kept, so that connecting again does not
    import these objects again. A question about equal names stays open if it is about a row of a connected source: the
    next plan of that source judges it again.
    """
    for run in connection.runs.filter(state__in=[*ACTIVE, *OPEN_PLAN]):
        cancel(run)
    now = timezone.now()
    connection.credentials = {}
    connection.disconnected_at = now
    connection.save(update_fields=["credentials", "disconnected_at"])
    rows = ConflictRow.objects.filter(conflict=OuterRef("pk"), connection__isnull=False)
    open_questions = Conflict.objects.of_connection(connection.pk).filter(state=ConflictState.OPEN)
    unfollowed = open_questions.exclude(Exists(rows.filter(connection__disconnected_at=None)))
    unfollowed.update(state=ConflictState.CLOSED, closed_at=now)
    links = ExternalLink.objects.filter(connection=connection, state__in=[LinkState.LINKED, LinkState.GONE])
    return links.update(state=LinkState.DETACHED, since=now, version=F("version") + 1)
