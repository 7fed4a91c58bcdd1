"""90 simulated days: two beats, restarts, wrong clocks, both changes of the clocks, and runs that take their time.

A sample by seed by default, with a tick each 5 minutes; with --thorough all days, with two ticks a minute.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest

from syncjobs.models import RunState, SyncRun
from syncjobs.slots.starting import start_due
from tests.syncjobs.conftest import Sync
from tests.syncjobs.slots.grids import at, fires
from tests.syncjobs.slots.ticks import MINUTE, set_every

pytestmark = pytest.mark.django_db

RULES = {
    "berlin": "30 2 * * * Europe/Berlin", "nights": "*/20 1-3 * * * Europe/Berlin", "six hours": "6h", "often": "45m",
}  # fmt: skip
CHANGES = (at("2026-10-25T01:00"), at("2027-03-28T01:00"))
#: The longest time from a slot to its run, if nothing is wrong: the spread of starts, and two ticks.
LATE = timedelta(minutes=10)
Stretch = tuple[datetime, datetime]


@dataclass
class World:
    """Simulated time, and what happened in it. Stretches are of true time. runs: profile, slot, stretch."""

    random: Random
    step: timedelta
    counts: Counter[str] = field(default_factory=Counter)
    outages: list[Stretch] = field(default_factory=list)
    wrong: list[Stretch] = field(default_factory=list)
    runs: list[tuple[int, datetime, Stretch]] = field(default_factory=list)
    busy: dict[int, datetime] = field(default_factory=dict)

    def tick(self, true: datetime, shown: datetime) -> None:
        """The ticks of two beats. The second one comes from a clock that may be a little behind."""
        ended = [pk for pk, until in self.busy.items() if until <= true]
        if ended:
            SyncRun.objects.filter(pk__in=ended).update(state=RunState.SUCCEEDED)
            self.busy = {pk: until for pk, until in self.busy.items() if pk not in ended}
        for moment in (shown, shown - timedelta(seconds=self.random.choice([0, 0, 20, 90]))):
            self.counts["ticks"] += 1
            for run in start_due(moment, notify=False):
                assert run.slot is not None
                self.busy[run.pk] = true + MINUTE * self.random.choice([1, 1, 2, 5, 50])
                self.runs.append((run.profile_id, run.slot, (true, self.busy[run.pk])))

    def pass_time(self, since: datetime, until: datetime, events: float) -> None:
        """Let time pass. events: the share of ticks before which something goes wrong."""
        now = since
        while now < until:
            event = self.random.random()
            if event < events / 2:  # no beat, no worker or no database
                pause = MINUTE * self.random.choice([5, 20, 120, 600, 1_500])
                self.outages.append((now, now + pause))
                now += pause
            elif event < events:
                wrong = timedelta(hours=self.random.choice([-24, -1, 1, 24]))
                end = now + MINUTE * self.random.choice([5, 40])
                self.wrong.append((now, end))
                while now < end:
                    self.tick(now, now + wrong)
                    now += self.step
            self.tick(now, now)
            now += self.step

    def judge(self, profile: int, slots: Sequence[datetime]) -> None:
        """Count what became of each slot. Fails if one has two runs, or is lost."""
        own = [(slot, stretch) for pk, slot, stretch in self.runs if pk == profile]
        with_run = Counter(slot for slot, _ in own)
        assert set(with_run) <= set(slots) and set(with_run.values()) <= {1}
        for slot in slots:
            self.counts["slots"] += 1
            self.counts["one run" if slot in with_run else self._fate(slot, own)] += 1

    def _fate(self, slot: datetime, own: Sequence[tuple[datetime, Stretch]]) -> str:
        """Return what became of a slot that has no run itself. own: the slots of the runs, and when they ran."""
        runs = [stretch for _, stretch in own]
        for since, until in self.wrong:  # the wrong clock had a run of its own meanwhile
            if since - LATE <= slot < until and any(since <= start <= until for start, _ in runs):
                return "one run, under a wrong clock"
        free = slot  # when its connection was free and ticks came again
        for since, until in sorted([*self.outages, *self.wrong, *runs]):
            if since <= free + LATE and free < until:
                free = until
        # Under a wrong clock, a run that starts in time has a slot of later.
        caught_up = any(
            slot < later and slot <= start and min(later, start) <= free + LATE for later, (start, _) in own
        )
        assert caught_up, f"{slot} is lost"
        return "caught up by a later slot"


def slots_of(rule: str, begin: datetime, since: datetime, until: datetime) -> list[datetime]:
    if " " in rule:
        fields, _, zone = rule.rpartition(" ")
        return list(fires(fields, zone, since, until))
    length = {"6h": 360 * MINUTE, "45m": 45 * MINUTE}[rule]
    numbers = range((since - begin) // length + 1, (until - begin) // length + 1)
    return [begin + number * length for number in numbers]


@pytest.mark.parametrize("seed", [1, 2])
def test_one_run_for_each_slot_0_lost_0_doubled(
    db: None, seed: int, thorough: bool, record_property: Callable[[str, object], None]
) -> None:
    """Half of the days around each change of the clocks. Between them lies an outage of months."""
    half = timedelta(days=22.5 if thorough else 0.5)
    world = World(Random(seed), MINUTE if thorough else 5 * MINUTE)
    first, second = ((change - half, change + half) for change in CHANGES)
    world.outages.append((first[1], second[0]))
    rules = {}
    for name, rule in RULES.items():
        sync = Sync(name)
        set_every(sync, rule, since=first[0])
        rules[sync.profile.pk] = rule
    for stretch in (first, second):
        world.pass_time(*stretch, events=0.0012 if thorough else 0.006)
    end = second[1] - timedelta(hours=1)  # a run of the last hour may still be awaited
    before = second[0] - timedelta(days=1, hours=1)  # the slot that is caught up after the outage of months
    for pk, rule in rules.items():
        slots = slots_of(rule, first[0], *first) + slots_of(rule, first[0], before, end)
        seen = {slot for profile, slot, _ in world.runs if profile == pk}
        for last in (first[1], end):  # a wrong clock at the end of a stretch starts slots that come later
            slots += sorted(seen & {*slots_of(rule, first[0], last, last + timedelta(days=2))} - {*slots})
        world.judge(pk, slots)
    days = 4 * half / timedelta(days=1)
    record_property("counts", f"{days:g} days, seed {seed}: {dict(world.counts)}; 0 lost, 0 doubled")
