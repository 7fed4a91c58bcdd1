"""Tests the vendor's own rendering."""

from typing import Any

from connectors.closure import Selection
from oncall.rendering.final import Span
from oncall.rendering.spec import person

DAY = 86_400
ANA, BO = person("PANA"), person("PBO")

EMPTY = {"rendered_schedule_entries": [], "rendered_coverage_percentage": 0.0}


def entry(make: Any, start: int, end: int, who: str | None) -> Any:
    def text(day: int) -> str:
        return f"2026-01-{day:02}T00:00:00Z"

    return {"start": text(start), "end": text(end), "user": None if who is None else make.reference("user", who)}


def test_entries_become_spans_and_equal_neighbours_one(account: Any, make: Any) -> None:
    final = {"rendered_schedule_entries": [
        entry(make, 1, 2, "PANA"), entry(make, 2, 3, "PANA"), entry(make, 3, 4, "PBO"), entry(make, 6, 7, None),
    ]}  # fmt: skip
    account.schedules = [make.schedule("S1", final_schedule=final, time_zone="America/New_York")]
    found = account.connector().rendered({"S1": ()}, make.NOW, make.NOW + 7 * DAY)
    assert found == {
        "S1": (Span(make.NOW, make.NOW + 2 * DAY, (ANA,)), Span(make.NOW + 2 * DAY, make.NOW + 3 * DAY, (BO,)))
    }
    (requested,) = [dict(request.query) for request in account.requests if request.path == "/schedules/S1"]
    assert requested == {
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-01-08T00:00:00Z",
        "time_zone": "America/New_York",
    }


def test_a_read_tells_final_schedules_without_further_calls(account: Any, make: Any) -> None:
    final = {"rendered_schedule_entries": [entry(make, 1, 3, "PANA"), entry(make, 3, 4, "PBO")]}
    layers = [make.layer("L1", "PANA", "PBO")]
    account.schedules = [make.schedule("S1", *layers, final_schedule=final), make.schedule("S2", *layers)]
    ana = {"type": "user_member", "user_id": "PANA"}
    shift = {"start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-03T00:00:00Z", "member": ana}
    account.answers["/v3/schedules"] = {"schedules": [{"id": "V1", "summary": "Shifts"}], "more": False}
    account.answers["/v3/schedules/V1"] = {
        "schedule": {
            "id": "V1",
            "name": "Shifts",
            "time_zone": "Europe/Berlin",
            "rotations": [],
            "final_schedule": {"computed_shift_assignments": [shift]},
        }
    }
    connector = account.connector()
    snapshot = connector.fetch(Selection(), contact_details=False)
    assert snapshot.rendered == {
        "S1": (Span(make.NOW, make.NOW + 2 * DAY, (ANA,)), Span(make.NOW + 2 * DAY, make.NOW + 3 * DAY, (BO,))),
        "V1": (Span(make.NOW + DAY, make.NOW + 2 * DAY, (ANA,)),),
    }
    assert snapshot.rendered_range == (make.NOW, make.NOW + 90 * DAY)
    requested = {request.path: list(request.query) for request in account.requests}
    assert ("include[]", "final_schedule") in requested["/schedules"]
    ahead = [("since", "2026-01-01T00:00:00Z"), ("until", "2026-04-01T00:00:00Z")]
    assert requested["/v3/schedules/V1"] == [("include[]", "final_schedule"), *ahead]
    assert account.paths().count("/v3/schedules/V1") == 1
    assert "/schedules/S1" not in requested  # the sweep contained it


def test_the_list_is_asked_for_zones_once(account: Any, make: Any) -> None:
    account.schedules = [make.schedule("S1", final_schedule=EMPTY)]
    connector = account.connector()
    for since in (make.NOW, make.NOW + DAY):
        assert connector.rendered({"S1": ()}, since, since + DAY) == {"S1": ()}
    assert account.paths() == ["/schedules", "/schedules/S1", "/schedules/S1"]


def test_what_is_not_told_is_absent(account: Any, make: Any) -> None:
    account.schedules = [make.schedule("S1"), make.schedule("S2", final_schedule={"rendered_schedule_entries": None})]
    account.answers["/schedules/S3"] = (500, {})
    account.answers["/schedules/S4"] = (400, {"error": {"message": "Invalid", "code": 2001}})
    account.answers["/schedules/S5"] = (400, {"error": {"message": "a shift-based schedule", "code": 2001}})
    account.answers["/v3/schedules/S5"] = {"schedule": {"id": "S5"}}
    not_rendered = {"rendered_schedule_entries": [], "rendered_coverage_percentage": None}
    account.schedules.append(make.schedule("S8", final_schedule=not_rendered))
    account.answers["/schedules/S6"] = {"schedule": {"final_schedule": {"rendered_schedule_entries": [{"start": 1}]}}}
    ids = ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8"]
    assert account.connector().rendered(ids, make.NOW, make.NOW + DAY) == {}


def test_nothing_is_asked_for_nothing(account: Any, make: Any) -> None:
    assert account.connector().rendered({}, make.NOW, make.NOW + DAY) == {}
    assert account.requests == []


def test_without_the_list_the_zone_is_left_to_the_vendor(account: Any, make: Any) -> None:
    account.schedules = [make.schedule("S1", final_schedule=EMPTY)]
    account.answers["/schedules"] = (403, {"error": {"message": "Access Denied", "code": 2010}})
    assert account.connector().rendered({"S1": ()}, make.NOW, make.NOW + DAY) == {"S1": ()}
    assert "time_zone" not in dict(account.requests[-1].query)
    account.answers["/schedules"] = {"schedules": [{"id": 7}], "more": False}
    assert account.connector().rendered({"S1": ()}, make.NOW, make.NOW + DAY) == {"S1": ()}


def test_shift_based_schedules_are_asked_in_slices_of_90_days(account: Any, make: Any) -> None:
    def assignment(start: str, end: str, member: Any) -> Any:
        return {"start_time": start, "end_time": end, "member": member}

    ana, nobody = {"type": "user_member", "user_id": "PANA"}, {"type": "empty_member"}
    shifts = [
        assignment("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", ana),
        assignment("2026-01-01T12:00:00Z", "2026-01-02T12:00:00Z", {"type": "user_member", "user_id": "PBO"}),
        assignment("2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", nobody),
    ]
    account.answers["/schedules/V1"] = (400, {"error": {"message": "Use /v3/schedules", "code": 2001}})

    def answer(query: Any) -> Any:
        reported = shifts if query["since"] == "2026-01-01T00:00:00Z" else []
        return {
            "schedule": {
                "final_schedule": {"computed_shift_assignments": reported, "rendered_coverage_percentage": 0.0}
            }
        }

    account.answers["/v3/schedules/V1"] = answer
    found = account.connector().rendered({"V1": ()}, make.NOW, make.NOW + 100 * DAY)
    half = DAY // 2
    assert found["V1"] == (
        Span(make.NOW, make.NOW + half, (ANA,)),
        Span(make.NOW + half, make.NOW + DAY, (ANA, BO)),
        Span(make.NOW + DAY, make.NOW + DAY + half, (BO,)),
    )
    assert account.paths().count("/schedules/V1") == 1
    assert account.paths().count("/v3/schedules/V1") == 2
