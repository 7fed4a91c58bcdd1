"""Periods of exceptions: without length, far away, reversed."""

import pytest

from connectors.errors import UnexpectedResponse
from connectors.reading.findings import Findings, Vendor
from connectors.reading.periods import anchor_within_years, read_period
from oncall.rendering.spec import EARLIEST, LATEST

VENDOR = Vendor("example", "Example")


def read(start: int, end: int) -> tuple[tuple[int, int] | None, list[str]]:
    findings = Findings(VENDOR)
    found = read_period(start, end, findings, "schedule", "S", code="override", words="The override O", path="end")
    return found, [note.code for note in findings.notes]


@pytest.mark.parametrize(
    ("start", "end", "found", "codes"),
    [
        (100, 200, (100, 200), []),
        (100, 100, None, ["override_without_time"]),
        (-(10**12), EARLIEST, None, ["override_out_of_time"]),
        (LATEST, 10**12, None, ["override_out_of_time"]),
        (100, 10**12, (100, LATEST), ["override_without_end"]),
        (100, LATEST, (100, LATEST), []),
        (-(10**12), 200, (EARLIEST, 200), []),
    ],
)
def test_a_period_is_cut_to_the_rendered_years(
    start: int, end: int, found: tuple[int, int] | None, codes: list[str]
) -> None:
    assert read(start, end) == (found, codes)


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(UnexpectedResponse, match="The override O ends before it starts") as caught:
        read(200, 100)
    assert (caught.value.code, caught.value.path) == ("invalid_period", "end")


@pytest.mark.parametrize("anchor", [EARLIEST - 1, EARLIEST - 10**10, LATEST, LATEST + 10**10])
def test_an_anchor_far_away_moves_by_whole_rounds(anchor: int) -> None:
    found = anchor_within_years(anchor, 1000)
    assert EARLIEST <= found < LATEST
    assert (found - anchor) % 1000 == 0


def test_an_anchor_within_the_rendered_years_stays() -> None:
    assert [anchor_within_years(each, 1000) for each in (EARLIEST, 7, LATEST - 1)] == [EARLIEST, 7, LATEST - 1]
