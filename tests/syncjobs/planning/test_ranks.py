"""Ranks of overrides are compared as an order: one that leaves the window changes no other."""

from typing import Any

from syncjobs.planning.moving.ranks import with_base_ranks
from syncjobs.planning.values import Base, Proposal


def overrides(**found: tuple[int, int, int]) -> Any:
    """(day of start, day of end, rank) by key."""
    return {
        key: {"starts_at": f"2026-03-{start:02}T00:00:00Z", "ends_at": f"2026-03-{end:02}T00:00:00Z", "rank": rank}
        for key, (start, end, rank) in found.items()
    }


def ranks(before: Any, sent: Any) -> Any:
    proposal = Proposal("schedule", "S1", "1:S1", "S", fields={}, elements={"overrides": sent, "extra_shifts": None})
    found = with_base_ranks(proposal, Base(elements={} if before is None else {"overrides": before}))
    assert found.elements["extra_shifts"] is None
    kept = found.elements["overrides"]
    return None if kept is None else {key: values["rank"] for key, values in kept.items()}


CHAIN = overrides(A=(1, 5, 0), B=(4, 8, 1), C=(7, 12, 2))


def test_an_override_that_leaves_the_window_moves_no_other() -> None:
    assert ranks(CHAIN, overrides(B=(4, 8, 0), C=(7, 12, 1))) == {"B": 1, "C": 2}


def test_a_new_override_gets_a_rank_that_fits() -> None:
    sent = overrides(B=(4, 8, 0), C=(7, 12, 1), D=(10, 14, 2), E=(20, 21, 0))
    assert ranks(CHAIN, sent) == {"B": 1, "C": 2, "D": 3, "E": 0}


def test_another_order_is_a_change() -> None:
    assert ranks(CHAIN, overrides(A=(1, 5, 1), B=(4, 8, 0), C=(7, 12, 1))) == {"A": 1, "B": 0, "C": 1}
    between = overrides(B=(4, 8, 0), N=(7, 8, 1), C=(7, 12, 2))  # no whole number lies between those of B and C
    assert ranks(CHAIN, between) == {"B": 0, "N": 1, "C": 2}


def test_without_a_base_or_overrides_nothing_is_compared() -> None:
    assert ranks(None, CHAIN) == {"A": 0, "B": 1, "C": 2}
    assert ranks(CHAIN, None) is None
    assert ranks(CHAIN, {}) == {}
    assert ranks(CHAIN, CHAIN) == {"A": 0, "B": 1, "C": 2}
