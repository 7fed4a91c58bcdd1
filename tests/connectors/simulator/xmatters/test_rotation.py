"""Rotations that move by themselves: the recipient of each seat, and the next rotation instant."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.simulator.xmatters import Simulator, build_world
from connectors.simulator.xmatters.model import Recurrence, Rotation, Seat, Shift
from connectors.simulator.xmatters.rotation import begin, next_rotation, seated_at, settle, step_at
from connectors.simulator.zones import DAY, iso, reading_at
from tests.connectors.simulator.conftest import Call, Clock


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def shift(rotation: Rotation, zone: str = "Etc/UTC", seats: str = "a b c m!") -> Shift:
    made = [Seat(("PERSON", name.rstrip("!")), in_rotation=not name.endswith("!")) for name in seats.split()]
    first = at("2026-01-05T09:00")
    return Shift("s", "S", "g", zone, zone, first, first + 8 * 3600, Recurrence("DAILY", 1), made, rotation)


def order(made: Shift, moment: int) -> str:
    return "".join(key for _, key in seated_at(made, moment))


def by_time(unit: str, interval: int, first: str, direction: str = "SECOND_TO_FIRST") -> Rotation:
    return Rotation("ROTATION", direction, interval, unit, "time", at(first))


def test_both_directions_move_only_who_is_in_rotation() -> None:
    forward = shift(by_time("DAYS", 1, "2026-02-02T00:00"), seats="a x! b c")
    moments = [at("2026-02-01T23:59") + step * DAY for step in range(5)]
    assert [order(forward, moment) for moment in moments] == ["axbc", "bxca", "cxab", "axbc", "bxca"]
    backward = shift(by_time("DAYS", 1, "2026-02-02T00:00", "last to first"), seats="a x! b c")
    assert [order(backward, moment) for moment in moments] == ["axbc", "cxab", "bxca", "axbc", "cxab"]


def test_the_past_is_stepped_back_into() -> None:
    made = shift(by_time("WEEKS", 1, "2026-02-02T00:00"))
    assert [step_at(made, at(f"2026-01-{one}T00:00")) for one in ("25", "26", "19", "18")] == [-1, 0, -1, -2]
    assert order(made, at("2026-01-25T12:00")) == "cabm"
    assert next_rotation(made, at("2026-01-18T00:00")) == at("2026-01-19T00:00")
    assert next_rotation(made, at("2026-01-19T00:00")) == at("2026-01-26T00:00")


@pytest.mark.parametrize(
    ("zone", "unit", "interval", "first", "hour"),
    [
        ("America/New_York", "DAYS", 1, "2025-11-03T07:30", 2.5),
        ("Africa/Cairo", "WEEKS", 1, "2026-04-02T22:00", 0),
        ("Europe/Berlin", "MONTHS", 1, "2026-01-31T17:00", 18),
        ("Australia/Lord_Howe", "DAYS", 3, "2026-01-31T15:30", 2.5),
        ("Asia/Kolkata", "WEEKS", 2, "2026-01-31T03:30", 9),
    ],
)
@pytest.mark.parametrize("direction", ["SECOND_TO_FIRST", "LAST_TO_FIRST"])
def test_eleven_hundred_days_of_reading_tell_one_story(
    zone: str, unit: str, interval: int, first: str, hour: float, direction: str
) -> None:
    """Between two rotation instants nothing changes. At each instant the rotation takes one step of the wall clock."""
    made = shift(by_time(unit, interval, first, direction), zone)
    moment = at(first) - 3600
    handoffs = []
    for _ in range(1100):
        following = next_rotation(made, moment)
        assert following is not None
        assert following > moment
        assert order(made, following - 1) == order(made, moment)
        step = step_at(made, moment)
        assert step_at(made, following) == step + 1
        now, then = order(made, moment)[:3], order(made, following)[:3]
        assert then == (now[1:] + now[:1] if direction == "SECOND_TO_FIRST" else now[-1:] + now[:-1])
        handoffs.append(following)
        moment += DAY
    distinct = sorted(set(handoffs))
    late = [one for one in distinct if reading_at(zone, one) % DAY != hour * 3600]
    assert len(late) <= 4, [iso(one, zone) for one in late]
    assert all(0 < reading_at(zone, one) % DAY - hour * 3600 <= 3600 for one in late)


def test_months_end_where_they_end_and_go_on_from_the_first_date() -> None:
    made = shift(by_time("MONTHS", 1, "2026-01-31T17:00"), "Europe/Berlin")
    moment, found = at("2026-01-31T00:00"), []
    for _ in range(5):
        following = next_rotation(made, moment)
        assert following is not None
        found.append(iso(following, "Europe/Berlin")[5:16])
        moment = following
    assert found == ["01-31T18:00", "02-28T18:00", "03-31T18:00", "04-30T18:00", "05-31T18:00"]


def test_a_completed_shift_takes_a_step_and_a_deleted_one_none() -> None:
    made = shift(Rotation("COVERAGE_ROTATION", "SECOND_TO_FIRST", 1, "DAYS", "shift"))
    begin(made, at("2026-01-06T12:00"))
    made.excluded = ((at("2026-01-07T09:00"), at("2026-01-07T17:00")),)
    hours = ("06T12:00", "06T16:59", "06T17:00", "07T17:00", "08T16:59", "08T17:00")
    assert [order(made, at(f"2026-01-{hour}"))[:3] for hour in hours] == ["abc", "abc", "bca", "bca", "bca", "cab"]
    assert next_rotation(made, at("2026-01-06T12:00")) is None


def test_alerts_and_unknown_rotations() -> None:
    alert = shift(Rotation("EVENT_ROUND_ROBIN", "SECOND_TO_FIRST", 1, "DAYS", "alert"))
    assert alert.rotation is not None
    alert.rotation.alerts = 1
    assert order(alert, 0) == "bcam"
    unknown = shift(Rotation("ZIGZAG", "INSIDE_OUT", 1, "DAYS", ""))
    assert (order(unknown, at("2030-01-01T00:00")), next_rotation(unknown, 0)) == ("abcm", None)
    nobody = shift(by_time("DAYS", 1, "2026-01-31T17:00"), seats="m!")
    assert order(nobody, at("2030-01-01T00:00")) == "m"


def test_settling_changes_what_is_stored_and_nothing_that_is_seen() -> None:
    settled, left = (shift(by_time("WEEKS", 1, "2026-02-02T00:00")) for _ in range(2))
    settle(settled, at("2026-02-10T00:00"))
    assert "".join(seat.recipient[1] for seat in settled.seats) == "cabm"
    for week in range(-3, 9):
        moment = at("2026-02-05T00:00") + week * 7 * DAY
        assert order(settled, moment) == order(left, moment)


def test_the_state_moves_as_the_clock_goes_on(xmatters: Simulator, xm: Call, clock: Clock) -> None:
    group = next(one.id for one in xmatters.state.groups.values() if one.name == "Platform SRE")

    def read() -> tuple[list[str], Any]:
        (one,) = (
            one
            for one in xm(f"/groups/{group}/shifts", "embed=members,rotation").json["data"]
            if one["name"] == "Weekdays"
        )
        names = [seat["recipient"]["targetName"] for seat in one["members"]["data"]]
        return names, one["rotation"]["nextRotationTime"]

    assert read() == (["blindqvist", "cmoretti", "daydin", "enovak", "gsommer"], "2026-03-23T07:00:00.000Z")
    clock.moment += 10 * DAY  # the clocks of Berlin were changed on the 29th
    assert read() == (["daydin", "enovak", "blindqvist", "cmoretti", "gsommer"], "2026-04-06T06:00:00.000Z")


def test_the_demo_world_has_a_rotation_of_each_kind() -> None:
    rotations = [shift.rotation for shift in build_world(at("2026-11-20T12:00")).shifts.values() if shift.rotation]
    assert {one.trigger for one in rotations} == {"time", "shift", "alert", ""}
    timed = [one for one in rotations if one.trigger == "time"]
    assert {one.unit for one in timed} == {"DAYS", "WEEKS", "MONTHS"}
    assert {one.direction.upper().replace(" ", "_") for one in timed} == {"SECOND_TO_FIRST", "LAST_TO_FIRST"}
