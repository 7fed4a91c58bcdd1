"""Selects the conflicts that an account may see: with the permission all, as a lead those that concern a led group.

Which groups a conflict concerns is what :func:`syncjobs.conflicts.concerned.concerns` says.
"""

from typing import Any

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from connectors.records import entity_type_of
from oncall.aggregates import Kind
from oncall.selectors.visible import Viewer, acts_as_lead, may_view_all, visible_to
from oncall.tables.base import LOCAL, chunks
from oncall.tables.kinds import ROOTS
from syncjobs.conflicts.concerned import keys_of
from syncjobs.conflicts.deleted import owners_of_deleted
from syncjobs.models import ROW_COLUMNS, Conflict, ConflictKind, ConflictRow, ExternalLink
from syncjobs.planning.conflicts import NAMED_BY_EVIDENCE


def visible_conflicts(account: Viewer) -> "QuerySet[Conflict]":
    """Return the conflicts that the account may see.

    A conflict is visible to a lead if one of its rows is, or the group that owned its deleted row. For a lead this
    makes a query for the conflicts of which only the evidence names the rows, and two per 500 of these rows; and as
    many for those about deleted rows.
    """
    if may_view_all(account, Conflict):
        return Conflict.objects.all()
    if not acts_as_lead(account):
        return Conflict.objects.none()
    concerned = Q(pk__in=[*_named_by_evidence(account), *_deleted(account)])
    for kind in ROW_COLUMNS:
        links = _links(account, kind)
        of_link = links.filter(connection=OuterRef("connection"), external_id=OuterRef("external_id"))
        in_rows = Q(key__in=links.values("key")) | Q(key__in=_local_keys(account, kind))
        of_row = ConflictRow.objects.filter(in_rows, conflict=OuterRef("pk"))
        concerned |= Q(Exists(of_link) | Exists(of_row), entity_type=kind)
    return Conflict.objects.filter(concerned)


def _deleted(account: Viewer) -> list[int]:
    """Return the ids of the conflicts about deleted rows whose group is visible."""
    owners = owners_of_deleted(Conflict.objects.filter(kind=ConflictKind.DELETED_HERE))
    visible: set[str] = set()
    for piece in chunks(sorted(set(owners.values()))):
        visible |= set(_links(account, "user_group").filter(key__in=piece).values_list("key", flat=True))
        visible |= set(_local_keys(account, "user_group").filter(local__in=piece))
    return [pk for pk, key in owners.items() if key in visible]


def _links(account: Viewer, kind: Kind) -> "QuerySet[ExternalLink]":
    rows = visible_to(account, ROOTS[kind].rows.order_by())
    return ExternalLink.objects.filter(**{f"{kind}__in": rows.values("pk")}, entity_type=kind)


def _local_keys(account: Viewer, kind: Kind) -> "QuerySet[Any, str]":
    rows = visible_to(account, ROOTS[kind].rows.order_by())
    return rows.annotate(local=Concat(Value(LOCAL), Cast("pk", CharField()))).values_list("local", flat=True)


def _named_by_evidence(account: Viewer) -> list[int]:
    """Return the ids of the visible conflicts of which only the evidence names the rows."""
    named = {each: keys_of(each) for each in Conflict.objects.filter(kind__in=NAMED_BY_EVIDENCE)}
    visible: set[tuple[str, str]] = set()
    for kind in {entity_type_of(each.entity_type) for each in named}:
        keys = {key for each, of_each in named.items() if each.entity_type == kind for key in of_each}
        for piece in chunks(sorted(keys)):
            found = {*_links(account, kind).filter(key__in=piece).values_list("key", flat=True)}
            found |= {*_local_keys(account, kind).filter(local__in=piece)}
            visible |= {(kind, key) for key in found}
    return [each.pk for each, keys in named.items() if any((each.entity_type, key) in visible for key in keys)]
