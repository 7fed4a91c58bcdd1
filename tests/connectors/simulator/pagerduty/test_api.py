from collections.abc import Callable
from typing import Any

import pytest

from connectors.simulator.pagerduty import CANARY, DEMO_KEY, OTHER_ACCOUNT_KEY, USER_KEY, Simulator
from connectors.simulator.pagerduty.model import Restriction
from connectors.simulator.pagerduty.wire_schedules import restriction_json
from connectors.simulator.zones import parse_instant

Call = Callable[..., Any]
Find = Callable[[str], str]
WINDOW = {"since": "2026-03-20T12:00:00Z", "until": "2026-04-03T12:00:00Z"}


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def test_paging_has_the_vendors_defaults_and_maximum(call: Call) -> None:
    first = call("/users").json
    assert (first["limit"], first["offset"], first["more"], first["total"]) == (25, 0, True, None)
    assert len(first["users"]) == 25
    all_users = call("/users", {"limit": 500, "total": "true"}).json
    assert (all_users["limit"], all_users["more"], all_users["total"]) == (100, False, 60)
    pages = [call("/users", {"limit": 7, "offset": offset}).json["users"] for offset in range(0, 63, 7)]
    assert [user["id"] for page in pages for user in page] == [user["id"] for user in all_users["users"]]
    assert call("/users", {"limit": 7, "offset": 60}).json["users"] == []


def test_records_beyond_ten_thousand_are_out_of_reach(call: Call) -> None:
    assert call("/users", {"limit": 100, "offset": 9_900}).status == 200
    refused = call("/users", {"limit": 100, "offset": 9_901})
    assert (refused.status, refused.json["error"]["code"]) == (400, 2001)


def test_the_v3_listing_has_its_own_limits_and_no_total(call: Call) -> None:
    listed = call("/v3/schedules", {"limit": 5000, "total": "true"}).json
    assert listed["limit"] == 1000
    assert "total" not in listed
    assert call("/v3/schedules").json["limit"] == 100
    assert {one["type"] for one in listed["schedules"]} == {"schedule_v3_reference"}


def test_the_two_families_do_not_list_each_other(call: Call) -> None:
    layered = {one["id"] for one in call("/schedules", {"limit": 100}).json["schedules"]}
    shift_based = {one["id"] for one in call("/v3/schedules").json["schedules"]}
    assert (len(layered), len(shift_based)) == (12, 2)
    assert not layered & shift_based


def test_the_wrong_family_is_a_400_that_says_where_to_go(call: Call, schedule_id: Find) -> None:
    shift_based, layered = schedule_id("Security Desk"), schedule_id("Platform Primary")
    for path in (f"/schedules/{shift_based}", f"/schedules/{shift_based}/overrides"):
        refused = call(path, WINDOW)
        assert refused.status == 400
        assert "shift-based" in refused.body.decode()
        assert "/v3/schedules" in refused.body.decode()
    for path in ("", "/overrides", "/custom_shifts"):
        assert call(f"/v3/schedules/{layered}{path}", WINDOW).status == 400


def test_queries_and_teams_filter(call: Call, simulator: Simulator) -> None:
    assert names(call("/users", {"query": "kim"}).json["users"]) == ["Kim Lee", "Kim Lee"]
    team = next(team.id for team in simulator.state.teams.values() if team.name == "Payments")
    found = {
        path: len(call(f"/{path}", {"team_ids[]": team}).json[path])
        for path in ("users", "schedules", "escalation_policies", "services")
    }
    assert found == {"users": 6, "schedules": 2, "escalation_policies": 1, "services": 2}
    assert names(call("/services", {"name": "Checkout"}).json["services"]) == ["Checkout"]
    assert names(call("/services", {"sort_by": "name:desc"}).json["services"])[0] == "Warehouse"


def test_policies_are_found_by_a_direct_target(call: Call, user_id: Find) -> None:
    found = call("/escalation_policies", {"user_ids[]": user_id("Walt Jennings")}).json["escalation_policies"]
    assert names(found) == ["Follow the Sun", "Payments"]


def test_contact_methods_are_full_only_on_request(call: Call) -> None:
    bare = call("/users", {"query": "ana keller"}).json["users"][0]["contact_methods"]
    assert {one["type"] for one in bare} >= {
        "email_contact_method_reference",
        "push_notification_contact_method_reference",
    }
    assert all("address" not in one for one in bare)
    full = call("/users", {"query": "ana keller", "include[]": "contact_methods"}).json["users"][0]["contact_methods"]
    assert {one["type"]: one["address"] for one in full}["email_contact_method"] == "Ana.Keller@example.com"


