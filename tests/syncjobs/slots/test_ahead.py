"""Nothing waits for a time that a clock which was ahead has stored."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.apps import apps
from django.core import mail
from django.db.models import DateTimeField
from django.utils import timezone

from connectors.errors import ProviderUnavailable
from oncall.models import User
from syncjobs.models import (
    Invitation,
    InvitationState,
    Notice,
    NoticeKind,
    NoticeState,
    RunKind,
    RunState,
    SyncProfile,
    SyncRun,
)
from syncjobs.runs.durable.quarantine import FAILURES, LONGEST, SHORTEST
from syncjobs.runs.start import start
from syncjobs.slots.ahead import WAITED, Waited, bring_back
from syncjobs.slots.ticking import run_tick
from tests.syncjobs.conftest import Sync
from tests.syncjobs.slots.ticks import HOUR, MINUTE, set_every, started, tick_at

pytestmark = pytest.mark.django_db

#: The times of the models of WAITED that nothing waits for: they say when something was, or they are a rule.
NOT_WAITED = {
    "SyncRun": {"created_at", "started_at", "planned_at", "finished_at", "progress_at", "slot", "plan_expires_at"},
    "SyncProfile": {"every_since", "slots_until", "paused_at", "quarantined_at"},
    "Notice": {"created_at", "sent_at"},
    "Invitation": {"created_at", "sent_at", "ended_at"},
}


def _run(sync: Sync, **columns: Any) -> SyncRun:
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    SyncRun.objects.filter(pk=run.pk).update(**columns)
    return run


def _notice(sync: Sync, **columns: Any) -> Notice:
    account = User.objects.create_superuser("root@example.com", "a long password")
    run = SyncRun.objects.create(connection=sync.connection, profile=sync.profile, kind="apply", state="failed")
    return Notice.objects.create(
        kind=NoticeKind.FAILED, account=account, run=run, key="k", created_at=timezone.now(), **columns
    )


def _invitation(sync: Sync, state: InvitationState, **columns: Any) -> Invitation:
    return Invitation.objects.create(
        connection=sync.connection, email="a@example.com", state=state, created_at=timezone.now(), **columns
    )


def _profile(sync: Sync, **columns: Any) -> SyncProfile:
    SyncProfile.objects.filter(pk=sync.profile.pk).update(**columns)
    return sync.profile


#: How to make a row that waits for a time, for each entry of WAITED.
ROWS: dict[tuple[str, str], Callable[..., Any]] = {
    ("SyncRun", "lease_expires_at"): lambda sync, **columns: _run(sync, state=RunState.RUNNING, **columns),
    ("SyncRun", "notified_at"): _run,
    ("SyncRun", "due_at"): lambda sync, **columns: _run(sync, state=RunState.WAITING, **columns),
    ("SyncProfile", "next_try_at"): _profile,
    ("Notice", "next_try"): lambda sync, **columns: _notice(sync, state=NoticeState.QUEUED, **columns),
    ("Invitation", "next_try"): lambda sync, **columns: _invitation(sync, InvitationState.QUEUED, **columns),
    ("Invitation", "expires_at"): lambda sync, **columns: _invitation(sync, InvitationState.SENT, **columns),
}


def name_of(each: Waited) -> tuple[str, str]:
    return each.model.__name__, each.column


@pytest.mark.parametrize("model", NOT_WAITED)
def test_each_time_of_a_model_is_one_for_which_something_waits_or_not(model: str) -> None:
    times = {f.name for f in apps.get_model("syncjobs", model)._meta.fields if isinstance(f, DateTimeField)}
    waited = {column for name, column in map(name_of, WAITED) if name == model}
    assert times == NOT_WAITED[model] | waited
    assert not NOT_WAITED[model] & waited


@pytest.mark.parametrize("each", WAITED, ids=lambda each: ".".join(name_of(each)))
def test_a_time_that_is_too_far_ahead_is_brought_back_and_another_one_is_kept(sync: Sync, each: Waited) -> None:
    now = timezone.now()
    row = ROWS[name_of(each)](sync, **{each.column: now + timedelta(days=900)})
    assert bring_back(now) == 1
    row.refresh_from_db()
    assert getattr(row, each.column) == now + each.instead
    assert bring_back(now) == 0
    latest = now + each.longest
    type(row).objects.filter(pk=row.pk).update(**{each.column: latest})
    assert bring_back(now) == 0
    row.refresh_from_db()
    assert getattr(row, each.column) == latest


def test_a_run_whose_worker_died_while_the_clock_was_ahead_goes_on(sync: Sync) -> None:
    run = _run(sync, state=RunState.RUNNING, lease_expires_at=timezone.now() + timedelta(days=1))
    run_tick()
    run.refresh_from_db()
    assert run.lease_expires_at is not None
    assert run_tick(run.lease_expires_at + timedelta(seconds=1)).resumed == (run.pk,)


def test_a_tick_with_a_clock_of_its_own_takes_no_run_from_its_worker(sync: Sync) -> None:
    run = _run(sync, state=RunState.RUNNING, lease_expires_at=timezone.now() + MINUTE)
    run_tick(timezone.now() - timedelta(days=3))
    run_tick()
    run.refresh_from_db()
    assert run.state == RunState.RUNNING


def test_what_a_tick_far_ahead_leaves_is_done_by_the_next_one(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, notified: list[int]
) -> None:
    """Its mails are sent, its queued runs are announced, and its failed runs are tried again."""
    User.objects.create_superuser("root@example.com", "a long password")
    sync.source.error = ProviderUnavailable("Down.", hint="", provider="pagerduty")
    set_every(sync, "1h", since=timezone.now() - 5 * HOUR)
    far = timezone.now() + timedelta(days=900)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", _no_server)
        for number in range(FAILURES):
            tick_at(sync, far + number * HOUR + MINUTE)
        queued = _run(sync)
        run_tick(far + 10 * HOUR)
    notified.clear()
    assert Notice.objects.filter(state=NoticeState.QUEUED, next_try__gt=far).exists()
    run_tick()
    assert (len(mail.outbox), notified.count(queued.pk)) == (2, 1)
    sync.profile.refresh_from_db()
    assert sync.profile.next_try_at is not None
    assert sync.profile.next_try_at <= timezone.now()


def _no_server(*arguments: object) -> int:
    raise ConnectionRefusedError


def test_failed_runs_wait_by_the_clock_of_the_tick(sync: Sync) -> None:
    """Hourly slots of a source that is down for days, by ``tick --at``: as many tries as in real time."""
    sync.source.error = ProviderUnavailable("Down.", hint="", provider="pagerduty")
    begin = datetime.fromtimestamp(int(timezone.now().timestamp()), timezone.now().tzinfo) + timedelta(days=30)
    set_every(sync, "1h", since=begin)
    tries = [hour for hour in range(1, 100) if started(sync, begin + hour * HOUR) == [1]]
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    longest, shortest = LONGEST // HOUR, SHORTEST // HOUR
    assert pauses == [1] * (FAILURES - 1) + [shortest, 2, 4, 8, 16, longest, longest]
    sync.source.error = None
    assert started(sync, begin + 99 * HOUR, begin + 140 * HOUR, begin + 141 * HOUR) == [0, 1, 1]
