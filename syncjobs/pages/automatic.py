"""What the page *Automatic syncs* shows of each connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Max, OuterRef, Subquery

from oncall.selectors.visible import Viewer
from syncjobs.models import SyncProfile, SyncRun
from syncjobs.pages.marks import last_moved, run_link, state_mark
from syncjobs.runs.durable.quarantine import Quarantine
from syncjobs.slots.every import (
    CHEAP,
    OFF,
    grid_of,
    in_words,
    runs_a_day,
    shortest_gap,
    span_in_words,
    stored_grid,
    stored_in_words,
)
from syncjobs.slots.status import Slots, slots_of, stopped_in_words

#: Texts that may be written, with what they mean.
EXAMPLES: Final = tuple(
    (text, in_words(grid_of(text)))
    for text in (
        "off", "30m", "6h", "1d", "0 3 * * 1-5 Europe/Berlin", "0 */4 * * * UTC", "30 2 1 * * America/New_York",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AutomaticSync:
    """A connection on the page. stopped: why nothing starts though a rule is set. cost: what a short interval costs."""

    profile: SyncProfile
    slots: Slots
    rule: str
    is_on: bool
    next_in: str
    waits: str
    stopped: str
    cost: str
    last_mark: dict[str, str] | None
    last_url: str
    last_moved: str
    plan_url: str


def automatic_syncs(profiles: Sequence[SyncProfile], viewer: Viewer, now: datetime) -> list[AutomaticSync]:
    """Return what is shown of profiles, which have their connections. Makes four queries."""
    slots = slots_of(profiles, now)
    calls = _calls([profile.connection_id for profile in profiles])
    return [_shown(each, slots[each.pk], calls.get(each.connection_id), viewer, now) for each in profiles]


def cost_in_words(every: str, calls: int | None) -> str:
    """Return what a rule with a short interval costs; empty for a longer one.

    calls: of the last sync; None: unknown.
    """
    grid = stored_grid(every)
    if grid is None or shortest_gap(grid) >= CHEAP:
        return ""
    number = runs_a_day(grid)
    if calls is None:
        return f"{number:,} syncs a day. How many calls each needs is known after the first sync."
    return (
        f"{number:,} syncs a day, with {calls:,} calls each as in the last sync: about {number * calls:,} calls a day. "
        "They count towards the rate limit of the source."
    )


def calls_of_last_sync(connection_id: int) -> int | None:
    return _calls([connection_id]).get(connection_id)


def _calls(connections: Sequence[int]) -> dict[int, int]:
    """Return the calls of the last run of each connection that made some."""
    runs = SyncRun.objects.order_by().filter(connection__in=connections, calls__gt=0).exclude(scope__has_key="only")
    latest = runs.values("connection").annotate(last=Max("pk")).filter(connection=OuterRef("connection"))
    return dict(runs.filter(pk=Subquery(latest.values("last"))).values_list("connection", "calls"))


def _shown(profile: SyncProfile, slots: Slots, calls: int | None, viewer: Viewer, now: datetime) -> AutomaticSync:
    last = slots.last
    waits, stopped = "", stopped_in_words(profile)
    quarantine = None if stopped else Quarantine.of(profile)
    if quarantine is not None and quarantine.next_try > now:
        waits = f"The last {quarantine.tries} runs failed, so the next one waits. You can still sync by hand."
    elif slots.due is not None and not stopped:
        waits = f"Due since {span_in_words(int((now - slots.due).total_seconds()))}. It starts when no run is active."
    return AutomaticSync(
        profile,
        slots,
        stored_in_words(profile.every),
        profile.every != OFF,
        span_in_words(int((slots.following - now).total_seconds())) if slots.following else "",
        waits,
        stopped,
        cost_in_words(profile.every, calls),
        None if last is None else state_mark(last),
        "" if last is None else run_link(last, viewer),
        "" if last is None else last_moved(last),
        "" if slots.plan is None else run_link(slots.plan, viewer),
    )


def saved_in_words(profile: SyncProfile, now: datetime) -> str:
    """Return what a rule that was just set means."""
    words: Any = slots_of([profile], now)[profile.pk].words
    return f"{profile.connection}: {words}." if profile.every != "off" else f"{profile.connection}: off."
