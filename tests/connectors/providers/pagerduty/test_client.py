"""Tests pages, and that the vendor documents every request."""

import json
from typing import Any

import pytest

from connectors.closure import Selection
from connectors.records import Completeness
from tests.paths import SHARED

SCHEMA = SHARED / "vendor-schemas" / "pagerduty-openapi.json"


def fetch(account: Any, **options: Any) -> Any:
    return account.connector().fetch(Selection(), contact_details=options.pop("contact_details", False), **options)


def test_every_listing_starts_at_offset_0_and_says_its_limit(account: Any) -> None:
    fetch(account)
    for request in account.requests:
        limit = "1000" if request.path == "/v3/schedules" else "100"
        assert dict(request.query)["offset"] == "0", request.path
        assert dict(request.query)["limit"] == limit, request.path


def test_the_offset_advances_by_what_arrived(account: Any, make: Any) -> None:
    people = [make.user(f"P{number}") for number in range(5)]

    def lowered(query: dict[str, str]) -> Any:
        return make.page("users", people, {**query, "limit": "2"})

    account.answers["/users"] = lowered
    assert len(fetch(account).users) == 5
    offsets = [dict(request.query)["offset"] for request in account.requests if request.path == "/users"]
    assert offsets == ["0", "2", "4"]


def test_an_empty_page_with_more_to_come_leaves_the_listing_incomplete(account: Any) -> None:
    account.answers["/services"] = {"services": [], "more": True}
    snapshot = fetch(account)
    assert snapshot.services == ()
    assert account.paths().count("/services") == 1
    assert [(f.entity_type, f.external_id, f.code) for f in snapshot.failed] == [("service", None, "incomplete_list")]
    assert not snapshot.completeness["service"].listing


def test_a_lowered_limit_without_more_decides_what_a_full_page_is(account: Any, make: Any) -> None:
    people = [make.user(f"P{number}") for number in range(5)]

    def lowered(query: dict[str, str]) -> Any:
        answer = make.page("users", people, {**query, "limit": "2"})
        del answer["more"]
        return answer

    account.answers["/users"] = lowered
    assert len(fetch(account).users) == 5
    assert account.paths().count("/users") == 3


@pytest.mark.parametrize("items", [1, 100])
def test_without_more_a_page_that_is_not_full_is_the_last(account: Any, make: Any, items: int) -> None:
    people = [make.user(f"P{number}") for number in range(items)]

    def unreported(query: dict[str, str]) -> Any:
        answer = make.page("users", people, query)
        del answer["more"]
        return answer

    account.answers["/users"] = unreported
    assert len(fetch(account).users) == items
    assert account.paths().count("/users") == (1 if items == 1 else 2)


def test_a_page_that_comes_again_is_a_loop_and_the_listing_incomplete(account: Any, make: Any) -> None:
    account.answers["/teams"] = {"teams": [{"id": "T1", "name": "Team"}], "more": True}
    snapshot = fetch(account)
    assert [(f.entity_type, f.external_id, f.code) for f in snapshot.failed] == [
        ("user_group", None, "pagination_loop")
    ]
    assert not snapshot.completeness["user_group"].listing
    assert [team.external_id for team in snapshot.teams] == ["T1"]
    assert [user.external_id for user in snapshot.users] == ["PANA"]


def test_beyond_10_000_records_it_fails_by_name_and_says_to_select(account: Any, make: Any) -> None:
    def endless(query: dict[str, str]) -> Any:
        offset = int(query["offset"])
        return {"services": [{"id": f"S{offset + n}", "name": "s"} for n in range(100)], "more": True}

    account.answers["/services"] = endless
    snapshot = fetch(account)
    (failed,) = snapshot.failed
    assert (failed.entity_type, failed.code) == ("service", "too_many_results")
    assert "Choose" in failed.message
    assert len(snapshot.services) == 10_000
    assert max(int(dict(r.query)["offset"]) + int(dict(r.query)["limit"]) for r in account.requests) == 10_000


@pytest.mark.parametrize("answer", [{"services": {}}, {"services": [], "more": "yes"}, {"unexpected": []}])
def test_what_is_no_page_of_a_list_fails_the_listing(account: Any, answer: Any) -> None:
    account.answers["/services"] = answer
    snapshot = fetch(account)
    assert [(f.entity_type, f.external_id, f.code) for f in snapshot.failed] == [("service", None, "missing_envelope")]
    assert snapshot.completeness["service"].listing is False


def test_an_object_that_comes_twice_is_one_and_the_later_state_counts(account: Any, make: Any) -> None:
    first, second = make.user("P1", name="Before"), make.user("P1", name="After")
    account.users = [first, second, make.user("P2"), make.user("P2")]
    snapshot = fetch(account)
    assert [user.name for user in snapshot.users] == ["After", "User P2"]
    assert [note.code for note in snapshot.notes if note.external_id == "P1"] == ["changed_while_reading"]
    assert not [note for note in snapshot.notes if note.external_id == "P2"]


