"""Finds the linked objects that a read lacks, to request them by their id: the proof that they are gone."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from connectors.base import Sought
from connectors.presence import Presences
from connectors.records import Snapshot, entity_type_of
from oncall.tables.base import source_of
from syncjobs.models import ExternalLink, LinkState
from syncjobs.planning.missing.unlisted import BETWEEN_SIGHTINGS, PROVED

#: One read requests at most this many objects by their id; the next read requests the others.
MOST_SOUGHT: Final = 20


def missing_objects(connection_id: int, snapshot: Snapshot) -> list[Sought]:
    """Return the linked objects that a complete list lacks, and that are not proved to be gone.

    Second sightings that are due come first, then first sightings, and the kinds in turn, so that each list is checked.
    The others come last: a reviewer may tick them, which needs what the source says now. Makes one query, and another
    one if objects are missing.
    """
    presences, at = Presences(snapshot), datetime.fromtimestamp(snapshot.fetched_at, UTC)
    links = ExternalLink.objects.filter(connection=connection_id, state=LinkState.LINKED, missing_count__lt=PROVED)
    found: list[tuple[int, int, int]] = []
    turns: Counter[tuple[str, int]] = Counter()
    for pk, name, external_id, count, first in links.order_by("pk").values_list(
        "pk", "entity_type", "external_id", "missing_count", "first_missing"
    ):
        if presences.of(entity_type_of(name), external_id).state == "absent":
            since = first.get("at")
            is_second = count > 0 and (not since or at - datetime.fromisoformat(since) >= BETWEEN_SIGHTINGS)
            rank = 0 if is_second else 1 if count == 0 else 2
            turns[name, rank] += 1
            found.append((rank, turns[name, rank], pk))
    chosen = [pk for _, _, pk in sorted(found)[:MOST_SOUGHT]]
    if not chosen:
        return []
    rows = ExternalLink.objects.filter(pk__in=chosen).order_by("pk").values_list("entity_type", "external_id", "base")
    return [Sought(entity_type_of(name), external_id, _groups(base)) for name, external_id, base in rows]


def _groups(base: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the groups of an object, as its source last reported them."""
    fields = base.get("fields", {})
    keys = [fields.get("part_of_key"), fields.get("group_key"), *fields.get("group_keys", ())]
    return tuple(dict.fromkeys(key.removeprefix(f"{source_of(key)}:") for key in keys if key))
