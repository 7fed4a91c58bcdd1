"""Celery tasks. They carry no data: everything a task needs is in the database.

The settings route each task to a queue: ``runs``, or ``tick``, whose worker no run can occupy.
"""

from typing import Any

from celery import shared_task
from celery.signals import beat_embedded_init, beat_init, before_task_publish
from django.utils import timezone

from syncjobs.deciding.ending import reopen_ended
from syncjobs.invitations.outbox import work_off
from syncjobs.models import Part
from syncjobs.runs.heartbeats import note_seen
from syncjobs.runs.notify import DRIVE_RUN, LIFETIMES, PULSE, TICK, send
from syncjobs.runs.retention import retain
from syncjobs.runs.runner import drive
from syncjobs.runs.start import recover_runs
from syncjobs.runs.stored.references import repair_references


@shared_task(name=DRIVE_RUN, expires=LIFETIMES[DRIVE_RUN])
def drive_run(run_id: int) -> None:
    """Work on a queued run. A second task for the same run does nothing, because only one worker can claim it."""
    note_seen(Part.RUNS)
    drive(run_id)


@shared_task(name=TICK, expires=LIFETIMES[TICK])
def tick() -> None:
    """Fail runs whose worker died, and notify workers again of queued runs. Beat sends it every minute.

    It also fills the references that runs left open, opens questions again whose answer has ended, does a piece of what
    the limits of retention demand, and sends the mails that are due. They come last, because a mail server may take
    long to answer.
    """
    note_seen(Part.TICK)
    send(PULSE)
    recover_runs()
    repair_references()
    reopen_ended(timezone.now())
    retain()
    work_off()


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
