"""Messages to the workers: what cannot be sent loses no run, and no run is announced twice in a minute."""

import logging
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest
from celery import Celery
from django.utils import timezone
from kombu.exceptions import EncodeError, LimitExceeded, OperationalError
from redis.exceptions import AuthenticationError, ResponseError

from syncjobs import tasks
from syncjobs.models import Heartbeat, Part, RunKind, RunState, SyncRun
from syncjobs.runs import notify
from syncjobs.runs.claim import claim_run
from syncjobs.runs.durable.recovery import recover_runs
from syncjobs.runs.notify import DRIVE_RUN, LIFETIMES, NOTIFY_AGAIN, TICK, notify_workers, send
from syncjobs.runs.start import approve, start
from tests.syncjobs.conftest import Sync

SECRET = "s3cret"


def _wrapped() -> OperationalError:
    error = OperationalError(SECRET)
    error.__cause__ = ConnectionRefusedError(111, SECRET)
    return error


#: What sending a message can raise, and how a page calls it.
FAILURES: tuple[tuple[Exception, str], ...] = (
    (ConnectionRefusedError(111, SECRET), "ConnectionRefusedError"),
    (TimeoutError(SECRET), "TimeoutError"),
    (PermissionError(13, SECRET), "PermissionError"),
    (_wrapped(), "ConnectionRefusedError"),
    (OperationalError(SECRET), "OperationalError"),
    (EncodeError(SECRET), "EncodeError"),
    (LimitExceeded(SECRET), "LimitExceeded"),
    (AuthenticationError(SECRET), "AuthenticationError"),
    (ResponseError(SECRET), "ResponseError"),
    (ValueError(f"Port could not be cast to integer value as '{SECRET}'"), "ValueError"),
    (KeyError(f"No such transport: {SECRET}"), "KeyError"),
    (ModuleNotFoundError("No module named 'packaging'", name="packaging"), "the library packaging is not installed"),
    (ImportError(f"Missing redis library {SECRET}"), "the library of its transport is not installed"),
)
each_failure = pytest.mark.parametrize(
    "error,words", FAILURES, ids=[f"{number}-{type(error).__name__}" for number, (error, _) in enumerate(FAILURES)]
)


def passed(run: SyncRun, seconds: int) -> None:
    """Makes the last notification of a run older."""
    run.refresh_from_db()
    assert run.notified_at is not None
    SyncRun.objects.filter(pk=run.pk).update(notified_at=run.notified_at - timedelta(seconds=seconds))


