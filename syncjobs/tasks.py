"""Celery's side: doorbells only. Everything a task needs to know is in the database."""

from celery import shared_task

from syncjobs.runs.runner import drive
from syncjobs.runs.start import sweep


@shared_task
def drive_run(run_id: int) -> None:
    """Work on one queued run. Ringing twice is harmless: only one worker can claim it."""
    drive(run_id)


@shared_task(expires=55)
def tick() -> None:
    """Every minute: fail abandoned runs, ring again for forgotten ones."""
    sweep()
