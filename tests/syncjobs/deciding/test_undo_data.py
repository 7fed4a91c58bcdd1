"""A decision can be undone: its run records the former value of all that it changed in rows and links."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from oncall.aggregates import Kind
from oncall.models import ChangeRecord
from oncall.selectors.states import load_states
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import decide
from syncjobs.models import ExternalLink, SyncItem
from syncjobs.models.conflicts import ConflictKind
from tests.syncjobs.conflicts.test_kinds import arisen
from tests.syncjobs.conftest import Sync
from tests.syncjobs.deciding.test_answers import EVERY, given

pytestmark = pytest.mark.django_db

#: What a decision changes, and a merge records by its change records instead: a kind of thing, its id and its place.
Place = tuple[str, int, str, str]


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with time_machine.travel(timezone.now(), tick=False):
        yield


def values_here() -> dict[Place, Any]:
    """Return each value of all rows and links, by its place. Elements are values, too."""
    found: dict[Place, Any] = {}
    kinds: list[Kind] = list(ROOTS)
    for kind in kinds:
        for pk, state in load_states(kind, ROOTS[kind].rows.values_list("pk", flat=True)).items():
            found |= {(kind, pk, "field", path): value for path, value in state.fields.items()}
            for name, elements in state.elements.items():
                found |= {(kind, pk, name, key): value for key, value in elements.items()}
    for link in ExternalLink.objects.all():
        found |= {("link", link.pk, "pins", path): owner for path, owner in link.pins.items()}
        found["link", link.pk, "state", ""] = link.state
        found |= {("link", link.pk, "base", path): value for path, value in link.base.get("fields", {}).items()}
    return found


def recorded_in(item: SyncItem) -> dict[Place, tuple[Any, Any]]:
    """Return the former and the later value of each place that an item changed."""
    found: dict[Place, tuple[Any, Any]] = {}
    row, changes = item.row_id or 0, item.changes
    found |= {(item.entity_type, row, "field", path): tuple(pair) for path, pair in changes.get("fields", {}).items()}
    for name, elements in changes.get("elements", {}).items():
        found |= {(item.entity_type, row, name, key): tuple(pair) for key, pair in elements.items()}
    link, link_id = changes.get("link", {}), item.link_id or 0
    if "state" in link:
        found["link", link_id, "state", ""] = tuple(link["state"])
    for part in ("pins", "base"):
        former, later = link.get(part, [{}, {}])
        if part == "base":
            former, later = former.get("fields", {}), later.get("fields", {})
        found |= {("link", link_id, part, path): (former.get(path), later.get(path)) for path in {*former, *later}}
    return {place: pair for place, pair in found.items() if pair[0] != pair[1]}


@EVERY
def test_the_run_of_a_decision_records_the_former_value_of_all_that_it_changed(
    sync: Sync, kind: str, choice: str
) -> None:
    conflict = arisen(sync, kind)
    decision = given(conflict, kind, choice)
    before = values_here()
    run = decide(conflict, decision).run
    after = values_here()
    changed = {
        place: (before.get(place), after.get(place))
        for place in {*before, *after}
        if before.get(place) != after.get(place)
    }
    if run is None:
        assert changed == {}
        return
    items = list(SyncItem.objects.filter(run=run))
    if any("merge" in item.changes for item in items):
        # The rows are recorded by the merge itself, and the links by their rows.
        records = ChangeRecord.objects.filter(cause=f"run:{run.pk}")
        merged = {item.row_id for item in items if "merge" in item.changes}
        assert merged <= set(records.values_list("object_id", flat=True))
        return
    found: dict[Place, tuple[Any, Any]] = {}
    for item in items:
        found |= recorded_in(item)
    assert found == changed


def test_every_kind_of_question_has_answers_here() -> None:
    assert {kind for kind, _ in EVERY.args[1]} == set(ConflictKind.values)
