"""Tests the context of a walk: who is on call in a schedule, before and after, and who replaces whom."""

from dataclasses import replace

import pytest

from oncall.escalation.context import Group, WalkContext, with_layers
from oncall.escalation.policy import Level, Policy, Target
from oncall.escalation.walk import notices, walk
from oncall.rendering.coverage import HORIZON
from oncall.rendering.spec import (
    LATEST,
    VACANT,
    Daily,
    Everyone,
    ExtraShift,
    InvalidSpec,
    Override,
    Participant,
    ScheduleSpec,
    Substitution,
)
from tests.oncall.rendering.comparison import ANN, BEN, CAT, DAN, DAY, HOUR, layer, stack, together, when

MONDAY = when(2026, 6, 1, 9)  # Ann's week since 2026-01-05 09:00 with three people: turn 21
OFFICE = (Daily(9 * HOUR, 8 * HOUR),)


def known(spec: ScheduleSpec, *substitutions: Substitution) -> WalkContext:
    return WalkContext(schedules={"S": (spec, substitutions)}, reachable=frozenset({ANN, BEN, CAT, DAN}))


def modes(spec: ScheduleSpec, instant: int, *substitutions: Substitution) -> list[tuple[Participant, ...] | None]:
    return [known(spec, *substitutions).on_call("S", instant, mode, None) for mode in ("previous", "current", "next")]


WEEKLY = stack("UTC", layer("a", ANN, BEN, CAT))


def test_next_and_previous_are_the_holders_beyond_the_handoffs() -> None:
    assert modes(WEEKLY, MONDAY) == [(CAT,), (ANN,), (BEN,)]
    assert modes(WEEKLY, MONDAY - 1) == [(BEN,), (CAT,), (ANN,)]
    assert modes(WEEKLY, MONDAY + 7 * DAY - 1) == [(CAT,), (ANN,), (BEN,)]


def test_spans_with_nobody_are_skipped() -> None:
    office = stack("UTC", layer("a", ANN, BEN, windows=OFFICE))
    assert modes(office, MONDAY + HOUR) == [(ANN,), (BEN,), (BEN,)]
    assert modes(office, MONDAY - HOUR) == [(ANN,), (), (BEN,)]


def test_overrides_and_substitutions_are_handoffs_too() -> None:
    override = Override("o", MONDAY + DAY, MONDAY + 2 * DAY, by=CAT)
    away = Substitution("s", CAT, DAN, MONDAY, MONDAY + 30 * DAY)
    assert modes(replace(WEEKLY, overrides=(override,)), MONDAY, away) == [(CAT,), (ANN,), (DAN,)]


def test_nobody_is_next_where_nothing_changes() -> None:
    assert modes(stack("UTC", layer("a", ANN)), MONDAY) == [None, (ANN,), None]
    spec = stack("UTC", layer("a", ANN, starts_at=MONDAY + HORIZON - 1))
    assert modes(spec, MONDAY) == [None, (), (ANN,)]
    assert modes(replace(spec, layers=(replace(spec.layers[0], starts_at=MONDAY + HORIZON),)), MONDAY)[2] is None


SEATS = together("UTC", layer("1", ANN), layer("2", BEN), layer("3", CAT))


def test_a_subset_of_layers_hides_the_other_layers() -> None:
    def seats(*layers: str, spec: ScheduleSpec = SEATS) -> tuple[Participant, ...] | None:
        return known(spec).on_call("S", MONDAY, "current", layers)

    assert seats("1", "3") == (ANN, CAT)
    assert seats() == ()
    assert seats("1", "9") is None
    override = Override("o", MONDAY, MONDAY + DAY, by=DAN, sources=frozenset({"2"}))
    assert seats("1", "2", spec=replace(SEATS, overrides=(override,))) == (ANN, DAN)
    assert seats("1", spec=replace(SEATS, overrides=(override,))) == (ANN,)
    shift = ExtraShift("x", MONDAY, MONDAY + DAY, DAN)
    assert seats("1", spec=replace(SEATS, extra_shifts=(shift,))) == (ANN,)
    assert seats("1", "x", spec=replace(SEATS, extra_shifts=(shift,))) == (ANN, DAN)


