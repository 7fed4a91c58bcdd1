"""xMatters' answers over HTTP: callers, errors, pages, nested lists, people, devices, groups, shifts."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from connectors.simulator.xmatters import (
    API_KEY_SECRET,
    API_KEY_USER,
    CANARY,
    CLIENT_ID,
    DEMO_PASSWORD,
    DEMO_USER,
    LIMITED_PASSWORD,
    LIMITED_USER,
    POWERLESS_PASSWORD,
    POWERLESS_USER,
    SSO_PASSWORD,
    SSO_USER,
    Simulator,
)
from tests.connectors.simulator.conftest import Clock, ask, basic

Call = Callable[..., Any]
NOW = 1_774_008_005  # 2026-03-20T12:00:05Z, a Friday
UNAUTHORIZED = {"code": 401, "message": "Invalid Credentials", "reason": "Unauthorized"}
LIMITED = (LIMITED_USER, LIMITED_PASSWORD)


def group_named(simulator: Simulator, name: str) -> str:
    return next(key for key, one in simulator.state.groups.items() if one.name == name)


def every_page(xm: Call, path: str, query: str = "") -> list[Any]:
    """Return all objects by following ``links.next`` from the root of the origin."""
    found: list[Any] = []
    following = f"/api/xm/1{path}" + (f"?{query}" if query else "")
    while following:
        page = xm(following).json
        assert page["count"] == len(page["data"])
        found += page["data"]
        following = page["links"].get("next", "")
        assert not following or following.startswith("/api/xm/1/")
    return found


# Callers and errors.


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        (DEMO_USER, DEMO_PASSWORD, 200),
        (API_KEY_USER, API_KEY_SECRET, 200),
        (API_KEY_USER.removeprefix("x-api-key-"), API_KEY_SECRET, 401),
        (DEMO_USER, "wrong", 401),
        (SSO_USER, SSO_PASSWORD, 401),
        (POWERLESS_USER, POWERLESS_PASSWORD, 403),
    ],
)
def test_credentials_open_the_instance(xm: Call, user: str, password: str, status: int) -> None:
    got = xm("/people", {"limit": 1}, who=(user, password))
    assert got.status == status
    if status == 401:
        assert got.json == UNAUTHORIZED


def test_a_ping_proves_nothing(xm: Call) -> None:
    assert xm("/ping", who=None).status == 200
    assert xm("/ping", who=("nobody", "nothing")).status == 200
    assert xm("/people", who=None).json == UNAUTHORIZED


def test_tokens_are_granted_expire_and_are_refreshed(xmatters: Simulator, clock: Clock) -> None:
    def token(form: str, kind: str = "application/x-www-form-urlencoded") -> Any:
        path = "/api/xm/1/oauth2/token"
        return ask(xmatters.origin, path, None, {"Content-Type": kind}, method="POST", body=form)

    def people(access: str) -> Any:
        return ask(xmatters.origin, "/api/xm/1/people", None, {"Authorization": f"Bearer {access}"})

    form = f"grant_type=password&client_id={CLIENT_ID}&username={DEMO_USER}&password={DEMO_PASSWORD}"
    granted = token(form)
    assert granted.status == 200
    assert granted.json["expires_in"] == 14_400
    assert people(granted.json["access_token"]).status == 200
    clock.moment += 14_400
    expired = people(granted.json["access_token"])
    assert (expired.status, expired.json) == (401, {"error": "invalid_token"})
    again = token(f"grant_type=refresh_token&client_id={CLIENT_ID}&refresh_token={granted.json['refresh_token']}")
    assert people(again.json["access_token"]).status == 200
    assert token(form.replace(CLIENT_ID, "elsewhere")).status == 401
    assert token(form.replace(DEMO_USER, API_KEY_USER)).status == 401
    assert token("{}", "application/json").status == 415
    assert ask(xmatters.origin, "/api/xm/1/oauth2/token").status == 405


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/nothing", "", 404),
        ("/api/xm/2/people", "", 404),
        ("/people/nobody", "", 404),
        ("/groups/nothing/shifts", "", 404),
        ("/people", "limit=1001", 400),
        ("/people", "limit=0", 400),
        ("/people", "offset=-1", 400),
        ("/people", "status=GONE", 400),
        ("/on-call", "", 400),
        ("/on-call", "groups=nothing", 400),
        ("/on-call", "groups=Security&membersPerShift=101", 400),
        ("/on-call", "groups=Security&at=2026-03-20T12:00:00Z&from=2026-03-20T12:00:00Z", 400),
        ("/on-call", "groups=Security&from=2026-03-20T12:00:00Z", 400),
        ("/on-call", "groups=Security&from=2026-03-19T11:00:00Z&to=2026-03-21T12:00:00Z", 400),
        ("/on-call", "groups=Security&from=2026-03-20T12:00:00Z&to=2026-06-21T12:00:00Z", 400),
        ("/on-call", "groups=Security&at=tomorrow", 400),
        ("/on-call", "groups=Security&at=9999-01-01T00:00:00Z", 400),
        ("/temporary-absences", "from=2026-03-01T00:00:00Z", 400),
        ("/temporary-absences", "to=2027-03-01T00:00:00Z", 400),
    ],
)
def test_what_cannot_be_answered(xm: Call, path: str, query: str, status: int) -> None:
    got = xm(path, query)
    assert got.status == status
    assert got.json["code"] == status
    assert got.json["reason"]


def test_it_can_only_be_read_as_json(xm: Call, xmatters: Simulator) -> None:
    assert xm("/people", method="POST").status == 405
    for accepted, status in (("text/html", 406), ("application/json", 200), ("text/html, */*;q=0.1", 200)):
        sent = {"Accept": accepted} | basic(DEMO_USER, DEMO_PASSWORD)
        assert ask(xmatters.origin, "/api/xm/1/people", None, sent).status == status
    for header in ("Basic not-base64!", "Basic bm8=", "Digest x", "Bearer x"):
        assert ask(xmatters.origin, "/api/xm/1/people", None, {"Authorization": header}).status == 401


def test_a_limited_caller_sees_half_of_the_groups_without_a_hint(xm: Call, xmatters: Simulator) -> None:
    seen = xm("/groups", who=LIMITED).json
    assert (seen["total"], xm("/groups").json["total"]) == (6, 12)
    hidden = set(xmatters.state.groups) - {one["id"] for one in seen["data"]}
    assert {xm(f"/groups/{key}", who=LIMITED).status for key in hidden} == {403}
    assert xm("/devices", who=LIMITED).status == xm("/temporary-absences", who=LIMITED).status == 403
    assert xm("/people", who=LIMITED).json["total"] == 60


def test_limits_have_headers_but_none_says_when_to_retry(xm: Call, xmatters: Simulator) -> None:
    got = xm("/people")
    assert got.headers["x-ratelimit-limit"] == "60000"
    assert got.headers["x-ratelimit-period_in_sec"] == "60"
    xmatters.faults.add("/api/xm/1/people", "status", status=429)
    got = xm("/people")
    assert (got.status, got.json["code"], "retry-after" in got.headers) == (429, 429, False)


# Pages.


def test_links_begin_at_the_root_and_repeat_the_parameters(xm: Call) -> None:
    page = xm("/people", {"limit": 25, "offset": 25, "embed": "roles"}).json
    assert page["links"] == {
        "self": "/api/xm/1/people?embed=roles&offset=25&limit=25",
        "next": "/api/xm/1/people?embed=roles&offset=50&limit=25",
        "previous": "/api/xm/1/people?embed=roles&offset=0&limit=25",
    }
    assert "next" not in xm("/people", {"limit": 25, "offset": 50}).json["links"]
    found = every_page(xm, "/people", "limit=7&embed=roles,devices")
    assert len({one["id"] for one in found}) == 60
    assert all("devices" in one for one in found)


def test_totals_may_drift_and_faults_are_carried_out(xm: Call, xmatters: Simulator) -> None:
    xmatters.edits.change_habits(drifting_totals=True)
    totals = [xm("/people", {"limit": 20, "offset": offset}).json["total"] for offset in (0, 20, 40)]
    assert totals == [60, 61, 62]
    assert len(every_page(xm, "/people", "limit=20")) == 60
    xmatters.faults.add("/api/xm/1/people", "shrink", items=3)
    assert xm("/people").json["count"] == 3
    xmatters.faults.add("/api/xm/1/people", "loop")
    looped = xm("/people", {"offset": 1000}).json
    assert (looped["count"], "next" in looped["links"]) == (60, True)


def nested_lists(value: Any) -> list[Any]:
    """Return every list with links inside an answer."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    own = [value] if isinstance(value, dict) and {"count", "total", "data", "links"} <= set(value) else []
    return own + [found for one in inner for found in nested_lists(one)]


