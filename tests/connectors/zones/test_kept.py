"""A schedule with a text that is not sure keeps its last known zone; a person and a new schedule do not."""

import pytest

from connectors.reading.findings import Findings, Vendor
from connectors.zones.chosen import chosen_zones
from connectors.zones.timezones import ZoneReading, asked_name, convert, same_zone
from tests.connectors.zones.test_timezones import CONFLICTS, NAMED

KEPT = {"S1": "Asia/Tokyo"}
SURE = [(raw, zone) for raw, zone, outcome in NAMED if outcome != "warn"]
DOUBTFUL = [raw for raw, _, outcome in NAMED if outcome == "warn"] + [raw for raw, *_ in CONFLICTS]


def read(raw: str | None, entity_type: str = "schedule", external_id: str = "S1") -> tuple[ZoneReading, list[str]]:
    findings = Findings(Vendor("toy", "Toy"))
    with chosen_zones({}, KEPT.get):
        reading = findings.zone(entity_type, external_id, convert(raw), "zone")  # type: ignore[arg-type]
    return reading, [note.message for note in findings.notes]


@pytest.mark.parametrize("raw", DOUBTFUL)
def test_a_doubtful_text_keeps_the_last_known_zone(raw: str | None) -> None:
    reading, notes = read(raw)
    assert (reading.zone, reading.outcome, reading.is_sure) == ("Asia/Tokyo", "kept", False)
    assert reading.candidates == convert(raw).candidates
    assert len(notes) == 1
    assert "keeps Asia/Tokyo" in notes[0]
    with chosen_zones({}, KEPT.get):
        assert asked_name(raw, "S1") == ("Asia/Tokyo" if raw else None)
        assert asked_name(raw, "S2") == (raw or None)


@pytest.mark.parametrize("raw", DOUBTFUL)
def test_a_schedule_without_a_known_zone_and_a_person_keep_none(raw: str | None) -> None:
    assert read(raw, external_id="S2")[0] == convert(raw)
    assert read(raw, "responder")[0] == convert(raw)


@pytest.mark.parametrize(("raw", "zone"), SURE)
def test_a_sure_text_is_taken(raw: str, zone: str) -> None:
    reading, notes = read(raw)
    assert (reading, notes) == (convert(raw), [])
    with chosen_zones({}, KEPT.get):
        assert same_zone(asked_name(raw, "S1"), zone)


def test_a_chosen_zone_comes_before_the_last_known_one() -> None:
    findings = Findings(Vendor("toy", "Toy"))
    with chosen_zones({"CST": "America/Chicago", "": "UTC"}, KEPT.get):
        assert findings.zone("schedule", "S1", convert("CST"), "zone").zone == "America/Chicago"
        assert findings.zone("schedule", "S1", convert(""), "zone").zone == "UTC"
        assert asked_name("CST", "S1") == "America/Chicago"
