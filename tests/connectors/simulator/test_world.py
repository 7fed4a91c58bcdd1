"""The contents of the demo account and of a large account."""

from collections import Counter
from datetime import UTC, datetime
from functools import partial

import pytest

from connectors.simulator.acme import acme
from connectors.simulator.exchange import Request
from connectors.simulator.pagerduty import DEMO_KEY, Simulator, State, build_world
from connectors.simulator.pagerduty.model import Schedule, ShiftSchedule
from connectors.simulator.pagerduty.shifts import shifts
from connectors.simulator.pagerduty.walk import walk
from connectors.simulator.world import CHANGING_ZONES, changing_zone
from connectors.simulator.zones import DAY, is_zone, stretches
from tests.counting import lines_run

NOW = 1_774_008_005


def named(state: State, name: str) -> Schedule:
    found = next(one for one in state.schedules.values() if one.name == name)
    assert isinstance(found, Schedule)
    return found


def test_acme_has_sixty_people_in_eight_teams() -> None:
    world = acme()
    assert (len(world.people), len(world.teams)) == (60, 8)
    assert len({person.email.casefold() for person in world.people}) == 60
    assert all(person.email.isascii() and person.email.endswith("@example.com") for person in world.people)
    assert all(is_zone(person.zone) for person in world.people)
    keys = {person.key for person in world.people}
    assert all(set(team.members) <= keys for team in world.teams)
    assert Counter(person.name for person in world.people).most_common(1) == [("Kim Lee", 2)]


def test_the_same_moment_and_seed_give_the_same_account() -> None:
    one, two, other = build_world(NOW), build_world(NOW), build_world(NOW, seed=8)
    assert (one.users, one.teams, one.schedules, one.policies, one.services) == (
        two.users,
        two.teams,
        two.schedules,
        two.policies,
        two.services,
    )
    assert not set(one.users) & set(other.users)


def test_the_account_holds_every_oddity() -> None:
    state = build_world(NOW)
    assert (len(state.layer_schedules()), len(state.shift_schedules())) == (12, 2)
    assert (len(state.policies), len(state.services)) == (10, 12)
    assert {method.type.split("_")[0] for user in state.users.values() for method in user.contact_methods} == {
        "email",
        "phone",
        "sms",
        "push",
        "whatsapp",
    }
    assert set(state.users) & set(state.schedules), "a user and a schedule share an id"
    assert {one.name for one in state.schedules.values()} >= {"Database On-Call", "Database On-Call "}
    used = {target for _, _, rule in state.rules() for kind, target in rule.targets if kind == "schedule"}
    assert {one.name for one in state.schedules.values() if one.id not in used} == {"Drill Roster"}
    billing = named(state, "Legacy Billing")
    assert {layer.name for layer in billing.layers} == {"Layer 1"}
    assert [layer.end is not None and layer.end < NOW for layer in billing.layers] == [True, False]
    assert any(state.users[user].deleted_at for user in billing.layers[1].users)
    assert state.users[billing.overrides[0].user_id].deleted_at
    nights = named(state, "Payments Nights").layers[0]
    assert len(nights.users) > len(set(nights.users))
    assert {layer.turn_length for one in state.layer_schedules() for layer in one.layers} >= {
        8 * 3600,
        12 * 3600,
        2 * DAY,
    }
    assert {rule.strategy for _, _, rule in state.rules()} == {"round_robin", "assign_to_everyone"}
    assert any(policy.num_loops for policy in state.policies.values())


@pytest.mark.parametrize("month", range(1, 13))
def test_the_account_is_alive_at_any_time_of_the_year(month: int) -> None:
    now = datetime(2026, month, 17, 23, 59, 30, tzinfo=UTC).timestamp()
    state = build_world(now)
    for schedule in state.schedules.values():
        if isinstance(schedule, ShiftSchedule):
            assert shifts(schedule, int(now), int(now) + 14 * DAY)
        else:
            assert walk(schedule, int(now), int(now) + 14 * DAY).final, schedule.name
    overridden = named(state, "Platform Primary").overrides
    assert any(one.start <= now < one.end for one in overridden)
    assert any(one.start < now + 14 * DAY < one.end for one in overridden)


def test_a_zone_about_to_change_its_clocks_is_chosen_where_there_is_one() -> None:
    for now in range(NOW, NOW + 365 * DAY, 10 * DAY):
        zone = named(build_world(now), "Clock Change").time_zone
        changing = [
            one for one in CHANGING_ZONES if any(part.start > now for part in stretches(one, now, now + 14 * DAY))
        ]
        assert zone == (changing[0] if changing else "Australia/Sydney")
    assert changing_zone(NOW, ("Asia/Kolkata",), fallback="Etc/UTC") == "Etc/UTC"


def test_a_large_account_has_the_requested_size_and_unique_names() -> None:
    state = build_world(NOW, size=10_000)
    counts = (len(state.users), len(state.teams), len(state.schedules), len(state.policies), len(state.services))
    assert counts == (7_000, 500, 900, 800, 800)
    assert len({user.name for user in state.users.values()}) == 7_000
    assert len({user.email.casefold() for user in state.users.values()}) == 7_000
    assert Counter(len(user.contact_methods) for user in state.users.values()).keys() == {1, 2, 3}
    assert {len(team.members) for team in state.teams.values()} == {5, 6, 7, 8, 9, 10}
    assert len({schedule.time_zone for schedule in state.schedules.values()}) == 3
    for shelf in (state.teams, state.schedules, state.policies, state.services):
        assert len({one.name for one in shelf.values()}) == len(shelf)


def test_a_page_of_a_large_account_costs_no_walk_through_the_account() -> None:
    with Simulator(build_world(NOW, size=10_000), now=lambda: NOW) as simulator:
        wanted = ["/users", "/teams", "/schedules", "/escalation_policies", "/services"]
        for path in wanted:
            request = Request(
                "GET", path, {"limit": ["100"], "offset": ["300"]}, {"authorization": f"Bearer {DEMO_KEY}"}
            )
            answer = simulator.vendor.answer(request)
            assert answer.status == 200
            assert len(answer.payload[path[1:]]) == 100
            assert lines_run(partial(simulator.vendor.answer, request)) < 30_000, path


def test_a_fortnight_of_all_schedules_is_rendered() -> None:
    schedules = build_world(NOW).layer_schedules()
    assert all(walk(schedule, NOW, NOW + 14 * DAY).final for schedule in schedules)
