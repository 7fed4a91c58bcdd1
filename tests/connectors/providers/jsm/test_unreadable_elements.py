"""One unreadable member, rotation or forwarding rule costs only itself, and an empty answer needs a sign."""

from typing import Any

import pytest

from connectors.closure import Selection


def fetch(site: Any) -> Any:
    return site.connector().fetch(Selection(), contact_details=False)


def failures(snapshot: Any) -> list[tuple[str, Any, str]]:
    return [(one.entity_type, one.external_id, one.code) for one in snapshot.failed]


def test_a_member_without_an_account_costs_only_itself(site: Any, make: Any) -> None:
    answer = {"results": [{"id": "ANA"}, {"accountId": "BO"}], "pageInfo": {}}
    site.answers[f"/gateway/api/public/teams/v1/org/{make.ORG}/teams/T1/members"] = answer
    snapshot = fetch(site)
    (team,) = snapshot.teams
    assert ([member.person_id for member in team.members], team.unread) == (["BO"], {"members": 1})
    assert failures(snapshot) == [("user_group", "T1", "missing_field")]


def test_a_broken_rotation_costs_only_itself(site: Any, make: Any) -> None:
    site.schedules[0]["rotations"] = []
    values = [{"id": "R1"}, make.rotation("R2", "ANA")]
    site.answers["/v1/schedules/S1/rotations"] = {"values": values, "links": {}}
    snapshot = fetch(site)
    (schedule,) = snapshot.schedules
    assert ([layer.key for layer in schedule.layers], schedule.unread) == (["R2"], {"layers": 1})
    assert failures(snapshot) == [("schedule", "S1", "missing_field")]


@pytest.mark.parametrize(
    ("bad", "unread"),
    [
        ({"id": "F1"}, {"ANA": 1, "BO": 1}),
        ({"id": "F1", "fromUser": {"id": "ANA"}}, {"ANA": 1, "BO": 0}),
        ("F1", {"ANA": 1, "BO": 1}),
        ({"id": "F1", "fromUser": {"id": "ANA"}, "endDate": "2025-12-31T00:00:00Z"}, {"ANA": 0, "BO": 0}),
        ({"id": "F1", "endDate": "2025-12-31T00:00:00Z"}, {"ANA": 0, "BO": 0}),
    ],
)
def test_a_forwarding_rule_that_cannot_be_read_is_of_the_person_it_is_from(
    site: Any, make: Any, bad: Any, unread: Any
) -> None:
    site.users = [make.user("ANA"), make.user("BO")]
    site.schedules[0]["rotations"] = [make.rotation("R1", "ANA", "BO")]
    period = {"startDate": "2026-02-01T00:00:00Z", "endDate": "2026-02-02T00:00:00Z"}
    good = {"id": "F2", "fromUser": make.who("BO"), "toUser": make.who("ANA"), **period}
    site.answers["/v1/forwarding-rules"] = {"values": [bad, good], "links": {}}
    snapshot = fetch(site)
    assert {user.external_id: user.unread.get("substitutions", 0) for user in snapshot.users} == unread
    assert {user.external_id: len(user.substitutions) for user in snapshot.users} == {"ANA": 0, "BO": 1}
    assert len(snapshot.failed) == (1 if any(unread.values()) else 0)


def test_people_are_read_on_when_one_answer_has_fewer_than_requested(site: Any, make: Any) -> None:
    site.users = [make.user("ANA"), make.user("BO")]

    def answer(query: Any) -> Any:
        start = int(query["startAt"])
        return {"values": site.users[start : start + 1], "startAt": start, "maxResults": 1, "isLast": start == 1}

    site.answers["/rest/api/3/user/bulk"] = answer
    snapshot = fetch(site)
    assert {user.external_id: user.listed for user in snapshot.users} == {"ANA": True, "BO": True}


@pytest.mark.parametrize("path", ["/v1/schedules", "/v1/teams", "/v1/teams/T1/escalations"])
def test_an_empty_page_that_is_not_the_last_makes_the_list_incomplete(site: Any, path: str) -> None:
    site.answers[path] = {"values": [], "links": {"next": f"{path}?offset=50&size=50"}}
    snapshot = fetch(site)
    kind = {"schedules": "schedule", "teams": "user_group", "escalations": "escalation_policy"}[path.split("/")[-1]]
    assert (kind, None, "incomplete_list") in failures(snapshot)
    assert not snapshot.completeness[kind].listing


@pytest.mark.parametrize(
    ("path", "collection"), [("/v1/schedules/S1/overrides", "overrides"), ("/v1/forwarding-rules", "substitutions")]
)
def test_a_collection_with_an_empty_page_that_is_not_the_last_is_not_reported(
    site: Any, path: str, collection: str
) -> None:
    site.answers[path] = {"values": [], "links": {"next": f"{path}?offset=50&size=50"}}
    snapshot = fetch(site)
    records = snapshot.schedules if collection == "overrides" else snapshot.users
    assert {getattr(record, collection) for record in records} == {None}
    assert failures(snapshot) == []


@pytest.mark.parametrize("answer", [(404, {}), (403, {})])
def test_rotations_that_are_not_reported_are_not_none(site: Any, answer: Any) -> None:
    site.schedules[0]["rotations"] = []
    site.answers["/v1/schedules/S1/rotations"] = answer
    snapshot = fetch(site)
    (schedule,) = snapshot.schedules
    assert (schedule.layers, schedule.unread) == ((), {"layers": 1})
    assert "rotations_not_confirmed" in {note.code for note in snapshot.notes}
    assert "no_layers" not in {note.code for note in snapshot.notes}
