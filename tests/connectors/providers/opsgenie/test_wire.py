"""What is refused at the wire, with its JSON path and without personal values."""

from typing import Any

import pytest

from connectors.providers.atlassian import wire as shared
from connectors.providers.opsgenie import wire
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.reading.findings import Findings


def failure(model: Any, raw: Any) -> Any:
    findings = Findings(VENDOR)
    assert findings.read(model, raw, "schedule", "S1", "") is None
    (failed,) = findings.failed
    return failed


def restriction(**more: Any) -> Any:
    return {"startHour": 9, "startMin": 0, "endHour": 17, "endMin": 0, **more}


@pytest.mark.parametrize(
    ("more", "path", "code"),
    [
        ({"type": "monthly"}, "type", "unknown_value"),
        ({"startDate": "soon"}, "startDate", "invalid_value"),
        ({"startDate": "2026-01-01T09:00:00"}, "startDate", "invalid_value"),
        ({"startDate": None}, "startDate", "missing_field"),
        ({"length": "2"}, "length", "invalid_value"),
        ({"length": 1.5}, "length", "invalid_value"),
        ({"id": ""}, "id", "invalid_value"),
        ({"participants": {}}, "participants", "invalid_value"),
        ({"timeRestriction": {"type": "lunar", "restriction": {}}}, "timeRestriction.type", "unknown_value"),
        ({"timeRestriction": {"type": "time-of-day", "restrictions": {}}}, "timeRestriction.restrictions",
         "invalid_value"),
    ],
)  # fmt: skip
def test_an_unreadable_rotation_is_refused(make: Any, more: Any, path: str, code: str) -> None:
    failed = failure(shared.Rotation, make.rotation("R1", "ANA", **more))
    assert (failed.path, failed.code) == (path, code)


@pytest.mark.parametrize(
    ("raw", "path", "code"),
    [
        (restriction(startHour=25), "startHour", "invalid_value"),
        ({"startHour": 9}, "startMin", "missing_field"),
        (restriction(startDay="caturday"), "startDay", "unknown_value"),
    ],
)
def test_an_unreadable_restriction_is_refused(raw: Any, path: str, code: str) -> None:
    failed = failure(shared.Restriction, raw)
    assert (failed.path, failed.code) == (path, code)


@pytest.mark.parametrize(
    ("raw", "ended"),
    [
        ({"endDate": "2026-01-01T00:00:00Z"}, True),
        ({"endDate": "2026-01-01T01:00:00+01:00"}, True),
        ({"endDate": "2026-01-01T00:00:01Z"}, False),
        ({"endDate": "soon"}, False),
        ({"endDate": None}, False),
        ({}, False),
        ("2026-01-01T00:00:00Z", False),
    ],
)
def test_a_raw_element_has_ended_by_its_own_end(raw: Any, ended: bool) -> None:
    assert shared.has_ended(raw, 1_767_225_600) is ended


def test_a_contact_without_a_method_is_refused_without_showing_it() -> None:
    failed = failure(wire.Contact, {"id": "C1", "to": "ana@example.com"})
    assert failed.code == "invalid_value"
    assert "ana@example.com" not in failed.message


def test_pointers_are_shown_by_what_they_have() -> None:
    def label(raw: Any) -> str:
        return shared.Reference.model_validate(raw).label

    assert label({"type": "user", "id": "A", "username": "a@example.com"}) == "a@example.com"
    assert label({"type": "team", "id": "T", "name": "Team"}) == "Team"
    assert label({"type": "team", "id": "T"}) == "T"
    assert label({"type": "user", "id": "A", "username": "  ", "name": "Ana"}) == "Ana"
    assert label({"type": "None"}) == "none"
    assert label(None) == "without a type"


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ({"fullName": "  ", "username": "a@example.com"}, "a@example.com"),
        ({"fullName": None, "username": " "}, "A"),
        ({"fullName": "x" * 513, "username": "a@example.com"}, "x" * 511 + "…"),
    ],
)
def test_a_name_of_blanks_falls_back(raw: Any, label: str) -> None:
    assert wire.User.model_validate({"id": "A", **raw}).label == label
