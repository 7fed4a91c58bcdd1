"""Queues again the runs whose worker died, and those whose wait is over. The tick and every worker do it."""

from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from syncjobs.models import RunState, SyncRun
from syncjobs.runs.claim import end_columns
from syncjobs.runs.durable.failing import CRASH_LOOP, CRASH_LOOP_HINT, MOST_ATTEMPTS
from syncjobs.runs.durable.quarantine import note_failure
from syncjobs.runs.notify import notify_again

#: Why a run that had a worker is queued.
DIED = "The worker stopped answering: it was killed, restarted or lost its database. The run goes on where it stopped."


class Recovered(NamedTuple):
    """The ids of runs that go on, and of runs that failed. notified: the number of messages to workers."""

    resumed: list[int]
    failed: list[int]
    notified: int


def recover_runs(at: datetime | None = None) -> Recovered:
    """Queue the runs whose worker died or whose wait is over, and notify workers again of queued runs.

    A run that ends its workers again and again fails. at: the time that counts; None: the clock of the database.
    """
    clock = Now() if at is None else at
    dead = Q(state=RunState.RUNNING, lease_expires_at__lt=clock)
    due = Q(state=RunState.WAITING) & (Q(due_at=None) | Q(due_at__lte=clock))
    resumed, failed = [], []
    for run in SyncRun.objects.filter(dead | due).only("pk", "state", "fence", "attempt", "profile", "slot"):
        # Another worker may do the same at this time.
        same = SyncRun.objects.filter(dead | due, pk=run.pk, state=run.state, fence=run.fence)
        if run.state == RunState.RUNNING and run.attempt >= MOST_ATTEMPTS:
            if _fail(same, run, at):
                failed.append(run.pk)
        else:
            reason = DIED if run.state == RunState.RUNNING else ""
            queued = {"state": RunState.QUEUED, "due_at": None, "lease_expires_at": None, "notified_at": None}
            if same.update(**queued, reason=reason):
                resumed.append(run.pk)
    return Recovered(resumed, failed, notify_again(at))


@transaction.atomic
def _fail(same: "QuerySet[SyncRun]", run: SyncRun, at: datetime | None) -> bool:
    columns = end_columns(RunState.FAILED, CRASH_LOOP, CRASH_LOOP_HINT)
    if not same.update(**columns):
        return False
    note_failure(run, "crash_loop", CRASH_LOOP, at)
    return True
