"""Opsgenie's answers over HTTP: envelopes, keys, pages, errors, limits, schedules and timelines."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from connectors.simulator.faults import RateLimit
from connectors.simulator.opsgenie import (
    CANARY,
    DEMO_KEY,
    NO_CONFIGURATION_KEY,
    OTHER_REGION_KEY,
    TEAM_KEY,
    ApiKey,
    Simulator,
    build_world,
)
from connectors.simulator.opsgenie.limits import DomainLimits
from connectors.simulator.serve import build
from connectors.simulator.zones import DAY
from tests.connectors.simulator.conftest import ask

Call = Callable[..., Any]
NOW = 1_774_008_005  # 2026-03-20T12:00:05Z, a Friday


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def id_of(shelf: dict[str, Any], name: str) -> str:
    return next(key for key, one in shelf.items() if one.name == name)


# Envelopes, keys and errors.


def test_every_answer_has_the_envelope_and_the_headers(genie: Call) -> None:
    got = genie("/v2/account")
    assert got.status == 200
    assert got.json["data"] == {
        "name": "acme",
        "userCount": 60,
        "plan": {"name": "Enterprise", "maxUserCount": 100, "isYearly": True},
    }
    assert isinstance(got.json["took"], float)
    assert got.headers["x-request-id"] == got.json["requestId"]
    assert got.headers["x-ratelimit-state"] == "OK"
    assert got.json["requestId"] != genie("/v2/account").json["requestId"]


@pytest.mark.parametrize(
    ("key", "status"), [(None, 401), ("unknown-key", 401), (OTHER_REGION_KEY, 401), ("not a key!", 422)]
)
def test_a_wrong_key_is_refused(genie: Call, key: str | None, status: int) -> None:
    got = genie("/v2/account", key=key)
    assert got.status == status
    assert set(got.json) == {"message", "took", "requestId"}
    assert got.headers["x-opsgenie-errortype"]


def test_a_key_without_configuration_access_reads_next_to_nothing(genie: Call) -> None:
    assert genie("/v2/account", key=NO_CONFIGURATION_KEY).status == 200
    for path in ("/v2/users", "/v2/teams", "/v2/schedules", "/v2/escalations", "/v2/forwarding-rules", "/v1/services"):
        got = genie(path, key=NO_CONFIGURATION_KEY)
        assert (got.status, got.json["code"]) == (403, 40301)


def test_a_teams_key_sees_its_team_and_calls_all_else_unauthorised(genie: Call, opsgenie: Simulator) -> None:
    own = opsgenie.state.sorted_teams()[0]
    for path in ("/v2/account", "/v2/users", "/v2/forwarding-rules"):
        assert genie(path, key=TEAM_KEY).status == 403
    assert [team["id"] for team in genie("/v2/teams", key=TEAM_KEY).json["data"]] == [own.id]
    schedules = genie("/v2/schedules", key=TEAM_KEY).json["data"]
    assert schedules
    assert {one["ownerTeam"]["id"] for one in schedules} == {own.id}
    assert genie(f"/v2/schedules/{schedules[0]['id']}", key=TEAM_KEY).status == 200
    foreign = id_of(opsgenie.state.schedules, "Security Desk")
    for identifier in (foreign, "there-is-no-such-thing"):
        got = genie(f"/v2/schedules/{identifier}", key=TEAM_KEY)
        assert got.status == 403
        assert got.json["code"] == 40301
        assert got.json["message"] == "Api key is not authorized to access the schedule"
    assert genie("/v2/schedules/there-is-no-such-thing").status == 404


def test_single_rights_may_be_denied(genie: Call, opsgenie: Simulator) -> None:
    opsgenie.keys[DEMO_KEY] = ApiKey(denied=frozenset({"escalations"}))
    assert (genie("/v2/escalations").status, genie("/v2/teams").status) == (403, 200)


def test_a_plan_without_services_is_refused(genie: Call, opsgenie: Simulator) -> None:
    assert len(genie("/v1/services").json["data"]) == 6
    opsgenie.edits.change_plan(services=False)
    got = genie("/v1/services")
    assert (got.status, got.json["message"]) == (402, "Your plan does not allow this")


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/v2/nothing", {}, 404),
        ("/v2/users/nobody", {}, 404),
        ("/v2/teams/none", {}, 404),
        ("/v2/teams/None", {"identifierType": "name"}, 404),
        ("/v2/users", {"limit": "many"}, 422),
        ("/v2/users", {"limit": 0}, 422),
        ("/v2/users", {"sort": "age"}, 422),
        ("/v2/users", {"order": "up"}, 422),
        ("/v2/users", {"query": "ana"}, 422),
        ("/v2/users/{user}/notification-rules/none", {}, 404),
        ("/v2/schedules/{schedule}/overrides/none", {}, 404),
        ("/v2/schedules/{schedule}/timeline", {"intervalUnit": "years"}, 422),
        ("/v2/schedules/{schedule}/timeline", {"interval": 25, "intervalUnit": "months"}, 422),
        ("/v2/schedules/{schedule}/timeline", {"date": "yesterday"}, 422),
        ("/v2/schedules/{schedule}/timeline", {"date": "9999-01-01T00:00:00Z"}, 422),
    ],
)
def test_what_cannot_be_answered(genie: Call, opsgenie: Simulator, path: str, query: Any, status: int) -> None:
    state = opsgenie.state
    got = genie(path.format(user=next(iter(state.users)), schedule=next(iter(state.schedules))), query)
    assert got.status == status
    assert got.json["message"]


def test_it_can_only_be_read(genie: Call) -> None:
    assert genie("/v2/teams", method="POST").status == 405


# Pages.


def test_users_come_in_pages_whose_links_are_absolute_and_not_even_https(genie: Call, opsgenie: Simulator) -> None:
    seen, offset = [], 0
    while True:
        got = genie("/v2/users", {"limit": 25, "offset": offset})
        seen += [user["username"] for user in got.json["data"]]
        assert got.json["totalCount"] == 60
        following = got.json["paging"].get("next")
        if following is None:
            break
        assert got.headers["x-paging-next"] == following
        parts = urlsplit(following)
        assert (parts.scheme, parts.netloc, parts.path) == ("http", "api.opsgenie.com", "/v2/users")
        query = parse_qs(parts.query)
        assert (query["order"], query["sort"], query["limit"]) == (["ASC"], ["username"], ["25"])
        offset = int(query["offset"][0])
    assert offset == 50
    assert got.json["paging"].keys() == {"first", "last", "prev"}
    assert len(seen) == len(set(seen)) == 60
    assert seen == sorted(seen, key=str.casefold)


def test_a_page_holds_a_hundred_at_most_and_beyond_the_end_nothing() -> None:
    with Simulator(build_world(NOW, size=335), now=lambda: float(NOW)) as simulator:
        state = simulator.state
        assert (len(state.users), len(state.teams), len(state.schedules)) == (250, 10, 25)
        assert (len(state.escalations), len(state.services)) == (25, 25)
        headers = {"Authorization": f"GenieKey {DEMO_KEY}"}
        sizes = [
            len(ask(simulator.origin, "/v2/users", {"limit": 500, "offset": offset}, headers).json["data"])
            for offset in (0, 100, 200, 300)
        ]
        assert sizes == [100, 100, 50, 0]
        rendered = [
            ask(simulator.origin, f"/v2/schedules/{key}/timeline", None, headers).json["data"]["finalTimeline"]
            for key in list(state.schedules)[:3]
        ]
        assert all(one["rotations"][0]["periods"] for one in rendered)


def test_users_are_sorted_and_searched(genie: Call) -> None:
    newest = genie("/v2/users", {"sort": "insertedAt", "order": "desc", "limit": 1}).json["data"][0]
    assert newest["fullName"] == "Gita Bose"
    assert genie("/v2/users", {"sortField": "fullName", "limit": 1}).json["data"][0]["fullName"] == "Alma Jensen"
    found = genie("/v2/users", {"query": "username:CODY"}).json
    assert [user["username"] for user in found["data"]] == ["CODY.BARNES@example.com"]
    assert {user["fullName"] for user in genie("/v2/users", {"query": "blocked:true"}).json["data"]} == {"Boris Wolf"}


def test_a_page_can_repeat_itself_and_a_listing_shrink(genie: Call, opsgenie: Simulator) -> None:
    opsgenie.faults.add("/v2/users", "loop", count=2)
    pages = [genie("/v2/users", {"limit": 10, "offset": offset}).json for offset in (0, 50)]
    assert pages[0]["data"] == pages[1]["data"]
    assert all("next" in page["paging"] for page in pages)
    opsgenie.faults.add("/v2/*", "shrink", items=2, count=2)
    assert len(genie("/v2/users").json["data"]) == 2
    assert len(genie("/v2/teams").json["data"]) == 2
    opsgenie.faults.add("/v2/teams", "status", status=503)
    got = genie("/v2/teams")
    assert (got.status, set(got.json)) == (503, {"message", "took", "requestId"})


# Limits.


def test_limits_are_listed_and_each_domain_has_its_own(genie: Call, opsgenie: Simulator) -> None:
    listed = genie("/v2/request-limits/").json["data"]["rateLimits"]
    assert {one["domain"] for one in listed} == {"search", "configuration", "schedule-oncalls"}
    assert all({limit["periodInSeconds"] for limit in one["limits"]} == {1, 60} for one in listed)
    opsgenie.rate_limit = RateLimit(2, 60)
    assert [genie("/v2/teams").status for _ in range(3)] == [200, 200, 429]
    assert genie("/v2/users").status == 200
    assert genie("/v2/schedules/on-calls").status == 200
    assert genie("/v2/users/nobody").status == 429  # one user is configuration
    got = genie("/v2/schedules")
    assert got.headers["x-ratelimit-state"] == "THROTTLED"
    assert 1 <= int(got.headers["x-ratelimit-period-in-sec"]) <= 60
    assert got.headers["x-ratelimit-reason"]
    assert got.json["message"]


def test_the_listed_limits_can_be_enforced() -> None:
    moments = [0.0]
    limits = DomainLimits(enforced=True, clock=lambda: moments[0])
    assert [limits.count("a", "search").exceeded for _ in range(11)] == [False] * 10 + [True]
    assert limits.count("a", "search").reset == 1
    assert not limits.count("a", "configuration").exceeded
    assert not limits.count("b", "search").exceeded
    for second in range(1, 32):
        moments[0] = float(second)
        quotas = [limits.count("a", "search") for _ in range(10)]
    assert quotas[-1].exceeded  # a minute's worth is used up
    assert quotas[-1].reset == 29
    with Simulator(build_world(NOW), now=lambda: float(NOW), enforce_limits=True) as strict:
        assert isinstance(strict.rate_limit, DomainLimits)


# People and teams.


def test_people_have_other_spellings_and_oddities(genie: Call, opsgenie: Simulator) -> None:
    users = {user["id"]: user for user in genie("/v2/users").json["data"]}
    names = {user["fullName"] for user in users.values()}
    assert {"Keller, Ana", "NAIR, Priya"} <= names
    assert {user["role"]["name"] for user in users.values()} == {
        "Owner",
        "Admin",
        "User",
        "Stakeholder",
        "Duty Auditor",
    }
    assert sum(user["blocked"] for user in users.values()) == 1
    assert sum(not user["verified"] for user in users.values()) == 2
    assert all("userContacts" not in user and "skypeUsername" not in user for user in users.values())
    assert any("+" in user["username"] for user in users.values())
    assert all(user["username"].endswith("@example.com") for user in users.values())
    assert any("tags" in user for user in users.values())
    assert not all("tags" in user for user in users.values())


def test_contacts_come_in_two_shapes(genie: Call) -> None:
    ana = genie("/v2/users", {"query": "fullName:Keller"}).json["data"][0]["id"]
    one = genie(f"/v2/users/{ana}", {"expand": "contact"}).json["data"]["userContacts"]
    other = genie(f"/v2/users/{ana}/contacts").json["data"]
    assert [contact["contactMethod"] for contact in one] == ["email", "sms", "voice", "mobile"]
    assert [contact["method"] for contact in other] == ["email", "sms", "voice", "mobile"]
    assert [contact["applyOrder"] for contact in other] == [0, 1, 2, 3]
    assert [contact["to"] for contact in one] == [contact["to"] for contact in other]
    assert one[1]["to"].replace("-", "").isdecimal()
    assert CANARY in one[3]["to"]
    assert "userContacts" not in genie(f"/v2/users/{ana}").json["data"]
    bo = genie("/v2/users/bo.lindqvist@example.com/contacts").json["data"]
    assert bo[1]["status"] == {"enabled": False, "disabledReason": "Blocked by provider"}
    plus = quote("finn.larsen+pager@example.com", safe="")
    assert genie(f"/v2/users/{plus}", {"expand": "contact"}).json["data"]["fullName"] == "Finn Larsen"


def test_a_list_of_notification_rules_has_no_steps(genie: Call) -> None:
    path = "/v2/users/liam.oconnor@example.com/notification-rules"
    first, second = genie(path).json["data"]
    assert (first["actionType"], second["actionType"]) == ("create-alert", "acknowledged-alert")
    assert "steps" not in first
    steps = genie(f"{path}/{first['id']}").json["data"]["steps"]
    assert [step["contact"]["method"] for step in steps] == ["sms", "voice"]
    assert "sendAfter" not in steps[0]
    assert steps[1]["sendAfter"] == {"timeAmount": 5, "timeUnit": "minutes"}


def test_teams_have_members_only_when_read_alone(genie: Call, opsgenie: Simulator) -> None:
    listed = genie("/v2/teams").json
    assert listed["expandable"] == ["member"]
    assert all("members" not in team for team in listed["data"])
    assert "PAYMENTS" in {team["name"] for team in listed["data"]}
    platform = genie("/v2/teams/Platform", {"identifierType": "name"}).json["data"]
    assert [member["role"] for member in platform["members"]] == ["admin"] + ["user"] * 5
    assert "members" not in genie(f"/v2/teams/{id_of(opsgenie.state.teams, 'Facilities')}").json["data"]
    assert genie(f"/v2/teams/{platform['id']}/roles").json["data"][0]["rights"]
    ana = platform["members"][0]["user"]
    assert ana["username"] == "ana.keller@example.com"
    assert genie(f"/v2/users/{ana['id']}/teams").json["data"] == [{"id": platform["id"], "name": "Platform"}]


def test_routing_rules_stand_in_order_and_the_default_is_last(genie: Call, opsgenie: Simulator) -> None:
    rules = genie(f"/v2/teams/{id_of(opsgenie.state.teams, 'PAYMENTS')}/routing-rules").json["data"]
    assert [(rule["order"], rule["isDefault"], rule["notify"]["type"]) for rule in rules] == [
        (0, False, "none"),
        (1, False, "schedule"),
        (2, True, "escalation"),
    ]
    assert rules[1]["timeRestriction"]["restriction"] == {"startHour": 18, "startMin": 0, "endHour": 8, "endMin": 0}
    mobile = genie(f"/v2/teams/{id_of(opsgenie.state.teams, 'Mobile')}/routing-rules").json["data"]
    assert [rule["notify"]["name"] for rule in mobile] == ["Mobile Apps"]
    facilities = genie(f"/v2/teams/{id_of(opsgenie.state.teams, 'Facilities')}/routing-rules").json["data"]
    assert [rule["notify"] for rule in facilities] == [{"type": "none"}]


# Schedules.


def test_the_list_says_nothing_of_rotations_unless_expanded(genie: Call, opsgenie: Simulator) -> None:
    bare = genie("/v2/schedules").json
    assert bare["expandable"] == ["rotation"]
    assert [schedule["rotations"] for schedule in bare["data"]] == [[]] * 9
    full = {one["name"]: one for one in genie("/v2/schedules", {"expand": "rotation"}).json["data"]}
    assert full["Facilities_schedule"]["rotations"] == []
    assert "ownerTeam" not in full["Legacy Billing"]
    assert not full["Legacy Billing"]["enabled"]
    assert full["Legacy Billing"]["rotations"][1]["participants"] == []
    rotations = [rotation for one in full.values() for rotation in one["rotations"]]
    assert {(one["type"], one["length"]) for one in rotations} >= {
        ("hourly", 1),
        ("hourly", 12),
        ("daily", 2),
        ("weekly", 1),
        ("weekly", 3),
    }
    assert {who["type"] for one in rotations for who in one["participants"]} == {"user", "team", "escalation", "none"}
    assert "1970-01-20T04:45:32.4Z" in {one["startDate"] for one in rotations}
    ended = [one for one in rotations if "endDate" in one]
    assert [instant(one["endDate"]) < NOW for one in ended] == [True]
    spelled = {
        (one["timeRestriction"]["type"], *sorted(one["timeRestriction"].keys() - {"type"}))
        for one in rotations
        if "timeRestriction" in one
    }
    assert spelled == {
        ("time-of-day", "restriction"),
        ("time-of-day", "restrictions"),
        ("weekday-and-time-of-day", "restrictions"),
    }
    alone = genie(f"/v2/schedules/{full['Platform_schedule']['id']}").json["data"]
    assert alone == full["Platform_schedule"]
    listed = genie("/v2/schedules/Platform_schedule/rotations", {"scheduleIdentifierType": "name"}).json["data"]
    assert listed == alone["rotations"]


def test_restrictions_come_in_another_order_each_time(genie: Call, opsgenie: Simulator) -> None:
    path = f"/v2/schedules/{id_of(opsgenie.state.schedules, 'Payments On-Call')}"
    read = [genie(path).json["data"]["rotations"][0]["timeRestriction"]["restrictions"] for _ in range(5)]
    assert len({str(one) for one in read}) == 5
    assert len({str(sorted(one, key=str)) for one in read}) == 1


def test_overrides_cover_all_or_some_rotations_past_and_far_future(genie: Call, opsgenie: Simulator) -> None:
    schedule = opsgenie.state.schedules[id_of(opsgenie.state.schedules, "Platform_schedule")]
    listed = genie(f"/v2/schedules/{schedule.id}/overrides").json["data"]
    assert [len(one["rotations"]) for one in listed] == [0, 1, 0, 1, 1, 0]
    assert all("name" not in rotation for one in listed for rotation in one["rotations"])
    assert listed[0]["endDate"] < "2026-03-20"
    assert listed[-1]["startDate"] == "3025-10-11T18:30:00Z"
    assert [one["user"]["type"] for one in listed].count("none") == 1
    assert listed[4]["user"] == {"type": "none"}
    alone = genie(f"/v2/schedules/{schedule.id}/overrides/{listed[1]['alias']}").json["data"]
    assert alone["rotations"] == [{"id": schedule.rotations[0].id, "name": "Primary"}]
    assert alone["_parent"] == {"id": schedule.id, "name": "Platform_schedule", "enabled": True}


# Escalations.


def test_escalations_have_every_kind_of_rule(genie: Call) -> None:
    found = {one["name"]: one for one in genie("/v2/escalations").json["data"]}
    assert "ownerTeam" not in found["Legacy Billing"]
    assert found["Facilities_escalation"]["rules"] == []
    critical = found["Payments Critical"]
    assert [rule["delay"]["timeAmount"] for rule in critical["rules"]] == [0, 5, 10, 20, 30, 30]
    assert critical["repeat"] == {
        "waitInterval": 15,
        "count": 3,
        "resetRecipientStates": True,
        "closeAlertAfterAll": True,
    }
    assert "repeat" not in found["Platform_escalation"]
    assert [rule["delay"]["timeAmount"] for rule in found["Network (jumbled)"]["rules"]] == [30, 10, 0, 10]
    rules = [rule for one in found.values() for rule in one["rules"]]
    assert {rule["notifyType"] for rule in rules} == {"default", "next", "previous", "users", "admins", "all", "random"}
    assert {rule["delay"]["timeUnit"] for rule in rules} == {"minutes", "hours", "days"}
    assert {rule["condition"] for rule in rules} == {"if-not-acked", "if-not-closed"}
    assert {rule["recipient"]["type"] for rule in rules} == {"user", "team", "schedule"}
    one = found["Payments Critical"]
    assert genie(f"/v2/escalations/{one['id']}").json["data"] == one
    assert genie("/v2/escalations/Payments%20Critical", {"identifierType": "name"}).json["data"] == one


def test_the_same_moment_and_seed_give_the_same_account() -> None:
    one, two, other = build_world(NOW), build_world(NOW), build_world(NOW, seed=8)
    for kind in ("user", "team", "schedule", "escalation", "service"):
        assert one.objects(kind) == two.objects(kind)
        assert not set(one.objects(kind)) & set(other.objects(kind))


@pytest.mark.parametrize("day", range(0, 365, 45))
def test_the_account_is_alive_at_any_time_of_the_year(day: int) -> None:
    now = NOW + day * DAY
    with Simulator(build_world(now), now=lambda: float(now)) as simulator:
        summary = simulator.vendor.summary()
    assert (summary["users"], summary["deleted_users"], summary["schedules"]) == (60, 1, 9)
    far = simulator.state.schedules[id_of(simulator.state.schedules, "Platform_schedule")].overrides
    assert any(one.start <= now < one.end for one in far)
    assert any(now < one.start < now + 14 * DAY for one in far)


def test_it_is_served_by_name() -> None:
    with build("opsgenie", size=20) as server:
        assert server.vendor.summary()["provider"] == "opsgenie"
