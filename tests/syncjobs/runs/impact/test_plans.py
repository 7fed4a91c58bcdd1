"""The impact of a plan is the difference of who is on call in the database before and after it is applied."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from connectors.records import SourceMember, SourceTeam
from oncall.escalation.policy import Target
from oncall.rendering.spec import Override, Participant, Substitution, person
from syncjobs.models import RunState, SyncRun
from syncjobs.planning.impact.values import Impact
from tests.syncjobs.conftest import Sync, contents, layer, policy
from tests.syncjobs.deciding.test_worlds import RandomSource
from tests.syncjobs.runs.impact.oracle import ask, judge

pytestmark = pytest.mark.django_db
DAY, HOUR = 86_400, 3_600


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    """The answers before and after a run are about the same instants."""
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False):
        yield


def now() -> int:
    return int(timezone.now().timestamp())


class ChangingSource(RandomSource):
    """A source with overrides, substitutions, states and groups that change at random."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.zones = [random.choice(["Europe/Paris", "America/New_York", "Australia/Lord_Howe"]) for _ in range(2)]
        self.reshuffle(random)

    def reshuffle(self, random: Random) -> None:
        ids = [each for each, *_ in self.people]
        self.states = {each: random.choice(["active", "active", "active", "inactive"]) for each in ids}
        self.roles = {n: random.choice(ids) for n in range(9)}
        self.lengths = [random.choice([5 * HOUR, 12 * HOUR, 7 * DAY]) for _ in range(2)]
        self.taken = [(random.randint(-6, 40), random.randint(1, 20), random.choice([*ids, None])) for _ in range(3)]
        self.away = [(random.choice(ids), random.choice([*ids, None]), random.randint(-5, 20)) for _ in range(2)]
        self.hours = random.choice([None, (8, 10)])
        self.in_group = sorted(set(random.sample(ids, 2)))

    def built(self) -> Any:
        start, before = now(), super().built()
        overrides = tuple(
            Override(
                f"O{number}",
                start + begin * HOUR,
                start + (begin + length) * HOUR,
                Participant("vacant") if by is None else person(by),
                rank=number,
            )
            for number, (begin, length, by) in enumerate(self.taken)
        )

        def away(id_: str) -> tuple[Substitution, ...]:
            return tuple(
                Substitution(
                    f"W{number}",
                    person(who),
                    Participant("vacant") if by is None else person(by),
                    start + begin * HOUR,
                    start + (begin + 9) * HOUR,
                )
                for number, (who, by, begin) in enumerate(self.away)
                if who == id_ and by != who
            )

        users = tuple(
            replace(each, state=self.states[each.external_id], substitutions=away(each.external_id))
            for each in before.users
        )
        members = tuple(SourceMember(each, "responder") for each in self.in_group)
        first, second = before.schedules
        end = None if self.hours is None else start + self.hours[0] * HOUR
        layers = (layer(self.roles[3], self.roles[5], length=self.lengths[0], ends_at=end),)
        return replace(
            before,
            users=users,
            teams=(SourceTeam("T1", self.names[0], members=members),),
            schedules=(
                replace(first, layers=layers, overrides=overrides, fetched_range=(start - DAY, start + 90 * DAY)),
                replace(second, layers=(layer(self.roles[4], self.roles[6], length=self.lengths[1]),)),
            ),
            policies=(
                policy("P1", self.names[3], Target("schedule", "S1"), Target("responder", self.roles[2])),
                policy("P2", f"{self.names[3]} 2", Target("user_group", "T1"), Target("escalation_policy", "P1")),
                policy("P3", f"{self.names[3]} 3", Target("schedule", "S2", mode="next")),
            ),
        )


def impact_of(run: SyncRun) -> Impact:
    run.refresh_from_db()
    assert run.impact is not None
    return Impact.from_json(run.impact)


def applied_as_foreseen(sync: Sync, random: Random) -> int:
    """Plan, untick or approve some items, apply, and compare the impacts with the database."""
    plan = sync.plan()
    if plan.state != RunState.AWAITING_REVIEW:
        return 0
    before = ask(now())
    stored = contents()
    foreseen = impact_of(plan)
    assert contents() == stored
    done = sync.apply(plan)
    assert done.state in (RunState.SUCCEEDED, RunState.PARTIAL), done.reason
    after = ask(now())
    differing = judge(foreseen, before, after)
    assert judge(impact_of(done), before, after) == differing
    return differing


def test_a_plan_changes_what_it_says(sync: Sync, thorough: bool) -> None:
    differing = 0
    for seed in range(60 if thorough else 6):
        with transaction.atomic():
            random = Random(seed)
            try:
                source = ChangingSource(random)
                sync.source = source
                differing += applied_as_foreseen(sync, random)
                for _ in range(3):
                    source.edit(random)
                    source.reshuffle(random)
                    differing += applied_as_foreseen(sync, random)
            except Exception as error:
                error.add_note(f"world {seed}")
                raise
            transaction.set_rollback(True)
        sync.profile.refresh_from_db()
    assert differing > 100
