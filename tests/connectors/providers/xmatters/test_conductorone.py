"""Compares with ConductorOne's connector: a test for each row of the table in docs/providers/xmatters.md."""

import base64
from typing import Any

import pytest

from connectors.closure import Selection
from connectors.errors import AuthenticationFailed
from connectors.providers.xmatters.connector import XMatters
from connectors.records import Snapshot, SourceMember
from oncall.rendering.spec import person


def fetch(instance: Any, *, details: bool = True, **settings: str) -> Snapshot:
    return instance.connector(**settings).fetch(Selection(), contact_details=details)


def team(snapshot: Snapshot, id_: str = "G1") -> Any:
    return next(one for one in snapshot.teams if one.external_id == id_)


def notes(snapshot: Snapshot, id_: str = "G1") -> list[str]:
    return [n.message for n in snapshot.notes if n.entity_type == "user_group" and n.external_id == id_]


@pytest.fixture
def nested(instance: Any, make: Any) -> Any:
    """G1 holds a group that holds G1 and another one, a device, a dynamic group and something unknown."""
    instance.people += [make.person("CY"), make.person("DI"), make.person("ED")]
    instance.devices.append(make.device("D9", "CY", "VOICE"))
    instance.groups += [make.group("N1"), make.group("N2", "BROADCAST"), make.group("Y", "DYNAMIC")]
    instance.rosters = {
        "G1": [
            make.who("ANA"),
            make.who("N1", "GROUP"),
            make.who("Y", "GROUP"),
            make.who("D9", "DEVICE"),
            make.who("T1", "DYNAMIC_TEAM"),
            make.who("S1", "SERVICE"),
        ],
        "N1": [make.who("G1", "GROUP"), make.who("N2", "GROUP"), make.who("BO"), make.who("ANA")],
        "N2": [make.who("DI"), make.who("N1", "GROUP")],
    }
    instance.answers["/groups/Y/recipients"] = make.envelope([make.who("ED")])
    return instance


def test_users_with_their_status_and_more(instance: Any, make: Any) -> None:
    instance.people = [
        make.person("ANA", timezone=None, site={"id": "L1"}, roles=[{"id": "R", "name": "Standard User"}]),
        make.person("BO", status="INACTIVE"),
    ]
    instance.sites = [{"id": "L1", "timezone": "Asia/Kolkata", "status": "ACTIVE"}]
    ana, bo = fetch(instance).users
    assert (ana.state, ana.email, ana.title, ana.time_zone.zone) == (
        "active",
        "ana@example.com",
        "Standard User",
        "Asia/Kolkata",
    )
    assert bo.state == "inactive"


def test_every_member_that_is_no_person_is_counted_with_its_reason(nested: Any) -> None:
    snapshot = fetch(nested)
    assert team(snapshot).members == (SourceMember("ANA", "member"), SourceMember("CY", "member"))
    assert notes(snapshot) == [
        "1 member(s) of Group G1 left out: a dynamic team, whose members change with time.",
        "2 member(s) of Group G1 left out: a nested group.",
        "1 member(s) of Group G1 left out: of the unknown type 'SERVICE'.",
    ]


def test_nested_groups_are_skipped_unless_asked_for(nested: Any) -> None:
    selection = Selection(False, frozenset({("user_group", "N1")}))
    skipped = nested.connector().fetch(selection, contact_details=False)
    assert [one.external_id for one in skipped.teams] == ["N1"]
    assert [member.person_id for member in team(skipped, "N1").members] == ["ANA", "BO"]


def test_nested_groups_may_come_along_as_groups_of_their_own(nested: Any) -> None:
    selection = Selection(False, frozenset({("user_group", "N1")}))
    linked = nested.connector(nested="link").fetch(selection, contact_details=False)
    assert {one.external_id for one in linked.teams} == {"N1", "N2", "G1", "Y"}
    assert [member.person_id for member in team(linked, "N1").members] == ["ANA", "BO"]
    assert notes(linked, "N1") == ["2 nested group(s) of Group N1 are separate user groups."]
    assert team(linked, "Y").members is None


