"""A whole read: what goes wrong costs its own object, and is named."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.errors import AuthenticationFailed, PermissionMissing, ProviderUnavailable, UnexpectedResponse
from connectors.presence import Presences
from connectors.records import Account, Completeness, EntityType, SourceMember
from oncall.rendering.spec import person

NO_PLAN = (402, {"message": "Your plan does not allow this"})
BROKEN = (500, {"message": "Internal error"})
UNAUTHORIZED = (401, {"message": "API Key is not valid"})
HTML = (200, b"<html><title>Sign in</title></html>")
GONE = (404, {"message": "No such thing"})
HIDDEN = (403, {"code": 40301, "message": "Api key is not authorized"})
LISTS = ("/v2/users", "/v2/teams", "/v2/schedules", "/v2/escalations", "/v1/services")


def fetch(account: Any, *, details: bool = False, **settings: str) -> Any:
    return account.connector(**settings).fetch(Selection(), contact_details=details)


def chosen(account: Any, *keys: Any, details: bool = False) -> Any:
    return account.connector().fetch(Selection(False, frozenset(keys)), contact_details=details)


def codes(found: Any) -> list[Any]:
    return [(one.entity_type, one.external_id, one.code) for one in found]


@pytest.fixture
def full(account: Any, make: Any) -> Any:
    """A service of a team that routes to an escalation, which pages a schedule, a team and a person."""
    account.users = [make.user(id_) for id_ in ("ANA", "BO", "CY", "DEE")]
    account.teams = [make.team("T1", "ANA", "BO"), make.team("T2", "CY"), make.team("T3", "DEE")]
    account.schedules = [
        make.schedule("S1", make.rotation("R1", "ANA", {"type": "team", "id": "T2", "name": "Team"})),
        make.schedule("S2", make.rotation("R2", "BO"), ownerTeam={"id": "T2", "name": "Team T2"}),
        make.schedule("S3", make.rotation("R3", {"type": "escalation", "id": "E1", "name": "x"})),
    ]
    account.escalations = [
        make.escalation(
            "E1",
            make.rule(0, {"type": "schedule", "id": "S1", "name": "Schedule S1"}),
            make.rule(5, {"type": "team", "id": "T2", "name": "Team T2"}),
            make.rule(10, make.who("GONE")),
            ownerTeam={"id": "T1", "name": "Team T1"},
        ),
        make.escalation("E2", make.rule(0, make.who("DEE"))),
    ]
    account.services = [{"id": "V1", "name": "Web", "teamId": "T1"}]
    account.answers |= {
        "/v2/teams/T1/routing-rules": make.data([make.routing("Q1", {"type": "escalation", "id": "E1"})]),
        "/v2/teams/T2/routing-rules": make.data([make.routing("Q2", {"type": "schedule", "id": "S2"})]),
        "/v2/schedules/S1/overrides": make.data(
            [make.override("O1", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", "CY")]
        ),
    }
    return account


def test_a_whole_account(full: Any, make: Any) -> None:
    full.forwarding_rules = [make.forwarding("F1", "BO", "CY", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z")]
    snapshot = fetch(full, details=True, region="eu")
    assert snapshot.failed == ()
    assert snapshot.account == Account("acme", "acme", "eu")
    assert all(reported == Completeness(True) for reported in snapshot.completeness.values())
    assert [user.external_id for user in snapshot.users] == ["ANA", "BO", "CY", "DEE", "GONE"]
    assert [team.external_id for team in snapshot.teams] == ["T1", "T2", "T3"]
    assert [schedule.external_id for schedule in snapshot.schedules] == ["S1", "S2", "S3"]
    assert [policy.external_id for policy in snapshot.policies] == ["E1", "E2", "T1", "T2"]
    assert [(service.policy_id, service.group_id) for service in snapshot.services] == [("E1", "T1")]
    assert [override.by for override in snapshot.schedules[0].overrides] == [person("CY")]
    assert [len(user.substitutions or ()) for user in snapshot.users] == [0, 1, 0, 0, 0]
    assert [user.contact_methods for user in snapshot.users] == [(), (), (), (), None]
    assert ("responder", "GONE", "referenced_only") in codes(snapshot.notes)
    assert ("user_group", "T3", "no_default_routing") in codes(snapshot.notes)
    assert snapshot.calls == len(full.requests)
    assert {request.method for request in full.requests} == {"GET"}


def test_a_second_read_gives_the_same_records(full: Any) -> None:
    assert fetch(full, details=True) == fetch(full, details=True)


def test_an_empty_account_is_an_empty_snapshot(new_account: Any) -> None:
    snapshot = fetch(new_account())
    assert (snapshot.users, snapshot.teams, snapshot.schedules, snapshot.failed) == ((), (), (), ())
    assert all(reported.listing for reported in snapshot.completeness.values())


# --- nothing can be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v2/account", "/v2/escalations", "/v2/forwarding-rules"])
def test_a_refused_key_stops_the_read(account: Any, path: str) -> None:
    account.answers[path] = UNAUTHORIZED
    with pytest.raises(AuthenticationFailed) as refused:
        fetch(account)
    assert refused.value.field == "api_key"


@pytest.mark.parametrize(
    ("answer", "error"),
    [(HTML, UnexpectedResponse), (BROKEN, ProviderUnavailable), (HIDDEN, PermissionMissing)],
)
def test_when_every_listing_fails_the_first_reason_is_raised(account: Any, answer: Any, error: Any) -> None:
    account.answers |= dict.fromkeys(LISTS, answer)
    with pytest.raises(error):
        fetch(account)
    with pytest.raises(error):
        account.connector().inventory()
    with pytest.raises(error):
        chosen(account, ("schedule", "S1"))


# --- one listing or object fails --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "entity_type"),
    list(zip(LISTS, ("responder", "user_group", "schedule", "escalation_policy", "service"), strict=True)),
)
@pytest.mark.parametrize("answer", [BROKEN, HTML, GONE, HIDDEN, NO_PLAN])
def test_a_failing_listing_is_named_and_incomplete_and_the_rest_goes_on(
    full: Any, path: str, entity_type: str, answer: Any
) -> None:
    full.answers[path] = answer
    snapshot = fetch(full)
    if entity_type == "service" and answer[0] in (402, 403):
        assert ("service", None, "none_here") in codes(snapshot.notes)
        assert snapshot.failed == ()
        assert not snapshot.completeness["service"].listing
    else:
        assert [failed[:2] for failed in codes(snapshot.failed)] == [(entity_type, None)]
        assert snapshot.completeness[entity_type].listing is False
    whole = {"responder", "user_group", "schedule", "escalation_policy", "service"} - {entity_type}
    if entity_type == "user_group":  # the routing of a team is an escalation policy
        whole -= {"escalation_policy"}
    assert all(snapshot.completeness[kind].listing for kind in whole)
    assert snapshot.users


def test_one_bad_object_stops_no_other(full: Any, make: Any) -> None:
    full.users.append(make.user("BAD", username=7))
    full.schedules.append(make.schedule("S9", make.rotation("R9", {"type": "group", "id": "G1"})))
    full.schedules.append(make.schedule("S8", make.rotation("R8", "ANA", type="lunar")))
    full.escalations.append(
        make.escalation("E9", make.rule(0, make.who("ANA"), delay={"timeAmount": 1, "timeUnit": "s"}))
    )
    snapshot = fetch(full)
    assert codes(snapshot.failed) == [
        ("responder", "BAD", "invalid_value"),
        ("schedule", "S8", "unknown_value"),
        ("escalation_policy", "E9", "unknown_value"),
    ]
    assert [failed.path for failed in snapshot.failed] == [
        "username", "rotations[0].type", "rules[0].delay.timeUnit",
    ]  # fmt: skip
    assert ("schedule", "S9", "unknown_holder") in codes(snapshot.notes)
    assert [schedule.unread for schedule in snapshot.schedules] == [{}, {}, {}, {}, {"layers": 1}]
    assert all(reported.listing for reported in snapshot.completeness.values())


@pytest.mark.parametrize(
    ("answer", "failed", "noted"),
    [
        (GONE, [], "members_not_told"),
        (HIDDEN, [], "members_not_told"),
        (BROKEN, [("user_group", "T1", "unavailable")], None),
        ({"data": {"id": "T1", "members": "ANA"}}, [("user_group", "T1", "invalid_value")], None),
    ],
)
def test_members_that_cannot_be_read_are_not_told(full: Any, answer: Any, failed: Any, noted: str | None) -> None:
    full.answers["/v2/teams/T1"] = answer
    snapshot = fetch(full)
    assert snapshot.teams[0].members is None
    assert snapshot.teams[1].members == (SourceMember("CY", "user"),)
    assert codes(snapshot.failed) == failed
    assert [note.code for note in snapshot.notes if note.external_id == "T1"] == ([noted] if noted else [])


@pytest.mark.parametrize("bad", [{"role": "admin"}, {"user": {"id": None}}, {"user": {"id": " "}}, None, "ANA"])
def test_a_member_that_cannot_be_read_costs_only_itself(full: Any, make: Any, bad: Any) -> None:
    good = {"user": make.meta("BO"), "role": "user"}
    full.answers["/v2/teams/T1"] = make.data({"id": "T1", "members": [bad, good]})
    team = fetch(full).teams[0]
    assert (team.members, team.unread) == ((SourceMember("BO", "user"),), {"members": 1})
    (failed,) = fetch(full).failed
    assert (failed.entity_type, failed.external_id, failed.path.startswith("members[0]")) == ("user_group", "T1", True)


@pytest.mark.parametrize("reported", [{}, {"members": None}, {"members": []}])
def test_a_team_may_have_no_members(full: Any, make: Any, reported: Any) -> None:
    full.answers["/v2/teams/T1"] = make.data({"id": "T1", "name": "Team", **reported})
    assert fetch(full).teams[0].members == ()


def test_members_that_only_the_list_tells_are_taken(full: Any, make: Any) -> None:
    full.answers |= {"/v2/teams": make.data([make.team("T1", "ANA")]), "/v2/teams/T1": GONE}
    assert fetch(full).teams[0].members == (SourceMember("ANA", "user"),)


@pytest.mark.parametrize(
    ("path", "kind", "id_", "noted"),
    [
        ("/v2/schedules/S1/overrides", "schedule", "S1", "overrides_not_told"),
        ("/v2/teams/T1/routing-rules", "user_group", "T1", "routing_rules_not_told"),
    ],
)
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (GONE, None),
        (HIDDEN, None),
        (BROKEN, "unavailable"),
        ({"data": {}}, "invalid_value"),
    ],
)
def test_a_collection_that_cannot_be_read_is_not_told(
    full: Any, path: str, kind: str, id_: str, noted: str, answer: Any, code: str | None
) -> None:
    full.answers[path] = answer
    snapshot = fetch(full)
    assert (snapshot.schedules[0].overrides is None) is (kind == "schedule")
    assert ("T1" in [policy.external_id for policy in snapshot.policies]) is (kind == "schedule")
    assert codes(snapshot.failed) == ([] if code is None else [(kind, id_, code)])
    assert ((kind, id_, noted) in codes(snapshot.notes)) is (code is None)


@pytest.mark.parametrize(
    ("answer", "failed"),
    [(GONE, []), (HIDDEN, []), (BROKEN, ["unavailable"])],
)
def test_forwarding_that_cannot_be_read_is_not_told(full: Any, answer: Any, failed: Any) -> None:
    full.answers["/v2/forwarding-rules"] = answer
    snapshot = fetch(full)
    assert [user.substitutions for user in snapshot.users] == [None] * 5
    assert [one.code for one in snapshot.failed] == failed
    assert (("responder", None, "forwarding_not_told") in codes(snapshot.notes)) is (failed == [])


def test_people_who_forward_bring_who_stands_in_and_nothing_told_is_lost(account: Any, make: Any) -> None:
    account.forwarding_rules = [
        make.forwarding("F1", "GONE", "ELSE", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"),
    ]
    snapshot = fetch(account)
    assert [(user.external_id, len(user.substitutions or ())) for user in snapshot.users] == [
        ("ANA", 0), ("GONE", 1), ("ELSE", 0),
    ]  # fmt: skip


# --- schedules without rotations --------------------------------------------------------------------------------------


def test_a_schedule_that_shows_no_rotations_is_read_by_itself(full: Any, make: Any) -> None:
    listed = [make.schedule("S1"), make.schedule("S2", rotations=None), make.schedule("S3")]
    full.answers["/v2/schedules"] = make.data(listed)
    full.schedules[2]["rotations"] = []
    snapshot = fetch(full)
    assert [len(schedule.layers) for schedule in snapshot.schedules] == [1, 1, 0]
    assert ("schedule", "S3", "no_layers") in codes(snapshot.notes)


@pytest.mark.parametrize(
    ("rotations", "answer", "kept", "found", "listing"),
    [
        ([], GONE, True, "rotations_not_confirmed", True),
        (None, GONE, False, "not_visible", False),
        ([], HIDDEN, False, "not_visible", False),
        ([], BROKEN, False, "unavailable", True),
        ([], {"data": {"id": "S1", "rotations": [{}]}}, True, "missing_field", True),
        ([], {"data": {"id": "S1", "rotations": None}}, True, "rotations_not_confirmed", True),
    ],
)
def test_rotations_that_cannot_be_confirmed(
    full: Any, make: Any, rotations: Any, answer: Any, kept: bool, found: str, listing: bool
) -> None:
    full.answers |= {"/v2/schedules": make.data([make.schedule("S1", rotations=rotations)]), "/v2/schedules/S1": answer}
    snapshot = fetch(full)
    found_layers = [(each.external_id, each.layers, dict(each.unread)) for each in snapshot.schedules]
    assert found_layers == ([("S1", (), {"layers": 1})] if kept else [])
    assert ("schedule", "S1", "no_layers") not in codes(snapshot.notes)
    assert ("schedule", "S1", found) in codes((*snapshot.notes, *snapshot.failed))
    assert snapshot.completeness["schedule"].listing is listing


# --- account ----------------------------------------------------------------------------------------------------------


def test_a_key_of_a_team_proves_no_absence(full: Any) -> None:
    full.answers |= {"/v2/account": HIDDEN, "/v2/escalations": BROKEN}
    snapshot = fetch(full)
    assert snapshot.account.id is None
    assert ("user_group", None, "restricted_key") in codes(snapshot.notes)
    assert not any(reported.listing for reported in snapshot.completeness.values())
    assert "team" in snapshot.completeness["schedule"].reason
    assert "500" in snapshot.completeness["escalation_policy"].reason


@pytest.mark.parametrize("answer", [GONE, BROKEN, {"data": {"plan": {}}}])
def test_an_account_that_is_not_told_is_named(full: Any, answer: Any) -> None:
    full.answers["/v2/account"] = answer
    snapshot = fetch(full)
    assert snapshot.account.id is None
    assert ("user_group", None, "account_not_told") in codes(snapshot.notes)
    assert snapshot.completeness["schedule"].listing


# --- selection --------------------------------------------------------------------------------------------------------


def test_a_chosen_service_brings_along_whatever_its_routing_reaches(full: Any) -> None:
    snapshot = chosen(full, ("service", "V1"))
    assert [one.external_id for one in snapshot.policies] == ["E1", "T1", "T2"]
    assert [one.external_id for one in snapshot.schedules] == ["S1", "S2"]
    assert [one.external_id for one in snapshot.teams] == ["T1", "T2"]
    assert {one.external_id for one in snapshot.users} == {"ANA", "BO", "CY", "GONE"}
    assert snapshot.policies[1].because == ("service Web",)
    assert snapshot.schedules[1].because == ("escalation policy Team T2: routing",)
    assert "/v2/teams/T3" not in full.paths()
    assert "/v2/schedules/S3/overrides" not in full.paths()


def test_a_chosen_team_brings_what_it_owns(full: Any) -> None:
    snapshot = chosen(full, ("user_group", "T2"))
    assert [one.external_id for one in snapshot.policies] == ["T2"]
    assert [one.external_id for one in snapshot.schedules] == ["S2"]


def test_a_schedule_reaches_the_escalations_in_its_turns(full: Any) -> None:
    snapshot = chosen(full, ("schedule", "S3"))
    assert [one.external_id for one in snapshot.schedules] == ["S1", "S2", "S3"]
    assert [one.external_id for one in snapshot.policies] == ["E1", "T2"]


def test_what_was_chosen_and_is_gone_is_named(full: Any) -> None:
    snapshot = chosen(full, ("schedule", "S9"), ("schedule", "S2"))
    assert ("schedule", "S9", "chosen_not_found") in codes(snapshot.notes)
    assert [one.external_id for one in snapshot.schedules] == ["S2"]


def test_the_inventory_is_the_tree_without_people(full: Any) -> None:
    nodes = {node.key: node for node in full.connector().inventory()}
    assert {kind for kind, _ in nodes} == {"user_group", "schedule", "escalation_policy", "service"}
    assert nodes["service", "V1"].references == (("user_group", "T1"),)
    assert nodes["schedule", "S2"].owners == ("T2",)
    assert set(nodes["escalation_policy", "E1"].references) == {
        ("schedule", "S1"), ("user_group", "T2"), ("responder", "GONE"), ("user_group", "T1"),
    }  # fmt: skip
    assert full.paths() == ["/v2/teams", "/v2/schedules", "/v2/escalations", "/v1/services"]


def test_a_selection_lists_only_what_it_needs(full: Any) -> None:
    snapshot = chosen(full, ("schedule", "S2"))
    assert [path for path in full.paths() if not path.startswith("/v2/users")] == [
        "/v2/account", "/v2/forwarding-rules", "/v2/schedules", "/v2/schedules/S2/overrides", "/v2/teams/T2",
    ]  # fmt: skip
    presences = Presences(snapshot)
    kinds: tuple[EntityType, ...] = ("user_group", "escalation_policy", "service", "schedule")
    assert {presences.of(kind, "X9").state for kind in kinds} == {"not_chosen"}


@pytest.mark.parametrize("answer", [GONE, HIDDEN])
def test_a_team_that_cannot_be_seen_by_itself_may_be_listed(full: Any, answer: Any) -> None:
    full.answers["/v2/teams/T2"] = answer
    snapshot = chosen(full, ("schedule", "S2"))
    assert [(one.external_id, one.members) for one in snapshot.teams] == [("T2", None)]
    assert ("user_group", "T2", "members_not_told") in codes(snapshot.notes)
    full.answers["/v2/teams"] = {"data": []}
    assert chosen(full, ("schedule", "S2")).teams == ()


@pytest.mark.parametrize(
    ("answer", "code"), [(BROKEN, "unavailable"), ({"data": {"id": "T2", "members": 7}}, "invalid_value")]
)
def test_what_else_belongs_to_a_selection_is_not_known_when_a_team_failed(full: Any, answer: Any, code: str) -> None:
    full.answers["/v2/teams/T2"] = answer
    snapshot = chosen(full, ("schedule", "S2"))
    assert ("user_group", "T2", code) in codes(snapshot.failed)
    assert [one.external_id for one in snapshot.schedules] == ["S2"]
    assert snapshot.completeness["schedule"].listing
    presences = Presences(snapshot)
    assert presences.of("user_group", "T2").state == "unreadable"
    assert presences.of("escalation_policy", "E9").state == "not_reached"


def test_services_that_are_refused_leave_a_selection_of_them_unknown(full: Any) -> None:
    full.answers["/v1/services"] = HIDDEN
    snapshot = chosen(full, ("service", "V1"), ("schedule", "S2"))
    assert ("service", None, "none_here") in codes(snapshot.notes)
    assert Presences(snapshot).of("escalation_policy", "E9").state == "not_reached"


def test_services_are_listed_as_far_as_the_chosen_ones(account: Any) -> None:
    account.services = [{"id": f"V{number}", "name": f"Service {number}"} for number in range(250)]
    assert [one.external_id for one in chosen(account, ("service", "V3"), ("service", "V120")).services] == [
        "V3", "V120",
    ]  # fmt: skip
    assert account.paths().count("/v1/services") == 2
    assert chosen(account, ("service", "V999")).completeness["service"].listing
