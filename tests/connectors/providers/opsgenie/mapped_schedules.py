"""Maps raw schedules of Opsgenie for the tests."""

from typing import Any

from connectors.providers.atlassian import mapping_rotations
from connectors.providers.atlassian import wire as shared
from connectors.providers.opsgenie import wire
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.reading.findings import Findings


def mapped(make: Any, raw: Any, overrides: Any = ()) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    schedule = wire.Schedule.model_validate(raw)
    rotations = findings.read_all(shared.Rotation, schedule.rotations or (), "schedule", "S1", "rotations")
    reported = None if overrides is None else findings.read_all(wire.Override, overrides, "schedule", "S1", "overrides")
    because = ("escalation policy E",)
    return mapping_rotations.schedule(schedule, rotations, reported, make.NOW, because, findings), findings


def times(start: str, end: str, **days: str) -> Any:
    (start_hour, start_min), (end_hour, end_min) = (map(int, text.split(":")) for text in (start, end))
    return {"startHour": start_hour, "startMin": start_min, "endHour": end_hour, "endMin": end_min, **days}


def daily(*restrictions: Any) -> Any:
    return {"type": "time-of-day", "restriction": restrictions[0]}


def weekly(*restrictions: Any) -> Any:
    return {"type": "weekday-and-time-of-day", "restrictions": list(restrictions)}


def codes(found: Any) -> list[tuple[str, str]]:
    return [(one.code, one.path) for one in found]
