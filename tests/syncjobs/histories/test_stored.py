"""The same histories through the database: what runs store, hold and apply, and what a reviewer does with it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import transaction

from connectors.records import EntityKey, entity_type_of
from oncall.aggregates import Draft
from oncall.operations import write
from oncall.tables.kinds import ROOTS
from syncjobs.models import Conflict, ConflictState, ExternalLink, LinkState, RunKind, RunState, SyncRun
from syncjobs.runs.start import cancel, start
from tests.syncjobs.conftest import BY, Sync
from tests.syncjobs.histories.histories import Judge, Step, history

pytestmark = pytest.mark.django_db
THOROUGH, SAMPLE = 300, 4
ABOUT = ("gone", "not_visible", "recreated")


class Played:
    """A history against one connection of the database."""

    def __init__(self, number: int) -> None:
        self.sync = Sync(f"acme {number}")
        self.judge, self.counts = Judge(), Counter[str]()
        self.waits: set[EntityKey] = set()

    def play(self, step: Step) -> SyncRun:
        self.sync.source.snapshot, self.sync.source.answers = step.snapshot, dict(step.answers)
        self.sync.source.during = lambda: self._edit(step) if step.here == "during" else None
        if step.here == "edited":
            self._edit(step)
        if step.here == "deleted":
            self._remove(step)
        if step.here == "stopped":
            run = start(self._profile(), RunKind.APPLY, by=None, notify=False)
            self.sync.source.during = lambda: self._stop(run)
            return self.sync.drive(run)
        if step.here == "reviewed":
            plan = self.sync.plan()
            self._edit(step)
            return self._approve(plan, step) if plan.has_open_plan else plan
        run = self.sync.run()
        return self._approve(run, step)

    def _approve(self, run: SyncRun, step: Step) -> SyncRun:
        """Approve what is gone in truth and what removes no object. The rest stays held."""
        plan = run if run.has_open_plan else None
        if plan is None and run.items.filter(held=True, held_ticked=False).exists():
            plan = self.sync.plan()
        if plan is None or not plan.has_open_plan:
            self.waits = set()
            return run
        self.counts["reviewed"] += 1
        held = list(plan.items.filter(held=True))
        right = [item.pk for item in held if _key(item) in step.deleted or item.action not in ("deactivate", "missing")]
        plan.items.filter(pk__in=right).update(held_ticked=True)
        self.waits = {_key(item) for item in held if item.pk not in right}
        return self.sync.apply(plan)

    def _profile(self) -> Any:
        self.sync.profile.refresh_from_db()
        return self.sync.profile

    def _stop(self, run: SyncRun) -> None:
        cancel(run)

    def _row(self, step: Step) -> Any:
        if step.target is None:
            return None
        kind, id_ = step.target
        found = ROOTS[kind].rows.filter(links__external_id=id_, links__connection=self.sync.connection)
        return found.filter(links__entity_type=kind).first()

    def _edit(self, step: Step) -> None:
        row = self._row(step)
        if row is not None and step.target is not None:
            kind = step.target[0]
            fields = {"title" if kind == "responder" else "description": f"ours {step.at}"}
            write(kind, [Draft(fields, id=row.pk, version=row.version)], by=BY)

    def _remove(self, step: Step) -> None:
        """Delete the row, if nothing refers to it."""
        row = self._row(step)
        if row is not None and step.target is not None and step.target[0] == "service":
            with transaction.atomic():
                row.delete()

    def look(self, number: int, step: Step) -> None:
        links = ExternalLink.objects.filter(connection=self.sync.connection)
        inactive, followed = set(), set()
        for kind in ROOTS:
            of_kind = links.filter(entity_type=kind)
            inactive |= {
                (kind, id_) for (id_,) in of_kind.filter(**{f"{kind}__active": False}).values_list("external_id")
            }
            followed |= {(kind, id_) for (id_,) in of_kind.filter(state=LinkState.LINKED).values_list("external_id")}
        asked = Conflict.objects.filter(kind__in=ABOUT).exclude(state=ConflictState.CLOSED)
        questions = set(self.waits)
        for each in asked:
            id_ = each.evidence["rows"][0].partition(":")[2] if each.kind == "recreated" else each.external_id
            questions.add((entity_type_of(each.entity_type), id_))
        self.judge.look(number, step, inactive, followed, questions)


def _key(item: Any) -> EntityKey:
    return entity_type_of(item.entity_type), item.external_id


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(0, tick=False) as traveller:
        yield traveller


def test_nothing_that_exists_becomes_inactive_and_deletions_arrive(
    thorough: bool, clock: Any, record_property: Any
) -> None:
    wrong: list[Any] = []
    late: list[Any] = []
    arrived, counts = 0, Counter[str]()
    number = THOROUGH if thorough else SAMPLE
    for seed in range(number):
        with transaction.atomic():
            played = Played(seed)
            for place, step in enumerate(history(seed)):
                clock.move_to(step.at)
                run = played.play(step)
                assert run.state != RunState.FAILED, run.reason
                played.look(place, step)
                counts[step.kind or step.here or "complete"] += 1
                counts[run.state] += 1
            transaction.set_rollback(True)
        wrong += [(seed, *each) for each in played.judge.wrong]
        late += [(seed, each) for each in played.judge.late]
        arrived += played.judge.arrived
        counts += played.counts
    held = counts[RunState.HELD] + counts[RunState.PARTIAL]
    record_property(
        "counts",
        f"{number} stored histories, {arrived} deletions arrived, {held} runs held or partial, "
        f"{counts['reviewed']} plans reviewed, {len(wrong)} wrong, {len(late)} late",
    )
    assert (wrong[:5], late[:5]) == ([], [])
    assert arrived
