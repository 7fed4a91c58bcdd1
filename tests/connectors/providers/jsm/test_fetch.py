"""A whole read: how many calls, what a failing listing or object costs, what a list proves."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.errors import PermissionMissing, ProviderUnavailable
from connectors.presence import Presences
from oncall.rendering.spec import Substitution, person

GONE = (404, {"errors": [{"title": "Not found"}]})
BROKEN = (500, {"errors": [{"title": "Something went wrong"}]})
BULK = "/rest/api/3/user/bulk"


def fetch(site: Any, *keys: Any, **settings: str) -> Any:
    selection = Selection(False, frozenset(keys)) if keys else Selection()
    return site.connector(**settings).fetch(selection, contact_details=False)


def notes(snapshot: Any) -> list[tuple[str, Any, str]]:
    reported = ("service", None, "none_here")
    found = [(one.entity_type, one.external_id, one.code) for one in snapshot.notes]
    return [one for one in found if one != reported]


def failures(snapshot: Any) -> list[tuple[str, Any, str]]:
    return [(one.entity_type, one.external_id, one.code) for one in snapshot.failed]


def ids(found: Any) -> list[str]:
    return [one.external_id for one in found]


# --- requests ----------------------------------------------------------------------------------------------------


def test_a_whole_read_takes_the_fewest_calls(site: Any, make: Any) -> None:
    snapshot = fetch(site)
    assert site.paths() == [
        "/_edge/tenant_info",
        "/v1/teams",
        "/v1/schedules",
        "/v1/teams/T1/escalations",
        "/v1/forwarding-rules",
        f"/gateway/api/public/teams/v1/org/{make.ORG}/teams/T1/members",
        "/v1/teams/T1/routing-rules",
        "/v1/schedules/S1/overrides",
        BULK,
    ]
    assert (ids(snapshot.users), ids(snapshot.schedules)) == (["BO", "ANA"], ["S1"])
    assert (ids(snapshot.policies), failures(snapshot), notes(snapshot)) == (["E1", "T1"], [], [])
    assert {kind: reported.listing for kind, reported in snapshot.completeness.items()} == {
        "user_group": True,
        "schedule": True,
        "escalation_policy": True,
        "responder": False,
        "service": False,
    }


def test_people_are_asked_for_a_hundred_at_once(site: Any, make: Any) -> None:
    site.users = [make.user(f"P{n}") for n in range(250)]
    site.schedules = [make.schedule("S1", make.rotation("R1", *[f"P{n}" for n in range(250)]))]
    site.members = {}
    snapshot = fetch(site)
    assert len(snapshot.users) == 250
    requested = [request.query for request in site.requests if request.path == BULK]
    assert [sum(name == "accountId" for name, _ in query) for query in requested] == [100, 100, 50]
    assert all(dict(query)["maxResults"] == "100" for query in requested)


def test_a_selection_reads_only_what_it_brings_along(site: Any, make: Any) -> None:
    site.teams = [make.team("T1"), make.team("T2")]
    site.schedules.append(make.schedule("S2", make.rotation("R2", "CY"), teamId="T2"))
    snapshot = fetch(site, ("escalation_policy", "E1"))
    assert (ids(snapshot.schedules), ids(snapshot.teams)) == (["S1"], ["T1"])
    assert "/v1/schedules/S2/overrides" not in site.paths()
    assert "/v1/teams/T2/routing-rules" not in site.paths()
    assert "/v1/teams/T2/escalations" not in site.paths()  # it was found with the first team
    assert notes(fetch(site, ("schedule", "S9"))) == [("schedule", "S9", "chosen_not_found")]


def test_the_inventory_is_the_tree_without_details(site: Any) -> None:
    nodes = {node.key: node for node in site.connector().inventory()}
    assert set(nodes) == {("user_group", "T1"), ("schedule", "S1"), ("escalation_policy", "E1")}
    assert nodes["escalation_policy", "E1"].owners == ("T1",)
    assert len(site.requests) == 4


def test_forwarding_is_a_stand_in_everywhere(site: Any, make: Any) -> None:
    rule = {"id": "F1", "alias": "", "fromUser": {"id": "ANA"}, "toUser": {"id": "CY"}}
    site.below["/v1/forwarding-rules"] = [
        rule | {"startDate": "2026-01-01T00:00:00Z", "endDate": "2026-01-03T00:00:00Z"}
    ]
    people = {one.external_id: one for one in fetch(site).users}
    assert people["ANA"].substitutions == (
        Substitution("F1", person("ANA"), person("CY"), make.NOW, make.NOW + 2 * 86_400),
    )
    assert (people["BO"].substitutions, people["CY"].listed) == ((), False)


# --- teams ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["platformTeams", "values", "teams", None])
def test_the_list_of_teams_may_stand_under_any_key_or_none(site: Any, make: Any, key: Any) -> None:
    teams = [make.team("T1")]
    site.answers["/v1/teams"] = teams if key is None else {key: teams, "_expands": []}
    assert [(one.external_id, one.name) for one in fetch(site).teams] == [("T1", "Team T1")]


@pytest.mark.parametrize("body", [{}, {"teams": {}}, {"a": [], "b": []}, {"_expands": []}])
def test_an_answer_without_one_list_is_not_an_empty_one(site: Any, body: Any) -> None:
    site.answers["/v1/teams"] = body
    snapshot = fetch(site)
    assert failures(snapshot) == [("user_group", None, "missing_envelope")]
    assert not snapshot.completeness["user_group"].listing
    # No team, no escalations: that proves nothing about them.
    assert not snapshot.completeness["escalation_policy"].listing
    assert ids(snapshot.schedules) == ["S1"]


def test_a_list_of_teams_that_names_a_next_page_is_read_on(site: Any, make: Any) -> None:
    def answer(query: Any) -> Any:
        if query:
            return {"values": [make.team("T2")]}
        return {"values": [make.team("T1")], "links": {"next": "/v1/teams?offset=1&size=1"}}

    site.answers["/v1/teams"] = answer
    assert ids(fetch(site).teams) == ["T1", "T2"]


def test_a_team_without_an_id_makes_the_list_incomplete(site: Any) -> None:
    site.answers["/v1/teams"] = {"platformTeams": ["x", {"teamName": "Nameless"}, *site.teams]}
    snapshot = fetch(site)
    assert [kind for kind, _, _ in failures(snapshot)] == ["user_group", "user_group"]
    assert not snapshot.completeness["user_group"].listing


def test_without_the_organisation_members_are_not_told(site: Any) -> None:
    snapshot = fetch(site, org_id="")
    assert snapshot.teams[0].members is None
    assert notes(snapshot) == [("user_group", None, "members_not_told")]
    assert not any(path.endswith("/members") for path in site.paths())


@pytest.mark.parametrize(
    ("answer", "noted", "failed"),
    [
        (GONE, "members_not_told", None),
        ((403, {}), "members_not_told", None),
        (BROKEN, None, "unavailable"),
        ({"results": [], "pageInfo": []}, None, "missing_envelope"),
        ({"results": {}, "pageInfo": {}}, None, "missing_envelope"),
        ({"results": []}, None, "missing_envelope"),
        ({"results": [{"accountId": "A"}], "pageInfo": {"hasNextPage": True}}, None, "pagination_loop"),
        ({"results": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}, None, "pagination_loop"),
        (
            {"results": [{"accountId": "A"}], "pageInfo": {"hasNextPage": True, "endCursor": "x"}},
            None,
            "pagination_loop",
        ),
    ],
)
def test_members_that_cannot_be_read_are_not_told(site: Any, make: Any, answer: Any, noted: Any, failed: Any) -> None:
    site.answers[f"/gateway/api/public/teams/v1/org/{make.ORG}/teams/T1/members"] = answer
    snapshot = fetch(site)
    assert [one.members for one in snapshot.teams] == [None]
    assert notes(snapshot) == ([("user_group", "T1", noted)] if noted else [])
    assert failures(snapshot) == ([("user_group", "T1", failed)] if failed else [])


# --- escalations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "code"), [((403, {}), "permission"), (GONE, "not_found"), (BROKEN, "unavailable")])
def test_a_team_whose_escalations_fail_costs_its_own(site: Any, make: Any, answer: Any, code: str) -> None:
    site.teams = [make.team("T0"), make.team("T1"), make.team("T2")]
    site.answers["/v1/teams/T0/escalations"] = site.answers["/v1/teams/T2/escalations"] = answer
    snapshot = fetch(site)
    assert ids(snapshot.policies) == ["E1", "T1"]
    assert failures(snapshot) == [("escalation_policy", None, code)]
    refused = [id_ for kind, id_, found in notes(snapshot) if found == "escalations_not_told"]
    assert refused == ["T0", "T2"]
    reported = snapshot.completeness["escalation_policy"]
    assert not reported.listing
    assert "2 teams" in reported.reason


# --- schedules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", ["absent", None, []])
def test_rotations_that_the_list_does_not_show_are_asked_for(site: Any, make: Any, listed: Any) -> None:
    site.schedules[0]["rotations"] = listed
    if listed == "absent":
        del site.schedules[0]["rotations"]
    site.below["/v1/schedules/S1/rotations"] = [make.rotation("R1", "ANA"), make.rotation("R2", "BO")]
    snapshot = fetch(site)
    assert [layer.key for layer in snapshot.schedules[0].layers] == ["R1", "R2"]
    assert snapshot.schedules[0].group_ids == ("T1",)


@pytest.mark.parametrize("answer", [GONE, (403, {})])
def test_rotations_that_cannot_be_confirmed(site: Any, answer: Any) -> None:
    site.answers["/v1/schedules/S1/rotations"] = answer
    site.schedules[0]["rotations"] = []
    snapshot = fetch(site)
    assert ids(snapshot.schedules) == ["S1"]
    assert ("schedule", "S1", "rotations_not_confirmed") in notes(snapshot)
    del site.schedules[0]["rotations"]
    snapshot = fetch(site)
    assert snapshot.schedules == ()
    assert ("schedule", "S1", "not_visible") in notes(snapshot)
    assert not snapshot.completeness["schedule"].listing


def test_rotations_whose_list_breaks_fail_the_schedule(site: Any) -> None:
    site.schedules[0]["rotations"] = []
    site.answers["/v1/schedules/S1/rotations"] = BROKEN
    snapshot = fetch(site)
    assert snapshot.schedules == ()
    assert failures(snapshot) == [("schedule", "S1", "unavailable")]


def test_a_schedule_of_a_team_that_is_not_listed_betrays_a_restricted_token(site: Any, make: Any) -> None:
    site.schedules.append(make.schedule("S2", make.rotation("R2", "ANA"), teamId="T7"))
    snapshot = fetch(site)
    assert [code for _, _, code in notes(snapshot)] == ["restricted_token"]
    assert not any(reported.listing for reported in snapshot.completeness.values())


def test_a_schedule_without_a_team_betrays_nothing(site: Any, make: Any) -> None:
    site.schedules.append(make.schedule("S2", make.rotation("R2", "ANA")))
    assert fetch(site).completeness["schedule"].listing


# --- listings that fail -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "kind"), [("/v1/teams", "user_group"), ("/v1/schedules", "schedule")])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((403, {}), "permission"),
        (GONE, "not_found"),
        (BROKEN, "unavailable"),
        (7, "missing_envelope"),
        ((200, b"<html>Sign in</html>"), "not_api"),
    ],
)
def test_a_listing_that_fails_is_named_and_the_rest_is_read(
    site: Any, path: str, kind: Any, answer: Any, code: str
) -> None:
    site.answers[path] = answer
    snapshot = fetch(site)
    assert failures(snapshot) == [(kind, None, code)]
    assert not snapshot.completeness[kind].listing


def test_a_list_that_goes_round_in_a_circle_is_incomplete(site: Any, make: Any) -> None:
    page = {"values": site.schedules, "links": {"next": "/v1/schedules?offset=50&size=50"}}
    site.answers["/v1/schedules"] = page
    assert failures(fetch(site)) == [("schedule", None, "pagination_loop")]


@pytest.mark.parametrize(("answer", "error"), [((403, {}), PermissionMissing), (BROKEN, ProviderUnavailable)])
def test_when_nothing_answers_the_read_is_refused(site: Any, answer: Any, error: Any) -> None:
    site.answers["/v1/teams"] = site.answers["/v1/schedules"] = answer
    with pytest.raises(error):
        fetch(site)
    with pytest.raises(error):
        site.connector().inventory()


@pytest.mark.parametrize(
    ("answer", "noted", "failed"),
    [
        ((403, {}), "forwarding_not_told", None),
        (GONE, "forwarding_not_told", None),
        (BROKEN, None, "unavailable"),
    ],
)
def test_forwarding_that_cannot_be_read_is_not_told(site: Any, answer: Any, noted: Any, failed: Any) -> None:
    site.answers["/v1/forwarding-rules"] = answer
    snapshot = fetch(site)
    assert {one.substitutions for one in snapshot.users} == {None}
    assert notes(snapshot) == ([("responder", None, noted)] if noted else [])
    assert failures(snapshot) == ([("responder", None, failed)] if failed else [])


# --- people -----------------------------------------------------------------------------------------------------------


def test_whoever_is_gone_or_hidden_keeps_the_slot(site: Any, make: Any) -> None:
    site.users = [make.user("ANA")]
    snapshot = fetch(site)
    people = {one.external_id: one for one in snapshot.users}
    assert (people["BO"].state, people["BO"].listed, people["BO"].name, people["BO"].email) == (
        "unknown",
        False,
        "BO",
        None,
    )
    assert snapshot.schedules[0].layers[0].participants == (person("ANA"), person("BO"))
    assert notes(snapshot) == [("responder", "BO", "referenced_only")]


@pytest.mark.parametrize("answer", [GONE, (400, {"errorMessages": ["accountId is invalid"], "errors": {}})])
def test_where_people_cannot_be_asked_together_they_are_asked_one_by_one(site: Any, make: Any, answer: Any) -> None:
    site.answers[BULK] = answer
    site.users = [make.user("ANA")]
    people = {one.external_id: one.listed for one in fetch(site).users}
    assert people == {"ANA": True, "BO": False}
    assert site.paths().count("/rest/api/3/user") == 2


def test_people_that_may_not_be_asked_for_are_known_by_reference(site: Any, make: Any) -> None:
    site.answers[BULK] = (403, {})
    snapshot = fetch(site)
    assert ("responder", None, "people_forbidden") in notes(snapshot)
    assert [one.listed for one in snapshot.users] == [False, False]
    assert failures(snapshot) == []


def test_three_refusals_and_no_answer_mean_the_token(site: Any, make: Any) -> None:
    site.answers[BULK] = GONE
    site.answers["/rest/api/3/user"] = (403, {})
    site.schedules = [make.schedule("S1", make.rotation("R1", *[f"P{n}" for n in range(9)]))]
    snapshot = fetch(site)
    assert site.paths().count("/rest/api/3/user") == 3
    assert ("responder", None, "people_forbidden") in notes(snapshot)
    assert failures(snapshot) == []


@pytest.mark.parametrize(
    ("answer", "code"), [(BROKEN, "unavailable"), ({}, "missing_envelope"), ({"values": {}}, "missing_envelope")]
)
def test_people_that_cannot_be_read_fail_as_a_listing(site: Any, answer: Any, code: str) -> None:
    site.answers[BULK] = answer
    snapshot = fetch(site)
    assert failures(snapshot) == [("responder", None, code)]
    assert ids(snapshot.schedules) == ["S1"]


def test_one_unreadable_person_costs_that_record_only(site: Any, make: Any) -> None:
    site.answers[BULK] = {"values": ["x", {"accountId": 7}, make.user("ANA", active="perhaps"), make.user("BO")]}
    snapshot = fetch(site)
    assert {one.external_id: one.listed for one in snapshot.users} == {"ANA": False, "BO": True}
    assert [id_ for _, id_, _ in failures(snapshot)] == [None, None, "ANA"]


@pytest.mark.parametrize(
    ("more", "state", "code"),
    [
        ({"active": None}, "unknown", None),
        ({"timeZone": "Mars/Phobos"}, "active", "unknown_zone"),
        ({"timeZone": None}, "active", None),
        ({"displayName": None}, "active", None),
        ({"accountType": None}, "active", None),
        ({"emailAddress": "***"}, "active", "email_hidden"),
    ],
)
def test_what_is_odd_about_a_person(site: Any, make: Any, more: Any, state: str, code: Any) -> None:
    site.users[0] |= more
    snapshot = fetch(site)
    (ana,) = [one for one in snapshot.users if one.external_id == "ANA"]
    assert ana.state == state
    assert [found for _, id_, found in notes(snapshot) if id_ == "ANA"] == ([code] if code else [])
    assert ana.name


# --- a selection ------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(site: Any, make: Any) -> Any:
    """120 schedules on three pages, of nobody's team."""
    site.schedules = [make.schedule(f"S{n}", make.rotation(f"R{n}", "ANA")) for n in range(120)]
    return site


