"""ConductorOne's connector and this one: a test for each row of the table in docs/providers/xmatters.md."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.providers.xmatters.connector import XMatters
from connectors.records import Snapshot, SourceMember


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
        "1 member(s) of Group G1 left out: a dynamic team, whose members depend on the moment.",
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
    assert notes(linked, "N1") == ["2 nested group(s) of Group N1 are user groups of their own."]
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
def test_members_are_taken_over_from_all_nested_groups_or_from_none(
    nested: Any, make: Any, answer: str, listed: bool
) -> None:
    """Whoever is in a group that cannot be read would seem to have left those around it."""
    nested.answers["/groups/N2/members"] = getattr(make, answer, (503, {}))
    if not listed:
        nested.groups = [one for one in nested.groups if one["id"] != "N2"]
    snapshot = fetch(nested, nested="expand")
    assert team(snapshot).members is None
    assert "The members of Group G1 count as not told: nothing tells whom the group n2 means." in notes(snapshot)[-1]
    assert "choose another setting" in notes(snapshot)[-1]
    for setting in ("skip", "link"):
        assert team(fetch(nested, nested=setting)).members == (
            SourceMember("ANA", "member"),
            SourceMember("CY", "member"),
        )


def test_a_linked_group_that_cannot_be_seen_is_counted_as_left_out(nested: Any) -> None:
    nested.groups = [one for one in nested.groups if one["id"] != "N1"]
    assert notes(fetch(nested, nested="link"))[:3] == [
        "1 nested group(s) of Group G1 are user groups of their own.",
        "1 member(s) of Group G1 left out: a dynamic team, whose members depend on the moment.",
        "1 member(s) of Group G1 left out: a nested group that cannot be seen.",
    ]


def test_a_dynamic_group_is_told_as_what_it_is(nested: Any) -> None:
    assert team(fetch(nested), "Y").members is None
    expanded = fetch(nested, nested="expand")
    assert team(expanded, "Y").members == (SourceMember("ED", "member"),)
    assert "by criteria" in notes(expanded, "Y")[0]
    assert "Those of this read were taken." in notes(expanded, "Y")[0]


def test_an_inactive_group_is_told(instance: Any) -> None:
    instance.groups[0]["status"] = "INACTIVE"
    snapshot = fetch(instance)
    assert notes(snapshot) == ["Group G1 is inactive at xMatters: it gets no messages."]
    assert [one.enabled for one in snapshot.schedules] == [False]
    assert {one.enabled for one in snapshot.policies} == {False}


def test_devices_are_contact_methods_behind_the_switch(instance: Any) -> None:
    assert [method.channel for user in fetch(instance).users for method in user.contact_methods or ()] == ["email"] * 2
    assert all(user.contact_methods is None for user in fetch(instance, details=False).users)


@pytest.mark.parametrize("tail", ["", "/", "/api/xm/1", "/api/xm/1/"])
def test_both_forms_of_the_address_do(tail: str) -> None:
    assert XMatters.clean({"base_url": f"https://acme.xmatters.com{tail}"})["base_url"] == "https://acme.xmatters.com"


def test_a_missing_prefix_of_an_api_key_is_named_and_not_changed(instance: Any, make: Any) -> None:
    bare = "5d0c6f1e-3a7b-4c58-9f21-ac3e00000003"
    assert XMatters.clean({"base_url": "https://acme.xmatters.com", "username": bare})["username"] == bare
    instance.answers["/people"] = make.UNAUTHORIZED
    with pytest.raises(Exception, match="x-api-key-"):
        instance.connector(username=bare).probe()


def test_shifts_absences_and_services_are_read(instance: Any, make: Any) -> None:
    instance.absences = [make.absence("A1", "ANA", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", by="BO")]
    snapshot = fetch(instance)
    assert (len(snapshot.schedules), len(snapshot.policies), len(snapshot.services)) == (1, 2, 1)
    assert len(snapshot.users[0].substitutions or ()) == 1


def test_nothing_is_written(instance: Any) -> None:
    connector = instance.connector()
    connector.probe()
    connector.inventory()
    connector.fetch(Selection(), contact_details=True)
    assert {request.method for request in instance.requests} == {"GET"}
    for path in ("/api/xm/1/people", "/api/xm/1/oauth2/token/x", "/api/xm/1/groups/G1/members"):
        with pytest.raises(ValueError, match="not declared"):
            connector._api.post(path, {})
