"""What people see of periodic syncs: the rule in words, the next and the last slot, and the plan that waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Max

from syncjobs.models import OPEN_PLAN, SyncProfile, SyncRun
from syncjobs.runs.durable.quarantine import Quarantine
from syncjobs.slots.every import OFF, span_in_words, stored_grid, stored_in_words, unreadable
from syncjobs.slots.grid import latest_slot, next_slot


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots of a profile.

    words: the rule, and when the next run starts by itself. following: when that is: the next slot, or the end of the
    wait after failed runs if a slot is due then; None if nothing starts by itself. due: the slot that is due and not
    started, because it waits or because no tick came. last: the run of the last slot. plan: the open plan.
    """

    words: str
    following: datetime | None
    due: datetime | None
    last: SyncRun | None
    plan: SyncRun | None


def slots_of(profiles: Sequence[SyncProfile], now: datetime) -> dict[int, Slots]:
    """Return the slots of profiles, which have their connections, by id. Makes three queries."""
    ids = [profile.pk for profile in profiles]
    periodic = SyncRun.objects.order_by().filter(profile__in=ids, slot__isnull=False)
    latest = dict(periodic.values_list("profile").annotate(last=Max("slot")))
    runs = periodic.filter(slot__in=set(latest.values())).select_related("connection")
    last = {run.profile_id: run for run in runs if run.slot == latest[run.profile_id]}
    waiting = SyncRun.objects.filter(profile__in=ids, state__in=OPEN_PLAN).select_related("connection").order_by("pk")
    plans = {run.profile_id: run for run in waiting}
    return {each.pk: _slots(each, now, last.get(each.pk), plans.get(each.pk)) for each in profiles}


def stopped_in_words(profile: SyncProfile) -> str:
    """Return why nothing starts by itself though a rule is set; empty if it starts, or if there is no rule."""
    connection = profile.connection
    if profile.every == OFF:
        return ""
    if connection.disconnected_at is not None:
        return "It is disconnected. Nothing is synced until a key is entered."
    if connection.refused_account:
        return "It is paused, because its key belongs to an account that was refused. Enter another key."
    if why := unreadable(profile.every):
        return f"{why} So the rule cannot be read any more, and nothing is synced by itself. Set another one."
    if profile.setup_step:
        return "Its setup is not finished. Automatic syncs start after the first import."
    if profile.paused_at is not None:
        return "It is paused. Nothing is synced by itself until somebody resumes it on its page."
    return ""


def _slots(profile: SyncProfile, now: datetime, last: SyncRun | None, plan: SyncRun | None) -> Slots:
    grid = stored_grid(profile.every)
    words = stored_in_words(profile.every)
    if grid is None or profile.every_since is None or profile.slots_until is None:
        return Slots(words, None, None, last, plan)
    since, at = int(profile.every_since.timestamp()), int(now.timestamp())
    over, quarantine = int(profile.slots_until.timestamp()), Quarantine.of(profile)
    due, following = latest_slot(grid, since, over, at), next_slot(grid, since, at)
    if stopped_in_words(profile):
        following = None
    elif quarantine is not None and (allowed := int(quarantine.next_try.timestamp())) > at:
        is_due_then = latest_slot(grid, since, over, allowed) is not None
        following = allowed if is_due_then else next_slot(grid, since, allowed)
    if following is not None:
        words = f"{words}; next in {span_in_words(following - at)}"
    return Slots(words, _moment(following), _moment(due), last, plan)


def _moment(instant: int | None) -> datetime | None:
    return None if instant is None else datetime.fromtimestamp(instant, UTC)
