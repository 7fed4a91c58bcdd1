"""Start, approve and cancel runs. Their state is in the database; the broker only notifies workers."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors.records import EntityKey
from oncall.models import User
from syncjobs.errors import RulesChanged, RunAlreadyActive, StalePlan
from syncjobs.models import ACTIVE, OPEN_PLAN, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.changed_rules import changed_rules
from syncjobs.runs.notify import notify_workers


def start(
    profile: SyncProfile,
    kind: RunKind,
    *,
    by: User | None,
    only: Sequence[EntityKey] = (),
    notify: bool = True,
    slot: datetime | None = None,
) -> SyncRun:
    """Create a queued run. Raises RunAlreadyActive if the connection has an active run.

    by: the account that starts it; None for the shell. only: limits the run to these objects and what they refer to.
    notify: False if the caller drives the run itself. slot: of the periodic sync that starts it.
    """
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                connection=profile.connection,
                profile=profile,
                kind=kind,
                requested_by=by,
                slot=slot,
                # The tick leaves it to the caller for a minute.
                notified_at=None if notify else timezone.now(),
                scope={"only": [list(key) for key in only]} if only else {"selection": profile.selection},
            )
    except IntegrityError:
        active = SyncRun.objects.filter(connection=profile.connection, state__in=ACTIVE).first()
        if active is None:
            raise
        raise RunAlreadyActive(active) from None
    if notify:
        transaction.on_commit(lambda: notify_workers(run))
    return run


def add_objects(connection_id: int, only: Sequence[EntityKey]) -> SyncRun | None:
    """Let a limited run that no worker has begun read these objects, too. Return the run; None if there is none."""
    with transaction.atomic():
        queued = SyncRun.objects.select_for_update(of=("self",)).filter(
            connection=connection_id, kind=RunKind.APPLY, state=RunState.QUEUED, planned_at=None, scope__has_key="only"
        )
        run = queued.first()
        if run is not None:
            keys = dict.fromkeys([*map(tuple, run.scope["only"]), *only])
            run.scope = {"only": [list(key) for key in keys]}
            run.save(update_fields=["scope"])
    return run


def approve(run: SyncRun, *, by: User | None, notify: bool = True, despite_rules: bool = False) -> None:
    """Queue a reviewed plan for applying. Raises StalePlan or RunAlreadyActive; nothing is written then.

    despite_rules: apply it also if the selection or the rules changed after it was made. Otherwise that raises
    RulesChanged, and the plan still waits.
    """
    run.refresh_from_db()
    if run.state == RunState.SUPERSEDED and run.superseded_by_id:
        raise StalePlan(f"{run} was replaced by run {run.superseded_by_id}. Nothing was written. Review that run.")
    if not run.has_open_plan:
        raise StalePlan(f"{run} has no plan to apply: its state is {run.get_state_display()}. Nothing was written.")
    if run.plan_expires_at and run.plan_expires_at < timezone.now():
        raise StalePlan(f"The plan of {run} expired on {run.plan_expires_at:%d %b}. Nothing was written. Plan again.")
    profile = SyncProfile.objects.get(pk=run.profile_id)
    if (changed := changed_rules(run, profile)) and not despite_rules:
        raise RulesChanged(f"{changed} Nothing was written. Plan again, or apply this plan as it was reviewed.")
    try:
        with transaction.atomic():
            won = SyncRun.objects.filter(pk=run.pk, state__in=OPEN_PLAN).update(
                state=RunState.QUEUED,
                phase="apply",
                reason="",
                hint="",
                requested_by=by or run.requested_by,
                announced=False,
                checkpoint={
                    **run.checkpoint,
                    "approved_selection": profile.selection,
                    "approved_rules": profile.rules_version,
                    "approved_by": None if by is None else by.pk,
                },
            )
    except IntegrityError:
        active = SyncRun.objects.filter(connection=run.connection, state__in=ACTIVE).first()
        raise RunAlreadyActive(active or run) from None
    if not won:
        raise StalePlan(f"{run} was approved or cancelled in the meantime. Nothing was written.")
    if notify:
        transaction.on_commit(lambda: notify_workers(run))


def cancel(run: SyncRun) -> bool:
    """Stop a run at its next safe point, or drop a plan. False: the run had already ended. What was written stays."""
    return bool(
        SyncRun.objects.filter(pk=run.pk, state__in=[*ACTIVE, *OPEN_PLAN]).update(
            state=RunState.CANCELLED,
            reason="The run was cancelled. What was written before stays; no object is half written.",
            finished_at=timezone.now(),
        )
    )