def place(one: Any) -> str:
    return str(one["links"]["self"].split("?")[0])


@pytest.mark.parametrize(
    ("path", "query", "kinds"),
    [
        ("/people", "embed=roles,devices,supervisors", {"roles", "devices", "supervisors"}),
        ("/devices", "embed=timeframes", {"timeframes"}),
        ("/groups", "embed=supervisors,observers,services", {"supervisors"}),
        ("/groups/Platform%20SRE/members", "embed=shifts", {"shifts"}),
        ("/groups/Platform%20SRE/shifts", "embed=members,rotation,exclusions", {"members"}),
        ("/groups/Data%20Pipelines/shifts", "embed=members,rotation,exclusions", {"members", "exclusions"}),
        ("/services", "", {"links"}),
        ("/on-call", "groups=Platform%20SRE&embed=shift,members.owner", {"members"}),
    ],
)
def test_nested_lists_are_cut_and_go_on_elsewhere(
    xm: Call, xmatters: Simulator, path: str, query: str, kinds: set[str]
) -> None:
    """The cut list and the rest are together the list that is not cut."""
    in_two = next(one for one in xmatters.state.people.values() if one.target_name == "blindqvist")
    nights = next(one for one in xmatters.state.shifts.values() if one.name == "Nights")
    xmatters.edits.add_seat(nights.id, ["PERSON", in_two.id])
    whole = {place(one): one["total"] for one in nested_lists(xm(path, f"{query}&limit=1000").json)}
    xmatters.edits.change_habits(nested_limit=1)
    followed = set()
    for one in nested_lists(xm(path, f"{query}&limit=1000").json):
        assert one["total"] == whole[place(one)]
        if "next" not in one["links"]:
            continue
        assert one["count"] == 1
        rest = every_page(xm, one["links"]["next"].removeprefix("/api/xm/1"))
        assert len(rest) == one["total"] - 1
        followed.add(place(one).rsplit("/", 1)[1])
    assert followed == kinds


