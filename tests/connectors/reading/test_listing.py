"""Lists that may be missing, in part or whole, and what it costs to read on."""

from collections.abc import Callable
from typing import Any

import pytest

from connectors.base import no_progress
from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    NotFound,
    PermissionMissing,
    ProviderUnavailable,
    UnexpectedResponse,
)
from connectors.reading.findings import Findings, Vendor
from connectors.reading.listing import Listing, all_items
from connectors.reading.optional_lists import read_optional_list
from connectors.reading.pages import Page
from connectors.reading.refusals import Refusals
from connectors.reading.wire import Identified, Text
from connectors.records import Completeness

VENDOR = Vendor("toy", "Rota Toy")


class Member(Identified):
    role: Text


def members(ask: Callable[[], Any], findings: Findings) -> tuple[Member, ...] | None:
    return read_optional_list(
        ask, Member, findings, "user_group", "T1", words="Its members", code="members_not_told", path="members"
    )


def raising(kind: type[ConnectorError]) -> Callable[[], Any]:
    def ask() -> Any:
        raise kind("It went wrong.", hint="Try again.", provider="toy")

    return ask


def test_an_optional_list_is_all_of_its_pages() -> None:
    findings = Findings(VENDOR)
    pages = [Page(({"id": "A", "role": "lead"},)), Page(()), Page(({"id": "B", "role": ""},))]
    assert members(lambda: all_items(pages, VENDOR, "members", "members"), findings) == (
        Member(id="A", role="lead"),
        Member(id="B", role=""),
    )
    assert (findings.notes, findings.failed) == ([], [])


@pytest.mark.parametrize("kind", [NotFound, PermissionMissing])
def test_one_that_is_not_there_or_may_not_be_read_leaves_a_note(kind: type[ConnectorError]) -> None:
    findings = Findings(VENDOR)
    assert members(raising(kind), findings) is None
    (note,) = findings.notes
    assert (note.external_id, note.code, note.path) == ("T1", "members_not_told", "members")
    assert (note.message, note.loss) == ("Its members could not be read: It went wrong.", True)
    assert findings.failed == []


@pytest.mark.parametrize("totals", [(2,), (2, None), (1, 2, None)])
def test_one_that_ends_before_all_that_it_announced_came_is_not_told(totals: tuple[int | None, ...]) -> None:
    findings = Findings(VENDOR)
    pages = [Page(() if place else ({"id": "A", "role": "lead"},), total) for place, total in enumerate(totals)]
    assert members(lambda: all_items(pages, VENDOR, "members of Web", "members"), findings) is None
    (note,) = findings.notes
    assert note.message == "Its members could not be read: 2 members of Web were announced, 1 came."
    assert findings.failed == []


@pytest.mark.parametrize("totals", [(2, 2), (None, None), (2, None), (2, 1)])
def test_one_of_which_all_came_that_was_announced_is_whole(totals: tuple[int | None, ...]) -> None:
    pages = [Page(({"id": str(number)},), total) for number, total in enumerate(totals)]
    assert all_items(pages, VENDOR, "members", "members") == [{"id": "0"}, {"id": "1"}]


def test_what_was_announced_and_did_not_come_has_a_code_and_a_path() -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        all_items([Page((), 1)], VENDOR, "shifts", "shifts")
    assert (caught.value.code, caught.value.path, caught.value.provider) == ("incomplete_list", "shifts", "toy")


@pytest.mark.parametrize("kind", [UnexpectedResponse, ProviderUnavailable])
def test_one_that_goes_wrong_is_a_failure_of_its_object(kind: type[ConnectorError]) -> None:
    findings = Findings(VENDOR)
    assert members(raising(kind), findings) is None
    assert [(one.external_id, one.code) for one in findings.failed] == [("T1", kind.code)]
    assert findings.notes == []


def test_a_refused_credential_ends_the_whole_read() -> None:
    with pytest.raises(AuthenticationFailed):
        members(raising(AuthenticationFailed), Findings(VENDOR))


