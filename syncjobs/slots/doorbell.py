"""The row by which beat sends the tick. It is a doorbell only: when a sync is due is stored in its profile."""

from typing import Any, Final

from django.conf import settings
from django_celery_beat.models import IntervalSchedule, PeriodicTask

#: The name of the row, as in ``CELERY_BEAT_SCHEDULE``.
NAME: Final = "tick"
#: What the row has, beside its interval, whatever somebody stored there.
_COLUMNS: Final = {
    "enabled": True, "crontab": None, "solar": None, "clocked": None, "one_off": False, "start_time": None,
    "expires": None, "expire_seconds": None, "args": "[]", "kwargs": "{}", "queue": None, "exchange": None,
    "routing_key": None, "headers": "{}", "priority": None,
}  # fmt: skip


def restore_doorbell() -> bool:
    """Restore the row if it is missing, switched off or changed. Return whether it was."""
    entry: dict[str, Any] = settings.CELERY_BEAT_SCHEDULE[NAME]
    seconds = int(entry["schedule"])
    wanted: dict[str, Any] = {**_COLUMNS, "task": entry["task"]}
    row = PeriodicTask.objects.select_related("interval").filter(name=NAME).first()
    if row is not None and row.interval is not None:
        every = (row.interval.every, row.interval.period)
        if every == (seconds, IntervalSchedule.SECONDS) and all(getattr(row, name) == wanted[name] for name in wanted):
            return False
    intervals = IntervalSchedule.objects.filter(every=seconds, period=IntervalSchedule.SECONDS)
    interval = intervals.first() or IntervalSchedule.objects.create(every=seconds, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.update_or_create(name=NAME, defaults={**wanted, "interval": interval})
    return True
