"""Two workers, or a worker and a person, at the same time. PostgreSQL only: SQLite has one writer."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from threading import Barrier, BrokenBarrierError, Event, Timer
from time import sleep
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from connectors.records import SourceMember, SourceTeam
from oncall.aggregates import Draft, ElementChanges
from oncall.models import GroupMember, Responder, User
from oncall.operations import write
from syncjobs.errors import RunAlreadyActive, StalePlan
from syncjobs.models import Notice, Outcome, RunKind, RunState, SyncItem, SyncRun
from syncjobs.notices.announcing import announce
from syncjobs.notices.outbox import send_notices
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve, cancel, start
from syncjobs.slots.starting import start_due
from syncjobs.tasks import tick
from tests.killing.elsewhere import PATIENCE
from tests.killing.races import at_once
from tests.killing.soundness import assert_sound, unfilled_references
from tests.killing.stored_rows import changed_tables, read_rows, restore_rows
from tests.killing.worlds import TwoSources, connect_two_sources
from tests.syncjobs.conftest import BY, Sync, user, world
from tests.syncjobs.slots.ticks import set_every

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer"),
]

ROUNDS = 10
SHARED = 30


@pytest.fixture
def two(transactional_db: None) -> TwoSources:
    return connect_two_sources()


def queue(sync: Sync, kind: RunKind = RunKind.APPLY) -> SyncRun:
    sync.profile.refresh_from_db()
    return start(sync.profile, kind, by=None, notify=False)


def people_of(account: str, prefix: str) -> Any:
    """A source with 30 people whose addresses do not depend on the account, and a group of them."""
    users = tuple(user(f"{prefix}{number}", f"Person{number}") for number in range(SHARED))
    members = tuple(SourceMember(one.external_id, "responder") for one in users)
    before = world()
    return replace(
        before,
        account=replace(before.account, id=account),
        users=users,
        teams=(SourceTeam(f"{prefix}T", f"Everybody of {account}", members=members),),
        schedules=(),
        policies=(),
        services=(),
    )


def test_two_first_imports_at_once_double_nobody(two: TwoSources) -> None:
    for sync, account, prefix in ((two.first, "acme", "U"), (two.second, "globex", "X")):
        sync.source.snapshot = people_of(account, prefix)
    runs = [queue(sync) for sync in two.both]
    queued = read_rows()
    for _ in range(ROUNDS):
        restore_rows(queued)
        both_read = Barrier(2)
        for sync in two.both:
            sync.source.during = lambda both_read=both_read: both_read.wait(PATIENCE)
        ended = at_once(lambda: two.first.drive(runs[0]), lambda: two.second.drive(runs[1]))
        for sync in two.both:
            sync.source.during = lambda: None
        assert [(run.state, run.reason) for run in ended] == [(RunState.SUCCEEDED, "")] * 2
        assert Responder.objects.count() == SHARED
        assert not SyncItem.objects.filter(outcome__in=[Outcome.NONE, Outcome.STALE, Outcome.FAILED]).exists()
        assert_sound(two.both, None)


def test_one_of_two_starts_at_once_wins(two: TwoSources) -> None:
    idle = read_rows()
    for _ in range(ROUNDS):
        restore_rows(idle)
        started = at_once(lambda: queue(two.first), lambda: queue(two.first))
        refused = [error for error in started if isinstance(error, RunAlreadyActive)]
        assert len(refused) == 1, started
        assert SyncRun.objects.count() == 1


def test_one_of_two_workers_takes_a_run(two: TwoSources) -> None:
    run = queue(two.first)
    queued = read_rows()
    for _ in range(ROUNDS):
        restore_rows(queued)
        ended = at_once(*[lambda: drive(run.pk, opener=two.first.source.open)] * 2)
        assert sorted(one is None for one in ended) == [False, True], ended
        run.refresh_from_db()
        assert (run.state, run.attempt) == (RunState.SUCCEEDED, 1)
    assert_sound([two.first], None)


def test_a_run_that_is_cancelled_while_its_plan_is_stored_writes_nothing_more(two: TwoSources) -> None:
    run = queue(two.first, RunKind.PLAN)
    queued, random = read_rows(), Random(12)
    cancelled = 0
    for _ in range(3 * ROUNDS):
        restore_rows(queued)
        read = Barrier(2)
        two.first.source.during = lambda read=read: read.wait(PATIENCE)
        pause = random.random() / 30

        def stop(read: Barrier = read, pause: float = pause) -> Any:
            with suppress(BrokenBarrierError):
                read.wait(PATIENCE)
            sleep(pause)
            return cancel(run), read_rows()

        _, (won, rows) = at_once(lambda: two.first.drive(run), stop)
        if won:
            cancelled += 1
            assert changed_tables(rows, read_rows()) == []
    assert cancelled


def test_one_of_two_approvals_at_once_wins(two: TwoSources) -> None:
    plan = two.first.plan()
    waiting = read_rows()
    for _ in range(ROUNDS):
        restore_rows(waiting)
        done = at_once(*[lambda: approve(SyncRun.objects.get(pk=plan.pk), by=None, notify=False)] * 2)
        assert sum(one is None for one in done) == 1, done
        assert all(one is None or isinstance(one, StalePlan | RunAlreadyActive) for one in done), done
        plan.refresh_from_db()
        assert plan.state == RunState.QUEUED
    assert two.first.drive(plan).state == RunState.SUCCEEDED


def test_a_save_of_a_group_during_a_run_leaves_no_reference_empty_after_a_tick(two: TwoSources) -> None:
    sync = two.first
    everybody = people_of("acme", "U")
    newcomer = everybody.users[-1].external_id
    sync.source.snapshot = replace(everybody, users=everybody.users[:-1])
    assert sync.run().state == RunState.SUCCEEDED
    member = GroupMember.objects.get(person_key__endswith=f":{newcomer}")
    assert member.responder_id is None
    sync.source.snapshot = everybody
    run = queue(sync)
    loaded, filled = Event(), Event()

    def wait_before_the_write(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "oncall_groupmember" in sql and not sql.startswith("SELECT") and not loaded.is_set():
            loaded.set()
            filled.wait(1)  # the run may wait for a lock of this transaction, so it need not come
        return execute(sql, params, many, context)

    def save() -> None:
        put = {member.source_key: {"person_key": member.person_key, "role": "manager"}}
        draft = Draft({}, {"members": ElementChanges(put)}, id=member.group_id, version=member.group.version)
        with connection.execute_wrapper(wait_before_the_write):
            write("user_group", [draft], by=BY)

    def import_newcomer() -> SyncRun:
        assert loaded.wait(PATIENCE)
        ended = sync.drive(run)
        filled.set()
        return ended

    saved, ended = at_once(save, import_newcomer)
    assert saved is None
    assert ended.state == RunState.SUCCEEDED
    member.refresh_from_db()
    assert member.imported_role == "manager"
    tick()  # the run may have left out the rows that the save had locked
    assert list(unfilled_references()) == []


def test_two_ticks_at_once_start_one_run_for_a_slot(two: TwoSources) -> None:
    now = timezone.now()
    for sync in two.both:
        set_every(sync, "6h", since=now - timedelta(hours=7))
    due = read_rows()
    for _ in range(ROUNDS):
        restore_rows(due)
        started = at_once(*(lambda: start_due(now, notify=False) for _ in range(4)))
        assert not [each for each in started if isinstance(each, Exception)]
        assert len([run for runs in started for run in runs]) == len(two.both)
        assert SyncRun.objects.exclude(slot=None).count() == len(two.both)


def test_a_tick_and_a_person_who_start_at_once_start_one_run(two: TwoSources) -> None:
    now = timezone.now()
    sync = two.first
    set_every(sync, "6h", since=now - timedelta(hours=7))
    due = read_rows()
    for _ in range(ROUNDS):
        restore_rows(due)
        ended = at_once(
            lambda: start_due(now, notify=False), lambda: start(sync.profile, RunKind.PLAN, by=None, notify=False)
        )
        assert not [each for each in ended if isinstance(each, Exception) and not isinstance(each, RunAlreadyActive)]
        assert SyncRun.objects.count() == 1
        SyncRun.objects.update(state=RunState.CANCELLED)
        start_due(now, notify=False)
        assert SyncRun.objects.exclude(slot=None).count() == 1  # the slot waited, if it was second


def test_a_tick_does_not_wait_for_a_run_that_ends_and_locks_the_rules(two: TwoSources) -> None:
    """Each would wait for the other: the tick locks the profile and then adds a run, the run ends and then counts."""
    now = timezone.now()
    sync = two.first
    set_every(sync, "6h", since=now - timedelta(hours=7))
    run = queue(sync)
    ended, locked = Event(), Event()

    def wait_for_the_tick(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "syncjobs_syncprofile" in sql and sql.endswith('FOR UPDATE OF "syncjobs_syncprofile"'):
            ended.set()
            locked.wait(1)
        return execute(sql, params, many, context)

    def fail() -> SyncRun:
        sync.source.error = ZeroDivisionError()
        with connection.execute_wrapper(wait_for_the_tick):
            return sync.drive(run)

    def tick_meanwhile() -> list[SyncRun]:
        assert ended.wait(PATIENCE)
        Timer(0.3, locked.set).start()
        return start_due(now, notify=False)

    failed, started = at_once(fail, tick_meanwhile)
    assert (failed.state, started) == (RunState.FAILED, [])
    assert len(start_due(now, notify=False)) == 1


def test_two_ticks_at_once_store_and_send_each_mail_once(two: TwoSources) -> None:
    User.objects.create_superuser("root@example.com", "a long password")
    two.first.source.error = ZeroDivisionError()
    two.first.run()
    failed, now = read_rows(), timezone.now() + timedelta(minutes=1)
    for _ in range(ROUNDS):
        restore_rows(failed)
        assert not [each for each in at_once(*(lambda: announce(now) for _ in range(3))) if isinstance(each, Exception)]
        assert Notice.objects.count() == 1
        assert sum(at_once(*(lambda: send_notices(now) for _ in range(3)))) == 1
