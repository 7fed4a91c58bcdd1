"""A decision that is killed at any of its statements leaves nothing, or all of it. It can be given again then.

A sample of the statements runs by default, and all of them with ``--every-statement``.
"""

from contextlib import suppress
from random import Random

import pytest

from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictState
from tests.killing.cases import clock_stands_still
from tests.killing.failpoints import Failpoints, Fault, Killed
from tests.killing.faults import Kill, KillAfter
from tests.killing.stored_rows import read_rows, restore_rows
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import Sync
from tests.syncjobs.deciding.test_answers import EVERY, given

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
]
#: How many statements of a decision a sample takes, beside its COMMIT.
SAMPLE = 3


def decided(conflict: Conflict, decision: Decision, fault: Fault) -> Failpoints:
    with Failpoints(fault) as points, suppress(Killed):
        decide(conflict, decision)
    return points


@EVERY
def test_a_killed_decision_leaves_nothing_or_all_of_it(
    sync: Sync, kind: str, choice: str, thorough: bool, pytestconfig: pytest.Config
) -> None:
    with clock_stands_still():
        conflict = arisen(sync, kind)
        decision = given(conflict, kind, choice, notify=False)  # the tick announces a read that is queued
        before = read_rows()
        decided(conflict, decision, Fault())  # fills the caches, so that all further ones have the same statements
        restore_rows(before)
        points = decided(conflict, decision, Fault()).passed
        after = read_rows()
        assert Conflict.objects.get(pk=conflict.pk).state == ConflictState.DECIDED
        commits = [point.number for point in points if point.durable]
        assert len(commits) == 1, "a decision is one transaction"
        numbers = [point.number for point in points if not point.durable]
        if not pytestconfig.getoption("--every-statement"):
            numbers = Random(f"{kind} {choice}").sample(numbers, min(len(numbers), SAMPLE))
        killed = [*((Kill(number), before) for number in [*numbers, *commits]), (KillAfter(commits[0]), after)]
        for fault, left in killed:
            restore_rows(before)
            decided(conflict, decision, fault)
            assert read_rows() == left, f"{type(fault).__name__} at {fault.at} of {len(points)} statements"
        restore_rows(before)
        decided(conflict, decision, Kill(commits[0]))
        decide(conflict, decision)
        again = read_rows()  # with other ids on PostgreSQL, whose sequences are not rolled back
        assert {table: len(rows) for table, rows in again.items()} == {
            table: len(rows) for table, rows in after.items()
        }