def test_nested_groups_may_be_expanded_without_going_in_circles(nested: Any) -> None:
    snapshot = fetch(nested, nested="expand")
    assert team(snapshot).members == (
        SourceMember("ANA", "member"),
        SourceMember("BO", "via Group N1"),
        SourceMember("CY", "member"),
        SourceMember("DI", "via Group N2"),
        SourceMember("ED", "via Group Y"),
    )
    assert {member.person_id: member.role for member in team(snapshot, "N2").members} == {
        "DI": "member",
        "BO": "via Group N1",
        "ANA": "via Group N1",
        "CY": "via Group G1",
        "ED": "via Group Y",
    }
    selection = Selection(False, frozenset({("user_group", "G1")}))
    chosen = nested.connector(nested="expand").fetch(selection, contact_details=False)
    assert team(chosen).members == team(snapshot).members
    assert {user.external_id for user in chosen.users} == {"ANA", "BO", "CY", "DI", "ED"}
    assert [one.external_id for one in chosen.teams] == ["G1"]


@pytest.mark.parametrize("answer", ["FORBIDDEN", "GONE", "unavailable"])
@pytest.mark.parametrize("listed", [True, False])
def test_members_of_groups_with_a_hidden_nested_group_are_partly_known(
    nested: Any, make: Any, answer: str, listed: bool
) -> None:
    """Whoever is in a group that cannot be read would seem to have left those around it."""
    nested.answers["/groups/N2/members"] = getattr(make, answer, (503, {}))
    if not listed:
        nested.groups = [one for one in nested.groups if one["id"] != "N2"]
    snapshot = fetch(nested, nested="expand")
    assert team(snapshot).members
    assert team(snapshot).unread == {"members": 1}
    assert "The members of Group G1 are only partly known: the group n2 cannot be resolved." in notes(snapshot)[-1]
    assert "choose another setting" in notes(snapshot)[-1]
    for setting in ("skip", "link"):
        assert team(fetch(nested, nested=setting)).members == (
            SourceMember("ANA", "member"),
            SourceMember("CY", "member"),
        )


def test_a_linked_group_that_cannot_be_seen_is_counted_as_left_out(nested: Any) -> None:
    nested.groups = [one for one in nested.groups if one["id"] != "N1"]
    assert notes(fetch(nested, nested="link"))[:3] == [
        "1 nested group(s) of Group G1 are separate user groups.",
        "1 member(s) of Group G1 left out: a dynamic team, whose members change with time.",
        "1 member(s) of Group G1 left out: a nested group that is not visible.",
    ]


def test_a_dynamic_group_is_told_as_what_it_is(nested: Any) -> None:
    assert team(fetch(nested), "Y").members is None
    expanded = fetch(nested, nested="expand")
    assert team(expanded, "Y").members == (SourceMember("ED", "member"),)
    assert "by criteria" in notes(expanded, "Y")[0]
    assert "The members at this read were imported." in notes(expanded, "Y")[0]


def test_an_inactive_group_is_told(instance: Any) -> None:
    instance.groups[0]["status"] = "INACTIVE"
    snapshot = fetch(instance)
    assert notes(snapshot) == ["Group G1 is inactive at xMatters, so it gets no messages."]
    assert [one.enabled for one in snapshot.schedules] == [False]
    assert {one.enabled for one in snapshot.policies} == {False}


def test_devices_are_contact_methods_and_rules_behind_the_switch(instance: Any, make: Any) -> None:
    instance.devices.append(make.device("D3", "ANA", "TEXT_PHONE", sequence=2))
    instance.devices[0]["delay"] = 5
    ana, bo = fetch(instance).users
    assert [(one.channel, one.address) for one in ana.contact_methods or ()] == [
        ("email", "ana@example.com"),
        ("sms", "+15555550100"),
    ]
    assert [(one.method_id, one.delay) for one in ana.notification_rules or ()] == [("D1", 0), ("D3", 5)]
    assert len(bo.contact_methods or ()) == len(bo.notification_rules or ()) == 1
    for user in fetch(instance, details=False).users:
        assert (user.contact_methods, user.notification_rules) == (None, None)
        assert user.email  # a person can be matched only by it


