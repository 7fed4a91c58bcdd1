"""The loss ledger's paths."""

import pytest

from connectors.ledger import Entry, Ledger, paths

LEDGER = Ledger(
    {
        "user": (
            Entry("id", "exact"),
            Entry("teams[].*", "ignored", "membership comes from the teams"),
            Entry("calendar.**", "ignored", "addresses that need no key"),
            Entry("name", "exact"),
        )
    }
)


def test_paths_name_every_leaf_and_write_any_index_the_same() -> None:
    body = {"id": 1, "teams": [{"id": "a"}, {"id": "b"}], "tags": [], "none": None, "deep": {"a": {"b": 1}}}
    assert sorted(set(paths(body))) == ["deep.a.b", "id", "none", "tags", "teams[].id"]


@pytest.mark.parametrize(
    ("path", "fate"),
    [("id", "exact"), ("teams[].id", "ignored"), ("calendar.a.b", "ignored"), ("teams[].a.b", None), ("email", None)],
)
def test_it_classifies(path: str, fate: str | None) -> None:
    entry = LEDGER.classify("user", path)
    assert (entry.fate if entry else None) == fate


def test_a_field_nobody_thought_of_is_found() -> None:
    assert LEDGER.unknown("user", {"id": 1, "name": "x", "nickname": "y"}) == ["nickname"]


def test_a_loss_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        Entry("x", "ignored")
