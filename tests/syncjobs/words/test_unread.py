"""The sentences about elements that could not be read."""

import pytest

from oncall.aggregates import AGGREGATES
from syncjobs.words.unread import UnreadElements
from syncjobs.words.values import counts_in_words

COLLECTIONS = [
    *((kind, each.name) for kind, aggregate in AGGREGATES.items() for each in aggregate.collections),
    ("schedule", "layers"),
    ("escalation_policy", "levels"),
]


@pytest.mark.parametrize(("kind", "collection"), COLLECTIONS)
def test_every_collection_has_a_sentence(kind: str, collection: str) -> None:
    (one,) = UnreadElements(kind, 1, "Primary", "acme", {collection: 1}).sentences()
    (two,) = UnreadElements(kind, 1, "Primary", "acme", {collection: 2}).sentences()
    word = collection.replace("_", " ")
    assert one.startswith(f"1 {word.removesuffix('s')} of Primary could not be read at acme; ")
    assert two.startswith(f"2 {word} of Primary could not be read at acme; ")
    assert one.endswith(" may differ.")


def test_collections_are_listed_in_one_order() -> None:
    assert counts_in_words({"overrides": 2, "layers": 1}) == "1 layer and 2 overrides"
    assert (
        counts_in_words({"overrides": 2, "layers": 1, "extra_shifts": 3}) == "3 extra shifts, 1 layer and 2 overrides"
    )
