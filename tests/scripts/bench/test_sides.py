"""Both sides of a comparison do the same work, or the comparison says nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.rendering.final import render_final
from oncall.rendering.spec import Daily, ScheduleSpec, Weekly
from scripts.bench import kernel
from scripts.bench.accounts import account, changed, records
from scripts.bench.planning import Stored
from scripts.bench.schedules import DAY, HOUR, YEAR_START, ZONES, as_icalendar, many, recurring, shifted, standard

Spans = list[tuple[int, int, str]]


def ours(spec: ScheduleSpec, since: int, until: int) -> Spans:
    return [
        (span.start, span.end, str(who)) for span in render_final(spec, (), since, until) for who in span.participants
    ]


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(0, 55),
    since=st.integers(YEAR_START, YEAR_START + 365 * DAY),
    length=st.integers(1, 60 * DAY),
)
def test_the_kernel_renders_what_the_renderer_renders(number: int, since: int, length: int) -> None:
    spec = many(56)[number]
    until = since + length
    assert kernel.render(kernel.prepared(spec, since, until), since, until) == ours(spec, since, until)


@pytest.mark.parametrize("zone", ZONES)
def test_the_kernel_renders_a_year_with_its_clock_changes(zone: str) -> None:
    spec, until = standard(zone), YEAR_START + 365 * DAY
    assert kernel.render(kernel.prepared(spec, YEAR_START, until), YEAR_START, until) == ours(spec, YEAR_START, until)


def test_the_kernel_refuses_what_it_cannot_do() -> None:
    spec = standard()
    weekly = replace(spec.layers[0], windows=(Weekly(1, 0, HOUR),))
    with pytest.raises(TypeError, match="nights"):
        kernel.prepared(replace(spec, layers=(weekly,)), 0, 1)
    twice = replace(spec, overrides=(spec.overrides[0], spec.overrides[0]))
    with pytest.raises(TypeError, match="overlap"):
        kernel.prepared(twice, 0, 1)


@pytest.mark.parametrize("number", range(8))
def test_the_calendar_says_what_the_schedule_says(number: int) -> None:
    """30 days in June, when none of these clocks changes: there, both read windows alike."""
    icalendar = pytest.importorskip("icalendar", reason="a requirement of make bench")
    recurring = pytest.importorskip("recurring_ical_events", reason="a requirement of make bench")
    spec, since = many(8)[number], YEAR_START + 155 * DAY
    until = since + 30 * DAY
    start = datetime.fromtimestamp(since, UTC)
    events = recurring.of(icalendar.Calendar.from_ical(as_icalendar(spec))).between(start, start + timedelta(days=30))
    assert winning([placed(event, since, until) for event in events]) == ours(spec, since, until)


def placed(event: Any, since: int, until: int) -> tuple[int, int, int, str]:
    """(place in the stack, start, end, person)."""
    begins, ends = (int(each.timestamp()) for each in (event.start, event.end))
    return int(event["PRIORITY"]), max(begins, since), min(ends, until), str(event["SUMMARY"])


def winning(events: list[tuple[int, int, int, str]]) -> Spans:
    edges = sorted({edge for _, start, end, _ in events for edge in (start, end)})
    result: Spans = []
    for left, right in pairwise(edges):
        running = sorted((place, who) for place, start, end, who in events if start <= left and right <= end)
        if running and result and result[-1][1] == left and result[-1][2] == running[0][1]:
            result[-1] = (result[-1][0], right, running[0][1])
        elif running:
            result.append((left, right, running[0][1]))
    return result


def test_only_schedules_that_fit_are_written_as_calendars() -> None:
    spec = standard()
    with pytest.raises(TypeError, match="weekly turns"):
        as_icalendar(replace(spec, layers=(replace(spec.layers[0], turns=replace(spec.layers[0].turns, length=DAY)),)))
    two = replace(spec.layers[0], windows=(Daily(0, HOUR), Daily(2 * HOUR, HOUR)))
    with pytest.raises(TypeError, match="daily open"):
        as_icalendar(replace(spec, layers=(two,)))


@pytest.mark.parametrize("spec", [standard(), recurring()], ids=["turns by time", "turns by occurrence"])
def test_an_older_rotation_in_step_is_the_same_schedule(spec: ScheduleSpec) -> None:
    until = YEAR_START + 30 * DAY
    assert ours(shifted(spec, -60 * 7 * DAY), YEAR_START, until) == ours(spec, YEAR_START, until)
    assert ours(shifted(spec, -7 * DAY), YEAR_START, until) != ours(spec, YEAR_START, until)


def test_planning_finds_what_changed_and_nothing_else() -> None:
    before = account(300)
    stored = Stored(before)
    assert stored.plan(before).items == ()
    after = changed(before)
    items = stored.plan(after).items
    assert {item.external_id for item in items} == {r.external_id for r in records(after) if r.name.endswith(" II")}
    assert {item.action for item in items} == {"update"}


def test_diffsync_finds_the_same() -> None:
    pytest.importorskip("diffsync", reason="a requirement of make bench")
    from scripts.bench.diffsync_side import differences

    before = account(300)
    assert differences(before, before) == 0
    assert differences(before, changed(before)) == len(Stored(before).plan(changed(before)).items)
