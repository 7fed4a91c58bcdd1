"""Tests incomplete lists: the rest is requested elsewhere or treated as not reported, never as removed."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.errors import UnexpectedResponse
from connectors.records import Snapshot

FOREIGN = "https://evil.example/api/xm/1/x"
ROLE = {"id": "R1", "name": "One"}


def fetch(instance: Any, *chosen: tuple[Any, str], details: bool = True) -> Snapshot:
    selection = Selection(False, frozenset(chosen)) if chosen else Selection()
    return instance.connector().fetch(selection, contact_details=details)


def codes(snapshot: Snapshot) -> list[str]:
    return [note.code for note in snapshot.notes]


def failed(snapshot: Snapshot) -> list[tuple[Any, Any, str]]:
    return [(one.entity_type, one.external_id, one.code) for one in snapshot.failed]


def cut(items: list[Any], link: str | None = None) -> Any:
    return {"count": len(items), "total": len(items) + 1, "data": items, "links": {"next": link} if link else {}}


# --- shifts -----------------------------------------------------------------------------------------------------------

EXCLUDED = [{"startDate": "2026-01-05T08:00:00Z"}, {"startDate": "2026-01-06T08:00:00Z"}]
MORE = "/api/xm/1/groups/G1/shifts/S1/exclusions?offset=1&limit=1"


def excluded(snapshot: Snapshot) -> int:
    return len(snapshot.schedules[0].layers[0].windows[0].excluded)  # type: ignore[union-attr]


@pytest.mark.parametrize("link", [None, MORE])
def test_exclusions_that_come_cut_are_read_in_full(instance: Any, make: Any, link: str | None) -> None:
    instance.shifts["G1"][0]["exclusions"] = cut(EXCLUDED[:1], link)
    instance.answers["/groups/G1/shifts/S1/exclusions"] = lambda query: make.page(
        "/groups/G1/shifts/S1/exclusions", EXCLUDED, query
    )
    snapshot = fetch(instance)
    assert (excluded(snapshot), codes(snapshot), snapshot.failed) == (2, [], ())


@pytest.mark.parametrize("link", [None, MORE])
@pytest.mark.parametrize("answer", ["FORBIDDEN", "GONE"])
def test_exclusions_that_stay_cut_are_a_note_of_their_shift(
    instance: Any, make: Any, link: str | None, answer: str
) -> None:
    instance.shifts["G1"][0]["exclusions"] = cut(EXCLUDED[:1], link)
    instance.answers["/groups/G1/shifts/S1/exclusions"] = getattr(make, answer)
    snapshot = fetch(instance)
    assert (codes(snapshot), snapshot.failed) == (["exclusions_not_told"], ())
    assert "deleted occurrences could not be read" in snapshot.notes[0].message


@pytest.mark.parametrize("part", ["members", "exclusions"])
def test_a_shift_that_stays_half_told_fails_alone(instance: Any, make: Any, part: str) -> None:
    whole = {"members": [make.seat(1, "ANA")], "exclusions": EXCLUDED}[part]
    instance.shifts["G1"].append(make.shift("S2", make.seat(1, "BO")))
    instance.shifts["G1"][0][part] = cut(whole)
    instance.answers[f"/groups/G1/shifts/S1/{part}"] = cut(whole)
    snapshot = fetch(instance)
    assert failed(snapshot) == [
        ("schedule", "S1", "incomplete_list"),
        ("escalation_policy", "S1", "incomplete_list"),
    ]
    reported = len(whole)
    assert f"{reported + 1} {part} of the shift S1 were announced, {reported} came." in snapshot.failed[0].message
    assert [one.external_id for one in snapshot.schedules] == ["S2"]


def test_a_member_that_is_no_object_costs_its_seat_only(instance: Any, make: Any) -> None:
    instance.shifts["G1"].append(make.shift("S2", make.seat(1, "BO"), "junk"))
    snapshot = fetch(instance)
    assert [one[:2] for one in failed(snapshot)] == [("schedule", "S2")]
    assert "members[1]" in snapshot.failed[0].message
    assert [one.unread for one in snapshot.schedules] == [{}, {"layers": 1}]


def test_a_list_of_shifts_that_ends_early_tells_none_of_that_group(instance: Any, make: Any) -> None:
    instance.groups.append(make.group("G2"))
    instance.answers["/groups/G2/shifts"] = cut([make.shift("S2", make.seat(1, "BO"))])
    snapshot = fetch(instance)
    assert failed(snapshot) == [("escalation_policy", "G2", "incomplete_list")]
    assert "2 shifts of Group G2 were announced, 1 came." in snapshot.failed[0].message
    assert [one.external_id for one in snapshot.schedules] == ["S1"]
    assert not snapshot.completeness["schedule"].listing
    assert not snapshot.completeness["escalation_policy"].listing


def test_who_is_on_call_is_told_in_full_or_not_at_all(instance: Any, make: Any) -> None:
    row = {"group": {"id": "G1"}, "shift": {"id": "S1"}, "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    reported = [{**row, "members": [{"member": make.who("ANA")}]}]
    connector = instance.connector()
    connector.fetch(Selection(), contact_details=False)
    instance.answers["/on-call"] = make.envelope(reported)
    assert set(connector.rendered({"S1": ("G1",)}, make.NOW, make.NOW + 60)) == {"S1"}
    instance.answers["/on-call"] = cut(reported)
    assert connector.rendered({"S1": ("G1",)}, make.NOW, make.NOW + 60) == {}


def test_time_outside_of_what_was_asked_is_nobodys(instance: Any, make: Any) -> None:
    day = {"start": "2025-12-31T00:00:00Z", "end": "2025-12-31T12:00:00Z"}
    row = {"group": {"id": "G1"}, "shift": {"id": "S1"}, **day, "members": [{"member": make.who("ANA")}]}
    connector = instance.connector()
    connector.fetch(Selection(), contact_details=False)
    instance.answers["/on-call"] = make.envelope([row])
    assert connector.rendered({"S1": ("G1",)}, make.NOW, make.NOW + 60) == {"S1": ()}


def test_a_total_that_grows_while_rows_are_read_leaves_them_whole(instance: Any, make: Any) -> None:
    row = {"group": {"id": "G1"}, "shift": {"id": "S1"}, "members": [{"member": make.who("ANA")}]}
    days = [{**row, "start": f"2026-01-0{n}T00:00:00Z", "end": f"2026-01-0{n + 1}T00:00:00Z"} for n in (1, 2)]
    pages = {
        "0": {"data": days[:1], "total": 2, "links": {"next": "/api/xm/1/on-call?offset=1&limit=1"}},
        "1": {"data": days[1:], "total": 3},
    }
    connector = instance.connector()
    connector.fetch(Selection(), contact_details=False)
    instance.answers["/on-call"] = lambda query: pages[query["offset"]]
    (span,) = connector.rendered({"S1": ("G1",)}, make.NOW, make.NOW + 2 * 86_400)["S1"]
    assert (span.start, span.end) == (make.NOW, make.NOW + 2 * 86_400)


# --- devices ----------------------------------------------------------------------------------------------------------


def test_devices_are_swept_once_whatever_comes_of_it(instance: Any, make: Any) -> None:
    """Seats of devices ask whose they are again and again: the answer stays the same."""
    instance.shifts["G1"] = [make.shift("S1", make.seat(1, make.who("D9", "DEVICE")))]
    for answer, reported in (((503, {}), 1), (make.GONE, 0), (cut([]), 0)):
        instance.answers["/devices"] = answer
        instance.requests.clear()
        snapshot = fetch(instance)
        requested = 5 if reported else 1  # the HTTP client repeats a 503
        assert instance.paths().count("/devices") == requested
        assert [one.external_id for one in snapshot.failed].count(None) == reported
        assert codes(snapshot).count("devices_not_told") + codes(snapshot).count("devices_incomplete") == 1 - reported


def test_a_device_that_the_sweep_does_not_hold_stays_without_an_owner(instance: Any, make: Any) -> None:
    instance.shifts["G1"].append(make.shift("S2", make.seat(1, make.who("D9", "DEVICE"))))
    snapshot = fetch(instance)
    assert instance.paths().count("/devices") == 1
    assert (failed(snapshot), codes(snapshot)) == ([], ["unknown_holder"])
    assert str(snapshot.schedules[1].layers[0].participants[0]) == "unknown:DEVICE:D9"
    instance.answers["/devices"] = (503, {})
    snapshot = fetch(instance)
    assert failed(snapshot)[-1] == ("schedule", "S2", "owner_not_told")
    assert "The device D9 has a seat" in snapshot.failed[-1].message
    assert (snapshot.schedules[1].layers, snapshot.schedules[1].unread) == ((), {"layers": 1})


def test_members_of_a_group_with_a_device_without_a_known_owner_are_partly_known(instance: Any, make: Any) -> None:
    instance.rosters["G1"].append(make.who("D2", "DEVICE"))
    assert [one.person_id for one in fetch(instance).teams[0].members or ()] == ["ANA", "BO"]
    instance.answers["/devices"] = (503, {})
    snapshot = fetch(instance)
    assert ([one.person_id for one in snapshot.teams[0].members or ()], snapshot.teams[0].unread) == (
        ["ANA", "BO"],
        {"members": 1},
    )
    (note,) = [one for one in snapshot.notes if one.code == "members_behind_not_told"]
    assert note.message == "The members of Group G1 are only partly known: the device D2 cannot be resolved."


@pytest.mark.parametrize(
    ("answer", "noted", "lost"),
    [
        ("cut", ["devices_incomplete"], []),
        ("FORBIDDEN", ["devices_not_told"], []),
    ],
)
def test_one_persons_devices_that_are_not_whole_are_not_told(
    instance: Any, make: Any, answer: str, noted: list[str], lost: list[Any]
) -> None:
    """Somebody else's were read, so the account may: nothing more general is wrong."""
    instance.people.reverse()
    instance.answers["/devices"] = make.FORBIDDEN
    own = instance.devices[0]
    answers = {"cut": cut([own]), "FORBIDDEN": make.FORBIDDEN}
    instance.answers["/people/ANA/devices"] = answers[answer]
    snapshot = fetch(instance)
    methods = {user.external_id: user.contact_methods for user in snapshot.users}
    assert methods["ANA"] is None
    assert len(methods["BO"] or ()) == 1
    own_notes = [one for one in snapshot.notes if one.external_id == "ANA"]
    assert [one.code for one in own_notes] == [*noted, "no_email"]
    assert failed(snapshot) == lost
    assert own_notes[-1].message.startswith("The devices could not be read, and the login is not an address")


