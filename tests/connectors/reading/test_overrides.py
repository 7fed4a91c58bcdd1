"""Which of two overlapping overrides wins."""

from dataclasses import replace

from connectors.reading.findings import Findings, Vendor
from connectors.reading.overrides import note_assumed_order, ranked
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


def override(key: str, start: int, end: int, by: str = "") -> Override:
    return Override(key, start, end, person(by or key))


def ranks(listed: list[Override], *shown: tuple[int, int, str]) -> dict[str, int]:
    return {o.key: o.rank for o in ranked(listed, [(start, end, person(who)) for start, end, who in shown])}


def test_the_one_that_the_vendor_shows_wins() -> None:
    listed = [override("A", 0, 10), override("B", 5, 15), override("C", 12, 20)]
    assert ranks(listed) == {"A": 0, "B": 1, "C": 2}
    assert ranks(listed, (0, 10, "A"), (10, 12, "B"), (12, 20, "C")) == {"A": 1, "B": 0, "C": 1}
    assert ranks(listed, (0, 5, "A")) == {"A": 0, "B": 1, "C": 2}  # nothing is shown where two overlap
    assert ranks(listed, (5, 10, "X")) == {"A": 0, "B": 1, "C": 2}
    assert ranks([override("A", 0, 10), override("B", 5, 15, "A")], (0, 15, "A")) == {"A": 0, "B": 1}


def test_a_contradiction_of_the_vendor_ends_somewhere() -> None:
    listed = [override("A", 0, 10), override("B", 0, 10), override("C", 0, 10)]
    both_ways = [override("A", 0, 4), override("B", 2, 8), override("C", 6, 10), override("D", 0, 10)]
    assert set(ranks(listed, (0, 3, "A"), (3, 6, "B"), (6, 9, "C")).values()) == {0, 1, 2}
    assert len(ranks(both_ways, (2, 4, "B"), (6, 8, "C"), (8, 10, "D"), (0, 2, "A"))) == 4


def test_an_order_that_is_assumed_is_named_once() -> None:
    def noted(listed: list[Override], *shown: tuple[int, int, str]) -> list[str]:
        findings = Findings(Vendor("toy", "Rota Toy"))
        note_assumed_order(listed, [(s, e, person(who)) for s, e, who in shown], findings, "S1", "Primary")
        return [note.message for note in findings.notes]

    listed = [override("A", 0, 10), override("B", 5, 15), override("C", 5, 20)]
    (message,) = noted(listed)
    assert "A and B of Primary overlap (and 2 more pairs)" in message
    (message,) = noted(listed, (5, 10, "C"))
    assert "A and B of Primary overlap," in message
    assert noted(listed[:2], (5, 6, "B")) == []
    apart = [replace(listed[0], sources=frozenset({"x"})), replace(listed[1], sources=frozenset({"y"}))]
    assert noted(apart) == []
    others = [replace(listed[0], replaces=person("X")), replace(listed[1], replaces=person("Y"))]
    assert noted(others) == []
