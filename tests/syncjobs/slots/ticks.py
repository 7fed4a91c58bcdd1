"""A periodic sync of the test source, ticks at chosen instants, and a second opinion on what they start."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from syncjobs.models import SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.setup.rules import set_rules
from syncjobs.slots.ticking import Ticked, run_tick
from tests.syncjobs.conftest import Sync

START = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def set_every(sync: Sync, every: str, since: datetime = START, **columns: Any) -> None:
    """Set the rule as if it was set at an instant, without a review first."""
    set_rules(sync.profile, {"every": every, "review_first": False})
    changed = {"every_since": since, "slots_until": since, **columns}
    SyncProfile.objects.filter(pk=sync.profile.pk).update(**changed)
    sync.profile.refresh_from_db()


def tick_at(sync: Sync, at: datetime) -> Ticked:
    """A tick that works on the runs of the source at once."""
    return run_tick(at, drive=lambda pk: drive(pk, opener=sync.source.open, at=at))


def started(sync: Sync, *moments: datetime) -> list[int]:
    """How many runs each tick starts."""
    return [len(tick_at(sync, at).started) for at in moments]


def slots_of_runs() -> Sequence[Any]:
    return list(SyncRun.objects.exclude(slot=None).order_by("pk").values_list("slot", flat=True))