def test_an_answer_that_is_not_a_list_is_not_reported_and_an_unreadable_element_costs_only_itself() -> None:
    findings = Findings(VENDOR)
    assert members(lambda: {"id": "A"}, findings) is None
    found = members(lambda: [{"id": "A", "role": "lead"}, {"id": "B"}, {"id": "C"}], findings)
    assert found is not None
    assert ([each.id for each in found], found.unread, found.places) == (["A"], 2, (0,))
    assert [(one.code, one.path) for one in findings.failed] == [
        ("invalid_value", "members"),
        ("missing_field", "members[1].role"),
        ("missing_field", "members[2].role"),
    ]


@pytest.mark.parametrize(("total", "whole"), [(3, True), (4, False)])
def test_an_unreadable_object_of_a_list_has_come_all_the_same(total: int, whole: bool) -> None:
    findings = Findings(VENDOR)
    pages = iter([Page(({"id": "A", "role": "x"}, {"id": "B", "role": 0.5}, {"id": "C", "role": "x"}), total)])
    listing = Listing(pages, Member, "responder", "users", findings, no_progress)
    listing.read()
    assert [failed.external_id for failed in findings.failed] == ["B"]
    assert (list(listing.objects), listing.completeness.listing) == (["A", "C"], whole)


@pytest.mark.parametrize(
    ("reported", "total", "calls", "cheaper"),
    [(None, None, 1, True), (250, None, 3, True), (250, None, 2, False), (None, 101, 1, False), (900, 100, 1, True)],
)
def test_reading_on_is_weighed_against_single_calls(
    reported: int | None, total: int | None, calls: int, cheaper: bool
) -> None:
    listing = Listing(iter([Page((), reported)]), Member, "responder", "users", Findings(VENDOR), no_progress)
    listing.read(1)
    assert listing.is_cheaper_than(calls, 100, total) is cheaper


def test_the_third_refusal_without_an_answer_is_final_and_said_once() -> None:
    findings = Findings(VENDOR)
    refusals = Refusals(findings, "responder", code="people_forbidden", words="People were left out")
    refused = PermissionMissing("It may not.", hint="", provider="toy")
    for number in range(3):
        assert (refusals.are_final, findings.notes) == (False, []), number
        refusals.add(refused)
    assert refusals.are_final
    (note,) = findings.notes
    assert (note.entity_type, note.external_id, note.code) == ("responder", None, "people_forbidden")
    assert note.message == "People were left out: It may not."


def test_whoever_was_answered_once_may_go_on_asking() -> None:
    findings = Findings(VENDOR)
    refusals = Refusals(findings, "responder", code="people_forbidden", words="People were left out")
    refusals.answered = True
    for _ in range(5):
        refusals.add(PermissionMissing("It may not.", hint="", provider="toy"))
    assert (refusals.are_final, findings.notes) == (False, [])


def test_an_object_with_an_id_too_long_for_the_database_is_one_named_failure() -> None:
    findings = Findings(VENDOR)
    raws = ({"id": "x" * 300, "role": ""}, {"id": "A b", "role": ""})
    listing = Listing(iter([Page(raws)]), Member, "user_group", "teams", findings, no_progress)
    listing.read()
    (failed,) = findings.failed
    assert (failed.external_id, failed.code, failed.path) == ("x" * 300, "invalid_value", "id")
    assert (list(listing.objects), listing.completeness.listing) == (["A b"], True)


def test_a_list_of_which_only_a_part_was_requested_is_incomplete_by_design() -> None:
    pages = iter([Page(({"id": "A", "role": ""},), 3), Page(({"id": "B", "role": ""},), 3)])
    listing = Listing(pages, Member, "responder", "users", Findings(VENDOR), no_progress)
    listing.read(1)
    assert listing.completeness == Completeness(False, "Only the people that are needed were read.", by_design=True)
    listing.read()
    assert listing.completeness == Completeness(False, "3 people were announced, 2 came.")
