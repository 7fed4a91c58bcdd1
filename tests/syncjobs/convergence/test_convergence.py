"""The database is what the oracle says, after each step of random sequences of two sources.

Sources and rows change, lists are cut, people answer, approve, undo and select, and syncs are killed between any two
statements.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from syncjobs.runs import claim
from tests.killing.stored_rows import Rows, read_rows, restore_rows
from tests.syncjobs.conftest import NOW
from tests.syncjobs.convergence.driver import drive

pytestmark = pytest.mark.slow

STEPS = 30
SEQUENCES, ALL_SEQUENCES = 5, 500

Drive = Callable[..., None]


@pytest.fixture
def driving(transactional_db: None) -> Iterator[Drive]:
    """Returns a function that takes the steps of one sequence in an empty database."""
    empty: Rows = read_rows()
    start = datetime.fromtimestamp(NOW, UTC)
    with time_machine.travel(start, tick=False) as clock, pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim, "SHORTEST_PAUSE", float("inf"))
        patch.setattr(logging.root.manager, "disable", logging.CRITICAL)

        def from_nothing(seed: int, *args: Any, **options: Any) -> None:
            clock.move_to(start)
            restore_rows(empty)
            drive(seed, STEPS, clock, *args, **options)

        yield from_nothing
        restore_rows(empty)


def test_the_database_is_what_the_oracle_says(
    driving: Drive, thorough: bool, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter()
    number = ALL_SEQUENCES if thorough else SEQUENCES
    for seed in range(number):
        driving(seed, lambda name: counts.update([name]))
    steps = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    record_property("counts", f"{number} sequences of {STEPS} steps, 0 differences ({steps})")
