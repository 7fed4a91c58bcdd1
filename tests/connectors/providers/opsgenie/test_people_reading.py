"""People and their contacts: as few calls as possible, and whoever cannot be read stays a person."""

from typing import Any

import pytest

from connectors.closure import Selection

GONE = (404, {"message": "No such thing"})
BROKEN = (500, {"message": "Internal error"})
HIDDEN = (403, {"code": 40301, "message": "Api key is not authorized"})
CONTACT = {"id": "C1", "contactMethod": "email", "to": "ana@example.com", "enabled": True}


def fetch(account: Any, *keys: Any, details: bool = True, **more: Any) -> Any:
    selection = Selection(False, frozenset(keys)) if keys else Selection()
    return account.connector().fetch(selection, contact_details=details, **more)


def codes(found: Any) -> list[Any]:
    return [(one.external_id, one.code) for one in found if one.entity_type == "responder"]


def contacts(snapshot: Any) -> dict[str, Any]:
    return {
        user.external_id: None if user.contact_methods is None else len(user.contact_methods) for user in snapshot.users
    }


@pytest.fixture
def crowd(account: Any, make: Any) -> Any:
    """250 people, two of them in a schedule."""
    account.users = [make.user(f"P{number}", userContacts=[CONTACT]) for number in range(250)]
    account.schedules = [make.schedule("S1", make.rotation("R1", "P3", "P240"))]
    return account


def people_calls(account: Any) -> list[str]:
    return [path for path in account.paths() if path.startswith("/v2/users")]


def test_contacts_are_not_asked_for_when_they_are_off(crowd: Any) -> None:
    snapshot = fetch(crowd, details=False)
    assert people_calls(crowd) == ["/v2/users"] * 3
    assert set(contacts(snapshot).values()) == {None}
    assert snapshot.completeness["responder"].listing


def test_contacts_cost_one_call_per_person(crowd: Any) -> None:
    seen: list[Any] = []
    snapshot = fetch(crowd, progress=lambda *reported: seen.append(reported))
    assert len(people_calls(crowd)) == 3 + 250
    assert set(contacts(snapshot).values()) == {1}
    assert ("responder", 250, 250) in seen


def test_a_selection_reads_its_people_with_their_contacts_in_one_call_each(crowd: Any) -> None:
    snapshot = fetch(crowd, ("schedule", "S1"))
    assert people_calls(crowd) == ["/v2/users/P3", "/v2/users/P240"]
    assert {dict(r.query).get("expand") for r in crowd.requests if r.path.startswith("/v2/users/")} == {"contact"}
    assert contacts(snapshot) == {"P3": 1, "P240": 1}
    assert not snapshot.completeness["responder"].listing


def test_a_selection_without_contacts_takes_whichever_is_fewer_calls(crowd: Any, make: Any) -> None:
    fetch(crowd, ("schedule", "S1"), details=False)
    assert people_calls(crowd) == ["/v2/users/P3", "/v2/users/P240"]
    crowd.requests.clear()
    crowd.schedules = [make.schedule("S1", make.rotation("R1", "P1", "P2", "P3", "P240"))]
    snapshot = fetch(crowd, ("schedule", "S1"), details=False)
    assert people_calls(crowd) == ["/v2/users"] * 3
    assert [user.external_id for user in snapshot.users] == ["P1", "P2", "P3", "P240"]


@pytest.mark.parametrize(("total", "requested"), [(250, ["/v2/users", "/v2/users/P240"]), (None, ["/v2/users"] * 3)])
def test_an_account_that_tells_no_count_tells_it_with_the_first_page(
    crowd: Any, make: Any, total: Any, requested: list[str]
) -> None:
    crowd.answers |= {
        "/v2/account": GONE,
        "/v2/users": lambda query: {**make.page("/v2/users", crowd.users, query), "totalCount": total},
    }
    snapshot = fetch(crowd, ("schedule", "S1"), details=False)
    assert people_calls(crowd) == requested
    assert [user.listed for user in snapshot.users] == [True, True]


def test_nobody_is_asked_for_when_nobody_is_needed(crowd: Any, make: Any) -> None:
    crowd.answers["/v2/account"] = GONE
    crowd.schedules = [make.schedule("S1", make.rotation("R1", {"type": "none"}))]
    assert fetch(crowd, ("schedule", "S1"), details=False).users == ()
    assert people_calls(crowd) == []