def test_two_people_whose_devices_are_refused_are_both_named(instance: Any, make: Any) -> None:
    instance.answers |= {"/devices": make.FORBIDDEN, "/people/ANA/devices": make.FORBIDDEN}
    instance.answers["/people/BO/devices"] = make.FORBIDDEN
    named = [one.external_id for one in fetch(instance).notes if one.code == "devices_not_told"]
    assert named == ["ANA", "BO"]


# --- people -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["FORBIDDEN", "GONE", "unavailable", "junk", "foreign"])
def test_roles_that_stay_cut_are_named_and_cost_nobody(instance: Any, make: Any, answer: str) -> None:
    link = FOREIGN if answer == "foreign" else "/api/xm/1/people/ANA/roles?offset=1&limit=1"
    instance.people[0]["roles"] = cut([ROLE], link)
    instance.answers["/people/ANA/roles"] = {"junk": {"data": 7}, "unavailable": (503, {})}.get(
        answer, getattr(make, answer, None)
    )
    snapshot = fetch(instance)
    assert [(user.external_id, user.listed, user.title) for user in snapshot.users] == [
        ("ANA", True, "One"),
        ("BO", True, ""),
    ]
    assert [(one.external_id, one.code) for one in snapshot.notes] == [("ANA", "roles_incomplete")]
    assert snapshot.notes[0].message == "Only 1 of the roles of Ana Example could be read."
    assert snapshot.completeness["responder"].listing


