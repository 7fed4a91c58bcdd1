"""The row by which beat sends the tick: it is restored whatever happens to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from syncjobs.runs.notify import TICK
from syncjobs.slots.beat import Scheduler
from syncjobs.slots.doorbell import restore_doorbell
from syncjobs.tasks import tick

pytestmark = pytest.mark.django_db


def row() -> PeriodicTask:
    return PeriodicTask.objects.select_related("interval").get(name="tick")


def is_sound() -> bool:
    found = row()
    return bool(
        found.enabled and found.task == TICK and found.interval.every == 60 and found.interval.period == "seconds"
    ) and not (found.crontab or found.one_off or found.start_time or found.expires)


def _with_crontab() -> None:
    PeriodicTask.objects.filter(name="tick").update(interval=None, crontab=CrontabSchedule.objects.create())


FAULTS: dict[str, Callable[[], Any]] = {
    "deleted": lambda: PeriodicTask.objects.all().delete(),
    "switched off": lambda: PeriodicTask.objects.update(enabled=False),
    "another task": lambda: PeriodicTask.objects.update(task="nothing"),
    "once a year": lambda: IntervalSchedule.objects.update(every=365, period="days"),
    "a crontab": _with_crontab,
    "one time only": lambda: PeriodicTask.objects.update(one_off=True),
    "expired": lambda: PeriodicTask.objects.update(expires=timezone.now() - timedelta(days=1)),
    "later": lambda: PeriodicTask.objects.update(start_time=timezone.now() + timedelta(days=99)),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("restorer", ["tick", "beat"])
def test_whatever_happens_to_it_it_is_restored(name: str, restorer: str) -> None:
    restore_doorbell()
    assert is_sound()
    FAULTS[name]()
    if restorer == "tick":
        tick()
    else:
        scheduler = Scheduler(app=current_app, lazy=True)
        assert list(scheduler.all_as_schedule()) == ["tick"]
    assert is_sound()
    assert PeriodicTask.objects.count() == 1


def test_a_sound_row_costs_one_query(django_assert_num_queries: Any) -> None:
    assert restore_doorbell()
    with django_assert_num_queries(1):
        assert not restore_doorbell()


def test_beat_uses_this_scheduler(settings: Any) -> None:
    assert f"{Scheduler.__module__}:{Scheduler.__name__}" == settings.CELERY_BEAT_SCHEDULER
