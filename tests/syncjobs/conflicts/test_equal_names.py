"""A name in several sources is one question, whoever plans first, and it costs nothing for the names of others."""

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from django.db import connection as database
from django.db import connections
from django.test.utils import CaptureQueriesContext

from connectors.models import Connection
from connectors.records import Account, SourceTeam
from oncall.aggregates import Draft
from oncall.models import UserGroup
from oncall.operations import write
from syncjobs.conflicts.merging import merge_rows
from syncjobs.models import Conflict, ConflictRow, ConflictState, RunState, SyncRun
from syncjobs.runs import planned_read
from syncjobs.runs.picture.local import link_views
from syncjobs.runs.picture.names import EqualNames
from syncjobs.runs.planned_read import propose
from syncjobs.setup.disconnect import disconnect
from tests.syncjobs.conftest import BY, Sync, contents, edit, world

pytestmark = pytest.mark.django_db

KIND = "team_name_collision"


def source(name: str, *teams: str) -> Sync:
    """Return a source with these teams, whose ids are T0, T1, …, and nothing else."""
    made = Sync(name)
    listed = tuple(SourceTeam(f"T{number}", team) for number, team in enumerate(teams))
    empty: dict[str, Any] = dict.fromkeys(("users", "schedules", "policies", "services"), ())
    made.source.snapshot = replace(world(), teams=listed, account=Account(None, ""), **empty)
    return made


def key(sync: Sync, external_id: str = "T0") -> str:
    return f"{sync.connection.pk}:{external_id}"


def open_questions() -> list[Conflict]:
    return list(Conflict.objects.filter(kind=KIND, state=ConflictState.OPEN))


def rows(question: Conflict) -> list[str]:
    assert sorted(question.rows.values_list("key", flat=True)) == question.evidence["rows"]
    return list(question.evidence["rows"])


ORDERS = pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)


@ORDERS
def test_one_name_in_three_sources_and_here_is_one_question_in_any_order(db: None, order: tuple[int, ...]) -> None:
    (here,) = write("user_group", [Draft({"name": "ops"})], by=BY)
    sources = [source(f"s{number}", "Ops") for number in range(3)]
    for place in order:
        sources[place].run()
        assert len(open_questions()) == 1
    (question,) = open_questions()
    assert rows(question) == sorted([*map(key, sources), f"local:{here.id}"])
    assert (question.connection, question.link, question.external_id) == (None, None, "")
    before = contents()
    for sync in sources:
        assert sync.run().items.count() == 0
    assert contents() == before


@ORDERS
def test_plans_that_wait_in_any_order_share_the_question(db: None, order: tuple[int, ...]) -> None:
    (here,) = write("user_group", [Draft({"name": "ops"})], by=BY)
    sources = [source(f"s{number}", "Ops") for number in range(3)]
    plans: list[tuple[Sync, SyncRun]] = [(sources[place], sources[place].plan()) for place in order]
    (question,) = open_questions()
    assert rows(question) == sorted([*map(key, sources), f"local:{here.id}"])
    before = contents()
    sources[order[0]].plan()
    assert contents() == before
    for sync, _ in reversed(plans):
        waiting = sync.connection.runs.get(state=RunState.AWAITING_REVIEW)
        assert sync.apply(waiting).state == RunState.SUCCEEDED
        sync.run()
        assert open_questions() == [question]


def test_the_question_about_a_planned_row_is_that_about_the_created_row(db: None) -> None:
    (here,) = write("user_group", [Draft({"name": "ops"})], by=BY)
    ops = source("ops", "Ops")
    plan = ops.plan()
    (question,) = open_questions()
    ops.apply(plan)
    for _ in range(2):
        ops.run()
        assert open_questions() == [question]
    assert rows(question) == [key(ops), f"local:{here.id}"]


def test_another_set_of_rows_is_another_question(db: None) -> None:
    write("user_group", [Draft({"name": "ops"})], by=BY)
    first, second = source("first", "Ops"), source("second", "Ops")
    first.run()
    (before,) = open_questions()
    second.run()
    (after,) = open_questions()
    before.refresh_from_db()
    assert (before.state, {*rows(before), key(second)}) == (ConflictState.CLOSED, set(rows(after)))
    edit("user_group", UserGroup.objects.get(links__connection=first.connection), name="Ours")
    first.run()
    (rest,) = open_questions()
    assert rows(rest) == [key(second), *[each for each in rows(before) if each.startswith("local:")]]


def test_a_plan_that_is_cancelled_leaves_no_planned_row_in_the_question_of_another_source(db: None) -> None:
    (here,) = write("user_group", [Draft({"name": "ops"})], by=BY)
    first, second = source("first", "Ops"), source("second", "Ops")
    runner_of = first.plan()
    second.run()
    assert key(first) in rows(open_questions()[0])
    SyncRun.objects.filter(pk=runner_of.pk).update(state=RunState.CANCELLED)
    second.run()
    (question,) = open_questions()
    assert rows(question) == [key(second), f"local:{here.id}"]


def test_a_limited_read_leaves_the_question_of_a_plan_that_waits(db: None) -> None:
    write("user_group", [Draft({"name": "ops"})], by=BY)
    ops = source("ops", "Ops", "Other")
    ops.plan()
    (question,) = open_questions()
    ops.source.change(teams=ops.source.snapshot.teams[1:])
    ops.run(only=[("user_group", "T1")])
    question.refresh_from_db()
    assert question.state == ConflictState.OPEN