def test_an_object_without_an_id_leaves_the_listing_incomplete(account: Any, make: Any) -> None:
    account.users = [make.user("P1"), {"name": "Nobody"}]
    snapshot = fetch(account)
    assert [user.external_id for user in snapshot.users] == ["P1"]
    assert [(f.external_id, f.code, f.path) for f in snapshot.failed] == [(None, "missing_field", "users[1].id")]
    assert not snapshot.completeness["responder"].listing


def test_a_listing_that_was_announced_longer_is_incomplete(account: Any, make: Any) -> None:
    answer = {"users": [make.user("P1")], "more": False, "total": 3}
    account.answers["/users"] = answer
    snapshot = fetch(account)
    assert snapshot.completeness["responder"] == Completeness(False, "3 people were announced, 1 came.")
    assert ("responder", None, "incomplete_list") in [(n.entity_type, n.external_id, n.code) for n in snapshot.notes]


def test_progress_is_told_page_by_page(account: Any, make: Any) -> None:
    account.users = [make.user(f"P{number}") for number in range(150)]
    seen: list[Any] = []
    fetch(account, progress=lambda *reported: seen.append(reported))
    assert [reported for reported in seen if reported[0] == "responder"] == [
        ("responder", 100, None),
        ("responder", 150, None),
    ]


def test_every_request_is_one_the_vendor_documents(account: Any, make: Any) -> None:
    if not SCHEMA.exists():
        pytest.skip("no vendor schemas beside this repository")
    spec = json.loads(SCHEMA.read_text())
    shift = {"id": "V1", "name": "V", "time_zone": "Europe/Berlin", "rotations": [], "type": "schedule_v3"}
    account.teams = [{"id": "T1", "name": "T", "html_url": "https://acme.pagerduty.com/teams/T1"}]
    account.schedules = [make.schedule(id_, make.layer(f"L{id_}", "PANA")) for id_ in ("S1", "S2", "S3")]
    for one in account.schedules[:1]:
        entry = {"start": "2026-01-02T00:00:00Z", "end": "2026-01-03T00:00:00Z"}
        one["overrides_subschedule"]["rendered_schedule_entries"] = [entry]
        account.answers[f"/schedules/{one['id']}/overrides"] = (201, {"overrides": []})
    account.users.append(make.user("P2", contact_methods=[make.reference("email_contact_method", "C1")]))
    account.users[1].pop("notification_rules")
    account.answers |= {
        "/users/P2/contact_methods": {"contact_methods": []},
        "/users/P2/notification_rules": {"notification_rules": []},
        "/v3/schedules": {"schedules": [{"id": "V1", "type": "schedule_v3_reference", "summary": "V"}], "more": False},
        "/v3/schedules/V1": {"schedule": shift},
        "/v3/schedules/V1/overrides": {"overrides": [], "more": False},
        "/v3/schedules/V1/custom_shifts": {"custom_shifts": [], "more": False},
    }
    connector = account.connector()
    connector.probe()
    connector.inventory()
    assert connector.fetch(Selection(), contact_details=True).failed == ()
    account.users += [make.user(f"P{number}") for number in range(10, 400)]
    account.schedules.append(make.schedule("S4", make.layer("L4", "P399")))
    chosen = frozenset({("schedule", "S4")})
    connector.fetch(Selection(everything=False, chosen=chosen), contact_details=True)
    connector.rendered({"S1": (), "V1": ()}, make.NOW, make.NOW + 86_400)
    requested = {template(request.path) for request in account.requests}
    assert requested == {path for path in spec["paths"] if path not in NOT_READ}
    for request in account.requests:
        check(spec, request)


NOT_READ = {"/abilities/{id}", "/escalation_policies/{id}", "/oncalls", "/users/me"}


def template(path: str) -> str:
    parts = path.split("/")
    at = 3 if parts[1] == "v3" else 2
    return "/".join("{id}" if index == at else part for index, part in enumerate(parts))


def check(spec: Any, request: Any) -> None:
    """Every query parameter is documented, has the documented form, and no required one is missing."""
    documented = {}
    for parameter in spec["paths"][template(request.path)]["get"].get("parameters", []):
        name = parameter["$ref"].rsplit("/", 1)[1]
        found = spec["components"]["parameters"][name]
        if found["in"] == "query":
            documented[found["name"]] = found
    missing = {name for name, found in documented.items() if found.get("required")} - dict(request.query).keys()
    assert not missing, (request.path, missing)
    for name, value in request.query:
        assert name in documented, (request.path, name)
        schema = documented[name]["schema"]
        schema = schema.get("items", schema)
        assert value in schema.get("enum", [value]), (request.path, name, value)
        if schema["type"] == "integer":
            assert schema.get("minimum", 0) <= int(value) <= schema.get("maximum", int(value))
        if schema["type"] == "boolean":
            assert value in ("true", "false")
        if schema.get("format") == "date-time":
            assert value.endswith("Z")
            assert len(value) == 20
