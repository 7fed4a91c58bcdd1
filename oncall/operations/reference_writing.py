"""The index of what layers and levels name, rebuilt with them."""

from collections.abc import Sequence

from oncall.models import Reference
from oncall.operations.element_writing import Change
from oncall.operations.resolving import Resolver
from oncall.tables.base import Roots, chunks


def rebuild(table: Roots, changes: Sequence[Change], resolver: Resolver) -> None:
    """Gives the rows of ``changes`` the References that their JSON names now; what was known of a key stays known."""
    known: dict[tuple[str, str], int] = {}
    for ids in chunks(change.row.pk for change in changes if not change.created):
        old = Reference.objects.filter(**{f"{table.reference_owner}__in": ids})
        for reference in old:
            target = getattr(reference, f"{reference.kind}_id")
            if target is not None:
                known[reference.kind, reference.key] = target
        old.delete()
    made = []
    for change in changes:
        for name in change.names or ():
            target = resolver.id(name.kind, name.key) or known.get((name.kind, name.key))
            rows = {f"{table.reference_owner}_id": change.row.pk, f"{name.kind}_id": target}
            made.append(Reference(position=name.position, kind=name.kind, key=name.key, **rows))
    Reference.objects.bulk_create(made)
