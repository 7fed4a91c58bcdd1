"""Tests pages, links and lists inside an object."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.errors import UnexpectedResponse
from connectors.network.exchange import Request
from connectors.providers.xmatters.address import next_request
from connectors.reading.listing import Incomplete

ORIGIN = "https://acme.xmatters.com"


def client(instance: Any) -> Any:
    return instance.connector()._client


def items(pages: Any) -> list[Any]:
    return [item for page in pages for item in page.items]


def test_pages_follow_root_relative_links_with_what_was_asked_first(instance: Any, make: Any) -> None:
    people = [make.person(f"P{n}") for n in range(3)]
    instance.answers["/people"] = lambda query: {
        "total": 3,
        "data": [people[int(query["offset"])]],
        "links": {}
        if query["offset"] == "2"
        else {"next": f"/api/xm/1/people?offset={int(query['offset']) + 1}&limit=1"},
    }
    assert items(client(instance).people()) == people
    assert [dict(request.query) for request in instance.requests] == [
        {"offset": "0", "limit": "1000", "embed": "roles"},
        {"offset": "1", "limit": "1", "embed": "roles"},
        {"offset": "2", "limit": "1", "embed": "roles"},
    ]


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/api/xm/1/people?offset=1", "/api/xm/1/people"),
        ("https://acme.xmatters.com/api/xm/1/groups/G/members?offset=1", "/api/xm/1/groups/G/members"),
        ("https://ACME.xmatters.com:443/api/xm/1/people?offset=1", "/api/xm/1/people"),
    ],
)
def test_links_within_the_instance_are_followed(link: str, path: str) -> None:
    requested = (("offset", "0"), ("embed", "roles"))
    assert next_request(link, ORIGIN, requested) == (path, (("offset", "1"), ("embed", "roles")))


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/xm/1/people",
        "//evil.example/api/xm/1/people",
        "http://acme.xmatters.com/api/xm/1/people",
        "https://acme.xmatters.com:8443/api/xm/1/people",
        "https://acme.xmatters.com@evil.example/api/xm/1/people",
        "https://[/api/xm/1/people",
        "/people?offset=100",
        "/api/xm/1",
        "/reapi/2015-04-01/x",
        "people",
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(instance: Any, make: Any, link: str) -> None:
    with pytest.raises(UnexpectedResponse) as refused:
        next_request(link, ORIGIN, ())
    assert refused.value.code == "foreign_link"
    instance.answers["/people"] = {**make.envelope([make.person("ANA")]), "links": {"next": link}}
    with pytest.raises(UnexpectedResponse):
        items(client(instance).people())
    assert len(instance.requests) == 1


@pytest.mark.parametrize("link", ["/api/xm/1/../../admin", "/api/xm/1/%2e%2e/x", "/api/xm/1/./x"])
def test_a_link_with_dots_is_not_followed(instance: Any, make: Any, link: str) -> None:
    instance.answers["/people"] = {**make.envelope([make.person("ANA")]), "links": {"next": link}}
    with pytest.raises(UnexpectedResponse, match="unsafe"):
        items(client(instance).people())
    assert len(instance.requests) == 1


@pytest.mark.parametrize("step", [0, 1])
def test_pages_without_end_are_found_out(instance: Any, make: Any, step: int) -> None:
    instance.answers["/people"] = lambda query: {
        "total": 2,
        "data": [make.person("ANA")],
        "links": {"next": f"/api/xm/1/people?offset={int(query['offset']) + step}&limit=1"},
    }
    with pytest.raises(UnexpectedResponse) as refused:
        items(client(instance).people())
    assert refused.value.code == "pagination_loop"
    assert len(instance.requests) < 7


def test_an_empty_page_with_a_link_to_more_is_no_end_of_a_list(instance: Any) -> None:
    instance.answers["/people"] = {"data": [], "links": {"next": "/api/xm/1/people?offset=0&limit=1000"}}
    with pytest.raises(Incomplete):
        items(client(instance).people())
    assert len(instance.requests) == 1


@pytest.mark.parametrize("body", [{"data": {}}, {"data": None}, {"people": []}, {}])
def test_an_answer_without_a_list_is_no_empty_list(instance: Any, body: Any) -> None:
    instance.answers["/people"] = body
    with pytest.raises(UnexpectedResponse):
        items(client(instance).people())


def test_lists_inside_an_object_are_whole_or_nothing(instance: Any, make: Any) -> None:
    whole = client(instance).whole
    cut = {**make.envelope([1]), "total": 3, "links": {"next": "/api/xm/1/groups/G/shifts/S/members?offset=1&limit=1"}}
    instance.answers["/groups/G/shifts/S/members"] = {"data": [2, 3], "total": 3}
    assert whole([1, 2]) == [1, 2]
    assert whole(make.envelope([1, 2])) == [1, 2]
    assert whole(cut) == [1, 2, 3]
    assert whole({**make.envelope([1]), "total": 3}) is None  # incomplete, and without a next link
    assert whole({"data": {}}) is None
    assert whole(None) is None
    assert whole("a text") is None


def test_a_comma_separates_and_ids_with_odd_characters_stay_one_segment(instance: Any, make: Any) -> None:
    instance.answers["/on-call"] = make.envelope([])
    items(client(instance).on_call(["G1", "G2"], make.NOW, make.NOW + 60))
    request: Request = instance.requests[-1]
    assert "groups=G1,G2&from=2026-01-01T00%3A00%3A00Z&to=2026-01-01T00%3A01%3A00Z" in request.target
    assert "embed=shift,members.owner" in request.target
    items(client(instance).members("a/b|c ,+"))
    assert instance.requests[-1].path == "/api/xm/1/groups/a%2Fb%7Cc%20%2C%2B/members"


def test_progress_counts_the_shifts_read_and_with_the_groups_the_policies(instance: Any, make: Any) -> None:
    instance.groups += [make.group("G2"), make.group("G3"), make.group("G4"), make.group("G5", "BROADCAST")]
    instance.shifts["G2"] = [make.shift("S2", make.seat(1, "ANA")), make.shift("S3"), {"id": "S4", "members": []}]
    instance.shifts["G2"][2]["start"] = "soon"
    instance.answers["/groups/G3/shifts"] = make.FORBIDDEN
    seen: list[Any] = []
    instance.connector().fetch(Selection(), contact_details=False, progress=lambda *reported: seen.append(reported))
    schedules = [reported for reported in seen if reported[0] == "schedule"]
    policies = [reported for reported in seen if reported[0] == "escalation_policy"]
    assert schedules == [("schedule", count, None) for count in (1, 3, 3, 3)]
    assert policies == [("escalation_policy", count, None) for count in (2, 5, 5, 6)]