def test_roles_of_somebody_read_alone_are_followed_as_well(instance: Any, make: Any) -> None:
    instance.answers["/people"] = lambda query: make.page("/people", [make.person(f"P{n}") for n in range(4000)], query)
    instance.people[0]["roles"] = cut([ROLE], "/api/xm/1/people/ANA/roles?offset=1&limit=1")
    instance.answers["/people/ANA/roles"] = make.envelope([{"id": "R2", "name": "Two"}])
    snapshot = fetch(instance, ("user_group", "G1"))
    assert next(user.title for user in snapshot.users if user.external_id == "ANA") == "One, Two"


def test_time_frames_that_stay_cut_cost_the_rule_of_their_device(instance: Any, make: Any) -> None:
    frame = {"name": "Day", "startTime": "09:00", "timezone": "Europe/Berlin", "durationInMinutes": 480, "days": ["MO"]}
    instance.devices[0]["timeframes"] = cut([frame], "/api/xm/1/devices/D1/timeframes?offset=1&limit=1")
    snapshot = fetch(instance)
    assert [len(user.contact_methods or ()) for user in snapshot.users] == [1, 1]
    assert [len(user.notification_rules or ()) for user in snapshot.users] == [0, 1]
    assert [dict(user.unread) for user in snapshot.users] == [{"notification_rules": 1}, {}]
    assert [(one.entity_type, one.external_id) for one in snapshot.failed] == [("responder", "ANA")]
    assert "the list is incomplete" in snapshot.failed[0].message
    instance.answers["/devices/D1/timeframes"] = make.envelope([frame])
    (rule,) = fetch(instance).users[0].notification_rules or ()
    assert len(rule.windows) == 2


