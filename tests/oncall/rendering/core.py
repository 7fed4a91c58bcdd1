"""A few small schedules that together use every rule, so that each mutant is compared quickly."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from oncall.rendering.spec import (
    VACANT,
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
    Weekly,
)
from tests.oncall.rendering.comparison import (
    ANN,
    BEN,
    CAT,
    DAN,
    DAY,
    EVE,
    FAY,
    HOUR,
    MINUTE,
    WEEK,
    clock_time,
    layer,
    minutes_of,
    names,
    plain,
    plain_substitutions,
    stack,
    together,
    when,
)
from tests.oncall.rendering.referee import timeline

PARIS, TROLL, NEW_YORK, UTC = "Europe/Paris", "Antarctica/Troll", "America/New_York", "Etc/UTC"
SPRING, AUTUMN, JUNE = when(2026, 3, 28, 12), when(2026, 10, 24, 12), when(2026, 6, 1)
CHECKED_EVERY = 13 * MINUTE


class Case(NamedTuple):
    spec: ScheduleSpec
    since: int
    until: int
    substitutions: tuple[Substitution, ...] = ()


def turns() -> Iterator[Case]:
    half_past_two = layer("a", ANN, BEN, CAT, turns=ByTime(when(2026, 1, 5, 2, 30), DAY))
    for since in (SPRING, AUTUMN):
        yield Case(stack(PARIS, half_past_two), since, since + DAY)
    ten_minutes = layer("a", ANN, BEN, CAT, turns=ByTime(when(2026, 12, 1), 10 * MINUTE))  # counted backwards
    yield Case(stack(TROLL, ten_minutes), AUTUMN + 10 * HOUR, AUTUMN + 18 * HOUR)
    elapsed = layer("a", ANN, BEN, turns=ByTime(when(2026, 3, 2), DAY, clock="elapsed"), zone=NEW_YORK)
    yield Case(stack(PARIS, elapsed), SPRING - 20 * HOUR, SPRING + DAY)
    monthly = layer("a", ANN, BEN, CAT, turns=ByTime(when(2026, 1, 31, 9), 1, unit="months"))
    for month in (2, 3, 4):
        yield Case(stack(PARIS, monthly), when(2026, month, 28), when(2026, month + 1, 1, 12))


def windows() -> Iterator[Case]:
    night = Daily(clock_time(20), 6 * HOUR + 30 * MINUTE)
    sunday = Weekly(7, clock_time(1), 40 * HOUR)
    for since in (SPRING, AUTUMN):
        for edge in ("membership", "boundary"):
            switches: dict[str, Any] = {"window_edge": edge}
            own = layer("a", ANN, BEN, turns=ByTime(when(2026, 1, 5, 23), DAY), windows=(night,), **switches)
            weekly = layer("b", CAT, windows=(sunday,), zone=NEW_YORK, **switches)
            yield Case(stack(PARIS, own, weekly), since, since + 2 * DAY)
            recurring = (Recurring(Rule("DAILY"), when(2026, 1, 5, 20), 6 * HOUR + 30 * MINUTE),)
            yield Case(stack(PARIS, replace(own, windows=recurring)), since, since + DAY)
    for clip in ("cut", "drop"):
        clipped = layer("a", ANN, windows=(night,), starts_at=JUNE + DAY, ends_at=JUNE + 3 * DAY, clip=clip)
        yield Case(stack(UTC, clipped), JUNE, JUNE + 4 * DAY)
        exactly = replace(
            clipped, starts_at=JUNE + DAY + night.start, ends_at=JUNE + 2 * DAY + night.start + night.duration
        )
        yield Case(stack(UTC, exactly), JUNE, JUNE + 4 * DAY)


def one_hour(rule: Rule, first: int, **more: tuple[int, ...]) -> Layer:
    return layer("a", ANN, turns=Everyone(), windows=(Recurring(rule, first, HOUR, **more),))


def rules() -> Iterator[Case]:
    tuesdays_and_sundays = Rule("WEEKLY", 2, by_day=((0, 2), (0, 7)))
    for week_start in (1, 7):
        own = one_hour(replace(tuesdays_and_sundays, week_start=week_start), when(2026, 6, 2, 9))
        for sunday in (when(2026, 6, 7), when(2026, 6, 14)):
            yield Case(stack(UTC, own), sunday, sunday + 3 * DAY)
    ends_of_months = Rule("MONTHLY", by_month_day=(-1, 30))
    fridays = Rule("MONTHLY", by_day=((-1, 5), (1, 5)))
    of_the_year = Rule("YEARLY", by_day=((-1, 1),))
    leap = Rule("YEARLY")
    for rule, first, day in (
        (ends_of_months, when(2026, 1, 1, 9), (2028, 2, 28)),
        (ends_of_months, when(2026, 1, 1, 9), (2027, 5, 29)),
        (replace(ends_of_months, interval=3), when(2026, 1, 1, 9), (2027, 5, 29)),
        (fridays, when(2026, 1, 1, 9), (2026, 10, 29)),
        (fridays, when(2026, 1, 1, 9), (2026, 6, 4)),
        (of_the_year, when(2026, 1, 1, 9), (2026, 12, 27)),
        (leap, when(2024, 2, 29, 9), (2027, 2, 27)),
        (leap, when(2024, 2, 29, 9), (2028, 2, 28)),
        (Rule("DAILY", 3, by_month=(6, 7)), when(2026, 5, 1, 9), (2026, 5, 31)),
        (Rule("DAILY", count=3), JUNE, (2026, 6, 2)),
        (Rule("DAILY", until=JUNE + DAY), JUNE, (2026, 6, 2)),
    ):
        yield Case(stack(UTC, one_hour(rule, first)), when(*day), when(*day) + 4 * DAY)


def shifts() -> Iterator[Case]:
    nine = JUNE + 9 * HOUR
    rule = Rule("WEEKLY", by_day=tuple((0, day) for day in range(1, 6)))
    window = Recurring(rule, nine - DAY, 33 * HOUR, (nine + DAY,), (nine - 7 * DAY, nine + 2 * DAY, nine + 5 * DAY))
    for uses_turn in (True, False):
        own = layer(
            "a", ANN, BEN, CAT, VACANT, DAN,
            turns=ByOccurrence(2), windows=(window,), excluded_occurrence_uses_turn=uses_turn,
        )  # fmt: skip
        yield Case(stack(UTC, own), JUNE - 8 * DAY, JUNE - 5 * DAY)
        yield Case(stack(UTC, own), JUNE, JUNE + 7 * DAY)
        for clip in ("cut", "drop"):
            clipped = replace(own, clip=clip, starts_at=nine + HOUR, ends_at=nine + 4 * DAY)
            yield Case(together(UTC, clipped), JUNE, JUNE + 5 * DAY)
    nights = Recurring(Rule("DAILY"), when(2026, 1, 5, 20), 6 * HOUR + 30 * MINUTE)
    for since in (SPRING, AUTUMN):
        over_the_change = layer("a", ANN, BEN, turns=ByOccurrence(), windows=(nights,))
        yield Case(stack(PARIS, over_the_change), since, since + DAY)


def second_passes() -> Iterator[Case]:
    """Starts in the second pass of a repeated hour. Paris shows 02:00 to 03:00 twice, until 02:00Z."""
    half_past_one, ten_past, ten_to = (when(2026, 10, 25, 1, minutes) for minutes in (30, 10, 50))
    daily = Rule("DAILY")
    first = Recurring(daily, when(2026, 10, 25, 2, 30), HOUR, first_at=half_past_one)
    added = Recurring(daily, when(2026, 10, 20, 2, 50), 20 * MINUTE, late=(ten_past, ten_to))
    also_left_out = replace(added, excluded=(when(2026, 10, 25, 2, 50),), duration=40 * MINUTE)
    for window in (first, added, also_left_out):
        for turns in (ByOccurrence(), Everyone()):
            for uses_turn in (True, False):
                own = layer(
                    "a", ANN, BEN, CAT,
                    turns=turns, windows=(window,), window_edge="boundary", excluded_occurrence_uses_turn=uses_turn,
                )  # fmt: skip
                yield Case(together(PARIS, own), AUTUMN, AUTUMN + 2 * DAY)


def compositions() -> Iterator[Case]:
    hours = {number: JUNE + number * HOUR for number in range(25)}
    office = (Daily(clock_time(8), 10 * HOUR),)
    high = layer("high", ANN, BEN, turns=Everyone(), windows=office)
    low = layer("low", CAT, turns=ByTime(JUNE, WEEK))
    extra = (ExtraShift("x", hours[5], hours[12], DAN), ExtraShift("y", hours[13], hours[14], VACANT))
    overrides = (
        Override("1", hours[7], hours[11], EVE, rank=0),
        Override("2", hours[9], hours[10], FAY, frozenset({"high"}), ANN, False, 1),
        Override("3", hours[10], hours[15], VACANT, frozenset({"low", "x"})),
        Override("4", hours[14], hours[16], DAN, replaces=ANN),
        Override("5", hours[15], hours[17], FAY, replaces=ANN),
        Override("6", hours[15], hours[17], EVE, replaces=ANN),
        Override("7", hours[16], hours[20], EVE, covers_gaps=False),
        Override("8", hours[18], hours[22], FAY, frozenset({"high"}), BEN),
        Override("9", hours[19], hours[20], DAN, frozenset({"high"})),
        Override("10", hours[22], hours[23], DAN, replaces=ANN),
        Override("11", hours[20], hours[21], VACANT, frozenset({"high"})),
    )
    away = (
        Substitution("1", CAT, EVE, hours[1], hours[5]),
        Substitution("2", CAT, FAY, hours[3], hours[9]),
        Substitution("3", CAT, VACANT, hours[4], hours[5]),
        Substitution("4", EVE, CAT, hours[2], hours[8]),
        Substitution("5", DAN, ANN, hours[6], hours[7], frozenset({"g1"})),
        Substitution("6", DAN, BEN, hours[5], hours[6], frozenset({"g2"})),
    )
    for composition in (stack, together):
        for layers in ((high, low), (low, high), (high,), ()):
            spec = composition(UTC, *layers, extra_shifts=extra, overrides=overrides, groups=("g1",))
            yield Case(spec, JUNE, JUNE + DAY, away)
        yield Case(composition(UTC, high, low), JUNE, JUNE + DAY)


class Judged(NamedTuple):
    """A case, the referee's timeline, and the minutes for which ``on_call_at`` is called."""

    case: Case
    verdict: dict[int, tuple[str, ...]]
    held: dict[int, tuple[str, ...]]
    checked: tuple[int, ...]


