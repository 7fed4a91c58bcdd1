"""Tests that invalid answers are refused with their JSON path and without personal values."""

from typing import Any

import pytest

from connectors.providers.pagerduty import wire
from connectors.providers.pagerduty.vendor import VENDOR
from connectors.reading.findings import Findings


def failure(model: Any, raw: Any, at: str = "") -> Any:
    findings = Findings(VENDOR)
    assert findings.read(model, raw, "schedule", "S1", at) is None
    (failed,) = findings.failed
    return failed


@pytest.mark.parametrize(
    "value", ["9:00:00", "09:00", "24:00:00", "09:60:00", "09:00:60", "ab:cd:ef", "٠٩:00:00", 900, None]
)
def test_what_is_no_time_of_day_is_refused(value: Any) -> None:
    raw = {"type": "daily_restriction", "start_time_of_day": value, "duration_seconds": 60}
    assert failure(wire.Restriction, raw).path == "start_time_of_day"


@pytest.mark.parametrize("value", ["604800", 604_800.5, True, None])
def test_numbers_are_numbers(make: Any, value: Any) -> None:
    raw = make.layer("L1", "P1", rotation_turn_length_seconds=value)
    assert failure(wire.Layer, raw).path == "rotation_turn_length_seconds"


def test_an_unknown_word_is_shown_and_a_personal_value_is_not(make: Any) -> None:
    failed = failure(wire.Restriction, {"type": "monthly_restriction"}, "schedule_layers[0].restrictions[0]")
    assert (failed.code, failed.path) == ("unknown_value", "schedule_layers[0].restrictions[0].type")
    assert "monthly_restriction" in failed.message
    failed = failure(wire.User, {"id": "P1", "email": ["ana@example.com"]})
    assert (failed.code, failed.path) == ("invalid_value", "email")
    assert "ana@example.com" not in failed.message
    failed = failure(wire.Restriction, {"type": ["ana@example.com"]})
    assert (failed.code, failed.path) == ("invalid_value", "type")
    assert "ana@example.com" not in failed.message


def test_a_missing_field_is_called_missing() -> None:
    failed = failure(wire.Reference, [], "users[2]")
    assert (failed.code, failed.path) == ("invalid_value", "users[2]")
    failed = failure(wire.Entry, {"start": "2026-03-01T08:00:00Z"})
    assert (failed.code, failed.path) == ("missing_field", "end")


def test_types_of_references_compare_without_their_ending() -> None:
    assert wire.Reference(id="P1", type="user_reference").kind == wire.Reference(id="P1", type="user").kind == "user"
    assert failure(wire.UserReference, {"id": "P1", "type": "robot_reference"}).code == "unknown_value"


def test_lists_that_are_null_are_empty_where_the_vendor_promises_a_list(make: Any) -> None:
    listed = wire.ListedSchedule.model_validate({"id": "S1", "users": None, "teams": None})
    assert (listed.users, listed.teams, listed.label) == ((), (), "S1")
    policy = wire.EscalationPolicy.model_validate(
        {"id": "E1", "escalation_rules": [{"escalation_delay_in_minutes": 0, "targets": None}], "teams": None}
    )
    assert policy.escalation_rules[0].targets == ()
