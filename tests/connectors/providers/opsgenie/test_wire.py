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
        ({"type": "monthly"}, "rotations[0].type", "unknown_value"),
        ({"startDate": "soon"}, "rotations[0].startDate", "invalid_value"),
        ({"startDate": "2026-01-01T09:00:00"}, "rotations[0].startDate", "invalid_value"),
        ({"startDate": None}, "rotations[0].startDate", "missing_field"),
        ({"length": "2"}, "rotations[0].length", "invalid_value"),
        ({"length": 1.5}, "rotations[0].length", "invalid_value"),
        ({"id": ""}, "rotations[0].id", "invalid_value"),
        ({"participants": {}}, "rotations[0].participants", "invalid_value"),
        ({"timeRestriction": {"restriction": restriction()}}, "rotations[0].timeRestriction.type", "missing_field"),
        (
            {"timeRestriction": {"type": "lunar", "restriction": restriction()}},
            "rotations[0].timeRestriction.type",
            "unknown_value",
        ),
        (
            {"timeRestriction": {"type": "time-of-day", "restriction": restriction(startHour=25)}},
            "rotations[0].timeRestriction.restriction.startHour",
            "invalid_value",
        ),
        (
            {"timeRestriction": {"type": "time-of-day", "restrictions": [{"startHour": 9}]}},
            "rotations[0].timeRestriction.restrictions[0].startMin",
            "missing_field",
        ),
        (
            {
                "timeRestriction": {
                    "type": "weekday-and-time-of-day",
                    "restrictions": [restriction(startDay="caturday")],
                }
            },
            "rotations[0].timeRestriction.restrictions[0].startDay",
            "unknown_value",
        ),
    ],
)
def test_what_no_rotation_can_be_is_refused(make: Any, more: Any, path: str, code: str) -> None:
    failed = failure(wire.Schedule, make.schedule("S1", make.rotation("R1", "ANA", **more)))
    assert (failed.path, failed.code) == (path, code)


def test_a_rotation_that_is_no_object_is_refused(make: Any) -> None:
    assert failure(wire.Schedule, make.schedule("S1", "x")).path == "rotations[0]"


@pytest.mark.parametrize(
    ("more", "path", "code"),
    [
        ({"condition": "if-bored"}, "rules[0].condition", "unknown_value"),
        ({"delay": {"timeAmount": -1}}, "rules[0].delay.timeAmount", "invalid_value"),
        ({"delay": {"timeUnit": "minutes"}}, "rules[0].delay.timeAmount", "missing_field"),
        ({"recipient": None}, "rules[0].recipient", "invalid_value"),
        ({"notifyType": 7}, "rules[0].notifyType", "invalid_value"),
    ],
)
def test_what_no_rule_can_be_is_refused(make: Any, more: Any, path: str, code: str) -> None:
    failed = failure(wire.Escalation, make.escalation("E1", {**make.rule(0, make.who("ANA")), **more}))
    assert (failed.path, failed.code) == (path, code)


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
    assert label({"type": "None"}) == "none"
