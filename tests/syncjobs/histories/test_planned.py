"""Random histories of a source against the planning: nothing that exists becomes inactive, and deletions arrive."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from connectors.presence import Presence, Presences
from connectors.records import EntityType
from syncjobs.planning import plan as planning
from syncjobs.planning.missing import unlisted
from syncjobs.planning.missing.guard import Guarded
from tests.syncjobs.histories.histories import FAULTS, MADE_AGAIN, Judge, history
from tests.syncjobs.histories.planned import Memory

THOROUGH, SAMPLE = 10_000, 250
#: Histories that a search has found: one object of an emptied kind was edited here, so not all of it was removed.
FOUND = (4527, 4799)
#: The entries of the list of faults about what a read shows, and what happens here between two reads.
LISTED = {f"F{number:02}" for number in (3, 4, 6, 7, 10, 15, 16, 18, 19, 28, 29, 30, 31, 32, 34, *range(41, 65))}


def play(seed: int) -> tuple[Judge, Counter[str]]:
    memory, judge, counts = Memory(), Judge(), Counter[str]()
    for number, step in enumerate(history(seed)):
        plan = memory.play(step)
        counts[step.kind or step.here or "complete"] += 1
        counts["waiting"] += len(memory.waits)
        counts["held plans"] += plan is not None and bool(plan.held)
        judge.look(number, step, memory.inactive(), memory.followed(), memory.questions())
    return judge, counts


def test_every_fault_of_the_list_has_a_history() -> None:
    assert {entry for fault in FAULTS.values() for entry in fault.entries} | {MADE_AGAIN} == LISTED


def test_nothing_that_exists_becomes_inactive_and_deletions_arrive(thorough: bool, record_property: Any) -> None:
    wrong: list[Any] = []
    late: list[Any] = []
    arrived, counts = 0, Counter[str]()
    number = THOROUGH if thorough else SAMPLE
    for seed in (*range(number), *FOUND):
        judge, played = play(seed)
        wrong += [(seed, *each) for each in judge.wrong]
        late += [(seed, each) for each in judge.late]
        arrived += judge.arrived
        counts += played
    record_property("counts", f"{number} histories, {arrived} deletions arrived, {len(wrong)} wrong, {len(late)} late")
    assert (wrong[:5], late[:5]) == ([], [])
    assert arrived > number
    assert not {name for name, fault in FAULTS.items() if not fault.is_complete} - {*counts}


def _no_guard(items: Iterable[Any], *others: Any) -> Guarded:
    return Guarded(tuple(items), (), ())


def _as_gone(presences: Presences, kind: EntityType, external_id: str) -> Presence:
    known = _known(presences, kind, external_id)
    return Presence("not_found") if known.state == "not_reached" else known


_known = Presences.of
#: What is broken -> where, and how.
PLANTED: dict[str, tuple[Any, str, Any]] = {
    "the guard holds nothing": (planning, "guard", _no_guard),
    "one sighting is enough": (unlisted, "PROVED", 1),
    "no time between two sightings": (unlisted, "BETWEEN_SIGHTINGS", unlisted.BETWEEN_SIGHTINGS * 0),
    "a list that is not complete proves absence": (Presences, "of", _as_gone),
    "no second sighting": (unlisted, "BETWEEN_SIGHTINGS", unlisted.BETWEEN_SIGHTINGS * 10_000),
}


@pytest.mark.parametrize("name", PLANTED)
def test_the_search_finds_a_planted_mistake(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*PLANTED[name])
    assert any(judge.wrong or judge.late for judge in (play(seed)[0] for seed in range(SAMPLE)))
