"""Measure what the product claims about speed: ``bench.py [--quick]``, exit 1 if a bound is missed.

CPU time, not wall time: on a busy machine it stays the same within a few per cent. Sides of a ratio take turns, the
best of several samples counts, and a sample is repeated work of at least 20 ms. A missed bound is measured again, three
times at most, before it is believed.
"""

import argparse
import calendar
import gc
import math
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from connectors.timezones import convert
from connectors.zone_names import RAILS
from oncall.rendering.answers import on_call_at
from oncall.rendering.final import render_final
from oncall.rendering.spec import Always, ByTime, Daily, Layer, Override, Participant, ScheduleSpec, Window, person

HOUR, DAY, WEEK = 3_600, 86_400, 7 * 86_400
YEAR_START = calendar.timegm((2026, 1, 5, 9, 0, 0))
SAMPLE_SECONDS, ATTEMPTS = 0.02, 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the result. ``bound``: the figure must not exceed it; None = reported only."""

    name: str
    figure: float
    unit: str
    bound: float | None = None

    @property
    def missed(self) -> bool:
        return self.bound is not None and self.figure > self.bound


def layer(key: str, people: int, window: Window) -> Layer:
    members = tuple(person(f"{key}-{number}") for number in range(people))
    return Layer(key, key, (window,), ByTime(YEAR_START - WEEK, WEEK), members)


def standard_schedule() -> ScheduleSpec:
    """Three stacked weekly layers (round the clock, office hours, nights) and an 8-hour override every other week."""
    layers = (
        layer("nights", 3, Daily(20 * HOUR, 6 * HOUR)),
        layer("office", 4, Daily(9 * HOUR, 8 * HOUR)),
        layer("always", 5, Always()),
    )
    starts = (YEAR_START + number * 2 * WEEK + 3 * DAY for number in range(26))
    overrides = tuple(Override(f"o{start}", start, start + 8 * HOUR, person("stand-in")) for start in starts)
    return ScheduleSpec("America/New_York", "stacked", layers, overrides=overrides)


def older(spec: ScheduleSpec, seconds: int) -> ScheduleSpec:
    """The same rotations, in step, begun ``seconds`` (whole weeks times all numbers of people) earlier."""
    layers = []
    for each in spec.layers:
        assert isinstance(each.turns, ByTime)  # noqa: S101  (standard_schedule has no other)
        layers.append(replace(each, turns=replace(each.turns, anchor=each.turns.anchor - seconds)))
    return replace(spec, layers=tuple(layers))


def best_times(sides: list[Callable[[], object]], rounds: int) -> list[float]:
    """Best CPU seconds of one call of each side, the sides taking turns."""
    loops = []
    for side in sides:
        side()
        started = time.process_time()
        side()
        loops.append(max(1, math.ceil(SAMPLE_SECONDS / max(time.process_time() - started, 1e-6))))
    best = [math.inf] * len(sides)
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for _ in range(rounds):
            for index, side in enumerate(sides):
                started = time.process_time()
                for _ in range(loops[index]):
                    side()
                best[index] = min(best[index], (time.process_time() - started) / loops[index])
    finally:
        gc.enable()
        gc.unfreeze()
    return best


def rendering(rounds: int) -> list[Measured]:
    spec = standard_schedule()
    aged = older(spec, 9 * 60 * WEEK)  # 60 = least common multiple of 3, 4 and 5 people: the same person serves

    def days(count: int, of: ScheduleSpec = spec) -> tuple[object, ...]:
        return render_final(of, (), YEAR_START, YEAR_START + count * DAY)

    if days(365) != days(365, aged):
        raise AssertionError("An older anchor in step must render the same schedule.")
    month, year = best_times([lambda: days(30), lambda: days(365)], rounds)
    young, old = best_times([lambda: days(30), lambda: days(30, aged)], rounds)
    return [
        Measured("final spans in 365 days", len(days(365)), "spans"),
        Measured("render 30 days", month * 1e3, "ms"),
        Measured("render 365 days", year * 1e3, "ms"),
        Measured("time for 365 days / 30 days", year / month, "x", 13.0),
        Measured("time with a rotation 10 years old / 1 week old", old / young, "x", 1.1),
    ]


def point_answers(rounds: int) -> list[Measured]:
    spec = standard_schedule()
    instants = [YEAR_START + number * 31_337 for number in range(1_000)]

    def ask() -> list[tuple[Participant, ...]]:
        return [on_call_at(spec, (), instant) for instant in instants]

    [best] = best_times([ask], rounds)
    return [Measured("who is on call at a time", best / len(instants) * 1e6, "us")]


def zone_readings(rounds: int) -> list[Measured]:
    names = [*RAILS, "US/Eastern", "GMT+01:00", "Eastern Standard Time", "EST", "Mars/Olympus"]

    def uncached() -> None:
        for name in names:
            convert.__wrapped__(name)

    def cached() -> None:
        for name in names:
            convert(name)

    first, again = best_times([uncached, cached], rounds)
    return [
        Measured("read a new zone name", first / len(names) * 1e6, "us"),
        Measured("read a known zone name", again / len(names) * 1e6, "us"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 7")
    rounds = 3 if parser.parse_args().quick else 7
    print(f"Python {platform.python_version()}, {platform.machine()}, best of {rounds}, CPU time")
    missed = 0
    for measure in (rendering, point_answers, zone_readings):
        for attempt in range(1, ATTEMPTS + 1):
            results = measure(rounds)
            if attempt == ATTEMPTS or not any(result.missed for result in results):
                break
        for result in results:
            missed += result.missed
            verdict = "" if result.bound is None else f"bound {result.bound:g}: {'MISSED' if result.missed else 'kept'}"
            print(f"{result.name:<48} {result.figure:>10.3f} {result.unit:<6} {verdict}".rstrip())
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