def schedule_calls(site: Any) -> list[str]:
    return [path for path in site.paths() if path.startswith("/v1/schedules") and path.count("/") < 4]


@pytest.mark.parametrize(
    ("wanted", "requested"),
    [
        (["S70"], ["/v1/schedules/S70"]),
        (["S3", "S7"], ["/v1/schedules"]),
        (["S3", "S70"], ["/v1/schedules", "/v1/schedules/S70"]),
        (["S3", "S70", "S71", "S119"], ["/v1/schedules", "/v1/schedules", "/v1/schedules/S119"]),
        (["S70", "S71"], ["/v1/schedules", "/v1/schedules/S70", "/v1/schedules/S71"]),
        (["S3", "S70", "NO", "NE"], [*["/v1/schedules"] * 3, "/v1/schedules/NE", "/v1/schedules/NO"]),
    ],
)
def test_schedules_are_listed_while_that_pays(many: Any, wanted: list[str], requested: list[str]) -> None:
    snapshot = fetch(many, *(("schedule", id_) for id_ in wanted))
    assert schedule_calls(many) == requested
    assert set(ids(snapshot.schedules)) == {id_ for id_ in wanted if id_[1:].isdigit()}
    assert all(
        reported.listing for kind, reported in snapshot.completeness.items() if kind not in ("responder", "service")
    )
    assert "/v1/teams" not in many.paths()


