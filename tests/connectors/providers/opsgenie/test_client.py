"""Pages, and that every request is one the vendor documents."""

import json
import re
from typing import Any

import pytest

from connectors.closure import Selection
from connectors.records import Completeness
from tests.paths import SHARED

SCHEMA = SHARED / "vendor-schemas" / "opsgenie-swagger.json"


def fetch(account: Any, **options: Any) -> Any:
    return account.connector().fetch(Selection(), contact_details=options.pop("contact_details", False), **options)


def test_paged_listings_start_at_offset_0_and_say_their_limit(account: Any) -> None:
    fetch(account)
    requested = {request.path: dict(request.query) for request in account.requests}
    for path in ("/v2/users", "/v1/services"):
        assert requested[path] == {"limit": "100", "offset": "0"}
    assert requested["/v2/schedules"] == {"expand": "rotation"}
    assert requested["/v2/teams"] == {}


@pytest.mark.parametrize(
    "following", ["http://api.opsgenie.com/v2/users?limit=2&offset=2&order=ASC", "?", "http://[bad"]
)
def test_the_address_of_the_next_page_is_never_followed(account: Any, make: Any, following: str) -> None:
    people = [make.user(f"P{number}") for number in range(3)]

    def answer(query: Any) -> Any:
        first = query["offset"] == "0"
        return make.data(people[:2] if first else people[2:], paging={"next": following} if first else {}, totalCount=3)

    account.answers["/v2/users"] = answer
    assert len(fetch(account).users) == 3
    requested = [dict(request.query) for request in account.requests if request.path == "/v2/users"]
    assert requested == [{"limit": "100", "offset": "0"}, {"limit": "100", "offset": "2"}]
    assert {request.host for request in account.requests} == {None}


def test_a_listing_that_is_not_paged_today_may_be_tomorrow(account: Any, make: Any) -> None:
    def answer(query: Any) -> Any:
        if "offset" not in query:
            return make.data([{"id": "T1", "name": "One"}], paging={"next": "https://x/v2/teams?offset=1&limit=1"})
        return make.data([{"id": "T2", "name": "Two"}], paging=None)

    account.answers["/v2/teams"] = answer
    snapshot = fetch(account)
    assert [team.external_id for team in snapshot.teams] == ["T1", "T2"]
    assert snapshot.completeness["user_group"] == Completeness(True)


@pytest.mark.parametrize("paging", [{"next": ""}, {"next": None}, {"next": 7}, [], "x", None, {}])
def test_without_a_next_page_a_listing_ends(account: Any, make: Any, paging: Any) -> None:
    account.answers["/v1/services"] = make.data([{"id": "V1", "name": "Web"}], paging=paging)
    assert [service.external_id for service in fetch(account).services] == ["V1"]
    assert account.paths().count("/v1/services") == 1


def test_an_empty_page_that_is_not_the_last_makes_the_list_incomplete(account: Any, make: Any) -> None:
    account.answers["/v1/services"] = make.data([], paging={"next": "http://x/v1/services?offset=100"})
    snapshot = fetch(account)
    assert [(f.entity_type, f.external_id, f.code) for f in snapshot.failed] == [("service", None, "incomplete_list")]
    assert not snapshot.completeness["service"].listing
    assert account.paths().count("/v1/services") == 1


def test_a_collection_with_an_empty_page_that_is_not_the_last_is_not_reported(account: Any, make: Any) -> None:
    account.answers["/v2/forwarding-rules"] = make.data([], paging={"next": "http://x/v2/forwarding-rules?offset=9"})
    snapshot = fetch(account)
    assert [user.substitutions for user in snapshot.users] == [None]
    assert [note.code for note in snapshot.notes] == ["forwarding_not_told"]


@pytest.mark.parametrize("offset", ["0", "1", "100"])
def test_a_page_that_comes_again_is_a_loop_and_the_listing_incomplete(account: Any, make: Any, offset: str) -> None:
    following = f"http://x/v1/services?offset={offset}"
    account.answers["/v1/services"] = make.data([{"id": "V1", "name": "Web"}], paging={"next": following})
    snapshot = fetch(account)
    assert [(f.entity_type, f.external_id, f.code) for f in snapshot.failed] == [("service", None, "pagination_loop")]
    assert not snapshot.completeness["service"].listing
    assert account.paths().count("/v1/services") <= 2