def test_an_encoded_comma_is_part_of_a_name(xm: Call, xmatters: Simulator) -> None:
    name = "Network, Clouds + Cables"
    key = group_named(xmatters, name)
    assert xm("/on-call", f"groups={quote(name, safe='')}").status == 200
    assert xm("/on-call", f"groups={quote(name, safe=',')}").status == 400
    two = xm("/on-call", f"groups={key},{group_named(xmatters, 'Security')}")
    assert two.status == 200
    assert xm("/on-call", f"groups={key}%2C{key}").status == 400
    assert xm("/on-call", "groups=" + ",".join([key] * 31)).status == 400
    assert xm(f"/groups/{quote(name, safe='')}").json["id"] == key


# People and devices.


def test_people_have_three_spellings_and_no_address(xm: Call) -> None:
    found = {one["targetName"]: one for one in every_page(xm, "/people", "embed=roles,supervisors")}
    assert len(found) == 60
    assert not any("@" in target for target in found)
    assert not any("emailAddress" in one for one in found.values())
    assert found["loconnor"]["webLogin"] == "l.oconnor@example.com"
    assert {one["status"] for one in found.values()} == {"ACTIVE", "INACTIVE"}
    assert found["bwolf"]["status"] == "INACTIVE"
    assert found["cdubois"]["licenseType"] == "STAKEHOLDER_USER"
    assert "timezone" not in found["rdelgado"]
    assert found["blindqvist"]["supervisors"]["data"][0]["targetName"] == "akeller"
    one = found["blindqvist"]
    single = xm(f"/people/{one['id']}", "embed=roles,supervisors").json
    assert single == one
    assert xm("/people/blindqvist/roles").json["data"] == one["roles"]["data"]
    assert xm("/people/blindqvist/supervisors").json["data"] == one["supervisors"]["data"]
    secret = [one for one in found.values() if one.get("phonePin")]
    assert secret
    assert all(CANARY in one["phoneLogin"] and one["properties"]["VPN Password"] == CANARY for one in secret)


