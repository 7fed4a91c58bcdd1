"""What a run changed, against what is here now: each value that is still as the run left it gets its former value."""

from typing import Any

import pytest

from oncall.aggregates import State
from syncjobs.planning.undoing import (
    ABSENT,
    Current,
    Former,
    Moved,
    composed,
    composed_places,
    differing,
    former_places,
    former_values,
    moved_elements,
    nested,
    places,
)

HERE = Current(
    State({"name": "Ops", "description": "d", "active": True}, {"members": {"1:a": {"role": "x"}}}, 7, 3),
    {"origin_label": "acme", "merged_into": None},
    frozenset({"ana@example.com"}),
)
MEMBER = {"role": "x"}


@pytest.mark.parametrize(
    ("path", "sides", "former"),
    [
        ("name", ["Old", "Ops"], Former(fields={"name": "Old"})),
        ("name", ["Ops", "New"], Former()),  # it has its former value already
        ("name", ["Old", "New"], Former(kept=("name",))),
        ("members.1:a", [None, MEMBER], Former(elements={"members": {"1:a": None}})),
        ("members.1:b", [MEMBER, None], Former(elements={"members": {"1:b": MEMBER}})),
        ("members.1:a", [None, {"role": "y"}], Former(kept=("members.1:a",))),
        ("origin_label", ["", "acme"], Former(columns={"origin_label": ""})),
        ("merged_into", [4, None], Former(columns={"merged_into": 4})),
        ("leads.ana@example.com", [None, True], Former(leads={"ana@example.com": False})),
        ("leads.bo@example.com", [True, None], Former(leads={"bo@example.com": True})),
        ("unknown", ["x", None], Former()),
    ],
)
def test_a_value_that_is_as_the_run_left_it_gets_its_former_value(path: str, sides: list[Any], former: Former) -> None:
    assert former_values("user_group", {path: sides}, HERE) == former


def test_what_changes_is_named_by_its_paths() -> None:
    former = Former(fields={"name": "Old"}, elements={"members": {"1:a": None}})
    assert (former.paths, former.is_empty, Former(kept=("name",)).is_empty) == ({"name", "members.1:a"}, False, True)


def test_several_records_of_a_row_are_one_change() -> None:
    steps = [{"name": ["a", "b"], "active": [True, False]}, {"name": ["b", "c"], "active": [False, True]}]
    assert composed(steps) == {"name": ["a", "c"]}


def test_an_element_that_left_one_row_and_came_to_another_was_moved() -> None:
    one = {"members.1:a": [MEMBER, None], "leads.x": [True, None], "name": ["a", None], "members.1:b": [MEMBER, None]}
    other = {"members.1:a": [None, MEMBER], "leads.x": [None, True], "members.1:c": [None, MEMBER]}
    assert moved_elements({1: one, 2: other}) == [Moved("members.1:a", 2, 1)]
    assert (Moved("members.1:a", 2, 1).collection, Moved("members.1:a", 2, 1).key) == ("members", "1:a")


LINK = {
    "state": "linked",
    "pins": {"name": "ask"},
    "base": {"fields": {"name": None}, "elements": {"members": {"1:a.b": MEMBER, "1:gone": None}}},
}


def test_the_places_of_a_link_are_its_columns_and_the_paths_inside() -> None:
    found = places(LINK)
    assert found == {
        ("state",): "linked",
        ("pins", "name"): "ask",
        ("base", "fields", "name"): None,
        ("base", "elements", "members", "1:a.b"): MEMBER,
    }
    assert places(nested(found)) == found


def test_no_value_and_a_value_that_is_null_are_told_apart() -> None:
    place = ("base", "fields", "repeat_count")
    before, after = differing({("state",): "linked"}, {("state",): "linked", place: None})
    assert (before, after) == ({}, {"base": {"fields": {"repeat_count": None}}})
    steps = composed_places([(places(before), places(after))])
    assert steps == {place: [ABSENT, None]}
    assert former_places(steps, {place: None}) == ({place: ABSENT}, False)
    assert former_places(steps, {}) == ({}, False)
    assert former_places(steps, {place: 3}) == ({}, True)


def test_several_steps_of_a_link_are_one_change() -> None:
    state, pin = ("state",), ("pins", "name")
    steps = [({state: "linked", pin: "ask"}, {state: "gone"}), ({state: "gone"}, {state: "linked", pin: "local"})]
    assert composed_places(steps) == {pin: ["ask", "local"]}
    assert composed_places([({}, {pin: "ask"}), ({pin: "ask"}, {})]) == {}
