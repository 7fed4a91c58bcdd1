"""Starting, approving and cancelling runs. The row is the truth; the broker is only a doorbell."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from celery import current_app
from django.db import IntegrityError, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from connectors.records import EntityKey
from oncall.models import User
from syncjobs.errors import RunAlreadyActive, StalePlan
from syncjobs.models import ACTIVE, OPEN_PLAN, RunKind, RunState, SyncProfile, SyncRun

log = logging.getLogger(__name__)

#: A queued run that nobody has claimed by then rings again.
RING_AGAIN: Final = timedelta(seconds=30)


def start(
    profile: SyncProfile, kind: RunKind, *, by: User | None, only: Sequence[EntityKey] = (), ring: bool = True
) -> SyncRun:
    """A queued run. Raises RunAlreadyActive with the run that is in the way.

    only: just these objects and what they refer to; says nothing about all others. ring False: the caller drives it.
    """
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                connection=profile.connection,
                profile=profile,
                kind=kind,
                requested_by=by,
                scope={"only": [list(key) for key in only]} if only else {"selection": profile.selection},
            )
    except IntegrityError:
        active = SyncRun.objects.filter(connection=profile.connection, state__in=ACTIVE).first()
        if active is None:
            raise
        raise RunAlreadyActive(active) from None
    if ring:
        transaction.on_commit(lambda: ring_for(run))
    return run


def approve(run: SyncRun, *, by: User | None, ring: bool = True) -> None:
    """Queue a reviewed plan for applying. Raises StalePlan or RunAlreadyActive; then nothing was written."""
    run.refresh_from_db()
    if run.state == RunState.SUPERSEDED and run.superseded_by_id:
        raise StalePlan(f"{run} was replaced by run {run.superseded_by_id}. Nothing was written; review that one.")
    if run.state != RunState.AWAITING_REVIEW:
        raise StalePlan(f"{run} is {run.get_state_display()}, there is no plan to apply. Nothing was written.")
    if run.plan_expires_at and run.plan_expires_at < timezone.now():
        raise StalePlan(f"The plan of {run} expired on {run.plan_expires_at:%d %b}. Nothing was written; plan again.")
    try:
        with transaction.atomic():
            won = SyncRun.objects.filter(pk=run.pk, state=RunState.AWAITING_REVIEW).update(
                state=RunState.QUEUED, phase="apply", requested_by=by or run.requested_by
            )
    except IntegrityError:
        active = SyncRun.objects.filter(connection=run.connection, state__in=ACTIVE).first()
        raise RunAlreadyActive(active or run) from None
    if not won:
        raise StalePlan(f"{run} was taken by somebody else in the meantime.")
    if ring:
        transaction.on_commit(lambda: ring_for(run))


def cancel(run: SyncRun) -> bool:
    """Stop a run at its next safe point, or drop a plan. False: it had ended already. What was written stays."""
    return bool(
        SyncRun.objects.filter(pk=run.pk, state__in=[*ACTIVE, *OPEN_PLAN]).update(
            state=RunState.CANCELLED,
            reason="Cancelled by hand; what was written until then stays, each object whole.",
            finished_at=timezone.now(),
        )
    )


def ring_for(run: SyncRun) -> None:
    """Tell the workers. A broker that is down is no reason to lose the run: the next tick rings again."""
    try:
        current_app.send_task("syncjobs.tasks.drive_run", [run.pk])
    except (OperationalError, OSError) as error:
        log.warning("Run %s is queued, but the broker cannot be reached (%s)", run.pk, type(error).__name__)


def sweep() -> tuple[int, int]:
    """What the tick does: fail runs whose worker died, ring again for runs nobody took. Returns both numbers."""
    now = timezone.now()
    dead = SyncRun.objects.filter(state=RunState.RUNNING, lease_expires_at__lt=now).update(
        state=RunState.FAILED,
        reason="The worker stopped answering: it was killed, restarted or lost its database.",
        hint="What was written until then stays, each object whole; nothing was removed. Start the sync again.",
        finished_at=now,
    )
    waiting = SyncRun.objects.filter(state=RunState.QUEUED, created_at__lt=now - RING_AGAIN)
    for run in waiting:
        ring_for(run)
    return dead, len(waiting)