@cache
def judged() -> tuple[Judged, ...]:
    return tuple(
        map(_judged, (case for part in (turns, windows, rules, shifts, second_passes, compositions) for case in part()))
    )


def _judged(case: Case) -> Judged:
    verdict = timeline(plain(case.spec), plain_substitutions(case.substitutions), case.since, case.until)
    changes = [minute for minute in verdict if verdict[minute] != verdict.get(minute - MINUTE, ())]
    checked = {*range(case.since, case.until, CHECKED_EVERY), *changes, *(each - MINUTE for each in changes)}
    held = {minute: who for minute, who in verdict.items() if who}
    return Judged(case, verdict, held, tuple(minute for minute in sorted(checked) if minute in verdict))


def disagreements(render_final: Callable[..., Any], on_call_at: Callable[..., Any]) -> Iterator[tuple[Case, int]]:
    """Yields the minutes in which one of the two functions differs from the referee.

    ``on_call_at`` is called every few minutes, and in the minutes before and after each change.
    """
    for case, verdict, held, checked in judged():
        ours = minutes_of(render_final(case.spec, case.substitutions, case.since, case.until))
        if ours != held:
            yield from ((case, minute) for minute, who in verdict.items() if ours.get(minute, ()) != who)
        for minute in checked:
            if names(on_call_at(case.spec, case.substitutions, minute)) != verdict[minute]:
                yield case, minute
