"""Celery tasks. They carry no data: everything a task needs is in the database.

The settings route each task to a queue: ``runs``, or ``tick``, whose worker no run can occupy.
"""

import logging
from threading import Lock
from typing import Any, Final

from celery import shared_task
from celery.signals import beat_embedded_init, beat_init, before_task_publish, worker_ready, worker_shutting_down
from django.conf import settings

from syncjobs.current_run import working_on
from syncjobs.models import Part
from syncjobs.runs.claim import STOPPING
from syncjobs.runs.durable.watching import watch
from syncjobs.runs.heartbeats import note_seen
from syncjobs.runs.notify import DRIVE_RUN, LIFETIMES, PULSE, TICK, send
from syncjobs.runs.runner import drive
from syncjobs.slots.ticking import run_tick

log = logging.getLogger(__name__)
#: Held while the runs of this worker are told to stop.
_STOP: Final = Lock()


@shared_task(name=DRIVE_RUN, expires=LIFETIMES[DRIVE_RUN])
def drive_run(run_id: int) -> None:
    """Work on a queued run for a while. If it is not over then, it is queued again, behind the others.

    A second task for the same run does nothing, because only one worker can claim it.
    """
    note_seen(Part.RUNS)
    with working_on(run_id):
        run = drive(run_id, slice_seconds=settings.RUN_SLICE_SECONDS)
        if run is not None:  # its sentences may contain addresses
            log.info("Run %s of connection %s is %s, calls: %s", run.pk, run.connection_id, run.state, run.calls)


@shared_task(name=TICK, expires=LIFETIMES[TICK])
def tick() -> None:
    """Do what is to be done every minute (:func:`syncjobs.slots.ticking.run_tick`). Beat sends it."""
    note_seen(Part.TICK)
    send(PULSE)
    run_tick()


@shared_task(name=PULSE, expires=LIFETIMES[PULSE])
def pulse() -> None:
    """Store that the worker of the queue runs takes messages. Each tick sends it."""
    note_seen(Part.RUNS)


@before_task_publish.connect(sender=TICK)
def note_beat(**signal: Any) -> None:
    """Store that beat sends its tick, also while the broker is down."""
    note_seen(Part.BEAT)


@beat_init.connect
@beat_embedded_init.connect
def tick_at_start(**signal: Any) -> None:
    """Send the first tick when beat starts instead of a minute later."""
    send(TICK)


@worker_ready.connect
def watch_runs(**signal: Any) -> None:
    """Look for runs whose worker died in every worker, more often than the tick does."""
    watch()


@worker_shutting_down.connect
def stop_runs(**signal: Any) -> None:
    """Let the runs of this worker finish their page or batch and go back to the queue.

    It runs in the handler of a signal, which the next one may interrupt: after Ctrl-C, ``make up`` also sends SIGTERM.
    A second ``STOPPING.set()`` inside the first would wait for ever for the lock that the first one holds.
    """
    if _STOP.acquire(blocking=False):
        try:
            STOPPING.set()
        finally:
            _STOP.release()