@pytest.mark.parametrize(
    "answer", [{"data": {}}, {"data": None}, {"unexpected": []}, [], (200, b""), (200, b"<html>Sign in</html>")]
)
def test_what_is_no_page_of_a_list_fails_the_listing(account: Any, answer: Any) -> None:
    account.answers["/v2/teams"] = answer
    snapshot = fetch(account)
    assert [(f.entity_type, f.external_id) for f in snapshot.failed] == [("user_group", None)]
    assert not snapshot.completeness["user_group"].listing


def test_a_listing_that_was_announced_longer_is_incomplete(account: Any, make: Any) -> None:
    account.answers["/v2/users"] = make.data([make.user("ANA")], totalCount=3)
    snapshot = fetch(account)
    assert snapshot.completeness["responder"] == Completeness(False, "3 people were announced, 1 came.")
    assert [(n.entity_type, n.external_id, n.code) for n in snapshot.notes] == [("responder", None, "incomplete_list")]


def test_a_list_with_fewer_people_than_the_account_counts_is_incomplete(account: Any, make: Any) -> None:
    account.answers["/v2/account"] = make.data({"name": "acme", "userCount": 3})
    snapshot = fetch(account)
    assert snapshot.completeness["responder"] == Completeness(False, "3 people were announced, 1 came.")
    assert [note.code for note in snapshot.notes] == ["incomplete_list"]


def test_a_throttled_answer_is_asked_again(account: Any, make: Any) -> None:
    answers = iter([(429, {"message": "You are making too many requests!"}), make.data([])])
    account.answers["/v2/teams"] = lambda query: next(answers)
    assert fetch(account).failed == ()
    assert account.paths().count("/v2/teams") == 2


def test_an_account_of_5000_people_takes_960_calls(new_account: Any, make: Any) -> None:
    big = new_account(
        users=[make.user(f"P{number}") for number in range(5_000)],
        teams=[make.team(f"T{number}", f"P{number}") for number in range(200)],
        schedules=[make.schedule(f"S{number}", make.rotation(f"R{number}", f"P{number}")) for number in range(500)],
        services=[{"id": f"V{number}", "name": f"Service {number}"} for number in range(500)],
    )
    snapshot = fetch(big)
    assert (snapshot.calls, snapshot.failed) == (960, ())
    assert (len(snapshot.users), len(snapshot.teams), len(snapshot.schedules)) == (5_000, 200, 500)


def test_every_request_is_one_the_vendor_documents(account: Any, make: Any) -> None:
    if not SCHEMA.exists():
        pytest.skip("no vendor schemas beside this repository")
    spec = json.loads(SCHEMA.read_text())
    account.teams = [make.team("T1", "ANA")]
    account.schedules = [make.schedule("S1", make.rotation("R1", "ANA")), make.schedule("S2")]
    connector = account.connector()
    connector.probe()
    connector.inventory()
    assert connector.fetch(Selection(), contact_details=True).failed == ()
    connector.rendered({"S1": ()}, make.NOW, make.NOW + 86_400)
    requested = {template(request.path) for request in account.requests}
    assert requested - UNDOCUMENTED == {path for path in spec["paths"] if path not in NOT_READ}
    for request in account.requests:
        if template(request.path) not in UNDOCUMENTED:
            check(spec, request)


#: Services are of the incident API, the limits of the vendor's own exporter.
UNDOCUMENTED = {"/v1/services", "/v2/request-limits"}
NOT_READ = {
    "/v2/escalations/{identifier}",
    "/v2/schedules/on-calls",
    "/v2/schedules/{identifier}/on-calls",
    "/v2/users/{identifier}/notification-rules",
}


def template(path: str) -> str:
    return re.sub(r"^(/v2/(?:users|teams|schedules)/)[^/]+", r"\1{identifier}", path)


def check(spec: Any, request: Any) -> None:
    """Every query parameter is documented and has the documented form."""
    documented = {}
    for parameter in spec["paths"][template(request.path)]["get"].get("parameters", []):
        found = spec["parameters"][parameter["$ref"].rsplit("/", 1)[1]] if "$ref" in parameter else parameter
        if found["in"] == "query":
            documented[found["name"]] = found
    for name, value in request.query:
        if name in ("limit", "offset") and request.path != "/v2/users":
            continue
        assert name in documented, (request.path, name)
        assert value in documented[name].get("enum", [value]), (request.path, name, value)
        if name == "date":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value)
