"""A collection of which some elements could not be read: nothing is removed, all other changes are taken."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oncall.aggregates import State
from syncjobs.planning.merge import Merge, merge, with_unread
from syncjobs.planning.values import Base, Owner, Proposal

NOW = "2026-11-20T12:00:00Z"

keys = st.sampled_from(["1:a", "1:b", "1:c", "1:d", "2:z", "local:1"])
own_keys = st.sampled_from(["1:a", "1:b", "1:c", "1:d"])
members = st.sampled_from([{"person_key": f"1:{key}", "role": role} for key in "UV" for role in ("x", "y")])
owners = st.sampled_from(["ask", "source", "local"])


def merged(source: Any, base: Any, here: Any, owner: Owner, unread: dict[str, int]) -> Merge:
    proposal = Proposal("user_group", "T", "1:T", "T", {}, {"members": source}, unread=unread)
    return merge(
        proposal,
        Base(elements={"members": base}),
        State({}, {"members": here}),
        lambda path: owner,
        primary=True,
        now=NOW,
    )


@given(
    st.dictionaries(own_keys, members),
    st.dictionaries(own_keys, members),
    st.dictionaries(keys, members),
    owners,
)
def test_nothing_is_removed_and_every_other_change_is_as_in_a_complete_read(
    source: Any, base: Any, here: Any, owner: Owner
) -> None:
    result = merged(source, base, here, owner, {"members": 1})
    complete = merged(source, base, here, owner, {})

    def of_source(changes: Any) -> Any:
        return {key: change for key, change in changes.get("members", {}).items() if key in source}

    assert result.elements.get("members", {}) == of_source(complete.elements)
    assert result.base_elements.get("members", {}) == of_source(complete.base_elements)
    assert result.conflicts == [path for path in complete.conflicts if path.partition(".")[2] in source]
    assert all(new is not None for _, new in result.elements.get("members", {}).values())
    assert not result.held


def test_an_unread_collection_says_nothing_about_the_others() -> None:
    gone = {"1:a": {"person_key": "1:U", "role": "x"}, "1:b": {"person_key": "1:V", "role": "x"}}
    left = {"1:b": gone["1:b"]}
    assert not merged(left, gone, gone, "ask", {"members": 1}).writes
    assert merged(left, gone, gone, "ask", {"overrides": 1}).elements == {"members": {"1:a": [gone["1:a"], None]}}


def layers(*names: str, **changed: str) -> list[dict[str, str]]:
    return [{"key": name, "name": changed.get(name, "as before")} for name in names]


def with_layers(read: list[dict[str, str]], base: list[dict[str, str]] | None, unread: dict[str, int]) -> Any:
    stored = {} if base is None else {"layers": {"format": 1, "layers": base}}
    proposal = Proposal(
        "schedule", "S", "1:S", "S", {"name": "S", "layers": {"format": 1, "layers": read}}, {}, unread=unread
    )
    completed = with_unread(proposal, Base(stored))
    assert completed.fields["name"] == "S"
    assert proposal.fields["layers"]["layers"] is read
    assert completed.fields["layers"]["format"] == 1
    return completed.fields["layers"]["layers"]


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.data())
def test_layers_that_were_not_read_stay_at_their_place(names: list[str], data: st.DataObject) -> None:
    read = [name for name in names if data.draw(st.booleans())]
    assert with_layers(layers(*read), layers(*names), {"layers": 1}) == layers(*names)


@given(
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.lists(st.sampled_from("abcdefgh"), unique=True),
    st.sampled_from(["as before", "renamed"]),
)
def test_every_layer_of_the_read_is_taken_in_its_order_and_none_of_the_base_is_lost(
    before: list[str], read: list[str], name: str
) -> None:
    sent = layers(*read, **dict.fromkeys(read, name))
    result = with_layers(sent, layers(*before), {"layers": 2})
    assert [layer for layer in result if layer["key"] in read] == sent
    assert sorted(layer["key"] for layer in result) == sorted({*before, *read})


def test_a_complete_read_and_a_first_read_are_taken_as_they_are() -> None:
    assert with_layers(layers("a"), layers("a", "b"), {}) == layers("a")
    assert with_layers(layers("a"), layers("a", "b"), {"overrides": 1}) == layers("a")
    assert with_layers(layers("a"), None, {"layers": 1}) == layers("a")