@each_failure
def test_a_start_and_an_approval_survive_every_failure_and_the_next_tick_notifies_again(
    sync: Sync,
    fail: Any,
    notified: list[int],
    error: Exception,
    words: str,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    works = notify.current_app.send_task
    fail(error)
    with caplog.at_level(logging.DEBUG), django_capture_on_commit_callbacks(execute=True):
        run = start(sync.profile, RunKind.PLAN, by=None)
    run.refresh_from_db()
    assert (run.state, run.notified_at) == (RunState.QUEUED, None)
    assert Heartbeat.objects.get(part=Part.BROKER).fault == words
    sync.drive(run)
    with caplog.at_level(logging.DEBUG), django_capture_on_commit_callbacks(execute=True):
        approve(run, by=None)
    run.refresh_from_db()
    assert (run.state, run.notified_at) == (RunState.QUEUED, None)
    assert SECRET not in caplog.text
    assert words in caplog.text
    assert recover_runs() == ([], [], 0)
    monkeypatch.setattr(notify.current_app, "send_task", works)
    assert recover_runs() == ([], [], 1)
    assert notified == [run.pk]


def app(broker: str) -> Celery:
    """Returns an application with the product's settings and this broker."""
    made = Celery(set_as_current=False)
    made.config_from_object("django.conf:settings", namespace="CELERY")
    made.conf.update(broker_url=broker, broker_transport_options={})
    return made


@pytest.mark.parametrize(
    "broker,library,words",
    [
        ("redis://127.0.0.1:1/0", None, "ConnectionError"),
        (f"redis://:{SECRET}@127.0.0.1:{SECRET}/0", None, "ValueError"),
        (f"nothing://{SECRET}", None, "KeyError"),
        ("redis://127.0.0.1:1/0", "packaging.version", "the library packaging.version is not installed"),
    ],
)
def test_real_transports_fail_with_what_is_expected(
    db: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    broker: str,
    library: str | None,
    words: str,
) -> None:
    if library is not None:
        monkeypatch.delitem(sys.modules, "kombu.transport.redis", raising=False)
        monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.setattr("kombu.transport._transport_cache", {})
    monkeypatch.setattr(notify, "current_app", app(broker))
    with caplog.at_level(logging.DEBUG):
        assert not send(DRIVE_RUN, 1)
    assert Heartbeat.objects.get().fault == words
    assert SECRET not in caplog.text


def test_a_message_that_was_sent_ends_the_fault(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "current_app", app("redis://127.0.0.1:1/0"))
    send(DRIVE_RUN, 1)
    monkeypatch.setattr(notify, "current_app", app("memory://"))
    assert send(DRIVE_RUN, 1)
    broker = Heartbeat.objects.get()
    assert (broker.part, broker.fault) == (Part.BROKER, "")


def test_beat_is_seen_when_it_sends_its_tick_whether_or_not_the_broker_takes_it(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for broker in ("memory://", "redis://127.0.0.1:1/0"):
        Heartbeat.objects.all().delete()
        monkeypatch.setattr(notify, "current_app", app(broker))
        tasks.tick_at_start()
        assert set(Heartbeat.objects.values_list("part", flat=True)) == {Part.BROKER, Part.BEAT}


@pytest.mark.parametrize("task", LIFETIMES)
def test_a_message_expires_and_reaches_its_own_queue_only(db: None, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    sending = app("memory://")
    monkeypatch.setattr(notify, "current_app", sending)
    arguments = [7] if task == DRIVE_RUN else []
    with sending.connection() as connection:
        queues = {each.name: connection.SimpleQueue(each) for each in sending.conf.task_queues}
        for queue in queues.values():
            queue.clear()
        assert send(task, *arguments)
        wanted = "tick" if task == TICK else "runs"
        assert {name: queue.qsize() for name, queue in queues.items()} == {name: int(name == wanted) for name in queues}
        message = queues[wanted].get_nowait()
    sent = datetime.fromisoformat(message.headers["expires"])
    assert timedelta(0) < sent - timezone.now() <= timedelta(seconds=LIFETIMES[task])


def test_a_queued_run_is_announced_at_most_once_a_minute(
    sync: Sync, notified: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = start(sync.profile, RunKind.APPLY, by=None)
    assert [recover_runs().notified for _ in range(3)] == [0, 0, 0]
    passed(run, seconds=50)
    assert recover_runs() == ([], [], 0)
    passed(run, seconds=10)
    assert [recover_runs().notified for _ in range(3)] == [1, 0, 0]
    assert notified == [run.pk, run.pk]


def test_the_wrong_clock_of_a_worker_announces_nothing_again(
    sync: Sync, notified: list[int], monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = start(sync.profile, RunKind.APPLY, by=None)
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    assert recover_runs() == ([], [], 0)
    passed(run, seconds=60)
    assert recover_runs() == ([], [], 1)
    run.refresh_from_db()
    assert run.notified_at is not None and run.notified_at < tomorrow


def test_two_ticks_at_once_announce_a_run_once(sync: Sync, notified: list[int]) -> None:
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    passed(run, seconds=int(NOTIFY_AGAIN.total_seconds()))
    first, second = SyncRun.objects.get(), SyncRun.objects.get()
    assert (notify_workers(first), notify_workers(second)) == (True, False)
    assert notified == [run.pk]


def test_an_approval_is_announced_at_once_however_short_ago_the_plan_was(
    sync: Sync, notified: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = start(sync.profile, RunKind.PLAN, by=None)
    sync.drive(run)
    with django_capture_on_commit_callbacks(execute=True):
        approve(run, by=None)
    assert notified == [run.pk, run.pk]


def test_a_run_that_is_not_queued_is_not_announced(sync: Sync, notified: list[int]) -> None:
    run = start(sync.profile, RunKind.APPLY, by=None, notify=False)
    claim_run(run.pk)
    assert not notify_workers(run)
    assert recover_runs() == ([], [], 0)
    assert notified == []


def test_the_notification_of_a_run_lives_longer_than_the_time_to_the_next(db: None) -> None:
    assert LIFETIMES[DRIVE_RUN] > 2 * NOTIFY_AGAIN.total_seconds()
