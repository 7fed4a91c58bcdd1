from collections.abc import Callable
from typing import Any

import pytest

from connectors.simulator.pagerduty import Simulator
from connectors.simulator.pagerduty.model import Schedule, ShiftSchedule
from connectors.simulator.pagerduty.shifts import shifts
from connectors.simulator.pagerduty.walk import walk
from connectors.simulator.zones import DAY, parse_instant

Call = Callable[..., Any]
Find = Callable[[str], str]
NOW = 1_774_008_005


def layered(simulator: Simulator, schedule_id: str) -> Schedule:
    schedule = simulator.state.schedules[schedule_id]
    assert isinstance(schedule, Schedule)
    return schedule


def test_every_kind_can_be_renamed(call: Call, simulator: Simulator, schedule_id: Find) -> None:
    state = simulator.state
    simulator.edits.rename("team", next(iter(state.teams)), "Renamed team")
    simulator.edits.rename("escalation_policy", next(iter(state.policies)), "Renamed policy")
    simulator.edits.rename("service", next(iter(state.services)), "Renamed service")
    simulator.edits.rename("schedule", schedule_id("Legacy Billing"), "Renamed schedule")
    simulator.edits.rename("schedule", schedule_id("Security Desk"), "Renamed desk")
    for path in ("teams", "escalation_policies", "services", "schedules"):
        assert [one["summary"] for one in call(f"/{path}", {"query": "renamed"}).json[path]] != []
    assert call("/v3/schedules", {"query": "renamed"}).json["schedules"][0]["summary"] == "Renamed desk"
    with pytest.raises(LookupError, match="no kind 'planet'"):
        simulator.edits.rename("planet", "P1", "x")


def test_saving_a_schedule_moves_the_start_of_its_live_layers_to_odd_seconds(
    simulator: Simulator, schedule_id: Find
) -> None:
    schedule = layered(simulator, schedule_id("Legacy Billing"))
    ended, live = schedule.layers
    before = (ended.start, live.virtual_start)
    simulator.edits.rename("schedule", schedule.id, "Saved")
    assert (ended.start, live.virtual_start) == before
    assert live.start == NOW
    assert live.start % 60 != 0


def test_saving_at_a_full_minute_still_leaves_odd_seconds(simulator: Simulator, clock: Any, schedule_id: Find) -> None:
    clock.moment = NOW + 55
    schedule = layered(simulator, schedule_id("Sun EMEA"))
    simulator.edits.move_handoff(schedule.id, 0)
    assert schedule.layers[0].start == NOW + 36


def test_moving_a_handoff_moves_every_turn(call: Call, simulator: Simulator, schedule_id: Find) -> None:
    path, window = f"/schedules/{schedule_id('Database On-Call')}", {"since": "2026-03-21T02:00:00Z"}

    def handoffs() -> list[float]:
        entries = call(path, window).json["schedule"]["final_schedule"]["rendered_schedule_entries"]
        return [parse_instant(entry["start"], "UTC") for entry in entries[1:]]

    before = handoffs()
    simulator.edits.move_handoff(schedule_id("Database On-Call"), 1800)
    assert handoffs()[:20] == [moment + 1800 for moment in before][:20]


def test_overrides_come_and_go(call: Call, simulator: Simulator, schedule_id: Find, user_id: Find) -> None:
    schedule, person = schedule_id("Sun EMEA"), user_id("Kim Lee")
    made = simulator.edits.add_override(schedule, person, NOW + DAY, NOW + 2 * DAY)
    window = {"since": "2026-03-20T12:00:00Z", "until": "2026-03-27T12:00:00Z"}

    def on_call() -> set[str]:
        entries = call(f"/schedules/{schedule}", window).json["schedule"]["final_schedule"]["rendered_schedule_entries"]
        return {entry["user"]["id"] for entry in entries}

    assert person in on_call()
    simulator.edits.remove_override(schedule, made)
    assert person not in on_call()
    with pytest.raises(LookupError, match="no override"):
        simulator.edits.remove_override(schedule, made)
    with pytest.raises(ValueError, match="ends after it starts"):
        simulator.edits.add_override(schedule, person, NOW, NOW)


def test_overrides_of_a_shift_based_schedule_name_their_source(
    simulator: Simulator, schedule_id: Find, user_id: Find
) -> None:
    desk = schedule_id("Security Desk")
    rotation = simulator.state.schedules[desk]
    assert isinstance(rotation, ShiftSchedule)
    with pytest.raises(ValueError, match="one rotation or one custom shift"):
        simulator.edits.add_override(desk, None, NOW, NOW + DAY)
    made = simulator.edits.add_override(
        desk,
        user_id("Walt Jennings"),
        NOW,
        NOW + 14 * DAY,
        overridden=user_id("Hope Sinclair"),
        rotation_id=rotation.rotations[1].id,
    )
    found = shifts(rotation, NOW, NOW + 14 * DAY)
    assert {one.member for one in found if one.source.override_id == made} == {user_id("Walt Jennings")}


def test_a_deleted_user_leaves_listings_but_keeps_the_slot(
    call: Call, simulator: Simulator, schedule_id: Find, user_id: Find
) -> None:
    carla, path = user_id("Carla Moretti"), f"/schedules/{schedule_id('Platform Primary')}"
    before = [
        entry["user"]["id"]
        for entry in call(path, {"since": "2026-03-21T00:00:00Z"}).json["schedule"]["final_schedule"][
            "rendered_schedule_entries"
        ]
    ]
    simulator.edits.delete_user(carla)
    after = call(path, {"since": "2026-03-21T00:00:00Z"}).json["schedule"]
    entries = after["final_schedule"]["rendered_schedule_entries"]
    assert [entry["user"]["id"] for entry in entries] == before
    assert {user["id"]: user.get("deleted_at") for user in after["users"]}[carla] == "2026-03-20T13:00:05+01:00"
    assert call(f"/users/{carla}").status == 404
    assert all(carla not in [user for user, _ in team.members] for team in simulator.state.teams.values())


