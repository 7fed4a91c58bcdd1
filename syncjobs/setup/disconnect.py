"""Disconnect a source and keep what was imported from it."""

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from connectors.models import Connection
from syncjobs.models import (
    ACTIVE,
    OPEN_PLAN,
    PRESENT_STATES,
    ROW_COLUMNS,
    Conflict,
    ConflictRow,
    ConflictState,
    ExternalLink,
    LinkState,
)
from syncjobs.runs.start import cancel


@transaction.atomic
def disconnect(connection: Connection) -> int:
    """Delete the credentials, end runs, plans and conflicts, and detach all links. Return the number of these links.

    Imported rows are not changed. Links of objects that were deleted here are kept, so that connecting again does not
    import these objects again. A question about equal names stays open if a connected source follows one of its rows:
    the next plan of that source judges it again.
    """
    for run in connection.runs.filter(state__in=[*ACTIVE, *OPEN_PLAN]):
        cancel(run)
    now = timezone.now()
    connection.credentials, connection.credentials_since = {}, None
    connection.disconnected_at = now
    connection.save(update_fields=["credentials", "credentials_since", "disconnected_at"])
    # Links are locked before questions, as a merge does it.
    links = ExternalLink.objects.filter(connection=connection, state__in=[LinkState.LINKED, LinkState.GONE])
    detached = links.update(state=LinkState.DETACHED, since=now, version=F("version") + 1)
    own_or_shared = Q(connection=connection) | Q(connection=None)
    open_questions = Conflict.objects.filter(own_or_shared, state__in=PRESENT_STATES)
    open_questions.exclude(pk__in=_followed(open_questions)).update(state=ConflictState.CLOSED, closed_at=now)
    return detached


def _followed(questions: "QuerySet[Conflict]") -> set[int]:
    """Return the questions about several rows of which one has a link of a connected source."""
    found: set[int] = set()
    for kind in ROW_COLUMNS:
        rows = ConflictRow.objects.filter(conflict__in=questions.filter(entity_type=kind, connection=None))
        links = ExternalLink.objects.filter(entity_type=kind, key=OuterRef("key"))
        connected = ExternalLink.objects.filter(connection__disconnected_at=None, entity_type=kind)
        linked = connected.filter(**{kind: OuterRef("row")})
        planned = Q(connection__isnull=False, connection__disconnected_at=None)
        rows = rows.annotate(row=Subquery(links.values(f"{kind}_id")[:1])).filter(Exists(linked) | planned)
        found |= set(rows.values_list("conflict", flat=True))
    return found
