"""A decision can be undone: its run records the former value of all that it changed in rows and links."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
import time_machine
from django.utils import timezone

from oncall.models import ChangeRecord
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import decide
from syncjobs.models import SyncItem, SyncRun
from syncjobs.models.conflicts import ConflictKind
from syncjobs.planning.undoing import ABSENT, composed, composed_places, places
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import Sync
from tests.syncjobs.deciding.test_answers import EVERY, given
from tests.syncjobs.undoing.state import Place, difference, links_here, rows_here

pytestmark = pytest.mark.django_db

#: The answers that merge rows.
MERGES: Final = {
    ("ambiguous", "map"), ("duplicate_schedule", "merge"), ("duplicate_policy", "merge"),
    ("team_name_collision", "merge"), ("recreated", "relink"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with time_machine.travel(timezone.now(), tick=False):
        yield


def recorded_in_rows(run: SyncRun) -> dict[Place, tuple[Any, Any]]:
    """Return the former and the later value of each place of a row, as the change records of the run have them."""
    steps: dict[tuple[str, int], list[Any]] = {}
    for record in ChangeRecord.objects.filter(cause=f"run:{run.pk}", model__in=list(ROOTS)).order_by("pk"):
        if record.action == "update":
            steps.setdefault((record.model, record.object_id), []).append(record.changes)
    found = {}
    for (kind, pk), changes in steps.items():
        for path, sides in composed(changes).items():
            name = {"account": "account_id", "merged_into": "merged_into_id"}.get(path, path)
            found[(kind, pk, *name.split(".", 1))] = tuple(sides)
    return found


def recorded_in_links(run: SyncRun) -> dict[int, Any]:
    """Return the former and the later value of each place of a link, as the items of the run have them."""
    steps: dict[int, list[Any]] = {}
    for item in SyncItem.objects.filter(run=run).order_by("pk"):
        for pk, (before, after) in item.changes.get("links", {}).items():
            steps.setdefault(int(pk), []).append((places(before), places(after)))
    return {pk: found for pk, pairs in steps.items() if (found := composed_places(pairs))}


@EVERY
def test_the_run_of_a_decision_records_the_former_value_of_all_that_it_changed(
    sync: Sync, kind: str, choice: str
) -> None:
    conflict = arisen(sync, kind)
    decision = given(conflict, kind, choice)
    rows, links = rows_here(), links_here()
    run = decide(conflict, decision).run
    assert run is not None
    created = set(run.items.filter(action="create").values_list("entity_type", "row_id"))
    changed = {
        place: tuple(None if side == "absent" else side for side in sides)
        for place, sides in difference(rows, rows_here()).items()
        if place[:2] not in created and not is_derived(place)
    }
    assert recorded_in_rows(run) == changed
    after = links_here()
    assert recorded_in_links(run) == {
        pk: {
            place: [before.get(place, ABSENT), after[pk].get(place, ABSENT)]
            for place in {**before, **after[pk]}
            if before.get(place, ABSENT) != after[pk].get(place, ABSENT)
        }
        for pk, before in links.items()
        if before != after[pk]
    }
    assert ({"merge"} & set(run.items.values_list("action", flat=True)) != set()) == ((kind, choice) in MERGES)


def is_derived(place: Place) -> bool:
    """Return whether a value follows from the keys and the links: a foreign key beside a key."""
    kind, _, name, *_ = place
    columns = {column.row for column in ROOTS[kind].keys} if kind in ROOTS else set()
    return name in columns or len(place) > 4


def test_every_kind_of_question_has_answers_here() -> None:
    assert {kind for kind, _ in EVERY.args[1]} == set(ConflictKind.values)