def test_notification_rules_are_of_high_urgency_by_default(call: Call, user_id: Find) -> None:
    path = f"/users/{user_id('Ana Keller')}/notification_rules"
    assert [
        len(call(path, query).json["notification_rules"]) for query in ({}, {"urgency": "low"}, {"urgency": "all"})
    ] == [
        2,
        1,
        3,
    ]


def test_an_account_key_is_nobody(call: Call) -> None:
    refused = call("/users/me")
    assert refused.status == 400
    assert "account-level access token" in refused.json["error"]
    assert call("/users/me", key=USER_KEY).json["user"]["html_url"].startswith("https://acme.pagerduty.com/")


def test_keys_are_checked_and_belong_to_an_account(call: Call) -> None:
    for headers in ({}, {"Authorization": "Token token=wrong"}, {"Authorization": f"Basic {DEMO_KEY}"}):
        refused = call("/users", key=None, headers=headers)
        assert (refused.status, refused.json["error"]["code"]) == (401, 2006)
    assert call("/users", key=None, headers={"Authorization": f"Bearer {DEMO_KEY}"}).status == 200
    other = call("/users", {"limit": 1}, key=OTHER_ACCOUNT_KEY).json["users"][0]
    assert other["html_url"].startswith("https://globex.pagerduty.com/")


def test_a_key_without_a_right_is_refused_there_only(call: Call, simulator: Simulator, user_id: Find) -> None:
    simulator.state.keys[DEMO_KEY].denied = {"users:contact_methods.read": 403, "services.read": 402}
    assert call("/users").status == 200
    assert call("/users", {"include[]": "contact_methods"}).status == 403
    assert call(f"/users/{user_id('Ana Keller')}/contact_methods").status == 403
    assert call("/services").status == 402


def test_without_the_ability_there_are_no_teams(call: Call, simulator: Simulator) -> None:
    assert call("/abilities/teams").status == 204
    simulator.state.abilities.remove("teams")
    assert call("/abilities/teams").status == 402
    for path, query in (("/teams", {}), ("/users", {"team_ids[]": "P1"})):
        refused = call(path, query)
        assert (refused.status, refused.json["error"]["code"]) == (402, 2014)


def test_it_can_only_be_read(call: Call) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        refused = call("/users", method=method, body="{}")
        assert refused.status == 405
        assert refused.json["error"]["message"] == "Method Not Allowed"
    assert call("/users", method="HEAD").status == 405


def test_a_schedule_is_rendered_in_the_requested_zone(call: Call, schedule_id: Find) -> None:
    path = f"/schedules/{schedule_id('Sun Americas')}"
    own = call(path, {"time_zone": "America/New_York"}).json["schedule"]["schedule_layers"][0]
    away = call(path, {"time_zone": "Asia/Kolkata"}).json["schedule"]["schedule_layers"][0]
    plain = call(path).json["schedule"]["schedule_layers"][0]
    starts = [layer["restrictions"][0]["start_time_of_day"] for layer in (own, away, plain)]
    assert starts == ["10:00:00", "19:30:00", "15:00:00"]  # plain: the account's zone, Berlin, 5 h ahead on that day
    assert own["rotation_virtual_start"].endswith("-05:00")
    assert own["start"].endswith("-05:00")
    assert away["rotation_virtual_start"].endswith("+05:30")
    assert len({parse_instant(layer["rotation_virtual_start"], "UTC") for layer in (own, away, plain)}) == 1


def test_a_user_key_renders_in_its_owners_zone(call: Call, simulator: Simulator, schedule_id: Find) -> None:
    owner = simulator.state.users[simulator.state.keys[USER_KEY].user_id or ""]
    assert owner.time_zone == "Australia/Sydney"
    got = call(f"/schedules/{schedule_id('Sun EMEA')}", key=USER_KEY).json["schedule"]["schedule_layers"][0]
    assert got["start"].endswith("+11:00")


@pytest.mark.parametrize(
    ("window", "zone", "expected"),
    [
        (Restriction(9 * 3600, 3600), "Europe/Berlin", (None, "09:00:00")),
        (Restriction(9 * 3600, 3600), "America/Los_Angeles", (None, "01:00:00")),
        (Restriction(3 * 3600, 3600), "America/Los_Angeles", (None, "19:00:00")),
        (Restriction(3 * 3600, 3600, weekday=1), "America/Los_Angeles", (7, "19:00:00")),
        (Restriction(20 * 3600, 3600, weekday=7), "Asia/Kolkata", (1, "00:30:00")),
    ],
)
def test_windows_move_with_the_requested_zone(window: Restriction, zone: str, expected: tuple[int | None, str]) -> None:
    made = restriction_json(window, "Europe/Berlin", zone, 1_774_008_005)  # Berlin +1, Los Angeles -7
    assert (made.get("start_day_of_week"), made["start_time_of_day"]) == expected


