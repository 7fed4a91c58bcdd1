"""Tests that a rotation, which is sent as a changing state, becomes the same rule whenever it is read."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.rotations import Unsupported, by_shift, by_time, direction, trigger
from connectors.providers.xmatters.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.simulator.xmatters.model import Shift
from connectors.simulator.xmatters.occurrences import occurrences
from connectors.simulator.xmatters.rotation import next_rotation, seated_at
from connectors.simulator.zones import first_instant
from oncall.rendering.layers import layer_at
from oncall.rendering.spec import ByTime, Layer, Recurring, Rule
from oncall.rendering.turns import turn_at, turn_range
from oncall.rendering.zones import at, reading
from tests.connectors.providers.xmatters.rotating import DAY, HOUR, instants, read, simulated, text, when


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    ("zone", "start", "unit", "interval"),
    [
        ("Europe/Berlin", when(2025, 1, 6, 2, 30), "DAYS", 1),
        ("America/New_York", when(2025, 1, 6, 2, 30), "DAYS", 3),
        ("Africa/Cairo", when(2025, 1, 6), "DAYS", 1),
        ("Africa/Cairo", when(2025, 1, 3), "WEEKS", 1),
        ("Australia/Lord_Howe", when(2025, 1, 5, 2, 15), "WEEKS", 2),
        ("Europe/Berlin", when(2025, 1, 31, 2, 30), "MONTHS", 1),
        ("America/New_York", when(2024, 2, 29, 9), "MONTHS", 12),
        ("Africa/Cairo", when(2025, 1, 31), "MONTHS", 2),
        ("Asia/Kolkata", when(2025, 1, 30), "MONTHS", 1),
        ("Europe/Berlin", when(2025, 1, 6, 2, 30), "SHIFTS", 1),
        ("Africa/Cairo", when(2025, 1, 6, 20), "SHIFTS", 1),
    ],
)
def test_the_same_layers_come_out_whenever_they_are_read(
    zone: str, start: int, unit: str, interval: int, last: bool
) -> None:
    shift = simulated(zone, start, unit, interval, last=last)
    first, *others = (read(shift, instant).layers for instant in instants(shift))
    assert len(first) == 4
    assert all(made == first for made in others)


@pytest.mark.parametrize(
    ("zone", "change", "unit"),
    [
        ("Europe/Berlin", when(2025, 1, 6, 2, 30), "DAYS"),
        ("Africa/Cairo", when(2025, 1, 6), "DAYS"),
        ("Europe/Berlin", when(2025, 1, 31, 12), "MONTHS"),
        ("Europe/Berlin", when(2025, 1, 30, 2, 30), "MONTHS"),
    ],
)
def test_a_change_at_another_time_than_the_shifts_start_is_foretold_by_every_earlier_read_that_is_certain(
    zone: str, change: int, unit: str
) -> None:
    """When the next change falls into a skipped hour or on a month's last day, it leaves the later ones open: that is
    noted, and the rule read before still foretells the order and the change just read."""
    shift = simulated(zone, when(2025, 1, 6, 9), unit, 1, change=change)
    certain: tuple[Layer, ...] | None = None
    open_reads = 0
    for instant in instants(shift):
        findings = Findings(VENDOR)
        made = read(shift, instant, findings).layers
        if any(note.code == "rotation_time_open" for note in findings.notes):
            open_reads += 1
        else:
            certain = certain or made
            assert made == certain
        for layer in certain or ():
            foretells(layer, shift, zone, instant)
    assert certain is not None
    assert 0 < open_reads < len(instants(shift)) // 2 + 200


def foretells(layer: Layer, shift: Shift, zone: str, instant: int) -> None:
    seat = int(layer.key) - 1
    seated = seated_at(shift, instant)[seat][1]
    if not isinstance(layer.turns, ByTime):
        assert [one.id for one in layer.participants] == [seated]
        return
    turn = turn_at(layer.turns, zone, instant)
    assert layer.participants[turn % len(layer.participants)].id == seated
    assert turn_range(layer.turns, zone, turn)[1] == next_rotation(shift, instant)


@pytest.mark.parametrize(("unit", "interval", "last"), [("DAYS", 2, False), ("WEEKS", 1, True), ("SHIFTS", 1, False)])
def test_seats_are_held_as_the_simulator_walks_them(unit: str, interval: int, last: bool) -> None:
    zone = "Europe/Berlin"
    shift = simulated(zone, when(2026, 1, 5, 9), unit, interval, last=last)
    made = read(shift, instants(shift)[40]).layers
    for instant in instants(shift)[:400]:
        running = occurrences(shift, instant, instant + 1)
        expected = seated_at(shift, instant) if running else []
        held = [layer_at(layer, zone, instant) for layer in sorted(made, key=lambda layer: int(layer.key))]
        assert [who[0].id for who in held if who] == [id_ for _, id_ in expected]


def test_a_deleted_occurrence_uses_no_turn() -> None:
    zone = "Europe/Berlin"
    shift = simulated(zone, when(2026, 1, 5, 9), "SHIFTS", 1)
    gone = [first_instant(zone, when(2026, 1, day, 9)) for day in (7, 20)]
    shift = replace(shift, excluded=tuple((start, start + 8 * HOUR) for start in gone))
    first, *others = (read(shift, instant).layers for instant in instants(shift)[:200])
    assert all(made == first for made in others)
    assert isinstance(first[0].windows[0], Recurring)
    assert first[0].windows[0].excluded == (when(2026, 1, 7, 9), when(2026, 1, 20, 9))
    assert not first[0].excluded_occurrence_uses_turn


# --- the state alone --------------------------------------------------------------------------------------------------


def state(next_: int, **more: Any) -> wire.Rotation:
    reported = {"type": "ROTATION", "direction": "SECOND_TO_FIRST", "interval": 1, "intervalUnit": "DAYS"}
    return wire.Rotation.model_validate({**reported, "nextRotationTime": text(next_), **more})


@given(
    zone=st.sampled_from(["Europe/Berlin", "Africa/Cairo", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe"]),
    anchor=st.integers(when(2020, 1, 1), when(2026, 1, 1)),
    unit=st.sampled_from([("DAYS", DAY), ("WEEKS", 7 * DAY), ("MONTHS", 0)]),
    interval=st.integers(1, 30),
    turn=st.integers(0, 60),
)
def test_the_change_read_is_always_a_change_of_the_rule(
    zone: str, anchor: int, unit: tuple[str, int], interval: int, turn: int
) -> None:
    name, seconds = unit
    turns = ByTime(anchor, interval * seconds) if seconds else ByTime(anchor, interval, "months")
    change = turn_range(turns, zone, turn)[0]
    made = by_time(state(change, interval=interval, intervalUnit=name), zone, anchor)
    assert isinstance(made.turns, ByTime)
    assert turn_range(made.turns, zone, made.turn + 1)[0] == change
    assert turn_range(made.turns, zone, made.turn)[1] == change


def test_a_skipped_hour_is_settled_by_the_start_of_the_shift_or_left_open() -> None:
    change = at("Europe/Berlin", when(2026, 3, 29, 2, 30))
    assert reading("Europe/Berlin", change) == when(2026, 3, 29, 3)
    settled = by_time(state(change), "Europe/Berlin", when(2025, 1, 6, 2, 30))
    open_ = by_time(state(change), "Europe/Berlin", when(2025, 1, 6, 9))
    unknown = by_time(state(change), "Europe/Berlin", None)
    assert (settled.turns, settled.certain) == (ByTime(when(2001, 1, 1, 2, 30), DAY), True)
    assert (open_.turns, open_.certain) == (ByTime(when(2001, 1, 1, 3), DAY), False)
    assert unknown == open_


@pytest.mark.parametrize(
    ("change", "first", "day", "certain"),
    [
        (when(2026, 2, 28, 9), when(2025, 1, 31, 9), 31, True),
        (when(2026, 2, 28, 9), when(2025, 1, 28, 9), 28, True),
        (when(2026, 2, 28, 9), when(2025, 1, 5, 9), 28, False),
        (when(2026, 4, 30, 9), None, 30, False),
        (when(2026, 3, 31, 9), None, 31, True),
        (when(2026, 3, 30, 9), when(2025, 1, 31, 9), 30, True),
    ],
)
def test_the_last_day_of_a_month_may_stand_for_a_later_one(
    change: int, first: int | None, day: int, certain: bool
) -> None:
    made = by_time(state(change, intervalUnit="MONTHS"), "Etc/UTC", first)
    assert made.turns == ByTime(when(2001, 1, day, 9), 1, "months")
    assert made.certain is certain


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("BASIC", "none"),
        ("none", "none"),
        ("event_round_robin", "alert"),
        ("BY_ALERT", "alert"),
        ("COVERAGE_ROTATION", "shift"),
        ("ByCompletedShift", "shift"),
        ("ROTATION", "time"),
        ("ElapsedTime", "time"),
    ],
)
def test_known_spellings_of_the_trigger(word: str, kind: str) -> None:
    assert trigger(wire.Rotation(type=word)) == kind


@pytest.mark.parametrize("word", ["ZIGZAG", "", None, 7, {"a": 1}])
def test_an_unknown_trigger_is_never_guessed(word: Any) -> None:
    with pytest.raises(Unsupported, match="type"):
        trigger(wire.Rotation(type=word))


@pytest.mark.parametrize(
    ("word", "step"), [("SECOND_TO_FIRST", 1), ("secondToFirst", 1), ("LAST_TO_FIRST", -1), ("last to first", -1)]
)
def test_known_spellings_of_the_direction(word: str, step: int) -> None:
    assert direction(wire.Rotation(direction=word)) == step


@pytest.mark.parametrize(
    "change",
    [
        {"direction": "SIDEWAYS"},
        {"direction": None},
        {"intervalUnit": "FORTNIGHTS"},
        {"intervalUnit": None},
        {"interval": 0},
        {"interval": "many"},
        {"interval": None},
        {"interval": 10**9},
        {"nextRotationTime": None},
    ],
)
def test_a_state_that_is_not_understood_is_never_guessed(change: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        by_time(state(when(2026, 1, 1), **change), "Etc/UTC", None)


def test_several_shifts_to_a_turn_are_counted_from_the_first_and_left_open() -> None:
    window = Recurring(Rule("DAILY"), when(2026, 1, 5, 9), 8 * HOUR)
    made = by_shift(state(0, interval=2), window, "Etc/UTC", when(2026, 1, 8, 17))
    assert (made.turn, made.certain) == (2, False)
    with pytest.raises(Unsupported):
        by_shift(state(0, interval="two"), window, "Etc/UTC", 0)
