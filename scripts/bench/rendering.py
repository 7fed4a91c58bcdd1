"""R: rendering compared with the usual library, and with the least possible work."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from oncall.rendering.answers import on_call_at
from oncall.rendering.final import render_final
from oncall.rendering.spec import ScheduleSpec
from scripts.bench import hostile, kernel
from scripts.bench.effort import Effort
from scripts.bench.figures import Figure, Target, settled
from scripts.bench.measuring import Sample, cpu_times
from scripts.bench.schedules import DAY, WEEK, YEAR_START, as_icalendar, many, recurring, shifted, standard

LIBRARY = "recurring-ical-events"
R1 = Target("R1", f"render 365 days, layers included, against {LIBRARY} (parse, expand)", "x", 20, 60, faster=True)
R2 = Target("R2", "the same, 30 days", "x", 50, 180, faster=True)
R3 = Target("R3", "render 365 days against a bare kernel on tuples", "x", 3, 1.7)
R4 = Target("R4", f"on call at an instant, 1,000 schedules, against {LIBRARY} (parsed)", "x", 250, 1_200, faster=True)
R6_LENGTH = Target("R6", "time for 365 days / 30 days", "x", 13, 11)
R6_AGE = Target("R6", "rotation begun 10 years ago / 1 week ago", "x", 1.1, 1.02)
R7 = Target("R7", "render 14 days of the worst hostile schedule", "s", 5, 1)
RULES = ", windows by rule and turns by occurrence"

SCHEDULES = 1_000
#: Calendars that the library renders. Its time is multiplied up to 1,000 calendars.
CALENDARS = 16


def measure(effort: Effort) -> Iterator[Figure]:
    spec = standard()
    yield settled(lambda: _against_library(R1, spec, 365, effort.rounds))
    if effort.quick:
        return
    yield settled(lambda: _against_library(R2, spec, 30, effort.rounds))
    yield settled(lambda: _against_kernel(spec, effort.rounds))
    yield settled(lambda: _at_an_instant(effort.rounds))
    for words, each in (("", spec), (RULES, recurring())):
        yield settled(partial(_by_length, replace(R6_LENGTH, what=R6_LENGTH.what + words), each, effort.rounds))
        yield settled(partial(_by_age, replace(R6_AGE, what=R6_AGE.what + words), each, effort.rounds))
    yield settled(_hostile)


def _hostile() -> Figure:
    """The slowest of all hostile schedules; each is rendered once after a first call, which reads zones and dates."""
    times: dict[str, Sample] = {}
    for name, world in hostile.worlds().items():
        spec, away = world.spec, world.substitutions
        call = partial(render_final, spec, away, hostile.SINCE, hostile.UNTIL)
        times |= cpu_times({name: call}, 1)
    return Figure(R7, max(each.best for each in times.values()), times)


def _against_library(target: Target, spec: ScheduleSpec, days: int, rounds: int) -> Figure:
    text = as_icalendar(spec)
    until = YEAR_START + days * DAY
    since_at, until_at = (datetime.fromtimestamp(each, UTC) for each in (YEAR_START, until))
    times = cpu_times(
        {
            "ours": lambda: render_final(spec, (), YEAR_START, until),
            LIBRARY: lambda: _expanded(_parsed(text), since_at, until_at),
        },
        rounds,
    )
    return Figure(target, times[LIBRARY].best / times["ours"].best, times)


def _parsed(text: str) -> Any:
    from icalendar import Calendar

    return Calendar.from_ical(text)


def _expanded(parsed: Any, since: datetime, until: datetime) -> list[Any]:
    from recurring_ical_events import of

    return list(of(parsed).between(since, until))


def _against_kernel(spec: ScheduleSpec, rounds: int) -> Figure:
    until = YEAR_START + 365 * DAY
    schedule = kernel.prepared(spec, YEAR_START, until)
    ours = [(span.start, span.end, *map(str, span.participants)) for span in render_final(spec, (), YEAR_START, until)]
    if ours != kernel.render(schedule, YEAR_START, until):
        raise AssertionError("The kernel must render the same spans, or it is no yardstick.")
    times = cpu_times(
        {
            "ours": lambda: render_final(spec, (), YEAR_START, until),
            "kernel": lambda: kernel.render(schedule, YEAR_START, until),
        },
        rounds,
    )
    return Figure(R3, times["ours"].best / times["kernel"].best, times)


def _at_an_instant(rounds: int) -> Figure:
    specs = many(SCHEDULES)
    parsed = [_parsed(as_icalendar(spec)) for spec in specs[:CALENDARS]]
    instant = YEAR_START + 100 * DAY + 12_345
    at = datetime.fromtimestamp(instant, UTC)
    after = at + timedelta(seconds=1)
    times = cpu_times(
        {
            "ours": lambda: [on_call_at(spec, (), instant) for spec in specs],
            LIBRARY: lambda: [_expanded(each, at, after) for each in parsed],
        },
        rounds,
    )
    times[LIBRARY] = times[LIBRARY].times(SCHEDULES / CALENDARS)
    return Figure(R4, times[LIBRARY].best / times["ours"].best, times)


def _by_length(target: Target, spec: ScheduleSpec, rounds: int) -> Figure:
    times = cpu_times(
        {
            f"{days} days": lambda days=days: render_final(spec, (), YEAR_START, YEAR_START + days * DAY)
            for days in (365, 30)
        },
        rounds,
    )
    return Figure(target, times["365 days"].best / times["30 days"].best, times)


def _by_age(target: Target, spec: ScheduleSpec, rounds: int) -> Figure:
    """After 60 weeks the turns of 3, 4 and 5 people, and pairs of nights of 3 people, are at the same person again."""
    aged = shifted(spec, -9 * 60 * WEEK)
    until = YEAR_START + 30 * DAY
    if render_final(spec, (), YEAR_START, until) != render_final(aged, (), YEAR_START, until):
        raise AssertionError("An older anchor in step must render the same schedule.")
    times = cpu_times(
        {
            "10 years": lambda: render_final(aged, (), YEAR_START, until),
            "1 week": lambda: render_final(spec, (), YEAR_START, until),
        },
        rounds,
    )
    return Figure(target, times["10 years"].best / times["1 week"].best, times)
