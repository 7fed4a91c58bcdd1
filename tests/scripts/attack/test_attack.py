"""A short attack keeps every promise, and an attack finds the faults that are planted here."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.presence import Presence, Presences
from oncall.models import ChangeRecord, Responder
from oncall.operations import drafts
from oncall.operations.keys import Resolver
from scripts.attack.sequence import run_sequence, shrunk
from syncjobs.models import SyncItem
from syncjobs.planning.values import Rules
from syncjobs.runs.apply import Application
from syncjobs.runs.claim import Claim

pytestmark = [
    pytest.mark.django_db,
    # On PostgreSQL a run that is killed leaves the cursor over its items open. The process of a real worker ends then.
    pytest.mark.filterwarnings("ignore:.*ServerCursorMixin.__del__:pytest.PytestUnraisableExceptionWarning"),
]

STEPS = 8
#: A planted fault is found in so many sequences.
MOST = 12


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_short_attack_breaks_no_promise(seed: int) -> None:
    result = run_sequence(
        seed,
        STEPS,
    )
    assert result.invariant == "", result.report()
    assert result.runs >= 4


# --- planted faults ---------------------------------------------------------------------------------------------------

Patch = pytest.MonkeyPatch


def references_to_another_person(patch: Patch) -> None:
    right = Resolver.id

    def wrong(self: Resolver, kind: Any, key: str) -> int | None:
        found = right(self, kind, key)
        if found is None or kind != "responder":
            return found
        return Responder.objects.order_by("pk").values_list("pk", flat=True)[0]

    patch.setattr(Resolver, "id", wrong)


def references_are_not_rebuilt(patch: Patch) -> None:
    patch.setattr(drafts, "_rebuild_references", lambda *given: None)


def unticked_items_are_applied(patch: Patch) -> None:
    right = Application.apply

    def wrong(self: Application, items: Any, *given: Any) -> Any:
        everything = SyncItem.objects.filter(run=self.run).exclude(action="failed").order_by("id")
        return right(self, everything.iterator(chunk_size=500), *given)

    patch.setattr(Application, "apply", wrong)


def people_are_not_matched(patch: Patch) -> None:
    right = Responder.set_derived_columns

    def wrong(self: Responder) -> None:
        right(self)
        self.email_canonical = ""

    patch.setattr(Responder, "set_derived_columns", wrong)


def an_object_that_was_not_read_leaves_the_selection(patch: Patch) -> None:
    right = Presences.of

    def wrong(self: Presences, kind: Any, external_id: str) -> Presence:
        found = right(self, kind, external_id)
        return Presence("not_chosen") if found.state == "not_reached" else found

    patch.setattr(Presences, "of", wrong)


def a_change_is_not_recorded(patch: Patch) -> None:
    right = ChangeRecord.objects.bulk_create
    patch.setattr(ChangeRecord.objects, "bulk_create", lambda records: right(list(records)[1:]))


def local_edits_are_overwritten(patch: Patch) -> None:
    patch.setattr(Rules, "owner", lambda *given: "source")


def a_cancelled_run_goes_on(patch: Patch) -> None:
    write = Claim.write
    patch.setattr(Claim, "write", lambda claim, **columns: write(claim, **columns) or True)


Plant = Callable[[Patch], None]
#: The fault, the promises that it breaks, and the seed of the first sequence. It meets the fault now.
PLANTED: Sequence[tuple[Plant, set[str], int]] = (
    (references_to_another_person, {"references", "references at the end"}, 2),
    (references_are_not_rebuilt, {"aggregates"}, 2),
    (unticked_items_are_applied, {"plan applied"}, 20),
    (people_are_not_matched, {"doubled"}, 2),
    (an_object_that_was_not_read_leaves_the_selection, {"incomplete"}, 8),
    (a_change_is_not_recorded, {"plan applied", "records"}, 2),
    (local_edits_are_overwritten, {"local edits"}, 3),
    (a_cancelled_run_goes_on, {"after cancel"}, 10),
)


@pytest.mark.parametrize(("plant", "broken", "seed"), PLANTED, ids=[each[0].__name__ for each in PLANTED])
def test_a_planted_fault_is_found(plant: Plant, broken: set[str], seed: int, monkeypatch: Patch) -> None:
    for number in range(seed, seed + MOST):
        with monkeypatch.context() as patch:
            plant(patch)
            found = run_sequence(number, STEPS)
        if found.invariant:
            break
    assert found.invariant in broken, found.report()
    without_fault = run_sequence(number, STEPS)
    assert without_fault.invariant == "", without_fault.report()


def test_the_report_of_a_violation_reproduces_it_with_fewer_steps(monkeypatch: Patch) -> None:
    a_change_is_not_recorded(monkeypatch)
    found = run_sequence(2, STEPS)
    shorter = shrunk(found)
    assert len(shorter.taken) < len(found.taken)
    numbers = ",".join(map(str, shorter.taken))
    assert f'make attack ARGS="--seed 2 --sequences 1 --steps {STEPS} --only {numbers}"' in shorter.report()
    again = run_sequence(2, STEPS, only=shorter.taken)
    assert again.invariant == shorter.invariant
    assert [line for line in again.log if "run" not in line] == [line for line in shorter.log if "run" not in line]
