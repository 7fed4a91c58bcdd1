"""A worker's claim on a run, with its lease and its progress. All of it is stored in the row of the run.

Leases are set and compared by the clock of the database: a wrong clock of a worker neither loses nor takes a run.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from connectors.records import ENTITY_TYPES, EntityType
from syncjobs.models import OPEN_PLAN, RunState, SyncRun

#: Longer than the longest request, so that a worker that is alive always renews its lease in time.
LEASE: Final = timedelta(seconds=settings.RUN_LEASE_SECONDS)
#: Seconds between two writes of progress. The pause is a share (1/PAUSE_SHARE) of the run's duration, within these
#: limits, so that a run of one minute costs a dozen statements. The longest pause is shorter than the lease.
SHORTEST_PAUSE: Final = 2.0
PAUSE_SHARE: Final = 4
LONGEST_PAUSE: Final = LEASE.total_seconds() / 3
#: Seconds after which a worker sees at the latest that its run was cancelled, between two requests.
CANCELLED_WITHIN: Final = 4.0
#: Set when this process ends: its runs finish their page or batch and go back to the queue.
STOPPING: Final = Event()
#: Seconds of a wait from which on a worker does something else meanwhile, and after which waiting is of no use.
SHORTEST_WAIT, LONGEST_WAIT = 10.0, 24 * 3600.0


class FenceLost(Exception):
    """Another worker has claimed the run, or it ended. Nothing more may be written."""


class GiveBack(Exception):
    """The run goes back to the queue: its worker ends, or other runs have their turn."""


class WaitElsewhere(Exception):
    """The source demands a wait. The worker does something else meanwhile. seconds: of the wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


