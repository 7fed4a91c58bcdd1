"""Tests whole reads: an error fails its own object only, and is reported."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.errors import (
    AuthenticationFailed,
    ConnectionConfigError,
    PermissionMissing,
    ProviderUnavailable,
    UnexpectedResponse,
)
from connectors.records import Account, Completeness

DENIED = (403, {"error": {"message": "Access Denied", "code": 2010}})
NO_PLAN = (402, {"error": {"message": "Account does not have the required ability", "code": 2014}})
BROKEN = (500, {"error": {"message": "Internal Server Error", "code": 2000}})
UNAUTHORIZED = (401, {"error": {"message": "Unauthorized", "code": 2006}})
HTML = (200, b"<html><title>Sign in</title></html>")
LISTS = ("/users", "/teams", "/services", "/escalation_policies", "/schedules", "/v3/schedules")


def fetch(account: Any, *, details: bool = True, **settings: str) -> Any:
    return account.connector(**settings).fetch(Selection(), contact_details=details)


def codes(found: Any) -> list[Any]:
    return [(one.entity_type, one.external_id, one.code) for one in found]


# --- nothing can be read ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["us", "eu"])
def test_a_wrong_key_or_region_stops_the_read(account: Any, region: str) -> None:
    account.answers |= dict.fromkeys(LISTS, UNAUTHORIZED)
    with pytest.raises(AuthenticationFailed) as refused:
        fetch(account, region=region)
    assert refused.value.field == "api_key"
    assert region.upper() in refused.value.hint
    assert len(account.requests) == 1


def test_a_key_revoked_in_the_middle_stops_the_read(account: Any) -> None:
    account.answers["/services"] = UNAUTHORIZED
    with pytest.raises(AuthenticationFailed):
        fetch(account)


def test_another_account_stops_the_read_at_its_first_page(account: Any, make: Any) -> None:
    account.users = [make.user("P1", html_url="https://globex.pagerduty.com/users/P1")]
    with pytest.raises(ConnectionConfigError) as refused:
        fetch(account)
    assert refused.value.field == "subdomain"
    assert account.paths() == ["/users"]


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (HTML, UnexpectedResponse, "not_api"),
        ((200, b""), UnexpectedResponse, "empty_answer"),
        (BROKEN, ProviderUnavailable, "unavailable"),
        (DENIED, PermissionMissing, "permission"),
    ],
)
def test_when_every_listing_fails_the_first_reason_is_raised(account: Any, answer: Any, error: Any, code: str) -> None:
    account.answers |= dict.fromkeys(LISTS, answer)
    with pytest.raises(error) as refused:
        fetch(account)
    assert refused.value.code == code
    with pytest.raises(error):
        account.connector().inventory()


def test_an_empty_account_is_an_empty_snapshot(new_account: Any) -> None:
    snapshot = fetch(new_account())
    assert (snapshot.users, snapshot.teams, snapshot.schedules, snapshot.failed) == ((), (), (), ())
    assert all(reported.listing for reported in snapshot.completeness.values())
    assert snapshot.account == Account(None, "acme.pagerduty.com (not confirmed)", "us")


# --- one listing fails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "entity_type"),
    [
        ("/users", "responder"),
        ("/teams", "user_group"),
        ("/services", "service"),
        ("/escalation_policies", "escalation_policy"),
        ("/schedules", "schedule"),
        ("/v3/schedules", "schedule"),
    ],
)
@pytest.mark.parametrize("answer", [BROKEN, HTML, (200, b""), (404, {"error": "gone"}), DENIED])
def test_a_failing_listing_is_named_and_incomplete_and_the_rest_goes_on(
    account: Any, make: Any, path: str, entity_type: str, answer: Any
) -> None:
    account.teams = [{"id": "T1", "name": "Team", "html_url": "https://acme.pagerduty.com/teams/T1"}]
    account.answers[path] = answer
    snapshot = fetch(account)
    read = [kind for kind in ("responder", "user_group") if snapshot.records(kind)]
    assert read == [kind for kind in ("responder", "user_group") if kind != entity_type]
    assert snapshot.account.id == "acme"
    none_here = path == "/v3/schedules" and answer[0] in (403, 404)
    if none_here:
        assert codes(snapshot.notes) == [("schedule", None, "none_here")]
        assert snapshot.failed == ()
        assert snapshot.completeness["schedule"].listing is (answer[0] == 404)
    else:
        assert [failed[:2] for failed in codes(snapshot.failed)] == [(entity_type, None)]
        assert snapshot.completeness[entity_type].listing is False


def test_a_plan_without_teams_has_none(account: Any) -> None:
    account.answers["/teams"] = NO_PLAN
    snapshot = fetch(account)
    assert ("user_group", None, "none_here") in codes(snapshot.notes)
    assert snapshot.completeness["user_group"] == Completeness(True)
    assert snapshot.failed == ()


def test_a_page_that_fails_keeps_the_pages_before_it(account: Any, make: Any) -> None:
    people = [make.user(f"P{number}") for number in range(150)]
    account.answers["/users"] = lambda query: BROKEN if query["offset"] == "100" else make.page("users", people, query)
    snapshot = fetch(account)
    assert len(snapshot.users) == 100
    assert codes(snapshot.failed) == [("responder", None, "unavailable")]
    assert not snapshot.completeness["responder"].listing


def test_one_bad_object_stops_no_other(account: Any, make: Any) -> None:
    account.users.append({**make.user("P2"), "name": 7})
    account.services = [{"id": "V1", "name": "Good"}, {"id": "V2", "name": ["odd"]}]
    snapshot = fetch(account)
    assert [service.name for service in snapshot.services] == ["Good"]
    assert codes(snapshot.failed) == [("responder", "P2", "invalid_value"), ("service", "V2", "invalid_value")]
    assert snapshot.failed[1].path == "name"
    assert all(reported.listing for reported in snapshot.completeness.values())


# --- people -----------------------------------------------------------------------------------------------------------


def test_a_person_without_an_email_and_two_with_one_are_all_kept(account: Any, make: Any) -> None:
    account.users = [
        make.user("P1", email=None),
        make.user("P2", email="a@example.com"),
        make.user("P3", email="a@example.com"),
    ]
    snapshot = fetch(account)
    assert [user.email for user in snapshot.users] == [None, "a@example.com", "a@example.com"]
    assert ("responder", "P1", "no_email") in codes(snapshot.notes)


def test_contact_details_come_with_the_list_and_only_when_wanted(account: Any, make: Any) -> None:
    method = {"id": "C1", "type": "email_contact_method", "label": "Work", "address": "a@example.com"}
    account.users = [make.user("P1", contact_methods=[method])]
    (person,) = fetch(account).users
    assert [one.address for one in person.contact_methods] == ["a@example.com"]
    assert person.notification_rules == ()
    (person,) = fetch(account, details=False).users
    assert (person.contact_methods, person.notification_rules) == (None, None)
    requested = [[v for n, v in r.query if n == "include[]"] for r in account.requests if r.path == "/users"]
    assert requested == [["contact_methods", "notification_rules"], []]


def test_bare_references_are_not_told_and_asked_for_one_by_one(account: Any, make: Any) -> None:
    bare = make.reference("email_contact_method", "C1")
    rule = make.reference("assignment_notification_rule", "N1")
    account.users = [
        make.user("P1", contact_methods=[bare], notification_rules=[rule]),
        make.user("P2", contact_methods=[bare]),
        make.user("P3", contact_methods=None),
        make.user("P4", contact_methods=[bare]),
        make.user("P5", contact_methods=[bare]),
    ]
    full = {"id": "C1", "type": "email_contact_method", "address": "a@example.com"}
    reported = {
        "id": "N1",
        "type": "assignment_notification_rule",
        "start_delay_in_minutes": 0,
        "urgency": "low",
        "contact_method": bare,
    }
    account.answers |= {
        "/users/P1/contact_methods": {"contact_methods": [full]},
        "/users/P1/notification_rules": {"notification_rules": [reported]},
        "/users/P3/contact_methods": BROKEN,
        "/users/P4/contact_methods": {"contact_methods": [bare]},
        "/users/P5/contact_methods": {"contact_methods": [full, {**full, "id": None}]},
    }
    snapshot = fetch(account)
    assert snapshot.users[0].contact_methods[0].address == "a@example.com"
    assert snapshot.users[0].notification_rules[0].urgency == "low"
    assert [user.contact_methods for user in snapshot.users[1:4]] == [None] * 3
    assert [method.address for method in snapshot.users[4].contact_methods] == ["a@example.com"]
    assert snapshot.users[4].unread == {"contact_methods": 1}
    assert codes(snapshot.notes)[-1:] == [("responder", "P2", "contact_methods_not_told")]
    assert codes(snapshot.failed) == [
        ("responder", "P3", "unavailable"),
        ("responder", "P4", "invalid_value"),
        ("responder", "P5", "invalid_value"),
    ]
    assert dict(next(r for r in account.requests if r.path.endswith("rules")).query)["urgency"] == "all"


def test_a_missing_right_to_contact_details_is_named_once(account: Any, make: Any) -> None:
    account.answers["/users"] = lambda query: (
        DENIED if "include[]" in query else make.page("users", account.users, query)
    )
    account.users = [make.user("P1"), make.user("P2")]
    snapshot = fetch(account)
    assert [user.contact_methods for user in snapshot.users] == [None, None]
    assert ("responder", None, "contact_details_forbidden") in codes(snapshot.notes)
    assert snapshot.failed == ()
    assert snapshot.completeness["responder"].listing


def test_a_right_missing_for_single_reads_is_named_once(account: Any, make: Any) -> None:
    account.users = [make.user(id_, contact_methods=None, notification_rules=None) for id_ in ("P1", "P2")]
    account.answers["/users/P1/contact_methods"] = DENIED
    snapshot = fetch(account)
    assert [user.contact_methods for user in snapshot.users] == [None, None]
    assert [code for *_, code in codes(snapshot.notes)].count("contact_details_forbidden") == 1
    assert len([path for path in account.paths() if path.startswith("/users/")]) == 1


def test_members_are_read_per_team_or_not_told(account: Any, make: Any) -> None:
    account.teams = [{"id": f"T{n}", "name": f"Team {n}"} for n in range(1, 6)]
    member = {"user": make.reference("user", "PANA"), "role": "manager"}
    account.answers |= {
        "/teams/T1/members": {
            "members": [member, {"user": make.reference("user", "PNEW"), "role": "odd"}],
            "more": False,
        },
        "/teams/T2/members": DENIED,
        "/teams/T3/members": BROKEN,
        "/teams/T4/members": {"members": [member, {"role": "x"}], "more": False},
    }
    snapshot = fetch(account)
    reported = [None if team.members is None else [m.person_id for m in team.members] for team in snapshot.teams]
    assert reported == [["PANA", "PNEW"], None, None, ["PANA"], []]
    assert [dict(team.unread) for team in snapshot.teams] == [{}, {}, {}, {"members": 1}, {}]
    assert ("user_group", "T2", "members_not_told") in codes(snapshot.notes)
    assert codes(snapshot.failed) == [("user_group", "T3", "unavailable"), ("user_group", "T4", "missing_field")]
    assert snapshot.failed[1].path == "members[1].user"
    assert [(user.external_id, user.listed, user.state) for user in snapshot.users] == [
        ("PANA", True, "active"),
        ("PNEW", False, "unknown"),
    ]


# --- policies ---------------------------------------------------------------------------------------------------------


def test_a_policy_that_points_at_what_the_key_cannot_see_keeps_the_target(account: Any, make: Any) -> None:
    account.schedules = [make.schedule("S1", make.layer("L1", "PANA"))]
    targets = [make.reference("schedule", "S1"), make.reference("schedule", "SX"), make.reference("user", "PX")]
    account.escalation_policies = [make.policy("E1", targets)]
    snapshot = fetch(account)
    kinds = [(target.kind, target.key) for target in snapshot.policies[0].policy.levels[0].targets]
    assert kinds == [("responder", "PX"), ("schedule", "S1"), ("unresolved", "SX")]
    assert ("escalation_policy", "E1", "unresolved_target") in codes(snapshot.notes)
    assert ("responder", "PX", "referenced_only") in codes(snapshot.notes)
    assert snapshot.failed == ()