@pytest.mark.parametrize(
    ("answer", "code"), [(GONE, None), ((403, {}), None), (BROKEN, "unavailable"), ({"name": "S"}, "missing_field")]
)
def test_a_schedule_that_cannot_be_read_by_itself(many: Any, answer: Any, code: Any) -> None:
    many.answers["/v1/schedules/S70"] = answer
    snapshot = fetch(many, ("schedule", "S70"))
    assert snapshot.schedules == ()
    assert failures(snapshot) == ([] if code is None else [("schedule", "S70", code)])
    assert notes(snapshot) == [("schedule", "S70", "chosen_not_found")]
    assert Presences(snapshot).of("user_group", "T1").state == "not_reached"


def test_a_list_that_breaks_off_is_named_once(many: Any, make: Any) -> None:
    many.schedules[0]["rotations"][0]["participants"] = [{"type": "escalation", "id": "E1"}]
    many.answers["/v1/schedules"] = BROKEN
    snapshot = fetch(many, ("schedule", "S0"), ("schedule", "S70"), ("escalation_policy", "E1"))
    assert failures(snapshot) == [("schedule", None, "unavailable")]
    assert not snapshot.completeness["schedule"].listing
    assert ids(snapshot.policies) == ["E1"]


def test_a_chosen_team_brings_what_it_owns(site: Any, make: Any) -> None:
    site.teams.append(make.team("T2"))
    site.below["/v1/teams/T2/escalations"] = [make.escalation("E2", make.rule(0, make.who("CY")))]
    snapshot = fetch(site, ("user_group", "T1"))
    assert (ids(snapshot.schedules), ids(snapshot.policies)) == (["S1"], ["E1", "T1"])
    assert "/v1/teams/T2/escalations" not in site.paths()


