"""Undo(apply(plan)) is the state before, in random worlds of two sources: of imports, and of answers.

Exactly what was edited in between stays. Rows that cannot be deleted are inactive.
"""

from random import Random
from typing import Any

import pytest
from django.db import transaction

from connectors.records import entity_type_of
from oncall.models import ChangeRecord
from oncall.tables.kinds import ROOTS
from syncjobs.deciding.decide import Decision, decide
from syncjobs.deciding.sides import question_of
from syncjobs.models import ACTIVE, WAITING_STATES, Conflict, ConflictState, RunState, SyncRun
from syncjobs.planning.decisions.table import choices_of
from syncjobs.planning.decisions.values import Refused
from syncjobs.undoing.undo import undo
from tests.syncjobs.conftest import Sync, edit
from tests.syncjobs.deciding.test_worlds import arguments_for, make_world
from tests.syncjobs.undoing.state import Place, difference, links_here, rows_here

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

SEEDS, ALL_SEEDS = 4, 500
ANSWERS = 3  # of each world
EDITED = {"responder": "title", "user_group": "description", "schedule": "description",
          "escalation_policy": "description", "service": "description"}  # fmt: skip


def test_an_undo_brings_back_the_state_before(db: None, thorough: bool) -> None:
    undone = {"answers": 0, "imports": 0, "kept": 0}
    for seed in range(ALL_SEEDS if thorough else SEEDS):
        with transaction.atomic():
            try:
                search(Random(seed), undone)
            except Exception as error:
                error.add_note(f"world {seed}")
                raise
            transaction.set_rollback(True)
    assert all(undone.values()), undone


def search(random: Random, undone: dict[str, int]) -> None:
    sources = make_world(random)
    waiting = list(Conflict.objects.filter(state__in=WAITING_STATES).order_by("pk"))
    for conflict in random.sample(waiting, min(ANSWERS, len(waiting))):
        undone["answers"] += undo_answer(random, conflict, undone)
    sync = random.choice(sources)
    grow(random, sync)
    rows = rows_here()
    run = sync.run()
    assert run.state in (RunState.SUCCEEDED, RunState.PARTIAL)
    if sum(counts.get("written", 0) for counts in run.counts.values()):
        edited = edit_later(random, run)
        undo(run, None)
        judge(rows, edited, undone)
        undone["imports"] += 1
        sync.run()
        # The next sync writes nothing again. Where the source owns all, it takes back what was edited.
        assert changed_places(rows) <= edited.keys()


def grow(random: Random, sync: Sync) -> None:
    """Change the source, and let it have somebody new who holds something."""
    source: Any = sync.source
    source.edit(random)
    if random.random() < 0.7:
        source.people.append((f"U{len(source.people) + 1}", "New", random.choice([None, "new@example.com"])))
        source.roles[random.randrange(9)] = source.people[-1][0]


def undo_answer(random: Random, conflict: Conflict, undone: dict[str, int]) -> bool:
    """Answer a question and undo that. Return whether it could be answered."""
    conflict.refresh_from_db()
    choice = random.choice(choices_of(question_of(conflict)))
    rows, links = rows_here(), links_here()
    try:
        decided = decide(conflict, Decision(choice.name, arguments_for(random, conflict, choice), None))
    except Refused:
        return False
    assert decided.run is not None
    SyncRun.objects.filter(state__in=ACTIVE).update(state=RunState.CANCELLED)  # the read that some answers start
    edited = edit_later(random, decided.run)
    undo(decided.run, None)
    judge(rows, edited, undone)
    assert difference(links, links_here()) == {}
    conflict.refresh_from_db()
    assert conflict.state == ConflictState.OPEN
    return True


def edit_later(random: Random, run: SyncRun) -> dict[Place, str]:
    """Edit some of the rows that a run changed. Return the new values by place."""
    edited: dict[Place, str] = {}
    records = ChangeRecord.objects.filter(cause=f"run:{run.pk}", model__in=list(ROOTS))
    for model, pk in sorted(set(records.values_list("model", "object_id"))):
        kind = entity_type_of(model)
        row = ROOTS[kind].rows.filter(pk=pk, merged_into=None).first()
        if row is not None and random.random() < 0.2:
            text = f"edited {random.random()}"
            edit(kind, row, **{EDITED[kind]: text})
            edited[kind, pk, EDITED[kind]] = text
    return edited


def judge(before: dict[Place, Any], edited: dict[Place, str], undone: dict[str, int]) -> None:
    """All values are as before, apart from those that were edited; what was not there before is inactive."""
    after = rows_here()
    assert {place: after[place] for place in edited} == edited
    known = {place[:2] for place in before}
    assert changed_places(before) == {place for place in edited if place[:2] in known}
    undone["kept"] += len(edited)


def changed_places(before: dict[Place, Any]) -> set[Place]:
    """Return the places of rows that existed before whose value differs now. All rows that are new are inactive."""
    after = rows_here()
    known = {place[:2] for place in before}
    new = {place[:2] for place in after if place[:2] not in known and place[0] != "lead"}
    assert not [row for row in new if after[(*row, "active")]]
    return {place for place in difference(before, after) if place[:2] not in new}