def test_people_can_be_searched(xm: Call, xmatters: Simulator) -> None:
    assert [one["targetName"] for one in xm("/people", {"targetName": "akeller"}).json["data"]] == ["akeller"]
    assert xm("/people", {"search": "kim"}).json["total"] == 2
    assert xm("/people", {"emailAddress": "KIM.LEE@example.com"}).json["total"] == 2
    assert xm("/people", {"status": "INACTIVE"}).json["total"] == 2
    site = next(one.id for one in xmatters.state.sites.values() if one.name == "London")
    both = xm("/people", {"site": site, "status": "INACTIVE"}).json
    assert both["total"] == 4, "the site overrides the other filters"
    names = [
        one["targetName"] for one in xm("/people", {"sortBy": "TARGET_NAME", "sortOrder": "DESCENDING"}).json["data"]
    ]
    assert names == sorted(names, reverse=True)


def test_one_sweep_shows_every_kind_of_device(xm: Call) -> None:
    found = every_page(xm, "/devices", "embed=timeframes&limit=1000")
    assert {one["deviceType"] for one in found} == {
        "EMAIL", "VOICE", "TEXT_PHONE", "TEXT_PAGER", "APPLE_PUSH", "ANDROID_PUSH", "FAX", "VOICE_IVR", "GENERIC"
    }  # fmt: skip
    assert {type(one["sequence"]) for one in found} == {int, str}
    assert {"status", "active"} == {word for one in found for word in ("status", "active") if word in one}
    assert any("|" not in one["targetName"] for one in found)
    assert any("firstName" not in one["owner"] for one in found)
    assert any(one["timeframes"]["total"] == 2 for one in found if "timeframes" in one)
    assert {one.get("apnToken", one.get("registrationId")) for one in found} == {None, CANARY}
    mails = [one["emailAddress"] for one in found if one["deviceType"] == "EMAIL"]
    assert len(mails) == 62
    assert [mail for mail in mails if mails.count(mail) > 1] == ["kim.lee@example.com"] * 2
    phones = {one.get("phoneNumber") for one in found}
    assert {"604 555 1234;ext=83", "+493023125001;ext=120"} <= phones
    finn = xm("/people/flarsen/devices").json["data"]
    assert finn
    assert "EMAIL" not in {one["deviceType"] for one in finn}
    one = finn[0]
    assert xm(f"/devices/{one['id']}").json == one
    assert xm("/devices/none").status == 404
    blanks = xm("/devices", {"phoneNumberFormat": "COUNTRY_CODE", "deviceType": "VOICE"}).json["data"]
    assert all(" " in one["phoneNumber"] for one in blanks)
    assert xm("/devices", {"deviceStatus": "INACTIVE"}).json["total"] > 0


# Groups and shifts.