def test_unknown_zones_are_refused_and_utc_is_a_v3_name(call: Call, schedule_id: Find) -> None:
    layered, shift_based = schedule_id("Sun EMEA"), schedule_id("Security Desk")
    for zone in ("Mars/Olympus", "../etc/passwd", "", "UTC", "America"):
        assert call(f"/schedules/{layered}", {"time_zone": zone}).status == 400
    assert call(f"/schedules/{layered}", {"time_zone": "Etc/UTC"}).status == 200
    assert call(f"/v3/schedules/{shift_based}", {"time_zone": "UTC"}).status == 200


def test_a_schedule_without_window_is_not_rendered_and_half_a_window_is_two_weeks(
    call: Call, schedule_id: Find
) -> None:
    path = f"/schedules/{schedule_id('Data Platform')}"
    bare = call(path).json["schedule"]
    assert bare["final_schedule"]["rendered_schedule_entries"] == []
    assert bare["final_schedule"]["rendered_coverage_percentage"] is None
    query = {"since": WINDOW["since"], "time_zone": "Etc/UTC"}
    final = call(path, query).json["schedule"]["final_schedule"]["rendered_schedule_entries"]
    assert (final[0]["start"], final[-1]["end"]) == (WINDOW["since"], WINDOW["until"])
    final = call(path, {**query, "overflow": "true"}).json["schedule"]["final_schedule"]["rendered_schedule_entries"]
    assert (final[0]["start"], final[-1]["end"]) == ("2026-03-20T00:30:00Z", "2026-04-03T12:30:00Z")


