"""Fill the foreign keys beside keys from the links. They can be derived from the links at any time."""

from collections.abc import Iterable
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce

from connectors.records import ENTITY_TYPES, entity_type_of
from oncall.aggregates import Kind
from oncall.operations import fill_references, follow_merges
from syncjobs.models import ROW_COLUMNS, ExternalLink, RunState, SyncRun
from syncjobs.planning.values import element_key

#: States in which a run has not written anything yet, or has written everything that it planned.
_COMPLETE = frozenset({RunState.AWAITING_REVIEW, RunState.HELD, RunState.SUPERSEDED, RunState.SUCCEEDED})


def fill_from_links(kind: Kind, links: Iterable[ExternalLink]) -> int:
    """Fill the open references to the objects of these links, which are new; return their number."""
    keys = [element_key(link.connection_id, link.external_id) for link in links]
    return fill_references({kind: _known(kind)}, keys) if keys else 0


def repair_references(connection_id: int | None = None) -> int:
    """Fill all open references whose row is known, and follow merged rows; return how many changed.

    connection_id: fill only references to objects of this connection. A second call changes nothing. References in rows
    that another transaction has locked are left to the next call.
    """
    start = "" if connection_id is None else element_key(connection_id, "")
    return fill_references({kind: _known(kind) for kind in ENTITY_TYPES}, start=start) + follow_merges()


def repair_after(run: SyncRun) -> int:
    """Repair the references to objects of a run's connection after a run that wrote something or did not succeed.

    Return how many changed.
    """
    wrote = any(counts.get("written") for counts in run.counts.values())
    return repair_references(run.connection_id) if wrote or run.state not in _COMPLETE else 0


def known_rows(connection_id: int) -> dict[tuple[Kind, str], int]:
    """Return the rows of all keys of a connection, in one query. A merged row is the row it became."""
    merged = (f"{kind}__merged_into_id" for kind in ROW_COLUMNS)
    links = ExternalLink.objects.filter(connection_id=connection_id).annotate(row=Coalesce(*merged, *ROW_COLUMNS))
    rows = links.filter(row__isnull=False).values_list("entity_type", "key", "row")
    return {(entity_type_of(name), key): row for name, key, row in rows}


def _known(kind: Kind) -> QuerySet[ExternalLink, Any]:
    """Return the links that have a row, with its primary key as ``row``. A merged row is the row it became."""
    links = ExternalLink.objects.filter(entity_type=kind, **{f"{kind}__isnull": False})
    return links.annotate(row=Coalesce(F(f"{kind}__merged_into_id"), F(f"{kind}_id")))
