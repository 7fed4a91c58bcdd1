"""Tests xMatters' own rendering as spans."""

from datetime import UTC, datetime
from typing import Any

import pytest

from oncall.rendering.final import Span
from oncall.rendering.spec import Participant, person

HOUR, DAY = 3600, 86_400
NOW = 1_767_225_600


def text(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def row(shift: str | None, start: int, end: int, *members: Any, **more: Any) -> Any:
    reported = {"shift": {"id": shift}} if shift else {}
    return {"group": {"id": "G1"}, **reported, "start": text(start), "end": text(end), "members": list(members), **more}


def member(who: Any, *replacements: Any) -> Any:
    return {"position": 1, "delay": 5, "member": who, **({"replacements": list(replacements)} if replacements else {})}


def stand(start: int, end: int, who: Any = None) -> Any:
    return {"start": text(start), "end": text(end), **({"replacement": who} if who else {})}


def rendered(instance: Any, *rows: Any) -> Any:
    instance.answers["/on-call"] = {"data": list(rows), "total": len(rows)}
    return instance.connector().rendered({"S1": ("G1",)}, NOW, NOW + DAY)


def test_everybody_of_a_shift_is_on_call_at_once_cut_to_the_range(instance: Any, make: Any) -> None:
    rows = (
        row("S1", NOW - HOUR, NOW + HOUR, member(make.who("ANA")), member(make.who("BO"))),
        row("S1", NOW + HOUR, NOW + 2 * HOUR, member(make.who("BO")), member(make.who("ANA"))),
        row("S2", NOW, NOW + HOUR, member(make.who("CY"))),
        row(None, NOW + 2 * HOUR, NOW + 3 * HOUR),
        row("S1", NOW + 23 * HOUR, NOW + 2 * DAY, member(make.who("ANA"))),
    )
    assert rendered(instance, *rows) == {
        "S1": (
            Span(NOW, NOW + 2 * HOUR, (person("ANA"), person("BO"))),
            Span(NOW + 23 * HOUR, NOW + DAY, (person("ANA"),)),
        )
    }


def test_replacements_tell_the_whole_time_of_whoever_is_partly_absent(instance: Any, make: Any) -> None:
    ana = make.who("ANA")
    partly = member(
        ana,
        stand(NOW, NOW + HOUR, ana),
        stand(NOW + HOUR, NOW + 2 * HOUR),
        stand(NOW + 2 * HOUR, NOW + 3 * HOUR, make.who("CY")),
    )
    assert rendered(instance, row("S1", NOW, NOW + 3 * HOUR, partly)) == {
        "S1": (Span(NOW, NOW + HOUR, (person("ANA"),)), Span(NOW + 2 * HOUR, NOW + 3 * HOUR, (person("CY"),)))
    }


def test_devices_stand_for_their_owners_and_groups_for_themselves(instance: Any, make: Any) -> None:
    device = {"id": "D9", "recipientType": "DEVICE", "owner": {"id": "CY"}}
    found = rendered(instance, row("S1", NOW, NOW + HOUR, member(device), member(make.who("G1", "GROUP"))))
    assert found["S1"][0].participants == (person("CY"), Participant("policy", "G1"))


def test_cut_members_and_replacements_are_followed_or_nothing_is_told(instance: Any, make: Any) -> None:
    link = "/api/xm/1/groups/G1/shifts/S1/occurrences/2026-01-01T00:00:00.000Z/members?offset=1&limit=1"
    whole = row("S1", NOW, NOW + HOUR, member(make.who("ANA")))
    cut = {**whole, "members": {"total": 2, "data": whole["members"], "links": {"next": link}}}
    instance.answers["/groups/G1/shifts/S1/occurrences/2026-01-01T00:00:00.000Z/members"] = make.envelope(
        [member(make.who("BO"))]
    )
    assert rendered(instance, cut)["S1"][0].participants == (person("ANA"), person("BO"))
    stuck = {**whole, "members": {"total": 2, "data": whole["members"]}}
    assert rendered(instance, stuck) == {}
    replaced = {**member(make.who("ANA")), "replacements": {"total": 2, "data": []}}
    assert rendered(instance, row("S1", NOW, NOW + HOUR, replaced)) == {}


@pytest.mark.parametrize("bad", [{"start": "soon"}, {"group": None}, {"members": ["junk"]}])
def test_what_cannot_be_read_is_absent(instance: Any, make: Any, bad: Any) -> None:
    assert rendered(instance, {**row("S1", NOW, NOW + HOUR, member(make.who("ANA"))), **bad}) == {}
    assert rendered(instance, "junk") == {}
    assert rendered(instance, row("S1", NOW, NOW + HOUR, member({"id": "X", "recipientType": "SERVICE"}))) == {}


def test_a_shift_without_a_row_has_nobody_and_one_whose_group_nobody_can_see_is_absent(instance: Any) -> None:
    instance.answers["/on-call"] = {"data": [], "total": 0}
    assert instance.connector().rendered({"S1": ("G1",), "S8": (), "S9": ("G9",)}, NOW, NOW + DAY) == {"S1": ()}


def test_an_inactive_group_says_nothing_about_its_shifts(instance: Any, make: Any) -> None:
    instance.groups = [make.group("G1", status="INACTIVE")]
    assert rendered(instance) == {}
    assert instance.paths() == ["/groups"]


def test_what_xmatters_tells_is_a_day_back_and_ninety_ahead(instance: Any) -> None:
    assert instance.connector().rendered_range() == (NOW - DAY, NOW + 90 * DAY)


def test_groups_that_cannot_be_listed_leave_nothing(instance: Any, make: Any) -> None:
    instance.answers["/groups"] = make.FORBIDDEN
    assert rendered(instance) == {}


def on_call_groups(instance: Any) -> list[list[str]]:
    """The groups of each call."""
    calls = [dict(request.query) for request in instance.requests if request.path.endswith("/on-call")]
    return [call["groups"].split(",") for call in calls]


@pytest.fixture
def many(instance: Any, make: Any) -> Any:
    instance.groups = [make.group(f"G{n:02}") for n in range(65)]
    instance.answers["/on-call"] = make.envelope([])
    return instance


def shifts(*numbers: int) -> dict[str, tuple[str, ...]]:
    return {f"S{n:02}": (f"G{n:02}",) for n in numbers}


def test_thirty_groups_a_call_and_only_those_that_are_needed(many: Any) -> None:
    connector = many.connector()
    assert connector.rendered(shifts(1, 2), NOW, NOW + DAY) == {"S01": (), "S02": ()}
    assert on_call_groups(many) == [["G01", "G02"]]
    assert len(connector.rendered(shifts(*range(65)), NOW, NOW + DAY)) == 65
    assert [len(groups) for groups in on_call_groups(many)] == [2, 30, 30, 5]
    assert sum(request.path.endswith("/groups") for request in many.requests) == 1


def test_a_group_that_is_in_the_way_costs_its_own_shifts(many: Any, make: Any) -> None:
    many.answers["/on-call"] = lambda query: (
        (403, {"reason": "Forbidden"}) if "G07" in query["groups"] else make.envelope([])
    )
    found = many.connector().rendered(shifts(*range(30)), NOW, NOW + DAY)
    assert found.keys() == shifts(*range(30)).keys() - {"S07"}
    assert len(on_call_groups(many)) == 11  # thirty by halves down to the one


def test_a_vendor_that_is_down_is_not_asked_by_halves(many: Any) -> None:
    many.answers["/on-call"] = (503, {})
    assert many.connector().rendered(shifts(1, 2), NOW, NOW + DAY) == {}
    assert {tuple(groups) for groups in on_call_groups(many)} == {("G01", "G02")}
