"""Opsgenie's own rendering over HTTP: timelines and who is on call."""

from collections.abc import Callable
from typing import Any

from connectors.simulator.opsgenie import Simulator

Call = Callable[..., Any]
NOW = 1_774_008_005  # 2026-03-20T12:00:05Z, a Friday


def id_of(shelf: dict[str, Any], name: str) -> str:
    return next(key for key, one in shelf.items() if one.name == name)


def timeline(genie: Call, opsgenie: Simulator, name: str, **query: Any) -> Any:
    got = genie(f"/v2/schedules/{id_of(opsgenie.state.schedules, name)}/timeline", query)
    assert got.status == 200
    return got.json["data"]


def test_a_timeline_is_a_week_of_the_zone_and_final_by_default(genie: Call, opsgenie: Simulator) -> None:
    drawn = timeline(genie, opsgenie, "Payments On-Call")
    assert (drawn["startDate"], drawn["endDate"]) == ("2026-03-16T00:00:00Z", "2026-03-23T00:00:00Z")
    assert not {"baseTimeline", "overrideTimeline", "forwardingTimeline"} & drawn.keys()
    orders = [rotation["order"] for rotation in drawn["finalTimeline"]["rotations"]]
    assert orders == [1.0, 4.5, 3.0]
    assert drawn["_parent"]["name"] == "Payments On-Call"
    month = timeline(genie, opsgenie, "Payments On-Call", date="2026-03-29T12:00:00+01:00", intervalUnit="months")
    assert (month["startDate"], month["endDate"]) == ("2026-03-01T00:00:00Z", "2026-03-31T23:00:00Z")


def test_past_periods_are_history_cut_at_the_request(genie: Call, opsgenie: Simulator, clock: Any) -> None:
    clock.moment = NOW + 0.8168
    drawn = timeline(genie, opsgenie, "Platform_schedule", expand="base,override,forwarding")
    final = drawn["finalTimeline"]["rotations"][0]["periods"]
    split = next(number for number, one in enumerate(final) if one["type"] != "historical")
    assert final[split - 1]["endDate"] == final[split]["startDate"] == "2026-03-20T12:00:05.816Z"
    assert final[split]["type"] == "override"  # cody stands in today
    assert final[split - 1]["flattenedRecipients"] == [final[split]["recipient"]]
    assert all("flattenedRecipients" not in one for one in final[split:])
    base = drawn["baseTimeline"]["rotations"][0]["periods"]
    assert base[:split] == final[:split]  # past windows show what happened
    assert {one["type"] for one in base[split:]} == {"default"}
    assert {one["type"] for one in drawn["overrideTimeline"]["rotations"][0]["periods"]} == {"override"}
    ended = drawn["finalTimeline"]["rotations"][2]
    assert "periods" not in ended


def test_forwarding_shows_whom_it_came_from(genie: Call, opsgenie: Simulator) -> None:
    state = opsgenie.state
    drawn = timeline(
        genie, opsgenie, "Clock Change", expand=["forwarding"], date="2026-03-23T00:00:00Z", intervalUnit="weeks"
    )
    found = [
        one
        for layer in ("finalTimeline", "forwardingTimeline")
        for rotation in drawn[layer]["rotations"]
        for one in rotation.get("periods", ())
        if one["type"] == "forwarding"
    ]
    assert found
    assert {one["fromUser"] for one in found} == {"uri.cohen@example.com"}
    assert {one["recipient"]["name"] for one in found} == {"vera.santos@example.com"}
    rules = genie("/v2/forwarding-rules").json["data"]
    assert [rule["alias"] for rule in rules] == ["carlas-leave", ""]
    assert {rule["id"] for rule in rules} == set(state.forwardings)


def test_on_calls_open_teams_and_escalations(genie: Call, opsgenie: Simulator) -> None:
    desk = id_of(opsgenie.state.schedules, "Security Desk")
    found = {}
    for week in range(4):
        date = f"2026-04-{2 + 7 * week:02}T06:00:00Z"
        data = genie(f"/v2/schedules/{desk}/on-calls", {"date": date}).json["data"]
        for one in data["onCallParticipants"]:
            found[one["type"]] = one
        flat = genie(f"/v2/schedules/{desk}/on-calls", {"date": date, "flat": "true"}).json["data"]
        assert flat["onCallRecipients"]
        assert all("@" in name for name in flat["onCallRecipients"])
    assert found.keys() == {"user", "team", "escalation"}
    minutes = [
        (one["type"], one["escalationTime"], one["notifyType"]) for one in found["escalation"]["onCallParticipants"]
    ]
    assert minutes == [("schedule", 0, "default"), ("schedule", 5, "next"), ("team", 10, "all")]
    assert found["team"]["onCallParticipants"][0]["name"] == "Platform_escalation"
    everywhere = genie("/v2/schedules/on-calls").json["data"]
    assert len(everywhere) == 9
    platform = next(one for one in everywhere if one["_parent"]["name"] == "Platform_schedule")
    assert platform["onCallParticipants"][0]["name"] == "CODY.BARNES@example.com"


def test_on_calls_say_who_was_forwarded(genie: Call, opsgenie: Simulator) -> None:
    clock_change = id_of(opsgenie.state.schedules, "Clock Change")
    found = []
    for hour in range(0, 72, 3):
        date = f"2026-03-{24 + hour // 24}T{hour % 24:02}:30:00Z"
        data = genie(f"/v2/schedules/{clock_change}/on-calls", {"date": date}).json["data"]
        found += [one for one in data["onCallParticipants"] if "forwardedFrom" in one]
    assert {(one["name"], one["forwardedFrom"]["name"]) for one in found} == {
        ("vera.santos@example.com", "uri.cohen@example.com")
    }


def test_on_calls_open_what_each_rule_of_an_escalation_means(genie: Call, opsgenie: Simulator) -> None:
    """Admins and users of a team. A team without a routing target is resolved to nobody."""
    state = opsgenie.state
    desk = state.schedules[id_of(state.schedules, "Security Desk")]
    names = ("Payments Critical", "Data, without hurry")
    escalations = [("escalation", id_of(state.escalations, name)) for name in names]
    with state.editing():
        desk.overrides = []
        for rotation in desk.rotations:
            rotation.restriction = None
        desk.rotations[0].participants = [escalations[0]]
        desk.rotations[1].participants = [escalations[1]]
    critical, slow = genie(f"/v2/schedules/{desk.id}/on-calls").json["data"]["onCallParticipants"]
    admins = critical["onCallParticipants"][3]
    assert (admins["notifyType"], admins["escalationTime"]) == ("admins", 20)
    assert [one["name"] for one in admins["onCallParticipants"]] == ["liam.oconnor@example.com"]
    others = slow["onCallParticipants"][1]
    assert (others["notifyType"], others["escalationTime"]) == ("users", 120)
    assert "sunita.rao@example.com" not in {one["name"] for one in others["onCallParticipants"]}
    assert len(others["onCallParticipants"]) == 4
    with state.editing():
        desk.rotations[0].participants = [("team", id_of(state.teams, "Facilities"))]
    nobody = genie(f"/v2/schedules/{desk.id}/on-calls").json["data"]["onCallParticipants"][0]
    assert nobody["type"] == "team"
    assert "onCallParticipants" not in nobody