def test_an_instant_and_a_blink(call: Call, schedule_id: Find) -> None:
    path = f"/schedules/{schedule_id('Data Platform')}"
    at = WINDOW["since"]
    one = call(path, {"since": at, "until": at}).json["schedule"]["final_schedule"]["rendered_schedule_entries"]
    assert len(one) == 1
    blink = {"since": at, "until": at.replace("Z", ".000500Z")}
    assert call(path, blink).json["schedule"]["final_schedule"]["rendered_schedule_entries"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": "soon"}, 2004),
        ({"since": "0001-01-01T00:00:00+01:00"}, 2004),
        ({"since": "9999-12-31T23:59:59"}, 2004),
        ({"since": WINDOW["until"], "until": WINDOW["since"]}, 2005),
        ({"since": "2020-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, 2016),
    ],
)
def test_bad_windows_are_refused(call: Call, schedule_id: Find, query: dict[str, str], code: int) -> None:
    refused = call(f"/schedules/{schedule_id('Data Platform')}", query)
    assert (refused.status, refused.json["error"]["code"]) == (400, code)


def test_the_list_holds_layers_only_with_include(call: Call) -> None:
    bare = call("/schedules").json["schedules"][0]
    assert not {"schedule_layers", "final_schedule", "overrides_subschedule"} & set(bare)
    full = call("/schedules", {"include[]": ["schedule_layers", "final_schedule"], **WINDOW}).json["schedules"][0]
    assert full["final_schedule"]["rendered_schedule_entries"]
    assert full["schedule_layers"][0]["rendered_coverage_percentage"] is not None


def test_overrides_need_a_window_and_are_cut_at_it_unless_overflowing(call: Call, schedule_id: Find) -> None:
    path = f"/schedules/{schedule_id('Platform Primary')}/overrides"
    assert call(path).status == 400
    query = {**WINDOW, "time_zone": "Etc/UTC"}
    cut = call(path, query)
    assert cut.status == 201
    assert len(cut.json["overrides"]) == 4
    assert cut.json["overrides"][0]["start"] == WINDOW["since"]
    assert cut.json["overrides"][-1]["end"] == WINDOW["until"]
    whole = call(path, {**query, "overflow": "true"}).json["overrides"]
    assert (whole[0]["start"], whole[-1]["end"]) == ("2026-03-20T08:59:58Z", "2026-04-05T06:00:00Z")
    assert set(call(path, {**query, "editable": "true"}).json["overrides"][0]) == {"id"}


def test_a_deleted_person_stays_in_schedules_and_nowhere_else(call: Call, schedule_id: Find, user_id: Find) -> None:
    wiley = user_id("Wiley Former")
    assert call(f"/users/{wiley}").status == 404
    assert call("/users", {"query": "Wiley"}).json["users"] == []
    schedule = call(f"/schedules/{schedule_id('Legacy Billing')}", WINDOW).json["schedule"]
    for user in (
        schedule["schedule_layers"][1]["users"][1]["user"],
        next(one for one in schedule["users"] if one["id"] == wiley),
        schedule["overrides_subschedule"]["rendered_schedule_entries"][0]["user"],
    ):
        assert (user["id"], user["self"]) == (wiley, None)
        assert user["deleted_at"]


def test_strategies_have_three_formats_and_appear_only_on_request(call: Call) -> None:
    include = {"include[]": "escalation_rule_assignment_strategies"}
    shapes = {
        policy["name"]: policy["escalation_rules"][0]["escalation_rule_assignment_strategy"]
        for policy in call("/escalation_policies", include).json["escalation_policies"]
    }
    assert shapes["Platform"] == "assign_to_everyone"
    assert shapes["Mobile"] == {"type": "round_robin"}
    assert shapes["Support"] is None
    bare = call("/escalation_policies").json["escalation_policies"][0]["escalation_rules"][0]
    assert "escalation_rule_assignment_strategy" not in bare


def test_targets_of_one_policy_are_always_expanded(call: Call) -> None:
    policies = {one["name"]: one for one in call("/escalation_policies").json["escalation_policies"]}
    kinds = {
        name: {target["type"] for rule in one["escalation_rules"] for target in rule["targets"]}
        for name, one in policies.items()
    }
    assert kinds["Support"] == {"schedule", "user"}
    assert kinds["Security"] == {"schedule_v3_reference", "user_reference"}
    assert kinds["Payments"] == {"schedule_reference", "user_reference"}


def test_on_calls_are_whole_and_merged_and_direct_targets_last_for_ever(
    call: Call, schedule_id: Find, user_id: Find
) -> None:
    found = call("/oncalls", {"limit": 100, "total": "true", "time_zone": "Etc/UTC"}).json
    assert found["total"] == len(found["oncalls"]) > 20
    primary = [one for one in found["oncalls"] if (one["schedule"] or {}).get("id") == schedule_id("Platform Primary")]
    assert {(one["start"], one["end"]) for one in primary} == {("2026-03-20T08:59:58Z", "2026-03-20T17:00:18Z")}
    direct = [one for one in found["oncalls"] if one["schedule"] is None]
    assert {(one["start"], one["end"]) for one in direct} == {(None, None)}
    mine = call("/oncalls", {"user_ids[]": user_id("Gus Ramirez")}).json["oncalls"]
    assert {one["user"]["summary"] for one in mine} == {"Gus Ramirez"}
    assert call("/oncalls", {"until": "2026-07-20T00:00:00Z"}).status == 400


def test_the_earliest_on_call_of_each_person_and_level(call: Call, schedule_id: Find) -> None:
    query = {**WINDOW, "schedule_ids[]": schedule_id("Database On-Call"), "limit": 100}
    everything, first = (call("/oncalls", {**query, **more}).json["oncalls"] for more in ({}, {"earliest": "true"}))
    assert len(everything) > len(first) == 4


def test_secrets_are_marked_in_all_answers_that_can_have_them(call: Call, schedule_id: Find, user_id: Find) -> None:
    for path, query in (
        (f"/schedules/{schedule_id('Data Platform')}", {}),
        (f"/v3/schedules/{schedule_id('Security Desk')}", {}),
        (f"/users/{user_id('Ana Keller')}", {"include[]": "calendar_urls"}),
        ("/users", {"include[]": "contact_methods"}),
        ("/services", {"include[]": "integrations"}),
    ):
        assert CANARY in call(path, query).body.decode()
    assert CANARY not in call("/users").body.decode()


def test_rate_limit_headers_are_always_there(call: Call) -> None:
    headers = call("/users").headers
    assert headers["ratelimit-limit"] == "960"
    assert int(headers["ratelimit-remaining"]) < 960
    assert int(headers["ratelimit-reset"]) > 0


def test_unknown_paths_and_ids_are_not_found(call: Call) -> None:
    for path, code in (
        ("/incidents", 2100),
        ("/users/PNOBODY", 2100),
        ("/schedules/PNOBODY", 3004),
        ("/teams/PNOBODY/members", 6001),
        ("/escalation_policies/PNOBODY", 5001),
    ):
        missing = call(path)
        assert (missing.status, missing.json["error"]["code"]) == (404, code)
