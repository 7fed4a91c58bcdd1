"""Ids and instants of every vendor: what is refused, with its JSON path."""

from typing import Any

import pytest

from connectors.reading.findings import Findings, Vendor
from connectors.reading.wire import Identified, Instant, Moment, Wire, without_empty


class Stretch(Wire):
    start: Instant
    end: Instant


def failure(model: Any, raw: Any, at: str = "") -> Any:
    findings = Findings(Vendor("acme", "Acme"))
    assert findings.read(model, raw, "schedule", "S1", at) is None
    (failed,) = findings.failed
    assert "Correct it in Acme" in failed.message
    return failed


@pytest.mark.parametrize(
    ("text", "instant", "offset"),
    [
        ("2026-03-01T09:00:00+01:00", 1_772_352_000, 3600),
        ("2026-03-01T08:00:00Z", 1_772_352_000, 0),
        ("2026-03-01T08:00:00.999999999Z", 1_772_352_000, 0),
        ("2026-03-01T03:00:00-05:00", 1_772_352_000, -18_000),
    ],
)
def test_instants_keep_the_offset_they_were_written_with(text: str, instant: int, offset: int) -> None:
    entry = Stretch.model_validate({"start": text, "end": text})
    assert entry.start == Moment(instant, offset)
    assert entry.start.reading == instant + offset


@pytest.mark.parametrize(
    "value",
    [
        1_772_352_000,
        None,
        "2026-03-01T09:00:00",
        "2026-03-01",
        "2026-02-30T09:00:00Z",
        "2026-03-01T24:30:00Z",
        "2026-03-01T09:00:60Z",
        "soon",
    ],
)
def test_what_is_no_instant_is_refused(value: Any) -> None:
    failed = failure(Stretch, {"start": value, "end": "2026-03-01T08:00:00Z"}, "final[3]")
    assert (failed.code, failed.path) == ("invalid_value", "final[3].start")


@pytest.mark.parametrize("id_", ["", " ", "\t\u00a0", "x" * 256, 7, None])
def test_an_id_needs_a_visible_character_and_fits_the_column(id_: Any) -> None:
    assert failure(Identified, {"id": id_}).path == "id"


@pytest.mark.parametrize("id_", ["a", "a b", " a", "x" * 255, "ü:/?"])
def test_an_id_is_any_other_text(id_: str) -> None:
    assert Identified.model_validate({"id": id_}).id == id_


def test_any_year_is_an_instant() -> None:
    for text, instant in (
        ("3025-10-12T18:30:00Z", 33_317_202_600),
        ("9999-12-31T23:59:59-12:00", 253_402_343_999),
        ("1970-01-01T00:00:00+01:00", -3_600),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200),
    ):
        assert Stretch.model_validate({"start": text, "end": text}).start.instant == instant
    raw = {"start": "2026-03-01T08:00:00Z", "end": "3025-10-12"}
    assert failure(Stretch, raw).path == "end"


@pytest.mark.parametrize("nothing", [None, "", " ", {}, {"id": None}, {"id": " ", "name": None}])
def test_a_reference_to_nothing_is_none(nothing: Any) -> None:
    assert without_empty(nothing) is None


@pytest.mark.parametrize("sent", ["T1", 7, {"id": "T1"}, {"name": "Team"}, {"id": " ", "name": "Team"}, {"id": 7}])
def test_any_other_reference_is_read_as_sent(sent: Any) -> None:
    assert without_empty(sent) == sent
