"""Celery tasks. They carry no data: everything a task needs is in the database.

The settings route each task to a queue: ``runs``, or ``tick``, whose worker no run can occupy.
"""

from typing import Any

from celery import shared_task
from celery.signals import beat_embedded_init, beat_init, before_task_publish

from syncjobs.models import Part
from syncjobs.runs.heartbeats import note_seen
from syncjobs.runs.notify import DRIVE_RUN, LIFETIMES, PULSE, TICK, send
from syncjobs.runs.runner import drive
from syncjobs.slots.ticking import run_tick


@shared_task(name=DRIVE_RUN, expires=LIFETIMES[DRIVE_RUN])
def drive_run(run_id: int) -> None:
    """Work on a queued run. A second task for the same run does nothing, because only one worker can claim it."""
    note_seen(Part.RUNS)
    drive(run_id)


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
