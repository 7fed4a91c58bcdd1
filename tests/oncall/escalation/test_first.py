"""Whom a policy reaches first: the spans say at each instant what a walk from this instant says."""

from dataclasses import replace
from random import Random

import pytest

from oncall.escalation.context import Group, WalkContext
from oncall.escalation.first import first_reached, first_spans
from oncall.escalation.policy import MOST_MINUTES, Level, Policy, Target
from oncall.rendering.codec import instant_from_text
from oncall.rendering.intervals import who_at
from oncall.rendering.spec import (
    Always,
    ByTime,
    Daily,
    Layer,
    Override,
    Participant,
    ScheduleSpec,
    Substitution,
    person,
)
from oncall.rendering.zones import DAY, HOUR

AT = instant_from_text("2026-10-24T12:00:00Z")  # 13 hours before clocks change in Paris
PEOPLE = tuple(map(person, ("ann", "ben", "cat", "dan")))
ANN, BEN, CAT, DAN = PEOPLE


def always(*people: Participant, length: int = 8 * HOUR, windows: object = None) -> ScheduleSpec:
    turns = ByTime(AT - 30 * DAY, length, "seconds", "wall")
    layer = Layer("L", "", (Always(),) if windows is None else (windows,), turns, people)  # type: ignore[arg-type]
    return ScheduleSpec("Europe/Paris", "stacked", (layer,))


def policy(*levels: Level, **more: object) -> Policy:
    return replace(Policy(0, levels, 0, "nothing", "skip", "level"), **more)  # type: ignore[arg-type]


def level(wait: int | None, *targets: Target) -> Level:
    return Level(wait, "everyone", targets)


def target(key: str = "S", **more: object) -> Target:
    return Target("schedule", key, **more)  # type: ignore[arg-type]


def context(**more: object) -> WalkContext:
    defaults: dict[str, object] = {"reachable": frozenset(PEOPLE)}
    return WalkContext(**(defaults | more))  # type: ignore[arg-type]


def names(spans: object) -> list[tuple[float, tuple[str, ...]]]:
    """Return the hours after AT at which other people are reached first, with their names."""
    return [((start - AT) / HOUR, tuple(each.id for each in who)) for start, _, who in spans]  # type: ignore[attr-defined]


def test_the_first_level_with_somebody_reachable_counts() -> None:
    rules = policy(level(10, Target("responder", "ann")), level(None, Target("responder", "ben")))
    assert first_reached(rules, context(), AT) == (ANN,)
    assert first_reached(rules, context(reachable=frozenset({BEN})), AT) == (BEN,)
    assert first_reached(rules, context(reachable=frozenset()), AT) == ()
    assert first_spans(rules, context(reachable=frozenset()), AT, AT + DAY) == ()


def test_all_whom_the_first_minute_may_page_are_in_it() -> None:
    rules = policy(Level(5, "round_robin", (Target("responder", "ben"), Target("responder", "ann"))))
    assert first_reached(rules, context(), AT) == (ANN, BEN)


def test_it_changes_where_a_turn_ends_and_a_substitution_begins() -> None:
    away = {CAT: (Substitution("W", CAT, DAN, AT + 2 * HOUR, AT + 3 * HOUR),)}
    rules = policy(level(None, target(), Target("responder", "cat")))
    spans = first_spans(
        rules, context(schedules={"S": (always(ANN, BEN, length=DAY), ())}, substitutions=away), AT, AT + 6 * HOUR
    )
    assert names(spans) == [(0, ("ann", "cat")), (2, ("ann", "dan")), (3, ("ann", "cat"))]


def test_a_level_that_starts_later_sees_a_change_that_much_earlier() -> None:
    """The first level waits in vain for 30 minutes, so the second is asked for who is on call 30 minutes later."""
    shift = always(ANN)
    taken = Override("O", AT + 4 * HOUR, AT + 5 * HOUR, BEN)
    schedules = {"S": (replace(shift, overrides=(taken,)), ())}
    rules = policy(level(30, Target("responder", "gone")), level(None, target()), unstaffed_level="wait")
    spans = first_spans(rules, context(schedules=schedules), AT, AT + DAY)
    assert names(spans) == [(0, ("ann",)), (3.5, ("ben",)), (4.5, ("ann",))]
    start = replace(rules, resolved="start")
    assert names(first_spans(start, context(schedules=schedules), AT, AT + DAY)) == [
        (0, ("ann",)), (4, ("ben",)), (5, ("ann",)),
    ]  # fmt: skip


