"""Edits of an instance, seen through the API and the control plane."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.simulator.serve import build
from connectors.simulator.xmatters import Simulator, walk
from connectors.simulator.zones import DAY
from tests.connectors.simulator.conftest import Clock, ask
from tests.connectors.simulator.xmatters.test_api import group_named

Call = Callable[..., Any]
NOW = 1_774_008_005


def person(simulator: Simulator, target: str) -> str:
    return next(key for key, one in simulator.state.people.items() if one.target_name == target)


def shift(simulator: Simulator, name: str) -> str:
    return next(key for key, one in simulator.state.shifts.items() if one.name == name)


def seats(xm: Call, simulator: Simulator, name: str) -> list[tuple[str, int]]:
    one = simulator.state.shifts[shift(simulator, name)]
    found = xm(f"/groups/{one.group_id}/shifts/{one.id}", "embed=members").json["members"]["data"]
    return [(seat["recipient"]["targetName"], seat["delay"]) for seat in found]


@pytest.mark.parametrize(("kind", "path"), [("person", "people"), ("group", "groups"), ("service", "services")])
def test_things_are_renamed(xmatters: Simulator, xm: Call, kind: str, path: str) -> None:
    first = next(iter(xmatters.state.objects(kind)))
    xmatters.edits.rename(kind, first, "Another Name")
    (found,) = (one for one in xm(f"/{path}", {"limit": 1000}).json["data"] if one["id"] == first)
    assert found.get("targetName") == "Another Name" or (found["firstName"], found["lastName"]) == ("Another", "Name")


def test_a_deleted_object_is_mentioned_nowhere(xmatters: Simulator, xm: Call) -> None:
    uri, ana, maeve = (person(xmatters, name) for name in ("ucohen", "akeller", "mbyrne"))
    for key in (uri, ana, maeve):
        xmatters.edits.delete("person", key)
    assert xm("/people").json["total"] == 57
    assert seats(xm, xmatters, "Pacific") == [("vsantos", 0)]
    assert "akeller" not in {name for name, _ in seats(xm, xmatters, "Nights")}
    assert {row["member"]["targetName"] for row in xm("/temporary-absences").json["data"]} == {"cmoretti", "preyes"}
    supervisors = xm(f"/groups/{group_named(xmatters, 'Platform SRE')}/supervisors").json["data"]
    assert [one["targetName"] for one in supervisors] == ["gsommer"]
    devices = xm("/devices", {"limit": 1000}).json["data"]
    assert not {uri, ana, maeve} & {one["owner"]["id"] for one in devices}


def test_a_deleted_group_takes_its_shifts_along(xmatters: Simulator, xm: Call) -> None:
    mobile = group_named(xmatters, "Mobile\\Apps")
    xmatters.edits.delete("group", mobile)
    assert xm(f"/groups/{mobile}").status == 404
    assert seats(xm, xmatters, "Launch") == [("sokafor", 0), ("tnguyen", 0)]
    security = group_named(xmatters, "Security")
    xmatters.edits.delete("group", security)
    assert {row["member"]["targetName"] for row in xm("/temporary-absences").json["data"]} == {
        "cmoretti",
        "kpetrova",
        "akeller",
        "preyes",
    }
    xmatters.edits.delete("group", group_named(xmatters, "Payments | On-Call"))
    owners = {one["targetName"]: one.get("ownedBy") for one in xm("/services").json["data"]}
    assert owners["Checkout"] is None
    site = next(one.id for one in xmatters.state.sites.values() if one.name == "Berlin")
    xmatters.edits.delete("site", site)
    assert "site" not in xm(f"/groups/{group_named(xmatters, 'Platform SRE')}").json


def test_members_come_and_go(xmatters: Simulator, xm: Call) -> None:
    platform, bo = group_named(xmatters, "Platform SRE"), person(xmatters, "blindqvist")
    xmatters.edits.add_member(platform, ["PERSON", person(xmatters, "zmiller")])
    xmatters.edits.remove_member(platform, ["PERSON", bo])
    names = {row["member"]["targetName"] for row in xm(f"/groups/{platform}/members").json["data"]}
    assert "zmiller" in names
    assert "blindqvist" not in names
    assert seats(xm, xmatters, "Weekdays")[0] == ("cmoretti", 0)
    with pytest.raises(LookupError, match="no member"):
        xmatters.edits.remove_member(platform, ["PERSON", bo])
    with pytest.raises(ValueError, match="itself"):
        xmatters.edits.add_member(platform, ["GROUP", platform])


def test_seats_are_edited_in_the_order_of_the_moment(xmatters: Simulator, xm: Call, clock: Clock) -> None:
    days = shift(xmatters, "Weekdays")
    clock.moment += 4 * DAY  # one rotation on
    moved = ["cmoretti", "daydin", "enovak", "blindqvist", "gsommer"]
    assert [name for name, _ in seats(xm, xmatters, "Weekdays")] == moved
    xmatters.edits.swap_seats(days, 1, 2)
    xmatters.edits.change_delay(days, 5, 40)
    xmatters.edits.add_seat(days, ["PERSON", person(xmatters, "wjennings")], 5, in_rotation=False)
    assert seats(xm, xmatters, "Weekdays") == [
        ("daydin", 0),
        ("cmoretti", 0),
        ("enovak", 10),
        ("blindqvist", 0),
        ("gsommer", 40),
        ("wjennings", 5),
    ]
    xmatters.edits.remove_seat(days, 6)
    clock.moment += 7 * DAY
    assert [name for name, _ in seats(xm, xmatters, "Weekdays")][:2] == ["cmoretti", "enovak"]
    with pytest.raises(LookupError, match="5 seats"):
        xmatters.edits.remove_seat(days, 6)
    with pytest.raises(ValueError, match="negative"):
        xmatters.edits.change_delay(days, 1, -1)


def test_rotations_are_set_and_moved_by_alerts(xmatters: Simulator, xm: Call, clock: Clock) -> None:
    security = group_named(xmatters, "Security")
    xmatters.edits.raise_alert(security)
    assert [name for name, _ in seats(xm, xmatters, "Round the Clock")][:3] == ["hsinclair", "nrahman", "gramirez"]
    robin = shift(xmatters, "Round the Clock")
    xmatters.edits.rotate(robin, "ROTATION", "LAST_TO_FIRST", 2, "DAYS", NOW + 3600)
    before = [name for name, _ in seats(xm, xmatters, "Round the Clock")][:3]
    assert before == ["hsinclair", "nrahman", "gramirez"]
    clock.moment += 3600
    assert [name for name, _ in seats(xm, xmatters, "Round the Clock")][:3] == ["gramirez", "hsinclair", "nrahman"]
    xmatters.edits.rotate(robin, None)
    assert "rotation" not in xm(f"/groups/{security}/shifts/{robin}", "embed=rotation").json
    for arguments in ({"unit": "HOURS"}, {"interval": 0}, {}):
        with pytest.raises(ValueError, match="rotation"):
            xmatters.edits.rotate(robin, "ROTATION", **arguments)


def test_shifts_are_moved_cut_and_repeated(xmatters: Simulator, xm: Call) -> None:
    nights = shift(xmatters, "Clock Change")
    group = xmatters.state.shifts[nights].group_id
    before = xm(f"/groups/{group}/shifts/{nights}").json
    xmatters.edits.move_start(nights, 1800)
    after = xm(f"/groups/{group}/shifts/{nights}").json
    assert before["start"] != after["start"]
    tonight = NOW + 8 * 3600
    xmatters.edits.exclude(nights, tonight)
    assert xm(f"/groups/{group}/shifts/{nights}", "embed=exclusions").json["exclusions"]["total"] == 1
    assert nights not in {
        row["shift"]["id"] for row in xm("/on-call", f"groups={group}&at=2026-03-20T20:00:05Z").json["data"]
    }
    with pytest.raises(LookupError, match="occurrence"):
        xmatters.edits.exclude(nights, tonight)
    with pytest.raises(ValueError, match="always on"):
        xmatters.edits.move_start(shift(xmatters, "Default Shift"), 60)
    days = shift(xmatters, "Weekdays")
    xmatters.edits.repeat(days, 1, 600)
    platform = xmatters.state.groups[xmatters.state.shifts[days].group_id]
    assert [one.minute for one in walk(xmatters.state, platform, NOW)] == [0, 10]
    xmatters.edits.repeat(days, 0, 0)
    assert xm(f"/groups/{platform.id}/shifts/{days}").json["repeatEscalation"] == {"repeatEnabled": False}


def test_absences_do_not_overlap(xmatters: Simulator, xm: Call) -> None:
    carla, bo = person(xmatters, "cmoretti"), person(xmatters, "blindqvist")
    platform = group_named(xmatters, "Platform SRE")
    made = xmatters.edits.add_absence(bo, NOW, NOW + DAY, carla, platform)
    (row,) = (one for one in xm("/temporary-absences").json["data"] if one["id"] == made)
    assert row["group"]["id"] == platform
    xmatters.edits.delete("absence", made)
    for start, end, match in ((NOW, NOW, "ends after"), (NOW + 8 * DAY, NOW + 20 * DAY, "overlap")):
        with pytest.raises(ValueError, match=match):
            xmatters.edits.add_absence(carla, start, end)


def test_status_and_addresses_change(xmatters: Simulator, xm: Call) -> None:
    bo, platform = person(xmatters, "blindqvist"), group_named(xmatters, "Platform SRE")
    device = next(one for one in xmatters.state.devices_of(bo) if one.type == "EMAIL")
    xmatters.edits.change_address(device.id, "bo@example.com")
    xmatters.edits.activate("person", bo, active=False)
    xmatters.edits.activate("group", platform, active=False)
    assert xm("/people", {"emailAddress": "bo@example.com"}).json["data"][0]["status"] == "INACTIVE"
    assert xm("/on-call", {"groups": platform}).json["count"] == 0
    with pytest.raises(ValueError, match="no status"):
        xmatters.edits.activate("service", next(iter(xmatters.state.services)), active=False)


def test_edits_refuse_what_is_not_there(xmatters: Simulator) -> None:
    for verb, arguments in (
        ("paint", {}),
        ("rename", {"kind": "colour", "object_id": "x", "name": "y"}),
        ("rename", {"kind": "group", "object_id": "x", "name": "y"}),
    ):
        with pytest.raises(LookupError):
            xmatters.edits.carry_out(verb, arguments)
    with pytest.raises(TypeError):
        xmatters.edits.carry_out("rename", {"colour": "red"})
    with pytest.raises(ValueError, match="no name"):
        xmatters.edits.rename("absence", next(iter(xmatters.state.absences)), "Holiday")


def test_the_control_plane_edits_it_too(xmatters: Simulator, xm: Call) -> None:
    def post(verb: str, arguments: Any) -> Any:
        headers = {"Content-Type": "application/json"}
        return ask(xmatters.origin, f"/_simulator/{verb}", None, headers, method="POST", body=json.dumps(arguments))

    assert post("edits", {"edit": "change_plan", "services": False}).status == 200
    assert xm("/services").status == 403
    assert post("limit", {"requests": 1, "window": 60}).status == 200
    assert [xm("/groups").status for _ in range(2)] == [200, 429]
    summary = ask(xmatters.origin, "/_simulator/").json
    assert (summary["provider"], summary["instance"], summary["version"]) == ("xmatters", "acme", 1)
    assert (summary["shifts"], len(summary["edits"])) == (18, 18)


def test_a_made_up_instance_has_the_requested_size() -> None:
    server = build("xmatters", size=1000)
    counts = server.state.counts()
    assert (counts["people"], counts["groups"], counts["shifts"], counts["services"]) == (753, 74, 99, 74)
    assert sum(counts[kind] for kind in ("people", "groups", "shifts", "services")) == pytest.approx(1000, rel=0.01)
    assert len({one.name for one in server.state.groups.values()}) == 74
    assert len({one.target_name for one in server.state.people.values()}) == 753
