"""What could not be read of layers and levels stays as it was at the last read."""

from typing import Any

from syncjobs.planning.merge import with_unread
from syncjobs.planning.values import Base, Proposal


def layers(*found: tuple[str, str]) -> Any:
    return {"layers": [{"key": key, "name": name} for key, name in found]}


def fields(before: Any, sent: Any, unread: Any) -> Any:
    proposal = Proposal("schedule", "S1", "1:S1", "S", fields=sent, elements={}, unread=unread)
    return with_unread(proposal, Base(fields=before)).fields


def test_a_layer_that_was_not_read_keeps_its_place() -> None:
    before = {"layers": layers(("A", "old"), ("B", "old"), ("C", "old"))}
    sent = {"layers": layers(("A", "new"), ("C", "new"))}
    found = fields(before, sent, {"layers": 1})["layers"]
    assert found == layers(("A", "new"), ("B", "old"), ("C", "new"))
    assert fields(before, sent, {})["layers"] == sent["layers"]


def test_a_layer_that_was_read_in_part_stays_as_it_was() -> None:
    before = {"layers": layers(("A", "old"), ("B", "old"))}
    sent = {"layers": layers(("A", "new"), ("C", "part"))}
    found = fields(before, sent, {"layers.A": 1, "layers.C": 1})["layers"]
    assert found == layers(("A", "old"), ("C", "part"))


def test_levels_of_which_one_was_not_read_stay_as_they_were() -> None:
    sent = {"name": "new", "initial_wait": 0, "levels": ["new"]}
    before = {"name": "old", "initial_wait": 5, "levels": ["old"]}
    assert fields(before, sent, {"levels": 1}) == {"name": "new", "initial_wait": 5, "levels": ["old"]}
    assert fields({}, sent, {"levels": 1}) == sent


def test_what_is_new_is_taken_as_read() -> None:
    sent = {"layers": layers(("A", "new"))}
    assert fields({}, sent, {"layers": 1, "layers.A": 1}) == sent
