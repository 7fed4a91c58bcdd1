"""What happens every minute, whoever causes it: beat, or the command ``tick``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils import timezone

from syncjobs.deciding.ending import reopen_ended
from syncjobs.invitations.outbox import work_off
from syncjobs.models import SyncRun
from syncjobs.notices.announcing import announce
from syncjobs.notices.outbox import send_notices
from syncjobs.runs.durable.pages import delete_pages_of_ended_runs
from syncjobs.runs.durable.recovery import recover_runs
from syncjobs.runs.retention import retain
from syncjobs.runs.stored.references import repair_references
from syncjobs.slots.doorbell import restore_doorbell
from syncjobs.slots.starting import start_due


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a tick did: the ids of the runs that it started, that go on, and that failed; how many mails were sent."""

    started: tuple[int, ...]
    resumed: tuple[int, ...]
    failed: tuple[int, ...]
    mails: int


def run_tick(now: datetime | None = None, *, drive: Callable[[int], object] | None = None) -> Ticked:
    """Recover runs, start those that are due, repair what is open, and send the mails that are due.

    now: the clock of slots, leases, retries and mails; None is that of the database, which is the same for all workers.
    drive: works on a run in this process; None leaves runs to the workers. Mails come last, because a mail server may
    take long to answer.
    """
    restore_doorbell()
    recovered = recover_runs(now)  # leases are compared within the database
    now = now or database_clock()
    started: list[SyncRun] = start_due(now, notify=drive is None)
    if drive is not None:
        for pk in (*recovered.resumed, *(run.pk for run in started)):
            drive(pk)
    delete_pages_of_ended_runs()
    repair_references()
    reopen_ended(now)
    retain()
    announce(now)
    mails = work_off(now=now) + send_notices(now)
    return Ticked(tuple(run.pk for run in started), tuple(recovered.resumed), tuple(recovered.failed), mails)


def database_clock() -> datetime:
    """Return the time of the database. SQLite has no clock of its own."""
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT CLOCK_TIMESTAMP()")
        found: datetime = cursor.fetchone()[0]
    return found
