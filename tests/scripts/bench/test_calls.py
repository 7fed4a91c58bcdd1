"""A read of the simulated PagerDuty costs the calls that its account makes necessary, and no others."""

import pytest

from connectors.closure import Selection
from connectors.simulator.pagerduty import State
from scripts.bench.calls import calls_of, fewest_for_everything, fewest_for_schedules, world


@pytest.fixture(scope="module")
def state() -> State:
    """1,400 people in 14 pages; services, policies and schedules in two pages each; 100 teams."""
    return world(2_000)


def chosen(kind: str, ids: list[str]) -> Selection:
    return Selection.from_json({"everything": False, "chosen": {kind: ids}})


def test_everything_takes_the_fewest_calls_there_are(state: State) -> None:
    assert calls_of(state, Selection()) == fewest_for_everything(state)


@pytest.mark.parametrize("start", [0, 60, 150])
def test_one_chosen_schedule_takes_two_lists_more_than_it_needs(state: State, start: int) -> None:
    """One list has its zone, the other shows whether it is shift-based. The first page of people shows the account."""
    ids = [state.layer_schedules()[start].id]
    page = 1 + start // 100
    assert calls_of(state, chosen("schedule", ids)) <= fewest_for_schedules(state, ids) + page + 1 + 1


def test_five_chosen_schedules_take_few_calls_more_than_they_need(state: State) -> None:
    ids = [schedule.id for schedule in state.layer_schedules()][:5]
    assert calls_of(state, chosen("schedule", ids)) <= 1.2 * fewest_for_schedules(state, ids)


def test_chosen_services_take_the_pages_they_their_policies_and_their_schedules_are_on(state: State) -> None:
    ids = list(state.services)[:5]
    services_policies_schedules_shift_based = 4
    two_sweeps_a_single_and_overrides = 4
    teams_and_their_members = 1 + 5
    people = 14
    assert calls_of(state, chosen("service", ids)) == (
        services_policies_schedules_shift_based + two_sweeps_a_single_and_overrides + teams_and_their_members + people
    )


def test_a_chosen_team_takes_every_list_and_its_own_schedules(state: State) -> None:
    lists = 2 + 2 + 2 + 1 + 1
    two_schedules_with_overrides = 4
    its_members = 1
    people = 14
    assert calls_of(state, chosen("user_group", list(state.teams)[:1])) == (
        lists + two_schedules_with_overrides + its_members + people
    )