def test_groups_are_of_three_kinds(xm: Call, xmatters: Simulator) -> None:
    found = {one["targetName"]: one for one in every_page(xm, "/groups", "embed=observers,supervisors")}
    kinds = [one["groupType"] for one in found.values()]
    assert [kinds.count(kind) for kind in ("ON_CALL", "BROADCAST", "DYNAMIC")] == [10, 1, 1]
    assert {"Data Pipelines", "data pipelines"} <= set(found)
    assert found["Legacy Billing"]["status"] == "INACTIVE"
    assert isinstance(found["Support / Weeks"]["observers"], str)
    security = found["Security"]
    assert xm(f"/groups/{security['id']}/observers").json["data"] == security["observers"]["data"]
    assert security["observers"]["data"][0]["name"] == "Standard User"
    assert "criteria" in found["Everyone in Berlin"]
    assert xm("/groups", {"groupType": "ON_CALL"}).json["total"] == 10
    xmatters.edits.change_habits(untyped_groups=True)
    assert not any("groupType" in one for one in xm("/groups").json["data"])


def test_rosters_have_every_kind_of_member(xm: Call, xmatters: Simulator) -> None:
    hands = group_named(xmatters, "All Hands")
    kinds = {row["member"]["recipientType"] for row in xm(f"/groups/{hands}/members").json["data"]}
    assert kinds == {"PERSON", "GROUP", "DEVICE", "DYNAMIC_TEAM"}
    whole = {row["recipientType"]: row for row in xm(f"/groups/{hands}/recipients").json["data"]}
    assert (set(whole), whole["GROUP"]["groupType"]) == (kinds, "ON_CALL")
    assert "status" not in whole["DYNAMIC_TEAM"]
    platform = group_named(xmatters, "Platform SRE")
    rows = xm(f"/groups/{platform}/members", "embed=shifts").json["data"]
    shifts = {row["member"]["targetName"]: [one["name"] for one in row["shifts"]["data"]] for row in rows}
    assert shifts["epark"] == []
    assert shifts["cbarnes"] == ["Weekends"]
    dynamic = group_named(xmatters, "Everyone in Berlin")
    assert xm(f"/groups/{dynamic}/members").json["total"] == 0
    assert xm(f"/groups/{dynamic}/recipients").json["total"] > 10
    assert xm(f"/groups/{dynamic}/shifts").status == 404
    memberships = xm("/people/ucohen/group-memberships").json["data"]
    assert {(row["group"]["targetName"], row["member"]["recipientType"]) for row in memberships} == {
        ("All Hands", "DEVICE"),
        ("Network, Clouds + Cables", "DEVICE"),
    }


def test_shifts_have_pattern_zone_seats_and_rotation(xm: Call, xmatters: Simulator) -> None:
    platform = group_named(xmatters, "Platform SRE")
    found = {
        one["name"]: one for one in every_page(xm, f"/groups/{platform}/shifts", "embed=members,rotation,exclusions")
    }
    assert set(found) == {"Weekdays", "Nights", "Weekends"}
    days = found["Weekdays"]
    assert days["recurrence"] == {
        "frequency": "WEEKLY",
        "repeatEvery": 1,
        "onDays": ["MO", "TU", "WE", "TH", "FR"],
        "end": {"endBy": "NEVER"},
    }
    assert days["start"].endswith(".000Z")
    assert days["end"].endswith(":00Z")
    assert days["rotation"] == {
        "type": "ROTATION",
        "direction": "SECOND_TO_FIRST",
        "interval": 1,
        "intervalUnit": "WEEKS",
        "nextRotationTime": "2026-03-23T07:00:00.000Z",
    }
    seats = days["members"]["data"]
    assert [(seat["position"], seat["delay"], seat["inRotation"]) for seat in seats] == [
        (1, 0, True),
        (2, 0, True),
        (3, 10, True),
        (4, 0, True),
        (5, 50, False),
    ]
    assert set(seats[0]["recipient"]) == {"id", "targetName", "recipientType", "links"}
    whole = xm(f"/groups/{platform}/shifts/{days['id']}/members").json["data"]
    assert "inRotation" not in whole[4]
    assert whole[4]["recipient"]["inRotation"] is False
    assert [seat["recipient"]["onDuty"] for seat in whole] == [True, False, True, True, True]
    on_duty = xm(f"/groups/{platform}/shifts/{days['id']}/members", {"onDuty": "true"}).json
    assert on_duty["total"] == 4
    assert found["Weekends"]["timezone"] == "US/Eastern"


