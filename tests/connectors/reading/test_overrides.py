"""Which of two overlapping overrides wins."""

from connectors.reading.overrides import ranked
from oncall.rendering.spec import Override, person


def test_of_overlapping_overrides_the_later_in_the_list_wins() -> None:
    def period(key: str, starts_at: int, ends_at: int) -> Override:
        return Override(key, starts_at, ends_at, person("P"))

    listed = [period("A", 0, 10), period("B", 20, 30), period("C", 5, 25), period("D", 40, 50), period("E", 6, 7)]
    assert {o.key: o.rank for o in ranked(listed)} == {"A": 0, "B": 0, "C": 1, "D": 0, "E": 2}
    # Overrides that touch do not overlap.
    assert {o.rank for o in ranked([period("A", 0, 10), period("B", 10, 20), period("C", 20, 30)])} == {0}
    assert {o.rank for o in ranked([period("B", 10, 20), period("A", 0, 10)])} == {0}
    # An old override that leaves the window changes no other that it does not touch.
    assert {o.key: o.rank for o in ranked(listed[1:])}["D"] == 0
