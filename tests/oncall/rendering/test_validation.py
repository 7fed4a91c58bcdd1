"""Tests that invalid schedules are refused with a reason, and quickly, however large they are."""

import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from oncall.rendering.answers import on_call_at
from oncall.rendering.final import render, render_final
from oncall.rendering.spec import (
    EARLIEST,
    LATEST,
    MAX_LAYERS,
    MAX_PARTICIPANTS,
    MAX_PIECES,
    MAX_TURN_SECONDS,
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    ExtraShift,
    InvalidSpec,
    Override,
    Recurring,
    Rule,
    ScheduleSpec,
    Weekly,
)
from oncall.rendering.validation import validate
from tests.counting import lines_run
from tests.oncall.rendering.comparison import ANN, BEN, CAT, DAY, HOUR, WEEK, layer, stack, when

GOOD = layer("a", ANN, BEN)
DAILY_RULE = Rule("DAILY")
THIRTIETH_OF_FEBRUARY = Rule("YEARLY", by_month=(2,), by_month_day=(30,))
RECURRING = Recurring(DAILY_RULE, when(2026, 1, 1), HOUR)


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"turns": ByTime(0, 0)}, "turns.length"),
        ({"turns": ByTime(0, -WEEK)}, "turns.length"),
        ({"turns": ByTime(0, MAX_TURN_SECONDS + 1)}, "turns.length"),
        ({"turns": ByTime(0, 0, "months")}, "turns.length"),
        ({"turns": ByTime(0, 1201, "months")}, "turns.length"),
        ({"turns": ByTime(0, 10**30)}, "turns.length"),
        ({"turns": ByTime(0, 1, "months", "elapsed")}, "turns.clock"),
        ({"turns": ByTime(EARLIEST - 1, WEEK)}, "turns.anchor"),
        ({"turns": ByTime(LATEST + 1, WEEK)}, "turns.anchor"),
        ({"turns": ByOccurrence(0)}, "turns.shifts_per_participant"),
        ({"turns": ByOccurrence(1), "windows": (RECURRING, RECURRING)}, "windows"),
        ({"windows": ()}, "windows"),
        ({"windows": (Always(), Daily(0, 0))}, "windows[1].duration"),
        ({"windows": (Daily(0, -1),)}, "windows[0].duration"),
        ({"windows": (Daily(0, DAY + 1),)}, "windows[0].duration"),
        ({"windows": (Daily(-1, HOUR),)}, "windows[0].start"),
        ({"windows": (Daily(DAY, HOUR),)}, "windows[0].start"),
        ({"windows": (Weekly(0, 0, HOUR),)}, "windows[0].weekday"),
        ({"windows": (Weekly(8, 0, HOUR),)}, "windows[0].weekday"),
        ({"windows": (Weekly(1, 0, 0),)}, "windows[0].duration"),
        ({"windows": (Weekly(1, 0, 8 * DAY),)}, "windows[0].duration"),
        ({"windows": (replace(RECURRING, duration=0),)}, "windows[0].duration"),
        ({"windows": (replace(RECURRING, duration=367 * DAY),)}, "windows[0].duration"),
        ({"windows": (replace(RECURRING, first=EARLIEST - 1),)}, "windows[0].first"),
        ({"windows": (replace(RECURRING, first=LATEST),)}, "windows[0].first"),
        ({"windows": (replace(RECURRING, added=(10**15,)),)}, "windows[0].added"),
        ({"windows": (replace(RECURRING, late=(10**15,)),)}, "windows[0].late"),
        ({"windows": (replace(RECURRING, late=(2, 1)),)}, "windows[0].late"),
        ({"windows": (replace(RECURRING, first_at=10**15),)}, "windows[0].first_at"),
        ({"windows": (replace(RECURRING, first_at=RECURRING.first + DAY),)}, "windows[0].first_at"),
        ({"windows": (replace(RECURRING, first_at=RECURRING.first - DAY),)}, "windows[0].first_at"),
        ({"windows": (replace(RECURRING, first_at=RECURRING.first),)}, "window_edge"),
        ({"windows": (replace(RECURRING, late=(0,)),)}, "window_edge"),
        ({"windows": (replace(RECURRING, excluded=(0,) * 10_001),)}, "windows[0].excluded"),
        ({"windows": (replace(RECURRING, rule=Rule("DAILY", 0)),)}, "windows[0].rule.interval"),
        ({"windows": (replace(RECURRING, rule=Rule("DAILY", count=0)),)}, "windows[0].rule.count"),
        ({"windows": (replace(RECURRING, rule=Rule("DAILY", until=0)),)}, "windows[0].rule"),
        ({"windows": (replace(RECURRING, rule=Rule("DAILY", by_day=((1, 1),))),)}, "windows[0].rule.by_day"),
        ({"windows": (replace(RECURRING, rule=Rule("MONTHLY", by_day=((6, 1),))),)}, "windows[0].rule.by_day"),
        ({"windows": (replace(RECURRING, rule=Rule("WEEKLY", by_day=((0, 8),))),)}, "windows[0].rule.by_day"),
        ({"windows": (replace(RECURRING, rule=Rule("WEEKLY", by_month_day=(1,))),)}, "windows[0].rule.by_month_day"),
        ({"windows": (replace(RECURRING, rule=Rule("MONTHLY", by_month_day=(0,))),)}, "windows[0].rule.by_month_day"),
        ({"windows": (replace(RECURRING, rule=Rule("YEARLY", by_month=(13,))),)}, "windows[0].rule.by_month"),
        ({"windows": (replace(RECURRING, rule=THIRTIETH_OF_FEBRUARY),)}, "windows[0].rule"),
        ({"windows": (Always(),), "turns": ByOccurrence(1)}, "windows"),
        ({"windows": (Always(),), "clip": "drop"}, "clip"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"starts_at": 10, "ends_at": 9}, "ends_at"),
        ({"starts_at": EARLIEST - 1}, "starts_at"),
        ({"ends_at": LATEST + 1}, "ends_at"),
        ({"participants": (ANN,) * (MAX_PARTICIPANTS + 1)}, "participants"),
    ],
)
def test_it_refuses_a_layer_with_the_path_of_the_invalid_field(changed: dict[str, Any], path: str) -> None:
    spec = stack("Etc/UTC", GOOD, replace(GOOD, **changed))
    for ask in (lambda: validate(spec), lambda: render(spec, (), 0, DAY), lambda: render_final(spec, (), 0, DAY)):
        with pytest.raises(InvalidSpec) as refused:
            ask()
        assert refused.value.path == f"layers[1].{path}"
        assert str(refused.value).startswith(f"layers[1].{path}: ")


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        (stack("Mars/Olympus"), "zone"),
        (stack(""), "zone"),
        (stack("Etc/UTC", extra_shifts=(ExtraShift("x", 10, 9, ANN),)), "extra_shifts[0].ends_at"),
        (stack("Etc/UTC", extra_shifts=(ExtraShift("x", EARLIEST - 1, 9, ANN),)), "extra_shifts[0].starts_at"),
        (stack("Etc/UTC", overrides=(Override("o", 10, 9, ANN),)), "overrides[0].ends_at"),
        (stack("Etc/UTC", overrides=(Override("o", 10, LATEST + 1, ANN),)), "overrides[0].ends_at"),
    ],
)
def test_it_refuses_a_schedule_with_the_path_of_the_invalid_field(spec: ScheduleSpec, path: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        validate(spec)
    assert refused.value.path == path


@pytest.mark.parametrize(
    "changed",
    [
        {"participants": ()},
        {"windows": (Daily(DAY - 1, DAY),)},
        {"windows": (Weekly(7, DAY - 1, 8 * DAY - 1),)},
        {"turns": ByTime(EARLIEST, 1)},
        {"turns": ByTime(LATEST, MAX_TURN_SECONDS)},
        {"turns": ByTime(0, 1200, "months")},
        {"turns": Everyone()},
        {"zone": "Asia/Rangoon", "starts_at": EARLIEST, "ends_at": LATEST},
        {"starts_at": 9, "ends_at": 9},
    ],
)
def test_it_accepts_unusual_values(changed: dict[str, Any]) -> None:
    spec = stack("Etc/UTC", replace(GOOD, **changed))
    validate(spec)
    render(spec, (), when(2026, 6, 1), when(2026, 6, 1) + HOUR)


def test_a_schedule_of_too_many_layers_is_refused_at_once_and_of_as_many_as_allowed_renders() -> None:
    too_many = stack("Etc/UTC", *(GOOD,) * (MAX_LAYERS + 1))

    def refuse() -> None:
        with pytest.raises(InvalidSpec, match="the most is 10000"):
            validate(too_many)

    assert lines_run(refuse) < MAX_LAYERS
    windows = (Daily(0, HOUR),)
    many = tuple(layer(str(index), ANN, BEN, windows=windows) for index in range(MAX_LAYERS))
    assert len(render_final(stack("Etc/UTC", *many), (), when(2026, 6, 1), when(2026, 6, 8))) == 7


def test_too_many_handoffs_are_refused_at_once() -> None:
    every_second = layer("a", ANN, BEN, turns=ByTime(0, 1))

    def refuse() -> None:
        with pytest.raises(InvalidSpec, match=r"layers\[1\]: more than 250000 handoffs in this range"):
            render(stack("Etc/UTC", GOOD, every_second), (), when(2026, 1, 1), when(2027, 1, 1))

    assert lines_run(refuse) < 10_000
    assert on_call_at(stack("Etc/UTC", every_second), (), when(2026, 1, 1)) == (ANN,)
    assert len(render_final(stack("Etc/UTC", every_second), (), when(2026, 1, 1), when(2026, 1, 1) + HOUR)) == HOUR


def test_the_most_that_is_rendered_takes_a_hundred_megabytes_at_most() -> None:
    since = when(2026, 1, 1)
    every_second = stack("Europe/Paris", layer("a", ANN, BEN, turns=ByTime(0, 1)))
    assert len(render_final(every_second, (), since, since + MAX_PIECES - 10)) == MAX_PIECES - 10
    tracemalloc.start()  # slow, so only a tenth of the range is measured
    try:
        render_final(every_second, (), since, since + MAX_PIECES // 10)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_rules_that_hardly_or_never_occur_cost_little() -> None:
    rare = Rule("YEARLY", interval=4, by_month=(2,), by_month_day=(29,))
    never, seldom = (
        stack("Etc/UTC", replace(GOOD, windows=(Recurring(rare, when(year, 1, 1), HOUR),))) for year in (1901, 1904)
    )
    dense = Recurring(Rule("DAILY"), when(1900, 1, 2), 366 * DAY)
    spec = ScheduleSpec("Europe/Paris", "concurrent", (replace(GOOD, windows=(dense,), turns=ByOccurrence(3)),))

    def use() -> None:
        with pytest.raises(InvalidSpec, match="never occurs"):
            validate(never)
        validate(seldom)
        assert on_call_at(spec, (), when(2199, 6, 1)) == (ANN, BEN)
        assert len(render_final(spec, (), when(2199, 6, 1), when(2199, 7, 1))) == 1

    assert lines_run(use) < 1_000_000


def test_thousands_of_overlapping_overrides_cost_little() -> None:
    start = when(2026, 6, 1)
    overrides = tuple(Override(str(i), start + i, start + 2 * DAY - i, CAT, rank=i) for i in range(5000))
    schedule = stack("Etc/UTC", GOOD, overrides=overrides)
    spans = render_final(schedule, (), start - DAY, start + 3 * DAY)
    assert (spans[0].end, spans[1].participants, spans[1].end) == (start, (CAT,), start + 2 * DAY)
    assert lines_run(lambda: render_final(schedule, (), start - DAY, start + 3 * DAY)) < 100 * len(overrides)