def test_an_escalation_is_looked_for_in_the_teams_that_come_along_first(site: Any, make: Any) -> None:
    site.teams = [make.team("T0"), make.team("T1"), make.team("T2")]
    site.schedules[0]["rotations"][0]["participants"] = [{"type": "escalation", "id": "E1"}]
    assert ids(fetch(site, ("schedule", "S1")).policies) == ["E1"]
    assert [path for path in site.paths() if path.endswith("/escalations")] == ["/v1/teams/T1/escalations"]
    site.requests.clear()
    snapshot = fetch(site, ("escalation_policy", "E9"))
    assert notes(snapshot) == [("escalation_policy", "E9", "chosen_not_found")]
    assert sum(path.endswith("/escalations") for path in site.paths()) == 3


def test_a_schedule_that_was_left_out_stays_so(many: Any, make: Any) -> None:
    for number in (1, 2):
        many.schedules[number].pop("rotations")
        many.answers[f"/v1/schedules/S{number}/rotations"] = (403, {})
    many.schedules[3]["rotations"][0]["participants"] = [{"type": "escalation", "id": "E1"}]
    many.schedules[3]["teamId"] = "T1"
    many.below["/v1/teams/T1/escalations"] = [
        make.escalation(
            "E1", make.rule(0, {"type": "schedule", "id": "S1"}), make.rule(1, {"type": "schedule", "id": "S9"})
        )
    ]
    snapshot = fetch(many, ("schedule", "S1"), ("schedule", "S2"), ("schedule", "S3"))
    assert [code for _, id_, code in notes(snapshot) if id_ in ("S1", "S2")] == ["not_visible"] * 2 + [
        "chosen_not_found"
    ] * 2
    assert set(ids(snapshot.schedules)) == {"S3", "S9"}