def test_other_case_or_blanks_in_a_name_are_no_other_evidence(db: None) -> None:
    (here,) = write("user_group", [Draft({"name": "ops"})], by=BY)
    ops = source("ops", "Ops")
    ops.run()
    (question,) = open_questions()
    edit("user_group", UserGroup.objects.get(pk=here.id), name=" OPS")
    ops.source.change(teams=(SourceTeam("T0", "oPs"),))
    ops.run()
    assert open_questions() == [question]
    assert (open_questions()[0].evidence_hash, open_questions()[0].label) == (question.evidence_hash, "oPs")


def test_disconnecting_closes_questions_that_no_sync_would_judge_again(db: None) -> None:
    write("user_group", [Draft({"name": "ops"})], by=BY)
    first, second = source("first", "Ops"), source("second", "Ops")
    first.run()
    second.run()
    disconnect(first.connection)
    (question,) = open_questions()
    assert len(rows(question)) == 3
    before = contents()
    second.run()
    assert contents() == before
    disconnect(second.connection)
    assert open_questions() == []


def _during_store(monkeypatch: pytest.MonkeyPatch, first: Callable[[], object]) -> None:
    """Call ``first`` after a plan is made and before its questions are stored."""
    store = planned_read.store_conflicts

    def wrapped(*given: Any) -> int:
        monkeypatch.setattr(planned_read, "store_conflicts", store)
        first()
        return store(*given)

    monkeypatch.setattr(planned_read, "store_conflicts", wrapped)


def _equal_now(*sources: Sync) -> None:
    for sync in sources:
        sync.run()
    for sync in sources:
        edit("user_group", UserGroup.objects.get(links__connection=sync.connection), name="Ops")


def test_a_row_of_two_sources_is_followed_while_one_of_them_is_connected(db: None) -> None:
    first, second = source("first", "Platform"), source("second", "Platform")
    first.run()
    second.run()
    into, loser = UserGroup.objects.order_by("pk")
    merge_rows("user_group", loser.pk, into.pk, by=BY)
    local = write("user_group", [Draft({"name": "platform"})], by=BY)[0]
    disconnect(first.connection)
    second.run()
    assert [rows(question) for question in open_questions()] == [[key(first), f"local:{local.id}"]]
    before = contents()
    assert (second.run().items.count(), contents()) == (0, before)


def test_a_question_that_was_opened_meanwhile_is_not_opened_again(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = source("first", "One"), source("second", "Two")
    _equal_now(first, second)
    _during_store(monkeypatch, lambda: second.run())
    run = first.run()
    assert (run.state, run.reason) == (RunState.SUCCEEDED, "")
    (question,) = open_questions()
    assert rows(question) == sorted([key(first), key(second)])
    assert run.checkpoint["opened_conflicts"] == 0


def test_a_question_about_some_of_the_rows_that_was_opened_meanwhile_becomes_a_part(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here,) = write("user_group", [Draft({"name": "ops"})], by=BY)
    first, second = source("first", "Ops"), source("second", "Ops")
    _during_store(monkeypatch, lambda: second.plan())
    first.plan()
    (question,) = open_questions()
    assert rows(question) == sorted([key(first), key(second), f"local:{here.id}"])
    before = contents()
    second.plan()
    first.plan()
    assert contents() == before


@pytest.mark.skipif(database.vendor == "sqlite", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("imported", [True, False])
def test_two_plans_at_once_open_one_question(monkeypatch: pytest.MonkeyPatch, imported: bool) -> None:
    first, second = source("first", "One" if imported else "Ops"), source("second", "Two" if imported else "Ops")
    here = []
    if imported:
        _equal_now(first, second)
    else:
        here = [f"local:{write('user_group', [Draft({'name': 'ops'})], by=BY)[0].id}"]
    both = threading.Barrier(2, timeout=30)
    store, ends = planned_read.store_conflicts, []

    def wrapped(*given: Any) -> int:
        both.wait()
        return store(*given)

    monkeypatch.setattr(planned_read, "store_conflicts", wrapped)

    def sync_in_thread(sync: Sync) -> None:
        try:
            ends.append(sync.plan().state)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=sync_in_thread, args=(sync,)) for sync in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == [RunState.SUCCEEDED if imported else RunState.AWAITING_REVIEW] * 2
    (question,) = open_questions()
    assert rows(question) == sorted([key(first), key(second), *here])


def test_the_names_of_others_cost_nothing(db: None) -> None:
    write("user_group", [Draft({"name": "ops"})], by=BY)
    ops = source("ops", "Ops", "Other")
    ops.run()
    ops.source.change(teams=(*ops.source.snapshot.teams, SourceTeam("T9", "New")))

    def cost() -> tuple[int, int, int]:
        proposals = propose(ops.connection, ops.source.snapshot)
        with CaptureQueriesContext(database) as queries:
            loaded = EqualNames(ops.connection, proposals, link_views(ops.connection.pk), ())
        return len(queries), sum(map(len, loaded.names.values())), len(loaded.conflicts)

    alone = cost()
    assert alone[1:] == (2, 1)
    other = Connection.objects.create(name="other", provider="pagerduty", settings={})
    drafts = [Draft({"name": f"Team {number % 1000}"}) for number in range(2000)]
    keys = [f"local:{result.id}" for result in write("user_group", drafts, by=BY)]
    questions = Conflict.objects.bulk_create(
        Conflict(
            kind=KIND, subject_key=f"x{number}", entity_type="user_group", label="Team",
            evidence={"name": f"team {number}", "rows": keys[number::1000]}, opened_at="2026-01-01T00:00:00Z",
        )
        for number in range(1000)
    )  # fmt: skip
    ConflictRow.objects.bulk_create(
        ConflictRow(conflict=question, connection=other, key=key)
        for question in questions
        for key in question.evidence["rows"]
    )
    assert cost() == alone
