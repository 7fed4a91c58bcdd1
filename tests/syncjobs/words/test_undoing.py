"""What an undo says about a row."""

from syncjobs.planning.undoing import Former
from syncjobs.words.undoing import values_in_words


def test_elements_that_come_back_and_that_leave_are_said_apart() -> None:
    former = Former(
        fields={"name": "Ana"},
        elements={"methods": {"a": {"address": "x"}, "b": None, "c": None}, "rules": {"d": None}},
    )
    back, lost = values_in_words(former, 1, ())
    assert back.startswith("gets back: ") and lost.startswith("loses: ")
    assert "name" in back and "(1)" in back and "(2)" not in back
    assert "(2)" in lost and "(1)" in lost