def test_odd_shifts(xm: Call, xmatters: Simulator) -> None:
    def shift(group: str, name: str) -> Any:
        path = f"/groups/{group_named(xmatters, group)}/shifts"
        return next(one for one in xm(path, "embed=members,rotation,exclusions").json["data"] if one["name"] == name)

    always = shift("Payments | On-Call", "Default Shift")
    assert not {"start", "end", "recurrence", "rotation"} & set(always)
    long = shift("Payments | On-Call", "Long Days")["repeatEscalation"]
    assert (long["repeatEnabled"], long["repetitions"], long["waitInSeconds"]) == ("true", "2", 900)
    nights = shift("Data Pipelines", "Nights")
    assert nights["exclusions"]["total"] == 2
    assert nights["rotation"]["type"] == "COVERAGE_ROTATION"
    assert "nextRotationTime" not in nights["rotation"]
    exclusions = xm(f"{nights['links']['self']}/exclusions").json["data"]
    assert exclusions == nights["exclusions"]["data"]
    assert shift("Data Pipelines", "Weekends")["recurrence"]["repeatEvery"] == "2"
    assert shift("Network, Clouds + Cables", "Clock Change")["recurrence"]["onDays"] == []
    assert shift("Network, Clouds + Cables", "Pacific")["timezone"] == "US/PACIFIC"
    assert shift("Mobile\\Apps", "Around the World")["timezone"] == "America/Canada"
    assert shift("Mobile\\Apps", "Around the World")["rotation"]["type"] == "ZIGZAG"
    assert shift('Release "Train"', "First Mondays")["siteHolidays"] == {"onCall": False}
    assert shift('Release "Train"', "Holidays")["recurrence"]["frequency"] == "HOLIDAY"
    assert shift("Legacy Billing", "Default Shift")["members"]["total"] == 0
    assert xm(f"/groups/{group_named(xmatters, 'data pipelines')}/shifts").json["total"] == 0


def test_absences_services_sites_and_roles(xm: Call, xmatters: Simulator) -> None:
    absences = {row["member"]["targetName"]: row for row in xm("/temporary-absences").json["data"]}
    assert set(absences) == {"cmoretti", "kpetrova", "akeller", "ucohen", "preyes"}
    assert absences["cmoretti"]["absenceType"] == "VACANCY"
    assert "replacement" not in absences["cmoretti"]
    assert absences["kpetrova"]["group"]["targetName"] == "Payments | On-Call"
    assert absences["kpetrova"]["replacement"]["targetName"] == "mbyrne"
    assert xm("/temporary-absences", {"member": "akeller"}).json["total"] == 1
    services = {row["targetName"]: row for row in xm("/services").json["data"]}
    assert services["Checkout"]["ownedBy"]["targetName"] == "Payments | On-Call"
    assert "ownedBy" not in services["Attic"]
    assert xm("/service-dependencies").json["total"] == 2
    payments = xm(f"/groups/{group_named(xmatters, 'Payments | On-Call')}", "embed=services").json
    assert [one["targetName"] for one in payments["services"]["data"]] == ["Checkout"]
    key = group_named(xmatters, "Payments | On-Call")
    assert xm(f"/groups/{key}/services").json["data"] == payments["services"]["data"]
    xmatters.edits.change_plan(services=False)
    assert xm("/services").status == xm("/service-dependencies").status == 403
    assert "services" not in xm(f"/groups/{key}", "embed=services").json
    assert xm("/sites/none").status == 404
    sites = xm("/sites").json["data"]
    assert [one["status"] for one in sites].count("INACTIVE") == 1
    assert not any("holidays" in one for one in sites)
    assert xm(f"/sites/{sites[0]['id']}").json == sites[0]
    assert xm("/roles").json["total"] == 4
