"""Runs that are active, cancelled, dead, stale or superseded."""

import json
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from django.db import DataError
from django.db.models.functions import Now
from django.utils import timezone

from config.logs import JsonLine
from connectors.errors import AuthenticationFailed, ProviderUnavailable, ReadStopped
from oncall.aggregates import Draft
from oncall.models import Responder
from oncall.operations import create_account, write
from syncjobs import tasks
from syncjobs.errors import RulesChanged, RunAlreadyActive, StalePlan
from syncjobs.models import ExternalLink, RunKind, RunState, SyncRun
from syncjobs.runs import apply
from syncjobs.runs.claim import LEASE, Claim, claim_run
from syncjobs.runs.durable.recovery import recover_runs
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve, cancel, start
from syncjobs.runs.stored.links import write_links
from syncjobs.tasks import drive_run, tick
from tests.syncjobs.conftest import BY, NOW, Sync, layer, schedule, user, world

pytestmark = pytest.mark.django_db


def test_a_second_run_is_refused_and_names_the_first(sync: Sync) -> None:
    first = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    with pytest.raises(RunAlreadyActive) as refused:
        start(sync.profile, RunKind.PLAN, by=None, notify=False)
    assert refused.value.run == first
    assert f"Run {first.pk}" in str(refused.value)


