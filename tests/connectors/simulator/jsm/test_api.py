"""JSM Operations' answers over HTTP: bases, callers, pages, errors, people, teams, schedules and timelines."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.simulator.atlassian.walk import walk
from connectors.simulator.faults import RateLimit
from connectors.simulator.jsm import (
    AGENT_EMAIL,
    AGENT_TOKEN,
    CANARY,
    CLOUD_ID,
    DEMO_EMAIL,
    DEMO_TOKEN,
    ORG_ADMIN_TOKEN,
    ORG_ID,
    Simulator,
    build_world,
)
from connectors.simulator.opsgenie import build_world as build_opsgenie
from connectors.simulator.serve import PROVIDERS, build
from tests.connectors.simulator.conftest import ask, basic

Call = Callable[..., Any]
NOW = 1_774_008_005  # 2026-03-20T12:00:05Z, a Friday
AGENT = (AGENT_EMAIL, AGENT_TOKEN)
MEMBERS = f"/gateway/api/public/teams/v1/org/{ORG_ID}/teams/{{}}/members"


def id_of(shelf: dict[str, Any], name: str) -> str:
    return next(key for key, one in shelf.items() if one.name == name)


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# Bases, callers, errors.


def test_jsm_and_compass_answer_below_their_bases_and_other_clouds_are_not_found(site: Call) -> None:
    listed = site("/v1/schedules").json
    assert len(listed["values"]) == 9
    assert site(f"/compass/cloud/{CLOUD_ID}/ops/v1/schedules").json == listed
    for path in ("/jsm/ops/api/other-cloud/v1/schedules", "/v1/nothing", "/nothing"):
        got = site(path)
        assert got.status == 404
        assert got.json["errors"][0]["title"]
    assert site("/_edge/tenant_info", who=None).json == {"cloudId": CLOUD_ID}


@pytest.mark.parametrize("who", [None, (DEMO_EMAIL, "wrong"), ("nobody@example.com", DEMO_TOKEN)])
def test_a_wrong_caller_is_refused(site: Call, who: Any) -> None:
    got = site("/v1/schedules", who=who)
    assert (got.status, got.json["errors"][0]["title"]) == (401, "Unauthorized")
    assert site("/rest/api/3/myself", who=who).json["errorMessages"] == ["Unauthorized"]


@pytest.mark.parametrize("header", ["Bearer x", "Basic !!!", "Basic /w=="])
def test_an_authorization_that_says_nothing_is_refused(jsm: Simulator, header: str) -> None:
    path = f"/jsm/ops/api/{CLOUD_ID}/v1/teams"
    assert ask(jsm.origin, path, None, {"Authorization": header}).status == 401


def test_it_can_only_be_read(site: Call, jsm: Simulator) -> None:
    assert site("/v1/schedules", method="POST", body="{}").status == 405
    assert site(MEMBERS.format(next(iter(jsm.state.teams)))).status == 405


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/v1/schedules/none", {}, 404),
        ("/v1/schedules", {"size": 0}, 422),
        ("/v1/schedules", {"offset": "x"}, 422),
        ("/v1/schedules/{schedule}/rotations/none", {}, 404),
        ("/v1/schedules/{schedule}/timeline", {"intervalUnit": "years"}, 422),
        ("/v1/schedules/{schedule}/timeline", {"date": "soon"}, 422),
        ("/v1/schedules/{schedule}/timeline", {"date": "2025-03-01T00:00:00Z"}, 422),
        ("/v1/schedules/{schedule}/timeline", {"interval": 30, "intervalUnit": "months"}, 422),
        ("/v1/teams/none/escalations", {}, 404),
        ("/v1/teams/{team}/escalations/none", {}, 404),
        ("/v1/notification-rules/none", {}, 404),
        ("/v1/users/{user}/contacts", {}, 403),
        (f"/gateway/api/public/teams/v1/org/{ORG_ID}/teams/none", {}, 404),
        ("/gateway/api/public/teams/v1/org/other/teams/{team}", {}, 404),
        (f"/jsm/api/{CLOUD_ID}/v1/services/none", {}, 404),
        ("/rest/api/3/user", {"accountId": "none"}, 404),
        ("/rest/api/3/user/search", {}, 400),
        ("/rest/api/3/user/bulk", {}, 400),
    ],
)
def test_what_cannot_be_answered(site: Call, jsm: Simulator, path: str, query: Any, status: int) -> None:
    state = jsm.state
    ids = {"schedule": next(iter(state.schedules)), "team": next(iter(state.teams)), "user": next(iter(state.users))}
    got = site(path.format(**ids), query)
    assert got.status == status
    assert got.json["errorMessages"] if path.startswith("/rest/") else got.json["errors"][0]["title"]


def test_an_ordinary_caller_sees_the_own_teams_and_what_concerns_them(site: Call, jsm: Simulator) -> None:
    teams = site("/v1/teams", who=AGENT).json["platformTeams"]
    assert [team["teamName"] for team in teams] == ["PAYMENTS"]
    seen = {one["name"] for one in site("/v1/schedules", who=AGENT).json["values"]}
    assert seen == {"Payments On-Call"}
    platform = id_of(jsm.state.schedules, "Platform_schedule")
    assert site(f"/v1/schedules/{platform}", who=AGENT).status == 403
    liam = id_of(jsm.state.users, "Liam O'Connor")
    jsm.edits.add_override(platform, liam, NOW, NOW + 60)
    assert site(f"/v1/schedules/{platform}", who=AGENT).status == 200
    assert site(f"/v1/teams/{id_of(jsm.state.teams, 'Platform')}/escalations", who=AGENT).status == 403
    desk = id_of(jsm.state.schedules, "Security Desk")
    assert site(f"/v1/schedules/{desk}", who=AGENT).status == 403
    jsm.edits.add_member(id_of(jsm.state.teams, "Platform"), liam)
    assert site(f"/v1/schedules/{desk}", who=AGENT).status == 200  # by a team, and an escalation, in a rotation


# Pages, limits, faults.


def test_lists_come_in_pages_whose_next_is_a_path_below_the_base(site: Call) -> None:
    seen, offset = [], 0
    while True:
        got = site("/v1/schedules", {"size": 4, "offset": offset}).json
        seen += [one["name"] for one in got["values"]]
        assert got["_expands"] == ["rotation"]
        if "next" not in got["links"]:
            break
        parts = urlsplit(got["links"]["next"])
        assert (parts.scheme, parts.netloc, parts.path) == ("", "", "/v1/schedules")
        query = parse_qs(parts.query)
        assert query["size"] == ["4"]
        offset = int(query["offset"][0])
    assert offset == 8
    assert len(seen) == len(set(seen)) == 9


def test_a_page_holds_25_usually_and_a_hundred_at_most() -> None:
    with Simulator(build_world(NOW, size=2_010), now=lambda: float(NOW)) as large:
        headers = basic(DEMO_EMAIL, DEMO_TOKEN)
        sizes = [
            len(ask(large.origin, f"/jsm/ops/api/{CLOUD_ID}/v1/schedules", query, headers).json["values"])
            for query in ({}, {"size": 500}, {"size": 100, "offset": 100})
        ]
        assert sizes == [25, 100, 50]


def test_a_page_can_repeat_itself_and_a_listing_shrink(site: Call, jsm: Simulator) -> None:
    jsm.faults.add("*/v1/schedules", "loop", count=2)
    pages = [site("/v1/schedules", {"size": 3, "offset": offset}).json for offset in (0, 6)]
    assert pages[0]["values"] == pages[1]["values"]
    assert all("next" in page["links"] for page in pages)
    jsm.faults.add("*/v1/schedules", "shrink", items=2)
    assert len(site("/v1/schedules").json["values"]) == 2
    jsm.faults.add("*/v1/teams", "status", status=500)
    assert site("/v1/teams").json["errors"][0]["title"]


def test_a_limit_says_when_to_come_back(site: Call, jsm: Simulator) -> None:
    jsm.rate_limit = RateLimit(1, 60)
    first, second = site("/v1/teams"), site("/v1/teams")
    assert (first.status, second.status) == (200, 429)
    assert "retry-after" not in first.headers
    assert 1 <= int(second.headers["retry-after"]) <= 60


# People and teams.


def test_people_have_account_ids_and_may_hide_their_address(site: Call, jsm: Simulator) -> None:
    ids = list(jsm.state.users)
    forms = {one.partition(":")[0] if ":" in one else len(one) for one in ids}
    assert forms == {"712020", "557058", 24}
    got = site("/rest/api/3/user/bulk", {"accountId": [*ids, ids[0], "none"], "maxResults": 200}).json
    assert (got["total"], got["isLast"]) == (60, True)  # one left, one was never there
    by_name = {user["displayName"]: user for user in got["values"]}
    assert sum("emailAddress" not in user for user in by_name.values()) == 2
    assert [name for name, user in by_name.items() if not user["active"]] == ["Boris Wolf"]
    first = site("/rest/api/3/user/bulk", {"accountId": ids, "maxResults": 25, "startAt": 50}).json
    assert (len(first["values"]), first["isLast"]) == (10, True)
    found = site("/rest/api/3/user/search", {"query": "cody.barnes@"}).json
    assert [user["displayName"] for user in found] == ["Cody Barnes"]
    hidden = next(user for user in jsm.state.users.values() if user.email_hidden)
    assert site("/rest/api/3/user/search", {"query": hidden.email}).json == []
    alone = site("/rest/api/3/user", {"accountId": hidden.id}).json
    assert alone["emailAddress"] == ""
    assert site("/rest/api/3/myself").json["displayName"] == "Greta Sommer"


def test_the_organisations_admin_reads_every_address(site: Call, jsm: Simulator) -> None:
    path = f"/admin/v2/orgs/{ORG_ID}/directories/-/users"
    assert site(path).status == 401
    bearer = {"Authorization": f"Bearer {ORG_ADMIN_TOKEN}"}
    people, cursor = [], "0"
    while cursor:
        got = ask(jsm.origin, path, {"limit": 50, "cursor": cursor}, bearer).json
        people += got["data"]
        cursor = got["links"].get("next", "")
    assert len(people) == 60
    assert all(person["email"] for person in people)
    assert {person["accountStatus"] for person in people} == {"active", "inactive"}
    found = ask(jsm.origin, path, {"searchTerm": "keller"}, bearer).json["data"]
    assert [person["name"] for person in found] == ["Keller, Ana"]


def test_contacts_and_rules_are_the_callers_own(site: Call) -> None:
    own = site("/v1/users/contacts").json
    assert [contact["method"] for contact in own["values"]] == ["email", "sms", "voice"]
    assert own["values"][0]["to"] == DEMO_EMAIL
    assert own["links"] == {"last": "/v1/users/contacts?offset=0&size=25"}
    assert site("/v1/users/contacts", who=AGENT).json["values"][0]["to"] == AGENT_EMAIL
    rule = site("/v1/notification-rules").json["values"][0]
    assert site(f"/v1/notification-rules/{rule['id']}").json == rule
    steps = site(f"/v1/notification-rules/{rule['id']}/steps").json["values"]
    assert [(step["contact"]["method"], step["sendAfter"]) for step in steps] == [("sms", 0), ("voice", 5)]
    assert CANARY not in json.dumps(own)


def test_teams_come_whole_under_a_key_or_bare(site: Call, jsm: Simulator) -> None:
    under_a_key = site("/v1/teams").json["platformTeams"]
    jsm.site.bare_teams = True
    assert site("/v1/teams").json == under_a_key
    assert len(under_a_key) == 8
    assert all(set(team) == {"teamId", "teamName"} for team in under_a_key)
    assert sum(team["teamId"].startswith("og-") for team in under_a_key) == 2
    team = under_a_key[0]
    detail = site(MEMBERS.removesuffix("/members").format(team["teamId"]), {"siteId": CLOUD_ID}).json
    assert (detail["teamId"], detail["displayName"]) == (team["teamId"], team["teamName"])
    role = site(f"/v1/teams/{team['teamId']}/roles").json["values"][0]
    assert role["rights"]


def test_members_are_read_by_a_post_page_by_page(site: Call, jsm: Simulator) -> None:
    team = jsm.state.teams[id_of(jsm.state.teams, "Customer Success")]

    def read(body: Any) -> Any:
        return site(MEMBERS.format(team.id), method="POST", body=body if isinstance(body, str) else json.dumps(body))

    seen, after = [], ""
    while True:
        got = read({"first": 3, "after": after}).json
        seen += [one["accountId"] for one in got["results"]]
        if not got["pageInfo"]["hasNextPage"]:
            break
        after = got["pageInfo"]["endCursor"]
    assert seen == [user_id for user_id, _ in team.members]
    assert got["pageInfo"] == {"endCursor": None, "hasNextPage": False}
    assert len(read({"first": 50, "after": ""}).json["results"]) == 8
    assert len(read("").json["results"]) == 8
    for wrong in ("[]", "no json", {"first": 51}, {"first": 0}, {"after": "elsewhere"}):
        assert read(wrong).status == 400
    empty = site(MEMBERS.format(id_of(jsm.state.teams, "Facilities")), method="POST", body='{"first": 50}')
    assert empty.json["results"] == []


def test_escalations_and_routing_rules_belong_to_teams(site: Call, jsm: Simulator) -> None:
    found = {}
    for team_id in jsm.state.teams:
        for one in site(f"/v1/teams/{team_id}/escalations").json["values"]:
            found[one["name"]] = one
            assert site(f"/v1/teams/{team_id}/escalations/{one['id']}").json == one
    assert len(found) == 7
    assert "Legacy Billing" not in found
    assert [rule["delay"] for rule in found["Data, without hurry"]["rules"]] == [60, 120, 1440]
    assert not found["Facilities_escalation"]["enabled"]
    assert found["Payments Critical"]["repeat"]["count"] == 3
    recipients = [rule["recipient"] for one in found.values() for rule in one["rules"]]
    assert all(set(one) == {"type", "id"} for one in recipients)
    rules = site(f"/v1/teams/{id_of(jsm.state.teams, 'PAYMENTS')}/routing-rules").json["values"]
    assert [(rule["order"], rule["isDefault"], rule["notify"]["type"]) for rule in rules] == [
        (0, False, "none"),
        (1, False, "schedule"),
        (2, True, "escalation"),
    ]
    assert "timeRestriction" in rules[1]


# Schedules.


def test_schedules_name_nobody_and_rotations_only_when_expanded(site: Call, jsm: Simulator) -> None:
    assert all("rotations" not in one for one in site("/v1/schedules").json["values"])
    full = {one["name"]: one for one in site("/v1/schedules", {"expand": "rotation"}).json["values"]}
    platform = full["Platform_schedule"]
    assert site(f"/v1/schedules/{platform['id']}", {"expand": "rotation"}).json == platform
    assert site(f"/v1/schedules/{platform['id']}/rotations").json["values"] == platform["rotations"]
    first = platform["rotations"][0]
    assert site(f"/v1/schedules/{platform['id']}/rotations/{first['id']}").json == first
    assert "teamId" not in full["Legacy Billing"]
    participants = [who for one in full.values() for rotation in one["rotations"] for who in rotation["participants"]]
    assert {who["type"] for who in participants} == {"user", "team", "escalation", "noone"}
    assert {tuple(sorted(who)) for who in participants} == {("id", "type"), ("type",)}
    ends = [rotation.get("endDate") for one in full.values() for rotation in one["rotations"]]
    assert {"", None} < set(ends)
    assert [one["name"] for one in site("/v1/schedules", {"query": "desk"}).json["values"]] == ["Security Desk"]


def test_only_current_and_future_overrides_are_listed(site: Call, jsm: Simulator) -> None:
    schedule = jsm.state.schedules[id_of(jsm.state.schedules, "Platform_schedule")]
    listed = site(f"/v1/schedules/{schedule.id}/overrides").json["values"]
    assert len(listed) == len(schedule.overrides) - 1
    assert [one["alias"] for one in listed] == [one.alias for one in schedule.overrides[1:]]
    assert [instant(one["startDate"]) for one in listed] == [one.start for one in schedule.overrides[1:]]
    assert listed[0]["startDate"].endswith("+01:00")
    assert listed[0]["rotationIds"] == [schedule.rotations[0].id]
    assert listed[3]["responder"] == {"type": "noone"}


def test_forwarding_rules_and_services_have_ids_only(site: Call, jsm: Simulator) -> None:
    rules = site("/v1/forwarding-rules").json["values"]
    assert {rule["fromUser"]["id"] for rule in rules} <= set(jsm.state.users)
    service = next(iter(jsm.state.services))
    got = site(f"/jsm/api/{CLOUD_ID}/v1/services/{service}").json
    assert got["owner"] in jsm.state.teams
    assert 1 <= got["tier"] <= 4


def test_it_renders_what_opsgenie_renders_in_its_own_words(site: Call, jsm: Simulator) -> None:
    """JSM and Opsgenie render the same periods for the same people."""
    other = build_opsgenie(NOW)
    logins = {user.id: user.email for user in jsm.state.users.values()}
    for schedule in other.schedules.values():
        path = f"/v1/schedules/{id_of(jsm.state.schedules, schedule.name)}/timeline"
        drawn = site(path, {"date": "2026-03-27T12:00:00Z"}).json
        walked = walk(
            schedule,
            list(other.forwardings.values()),
            int(instant(drawn["startDate"])),
            int(instant(drawn["endDate"])),
        )
        listed = [one for one in drawn["finalTimeline"]["rotations"] if not one.get("deleted")]
        for rotation, rotation_json in zip(schedule.rotations, listed, strict=True):
            expected = [
                (one.start, one.end, other.name_of(one.recipient) if one.recipient[0] == "user" else None)
                for one in walked.final[rotation.id]
            ]
            assert [
                (instant(one["startDate"]), instant(one["endDate"]), logins.get(one["responder"]["id"]))
                for one in rotation_json.get("periods", ())
            ] == expected


def test_a_timeline_has_its_own_words(site: Call, jsm: Simulator) -> None:
    platform = id_of(jsm.state.schedules, "Platform_schedule")
    drawn = site(f"/v1/schedules/{platform}/timeline", {"expand": "base,override,forwarding", "interval": 3}).json
    assert set(drawn) == {
        "startDate",
        "endDate",
        "finalTimeline",
        "baseTimeline",
        "overrideTimeline",
        "forwardingTimeline",
        "_expands",
    }
    periods = [one for rotation in drawn["finalTimeline"]["rotations"] for one in rotation.get("periods", ())]
    assert {one["type"] for one in periods} == {"historical", "base", "override", "forwarding"}
    assert all("flattenedResponders" in one for one in periods if one["type"] == "historical")
    assert any(one["responder"].get("deleted") for one in periods)  # somebody left and keeps the place
    forwarded = [one for one in periods if one["type"] == "forwarding"]
    assert {one["from"]["id"] for one in forwarded} == {id_of(jsm.state.users, "Carla Moretti")}
    assert {one["responder"]["id"] for one in forwarded} == {id_of(jsm.state.users, "Greta Sommer")}


def test_what_was_deleted_is_marked_where_it_still_takes_turns(site: Call, jsm: Simulator) -> None:
    desk, platform = id_of(jsm.state.schedules, "Security Desk"), id_of(jsm.state.teams, "Platform")
    jsm.edits.delete("team", platform)
    query = {"interval": 2, "intervalUnit": "months"}
    drawn = site(f"/v1/schedules/{desk}/timeline", query).json["finalTimeline"]["rotations"][1]["periods"]
    gone = [one["responder"] for one in drawn if one["responder"]["type"] == "team"]
    assert gone
    assert all(one == {"type": "team", "id": platform, "deleted": True} for one in gone)


def test_deleted_rotations_are_drawn_as_history(site: Call, jsm: Simulator) -> None:
    legacy = id_of(jsm.state.schedules, "Legacy Billing")
    drawn = site(f"/v1/schedules/{legacy}/timeline").json["finalTimeline"]["rotations"]
    removed = [one for one in drawn if one.get("deleted")]
    assert [one["name"] for one in removed] == ["Removed"]
    assert {one["type"] for one in removed[0]["periods"]} == {"historical"}
    assert max(instant(one["endDate"]) for one in removed[0]["periods"]) <= NOW
    later = site(f"/v1/schedules/{legacy}/timeline", {"date": "2026-05-01T00:00:00Z"}).json
    assert [one for one in later["finalTimeline"]["rotations"] if one.get("deleted") and "periods" in one] == []


def test_on_calls_are_ids_alone(site: Call, jsm: Simulator) -> None:
    desk = id_of(jsm.state.schedules, "Security Desk")
    kinds = set()
    for week in range(4):
        date = f"2026-04-{2 + 7 * week:02}T06:00:00Z"
        found = site(f"/v1/schedules/{desk}/on-calls", {"date": date}).json["onCallParticipants"]
        kinds |= {one["type"] for one in found}
        flat = site(f"/v1/schedules/{desk}/on-calls", {"date": date, "flat": "true"}).json["onCallUsers"]
        assert set(flat) <= set(jsm.state.users)
        assert flat
    assert kinds == {"user", "team", "escalation"}
    clock_change = id_of(jsm.state.schedules, "Clock Change")
    dates = [f"2026-03-{day}T{hour:02}:30:00Z" for day in (24, 25) for hour in range(24)]
    forwarded = [
        one["forwardedFrom"]
        for date in dates
        for one in site(f"/v1/schedules/{clock_change}/on-calls", {"date": date}).json["onCallParticipants"]
        if "forwardedFrom" in one
    ]
    assert forwarded
    assert all(set(one) == {"type", "id"} for one in forwarded)


def test_it_is_served_by_name_and_unknown_ones_are_refused() -> None:
    assert "jsm" in PROVIDERS
    with build("jsm", size=20) as server:
        assert server.vendor.summary()["provider"] == "jsm"
        headers = {"Content-Type": "application/json"}
        body = json.dumps({"edit": "rename", "kind": "team", "object_id": next(iter(server.state.teams)), "name": "A"})
        assert ask(server.origin, "/_simulator/edits", None, headers, method="POST", body=body).status == 200
    with pytest.raises(LookupError, match=r"choose one of .*jsm"):
        build("telex")