def claim_run(run_id: int) -> SyncRun | None:
    """Claim a queued run. None: the run is no longer queued, because another worker has it or it was cancelled."""
    won = SyncRun.objects.filter(pk=run_id, state=RunState.QUEUED).update(
        state=RunState.RUNNING,
        fence=F("fence") + 1,
        attempt=F("attempt") + 1,
        lease_owner=f"{socket.gethostname()}:{os.getpid()}"[:100],
        lease_expires_at=Now() + LEASE,
        progress_at=timezone.now(),
        notified_at=None,
        reason="",
        hint="",
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
    worker has the run, or it was cancelled. slice_seconds: after this time the run goes back to the queue at its next
    page or batch, so that it does not keep others waiting; None: the caller drives it to its end. The time counts from
    the first page or batch under this claim: what a worker must do again to go on there leaves the run its turn.
    at: the clock of retries if the run fails; None: the present.
    """

    def __init__(
        self,
        run: SyncRun,
        *,
        clock: Callable[[], float] = time.monotonic,
        slice_seconds: float | None = None,
        at: datetime | None = None,
    ) -> None:
        self.run, self.at = run, at
        self.counts: dict[str, dict[str, Any]] = {kind: {} for kind in ENTITY_TYPES} | run.counts
        self.lost = False
        self._clock = clock
        self._started = self._written = self._looked = clock()
        self._progress_at = run.progress_at
        self._slice_seconds = slice_seconds
        self._advanced_at: float | None = None

    def fetched(self, entity_type: EntityType, fetched: int, total: int | None) -> None:
        """Store the progress of a fetch. The connector calls this after each page."""
        self.counts[entity_type] |= {"fetched": fetched, "total": total}
        self.beat()

    def add(self, entity_type: EntityType, word: str, number: int = 1) -> None:
        counts = self.counts[entity_type]
        counts[word] = counts.get(word, 0) + number

    def stopped(self) -> bool:
        """Whether to stop. The connector calls this before each request and while it waits."""
        self._beat()
        self._look()
        return self.lost or STOPPING.is_set() or self._is_over()

    def on_pause(self, seconds: float) -> None:
        """Raise WaitElsewhere if a wait is long enough for something else. The connector calls this before it waits."""
        if self._slice_seconds is not None and SHORTEST_WAIT <= seconds <= LONGEST_WAIT:
            raise WaitElsewhere(seconds)

    def beat(self) -> None:
        """Write progress if enough time has passed. Raises GiveBack if this process ends."""
        self._beat()
        if STOPPING.is_set():
            raise GiveBack

    def advance(self) -> None:
        """Note that a page was fetched or a batch was written."""
        self._advanced_at = self._clock() if self._advanced_at is None else self._advanced_at

    def after_batch(self) -> None:
        """As :meth:`beat`, after a batch was written. Raises GiveBack also if it is the turn of other runs."""
        self.advance()
        self.beat()
        if self._is_over():
            raise GiveBack

    def _beat(self) -> None:
        now = self._clock()
        share = (now - self._started) / PAUSE_SHARE
        if now - self._written >= max(SHORTEST_PAUSE, min(share, LONGEST_PAUSE)):
            self.write()

    def _look(self) -> None:
        """Look whether the run was cancelled, if a worker has not written for a while."""
        if self._slice_seconds is None or self._clock() - max(self._written, self._looked) < CANCELLED_WITHIN:
            return
        self._looked = self._clock()
        held = SyncRun.objects.filter(pk=self.run.pk, fence=self.run.fence, state=RunState.RUNNING)
        self.lost = not held.exists()

    def _is_over(self) -> bool:
        """Whether it is the turn of other runs. A slice is never over before the run has advanced in it."""
        if self._slice_seconds is None or self._advanced_at is None:
            return False
        return self._clock() - self._advanced_at >= self._slice_seconds

    def write(self, **changes: Any) -> bool:
        """Write progress now, and other columns of the run. If the claim is lost, set ``lost`` and return False."""
        self._written = self._clock()
        self._progress_at = now = timezone.now()
        columns = {"counts": self.counts, "progress_at": now, "lease_expires_at": Now() + LEASE, **changes}
        kept = SyncRun.objects.filter(pk=self.run.pk, fence=self.run.fence, state=RunState.RUNNING).update(**columns)
        self.lost = not kept
        for name, value in changes.items():
            setattr(self.run, name, value)
        return bool(kept)

    def end(self, state: RunState, reason: str = "", hint: str = "", **columns: Any) -> None:
        """End the run, or let it wait for a person. Does nothing if the claim is lost."""
        self.write(**end_columns(state, reason, hint) | columns)

    def give_back(self, reason: str, *, is_counted: bool = False) -> bool:
        """Queue the run again. Return whether the claim was still held. is_counted: as an attempt that failed."""
        attempt = F("attempt") if is_counted else Greatest(F("attempt") - 1, 0)
        return self.write(state=RunState.QUEUED, attempt=attempt, reason=reason, lease_expires_at=None)

    def wait(self, seconds: float, reason: str) -> bool:
        """Let the run wait without a worker. Return whether the claim was still held. seconds: how long."""
        due = Now() + timedelta(seconds=seconds)
        return self.write(state=RunState.WAITING, due_at=due, reason=reason, lease_expires_at=None)

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

    @contextmanager
    def advancing(self) -> Iterator[None]:
        """As :meth:`fenced`, for what needs not be done again: the attempts before it are not counted any more."""
        with self.fenced(attempt=1):
            yield

    def _is_committed(self) -> bool:
        """Whether the last write of progress is in the database."""
        return SyncRun.objects.filter(pk=self.run.pk, fence=self.run.fence, progress_at=self._progress_at).exists()


def end_columns(state: RunState, reason: str = "", hint: str = "") -> dict[str, Any]:
    """Return the columns of a run that ends, or that waits for a person."""
    waits = state == RunState.AWAITING_REVIEW
    ended = {"phase": "review" if waits else "done", "finished_at": None if waits else timezone.now()}
    return {"state": state, "reason": reason, "hint": hint, **ended}
