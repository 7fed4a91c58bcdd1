"""The rules of the three-way merge, case by case, and the properties that always hold."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.aggregates import State
from syncjobs.planning.merge import MISSING, Merge, merge, settle
from syncjobs.planning.values import Base, Owner, Proposal

NOW = "2026-11-20T12:00:00Z"


def equal(first: Any, second: Any) -> bool:
    return first is not MISSING and second is not MISSING and first == second


@pytest.mark.parametrize(
    ("base", "local", "source", "ask", "overwrite"),
    [
        ("a", "a", "a", "keep", "keep"),
        ("b", "a", "a", "settle", "settle"),
        (MISSING, "a", "a", "settle", "settle"),
        ("b", "b", "s", "take", "take"),
        ("s", "l", "s", "keep", "take"),
        ("b", "l", "s", "conflict", "take"),
        (MISSING, "l", "s", "conflict", "take"),
        (MISSING, "", "s", "take", "take"),
        (MISSING, None, "s", "take", "take"),
        (MISSING, [], ["s"], "take", "take"),
    ],
)
def test_each_owner_decides_as_documented(base: Any, local: Any, source: Any, ask: str, overwrite: str) -> None:
    assert settle("ask", base, local, source, quiet=False, equal=equal) == ask
    assert settle("source", base, local, source, quiet=False, equal=equal) == overwrite
    assert settle("local", base, local, source, quiet=False, equal=equal) == "keep"


def test_it_settles_a_first_difference_in_a_quiet_field_without_writing() -> None:
    assert settle("ask", MISSING, "Ana B.", "Ana Brown", quiet=True, equal=equal) == "settle"
    assert settle("source", MISSING, "Ana B.", "Ana Brown", quiet=True, equal=equal) == "take"


values = st.sampled_from(["a", "b", "c"])


@given(st.one_of(st.just(MISSING), values), values, values, st.sampled_from(["ask", "source", "local"]), st.booleans())
def test_settling_twice_changes_nothing_more(base: Any, local: str, source: str, owner: Owner, quiet: bool) -> None:
    verdict = settle(owner, base, local, source, quiet=quiet, equal=equal)
    if verdict == "take":
        base, local = source, source
    if verdict == "settle":
        base = source
    again = settle(owner, base, local, source, quiet=quiet, equal=equal)
    assert again == ("conflict" if verdict == "conflict" else again)
    if owner != "source" and verdict != "conflict":
        assert again == "keep"


def proposal(kind: Any = "schedule", **more: Any) -> Proposal:
    defaults: dict[str, Any] = {"fields": {}, "elements": {}, "fingerprint": "f"}
    return Proposal(kind=kind, external_id="P1", key="1:P1", label="x", **(defaults | more))


def run(proposed: Proposal, base: Base, local: State, owner: Owner = "ask", primary: bool = True) -> Merge:
    return merge(
        proposed,
        base,
        local,
        lambda path: owner,
        primary=primary,
        now=NOW,
    )


MEMBER = {"person_key": "1:U1", "role": "manager"}
OTHER = {"person_key": "1:U2", "role": "responder"}


def members(source: Any, known: Any, here: Any, owner: Owner = "ask") -> Merge:
    return run(
        proposal("user_group", elements={"members": source}),
        Base(elements={"members": known}),
        State({}, {"members": here}),
        owner,
    )


def test_it_adds_changes_and_removes_elements_one_by_one() -> None:
    result = members(
        {"1:a": MEMBER, "1:b": {**OTHER, "role": "manager"}},
        {"1:b": OTHER, "1:c": MEMBER},
        {"1:b": OTHER, "1:c": MEMBER, "local:9": OTHER, "2:z": OTHER},
    )
    assert result.elements == {
        "members": {"1:a": [None, MEMBER], "1:b": [OTHER, {**OTHER, "role": "manager"}], "1:c": [MEMBER, None]}
    }
    assert result.base_elements["members"] == {"1:a": MEMBER, "1:b": {**OTHER, "role": "manager"}, "1:c": None}
    assert not result.conflicts
    assert not result.held


def test_a_collection_that_was_not_fetched_is_not_compared() -> None:
    assert not members(None, {"1:a": MEMBER}, {"1:a": MEMBER}).writes


def test_removals_that_would_empty_a_collection_are_held() -> None:
    result = members({}, {"1:a": MEMBER}, {"1:a": MEMBER, "local:4": OTHER})
    assert not result.writes
    assert result.held == {"members": {"1:a": [MEMBER, None]}}


def test_an_edited_element_that_the_source_removed_stays_under_ask_and_is_removed_under_source() -> None:
    edited = {**MEMBER, "role": "observer"}
    kept = members({"1:b": OTHER}, {"1:a": MEMBER, "1:b": OTHER}, {"1:a": edited, "1:b": OTHER})
    assert not kept.writes
    assert kept.base_elements == {"members": {"1:a": None}}
    again = members({"1:b": OTHER}, {"1:b": OTHER}, {"1:a": edited, "1:b": OTHER})
    assert not again.writes
    assert not again.base_elements
    gone = members({"1:b": OTHER}, {"1:a": MEMBER, "1:b": OTHER}, {"1:a": edited, "1:b": OTHER}, "source")
    assert gone.elements == {"members": {"1:a": [edited, None]}}


def test_an_element_deleted_here_stays_deleted_until_the_source_changes_it() -> None:
    assert not members({"1:a": MEMBER, "1:b": OTHER}, {"1:a": MEMBER, "1:b": OTHER}, {"1:b": OTHER}).writes
    changed = members({"1:a": {**MEMBER, "role": "x"}, "1:b": OTHER}, {"1:a": MEMBER, "1:b": OTHER}, {"1:b": OTHER})
    assert changed.conflicts == ["members.1:a"]


def override(starts: str, ends: str) -> dict[str, Any]:
    return {"starts_at": starts, "ends_at": ends, "by_key": "person:1:U1"}


def test_overrides_are_compared_only_inside_the_fetched_range() -> None:
    fetched = ("2026-11-19T12:00:00Z", "2027-02-18T12:00:00Z")
    here = {
        "1:ended": override("2026-11-19T00:00:00Z", "2026-11-20T06:00:00Z"),
        "1:long past": override("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
        "1:removed": override("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"),
        "1:beyond": override("2027-06-01T00:00:00Z", "2027-06-02T00:00:00Z"),
    }
    result = run(
        proposal(elements={"overrides": {}}, fetched_range=fetched),
        Base(elements={"overrides": here}),
        State({}, {"overrides": here}),
    )
    assert list(result.elements["overrides"]) == ["1:removed"]


#: since, until; when an override starts and ends; whether it is compared in a range of ends, and in one of overlaps.
BOUNDS = [
    ("2026-11-19", "2027-02-18", "2026-11-01", "2026-11-20T12:00:00Z", False, False),
    ("2026-11-19", "2027-02-18", "2026-11-01", "2026-11-20T12:00:01Z", True, True),
    ("2026-12-01", "2027-02-18", "2026-11-01", "2026-12-01T00:00:00Z", False, False),
    ("2026-12-01", "2027-02-18", "2026-11-01", "2026-12-01T00:00:01Z", True, True),
    ("2026-11-19", "2027-02-18", "2026-12-01", "2027-02-18T00:00:00Z", True, True),
    ("2026-11-19", "2027-02-18", "2026-12-01", "2027-02-18T00:00:01Z", False, True),
    ("2026-11-19", "2027-02-18", "2027-02-17", "2027-07-01T00:00:00Z", False, True),
    ("2026-11-19", "2027-02-18", "2027-02-18", "2027-07-01T00:00:00Z", False, False),
    ("2026-11-19", "2027-02-18", "2027-02-19", "2027-07-01T00:00:00Z", False, False),
]


@pytest.mark.parametrize(("since", "until", "starts", "ends", "by_end", "by_overlap"), BOUNDS)
def test_an_override_is_compared_if_the_range_must_show_it(
    since: str, until: str, starts: str, ends: str, by_end: bool, by_overlap: bool
) -> None:
    here = {"1:o": override(f"{starts}T00:00:00Z", ends)}
    fetched = (f"{since}T00:00:00Z", f"{until}T00:00:00Z")
    for overlapping, removed in ((False, by_end), (True, by_overlap)):
        proposed = proposal(elements={"overrides": {}}, fetched_range=fetched, lists_overlapping=overlapping)
        result = run(proposed, Base(elements={"overrides": here}), State({}, {"overrides": here}))
        assert bool(result.elements) == removed
        assert result.base_elements == ({"overrides": {"1:o": None}} if removed else {})


def test_a_secondary_link_writes_elements_only() -> None:
    result = run(
        proposal("user_group", fields={"name": "B"}, elements={"members": {"1:a": MEMBER}}),
        Base(),
        State({"name": "A"}, {}),
        "source",
        primary=False,
    )
    assert not result.fields
    assert result.elements == {"members": {"1:a": [None, MEMBER]}}


def test_a_conflict_keeps_the_old_base_so_it_closes_when_the_source_goes_back() -> None:
    conflict = run(proposal(fields={"name": "S"}), Base({"name": "B"}), State({"name": "L"}))
    assert conflict.conflicts == ["name"]
    assert not conflict.base_fields
    back = run(proposal(fields={"name": "B"}), Base({"name": "B"}), State({"name": "L"}))
    assert not back.conflicts
    assert not back.writes


def test_without_a_fetched_range_no_override_is_removed() -> None:
    here = {"1:o": override("2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z")}
    result = run(
        proposal(elements={"overrides": {}}), Base(elements={"overrides": here}), State({}, {"overrides": here})
    )
    assert not result.writes
