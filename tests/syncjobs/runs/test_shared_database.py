"""What a sync reads does not depend on the rows of other sources in the database: counted, not timed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import transaction

from connectors.records import Snapshot, SourceMember, SourceTeam
from oncall.aggregates import Draft
from oncall.models import Responder
from oncall.operations import write
from oncall.tables.base import CHUNK
from scripts.bench.database import Counted
from scripts.bench.foreign import add_foreign
from scripts.bench.shared import with_open_questions
from syncjobs.models import RunState
from syncjobs.runs import claim
from tests.syncjobs.conftest import BY, Sync, layer, policy, schedule, user, world

FOREIGN = 500


@pytest.fixture(autouse=True)
def no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is written by the clock: never, so that the statements can be counted."""
    monkeypatch.setattr(claim, "SHORTEST_PAUSE", float("inf"))


def _nothing(sync: Sync) -> None:
    """Change nothing."""


def _people(number: int) -> Callable[[Sync], None]:
    def add(sync: Sync) -> None:
        new = tuple(user(f"N{n}", f"New{n}") for n in range(number))
        members = tuple(SourceMember(person.external_id, "responder") for person in new)
        team = sync.source.snapshot.teams[0]
        sync.source.change(users=(*sync.source.snapshot.users, *new), teams=(replace(team, members=members),))

    return add


def _names(sync: Sync) -> None:
    before: Snapshot = sync.source.snapshot
    sync.source.change(
        teams=(*before.teams, SourceTeam("T2", "New group", members=())),
        schedules=(*before.schedules, schedule("S2", "New schedule", layer("U1"))),
        policies=(replace(before.policies[0], name="Another name"), policy("P2", "New policy")),
    )


def _edit_here(sync: Sync) -> None:
    row = Responder.objects.get(links__external_id="U3")
    write("responder", [Draft({"title": "Edited here"}, id=row.pk, version=row.version)], by=BY)


def _counts(sync: Sync, change: Callable[[Sync], None], foreign: int) -> tuple[int, int]:
    """Return the statements and the fetched rows of a sync after the change. The database stays as it was before."""
    before = sync.source.snapshot
    with transaction.atomic():
        if foreign:
            add_foreign(foreign, groups=foreign, accounts=foreign)
        change(sync)
        with Counted() as counted:
            run = sync.run()
        transaction.set_rollback(True)
    sync.source.snapshot = before
    assert run.state == RunState.SUCCEEDED
    return counted.statements, counted.fetched


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_nothing, id="nothing changed"),
        pytest.param(_people(1), id="one new person"),
        pytest.param(_people(CHUNK + 1), id="more new people than fit into a statement"),
        pytest.param(_names, id="new names"),
        pytest.param(_edit_here, id="a row edited here"),
    ],
)
def test_a_sync_reads_as_much_with_foreign_rows_as_without(sync: Sync, change: Callable[[Sync], None]) -> None:
    sync.source.snapshot = with_open_questions(world())
    sync.run()
    assert _counts(sync, change, FOREIGN) == _counts(sync, change, 0)


def test_a_first_import_reads_as_much_with_foreign_rows_as_without(sync: Sync) -> None:
    sync.source.snapshot = with_open_questions(world())
    assert _counts(sync, _nothing, FOREIGN) == _counts(sync, _nothing, 0)
