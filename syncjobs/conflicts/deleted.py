"""Finds the user groups that owned rows which were deleted here, from the last values of their sources."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from connectors.records import entity_type_of
from oncall.aggregates import AGGREGATES, Kind
from oncall.tables.base import chunks
from syncjobs.models import ROW_COLUMNS, Conflict, ConflictKind, ExternalLink

#: The columns of ExternalLink that are all empty if the row was deleted.
_WITHOUT_ROW = Q(**{f"{kind}__isnull": True for kind in ROW_COLUMNS})


def owners_of_deleted(conflicts: Iterable[Conflict]) -> dict[int, str]:
    """Return the keys of the groups that own the deleted rows of these questions, by question.

    A row is created again with the owner that its source reports, so only this group is touched. Nothing refers to a
    deleted row, so no other group is concerned. A row without an owner is left out, and one of which not all values at
    the source are known, because the next sync may create it with another owner. Makes a query per 500 questions about
    deleted rows.
    """
    asked = {each.link_id: each for each in conflicts if each.kind == ConflictKind.DELETED_HERE and each.link_id}
    found: dict[int, str] = {}
    for piece in chunks(sorted(asked)):
        links = ExternalLink.objects.filter(_WITHOUT_ROW, pk__in=piece)
        for pk, fields in links.values_list("pk", "base__fields"):
            conflict = asked[pk]
            kind = entity_type_of(conflict.entity_type)
            key = _owner(kind, fields or {})
            if key and fields.keys() >= set(AGGREGATES[kind].fields):
                found[conflict.pk] = key
    return found


def _owner(kind: Kind, fields: Mapping[str, Any]) -> str:
    """Return the key of the group that owns a row with these values. The first group of a schedule owns it."""
    if kind == "schedule":
        return str(next(iter(fields.get("group_keys") or ()), ""))
    return str(fields.get("group_key") or "")
