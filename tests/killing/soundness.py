"""What must hold after any fault, once the syncs ran again. Later work adds its own checks to ``CHECKS``."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.db.models import Count

from connectors.records import ENTITY_TYPES
from oncall.aggregates import Kind
from oncall.models import ChangeRecord, Reference
from oncall.selectors.states import load_states
from oncall.tables.base import Elements, Roots, local_id
from oncall.tables.kinds import ROOTS
from syncjobs.models import ACTIVE, ExternalLink, SyncRun
from tests.killing.failpoints import Failpoints
from tests.killing.stored_rows import OWN_RECORDS, changed_tables, read_rows
from tests.syncjobs.conftest import Sync

#: By kind and keys of its links, what a row means, without primary keys and versions.
Content = Mapping[Kind, Mapping[tuple[str, ...], Any]]


def rows_of_keys() -> dict[tuple[Kind, str], int]:
    """Return the row of each key, as the links say. A row that was merged is the row that replaced it."""
    merged: dict[tuple[Kind, int], int] = {
        (kind, pk): into
        for kind, roots in ROOTS.items()
        for pk, into in roots.rows.exclude(merged_into=None).values_list("pk", "merged_into")
    }
    found: dict[tuple[Kind, str], int] = {}
    for link in ExternalLink.objects.all():
        if link.row_id is not None:
            kind: Kind = link.entity_type  # type: ignore[assignment]
            row = link.row_id
            while (kind, row) in merged:
                row = merged[kind, row]
            found[kind, link.key] = row
    return found


def unfilled_references() -> Iterator[str]:
    """Yield each foreign key beside a key that is not the row that the links say."""
    rows = rows_of_keys()

    def expected(kind: Kind, key: str) -> int | None:
        local = local_id(key)
        return local if local is not None else rows.get((kind, key))

    for roots in ROOTS.values():
        tables: tuple[Roots | Elements, ...] = (roots, *roots.elements.values())
        for table in tables:
            for row in table.rows:
                for column in table.keys:
                    key, found = column.bare(getattr(row, column.key)), getattr(row, column.row_id)
                    if found != (expected(column.kind, key) if key else None):
                        yield f"{table.model.__name__} {row.pk}: {column.row} is {found} for {key!r}"
                sibling = getattr(table, "sibling", None)
                if sibling is not None and getattr(row, sibling.key) and getattr(row, sibling.row_id) is None:
                    yield f"{table.model.__name__} {row.pk}: {sibling.row} is empty for {getattr(row, sibling.key)!r}"
    for reference in Reference.objects.all():
        found = getattr(reference, f"{reference.kind}_id")
        if found != expected(reference.kind, reference.key):  # type: ignore[arg-type]
            yield f"Reference {reference.position}: {reference.kind} is {found} for {reference.key!r}"


def doubled(syncs: Sequence[Sync]) -> Iterator[str]:
    """Yield addresses that several people have, objects without exactly one link, and rows without a link."""
    emails = Counter(ROOTS["responder"].rows.filter(active=True).values_list("email_canonical", flat=True))
    yield from (f"{number} people have the address {email}" for email, number in emails.items() if number > 1)
    for sync in syncs:
        links = Counter(sync.connection.links.values_list("entity_type", "external_id"))
        for kind in ENTITY_TYPES:
            for record in sync.source.snapshot.records(kind):
                if links[kind, record.external_id] != 1:
                    yield f"{kind} {record.external_id} has {links[kind, record.external_id]} links"
    for kind, roots in ROOTS.items():
        linked = set(ExternalLink.objects.filter(entity_type=kind).values_list(f"{kind}_id", flat=True))
        if None in linked:
            yield f"a link of a {kind} has no row"
        yield from (f"{kind} {row} has no link" for row in roots.rows.exclude(pk__in=linked - {None}))


def repeated_records() -> Iterator[str]:
    """Yield aggregates with two change records of one cause, or that were not created exactly once."""
    twice = ChangeRecord.objects.values("model", "object_id", "cause").annotate(n=Count("pk")).filter(n__gt=1)
    yield from (f"{one['n']} change records of {one['model']} {one['object_id']} by {one['cause']}" for one in twice)
    for kind, roots in ROOTS.items():
        made = Counter(ChangeRecord.objects.filter(model=kind, action="create").values_list("object_id", flat=True))
        for pk in roots.rows.values_list("pk", flat=True):
            if made[pk] != 1:
                yield f"{kind} {pk} was created {made[pk]} times"


def active_runs() -> Iterator[str]:
    """Yield runs that still prevent others."""
    yield from (f"{run} is {run.state}" for run in SyncRun.objects.filter(state__in=ACTIVE))


def read_content() -> Content:
    """Return the on-call content by the keys of its links, and who writes it."""
    content: dict[Kind, dict[tuple[str, ...], Any]] = {}
    for kind, roots in ROOTS.items():
        links: dict[int, list[ExternalLink]] = {}
        for link in ExternalLink.objects.filter(entity_type=kind).order_by("key"):
            if link.row_id is not None:
                links.setdefault(link.row_id, []).append(link)
        states = load_states(kind, list(roots.rows.values_list("pk", flat=True)))
        content[kind] = {
            tuple(link.key for link in links.get(pk, ())): (
                state.fields,
                state.elements,
                [(link.key, link.state, link.primary) for link in links.get(pk, ())],
                {use.position: use.key for use in _references(roots, pk)},
            )
            for pk, state in states.items()
        }
    return content


def _references(roots: Roots, pk: int) -> Iterator[Reference]:
    if roots.reference_owner:
        yield from Reference.objects.filter(**{roots.reference_owner: pk})


def differences(expected: Content, found: Content) -> Iterator[str]:
    """Yield what differs between two contents."""
    for kind, rows in expected.items():
        for keys in sorted(rows.keys() | found[kind].keys()):
            before, after = rows.get(keys), found[kind].get(keys)
            if before is None or after is None:
                yield f"{kind} {'+'.join(keys)} is {'not expected' if before is None else 'missing'}"
            elif before != after:
                parts = ("fields", "elements", "links", "references")
                names = [name for name, old, new in zip(parts, before, after, strict=True) if old != new]
                yield f"{kind} {'+'.join(keys)} has other {', '.join(names)}"


def writes_of_another_sync(sync: Sync) -> Iterator[str]:
    """Sync once more; yield what it writes besides its own records."""
    before = read_rows()
    with Failpoints() as statements:
        run = sync.run()
    written = {table: number for table, number in statements.rows.items() if table not in OWN_RECORDS}
    changed = changed_tables(before, read_rows(), besides=OWN_RECORDS)
    if written or changed:
        yield f"another sync of {sync.connection} writes {written or changed}"
    if run.items.exists():
        yield f"another sync of {sync.connection} plans {[str(item) for item in run.items.all()][:5]}"


#: What holds in every database after these syncs ran again.
CHECKS: Final[dict[str, Callable[[Sequence[Sync]], Iterator[str]]]] = {
    "references": lambda syncs: unfilled_references(),
    "doubled": doubled,
    "records": lambda syncs: repeated_records(),
    "active": lambda syncs: active_runs(),
}


def assert_sound(syncs: Sequence[Sync], expected: Content | None) -> None:
    """Raise AssertionError with all that does not hold after these syncs ran. Another run of each must write nothing.

    expected: the content of undisturbed syncs; None if the fault ended in another state on purpose.
    """
    wrong = [f"{name}: {text}" for name, check in CHECKS.items() for text in check(syncs)]
    if expected is not None:
        wrong += [f"content: {text}" for text in differences(expected, read_content())]
    if not wrong:
        wrong = [f"second sync: {text}" for sync in syncs for text in writes_of_another_sync(sync)]
    assert not wrong, "; ".join(wrong)