def test_who_is_paged_a_day_later_is_not_the_first() -> None:
    rules = policy(level(1_441, Target("responder", "gone")), level(None, Target("responder", "ann")))
    assert first_reached(replace(rules, unstaffed_level="wait"), context(), AT) == ()


def test_a_walk_that_is_too_long_reaches_nobody_who_is_known() -> None:
    rules = policy(level(MOST_MINUTES, Target("responder", "ann")), repeat_count=3)
    assert first_reached(rules, context(), AT) == ()
    assert first_spans(rules, context(), AT, AT + DAY) == ()


@pytest.mark.parametrize("layers", [None, ("lost",)])
def test_a_schedule_that_cannot_be_rendered_or_is_unknown_changes_nothing(layers: tuple[str, ...] | None) -> None:
    broken = replace(always(ANN), zone="Nowhere/Lost") if layers is None else always(ANN)
    rules = policy(level(5, target(layers=layers), target("unknown")), level(None, Target("responder", "ben")))
    spans = first_spans(rules, context(schedules={"S": (broken, ())}), AT, AT + DAY)
    assert names(spans) == [(0, ("ben",))]


def test_the_spans_are_what_a_walk_from_each_instant_says(thorough: bool) -> None:
    compared = changes = 0
    for seed in range(400 if thorough else 40):
        random = Random(seed)
        rules, around = any_world(random)
        spans = first_spans(rules, around, AT, AT + DAY)
        held = [tuple(span) for span in spans]
        changes += len(held)
        for instant in {AT, *(random.randrange(AT, AT + DAY) for _ in range(40))} | {
            edge for start, end, _ in held for edge in (start, start - 1, end - 1, end) if AT <= edge < AT + DAY
        }:
            assert who_at(held, instant) == first_reached(rules, around, instant), (seed, instant - AT)  # type: ignore[arg-type]
            compared += 1
    assert compared > 1_000
    assert changes > 100


def any_world(random: Random) -> tuple[Policy, WalkContext]:
    def spec() -> ScheduleSpec:
        hours = random.choice([3, 5, 8, 24])
        windows = random.choice([None, Daily(9 * HOUR, 8 * HOUR)])
        base = always(*random.sample(PEOPLE, random.randint(1, 3)), length=hours * HOUR, windows=windows)
        begin = AT + random.randint(-5, 30) * 1_800
        override = Override(
            "O", begin, begin + random.randint(1, 9) * 1_000, random.choice([*PEOPLE, Participant("vacant")])
        )
        return replace(base, overrides=(override,) if random.random() < 0.6 else ())

    def any_target() -> Target:
        match random.randrange(5):
            case 0:
                return Target("responder", random.choice(PEOPLE).id)
            case 1:
                return Target("user_group", "G", members=random.choice(["all", "random"]))
            case 2:
                return Target("escalation_policy", "Q")
        return target(random.choice("ST"), mode=random.choice(["current", "current", "next"]))

    def levels() -> tuple[Level, ...]:
        return tuple(
            Level(random.randint(0, 90), "everyone", tuple(any_target() for _ in range(random.randint(0, 2))))
            for _ in range(random.randint(1, 3))
        )

    def any_policy() -> Policy:
        return Policy(
            random.randint(0, 20),
            levels(),
            random.randint(0, 2),
            "nothing",
            random.choice(["skip", "wait", "skip_within_round"]),
            random.choice(["level", "start"]),
        )

    begin = AT + random.randint(-5, 20) * HOUR
    away = {
        who: (Substitution("W", who, random.choice(PEOPLE), begin, begin + 4 * HOUR),)
        for who in random.sample(PEOPLE, 2)
    }
    around = WalkContext(
        policies={"Q": any_policy()},
        schedules={"S": (spec(), ()), "T": (spec(), ())},
        groups={"G": Group(tuple(random.sample(PEOPLE, 2)))},
        substitutions=away,
        reachable=frozenset(random.sample(PEOPLE, random.randint(1, 3))),
    )
    return any_policy(), around
