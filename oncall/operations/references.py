"""Writes the index of the keys inside layers and levels."""

from collections.abc import Sequence

from oncall.models import Reference
from oncall.operations.elements import Change
from oncall.operations.keys import Resolver
from oncall.tables.base import Roots, chunks


def rebuild(table: Roots, changes: Sequence[Change], resolver: Resolver) -> None:
    """Replaces the References of the changed rows. Rows that are already known for a key are kept.

    The old References are locked while they are read, so that a row which is filled in the meantime is kept, too.
    """
    found: dict[tuple[str, str], int] = {}
    for ids in chunks(change.row.pk for change in changes if not change.created):
        old = Reference.objects.filter(**{f"{table.reference_owner}__in": ids})
        for reference in old.select_for_update(no_key=True).order_by("pk"):
            target = getattr(reference, f"{reference.kind}_id")
            if target is not None:
                found[reference.kind, reference.key] = target
        old.delete()
    made = []
    for change in changes:
        for use in change.keys or ():
            target = resolver.id(use.kind, use.key) or found.get((use.kind, use.key))
            rows = {f"{table.reference_owner}_id": change.row.pk, f"{use.kind}_id": target}
            made.append(Reference(position=use.position, kind=use.kind, key=use.key, **rows))
    Reference.objects.bulk_create(made)
