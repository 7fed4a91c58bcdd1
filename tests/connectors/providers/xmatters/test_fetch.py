"""Tests whole reads: the requests, the objects that are imported, and the effect of a failure."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.errors import PermissionMissing, ProviderUnavailable
from connectors.records import ENTITY_TYPES, Snapshot
from oncall.rendering.spec import person


def fetch(instance: Any, *chosen: tuple[Any, str], details: bool = True, **settings: str) -> Snapshot:
    selection = Selection(False, frozenset(chosen)) if chosen else Selection()
    return instance.connector(**settings).fetch(selection, contact_details=details)


def codes(snapshot: Snapshot) -> set[str]:
    return {note.code for note in snapshot.notes}


def ids(snapshot: Snapshot, kind: Any) -> list[str]:
    return sorted(record.external_id for record in snapshot.records(kind))


def test_everything_in_the_fewest_calls(instance: Any) -> None:
    snapshot = fetch(instance)
    assert instance.paths() == [
        "/people",
        "/groups",
        "/services",
        "/sites",
        "/temporary-absences",
        "/groups/G1/members",
        "/groups/G1/shifts",
        "/devices",
    ]
    assert snapshot.calls == 8
    assert {kind: ids(snapshot, kind) for kind in ENTITY_TYPES} == {
        "responder": ["ANA", "BO"],
        "user_group": ["G1"],
        "schedule": ["S1"],
        "escalation_policy": ["G1", "S1"],
        "service": ["V1"],
    }
    assert all(reported.listing for reported in snapshot.completeness.values())
    assert (snapshot.failed, snapshot.notes) == ((), ())
    assert (snapshot.account.id, snapshot.services[0].policy_id) == ("acme.xmatters.com", "G1")


def test_without_contact_details_only_addresses_are_read(instance: Any) -> None:
    snapshot = fetch(instance, details=False)
    request = next(request for request in instance.requests if request.path.endswith("/devices"))
    assert ("deviceType", "EMAIL") in request.query
    assert [user.email for user in snapshot.users] == ["ana@example.com", "bo@example.com"]
    assert all(user.contact_methods is None for user in snapshot.users)


def test_an_empty_instance_is_complete(new_instance: Any) -> None:
    snapshot = fetch(new_instance())
    assert all(reported.listing for reported in snapshot.completeness.values())
    assert set(snapshot.completeness) == set(ENTITY_TYPES)
    assert not any(snapshot.records(kind) for kind in ENTITY_TYPES)
    assert codes(snapshot) == {"none_here"}


def test_a_chosen_group_brings_what_it_owns_and_whom_it_names(instance: Any, make: Any) -> None:
    instance.groups += [make.group("G2"), make.group("N")]
    instance.people += [make.person("CY"), make.person("DI")]
    instance.shifts["G1"].append(make.shift("S2", make.seat(1, make.who("N", "GROUP"))))
    instance.shifts |= {"N": [make.shift("S3", make.seat(1, "CY"))], "G2": [make.shift("S4", make.seat(1, "DI"))]}
    snapshot = fetch(instance, ("user_group", "G1"))
    assert ids(snapshot, "escalation_policy") == ["G1", "N", "S1", "S2", "S3"]
    assert ids(snapshot, "user_group") == ["G1", "N"]
    assert ids(snapshot, "responder") == ["ANA", "BO", "CY"]
    assert ids(snapshot, "service") == ["V1"]
    assert "/groups/G2/shifts" not in instance.paths()
    nested = next(one for one in snapshot.policies if one.external_id == "N")
    assert nested.because == ("schedule Group G1: Shift S2",)


def test_a_chosen_service_brings_its_group_and_a_chosen_schedule_is_searched_for(instance: Any, make: Any) -> None:
    assert ids(fetch(instance, ("service", "V1")), "schedule") == ["S1"]
    instance.groups.append(make.group("G2"))
    instance.shifts["G2"] = [make.shift("S9", make.seat(1, "BO"))]
    for key in (("schedule", "S9"), ("escalation_policy", "S9")):
        snapshot = fetch(instance, key)
        assert ids(snapshot, "schedule") == ["S9"]
        assert ids(snapshot, "responder") == ["BO"]
    snapshot = fetch(instance, ("schedule", "S0"))
    assert codes(snapshot) == {"chosen_not_found"}


def test_a_selection_reads_few_people_one_by_one(instance: Any, make: Any) -> None:
    many = [make.person(f"P{n}") for n in range(1500)]
    instance.people = [*many, make.person("ANA"), make.person("BO")]
    instance.answers["/people"] = lambda query: make.page("/people", many * 9, query)
    instance.answers["/devices"] = lambda query: make.page("/devices", [make.device("D", "P1")] * 9000, query)
    snapshot = fetch(instance, ("user_group", "G1"))
    requested = [path for path in instance.paths() if path.startswith(("/people", "/devices"))]
    assert requested == [
        "/people",
        "/people/ANA",
        "/people/BO",
        "/devices",
        "/people/ANA/devices",
        "/people/BO/devices",
    ]
    assert [user.email for user in snapshot.users] == ["ana@example.com", "bo@example.com"]
    assert not snapshot.completeness["responder"].listing


@pytest.mark.parametrize(("answer", "failed"), [("GONE", 0), ("FORBIDDEN", 0), ("unavailable", 1)])
def test_somebody_who_cannot_be_read_alone_is_known_by_reference(
    instance: Any, make: Any, answer: str, failed: int
) -> None:
    instance.answers["/people"] = lambda query: make.page("/people", [make.person(f"P{n}") for n in range(4000)], query)
    instance.answers["/people/ANA"] = getattr(make, answer, (503, {}))
    snapshot = fetch(instance, ("user_group", "G1"))
    assert [(user.external_id, user.state) for user in snapshot.users] == [("ANA", "unknown"), ("BO", "active")]
    assert len(snapshot.failed) == failed


def test_a_group_of_nobody_asks_for_no_people(instance: Any, make: Any) -> None:
    instance.rosters, instance.shifts = {}, {}
    snapshot = fetch(instance, ("user_group", "G1"))
    assert ids(snapshot, "responder") == []
    assert not [path for path in instance.paths() if path.startswith(("/people", "/devices"))]


def test_lists_cut_inside_a_person_are_followed_or_stay_cut(instance: Any, make: Any) -> None:
    cut = {
        **make.envelope([{"id": "R1", "name": "One"}]),
        "total": 2,
        "links": {"next": "/api/xm/1/people/ANA/roles?offset=1"},
    }
    instance.people[0]["roles"] = cut
    instance.answers["/people/ANA/roles"] = make.envelope([{"id": "R2", "name": "Two"}])
    assert fetch(instance).users[0].title == "One, Two"
    instance.answers["/people/ANA/roles"] = make.FORBIDDEN
    assert fetch(instance).users[0].title == "One"


def test_a_selection_reads_the_rest_of_a_short_list(instance: Any, make: Any) -> None:
    instance.people = [make.person(f"P{n}") for n in range(1500)] + instance.people
    snapshot = fetch(instance, ("user_group", "G1"))
    assert [path for path in instance.paths() if path.startswith("/people")] == ["/people", "/people"]
    assert ids(snapshot, "responder") == ["ANA", "BO"]
    assert snapshot.completeness["responder"].listing


def test_people_who_are_gone_or_hidden_keep_their_seats(instance: Any, make: Any) -> None:
    instance.people.pop()
    instance.absences = [make.absence("A1", "ANA", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", by="CY")]
    snapshot = fetch(instance)
    assert [(user.external_id, user.state, user.listed) for user in snapshot.users] == [
        ("ANA", "active", True),
        ("BO", "unknown", False),
        ("CY", "unknown", False),
    ]
    assert snapshot.schedules[0].layers[1].participants == (person("BO"),)
    (stand_in,) = snapshot.users[0].substitutions or ()
    assert stand_in.replacement == person("CY")


# --- what is refused or fails -----------------------------------------------------------------------------------------


def test_people_that_cannot_be_listed_are_known_by_reference(instance: Any, make: Any) -> None:
    instance.answers["/people"] = make.FORBIDDEN
    snapshot = fetch(instance)
    assert not snapshot.completeness["responder"].listing
    assert [(f.entity_type, f.external_id, f.code) for f in snapshot.failed] == [("responder", None, "permission")]
    assert ids(snapshot, "responder") == ["ANA", "BO"]


def test_nothing_that_can_be_listed_ends_the_read(instance: Any, make: Any) -> None:
    instance.answers |= dict.fromkeys(("/people", "/groups"), make.FORBIDDEN) | {"/services": (503, {})}
    with pytest.raises(PermissionMissing):
        fetch(instance)
    instance.answers |= dict.fromkeys(("/people", "/groups"), (503, {}))
    with pytest.raises(ProviderUnavailable):
        fetch(instance, ("user_group", "G1"))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/sites", "sites_not_told"),
        ("/temporary-absences", "absences_not_told"),
        ("/groups/G1/members", "members_not_told"),
    ],
)
def test_an_optional_read_that_is_refused_is_a_note(instance: Any, make: Any, path: str, code: str) -> None:
    for answer in (make.FORBIDDEN, make.GONE, {**make.envelope([]), "total": 3}):
        instance.answers[path] = answer
        snapshot = fetch(instance)
        assert (codes(snapshot), snapshot.failed) == ({code}, ())
        assert all(reported.listing for reported in snapshot.completeness.values())
    assert (snapshot.users[0].substitutions is None) is ("absences" in path)
    assert (snapshot.teams[0].members is None) is ("members" in path)


@pytest.mark.parametrize(("path", "kind"), [("/temporary-absences", "responder"), ("/groups/G1/members", "user_group")])
def test_a_collection_that_fails_is_not_reported(instance: Any, make: Any, path: str, kind: str) -> None:
    instance.answers[path] = (503, {})
    snapshot = fetch(instance)
    assert {failed.entity_type for failed in snapshot.failed} == {kind}
    assert (snapshot.users[0].substitutions if kind == "responder" else snapshot.teams[0].members) is None


def test_a_group_whose_shifts_are_refused_is_skipped_with_a_reason(instance: Any, make: Any) -> None:
    instance.groups.append(make.group("G2"))
    for answer in (make.FORBIDDEN, make.GONE):
        instance.answers["/groups/G2/shifts"] = answer
        snapshot = fetch(instance)
        assert (codes(snapshot), snapshot.failed) == ({"shifts_not_told"}, ())
        assert ids(snapshot, "escalation_policy") == ["G1", "S1"]
        assert not snapshot.completeness["schedule"].listing
        assert not snapshot.completeness["escalation_policy"].listing
        assert snapshot.completeness["user_group"].listing
    instance.answers["/groups/G2/shifts"] = (503, {})
    snapshot = fetch(instance)
    assert [(f.entity_type, f.external_id) for f in snapshot.failed] == [("escalation_policy", "G2")]


def test_a_service_of_a_group_whose_shifts_are_refused_keeps_its_policy_and_says_so(instance: Any, make: Any) -> None:
    instance.answers["/groups/G1/shifts"] = make.FORBIDDEN
    snapshot = fetch(instance)
    assert codes(snapshot) == {"shifts_not_told", "policy_not_seen"}
    (service,) = snapshot.services
    assert (ids(snapshot, "escalation_policy"), service.policy_id, service.policy_unreported) == ([], "G1", False)


# --- what a list leaves out -------------------------------------------------------------------------------------------


def without(shift: Any, *names: str) -> Any:
    return {key: value for key, value in shift.items() if key not in names}


def test_a_list_that_embeds_nothing_is_completed_by_single_reads(instance: Any, make: Any) -> None:
    turning = {"type": "ROTATION", "direction": "SECOND_TO_FIRST", "interval": 1, "intervalUnit": "DAYS"}
    whole = make.shift(
        "S1",
        make.seat(1, "ANA"),
        make.seat(2, "BO", 10),
        rotation={**turning, "nextRotationTime": "2026-01-02T08:00:00Z"},
        exclusions=[{"startDate": "2026-01-05T08:00:00Z"}],
    )
    instance.shifts["G1"] = [whole]
    expected = fetch(instance).schedules
    for bare in (without(whole, "members", "rotation", "exclusions"), {**whole, "members": None, "rotation": None}):
        instance.shifts["G1"] = [bare]
        instance.answers |= {
            "/groups/G1/shifts/S1": whole,
            "/groups/G1/shifts/S1/members": whole["members"],
            "/groups/G1/shifts/S1/exclusions": make.envelope(whole["exclusions"]),
        }
        assert fetch(instance).schedules == expected


def test_a_list_that_embeds_something_leaves_out_what_is_empty(instance: Any, make: Any) -> None:
    other = make.shift("S2", make.seat(1, "ANA"), make.seat(2, "BO", 10))
    instance.shifts["G1"].append(without(other, "rotation", "exclusions"))
    fetch(instance)
    assert not [path for path in instance.paths() if path.startswith("/groups/G1/shifts/")]


def test_thin_and_cut_members_are_read_in_full(instance: Any, make: Any) -> None:
    full = [make.seat(1, "ANA"), make.seat(2, "BO", 10)]
    thin = [{"position": 1, "recipient": {"id": "ANA"}}, full[1]]
    cut = {**make.envelope(full[:1]), "total": 2}
    followed = {**cut, "links": {"next": "/api/xm/1/groups/G1/shifts/S1/members?offset=1&limit=1"}}
    expected = fetch(instance).schedules
    for members in (thin, make.envelope(thin), cut, followed):
        instance.shifts["G1"][0]["members"] = members
        instance.answers["/groups/G1/shifts/S1/members"] = lambda query: make.page(
            "/groups/G1/shifts/S1/members", full, query
        )
        assert fetch(instance).schedules == expected


def test_a_rotation_is_asked_for_only_where_it_matters(instance: Any, make: Any) -> None:
    """Several who take turns and a delay, or a word that says that they do."""
    seats = [make.seat(1, "ANA"), make.seat(2, "BO", 10)]
    rotations = [
        ({"rotationType": "ROTATION"}, True),
        ({"rotationType": "basic"}, False),
        ({"members": [seats[0], make.seat(2, "BO")]}, False),
        ({"members": [seats[0], {**seats[1], "inRotation": False}]}, False),
        ({"members": seats[:1]}, False),
        ({}, True),
    ]
    for more, requested in rotations:
        instance.shifts["G1"] = [without({**make.shift("S1"), "members": seats, **more}, "rotation")]
        instance.requests.clear()
        fetch(instance)
        assert ("/groups/G1/shifts/S1" in instance.paths()) is requested, more


@pytest.mark.parametrize(
    ("part", "answer", "outcome"),
    [
        ("exclusions", "GONE", "exclusions_not_told"),
        ("exclusions", "FORBIDDEN", "exclusions_not_told"),
        ("exclusions", "unavailable", "failed"),
        ("rotation", "GONE", "rotation_not_told"),
        ("rotation", "FORBIDDEN", "rotation_not_told"),
        ("rotation", "unavailable", "failed"),
        ("rotation", "junk", "failed"),
        ("members", "GONE", "failed"),
    ],
)
def test_what_a_single_read_does_not_tell(instance: Any, make: Any, part: str, answer: str, outcome: str) -> None:
    instance.shifts["G1"] = [without(instance.shifts["G1"][0], part)]
    path = "/groups/G1/shifts/S1" + ("" if part == "rotation" else f"/{part}")
    junk = {"id": "S1", "rotation": "x", "data": [{"startDate": 7}]}
    instance.answers[path] = {"unavailable": (503, {}), "junk": junk}.get(answer) or getattr(make, answer)
    snapshot = fetch(instance)
    if outcome == "failed":
        failed = {(f.entity_type, f.external_id) for f in snapshot.failed}
        assert failed == {("schedule", "S1"), ("escalation_policy", "S1")}
    else:
        assert (codes(snapshot), snapshot.failed, ids(snapshot, "schedule")) == ({outcome}, (), ["S1"])


# --- devices ----------------------------------------------------------------------------------------------------------


def test_a_refused_sweep_falls_back_to_single_people(instance: Any, make: Any) -> None:
    instance.answers["/devices"] = make.FORBIDDEN
    snapshot = fetch(instance)
    assert codes(snapshot) == {"devices_by_person"}
    assert [len(user.contact_methods or ()) for user in snapshot.users] == [1, 1]
    instance.answers["/people/ANA/devices"] = make.GONE
    snapshot = fetch(instance)
    assert [user.contact_methods is None for user in snapshot.users] == [True, False]
    assert "devices_not_told" in codes(snapshot)
    instance.answers["/people/ANA/devices"] = (503, {})
    snapshot = fetch(instance)
    assert snapshot.users[0].contact_methods is None
    assert [(f.entity_type, f.external_id) for f in snapshot.failed] == [("responder", "ANA")]


def test_an_account_that_sees_no_devices_is_not_asked_for_everybody(instance: Any, make: Any) -> None:
    instance.people = [make.person(f"P{n}") for n in range(9)]
    instance.answers |= {f"/people/P{n}/devices": make.FORBIDDEN for n in range(9)} | {"/devices": make.FORBIDDEN}
    snapshot = fetch(instance)
    assert "contact_details_forbidden" in codes(snapshot)
    assert len([path for path in instance.paths() if path.endswith("/devices")]) == 4
    instance.answers["/people/P0/devices"] = make.envelope([])
    fetch(instance)
    assert len([path for path in instance.paths() if path.endswith("/devices")]) == 4 + 10


@pytest.mark.parametrize(
    ("answer", "noted", "failed"),
    [
        ((404, {}), {"devices_not_told"}, 0),
        ((503, {}), set(), 1),
        ({"total": 9, "data": []}, {"devices_incomplete"}, 0),
    ],
)
def test_a_sweep_that_is_not_whole_tells_nothing(instance: Any, answer: Any, noted: set[str], failed: int) -> None:
    instance.answers["/devices"] = answer
    snapshot = fetch(instance)
    assert all(user.contact_methods is None for user in snapshot.users)
    assert codes(snapshot) - {"no_email"} == noted
    assert len(snapshot.failed) == failed


def test_whose_a_seated_device_is_comes_from_the_sweep(instance: Any, make: Any) -> None:
    instance.people.append(make.person("CY"))
    instance.devices.append(make.device("D9", "CY", "VOICE"))
    instance.shifts["G1"] = [make.shift("S1", make.seat(1, make.who("D9", "DEVICE")))]
    for chosen in ((), (("user_group", "G1"),)):
        snapshot = fetch(instance, *chosen, details=False)
        assert snapshot.schedules[0].layers[0].participants == (person("CY"),)
        assert "CY" in ids(snapshot, "responder")
    instance.answers["/devices"] = make.FORBIDDEN
    assert fetch(instance).schedules[0].layers[0].participants == (person("CY"),)
    instance.answers |= {f"/people/{id_}/devices": make.FORBIDDEN for id_ in ("ANA", "BO", "CY")}
    assert {f.code for f in fetch(instance).failed} == {"owner_not_told"}


# --- sites and inventory ----------------------------------------------------------------------------------------------


def test_sites_that_are_refused_change_nothing_that_comes_from_sites(instance: Any, make: Any) -> None:
    instance.sites = [{"id": "L1", "name": "Oslo", "timezone": "Europe/Oslo", "status": "INACTIVE"}]
    instance.people[0] |= {"timezone": None, "site": {"id": "L1"}}
    instance.groups[0]["site"] = {"id": "L1"}
    instance.shifts["G1"].append(make.shift("S2", make.seat(1, "BO"), timezone=None))
    snapshot = fetch(instance)
    assert (snapshot.users[0].state, snapshot.users[0].time_zone.zone) == ("inactive", "Europe/Oslo")
    assert [one.time_zone.zone for one in snapshot.schedules] == ["Europe/Berlin", "Europe/Oslo"]
    for answer in (make.FORBIDDEN, make.GONE, (503, {})):
        instance.answers["/sites"] = answer
        snapshot = fetch(instance)
        assert {"state", "time_zone"} <= snapshot.users[0].unreported
        assert not snapshot.users[1].unreported & {"state", "time_zone"}
        assert ids(snapshot, "schedule") == ["S1"]
        assert ("schedule", "S2", "zone_not_told") in [(f.entity_type, f.external_id, f.code) for f in snapshot.failed]
    instance.answers["/sites"] = make.envelope([])  # the role does not see the site any more
    assert {"state", "time_zone"} <= fetch(instance).users[0].unreported


def test_the_inventory_is_three_lists(instance: Any) -> None:
    nodes = instance.connector().inventory()
    assert instance.paths() == ["/groups", "/services"]
    assert {(node.entity_type, node.external_id, node.owners) for node in nodes} == {
        ("user_group", "G1", ()),
        ("escalation_policy", "G1", ("G1",)),
        ("service", "V1", ("G1",)),
    }
