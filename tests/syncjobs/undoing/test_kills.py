"""An undo is one transaction: whatever kills it leaves nothing of it, or all of it."""

from contextlib import suppress
from random import Random

import pytest

from syncjobs.deciding.decide import decide
from syncjobs.models import Conflict, SyncRun
from syncjobs.undoing.undo import undo
from tests.killing.cases import clock_stands_still
from tests.killing.failpoints import Failpoints, Fault, Killed
from tests.killing.faults import Kill, KillAfter
from tests.killing.stored_rows import read_rows, restore_rows
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import Sync
from tests.syncjobs.deciding.test_answers import given

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SAMPLE = 4


def undone(run: SyncRun, fault: Fault) -> Failpoints:
    with Failpoints(fault) as points, suppress(Killed):
        undo(run, None)
    return points


@pytest.mark.parametrize("what", ["import", "answer"])
def test_a_killed_undo_leaves_nothing_or_all_of_it(sync: Sync, what: str) -> None:
    with clock_stands_still():
        run: SyncRun | None = sync.run()
        if what == "answer":
            conflict: Conflict = arisen(sync, "team_name_collision")
            run = decide(conflict, given(conflict, "team_name_collision", "merge")).run
        assert run is not None
        before = read_rows()
        undone(run, Fault())  # fills the caches, so that all further ones have the same statements
        restore_rows(before)
        points = undone(run, Fault()).passed
        after = read_rows()
        (commit,) = [point.number for point in points if point.durable]
        numbers = [point.number for point in points if not point.durable]
        for number in Random(what).sample(numbers, SAMPLE):
            restore_rows(before)
            undone(run, Kill(number))
            assert read_rows() == before
        restore_rows(before)
        undone(run, KillAfter(commit))
        assert read_rows() == after
