"""Edits of an account, seen through the API and the control plane."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.simulator.opsgenie import Simulator
from tests.connectors.simulator.conftest import ask

Call = Callable[..., Any]
NOW = 1_774_008_005


def id_of(shelf: dict[str, Any], name: str) -> str:
    return next(key for key, one in shelf.items() if one.name == name)


@pytest.fixture
def bo(opsgenie: Simulator) -> str:
    return id_of(opsgenie.state.users, "Lindqvist, Bo")


@pytest.fixture
def platform(opsgenie: Simulator) -> str:
    return id_of(opsgenie.state.schedules, "Platform_schedule")


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("user", "/v2/users"),
        ("team", "/v2/teams"),
        ("schedule", "/v2/schedules"),
        ("escalation", "/v2/escalations"),
        ("service", "/v1/services"),
    ],
)
def test_everything_can_be_renamed(opsgenie: Simulator, genie: Call, kind: str, path: str) -> None:
    first = next(iter(opsgenie.state.objects(kind)))
    opsgenie.edits.rename(kind, first, "A new name")
    listed = {one["id"]: one.get("fullName", one.get("name")) for one in genie(path).json["data"]}
    assert listed[first] == "A new name"


def test_what_is_deleted_is_still_mentioned(opsgenie: Simulator, genie: Call, platform: str) -> None:
    opsgenie.edits.delete("schedule", platform)
    assert genie(f"/v2/schedules/{platform}").status == 404
    recipients = [rule["recipient"] for one in genie("/v2/escalations").json["data"] for rule in one["rules"]]
    assert {"type": "schedule", "id": platform, "name": "Platform_schedule"} in recipients
    team = id_of(opsgenie.state.teams, "Platform")
    opsgenie.edits.delete("team", team)
    assert team not in {one["id"] for one in genie("/v2/teams").json["data"]}
    for schedule_id in opsgenie.state.schedules:
        assert genie(f"/v2/schedules/{schedule_id}/timeline", {"intervalUnit": "months"}).status == 200
    assert genie("/v2/schedules/on-calls").status == 200


def test_a_deleted_person_leaves_lists_and_teams_but_not_the_rotations(
    opsgenie: Simulator, genie: Call, bo: str, platform: str
) -> None:
    opsgenie.edits.delete_user(bo)
    assert genie(f"/v2/users/{bo}").status == genie(f"/v2/users/{bo}/contacts").status == 404
    assert genie("/v2/users").json["totalCount"] == 59
    team = genie("/v2/teams/Platform", {"identifierType": "name"}).json["data"]
    assert bo not in {member["user"]["id"] for member in team["members"]}
    rotation = genie(f"/v2/schedules/{platform}").json["data"]["rotations"][0]
    assert {"type": "user", "id": bo, "username": "bo.lindqvist@example.com"} in rotation["participants"]
    carla = id_of(opsgenie.state.users, "Carla Moretti")
    opsgenie.edits.delete_user(carla)
    assert len(genie("/v2/forwarding-rules").json["data"]) == 1


def test_logins_change_and_stay_unique(opsgenie: Simulator, genie: Call, bo: str) -> None:
    with pytest.raises(ValueError, match="taken"):
        opsgenie.edits.change_email(bo, "ANA.KELLER@example.com")
    opsgenie.edits.change_email(bo, "bo@example.com")
    opsgenie.edits.block_user(bo)
    user = genie(f"/v2/users/{bo}", {"expand": "contact"}).json["data"]
    assert (user["username"], user["blocked"]) == ("bo@example.com", True)
    assert user["userContacts"][0]["to"] == "bo@example.com"


def test_members_come_and_go(opsgenie: Simulator, genie: Call, bo: str) -> None:
    team = id_of(opsgenie.state.teams, "Facilities")
    opsgenie.edits.add_member(team, bo)
    opsgenie.edits.add_member(team, bo, "admin")
    members = genie(f"/v2/teams/{team}").json["data"]["members"]
    assert [(one["user"]["id"], one["role"]) for one in members] == [(bo, "admin")]
    opsgenie.edits.remove_member(team, bo)
    assert "members" not in genie(f"/v2/teams/{team}").json["data"]
    with pytest.raises(LookupError, match="no member"):
        opsgenie.edits.remove_member(team, bo)


def test_rotations_change(opsgenie: Simulator, genie: Call, bo: str, platform: str) -> None:
    def rotations() -> Any:
        return genie(f"/v2/schedules/{platform}").json["data"]["rotations"]

    before = rotations()[1]
    opsgenie.edits.add_participant(platform, bo, 1)
    opsgenie.edits.remove_participant(platform, 0, before["id"])
    opsgenie.edits.move_start(platform, 1800, 1)
    after = rotations()[1]
    assert after["participants"][:-1] == before["participants"][1:]
    assert after["participants"][-1]["id"] == bo
    assert after["startDate"] == before["startDate"].replace(":30:00", ":00:00").replace("T07", "T08")
    opsgenie.edits.delete_rotation(platform, 1)
    assert [one["name"] for one in rotations()] == ["Primary", "Before the merger"]
    assert [len(one.rotation_ids) for one in opsgenie.state.schedules[platform].overrides] == [0, 1, 0, 1, 0]
    opsgenie.edits.enable_schedule(platform, enabled=False)
    assert genie(f"/v2/schedules/{platform}").json["data"]["enabled"] is False
    with pytest.raises(LookupError, match="no rotation"):
        opsgenie.edits.move_start(platform, 1800, "elsewhere")
    with pytest.raises(LookupError, match="participants"):
        opsgenie.edits.remove_participant(platform, 9)


def test_overrides_and_forwardings_come_and_go(opsgenie: Simulator, genie: Call, bo: str, platform: str) -> None:
    rotation = opsgenie.state.schedules[platform].rotations[0].id
    made = [
        opsgenie.edits.add_override(platform, bo, NOW, NOW + 3600, [rotation]),
        opsgenie.edits.add_override(platform, None, NOW, NOW + 3600),
    ]
    listed = {one["alias"]: one for one in genie(f"/v2/schedules/{platform}/overrides").json["data"]}
    assert listed[made[0]]["rotations"] == [{"id": rotation}]
    assert listed[made[1]]["user"] == {"type": "none"}
    flat = genie(f"/v2/schedules/{platform}/on-calls", {"flat": "true"}).json["data"]
    assert flat["onCallRecipients"] == []
    for alias in made:
        opsgenie.edits.remove_override(platform, alias)
    assert len(genie(f"/v2/schedules/{platform}/overrides").json["data"]) == 6
    ana = id_of(opsgenie.state.users, "Keller, Ana")
    forwarding = opsgenie.edits.add_forwarding(bo, ana, NOW, NOW + 60)
    assert forwarding in {one["id"] for one in genie("/v2/forwarding-rules").json["data"]}
    with pytest.raises(LookupError, match="no override"):
        opsgenie.edits.remove_override(platform, made[0])
    with pytest.raises(LookupError, match="no rotation"):
        opsgenie.edits.add_override(platform, bo, NOW, NOW + 60, ["elsewhere"])
    with pytest.raises(ValueError, match="ends after"):
        opsgenie.edits.add_override(platform, bo, NOW, NOW)
    with pytest.raises(ValueError, match="ends after"):
        opsgenie.edits.add_forwarding(bo, ana, NOW, NOW)


def test_delays_change(opsgenie: Simulator, genie: Call) -> None:
    slow = id_of(opsgenie.state.escalations, "Data, without hurry")
    opsgenie.edits.change_delay(slow, 45, 1)
    rule = genie(f"/v2/escalations/{slow}").json["data"]["rules"][1]
    assert rule["delay"] == {"timeAmount": 45, "timeUnit": "minutes"}
    with pytest.raises(ValueError, match="3 rules"):
        opsgenie.edits.change_delay(slow, 5, 3)


def test_edits_refuse_what_is_not_there(opsgenie: Simulator, bo: str) -> None:
    for verb, arguments in (
        ("paint", {}),
        ("rename", {"kind": "colour", "object_id": "x", "name": "y"}),
        ("rename", {"kind": "team", "object_id": "x", "name": "y"}),
    ):
        with pytest.raises(LookupError):
            opsgenie.edits.carry_out(verb, arguments)
    with pytest.raises(TypeError):
        opsgenie.edits.carry_out("rename", {"colour": "red"})
    with pytest.raises(ValueError, match="delete_user"):
        opsgenie.edits.delete("user", bo)


def test_the_control_plane_edits_it_too(opsgenie: Simulator, genie: Call) -> None:
    def post(verb: str, arguments: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        return ask(opsgenie.origin, f"/_simulator/{verb}", None, headers, method="POST", body=json.dumps(arguments))

    assert post("edits", {"edit": "change_plan", "services": False}).status == 200
    assert genie("/v1/services").status == 402
    assert post("limit", {"requests": 1, "window": 60}).status == 200
    assert [genie("/v2/teams").status for _ in range(2)] == [200, 429]
    summary = ask(opsgenie.origin, "/_simulator/").json
    assert (summary["provider"], summary["version"]) == ("opsgenie", 1)