@pytest.mark.parametrize(
    ("spec", "instant"),
    [(replace(WEEKLY, zone="Nowhere/Land"), MONDAY), (WEEKLY, LATEST), (WEEKLY, -(10**12))],
)
def test_a_schedule_that_cannot_be_rendered_is_unknown(spec: ScheduleSpec, instant: int) -> None:
    assert modes(spec, instant) == [None, None, None]
    assert known(WEEKLY).on_call("other", MONDAY, "current", None) is None


def test_a_limit_to_a_missing_layer_names_it() -> None:
    with pytest.raises(InvalidSpec, match="no layer '9'"):
        with_layers(SEATS, ("1", "9"))


def test_leads_and_others_share_a_group() -> None:
    context = WalkContext(groups={"G": Group((ANN, BEN, CAT), frozenset({BEN}))})
    assert [context.members("G", which) for which in ("all", "leads", "others")] == [
        (ANN, BEN, CAT),
        (BEN,),
        (ANN, CAT),
    ]
    assert context.members("H", "all") is None


def test_replacements_follow_the_rules_of_substitutions() -> None:
    def away(key: str, by: Participant, since: int, groups: frozenset[str] | None = None) -> Substitution:
        return Substitution(key, ANN, by, MONDAY + since * HOUR, MONDAY + 9 * HOUR, groups)

    everywhere, later, scoped = away("a", BEN, 0), away("b", VACANT, 2), away("c", CAT, 4, frozenset({"G"}))
    context = WalkContext(
        substitutions={ANN: (everywhere, later, scoped), BEN: (Substitution("d", BEN, DAN, 0, 2**31),)}
    )

    def at(hour: int, group: str | None = None) -> Participant:
        return context.replacement(ANN, MONDAY + hour * HOUR, group)

    assert [at(-1), at(1), at(3), at(5), at(9)] == [ANN, BEN, VACANT, VACANT, ANN]
    assert [at(5, "G"), at(5, "H")] == [CAT, VACANT]
    assert context.replacement(CAT, MONDAY, None) == CAT


def test_three_shifts_in_two_zones_page_who_is_on_just_then() -> None:
    """The alert arrives at 16:50 in Berlin, ten minutes before the night shift, which is 10:50 in New York."""
    day = together("Europe/Berlin", layer("1", ANN, windows=OFFICE), layer("2", BEN, windows=OFFICE))
    west = together("America/New_York", layer("1", CAT, windows=OFFICE))
    night = together("Europe/Berlin", layer("1", DAN, windows=(Daily(17 * HOUR, 16 * HOUR),), turns=Everyone()))

    def shift(name: str, resolved: str) -> Policy:
        seats = tuple(key.key for key in {"day": day, "west": west, "night": night}[name].layers)
        levels = [
            Level(20 if seat != seats[-1] else None, "everyone", (Target("schedule", name, layers=(seat,)),))
            for seat in seats
        ]
        return Policy(0, tuple(levels), 0, "nothing", "skip", resolved)  # type: ignore[arg-type]

    def paged(resolved: str) -> list[tuple[int, str, tuple[Participant, ...]]]:
        schedules = {"day": (day, ()), "west": (west, ()), "night": (night, ())}
        names = tuple(schedules)
        group = Policy(
            0, (Level(None, "everyone", tuple(Target("escalation_policy", name) for name in names)),), 0,
            "nothing", "skip", "start",
        )  # fmt: skip
        context = WalkContext(
            {name: shift(name, resolved) for name in names}, schedules, reachable=frozenset({ANN, BEN, CAT, DAN})
        )
        found = walk(group, context, when(2026, 6, 1, 14, 50))
        return [(each.minute, each.path[0], each.people) for each in notices(found)]

    assert paged("start") == [(0, "day", (ANN,)), (0, "west", (CAT,)), (20, "day", (BEN,))]
    assert paged("level") == [(0, "day", (ANN,)), (0, "west", (CAT,))]
