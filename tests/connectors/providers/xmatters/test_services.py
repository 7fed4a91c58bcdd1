"""Tests services: who is paged, and the on-call groups that are services in an account that has none."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.presence import Presences
from connectors.records import Snapshot


def fetch(instance: Any, *chosen: tuple[Any, str], learnt: dict[str, bool] | None = None) -> Snapshot:
    selection = Selection(False, frozenset(chosen)) if chosen else Selection()
    return instance.connector(learnt).fetch(selection, contact_details=True)


def codes(snapshot: Snapshot) -> set[str]:
    return {note.code for note in snapshot.notes}


def ids(snapshot: Snapshot, kind: Any) -> list[str]:
    return sorted(record.external_id for record in snapshot.records(kind))


def test_without_services_the_on_call_groups_are_offered(instance: Any, make: Any) -> None:
    instance.groups.append(make.group("B", "BROADCAST"))
    instance.services = []
    snapshot = fetch(instance)
    assert [(s.external_id, s.policy_id, s.group_id) for s in snapshot.services] == [("G1", "G1", "G1")]
    assert (codes(snapshot), snapshot.failed) == ({"none_here"}, ())
    assert snapshot.completeness["service"].listing
    nodes = {(node.entity_type, node.external_id) for node in instance.connector().inventory()}
    assert ("service", "G1") in nodes


@pytest.mark.parametrize("answer", ["GONE", "FORBIDDEN"])
def test_services_that_are_refused_change_nothing_about_services(instance: Any, make: Any, answer: str) -> None:
    """No group is offered instead, because no read has seen that the account has no services."""
    instance.answers["/services"] = getattr(make, answer)
    snapshot = fetch(instance)
    assert (snapshot.services, codes(snapshot), snapshot.failed) == ((), {"services_not_told"}, ())
    assert "No on-call group is offered instead" in snapshot.notes[0].message
    assert (snapshot.completeness["service"].listing, snapshot.learnt) == (False, {})
    assert "service" not in {node.entity_type for node in instance.connector().inventory()}
    for chosen in ("G1", "V1"):
        snapshot = fetch(instance, ("service", chosen))
        assert (snapshot.services, codes(snapshot)) == ((), {"services_not_told", "chosen_not_found"})
        for key in (("service", chosen), ("escalation_policy", "G1"), ("schedule", "S1")):
            assert Presences(snapshot).of(*key).state == "not_reached"


def test_an_account_without_services_is_remembered(instance: Any, make: Any) -> None:
    """A read of other objects, and one whose list of services is refused or fails, learns nothing."""
    assert fetch(instance).learnt == {"has_services": True}
    instance.services = []
    assert fetch(instance).learnt == {"has_services": False}
    assert fetch(instance, ("user_group", "G1")).learnt == {"has_services": False}
    assert fetch(instance, ("schedule", "S1")).learnt == {}
    for answer in (make.FORBIDDEN, make.GONE, (503, {}), (200, None)):
        instance.answers["/services"] = answer
        for learnt in ({}, {"has_services": False}, {"has_services": True}):
            snapshot = fetch(instance, learnt=learnt)
            assert snapshot.learnt == {}


@pytest.mark.parametrize("answer", [(403, {}), (404, {}), (503, {}), (200, {"data": [], "links": {"next": "/x"}})])
def test_groups_stay_services_while_services_are_refused_or_fail(instance: Any, answer: Any) -> None:
    instance.services = []
    expected = fetch(instance)
    instance.answers["/services"] = answer
    remembered = {"has_services": False}
    snapshot = fetch(instance, learnt=remembered)
    assert snapshot.services == expected.services != ()
    assert {"services_remembered"} <= codes(snapshot) <= {"services_remembered", "services_not_told"}
    assert not any("No on-call group is offered" in note.message for note in snapshot.notes)
    assert not snapshot.completeness["service"].listing
    nodes = {(node.entity_type, node.external_id) for node in instance.connector(remembered).inventory()}
    assert ("service", "G1") in nodes
    snapshot = fetch(instance, ("service", "G1"), learnt=remembered)
    assert ids(snapshot, "service") == ["G1"]
    assert ids(snapshot, "escalation_policy") == ["G1", "S1"]
    snapshot = fetch(instance, learnt={"has_services": True})
    assert snapshot.services == ()


def test_services_that_appear_end_the_memory(instance: Any) -> None:
    """Unreadable services are services, too, and so are those of a list that was not read to its end."""
    remembered = {"has_services": False}
    first, unreadable = instance.services[0], {"id": "V9", "targetName": 7}
    for services in ([first], [unreadable], [first, unreadable]):
        for more in ({}, {"next": "/x"}):
            instance.answers["/services"] = {"data": services, "links": more}
            snapshot = fetch(instance, learnt=remembered)
            assert ids(snapshot, "service") == ([first["id"]] if first in services else [])
            assert snapshot.learnt == {"has_services": True}
            assert not codes(snapshot) & {"none_here", "services_remembered"}
    instance.answers["/services"] = {"total": 2, "data": [], "links": {}}
    snapshot = fetch(instance, learnt=remembered)
    assert (snapshot.services, snapshot.learnt) == ((), {"has_services": True})


def test_services_that_fail_are_not_replaced_by_groups(instance: Any) -> None:
    instance.answers["/services"] = (503, {})
    snapshot = fetch(instance)
    assert snapshot.services == ()
    assert [(f.entity_type, f.external_id) for f in snapshot.failed] == [("service", None)]


def test_services_of_no_or_another_kind_of_group(instance: Any, make: Any) -> None:
    instance.groups.append(make.group("B", "BROADCAST"))
    instance.services += [
        {"id": "V2", "targetName": "Mail", "ownedBy": {"id": "B"}},
        {"id": "V3", "targetName": "Wiki"},
    ]
    snapshot = fetch(instance, ("service", "V2"), ("service", "V3"))
    assert [(s.external_id, s.policy_id) for s in snapshot.services] == [("V2", None), ("V3", None)]
    assert ids(snapshot, "user_group") == ["B"]
