"""The scheduler of beat."""

from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler

from syncjobs.slots.doorbell import restore_doorbell


class Scheduler(DatabaseScheduler):
    """Restores the row of the tick each time that it reads its rows: at the start, after a change, every 5 minutes."""

    def all_as_schedule(self) -> Any:
        restore_doorbell()
        return super().all_as_schedule()  # type: ignore[no-untyped-call]