def test_a_start_notifies_workers_on_commit(
    sync: Sync, notified: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = start(sync.profile, RunKind.APPLY, by=None)
        assert notified == []
    assert notified == [run.pk]


def test_only_one_worker_gets_a_run(sync: Sync) -> None:
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    assert claim_run(run.pk) is not None
    assert claim_run(run.pk) is None
    assert drive(run.pk) is None


def test_a_refused_key_fails_the_run_in_words(sync: Sync) -> None:
    sync.source.error = AuthenticationFailed(
        "PagerDuty refused the key.", hint="Enter another.", provider="pagerduty", field="api_key"
    )
    run = sync.run()
    assert (run.state, run.reason) == (RunState.FAILED, "PagerDuty refused the key.")
    assert run.hint == "Enter another. What was imported before did not change."
    assert not run.is_active


def test_a_vendor_that_is_down_fails_the_run_and_the_next_one_goes_on(sync: Sync) -> None:
    sync.source.error = ProviderUnavailable("PagerDuty does not answer.", hint="Try later.", provider="pagerduty")
    assert sync.run().state == RunState.FAILED
    sync.source.error = None
    assert sync.run().state == RunState.SUCCEEDED


def test_an_unexpected_error_never_leaves_a_run_open(sync: Sync) -> None:
    sync.source.error = ZeroDivisionError("token=abc")
    run = sync.run()
    assert run.state == RunState.FAILED
    assert "ZeroDivisionError" in run.reason
    assert "abc" not in run.reason + run.hint


def test_an_interrupted_run_is_closed_at_once(sync: Sync) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    sync.source.during = interrupt
    with pytest.raises(KeyboardInterrupt):
        sync.run()
    run = SyncRun.objects.get()
    assert run.state == RunState.FAILED
    assert "interrupted" in run.reason


def test_progress_is_written_while_pages_arrive(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncjobs.runs.claim.SHORTEST_PAUSE", 0.0)
    monkeypatch.setattr("syncjobs.runs.claim.PAUSE_SHARE", 10**9)
    seen: list[Any] = []
    sync.source.during = lambda: seen.append(SyncRun.objects.get().counts["schedule"])
    sync.run()
    assert seen == [{"fetched": 1, "total": None}]


def test_long_runs_write_progress_more_rarely_but_always_within_the_lease(sync: Sync) -> None:
    run = claim_run(start(sync.profile, RunKind.APPLY, by=None, notify=False).pk)
    assert run is not None
    now = [0.0]
    claim = Claim(run, clock=lambda: now[0])
    writes = []
    for second in range(3600):
        now[0] = float(second)
        before = claim._written
        claim.beat()
        if claim._written != before:
            writes.append(second)
    assert sum(at <= 60 for at in writes) <= 12
    assert max(later - earlier for earlier, later in pairwise(writes)) <= LEASE.total_seconds() / 2


def test_cancelling_stops_the_reading_and_nothing_is_written(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncjobs.runs.claim.SHORTEST_PAUSE", -1.0)

    def during() -> None:
        assert not sync.source.should_stop()
        cancel(SyncRun.objects.get())
        assert sync.source.should_stop()
        raise ReadStopped("stopped", hint="", provider="pagerduty")

    sync.source.during = during
    run = sync.run()
    assert run.state == RunState.CANCELLED
    assert not Responder.objects.exists()


def test_a_run_cancelled_before_it_writes_writes_nothing(sync: Sync) -> None:
    sync.source.during = lambda: cancel(SyncRun.objects.get()) and None
    run = sync.run()
    assert run.state == RunState.CANCELLED
    assert not Responder.objects.exists()
    assert not cancel(run)


def test_a_run_whose_worker_died_is_queued_again_by_the_next_tick(sync: Sync, notified: list[int]) -> None:
    run = claim_run(start(sync.profile, RunKind.APPLY, by=None, notify=False).pk)
    assert run is not None
    assert recover_runs() == ([], [], 0)
    SyncRun.objects.update(lease_expires_at=Now() - timedelta(seconds=1))
    tick()
    assert run.pk in notified
    run.refresh_from_db()
    assert run.state == RunState.QUEUED
    assert "stopped answering" in run.reason
    assert Claim(run).write() is False
    ended = sync.drive(run)
    assert (ended.state, ended.reason) == (RunState.SUCCEEDED, "")


def test_a_worker_logs_how_a_run_ended_in_a_record_that_names_it(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(caplog.handler, "emit", lambda record: lines.append(json.loads(JsonLine().format(record))))
    caplog.set_level("INFO")
    monkeypatch.setattr(tasks, "drive", partial(drive, opener=sync.source.open))
    for error in (None, ProviderUnavailable("No answer to ana@example.com.", hint="", provider="pagerduty")):
        sync.source.error = error
        run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
        drive_run(run.pk)
        run.refresh_from_db()
        (line,) = (each for each in lines if each.get("run") == run.pk)
        assert f"Run {run.pk} of connection {sync.connection.pk} is {run.state}" in line["message"]
        assert "ana@" not in line["message"]


def test_a_task_for_a_run_that_ended_does_nothing(sync: Sync) -> None:
    run = sync.run()
    drive_run(run.pk)
    assert SyncRun.objects.get(pk=run.pk).fence == run.fence


def test_a_newer_plan_replaces_the_one_that_waits(sync: Sync) -> None:
    old, new = sync.plan(), sync.plan()
    old.refresh_from_db()
    assert (old.state, old.superseded_by) == (RunState.SUPERSEDED, new)
    with pytest.raises(StalePlan, match=f"replaced by run {new.pk}"):
        approve(old, by=None, notify=False)


def test_a_plan_expires_after_a_week(sync: Sync) -> None:
    plan = sync.plan()
    SyncRun.objects.update(plan_expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(StalePlan, match="expired"):
        approve(plan, by=None, notify=False)


def test_a_plan_is_applied_once(sync: Sync) -> None:
    plan = sync.plan()
    sync.apply(plan)
    with pytest.raises(StalePlan, match="has no plan to apply: its state is"):
        approve(plan, by=None, notify=False)


def test_an_approval_waits_for_the_active_run(sync: Sync) -> None:
    plan = sync.plan()
    active = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    with pytest.raises(RunAlreadyActive) as refused:
        approve(plan, by=None, notify=False)
    assert refused.value.run == active


NARROW = {"everything": False, "chosen": {"schedule": ["S1"]}}


@pytest.mark.parametrize(
    ("changes", "word"), [({"strategy": "source"}, "rules"), ({"selection": NARROW}, "selection")], ids=str
)
def test_rules_that_changed_after_the_plan_are_asked_about_before_it_is_applied(
    sync: Sync, changes: dict[str, Any], word: str
) -> None:
    plan = sync.plan()
    sync.rules(**changes)
    with pytest.raises(RulesChanged, match=word):
        sync.apply(plan)
    plan.refresh_from_db()
    assert plan.state == RunState.AWAITING_REVIEW
    assert not Responder.objects.exists()
    approve(plan, by=None, notify=False, despite_rules=True)
    assert sync.drive(plan).state == RunState.SUCCEEDED
    assert Responder.objects.count() == 3


def test_rules_that_change_after_the_approval_bring_the_plan_back_to_review(sync: Sync) -> None:
    plan = sync.plan()
    approve(plan, by=None, notify=False)
    sync.rules(selection=NARROW)
    waiting = sync.drive(plan)
    assert waiting.state == RunState.AWAITING_REVIEW
    assert "rules" in waiting.reason
    assert not Responder.objects.exists()
    approve(plan, by=None, notify=False, despite_rules=True)
    assert sync.drive(plan).reason == ""


def test_an_old_plan_reads_the_source_again_and_leaves_alone_what_moved(sync: Sync) -> None:
    plan = sync.plan()
    SyncRun.objects.update(planned_at=timezone.now() - timedelta(minutes=16))
    sync.source.change(users=(user("U1", "Ana", title="New"), *world().users[1:]))
    applied = sync.apply(plan)
    assert len(sync.source.selections) == 2
    stale = applied.items.get(outcome="stale")
    assert (stale.external_id, stale.code) == ("U1", "stale")
    assert sorted(Responder.objects.values_list("name", flat=True)) == ["Bo", "Cy"]
    assert sync.run().state == RunState.SUCCEEDED
    assert Responder.objects.get(name="Ana").title == "New"


def test_an_old_plan_is_not_stale_because_a_rotation_moved_on_by_itself(sync: Sync) -> None:
    """The second read reports the same rotation with another anchor."""
    before, after = (layer("U1", "U2", anchor=f"2026-03-01T0{clock}:00", length=86_400) for clock in ("2:30", "3:00"))
    march = NOW - 237 * 86_400  # the day before the clock skips 02:30
    sync.source.change(fetched_at=march, schedules=(schedule("S1", "Primary", before),))
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Primary", after, description="By day"),))
    plan = sync.plan()
    assert [list(item.changes["fields"]) for item in plan.items.all()] == [["description"]]
    SyncRun.objects.update(planned_at=timezone.now() - timedelta(minutes=16))
    assert sync.apply(plan).items.get().outcome == "applied"
    sync.source.change(schedules=(schedule("S1", "Primary", before, description="By day"),))
    assert sync.run().items.count() == 0


def test_a_fresh_plan_is_applied_without_reading_again(sync: Sync) -> None:
    sync.apply(sync.plan())
    assert len(sync.source.selections) == 1


def test_what_a_reviewer_unticks_is_left_out(sync: Sync) -> None:
    plan = sync.plan()
    plan.items.filter(external_id="U3").update(ticked=False)
    applied = sync.apply(plan)
    left_out = applied.items.get(external_id="U3")
    assert (left_out.outcome, left_out.reason) == ("skipped", "unticked by the reviewer")
    assert Responder.objects.count() == 2


def test_a_person_who_appears_here_while_a_plan_waits_makes_its_item_stale(sync: Sync) -> None:
    plan = sync.plan()
    write("responder", [Draft({"name": "Ana", "email": "ana@example.com"})], by=BY)
    applied = sync.apply(plan)
    assert applied.items.get(outcome="stale").external_id == "U1"
    assert Responder.objects.filter(name="Ana").count() == 1


def test_a_link_removed_while_a_plan_waits_makes_its_item_stale(sync: Sync) -> None:
    sync.run()
    sync.source.change(users=(user("U1", "Ana", title="New"), *world().users[1:]))
    plan = sync.plan()
    ExternalLink.objects.filter(external_id="U1").delete()
    applied = sync.apply(plan)
    assert "link was removed" in applied.items.get().reason
    assert Responder.objects.get(name="Ana").title == ""


def test_a_row_linked_while_a_plan_waits_is_not_created_again(sync: Sync) -> None:
    plan = sync.plan()
    other = sync.run()
    assert other.state == RunState.SUCCEEDED
    SyncRun.objects.filter(pk=plan.pk).update(state=RunState.AWAITING_REVIEW, superseded_by=None)
    applied = sync.apply(plan)
    assert {(item.outcome, item.code) for item in applied.items.all()} == {("skipped", "again")}
    assert applied.state == RunState.SUCCEEDED
    assert Responder.objects.count() == 3


def test_an_account_taken_while_a_plan_waits_makes_its_item_stale(sync: Sync) -> None:
    account = create_account("ana@example.com", "long enough password", by=BY)
    plan = sync.plan()
    write("responder", [Draft({"name": "Somebody"}, account_id=account.pk)], by=BY)
    applied = sync.apply(plan)
    following = SyncRun.objects.get(of_run=applied)
    reason = applied.items.get(outcome="stale").reason
    assert reason.startswith("the account was linked to another person")
    assert reason.endswith(f"it waits in run {following.pk}")
    assert [item.changes.get("account") for item in following.items.all()] == [None]
    assert sync.apply(following).state == RunState.SUCCEEDED
    assert Responder.objects.filter(name="Ana", account=None).count() == 1


def test_cancelling_while_it_writes_keeps_what_was_written_whole(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncjobs.runs.apply.BATCH", 1)

    def cancelled_after_two(claim: Claim) -> None:
        if Responder.objects.count() == 2:
            cancel(claim.run)

    monkeypatch.setattr(Claim, "beat", cancelled_after_two)
    run = sync.run()
    assert run.state == RunState.CANCELLED
    assert Responder.objects.count() == ExternalLink.objects.count() == 2
    monkeypatch.undo()
    assert sync.run().state == RunState.SUCCEEDED
    assert Responder.objects.count() == 3


def test_a_database_that_refuses_one_item_costs_one_item(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(run: Any, kind: Any, items: Any, links: Any, rows: Any) -> Any:
        if any(item.external_id == "U2" for item in items):
            raise DataError("value u+secret-of-a-row out of range")
        return write_links(run, kind, items, links, rows)

    monkeypatch.setattr(apply, "write_links", refusing)
    run = sync.run()
    assert run.state == RunState.PARTIAL
    failed = run.items.get(outcome="failed")
    assert (failed.external_id, failed.code) == ("U2", "DataError")
    assert "u+secret" not in failed.reason
    assert sorted(Responder.objects.values_list("name", flat=True)) == ["Ana", "Cy"]
    monkeypatch.undo()
    assert sync.run().state == RunState.SUCCEEDED
    assert Responder.objects.count() == 3