def test_what_is_in_use_cannot_be_deleted(simulator: Simulator, schedule_id: Find, user_id: Find) -> None:
    with pytest.raises(ValueError, match="target of escalation policies"):
        simulator.edits.delete_user(user_id("Gus Ramirez"))
    with pytest.raises(ValueError, match="being used by escalation policies"):
        simulator.edits.delete_schedule(schedule_id("Sun EMEA"))


def test_teams_services_and_unused_schedules_can_be_deleted(
    call: Call, simulator: Simulator, schedule_id: Find
) -> None:
    drill = schedule_id("Drill Roster")
    simulator.edits.delete_schedule(drill)
    assert call(f"/schedules/{drill}").status == 404
    service = next(iter(simulator.state.services))
    simulator.edits.delete_service(service)
    assert len(call("/services").json["services"]) == 11
    platform = next(team.id for team in simulator.state.teams.values() if team.name == "Platform")
    simulator.edits.delete_team(platform)
    teams = call("/teams").json["teams"]
    assert len(teams) == 7
    assert {team["parent"] for team in teams} == {None}
    for path in ("escalation_policies", "schedules", "users"):
        for one in call(f"/{path}", {"limit": 100}).json[path]:
            assert platform not in [team["id"] for team in one["teams"]]


def test_a_deactivated_person_cannot_be_reached(call: Call, simulator: Simulator, user_id: Find) -> None:
    ana = user_id("Ana Keller")
    simulator.edits.deactivate_person(ana)
    methods = call(f"/users/{ana}/contact_methods").json["contact_methods"]
    assert not any(method.get("enabled") for method in methods)
    assert call(f"/users/{ana}").json["user"]["billed"] is False


def test_an_address_changes_with_its_contact_method_and_stays_unique(
    call: Call, simulator: Simulator, user_id: Find
) -> None:
    bo = user_id("Bo Lindqvist")
    simulator.edits.change_email(bo, "bo@example.com")
    user = call(f"/users/{bo}", {"include[]": "contact_methods"}).json["user"]
    assert user["email"] == user["contact_methods"][0]["address"] == "bo@example.com"
    with pytest.raises(ValueError, match="taken"):
        simulator.edits.change_email(bo, "ANA.keller@example.com")


def test_a_delay_can_be_changed(call: Call, simulator: Simulator) -> None:
    policy = next(iter(simulator.state.policies))
    simulator.edits.change_delay(policy, 45, rule=1)
    rules = call(f"/escalation_policies/{policy}").json["escalation_policy"]["escalation_rules"]
    assert [rule["escalation_delay_in_minutes"] for rule in rules] == [30, 45]
    with pytest.raises(ValueError, match="at least a minute"):
        simulator.edits.change_delay(policy, 0)


@pytest.mark.parametrize("name", ["Platform Primary", "Sun Americas", "Weekend Cover", "Database On-Call"])
def test_an_upgraded_schedule_keeps_its_id_and_the_people_on_call(
    call: Call, simulator: Simulator, schedule_id: Find, name: str
) -> None:
    found = schedule_id(name)
    before = [(one.start, one.end, one.user_id) for one in walk(layered(simulator, found), NOW, NOW + 14 * DAY).final]
    policies = simulator.state.policies_of_schedule(found)
    simulator.edits.upgrade_schedule(found)
    assert call(f"/schedules/{found}").status == 400
    assert found in [one["id"] for one in call("/v3/schedules").json["schedules"]]
    got = call(f"/v3/schedules/{found}").json["schedule"]
    assert (got["type"], got["html_url"]) == ("schedule_v3", f"https://acme.pagerduty.com/schedules/{found}")
    for policy in policies:
        rules = call(f"/escalation_policies/{policy.id}").json["escalation_policy"]["escalation_rules"]
        targets = {target["id"]: target["type"] for rule in rules for target in rule["targets"]}
        assert targets[found] == "schedule_v3_reference"
    upgraded = simulator.state.schedules[found]
    assert isinstance(upgraded, ShiftSchedule)
    after = [(one.start, one.end, one.member) for one in shifts(upgraded, NOW, NOW + 14 * DAY)]
    assert _on_call(after) == _on_call(before)


def _on_call(pieces: list[Any]) -> list[Any]:
    """Who, minute by minute."""
    return [
        [who for start, end, who in pieces if start <= instant < end] for instant in range(NOW, NOW + 14 * DAY, 900)
    ]


def test_a_schedule_of_several_layers_has_no_equal_among_shifts(simulator: Simulator, schedule_id: Find) -> None:
    with pytest.raises(ValueError, match="3 live layers"):
        simulator.edits.upgrade_schedule(schedule_id("Data Platform"))
    with pytest.raises(ValueError, match="cuts a window"):
        simulator.edits.upgrade_schedule(schedule_id("Database On-Call "))
    with pytest.raises(ValueError, match="shift-based"):
        simulator.edits.move_handoff(schedule_id("Security Desk"), 60)


def test_direct_edits_are_seen_by_the_next_request(call: Call, simulator: Simulator, user_id: Find) -> None:
    ana = user_id("Ana Keller")
    assert call("/users", {"query": "zorro"}).json["users"] == []
    with simulator.state.editing() as state:
        state.users[ana].name = "Zorro"
    assert call("/users", {"query": "zorro"}).json["users"][0]["id"] == ana
