"""Starts the runs of periodic syncs that are due. How often the tick comes, and from where, makes no difference.

The truth is unique (profile, slot) of runs. ``slots_until`` of a profile says which slots are over: those that were
started, and those that a later slot caught up. If the clock goes back, it goes back too, and nothing is started then: a
slot starts only when its time comes after that, and if it has no run yet.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from syncjobs.errors import RunAlreadyActive
from syncjobs.models import ACTIVE, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.durable.quarantine import may_run_by_itself
from syncjobs.runs.start import start
from syncjobs.slots.every import OFF, stored_grid
from syncjobs.slots.grid import delay, latest_slot


@dataclass(frozen=True, slots=True)
class Due:
    """A slot of a profile that is due. at: when its run is to be started."""

    profile: SyncProfile
    slot: datetime
    at: datetime


def start_due(now: datetime, *, notify: bool = True) -> list[SyncRun]:
    """Start the run of each slot that is due, the longest due first. Return the runs.

    A slot waits while its connection has an active run or is in quarantine, and while RUNS_AT_ONCE runs are worked on.
    notify: False if the caller drives the runs itself.
    """
    profiles = list(_periodic())
    due = sorted((found for each in profiles if (found := _due(each, now, len(profiles)))), key=lambda each: each.at)
    if not due:
        return []
    free = settings.RUNS_AT_ONCE - SyncRun.objects.filter(state__in=[RunState.QUEUED, RunState.RUNNING]).count()
    runs: list[SyncRun] = []
    for each in due:
        if len(runs) >= free:
            break
        run = _start(each, notify=notify)
        if run is not None:
            runs.append(run)
    return runs


def _periodic() -> "QuerySet[SyncProfile]":
    connected = SyncProfile.objects.filter(connection__disconnected_at=None, connection__refused_account="")
    connected = connected.filter(paused_at=None)
    return connected.exclude(every=OFF).select_related("connection").order_by("pk")


def _due(profile: SyncProfile, now: datetime, connections: int) -> Due | None:
    """Return the last slot of a profile that is due and not over. If the clock went back, store that."""
    grid = stored_grid(profile.every)
    if grid is None or profile.every_since is None or profile.slots_until is None:
        return None
    if not may_run_by_itself(profile, now):
        return None
    if now < profile.slots_until:
        back = max(now, profile.every_since)
        if back < profile.slots_until:
            SyncProfile.objects.filter(pk=profile.pk, slots_until=profile.slots_until).update(slots_until=back)
        return None
    since, over = (_instant(moment) for moment in (profile.every_since, profile.slots_until))
    slot = latest_slot(grid, since, over, _instant(now))
    while slot is not None:
        at = slot + delay(grid, slot, profile.pk, connections)
        if at <= _instant(now):
            return Due(profile, _moment(slot), _moment(at))
        slot = latest_slot(grid, since, over, slot - 1)  # an earlier one may be due already
    return None


def _start(due: Due, *, notify: bool) -> SyncRun | None:
    """Start the run of a slot, unless it has one. None if it has, or if it has to wait.

    The profile is locked: of two ticks at once, the second one sees that the slot is over. The lock does not hinder
    somebody who starts a run, which refers to the profile: each would wait for the other.
    """
    with transaction.atomic():
        unchanged = {name: getattr(due.profile, name) for name in ("every", "every_since", "slots_until")}
        profile = (
            SyncProfile.objects.select_for_update(of=("self",), no_key=True)
            .select_related("connection")
            .filter(**unchanged)
        )
        locked = profile.filter(pk=due.profile.pk).first()
        if locked is None:  # another tick was faster, or the rule was changed
            return None
        run, slot = None, _without_run(locked, due.slot)
        if slot is not None:
            # Adding a run would wait for one that ends now, which waits for this lock to count a failure.
            if SyncRun.objects.filter(connection=locked.connection_id, state__in=ACTIVE).exists():
                return None
            kind = RunKind.PLAN if locked.review_first else RunKind.APPLY
            try:
                run = start(locked, kind, by=None, notify=notify, slot=slot)
            except RunAlreadyActive:
                return None
        SyncProfile.objects.filter(pk=locked.pk).update(slots_until=due.slot)
        return run


def _without_run(profile: SyncProfile, slot: datetime) -> datetime | None:
    """Return the latest slot up to this one that is not over and has no run. None: each has one.

    A later slot has a run already if a clock that was ahead has started it.
    """
    grid = stored_grid(profile.every)
    assert grid is not None and profile.every_since is not None and profile.slots_until is not None  # noqa: S101 - due
    since, over = _instant(profile.every_since), _instant(profile.slots_until)
    while SyncRun.objects.filter(profile=profile, slot=slot).exists():
        earlier = latest_slot(grid, since, over, _instant(slot) - 1)
        if earlier is None:
            return None
        slot = _moment(earlier)
    return slot


def _instant(moment: datetime) -> int:
    """Return a moment in whole seconds since 1970. Fractions are cut."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)
