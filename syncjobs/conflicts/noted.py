"""Finds what the last reads noted about the object of a question."""

from typing import Final

from syncjobs.models import Conflict, SyncRun

#: In how many of the last runs of the connection notes are searched.
LAST_RUNS: Final = 3


def notes_of(conflict: Conflict) -> tuple[str, ...]:
    """Return the messages of the last run that noted the code of the question about its object. Makes one query."""
    runs = SyncRun.objects.filter(connection=conflict.connection_id, planned_at__isnull=False).order_by("-pk")
    wanted = (conflict.entity_type, conflict.external_id, conflict.evidence["code"])
    for notes in runs.values_list("notes", flat=True)[:LAST_RUNS]:
        found = [
            note["message"] for note in notes if (note["entity_type"], note["external_id"], note["code"]) == wanted
        ]
        if found:
            return tuple(found)
    return ()