def test_an_absence_of_somebody_who_was_not_chosen_brings_nobody_along(instance: Any, make: Any) -> None:
    instance.people += [make.person("CY"), make.person("DI")]
    days = "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"
    instance.absences = [make.absence("A1", "CY", *days, by="DI"), make.absence("A2", "BO", *days)]
    snapshot = fetch(instance, ("user_group", "G1"))
    assert [(user.external_id, len(user.substitutions or ())) for user in snapshot.users] == [("ANA", 0), ("BO", 1)]
    instance.absences.append(make.absence("A3", "ANA", *days, by="CY"))
    snapshot = fetch(instance, ("user_group", "G1"))
    assert {user.external_id for user in snapshot.users} == {"ANA", "BO", "CY", "DI"}


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/people", "/groups", "/services"])
def test_a_list_that_goes_on_elsewhere_keeps_what_came_and_is_incomplete(instance: Any, make: Any, path: str) -> None:
    kind = {"/people": "responder", "/groups": "user_group", "/services": "service"}[path]
    items = {"/people": instance.people, "/groups": instance.groups, "/services": instance.services}[path]
    whole = fetch(instance)
    instance.answers[path] = {**make.envelope(items), "links": {"next": FOREIGN}}
    snapshot = fetch(instance)
    assert failed(snapshot) == [(kind, None, "foreign_link")]
    assert "outside of this instance's API. The link was not followed" in snapshot.failed[0].message
    assert not snapshot.completeness[kind].listing  # type: ignore[index]
    for other in ("responder", "user_group", "schedule", "escalation_policy", "service"):
        assert snapshot.records(other) == whole.records(other)  # type: ignore[arg-type]


def test_a_list_without_an_envelope_is_refused_and_named(instance: Any) -> None:
    instance.answers["/services"] = instance.services
    snapshot = fetch(instance)
    assert failed(snapshot) == [("service", None, "missing_envelope")]
    assert "/api/xm/1/services" in snapshot.failed[0].message
    assert not snapshot.completeness["service"].listing


@pytest.mark.parametrize(
    ("changing", "moving", "total"), [(False, True, {}), (True, False, {}), (True, True, {"total": 2})]
)
def test_a_list_that_never_ends_is_found_out_by_its_pages_addresses_or_total(
    instance: Any, make: Any, changing: bool, moving: bool, total: Any
) -> None:
    def answer(query: Any) -> Any:
        requested = len(instance.requests)
        link = f"/api/xm/1/people?offset={requested if moving else 0}&limit=1"
        return {**total, "data": [make.person("ANA", lastLogin=requested if changing else 0)], "links": {"next": link}}

    instance.answers["/people"] = answer
    with pytest.raises(UnexpectedResponse, match="same page more than once") as refused:
        for _ in instance.connector()._client.people():
            assert len(instance.requests) < 6
    assert refused.value.code == "pagination_loop"


@pytest.mark.parametrize("number", ["1234567890123", "4" * 40])
def test_a_number_that_is_too_long_is_not_cut_to_another(instance: Any, make: Any, number: str) -> None:
    instance.shifts["G1"].append(make.shift("S2", make.seat(number, "BO")))
    snapshot = fetch(instance)
    assert {one.external_id for one in snapshot.failed} == {"S2"}
    assert [one.unread for one in snapshot.schedules] == [{}, {"layers": 1}]


@pytest.mark.parametrize(
    ("path", "kind"), [("/people", "responder"), ("/groups", "user_group"), ("/services", "service")]
)
def test_a_page_of_nothing_with_more_behind_it_is_incomplete(instance: Any, path: str, kind: Any) -> None:
    instance.answers[path] = {"data": [], "links": {"next": f"/api/xm/1{path}?offset=100&limit=100"}}
    snapshot = fetch(instance)
    assert (kind, None, "incomplete_list") in failed(snapshot)
    assert not snapshot.completeness[kind].listing
    assert "none_here" not in codes(snapshot)


def test_a_roster_of_nothing_with_more_behind_it_is_not_reported(instance: Any) -> None:
    instance.answers["/groups/G1/members"] = {"data": [], "links": {"next": "/api/xm/1/groups/G1/members?offset=9"}}
    snapshot = fetch(instance)
    assert (snapshot.teams[0].members, codes(snapshot)) == (None, ["members_not_told"])


# --- main lists -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"), [("/people", "responder"), ("/groups", "user_group"), ("/services", "service")]
)
def test_a_main_list_that_has_fewer_objects_than_announced_is_named(
    instance: Any, make: Any, path: str, kind: Any
) -> None:
    instance.answers[path] = {**make.envelope([]), "total": 3}
    snapshot = fetch(instance)
    notes = [note for note in snapshot.notes if note.code == "incomplete_list"]
    assert [(note.entity_type, note.external_id, note.loss) for note in notes] == [(kind, None, True)]
    assert "3" in notes[0].message
    assert not snapshot.completeness[kind].listing
