"""Tests reads of schedules in their own zone and in few calls, and the objects that a selection needs."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.zones.chosen import chosen_zones

LISTS = ("/users", "/teams", "/services", "/escalation_policies", "/schedules", "/v3/schedules")
BROKEN = (500, {"error": {"message": "Internal Server Error", "code": 2000}})
SHIFT_BASED = (400, {"error": {"message": "Invalid", "errors": ["This is a shift-based schedule"], "code": 2001}})
DAILY = [{"type": "daily_restriction", "start_time_of_day": "09:00:00", "duration_seconds": 3600}]


def fetch(account: Any, *chosen: Any) -> Any:
    selection = Selection(everything=not chosen, chosen=frozenset(chosen))
    return account.connector().fetch(selection, contact_details=False)


def codes(found: Any) -> list[Any]:
    return [(one.entity_type, one.external_id, one.code) for one in found]


def many(make: Any, count: int, **more: Any) -> list[Any]:
    return [make.schedule(f"S{n}", make.layer(f"L{n}", "PANA"), **more) for n in range(count)]


def detail_calls(account: Any) -> list[Any]:
    """Returns the calls except for the plain list: "sweep" with its zone, or the path of a single read."""
    found = []
    for request in account.requests:
        query = dict(request.query)
        if request.path == "/schedules" and "include[]" in query:
            found.append(("sweep", query["time_zone"]))
        elif request.path.startswith("/schedules/"):
            found.append((request.path, query.get("time_zone")))
    return found


def test_schedules_of_one_zone_are_read_in_one_sweep(account: Any, make: Any) -> None:
    account.schedules = [*many(make, 3), make.schedule("SNY", time_zone="America/New_York")]
    snapshot = fetch(account)
    assert len(snapshot.schedules) == 4
    assert detail_calls(account) == [("sweep", "Europe/Berlin"), ("/schedules/SNY", "America/New_York")]
    sweep = next(request for request in account.requests if ("include[]", "schedule_layers") in request.query)
    assert ("include[]", "overrides_subschedule") in sweep.query
    assert dict(sweep.query)["since"] == "2025-12-31T00:00:00Z"
    assert dict(sweep.query)["until"] == "2026-04-01T00:00:00Z"


def test_a_sweep_of_many_pages_is_weighed_against_single_reads(account: Any, make: Any) -> None:
    account.schedules = [
        *many(make, 250),
        make.schedule("A1", time_zone="Asia/Tokyo"),
        make.schedule("A2", time_zone="Asia/Tokyo"),
    ]
    fetch(account)
    calls = detail_calls(account)
    assert calls.count(("sweep", "Europe/Berlin")) == 3
    assert calls[3:] == [("/schedules/A1", "Asia/Tokyo"), ("/schedules/A2", "Asia/Tokyo")]


@pytest.mark.parametrize("missing", ["schedule_layers", "overrides_subschedule"])
def test_a_list_without_the_included_key_falls_back_to_single_reads(account: Any, make: Any, missing: str) -> None:
    account.schedules = many(make, 2)

    def partly(query: Any) -> Any:
        listed = [{k: v for k, v in one.items() if k != missing} for one in account.schedules]
        return make.page("schedules", listed, query)

    account.answers["/schedules"] = partly
    assert len(fetch(account).schedules) == 2
    assert [path for path, _ in detail_calls(account)] == ["sweep", "/schedules/S0", "/schedules/S1"]


def test_a_sweep_that_fails_costs_nothing_but_itself(account: Any, make: Any) -> None:
    account.schedules = many(make, 2)
    account.answers["/schedules"] = lambda query: (
        BROKEN if "include[]" in query else make.page("schedules", account.schedules, query)
    )
    snapshot = fetch(account)
    assert len(snapshot.schedules) == 2
    assert snapshot.failed == ()


def test_a_sweep_rendered_in_another_zone_is_not_believed(account: Any, make: Any) -> None:
    account.schedules = [make.schedule(f"S{n}", make.layer(f"L{n}", "PANA", restrictions=DAILY)) for n in range(2)]
    wrong = make.layer("L0", "PANA", restrictions=DAILY, rotation_virtual_start="2025-01-06T03:00:00-05:00")

    def elsewhere(query: Any) -> Any:
        return make.page("schedules", [make.schedule(f"S{n}", wrong) for n in range(2)], query)

    account.answers["/schedules"] = elsewhere
    snapshot = fetch(account)
    assert [schedule.layers[0].key for schedule in snapshot.schedules] == ["L0", "L1"]
    account.answers["/schedules/S1"] = {"schedule": make.schedule("S1", wrong)}
    snapshot = fetch(account)
    assert codes(snapshot.failed) == [("schedule", "S1", "other_zone")]
    assert [schedule.external_id for schedule in snapshot.schedules] == ["S0"]


def test_a_schedule_that_fails_stops_no_other(account: Any, make: Any) -> None:
    account.schedules = [
        *many(make, 1),
        make.schedule("S9", make.layer("L", "PANA", rotation_turn_length_seconds=0), time_zone="Asia/Tokyo"),
    ]
    account.schedules += [make.schedule("S8", time_zone="Asia/Dubai"), make.schedule("S7", time_zone="Asia/Seoul")]
    account.answers |= {"/schedules/S8": BROKEN, "/schedules/S7": {"schedule": {"id": "S7", "name": "half"}}}
    snapshot = fetch(account)
    assert [(schedule.external_id, dict(schedule.unread)) for schedule in snapshot.schedules] == [
        ("S0", {}),
        ("S9", {"layers": 1}),
    ]
    assert codes(snapshot.failed) == [
        ("schedule", "S8", "unavailable"),
        ("schedule", "S7", "missing_field"),
        ("schedule", "S9", "invalid_turn"),
    ]
    assert snapshot.failed[1].path == "schedule_layers"
    assert snapshot.completeness["schedule"].listing


def test_an_unknown_zone_is_asked_for_verbatim_then_without(account: Any, make: Any) -> None:
    account.schedules = [make.schedule("S1", make.layer("L1", "PANA"), time_zone="Mars/Phobos")]
    refused = (400, {"error": {"message": "Invalid", "errors": ["Time zone is not supported"], "code": 2001}})
    account.answers["/schedules/S1"] = lambda query: (
        refused if "time_zone" in query else {"schedule": account.schedules[0]}
    )
    snapshot = fetch(account)
    assert detail_calls(account) == [("/schedules/S1", "Mars/Phobos"), ("/schedules/S1", None)]
    (schedule,) = snapshot.schedules
    assert (schedule.time_zone.raw, schedule.time_zone.zone, len(schedule.layers)) == ("Mars/Phobos", None, 1)
    assert ("schedule", "S1", "unknown_zone") in codes(snapshot.notes)


@pytest.mark.parametrize("number", [1, 5])
def test_an_unsure_zone_is_asked_for_in_the_last_known_one(account: Any, make: Any, number: int) -> None:
    ids = [f"S{n}" for n in range(number)]
    account.schedules = [make.schedule(id_, make.layer("L1", "PANA"), time_zone="CST") for id_ in ids]
    for each in account.schedules:  # read alone, a schedule has the zone of the request
        account.answers[f"/schedules/{each['id']}"] = {"schedule": {**each, "time_zone": "Europe/Berlin"}}
    with chosen_zones({}, dict.fromkeys(ids, "Europe/Berlin").get):
        snapshot = fetch(account)
    assert {zone for _, zone in detail_calls(account)} == {"Europe/Berlin"}
    found = [(each.time_zone.raw, each.time_zone.zone) for each in snapshot.schedules]
    assert found == [("CST", "Europe/Berlin")] * number
    assert codes(snapshot.failed) == []
    assert ("schedule", "S0", "unknown_zone") in codes(snapshot.notes)


def test_a_refused_read_of_a_known_zone_is_a_failure(account: Any, make: Any) -> None:
    account.schedules = many(make, 1)
    account.answers["/schedules/S0"] = (400, {"error": {"message": "too slow", "code": 2016}})
    assert codes(fetch(account).failed) == [("schedule", "S0", "bad_request")]


def test_the_zone_of_the_list_counts_where_the_schedule_tells_none(account: Any, make: Any) -> None:
    account.schedules = many(make, 1)
    account.answers["/schedules/S0"] = {"schedule": {**account.schedules[0], "time_zone": None}}
    assert fetch(account).schedules[0].time_zone.zone == "Europe/Berlin"


def shown(make: Any, *starts: str) -> Any:
    entries = [{"start": f"{day}T00:00:00Z", "end": f"{day}T12:00:00Z"} for day in starts]
    return {"name": "Overrides", "rendered_schedule_entries": entries}


def reported(make: Any, id_: str, day: str, **more: Any) -> Any:
    return {
        "id": id_,
        "start": f"{day}T00:00:00Z",
        "end": f"{day}T12:00:00Z",
        "user": make.reference("user", "PBO"),
        **more,
    }


def test_overrides_are_asked_for_only_where_there_are_any(account: Any, make: Any) -> None:
    account.schedules = many(make, 3)
    account.schedules[1]["overrides_subschedule"] = shown(make, "2026-01-05")
    account.answers["/schedules/S1/overrides"] = (201, {"overrides": [reported(make, "O1", "2026-01-05")]})
    snapshot = fetch(account)
    assert [[o.key for o in schedule.overrides] for schedule in snapshot.schedules] == [[], ["O1"], []]
    (requested,) = [dict(request.query) for request in account.requests if request.path.endswith("/overrides")]
    assert requested == {"since": "2025-12-31T00:00:00Z", "until": "2026-03-31T00:00:00Z", "overflow": "true"}
    assert ("responder", "PBO", "referenced_only") in codes(snapshot.notes)


def test_overrides_that_may_exist_are_asked_for_in_slices_of_90_days(account: Any, make: Any) -> None:
    account.schedules = [make.schedule("S1", make.layer("L1", "PANA"), overrides_subschedule=None)]
    answers = [reported(make, "O1", "2026-01-05"), reported(make, "O2", "2026-03-30")]
    account.answers["/schedules/S1/overrides"] = {"overrides": answers}
    snapshot = fetch(account)
    assert [o.key for o in snapshot.schedules[0].overrides] == ["O1", "O2"]
    assert account.paths().count("/schedules/S1/overrides") == 2


@pytest.mark.parametrize(
    ("answer", "note", "failed"),
    [
        ((404, {}), [("schedule", "S0", "overrides_not_told")], []),
        (BROKEN, [], [("schedule", "S0", "unavailable")]),
        ({"overrides": {}}, [], [("schedule", "S0", "invalid_value")]),
    ],
)
def test_overrides_that_cannot_be_read_are_not_told(
    account: Any, make: Any, answer: Any, note: Any, failed: Any
) -> None:
    account.schedules = many(make, 1, overrides_subschedule=shown(make, "2026-01-05"))
    account.answers["/schedules/S0/overrides"] = answer
    snapshot = fetch(account)
    assert (snapshot.schedules[0].overrides, snapshot.schedules[0].fetched_range) == (None, None)
    assert [one for one in codes(snapshot.notes) if one[0] == "schedule" and one[1]] == note
    assert codes(snapshot.failed) == failed


def test_one_unreadable_override_costs_only_itself_once(account: Any, make: Any) -> None:
    account.schedules = [make.schedule("S1", make.layer("L1", "PANA"), overrides_subschedule=None)]
    ended = {"id": "O3", "end": "2025-12-31T12:00:00Z"}
    answers = [reported(make, "O1", "2026-01-05"), {"id": "O2"}, ended]  # the same in both ranges
    account.answers["/schedules/S1/overrides"] = {"overrides": answers}
    snapshot = fetch(account)
    assert [o.key for o in snapshot.schedules[0].overrides] == ["O1"]
    assert snapshot.schedules[0].unread == {"overrides": 1}
    assert [(one.code, one.path) for one in snapshot.failed] == [("missing_field", "overrides[1].start")]


@pytest.mark.parametrize(
    "shown_as",
    [None, *({"rendered_schedule_entries": [], "rendered_coverage_percentage": coverage} for coverage in (None, 25.0))],
)
def test_overrides_that_were_not_rendered_are_requested(account: Any, make: Any, shown_as: Any) -> None:
    account.schedules = many(make, 3, overrides_subschedule=shown_as)
    answers = {f"/schedules/S{n}/overrides": {"overrides": [reported(make, "O1", "2026-01-05")]} for n in range(3)}
    account.answers |= answers
    snapshot = fetch(account)
    assert [[o.key for o in schedule.overrides] for schedule in snapshot.schedules] == [["O1"]] * 3


def test_an_id_that_comes_with_different_values_is_named(account: Any, make: Any) -> None:
    account.schedules = many(make, 1, overrides_subschedule=None)
    answers = [
        reported(make, "O1", "2026-01-05"),
        reported(make, "O1", "2026-01-07"),
        reported(make, "O2", "2026-01-09"),
    ]
    account.answers["/schedules/S0/overrides"] = {"overrides": answers}
    snapshot = fetch(account)
    assert [o.key for o in snapshot.schedules[0].overrides] == ["O1", "O2"]
    (note,) = (note for note in snapshot.notes if note.code == "repeated_id")
    assert (note.external_id, note.path, note.loss) == ("S0", "overrides", True)
    assert "O1 more than once" in note.message


def test_an_ended_layer_that_cannot_be_read_costs_nothing(account: Any, make: Any) -> None:
    ended = make.layer("L1", "PANA", end="2025-01-01T00:00:00Z", rotation_virtual_start=None)
    account.schedules = [make.schedule("S1", ended, make.layer("L2", "PANA"))]
    snapshot = fetch(account)
    assert [layer.key for layer in snapshot.schedules[0].layers] == ["L2"]
    assert (snapshot.schedules[0].unread, snapshot.failed) == ({}, ())


def test_two_names_of_one_zone_are_one_zone(account: Any, make: Any) -> None:
    restricted = make.layer("L1", "PANA", restrictions=DAILY, start="2025-01-06T10:00:00+02:00",
                            rotation_virtual_start="2025-01-06T10:00:00+02:00")  # fmt: skip
    account.schedules = [make.schedule("S1", restricted, time_zone="Europe/Kiev")]
    account.answers["/schedules/S1"] = {"schedule": make.schedule("S1", restricted, time_zone="Europe/Kyiv")}
    snapshot = fetch(account)
    assert [schedule.time_zone.zone for schedule in snapshot.schedules] == ["Europe/Kyiv"]
    assert snapshot.failed == ()


# --- shift-based ------------------------------------------------------------------------------------------------------


def shift_schedule(id_: str, *members: str, **more: Any) -> Any:
    event = {
        "id": "E1",
        "start_time": {"date_time": "2026-01-05T09:00:00+01:00", "time_zone": "Europe/Berlin"},
        "end_time": {"date_time": "2026-01-05T17:00:00+01:00", "time_zone": "Europe/Berlin"},
        "recurrence": ["RRULE:FREQ=WEEKLY"],
        "assignment_strategy": {
            "type": "every_member_assignment_strategy",
            "members": [{"type": "user_member", "user_id": one} for one in members],
        },
    }
    return {
        "id": id_,
        "name": f"Shift {id_}",
        "time_zone": "Europe/Berlin",
        "rotations": [{"id": "R1", "events": [event]}],
        **more,
    }


def add_shift_schedule(account: Any, id_: str, *members: str, listed: bool = True, **more: Any) -> None:
    account.answers[f"/v3/schedules/{id_}"] = {"schedule": shift_schedule(id_, *members, **more)}
    account.answers[f"/v3/schedules/{id_}/overrides"] = {"overrides": [], "more": False}
    account.answers[f"/v3/schedules/{id_}/custom_shifts"] = {"custom_shifts": [], "more": False}
    if listed:
        refs = account.answers.setdefault("/v3/schedules", {"schedules": [], "more": False})
        refs["schedules"].append({"id": id_, "type": "schedule_v3_reference", "summary": f"Shift {id_}"})


def test_shift_based_schedules_are_read_one_by_one(account: Any, make: Any) -> None:
    add_shift_schedule(account, "V1", "PANA", "PNEW")
    add_shift_schedule(account, "V2", "PANA")
    account.answers["/v3/schedules/V2/overrides"] = (404, {})
    account.answers["/v3/schedules/V3"] = BROKEN
    account.answers["/v3/schedules/V4"] = {"schedule": {"id": "V4"}}
    account.answers["/v3/schedules"]["schedules"] += [{"id": "V3", "summary": "x"}, {"id": "V4", "summary": "y"}]
    snapshot = fetch(account)
    first, second = snapshot.schedules
    assert (first.name, first.flavour, first.composition) == ("Shift V1", "shift-based", "concurrent")
    assert (first.overrides, second.overrides, second.extra_shifts) == ((), None, ())
    assert ("schedule", "V2", "overrides_not_told") in codes(snapshot.notes)
    assert codes(snapshot.failed) == [("schedule", "V3", "unavailable"), ("schedule", "V4", "missing_field")]
    assert ("PNEW", False) in [(user.external_id, user.listed) for user in snapshot.users]


def test_a_schedule_upgraded_since_the_list_is_read_as_shift_based(account: Any, make: Any) -> None:
    account.schedules = many(make, 1)
    account.answers["/schedules/S0"] = SHIFT_BASED
    add_shift_schedule(account, "S0", "PANA", listed=False)
    snapshot = fetch(account)
    assert [(one.external_id, one.flavour) for one in snapshot.schedules] == [("S0", "shift-based")]
    assert snapshot.failed == ()


def test_a_schedule_in_both_lists_is_read_once_as_shift_based(account: Any, make: Any) -> None:
    account.schedules = many(make, 1)
    add_shift_schedule(account, "S0", "PANA")
    snapshot = fetch(account)
    assert [one.flavour for one in snapshot.schedules] == ["shift-based"]
    assert detail_calls(account) == []


# --- selection --------------------------------------------------------------------------------------------------------


def populate(account: Any, make: Any) -> None:
    account.users = [make.user(f"P{number}") for number in range(450)]
    team = make.reference("team", "T1")
    account.teams = [{"id": "T1", "name": "One"}, {"id": "T2", "name": "Two"}]
    account.schedules = [
        make.schedule("S1", make.layer("L1", "P3", "P449"), teams=[team]),
        make.schedule("S2", make.layer("L2", "P5"), teams=[make.reference("team", "T2")]),
    ]
    account.escalation_policies = [
        make.policy("E1", [make.reference("schedule", "S1")], [make.reference("user", "P7")]),
        make.policy("E2", [make.reference("schedule", "V1")]),
    ]
    account.services = [{"id": "X1", "name": "API", "escalation_policy": make.reference("escalation_policy", "E1")}]
    account.answers["/teams/T1/members"] = {
        "members": [{"user": make.reference("user", "P9"), "role": "manager"}],
        "more": False,
    }
    add_shift_schedule(account, "V1", "P11", teams=[make.reference("team", "T2")])


def imported(snapshot: Any) -> list[str]:
    kinds = ("user_group", "schedule", "escalation_policy", "service")
    return [record.external_id for kind in kinds for record in snapshot.records(kind)]


def test_a_chosen_service_brings_along_what_it_needs_and_says_why(account: Any, make: Any) -> None:
    populate(account, make)
    snapshot = fetch(account, ("service", "X1"))
    assert imported(snapshot) == ["T1", "S1", "E1", "X1"]
    assert {user.external_id for user in snapshot.users} == {"P3", "P449", "P7", "P9"}
    reasons = {
        record.external_id: record.because for record in (*snapshot.policies, *snapshot.schedules, *snapshot.users)
    }
    assert reasons["E1"] == ("service API",)
    assert reasons["S1"] == ("escalation policy Policy E1",)
    assert reasons["P449"] == ("schedule Schedule S1",)
    assert reasons["P9"] == ("user group One",)
    # Three of the four are on the first page of people; the fourth costs one call instead of the four pages left.
    assert [path for path in account.paths() if path.startswith("/users")] == ["/users", "/users/P449"]
    assert detail_calls(account) == [("/schedules/S1", "Europe/Berlin")]
    assert "/v3/schedules/V1" not in account.paths()
    assert not snapshot.completeness["responder"].listing
    assert snapshot.completeness["service"].listing


def test_many_people_off_the_first_page_are_read_with_the_list(account: Any, make: Any) -> None:
    populate(account, make)
    slots = [f"P{number}" for number in range(440, 450)]
    account.schedules[0] = make.schedule("S1", make.layer("L1", *slots))
    snapshot = fetch(account, ("schedule", "S1"))
    assert len(snapshot.users) == 10
    assert account.paths().count("/users") == 5
    assert snapshot.completeness["responder"].listing


def test_a_chosen_team_brings_what_it_owns_shift_based_schedules_too(account: Any, make: Any) -> None:
    populate(account, make)
    snapshot = fetch(account, ("user_group", "T2"))
    assert imported(snapshot) == ["T2", "S2", "V1"]
    assert {user.external_id for user in snapshot.users} == {"P5", "P11"}


def test_a_chosen_policy_reaches_a_shift_based_schedule(account: Any, make: Any) -> None:
    populate(account, make)
    snapshot = fetch(account, ("escalation_policy", "E2"))
    assert imported(snapshot) == ["T2", "V1", "E2"]
    assert account.paths().count("/v3/schedules/V1") == 1


def test_people_that_cannot_be_read_one_by_one_stay_people(account: Any, make: Any) -> None:
    populate(account, make)
    account.schedules[0] = make.schedule("S1", make.layer("L1", "P447", "P448", "P449"))
    account.answers |= {
        "/users/P447": (404, {}),
        "/users/P448": BROKEN,
        "/users/P449": {"user": {"id": "P449", "name": 1}},
    }
    snapshot = fetch(account, ("schedule", "S1"))
    assert [(user.external_id, user.listed) for user in snapshot.users] == [(f"P{n}", False) for n in (447, 448, 449)]
    assert codes(snapshot.failed) == [("responder", "P448", "unavailable"), ("responder", "P449", "invalid_value")]


def test_without_a_total_the_rest_of_the_list_is_read(account: Any, make: Any) -> None:
    populate(account, make)
    account.answers["/users"] = lambda query: make.page("users", account.users, {**query, "total": "false"})
    snapshot = fetch(account, ("schedule", "S1"))
    assert account.paths().count("/users") == 5
    assert snapshot.completeness["responder"].listing


def test_lists_are_read_only_as_far_as_what_is_chosen_needs_them(account: Any, make: Any) -> None:
    populate(account, make)
    layer = make.layer("L1", "P1")
    account.schedules = [make.schedule(f"S{number}", layer) for number in range(250)]
    few = fetch(account, ("schedule", "S120"))
    assert [path for path in account.paths() if path in LISTS] == [
        "/users",
        "/v3/schedules",
        "/schedules",
        "/schedules",
    ]
    assert imported(few) == ["S120"]
    assert all(few.completeness[kind].listing for kind in ("user_group", "schedule", "escalation_policy", "service"))
    account.requests.clear()
    chosen = [("schedule", f"S{number}") for number in range(90, 110)]
    more = fetch(account, *chosen)
    assert imported(more) == sorted(id_ for _, id_ in chosen)
    # Two pages to find them and the same two with their layers.
    assert account.paths().count("/schedules") == 4
    assert not [path for path in account.paths() if path.startswith("/schedules/")]


def test_a_list_that_fails_before_what_is_wanted_was_found_is_incomplete(account: Any, make: Any) -> None:
    populate(account, make)
    account.answers["/services"] = BROKEN
    snapshot = fetch(account, ("service", "X1"))
    assert not snapshot.completeness["service"].listing
    assert ("service", None, "unavailable") in codes(snapshot.failed)
    assert ("service", "X1", "chosen_not_found") in codes(snapshot.notes)


def test_what_was_chosen_and_is_gone_is_named(account: Any, make: Any) -> None:
    populate(account, make)
    snapshot = fetch(account, ("service", "X1"), ("schedule", "GONE"))
    assert ("schedule", "GONE", "chosen_not_found") in codes(snapshot.notes)


def test_the_inventory_is_the_tree_without_people(account: Any, make: Any) -> None:
    populate(account, make)
    nodes = {node.key: node for node in account.connector().inventory()}
    assert set(nodes) == {
        ("user_group", "T1"), ("user_group", "T2"), ("schedule", "S1"), ("schedule", "S2"), ("schedule", "V1"),
        ("escalation_policy", "E1"), ("escalation_policy", "E2"), ("service", "X1"),
    }  # fmt: skip
    assert nodes["schedule", "S1"].references == (("responder", "P3"), ("responder", "P449"), ("user_group", "T1"))
    assert nodes["schedule", "S1"].owners == ("T1",)
    assert nodes["schedule", "V1"].owners == ("T2",)
    assert nodes["escalation_policy", "E1"].references == (("schedule", "S1"), ("responder", "P7"))
    assert nodes["service", "X1"].references == (("escalation_policy", "E1"),)
    assert "/users" not in account.paths()
    account.answers["/v3/schedules/V1"] = BROKEN
    assert ("schedule", "V1") in {node.key for node in account.connector().inventory()}