@pytest.mark.parametrize(
    ("answer", "failed"),
    [(GONE, []), (HIDDEN, []), (BROKEN, ["unavailable"]), ({"data": {"id": "P3"}}, ["missing_field"])],
)
def test_a_person_that_cannot_be_read_stays_one(crowd: Any, answer: Any, failed: Any) -> None:
    crowd.answers["/v2/users/P3"] = answer
    snapshot = fetch(crowd, ("schedule", "S1"))
    assert [(user.external_id, user.listed, user.name) for user in snapshot.users] == [
        ("P3", False, "p3@example.com"), ("P240", True, "User P240"),
    ]  # fmt: skip
    assert [one.code for one in snapshot.failed] == failed
    assert ("P3", "referenced_only") in codes(snapshot.notes)


@pytest.mark.parametrize("answer", [GONE, HIDDEN])
def test_whoever_is_gone_since_the_list_has_contacts_not_told(account: Any, make: Any, answer: Any) -> None:
    account.users = [make.user("ANA"), make.user("BO", userContacts=[])]
    account.answers |= {"/v2/users/ANA": answer, "/v2/users/ANA/contacts": answer}
    snapshot = fetch(account)
    assert contacts(snapshot) == {"ANA": None, "BO": 0}
    assert codes(snapshot.notes) == [("ANA", "contacts_not_told")]
    assert snapshot.failed == ()


def test_an_answer_without_the_expanded_contacts_is_asked_for_them(account: Any, make: Any) -> None:
    other = {"id": "C2", "method": "sms", "to": "1-9995550100", "status": {"enabled": True}, "applyOrder": 0}
    account.answers["/v2/users/ANA/contacts"] = make.data([other])
    snapshot = fetch(account)
    assert [method.address for method in snapshot.users[0].contact_methods] == ["+19995550100"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [(BROKEN, "unavailable"), ({"data": {}}, "invalid_value")],
)
def test_contacts_that_cannot_be_read_are_not_told(account: Any, answer: Any, code: str) -> None:
    account.answers["/v2/users/ANA/contacts"] = answer
    snapshot = fetch(account)
    assert contacts(snapshot) == {"ANA": None}
    assert codes(snapshot.failed) == [("ANA", code)]


@pytest.mark.parametrize("bad", [{"id": "C2"}, {"id": "", "contactMethod": "sms"}, {"contactMethod": "sms"}, None])
def test_one_unreadable_contact_costs_only_itself(account: Any, make: Any, bad: Any) -> None:
    account.users = [make.user("ANA", userContacts=[bad, CONTACT])]
    snapshot = fetch(account)
    assert (contacts(snapshot), snapshot.users[0].unread) == ({"ANA": 1}, {"contact_methods": 1})
    assert [failed.path.startswith("userContacts[0]") for failed in snapshot.failed] == [True]


def test_contacts_that_are_no_list_are_read_by_themselves(account: Any, make: Any) -> None:
    account.users = [make.user("ANA", userContacts={"C1": "x"})]
    account.answers["/v2/users/ANA/contacts"] = make.data([CONTACT])
    assert contacts(fetch(account)) == {"ANA": 1}


@pytest.mark.parametrize("keys", [(), (("schedule", "S1"),)])
def test_a_key_that_may_read_nobody_is_not_asked_again_and_again(crowd: Any, make: Any, keys: Any) -> None:
    ids = [f"P{number}" for number in range(9)]
    crowd.schedules = [make.schedule("S1", make.rotation("R1", *ids))]
    crowd.answers |= {f"/v2/users/{id_}": HIDDEN for id_ in ids}
    snapshot = fetch(crowd, *keys)
    assert sum(1 for path in people_calls(crowd) if path.count("/") == 3) == 3
    assert codes(snapshot.notes).count((None, "contact_details_forbidden")) == 1
    assert set(ids) <= {user.external_id for user in snapshot.users}


def test_refusals_after_an_answer_are_of_the_people_not_of_the_key(crowd: Any) -> None:
    crowd.answers |= {f"/v2/users/P{number}": HIDDEN for number in range(100, 120)}
    snapshot = fetch(crowd)
    assert sum(1 for count in contacts(snapshot).values() if count == 1) == 230
    assert (None, "contact_details_forbidden") not in codes(snapshot.notes)
