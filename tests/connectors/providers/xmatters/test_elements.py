"""Tests reads with unreadable elements: each costs only itself, is named, and nothing of its list is removed."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.records import Snapshot, SourcePolicy


def fetch(instance: Any) -> Snapshot:
    return instance.connector().fetch(Selection(), contact_details=True)


def codes(snapshot: Snapshot) -> set[str]:
    return {note.code for note in snapshot.notes}


def ids(snapshot: Snapshot, kind: Any) -> list[str]:
    return [record.external_id for record in snapshot.records(kind)]


def policy_of(snapshot: Snapshot, id_: str) -> SourcePolicy:
    return next(one for one in snapshot.policies if one.external_id == id_)


@pytest.mark.parametrize("absent", ["BO", None])
def test_one_bad_absence_costs_itself(instance: Any, make: Any, absent: str | None) -> None:
    """An absence of nobody may be anyone's. One that has ended costs nothing."""
    instance.absences = [
        make.absence("A1", "ANA", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", by="BO"),
        {**make.absence("A2", "BO", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"), "absenceType": "ON_LEAVE"},
        {**make.absence("A3", "ANA", "soon", "2025-01-06T00:00:00Z"), "absenceType": "ON_LEAVE"},
    ]
    if absent is None:
        instance.absences[1]["member"] = {}
    snapshot = fetch(instance)
    assert [(f.entity_type, f.external_id, f.path.split(".")[0]) for f in snapshot.failed] == [
        ("responder", absent, "absences[1]")
    ]
    found = {user.external_id: (len(user.substitutions or ()), user.unread) for user in snapshot.users}
    unread = {"substitutions": 1}
    assert found == {"ANA": (1, unread if absent is None else {}), "BO": (0, unread)}


def test_a_group_that_replaces_a_person_is_no_person(instance: Any, make: Any) -> None:
    absence = make.absence("A1", "ANA", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", by="BO")
    absence["replacement"] = {"id": "G1", "recipientType": "GROUP"}
    instance.absences = [absence]
    snapshot = fetch(instance)
    assert "G1" not in {user.external_id for user in snapshot.users}
    assert [failed.path for failed in snapshot.failed] == ["absences[0].replacement.recipientType"]


def test_one_bad_member_of_a_roster_costs_itself(instance: Any, make: Any) -> None:
    instance.rosters["G1"].insert(0, {"id": None, "recipientType": "PERSON"})
    snapshot = fetch(instance)
    assert [(f.entity_type, f.external_id, f.path) for f in snapshot.failed] == [
        ("user_group", "G1", "members[0].member.id")
    ]
    assert [member.person_id for member in snapshot.teams[0].members or ()] == ["ANA", "BO"]
    assert snapshot.teams[0].unread == {"members": 1}


@pytest.mark.parametrize(
    "recipient", [{"id": 7, "recipientType": "PERSON"}, {"id": " ", "recipientType": "PERSON"}, None, "ANA", {}]
)
def test_a_holder_without_an_id_keeps_the_seat(instance: Any, make: Any, recipient: Any) -> None:
    instance.shifts["G1"] = [make.shift("S1", make.seat(1, "ANA"), {**make.seat(2, "BO", 10), "recipient": recipient})]
    snapshot = fetch(instance)
    kind = "PERSON" if isinstance(recipient, dict) and recipient else "recipient"
    (schedule,) = snapshot.schedules
    assert [str(layer.participants[0]) for layer in schedule.layers] == ["ANA", f"unknown:{kind}:S1:2"]
    (note,) = [one for one in snapshot.notes if one.code == "unknown_holder"]
    assert (note.external_id, note.path) == ("S1", "members[1].recipient")
    assert (snapshot.failed, schedule.unread) == ((), {})
    assert [level.targets[0].layers for level in policy_of(snapshot, "S1").policy.levels] == [("1",), ("2",)]


def test_a_bad_member_costs_its_seat_and_keeps_its_place_in_the_policy(instance: Any, make: Any) -> None:
    """The delay before that member is unknown, so the level before it has no wait."""
    seats = [make.seat(1, "ANA"), make.seat("second", "BO", 10), make.seat(3, "ANA", 5)]
    instance.shifts["G1"] = [make.shift("S1", *seats)]
    snapshot = fetch(instance)
    assert [(f.entity_type, f.external_id, f.path) for f in snapshot.failed] == [
        ("schedule", "S1", "members[1].position")
    ]
    (schedule,) = snapshot.schedules
    assert ([layer.key for layer in schedule.layers], schedule.unread) == (["1", "3"], {"layers": 1})
    levels = policy_of(snapshot, "S1").policy.levels
    assert [(level.wait, level.targets[0].kind, level.targets[0].layers) for level in levels] == [
        (None, "schedule", ("1",)),
        (5, "unresolved", None),
        (None, "schedule", ("3",)),
    ]


def test_a_bad_delay_costs_the_wait_before_its_seat(instance: Any, make: Any) -> None:
    seats = [make.seat(1, "ANA"), make.seat(2, "BO", "soon"), make.seat(3, "ANA"), make.seat(4, "BO", 5)]
    instance.shifts["G1"] = [make.shift("S1", *seats)]
    snapshot = fetch(instance)
    assert [(f.entity_type, f.external_id, f.path) for f in snapshot.failed] == [("schedule", "S1", "members[1].delay")]
    (schedule,) = snapshot.schedules
    assert ([layer.key for layer in schedule.layers], schedule.unread) == (["1", "2", "3", "4"], {})
    levels = policy_of(snapshot, "S1").policy.levels
    assert [(level.wait, level.targets[0].layers) for level in levels] == [
        (None, ("1",)),
        (0, ("2",)),
        (5, ("3",)),
        (None, ("4",)),
    ]


def test_a_bad_member_leaves_the_order_of_those_who_take_turns_unknown(instance: Any, make: Any) -> None:
    turning = {"type": "ROTATION", "direction": "SECOND_TO_FIRST", "interval": 1, "intervalUnit": "DAYS"}
    turning["nextRotationTime"] = "2026-01-02T08:00:00Z"
    seats = [make.seat(1, "ANA"), "junk", make.seat(3, "BO", 5), make.seat(4, "BO", 5, inRotation=False)]
    instance.shifts["G1"] = [make.shift("S1", *seats, rotation=turning)]
    instance.answers["/groups/G1/shifts/S1/members"] = make.envelope(seats)
    (schedule,) = fetch(instance).schedules
    assert ([layer.key for layer in schedule.layers], schedule.unread) == (["4"], {"layers": 3})


def test_a_bad_exclusion_costs_itself_and_nothing_when_it_has_ended(instance: Any, make: Any) -> None:
    instance.shifts["G1"][0]["exclusions"] = [
        {"startDate": "soon", "endDate": "2025-12-01T00:00:00Z"},
        {"startDate": "2026-01-05T08:00:00Z", "endDate": "later"},
        {"startDate": "soon"},
    ]
    snapshot = fetch(instance)
    assert [(f.external_id, f.path) for f in snapshot.failed] == [("S1", "exclusions[2].startDate")]
    assert len(snapshot.schedules[0].layers[0].windows[0].excluded) == 1  # type: ignore[union-attr]
    assert "exclusion_without_occurrence" not in codes(snapshot)


def test_one_bad_device_costs_itself_and_one_without_an_owner_may_be_anyones(instance: Any, make: Any) -> None:
    instance.devices += [make.device("D3", "ANA", delay="soon"), make.device("D1", "ANA"), {"id": "D4"}, "junk"]
    instance.answers["/devices"] = make.envelope(instance.devices)
    snapshot = fetch(instance)
    assert [(f.external_id, f.path) for f in snapshot.failed] == [
        ("ANA", "devices[2].delay"),
        (None, "devices[4].owner"),
        (None, "devices[5].owner"),
    ]
    assert [len(user.contact_methods or ()) for user in snapshot.users] == [1, 1]
    assert [dict(user.unread) for user in snapshot.users] == [{"contact_methods": 3}, {"contact_methods": 2}]
    assert all(user.notification_rules is None and "email" in user.unreported for user in snapshot.users)


@pytest.mark.parametrize(
    "change",
    [
        {"recurrence": {"frequency": "FORTNIGHTLY"}},
        {"start": "soon"},
        {"rotation": {"nextRotationTime": "soon"}},
    ],
)
def test_one_unreadable_shift_costs_itself_and_its_groups_policy_keeps_the_target(
    instance: Any, make: Any, change: Any
) -> None:
    instance.shifts["G1"].append(make.shift("S2", make.seat(1, "BO"), **change))
    snapshot = fetch(instance)
    assert {(f.entity_type, f.external_id) for f in snapshot.failed} == {
        ("schedule", "S2"),
        ("escalation_policy", "S2"),
    }
    assert ids(snapshot, "schedule") == ["S1"]
    group = policy_of(snapshot, "G1")
    assert [(t.kind, t.key) for t in group.policy.levels[0].targets] == [
        ("escalation_policy", "S1"),
        ("unresolved", "S2"),
    ]


def test_shifts_without_an_id_make_the_list_incomplete(instance: Any, make: Any) -> None:
    instance.shifts["G1"] += [{"name": "x"}, "junk"]
    snapshot = fetch(instance)
    assert [(f.entity_type, f.external_id) for f in snapshot.failed] == [("schedule", None)] * 2
    assert not snapshot.completeness["schedule"].listing
    group = policy_of(snapshot, "G1")
    assert [(t.kind, t.key) for t in group.policy.levels[0].targets] == [
        ("escalation_policy", "S1"),
        ("unresolved", "G1"),
        ("unresolved", "G1"),
    ]
    assert [(n.code, n.hides) for n in snapshot.notes if n.external_id == "G1"] == [("shift_without_id", True)] * 2


def test_a_shift_that_cannot_be_mapped_keeps_its_policy_unresolved(instance: Any, make: Any) -> None:
    instance.shifts["G1"].append(make.shift("S2", make.seat(1, "BO"), end="2025-01-06T08:00:00Z"))
    snapshot = fetch(instance)
    assert [(f.entity_type, f.external_id) for f in snapshot.failed] == [("schedule", "S2")]
    timeline = next(one for one in snapshot.policies if one.external_id == "S2")
    assert timeline.policy.levels[0].targets[0].unresolved_kind == "schedule"


# --- texts that people choose -----------------------------------------------------------------------------------------


def test_names_of_blanks_fall_back_and_long_texts_are_cut(instance: Any, make: Any) -> None:
    instance.people[0] |= {"firstName": " ", "lastName": None, "targetName": "\t", "site": {}}
    instance.people[1]["roles"] = make.envelope([{"name": "r" * 300}])
    instance.groups[0]["targetName"] = " "
    instance.shifts["G1"][0]["name"] = "s" * 300
    instance.devices[0]["name"] = "d" * 300
    instance.services[0] |= {"targetName": "", "ownedBy": {}}
    snapshot = fetch(instance)
    assert snapshot.failed == ()
    assert [user.name for user in snapshot.users] == ["ANA", "Bo Example"]
    assert (snapshot.teams[0].name, snapshot.services[0].name, snapshot.services[0].policy_id) == ("G1", "V1", None)
    assert snapshot.schedules[0].name == f"G1: {'s' * 300}"
    (method,) = snapshot.users[0].contact_methods or ()
    assert [len(text) for text in (snapshot.users[1].title, method.label)] == [255, 255]


@pytest.mark.parametrize("id_", ["a group, with blanks", "g" * 255, "Größe/ß+|"])
def test_an_id_is_any_text(instance: Any, make: Any, id_: str) -> None:
    instance.groups.append(make.group(id_))
    instance.rosters[id_] = [make.who("ANA")]
    snapshot = fetch(instance)
    assert (snapshot.failed, ids(snapshot, "user_group")) == ((), ["G1", id_])


def test_an_id_that_is_too_long_is_one_failure_of_its_object(instance: Any, make: Any) -> None:
    instance.groups.append(make.group("g" * 256))
    snapshot = fetch(instance)
    (failure,) = snapshot.failed
    assert (failure.entity_type, failure.path) == ("user_group", "id")
    assert ids(snapshot, "user_group") == ["G1"]
