"""Celery tasks. They carry no data: everything a task needs is in the database."""

from celery import shared_task

from syncjobs.runs.references import repair_references
from syncjobs.runs.runner import drive
from syncjobs.runs.start import recover_runs


@shared_task
def drive_run(run_id: int) -> None:
    """Work on a queued run. A second task for the same run does nothing, because only one worker can claim it."""
    drive(run_id)


@shared_task(expires=55)
def tick() -> None:
    """Fail runs whose worker died, notify workers again of queued runs, and fill open references. Runs every minute."""
    recover_runs()
    repair_references()
