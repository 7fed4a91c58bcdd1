"""Compares walks with the referee, and tests what is true of every walk."""

from typing import Any

from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from oncall.escalation.walk import WalkTooLong
from tests.oncall.escalation.referee import World, course
from tests.oncall.escalation.worlds import walked, worlds

ANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
minutes = st.none() | st.integers(0, 60)


def if_not_too_long(world: World, *query: Any, **more: Any) -> dict[str, Any]:
    """Returns the walk. Leaves out a world in which it is refused, because policies lead back to themselves often."""
    try:
        return walked(world, *query, **more)
    except WalkTooLong:
        reject()


@ANY
@given(worlds(), minutes, minutes)
def test_it_pages_whom_the_referee_pages(world: World, acknowledged: int | None, closed: int | None) -> None:
    assert if_not_too_long(world, "P", acknowledged, closed) == course(world, "P", acknowledged, closed)


@ANY
@given(worlds(), st.integers(0, 60))
def test_a_close_only_takes_away(world: World, closed: int) -> None:
    before, after = if_not_too_long(world), walked(world, closed=closed)
    assert after["notices"] == [each for each in before["notices"] if each[0] < closed]


@ANY
@given(worlds(), st.integers(0, 60))
def test_an_acknowledgement_changes_nothing_before_it_and_moves_no_level(world: World, minute: int) -> None:
    def early(course: dict[str, Any]) -> list[Any]:
        return [each for each in course["notices"] if each[0] < minute]

    def places(course: dict[str, Any]) -> list[Any]:
        return [each[:3] for each in course["outcomes"]]

    before, after = if_not_too_long(world), walked(world, acknowledged=minute)
    assert early(before) == early(after)
    fewer = min(len(before["outcomes"]), len(after["outcomes"]))  # who is not begun closes nothing
    assert places(before)[:fewer] == places(after)[:fewer]
