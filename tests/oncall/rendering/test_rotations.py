"""Rotations that several layers share are found once, with the order and the next handoff of the layers themselves."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.rendering.layers import layer_at
from oncall.rendering.rotations import Rotation, rotations
from oncall.rendering.spec import (
    Always,
    ByOccurrence,
    ByTime,
    Daily,
    Everyone,
    Layer,
    Recurring,
    Rule,
    ScheduleSpec,
    person,
)
from oncall.rendering.zones import at

ZONE = "Europe/Berlin"
DAY = 86_400


def when(*fields: int) -> int:
    return int(datetime(*fields, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


def seats(people: str, turns: Any, window: Any = Always(), *, step: int = 1, places: int | None = None) -> list[Layer]:  # noqa: B008
    """A layer for each person, each with the order of people that starts with this person."""
    circle = [person(one) for one in people]
    count = len(circle)
    return [
        Layer(str(seat + 1), "", (window,), turns, tuple(circle[(seat + step * turn) % count] for turn in range(count)))
        for seat in range(places or count)
    ]


def spec(*layers: Layer) -> ScheduleSpec:
    return ScheduleSpec(ZONE, "concurrent", layers)


@given(
    people=st.sampled_from(["AB", "ABC", "ABCA", "ABCDEFGHIJKL"]),
    length=st.sampled_from([3_600, DAY, 7 * DAY]),
    step=st.sampled_from([1, -1]),
    instant=st.integers(when(2025, 1, 1), when(2027, 1, 1)),
)
def test_the_order_is_who_holds_each_layer_until_the_next_handoff(
    people: str, length: int, step: int, instant: int
) -> None:
    layers = seats(people, ByTime(when(2025, 3, 3, 2, 30), length), step=step)
    (found,) = rotations(spec(*reversed(layers)), instant)
    assert found.keys == tuple(layer.key for layer in layers)
    held = [layer_at(layer, ZONE, instant) for layer in layers]
    assert [(one,) for one in found.order] == held
    assert found.next_handoff is not None and found.next_handoff > instant
    assert [layer_at(layer, ZONE, found.next_handoff - 1) for layer in layers] == held
    assert [layer_at(layer, ZONE, found.next_handoff) for layer in layers] != held


def test_by_occurrence_the_order_follows_the_next_shift() -> None:
    window = Recurring(Rule("WEEKLY", by_day=((0, 1), (0, 4))), when(2026, 3, 2, 9), 8 * 3_600)
    layers = seats("ABC", ByOccurrence(2), window)
    people = tuple(person(one) for one in "BCA")
    instant = at(ZONE, when(2026, 3, 8))  # shifts on 2 and 5 March are over
    assert rotations(spec(*layers), instant) == (Rotation(("1", "2", "3"), people, at(ZONE, when(2026, 3, 16, 9))),)
    running = at(ZONE, when(2026, 3, 12, 12))
    assert rotations(spec(*layers), running) == (Rotation(("1", "2", "3"), people, at(ZONE, when(2026, 3, 16, 9))),)


@pytest.mark.parametrize(("count", "handoff"), [(1, None), (2, when(2026, 3, 3, 8))])
def test_a_rotation_without_further_shifts_hands_over_no_more(count: int, handoff: int | None) -> None:
    window = Recurring(Rule("DAILY", count=count), when(2026, 3, 2, 9), 8 * 3_600)
    layers = seats("AB", ByOccurrence(1), window)
    (found,) = rotations(spec(*layers), at(ZONE, when(2026, 3, 2)))
    assert (found.order, found.next_handoff) == ((person("A"), person("B")), handoff)
    assert rotations(spec(*layers), at(ZONE, when(2026, 3, 10))) == ()


def test_two_rotations_side_by_side_are_two_and_a_layer_by_itself_is_none() -> None:
    weekly, daily = ByTime(when(2026, 3, 2), 7 * DAY), ByTime(when(2026, 3, 2), DAY)
    one = seats("ABC", weekly, places=2)
    other = [Layer(f"x{layer.key}", "", layer.windows, daily, layer.participants) for layer in one]
    alone = Layer("y", "", (Daily(0, DAY),), weekly, (person("A"), person("B")))
    everyone = [Layer(key, "", (Always(),), Everyone(), (person("A"), person("B"))) for key in "pq"]
    constant = [Layer(key, "", (Always(),), weekly, (person("A"), person("A"))) for key in "rs"]
    found = rotations(spec(*one, *other, alone, *everyone, *constant), when(2026, 3, 2))
    assert [rotation.keys for rotation in found] == [("1", "2"), ("x1", "x2")]
