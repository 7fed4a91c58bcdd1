"""Hostile schedules: as many overrides, layers, windows, people or dates as the limits allow, or close to it."""

from collections.abc import Callable
from typing import NamedTuple

from oncall.rendering.answers import on_call_at
from oncall.rendering.coverage import HORIZON, loads, next_change
from oncall.rendering.differences import compare
from oncall.rendering.explaining import explain
from oncall.rendering.final import render, render_final
from oncall.rendering.rotations import rotations
from oncall.rendering.spec import (
    MAX_DATES,
    MAX_OCCURRENCE,
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    ExtraShift,
    Layer,
    Override,
    Recurring,
    Rule,
    ScheduleSpec,
    Substitution,
    Turns,
    Weekly,
    Window,
    person,
)
from oncall.rendering.zones import DAY, HOUR, MINUTE, WEEK
from scripts.bench.schedules import YEAR_START

SINCE, DAYS = YEAR_START, 14
UNTIL = SINCE + DAYS * DAY
#: A rule that began long before the range.
LONG_AGO = SINCE - 100 * 52 * WEEK


class World(NamedTuple):
    """A hostile schedule. size: how many elements it has."""

    spec: ScheduleSpec
    size: int
    substitutions: tuple[Substitution, ...] = ()


def _layer(key: str, people: int, windows: tuple[Window, ...] = (Always(),), turns: Turns | None = None) -> Layer:
    turns = turns or ByTime(SINCE - WEEK, WEEK)
    return Layer(key, key, windows, turns, tuple(person(f"{key}-{number}") for number in range(people)))


def _spec(*layers: Layer, composition: str = "stacked", **more: object) -> ScheduleSpec:
    return ScheduleSpec("Europe/Paris", composition, layers, **more)  # type: ignore[arg-type]


def _layers(count: int) -> tuple[Layer, ...]:
    return tuple(_layer(f"l{number}", 3) for number in range(count))


def _nested(count: int, **more: object) -> tuple[Override, ...]:
    """Each override is inside the one before."""
    return tuple(
        Override(f"o{n}", SINCE + n * MINUTE, UNTIL - n * MINUTE, person(f"by{n}"), **more)  # type: ignore[arg-type]
        for n in range(count)
    )


def _series(count: int) -> tuple[Override, ...]:
    """Three overrides run at each instant. They do not cover gaps."""
    step = DAYS * DAY // count
    return tuple(
        Override(f"o{n}", SINCE + n * step, SINCE + (n + 3) * step, person(f"by{n}"), covers_gaps=False)
        for n in range(count)
    )


def worlds(part: int = 1) -> dict[str, World]:
    """Returns the hostile schedules by their names. part: divides the number of their elements, for tests."""
    k1, k5, k10 = 1_000 // part, 5_000 // part, 10_000 // part
    daily, one, thousand = Rule("DAILY"), _layer("a", 3), _layers(k1)
    by_rule = (Recurring(daily, LONG_AGO, HOUR),)
    dates = tuple(LONG_AGO + 12 * HOUR + number * DAY for number in range(MAX_DATES // part))
    apart = tuple(Weekly(n % 7 + 1, n * 80, MINUTE) for n in range(k1))
    rules = tuple(Recurring(Rule("WEEKLY", by_day=((0, n % 7 + 1),)), LONG_AGO + n * 80, MINUTE) for n in range(k1))
    away = tuple(
        Substitution(f"s{n}", person(f"a-{n % 3}"), person(f"by{n}"), SINCE + n * MINUTE, UNTIL - n * MINUTE)
        for n in range(k5)
    )
    shifts = tuple(
        ExtraShift(f"x{n}", SINCE + n * MINUTE, SINCE + (n + 30) * MINUTE, person(f"by{n}")) for n in range(k10)
    )
    group = tuple(person(f"g{number}") for number in range(k1))
    groups = tuple(Layer(f"l{n}", "", (Daily(n * MINUTE, 8 * HOUR),), Everyone(), group) for n in range(k1 // 2))
    return {
        "5,000 overrides inside each other": World(_spec(one, overrides=_nested(k5, covers_gaps=False)), k5),
        "5,000 of one of two layers": World(
            _spec(one, _layer("b", 3), overrides=_nested(k5, sources=frozenset({"b"}))), k5
        ),
        "5,000 that replace one person": World(_spec(one, overrides=_nested(k5, replaces=person("a-0"))), k5),
        "5,000 that replace nobody here": World(_spec(one, overrides=_nested(k5, replaces=person("no"))), k5),
        "1,000 stacked layers, 1,000 overrides": World(_spec(*thousand, overrides=_series(k1)), 2 * k1),
        "1,000 concurrent layers, 1,000 overrides": World(
            _spec(*thousand, composition="concurrent", overrides=_series(k1)), 2 * k1
        ),
        "5,000 substitutions": World(_spec(one), k5, away),
        "10,000 extra shifts": World(_spec(one, extra_shifts=shifts), k10),
        "1,000 weekly windows": World(_spec(_layer("a", 3, apart)), k1),
        "1,000 windows by rule": World(_spec(_layer("a", 3, rules)), k1 * DAYS),
        "10,000 participants": World(_spec(_layer("a", k10, turns=ByTime(SINCE, HOUR))), k10),
        "10,000 participants at once": World(_spec(_layer("a", k10, turns=Everyone())), k10),
        "500 concurrent layers of 1,000 people": World(_spec(*groups, composition="concurrent"), k1 * k1 // 2),
        "1,000 layers by occurrence, for 100 years": World(
            _spec(*(_layer(f"l{n}", 3, (Recurring(daily, LONG_AGO + n, HOUR),), ByOccurrence()) for n in range(k1))),
            k1 * DAYS,
        ),
        "occurrences of a year each day": World(
            _spec(_layer("a", 3, (Recurring(daily, LONG_AGO, MAX_OCCURRENCE),), ByOccurrence())), 366
        ),
        "10,000 added and excluded dates": World(
            _spec(_layer("a", 3, (Recurring(daily, LONG_AGO, HOUR, dates[::2], dates),), ByOccurrence())), 20_000
        ),
        "a daily rule for 100 years": World(_spec(_layer("a", 3, by_rule)), 1),
    }


def functions(world: World) -> dict[str, Callable[[], object]]:
    """Returns the functions of the package with the world as their argument, by their names."""
    spec, away = world.spec, world.substitutions
    middle = (SINCE + UNTIL) // 2
    return {
        "render_final": lambda: render_final(spec, away, SINCE, UNTIL),
        "render": lambda: render(spec, away, SINCE, UNTIL),
        "on_call_at": lambda: on_call_at(spec, away, middle),
        "explain": lambda: explain(spec, away, middle),
        "next_change": lambda: next_change(spec, away, middle, HORIZON),
        "rotations": lambda: rotations(spec, middle),
        "loads": lambda: loads(render_final(spec, away, SINCE, UNTIL), spec.zone, SINCE, UNTIL),
        "compare": lambda: compare(render_final(spec, away, SINCE, UNTIL), (), SINCE, UNTIL),
    }
