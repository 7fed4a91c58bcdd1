"""What happens every minute, whoever causes it: beat, or the command ``tick``."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection
from django.utils import timezone

from syncjobs.deciding.ending import reopen_ended
from syncjobs.invitations.outbox import work_off
from syncjobs.models import SyncRun
from syncjobs.notices.announcing import announce
from syncjobs.notices.outbox import send_notices
from syncjobs.runs.durable.pages import delete_pages_of_ended_runs
from syncjobs.runs.durable.recovery import Recovered, recover_runs
from syncjobs.runs.retention import retain
from syncjobs.runs.stored.references import repair_references
from syncjobs.slots.ahead import bring_back
from syncjobs.slots.doorbell import restore_doorbell
from syncjobs.slots.starting import start_due

log = logging.getLogger(__name__)


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
    drive: works on a run in this process, by the same clock; None leaves runs to the workers. Mails come last, because
    a mail server may take long to answer. Raises the first error of a part, after the others had their turn.
    """
    given, now = now, now or database_clock()
    parts = _Parts()
    parts.work(restore_doorbell, None)
    if given is None:
        parts.work(partial(bring_back, now), 0)
    recovered = parts.work(partial(recover_runs, given), Recovered([], [], 0))  # leases are compared in the database
    started: list[SyncRun] = parts.work(partial(start_due, now, notify=drive is None), [])
    if drive is not None:
        for pk in (*recovered.resumed, *(run.pk for run in started)):
            parts.work(partial(drive, pk), None)
    for part in (
        delete_pages_of_ended_runs,
        repair_references,
        partial(reopen_ended, now),
        retain,
        partial(announce, now),
    ):
        parts.work(part, None)
    mails = parts.work(partial(work_off, now=now), 0) + parts.work(partial(send_notices, now), 0)
    if parts.error is not None:
        raise parts.error
    return Ticked(tuple(run.pk for run in started), tuple(recovered.resumed), tuple(recovered.failed), mails)


class _Parts:
    """The parts of a tick. One that fails leaves the others their turn. error: the first one."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def work(self, part: Callable[[], Any], otherwise: Any) -> Any:
        """Return what a part returns, or the other value if it fails."""
        try:
            return part()
        except Exception as error:
            log.exception("A part of the tick failed: %s", getattr(part, "func", part).__name__)
            self.error = self.error or error
            return otherwise


def database_clock() -> datetime:
    """Return the time of the database. SQLite has no clock of its own."""
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT CLOCK_TIMESTAMP()")
        found: datetime = cursor.fetchone()[0]
    return found
