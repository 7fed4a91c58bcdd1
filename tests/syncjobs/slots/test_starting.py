"""One run for each due slot, whatever the ticks do."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from oncall.models import Responder, User
from syncjobs.models import RunKind, RunState, SyncProfile, SyncRun
from syncjobs.pages.automatic import saved_in_words
from syncjobs.runs.start import cancel, start
from syncjobs.setup.disconnect import disconnect
from syncjobs.setup.rules import set_rules
from syncjobs.slots import starting, ticking
from syncjobs.slots.every import unreadable
from syncjobs.slots.starting import start_due
from tests.syncjobs.conftest import Sync
from tests.syncjobs.slots.ticks import HOUR, MINUTE, START, set_every, slots_of_runs, started, tick_at

pytestmark = pytest.mark.django_db
DAY = 24 * HOUR


def test_a_slot_starts_one_run_which_is_applied_and_knows_its_slot(sync: Sync) -> None:
    set_every(sync, "6h")
    assert started(sync, START, START + 6 * HOUR - MINUTE, START + 6 * HOUR, START + 6 * HOUR, START + 7 * HOUR) == [
        0, 0, 1, 0, 0,
    ]  # fmt: skip
    run = SyncRun.objects.get()
    assert (run.state, run.kind, run.slot, run.requested_by) == ("succeeded", "apply", START + 6 * HOUR, None)
    assert Responder.objects.count() == 3


def test_after_a_gap_there_is_one_run_for_the_latest_slot_and_the_grid_is_kept(sync: Sync) -> None:
    set_every(sync, "6h")
    assert started(sync, START + 3 * DAY + HOUR, START + 3 * DAY + 2 * HOUR, START + 3 * DAY + 6 * HOUR) == [1, 0, 1]
    assert slots_of_runs() == [START + 3 * DAY, START + 3 * DAY + 6 * HOUR]


def test_going_back_in_time_starts_nothing_twice_and_no_skipped_slot(sync: Sync) -> None:
    set_every(sync, "6h")
    assert started(sync, START + 6 * HOUR, START + 3 * DAY) == [1, 1]
    back = [START + 3 * DAY - MINUTE, START + 2 * DAY, START + 7 * HOUR, START + 6 * HOUR, START - DAY]
    assert started(sync, *back) == [0] * 5


def test_slots_after_a_clock_that_was_ahead_are_not_lost(sync: Sync) -> None:
    set_every(sync, "6h")
    assert started(sync, START + 6 * HOUR, START + DAY + 7 * HOUR, START + 7 * HOUR, START + 12 * HOUR) == [1, 1, 0, 1]
    hours = [START + hour * HOUR for hour in (13, 18, 19, 24, 29, 30, 31, 36, 39)]
    assert sum(started(sync, *hours)) == 3  # 18, 24 and 36; 30 had its run
    assert len(set(slots_of_runs())) == len(slots_of_runs())


def test_a_slot_that_waited_is_started_although_a_clock_that_was_ahead_started_a_later_one(sync: Sync) -> None:
    set_every(sync, "6h")
    assert started(sync, START + 6 * HOUR, START + 18 * HOUR, START + 11 * HOUR) == [1, 1, 0]
    active = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    SyncRun.objects.filter(pk=active.pk).update(notified_at=START + 2 * DAY)
    assert started(sync, START + 12 * HOUR) == [0]
    cancel(active)
    assert started(sync, START + 18 * HOUR, START + 19 * HOUR, START + 24 * HOUR) == [1, 0, 1]
    assert sorted(slots_of_runs()) == [START + hours * HOUR for hours in (6, 12, 18, 24)]


def test_a_due_slot_waits_for_an_active_run_and_is_not_lost(sync: Sync) -> None:
    set_every(sync, "6h")
    active = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    SyncRun.objects.filter(pk=active.pk).update(notified_at=START + 2 * DAY)
    assert started(sync, START + 6 * HOUR, START + 7 * HOUR) == [0, 0]
    cancel(active)
    assert started(sync, START + 8 * HOUR, START + 9 * HOUR) == [1, 0]
    assert slots_of_runs() == [START + 6 * HOUR]


def test_a_new_rule_counts_from_when_it_is_set_and_off_starts_nothing(sync: Sync) -> None:
    set_every(sync, "6h")
    set_rules(sync.profile, {"every": "off"})
    assert started(sync, START + 3 * DAY) == [0]
    set_every(sync, "1h", since=START + 3 * DAY + 30 * MINUTE)
    assert started(sync, START + 4 * DAY) == [1]
    assert slots_of_runs() == [START + 3 * DAY + 23 * HOUR + 30 * MINUTE]


def test_a_rule_that_is_set_to_what_it_was_keeps_its_grid(sync: Sync) -> None:
    set_every(sync, "6h")
    before = sync.profile.every_since
    set_rules(sync.profile, {"every": "6h"})
    sync.profile.refresh_from_db()
    assert sync.profile.every_since == before


def test_a_rule_that_changed_after_the_tick_has_read_it_starts_nothing(sync: Sync) -> None:
    set_every(sync, "6h")
    due = starting._due(SyncProfile.objects.select_related("connection").get(), START + 6 * HOUR, 1)
    assert due is not None
    set_rules(sync.profile, {"every": "off"})
    assert starting._start(due, notify=False) is None
    assert not SyncRun.objects.exists()


def test_a_slot_that_has_a_run_already_starts_none(sync: Sync) -> None:
    """The truth is unique (profile, slot), also if what the profile knows is lost."""
    set_every(sync, "6h")
    assert started(sync, START + 6 * HOUR) == [1]
    SyncProfile.objects.update(slots_until=START)
    assert started(sync, START + 6 * HOUR, START + 7 * HOUR) == [0, 0]


def test_with_review_first_a_slot_only_plans(sync: Sync) -> None:
    set_every(sync, "6h")
    set_rules(sync.profile, {"review_first": True})
    assert started(sync, START + 6 * HOUR) == [1]
    assert (SyncRun.objects.get().state, Responder.objects.count()) == ("awaiting_review", 0)


def test_a_connection_that_is_disconnected_or_paused_starts_nothing_until_it_is_back(sync: Sync) -> None:
    set_every(sync, "6h")
    sync.connection.refused_account = "other"
    sync.connection.save()
    assert started(sync, START + 6 * HOUR) == [0]
    sync.connection.refused_account = ""
    sync.connection.save()
    assert started(sync, START + 7 * HOUR) == [1]
    disconnect(sync.connection)
    assert started(sync, START + 3 * DAY) == [0]


def test_many_connections_are_spread_and_capped_and_the_longest_due_comes_first(settings: Any, db: None) -> None:
    settings.RUNS_AT_ONCE = 3
    syncs = [Sync(f"source {number}") for number in range(12)]
    for each in syncs:
        set_every(each, "6h")
    moments = [START + 6 * HOUR + minute * MINUTE for minute in range(11)]
    first = start_due(moments[0], notify=False)
    assert len(first) <= 3
    late: dict[int, timedelta] = {}
    for at in [moments[0], *moments, *(moments[-1] + minute * MINUTE for minute in range(30))]:
        for run in SyncRun.objects.exclude(slot=None).filter(state=RunState.QUEUED):
            cancel(run)
        for run in start_due(at, notify=False):
            late[run.profile_id] = at - (START + 6 * HOUR)
        assert SyncRun.objects.filter(state=RunState.QUEUED).count() <= 3
    assert SyncRun.objects.count() == 12
    assert len(set(late.values())) > 3
    assert max(late.values()) <= 10 * MINUTE


def test_a_tick_without_due_slots_makes_one_query(sync: Sync, django_assert_num_queries: Any) -> None:
    set_every(sync, "6h")
    for number in range(5):
        set_every(Sync(f"source {number}"), "0 3 * * 1-5 Europe/Berlin")
    with django_assert_num_queries(1):
        assert start_due(START + HOUR) == []


def test_a_worker_is_notified_of_a_run_that_a_tick_starts(
    sync: Sync, notified: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    set_every(sync, "6h")
    with django_capture_on_commit_callbacks(execute=True):
        (run,) = start_due(START + 6 * HOUR)
    assert notified == [run.pk]
    assert tick_at(sync, START + 6 * HOUR).started == ()


#: Rules that were stored when they could be read: a zone that was abolished, a length that is no longer allowed.
UNREADABLE = ("0 3 * * * Mars/Phobos", "30s", "0 3 * * *", "")


@pytest.mark.parametrize("every", UNREADABLE)
def test_a_stored_rule_that_cannot_be_read_any_more_stops_no_other_connection_and_no_page(
    sync: Sync, admin_client: Client, every: str
) -> None:
    other = Sync("other")
    for each in (sync, other):
        set_every(each, "6h")
    SyncProfile.objects.filter(pk=sync.profile.pk).update(every=every)
    assert [run.profile_id for run in start_due(START + 7 * HOUR, notify=False)] == [other.profile.pk]
    why = escape(unreadable(every))
    assert why in admin_client.get("/admin/syncjobs/syncprofile/").content.decode()
    for page in ("syncjobs/syncprofile/{}/change", "connectors/connection/{}/change", "connectors/connection/{}/rules"):
        number = sync.profile.pk if "syncprofile" in page else sync.connection.pk
        answer = admin_client.get(f"/admin/{page.format(number)}/", follow=True)
        assert answer.status_code == 200, page
    assert "cannot be read any more" in saved_in_words(SyncProfile.objects.get(pk=sync.profile.pk), START)


def test_a_part_of_a_tick_that_fails_leaves_the_others_their_turn(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, mailoutbox: list[Any]
) -> None:
    User.objects.create_superuser("root@example.com", "a long password")
    set_every(sync, "6h")
    sync.source.error = ZeroDivisionError()
    sync.run()
    for part in ("recover_runs", "repair_references", "reopen_ended", "retain", "work_off"):
        monkeypatch.setattr(ticking, part, _broken(part))
    with pytest.raises(RuntimeError, match="recover_runs"):
        tick_at(sync, START + 6 * HOUR)
    assert (len(slots_of_runs()), len(mailoutbox)) == (1, 1)


def _broken(name: str) -> Any:
    def part(*arguments: object, **named: object) -> None:
        raise RuntimeError(name)

    return part
