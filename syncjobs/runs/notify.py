"""Send messages to the workers. A message that is lost or cannot be sent costs a minute, never a run."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from celery import current_app
from celery.signals import after_task_publish
from django.db.models import Q
from django.db.models.functions import Now

from syncjobs.models import Part, RunState, SyncRun
from syncjobs.runs.heartbeats import note_seen

log = logging.getLogger(__name__)

DRIVE_RUN: Final = "syncjobs.tasks.drive_run"
PULSE: Final = "syncjobs.tasks.pulse"
TICK: Final = "syncjobs.tasks.tick"
#: Seconds after which workers drop a message. The notification of a run lives longer than the time between two of them,
#: so that a thread that becomes free always finds one.
LIFETIMES: Final = {DRIVE_RUN: 180, PULSE: 55, TICK: 55}
#: The shortest time between two notifications of one queued run.
NOTIFY_AGAIN: Final = timedelta(minutes=1)


def send(task: str, *args: Any) -> bool:
    """Send a message. If that fails, store the reason as the fault of the broker, and return False. Pages show it."""
    lifetime = LIFETIMES[task]
    try:
        current_app.send_task(task, args, expires=lifetime)
    except Exception as error:  # noqa: BLE001 - each transport has its own errors, and a missing one is an ImportError
        fault = _fault(error)
        log.warning("The message %s could not be sent: %s", task, fault)
        note_seen(Part.BROKER, fault)
        return False
    return True


@after_task_publish.connect
def note_broker(**signal: Any) -> None:
    """Store that the broker took a message."""
    note_seen(Part.BROKER)


def notify_workers(run: SyncRun, at: datetime | None = None) -> bool:
    """Notify the workers of a queued run. Return whether a message was sent; at most one is sent in a minute.

    If it cannot be sent, the run stays queued, and the next look tries again. at: the clock; None is that of the
    database, so that a worker with a wrong clock neither notifies too often nor silences the others.
    """
    clock = Now() if at is None else at
    if not SyncRun.objects.filter(_unanswered(clock), pk=run.pk).update(notified_at=clock):
        return False
    if send(DRIVE_RUN, run.pk):
        return True
    SyncRun.objects.filter(pk=run.pk, state=RunState.QUEUED).update(notified_at=None)
    return False


def notify_again(at: datetime | None = None) -> int:
    """Notify the workers of each queued run that no worker has taken. Return the number of messages that were sent."""
    unanswered = SyncRun.objects.filter(_unanswered(Now() if at is None else at)).only("pk")
    return sum(notify_workers(run, at) for run in unanswered)


def _unanswered(clock: Now | datetime) -> Q:
    """Match queued runs whose workers were not notified within the last minute. Nothing else says when to notify."""
    return Q(state=RunState.QUEUED) & (Q(notified_at=None) | Q(notified_at__lte=clock - NOTIFY_AGAIN))


def _fault(error: Exception) -> str:
    """Return what failed in words. They do not contain the error's text, which may contain the broker's password."""
    if isinstance(error, ImportError):
        return f"the library {error.name or 'of its transport'} is not installed"
    return type(error.__cause__ or error).__name__
