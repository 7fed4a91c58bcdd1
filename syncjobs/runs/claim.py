"""A worker's claim on a run, with its lease and its progress. All of it is stored in the row of the run."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from connectors.records import ENTITY_TYPES, EntityType
from syncjobs.models import OPEN_PLAN, RunState, SyncRun

#: Longer than the longest request, so that a worker that is alive always renews its lease in time.
LEASE: Final = timedelta(seconds=180)
#: Seconds between two writes of progress. The pause is a share (1/PAUSE_SHARE) of the run's duration, within these
#: limits, so that a run of one minute costs a dozen statements. The longest pause is shorter than the lease.
SHORTEST_PAUSE: Final = 2.0
PAUSE_SHARE: Final = 4
LONGEST_PAUSE: Final = 60.0


class FenceLost(Exception):
    """Another worker has claimed the run, or it ended. Nothing more may be written."""


def claim_run(run_id: int) -> SyncRun | None:
    """Claim a queued run. None: the run is no longer queued, because another worker has it or it was cancelled."""
    now = timezone.now()
    won = SyncRun.objects.filter(pk=run_id, state=RunState.QUEUED).update(
        state=RunState.RUNNING,
        fence=F("fence") + 1,
        attempt=F("attempt") + 1,
        lease_owner=f"{socket.gethostname()}:{os.getpid()}"[:100],
        lease_expires_at=now + LEASE,
        progress_at=now,
        notified_at=None,
    )
    if not won:
        return None
    older = SyncRun.objects.filter(connection=OuterRef("connection"), state__in=OPEN_PLAN)
    runs = SyncRun.objects.select_related("connection", "profile__connection")
    run = runs.annotate(has_older=Exists(older)).get(pk=run_id)
    run.may_replace_plans = run.has_older
    return run


class Claim:
    """Counts what happens in a run. Writes the counts from time to time, which also renews the lease.

    ``counts``: kind -> word -> number; ``total`` is None while it is not reported by the source. ``lost``: another
    worker has the run, or it was cancelled.
    """

    def __init__(self, run: SyncRun, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.run = run
        self.counts: dict[str, dict[str, Any]] = {kind: {} for kind in ENTITY_TYPES} | run.counts
        self.lost = False
        self._clock = clock
        self._started = self._written = clock()
        self._progress_at = run.progress_at

    def fetched(self, entity_type: EntityType, fetched: int, total: int | None) -> None:
        """Store the progress of a fetch. The connector calls this after each page."""
        self.counts[entity_type] |= {"fetched": fetched, "total": total}
        self.beat()

    def add(self, entity_type: EntityType, word: str, number: int = 1) -> None:
        counts = self.counts[entity_type]
        counts[word] = counts.get(word, 0) + number

    def stopped(self) -> bool:
        """Whether to stop. The connector calls this before each request and while it waits."""
        self.beat()
        return self.lost

    def beat(self) -> None:
        """Write progress if enough time has passed."""
        now = self._clock()
        share = (now - self._started) / PAUSE_SHARE
        if now - self._written >= max(SHORTEST_PAUSE, min(share, LONGEST_PAUSE)):
            self.write()

    def write(self, **changes: Any) -> bool:
        """Write progress now, and other columns of the run. If the claim is lost, set ``lost`` and return False."""
        self._written = self._clock()
        self._progress_at = now = timezone.now()
        columns = {"counts": self.counts, "progress_at": now, "lease_expires_at": now + LEASE, **changes}
        kept = SyncRun.objects.filter(pk=self.run.pk, fence=self.run.fence, state=RunState.RUNNING).update(**columns)
        self.lost = not kept
        for name, value in changes.items():
            setattr(self.run, name, value)
        return bool(kept)

    def end(self, state: RunState, reason: str = "", hint: str = "", **columns: Any) -> None:
        """End the run, or let it wait for a person. Does nothing if the claim is lost."""
        self.write(**end_columns(state, reason, hint) | columns)

    @contextmanager
    def fenced(self, **columns: Any) -> Iterator[None]:
        """A transaction that writes only while the claim is held. Raises FenceLost if it is lost.

        columns: other columns of the run to write. If the connection to the database breaks while the transaction is
        committed, the run itself says whether it was committed: each transaction stores its own time of progress.
        """
        try:
            with transaction.atomic():
                if not self.write(**columns):  # this locks the run
                    raise FenceLost
                yield
        except (OperationalError, InterfaceError):
            if not self._is_committed():
                raise

    def _is_committed(self) -> bool:
        """Whether the last write of progress is in the database."""
        return SyncRun.objects.filter(pk=self.run.pk, fence=self.run.fence, progress_at=self._progress_at).exists()


def end_columns(state: RunState, reason: str = "", hint: str = "") -> dict[str, Any]:
    """Return the columns of a run that ends, or that waits for a person."""
    waits = state == RunState.AWAITING_REVIEW
    ended = {"phase": "review" if waits else "done", "finished_at": None if waits else timezone.now()}
    return {"state": state, "reason": reason, "hint": hint, **ended}
