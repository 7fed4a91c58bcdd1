"""Tests that the foreign key beside every key can be filled at any time, and that a key of a merged row leads on."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import F, Model, QuerySet, Value

from oncall.aggregates import Kind
from oncall.models import (
    EscalationPolicy,
    ExtraShift,
    GroupMember,
    Override,
    Reference,
    Responder,
    Schedule,
    Service,
    Substitution,
)
from oncall.models.root import Root
from oncall.operations import Actor, fill_references, follow_merges, merge
from oncall.operations.keys import Known, opened, references_to
from oncall.tables.kinds import ROOTS

pytestmark = pytest.mark.django_db
MakeRow = Callable[..., int]
SHIFT = {"starts_at": "2026-03-02T08:00:00Z", "ends_at": "2026-03-02T16:00:00Z"}
OVERRIDE = {**SHIFT, "sources": None, "replaces": "", "covers_gaps": True, "rank": 0}

Make = Callable[[MakeRow, str], int]
#: Model and key column (for References: the kind) -> the kind of the row, and how to make a row with that key.
PLACES: dict[tuple[type[Model], str], tuple[Kind, Make]] = {
    (GroupMember, "person_key"): (
        "responder",
        lambda make, key: make("user_group", {"members": {"3:T:P": {"person_key": key, "role": ""}}}),
    ),
    (Substitution, "by_key"): (
        "responder",
        lambda make, key: make(
            "responder", {"substitutions": {"3:P:S": {**SHIFT, "scope": None, "by_key": f"person:{key}"}}}
        ),
    ),
    (ExtraShift, "by_key"): (
        "responder",
        lambda make, key: make("schedule", {"extra_shifts": {"3:S:X": {**SHIFT, "by_key": f"person:{key}"}}}),
    ),
    (Override, "by_key"): (
        "responder",
        lambda make, key: make("schedule", {"overrides": {"3:S:O": {**OVERRIDE, "by_key": f"person:{key}"}}}),
    ),
    (Override, "replaces"): (
        "responder",
        lambda make, key: make(
            "schedule", {"overrides": {"3:S:O": {**OVERRIDE, "by_key": "vacant", "replaces": f"person:{key}"}}}
        ),
    ),
    (Schedule, "group_key"): ("user_group", lambda make, key: make("schedule", group_keys=[key])),
    (EscalationPolicy, "group_key"): ("user_group", lambda make, key: make("escalation_policy", group_key=key)),
    (Service, "group_key"): ("user_group", lambda make, key: make("service", group_key=key)),
    (EscalationPolicy, "part_of_key"): (
        "escalation_policy",
        lambda make, key: make("escalation_policy", part_of_key=key),
    ),
    (Service, "policy_key"): ("escalation_policy", lambda make, key: make("service", policy_key=key)),
    **{
        (Reference, kind): (
            kind,
            lambda make, key, kind=kind: make(
                "escalation_policy",
                levels={
                    "format": 1,
                    "levels": [{"wait": 5, "distribution": "everyone", "targets": [{"kind": kind, "key": key}]}],
                },
            ),
        )
        for kind in ("responder", "user_group", "schedule", "escalation_policy")
    },
}
every_place = pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: f"{place[0].__name__}-{place[1]}" if isinstance(place, tuple) else None
)


def known(kind: Kind, **rows: int) -> Known:
    """Returns the rows as a caller of fill_references would: with their keys."""
    ((key, pk),) = rows.items()
    found: QuerySet[Any] = ROOTS[kind].rows
    return found.filter(pk=pk).annotate(key=Value(f"3:{key}"), row=F("pk"))


def row_id(place: tuple[type[Model], str]) -> int | None:
    """Returns the foreign key beside the only key of a place."""
    model, column = place
    if model is Reference:
        return Reference.objects.values_list(column, flat=True).get(kind=column)
    table = next(t for roots in ROOTS.values() for t in (roots, *roots.elements.values()) if t.model is model)
    row = next(c.row for c in table.keys if c.key == column)
    return model._default_manager.values_list(row, flat=True).exclude(**{column: ""}).get()


def versions() -> list[tuple[str, int, int]]:
    roots = [m for m in apps.get_models() if issubclass(m, Root)]
    return [
        (m.__name__, pk, v) for m in roots for pk, v in m._default_manager.order_by("pk").values_list("pk", "version")
    ]


def test_the_table_of_places_has_every_key_column_and_every_kind_of_reference() -> None:
    columns = {
        (table.model, column.key)
        for roots in ROOTS.values()
        for table in (roots, *roots.elements.values())
        for column in table.keys
    }
    assert set(PLACES) == columns | {(Reference, kind) for kind in Reference.Kind.values}


@every_place
def test_an_open_reference_is_filled_once_its_key_is_known(make: MakeRow, place: tuple[type[Model], str]) -> None:
    kind, make_holder = PLACES[place]
    make_holder(make, "3:PNEW")
    target = make(kind, name="Target")
    before = versions()
    assert row_id(place) is None
    assert fill_references({kind: known(kind, POTHER=target)}) == 0
    assert fill_references({kind: known(kind, PNEW=target)}, ["3:POTHER"]) == 0
    assert row_id(place) is None
    assert fill_references({kind: known(kind, PNEW=target)}, ["3:PNEW"]) == 1
    assert row_id(place) == target
    assert fill_references({kind: known(kind, PNEW=target)}) == 0
    assert versions() == before


@every_place
def test_a_reference_to_a_merged_row_leads_to_the_row_it_became(
    make: MakeRow, tester: Actor, place: tuple[type[Model], str]
) -> None:
    kind, make_holder = PLACES[place]
    first, second, last = (make(kind, name=name) for name in ("First", "Second", "Last"))
    merge(kind, first, second, tester)
    merge(kind, second, last, tester)
    assert list(ROOTS[kind].rows.filter(pk__in=[first, second]).values_list("merged_into", flat=True)) == [last, last]
    make_holder(make, f"local:{first}")
    assert row_id(place) == last


@every_place
def test_a_merge_moves_the_references(make: MakeRow, tester: Actor, place: tuple[type[Model], str]) -> None:
    kind, make_holder = PLACES[place]
    loser, into = make(kind, name="Loser"), make(kind, name="Into")
    make_holder(make, "3:PNEW")
    fill_references({kind: known(kind, PNEW=loser)})
    before = versions()
    merge(kind, loser, into, tester)
    assert row_id(place) == into
    assert [v for v in versions() if v not in before] == [(ROOTS[kind].model.__name__, loser, 2)]


@every_place
def test_a_reference_that_a_merge_did_not_see_follows_it(
    make: MakeRow, tester: Actor, place: tuple[type[Model], str]
) -> None:
    kind, make_holder = PLACES[place]
    loser, into = make(kind, name="Loser"), make(kind, name="Into")
    merge(kind, loser, into, tester)
    make_holder(make, "3:PNEW")
    fill_references({kind: known(kind, PNEW=loser)})
    assert row_id(place) == loser
    assert follow_merges() == 1
    assert row_id(place) == into
    assert follow_merges() == 0


@pytest.mark.parametrize("kind", get_args(Kind))
def test_an_index_contains_only_the_open_references(kind: Kind) -> None:
    for rows, column in references_to(kind):
        names = {index.name for index in rows.model._meta.indexes if index.condition is not None}
        leave_no_other_index(rows.model)
        steps = opened(rows, column).explain()
        assert any(f" {name} " in steps for name in names), steps


def leave_no_other_index(model: type[Model]) -> None:
    """Make PostgreSQL use an index with a condition wherever it may.

    Its planner chooses by the statistics of the tables, which are different after each earlier test.
    The transaction of the test takes everything back.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for name, index in connection.introspection.get_constraints(cursor, model._meta.db_table).items():
            if index["index"] and not index["unique"] and "WHERE" not in definition(name):
                cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")


def definition(index: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [index])
        return str(cursor.fetchone()[0])


def test_a_person_who_is_unknown_or_nobody_is_no_open_reference(make: MakeRow) -> None:
    for number, holder in enumerate(("vacant", "unknown:3:PNEW")):
        make("schedule", {"overrides": {f"3:S:O{number}": {**OVERRIDE, "by_key": holder}}})
    target = make("responder")
    assert fill_references({"responder": known("responder", PNEW=target)}) == 0
    assert not Responder.objects.filter(overrides__isnull=False).exists()
