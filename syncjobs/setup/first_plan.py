"""The plan that the setup of a connection makes, so that people can be decided and the import be reviewed."""

from typing import Final

from django.utils import timezone

from oncall.models import User
from syncjobs.errors import RunAlreadyActive, StalePlan
from syncjobs.models import Awaits, Conflict, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.changed_rules import changed_rules, is_approved
from syncjobs.runs.start import approve, cancel, start
from syncjobs.setup.steps import finish

#: States of a run that has imported what it planned, or that found nothing to change.
APPLIED: Final = (RunState.SUCCEEDED, RunState.PARTIAL)


def last_read(profile: SyncProfile) -> SyncRun | None:
    """Return the last run of a connection that read all of the selection, or reads it; None if there is none."""
    runs = profile.runs.filter(kind__in=[RunKind.PLAN, RunKind.APPLY]).exclude(scope__has_key="only")
    return runs.select_related("connection").order_by("-pk").first()


def is_current(run: SyncRun | None, profile: SyncProfile) -> bool:
    """Return whether a run is the plan of the present selection and rules, or is going to be it, or was applied."""
    if run is None or changed_rules(run, profile):
        return False
    is_fresh = run.plan_expires_at is None or run.plan_expires_at > timezone.now()
    is_going_on = run.is_active and run.scope.get("selection") == profile.selection
    return is_going_on or (run.has_open_plan and is_fresh) or run.state in APPLIED


def is_ready(run: SyncRun | None, profile: SyncProfile) -> bool:
    """Return whether a run is the plan of the present selection and rules, and is not made any more."""
    return run is not None and not run.is_active and is_current(run, profile)


def is_settled(run: SyncRun) -> bool:
    """Return whether a plan contains all answers about people that change what it writes.

    An item that an answer changes would not be applied with the plan: it would wait in a new one.
    """
    changed = Conflict.objects.filter(connection=run.connection_id, awaits=Awaits.PLAN)
    return run.planned_at is None or not changed.filter(decided_at__gt=run.planned_at).exists()


def ensure_plan(profile: SyncProfile, by: User) -> SyncRun:
    """Return the plan of the present selection and rules. It is started if there is none.

    An active plan of another selection is cancelled. Raises RunAlreadyActive if a run of another kind is active.
    """
    run = last_read(profile)
    if run is not None and is_current(run, profile) and is_settled(run):
        return run
    if run is not None and run.is_active and run.kind == RunKind.PLAN:
        cancel(run)
    return start(profile, RunKind.PLAN, by=by)


def start_import(profile: SyncProfile, run_id: int, by: User, *, despite_rules: bool = False) -> SyncRun:
    """Apply the reviewed plan and end the setup. Pressed twice, it starts one import, whose run is returned.

    A plan that nobody has approved ends no setup, whatever its state.

    Raises StalePlan or RunAlreadyActive; nothing is written then.
    """
    run = SyncRun.objects.select_related("connection").get(pk=run_id, profile=profile)
    try:
        approve(run, by=by, despite_rules=despite_rules)
    except (StalePlan, RunAlreadyActive):
        run.refresh_from_db()
        if not is_approved(run) or not (run.is_active or run.state in APPLIED):
            raise
    finish(profile)
    return run