@pytest.mark.parametrize("tail", ["", "/", "/api/xm/1", "/api/xm/1/"])
def test_both_forms_of_the_address_do(instance: Any, tail: str) -> None:
    typed = f"https://acme.xmatters.com{tail}"
    assert XMatters.clean({"base_url": typed})["base_url"] == "https://acme.xmatters.com"
    instance.connector(base_url=typed).inventory()
    assert [request.path for request in instance.requests] == ["/api/xm/1/groups", "/api/xm/1/services"]


KEY_ID = "5d0c6f1e-3a7b-4c58-9f21-ac3e00000003"


@pytest.mark.parametrize("username", ["reader", f"x-api-key-{KEY_ID}"])
def test_a_login_and_an_api_key_are_http_basic(instance: Any, make: Any, username: str) -> None:
    instance.connector(username=username).probe()
    sent = {headers["Authorization"] for headers in instance.headers}
    assert sent == {"Basic " + base64.b64encode(f"{username}:{make.PASSWORD}".encode()).decode()}


def test_a_token_is_the_other_credential(instance: Any) -> None:
    instance.answers["/oauth2/token"] = {"access_token": "T1", "expires_in": 3600, "token": "bearer"}
    fetch(instance, auth="oauth", client_id="client-1")
    first, *others = zip(instance.requests, instance.headers, strict=True)
    assert (first[0].method, first[0].path, "Authorization" in first[1]) == ("POST", "/api/xm/1/oauth2/token", False)
    assert {(request.method, headers["Authorization"]) for request, headers in others} == {("GET", "Bearer T1")}


def test_a_missing_prefix_of_an_api_key_is_named_and_not_changed(instance: Any, make: Any) -> None:
    assert XMatters.clean({"base_url": "https://acme.xmatters.com", "username": KEY_ID})["username"] == KEY_ID
    instance.answers["/people"] = make.UNAUTHORIZED
    with pytest.raises(AuthenticationFailed) as refused:
        instance.connector(username=KEY_ID).probe()
    assert refused.value.field == "username"
    assert "put x-api-key- in front of it" in refused.value.hint
    sent = base64.b64decode(instance.headers[0]["Authorization"].removeprefix("Basic ")).decode()
    assert sent.startswith(f"{KEY_ID}:")


def test_shifts_absences_and_services_are_read(instance: Any, make: Any) -> None:
    instance.absences = [make.absence("A1", "ANA", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", by="BO")]
    snapshot = fetch(instance)
    (schedule,) = snapshot.schedules
    assert (schedule.name, [layer.participants for layer in schedule.layers]) == (
        "Group G1: Shift S1",
        [(person("ANA"),), (person("BO"),)],
    )
    assert {one.external_id: len(one.policy.levels) for one in snapshot.policies} == {"S1": 2, "G1": 1}
    (stand_in,) = snapshot.users[0].substitutions or ()
    assert (stand_in.person, stand_in.replacement) == (person("ANA"), person("BO"))
    (service,) = snapshot.services
    assert (service.name, service.policy_id, service.group_id) == ("Web", "G1", "G1")


@pytest.mark.parametrize("settings", [{}, {"auth": "oauth", "client_id": "client-1"}])
def test_nothing_is_written(instance: Any, make: Any, settings: dict[str, str]) -> None:
    instance.answers["/oauth2/token"] = {"access_token": "T1", "expires_in": 3600}
    connector = instance.connector(**settings)
    connector.probe()
    connector.inventory()
    connector.fetch(Selection(), contact_details=True)
    connector.rendered({"S1": ("G1",)}, make.NOW, make.NOW + 60)
    written = {request.path for request in instance.requests if request.method != "GET"}
    assert written == ({"/api/xm/1/oauth2/token"} if settings else set())
    for path in ("/api/xm/1/people", "/api/xm/1/oauth2/token/x", "/api/xm/1/groups/G1/members"):
        with pytest.raises(ValueError, match="not declared"):
            connector._api.post(path, {})
