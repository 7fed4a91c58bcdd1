"""Shifts that rotate, in the simulator and as xMatters would send them at an instant."""

from datetime import UTC, datetime
from typing import Any

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.mapping_shifts import schedule, seats
from connectors.providers.xmatters.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.records import SourceSchedule
from connectors.simulator.xmatters.model import Recurrence, Rotation, Seat, Shift
from connectors.simulator.xmatters.rotation import next_rotation, seated_at
from connectors.simulator.zones import first_instant

HOUR, DAY = 3600, 86_400
DAYS = 1100
PEOPLE = ("ANA", "BO", "CY")


def when(*fields: int) -> int:
    """Returns a wall-clock time."""
    return int(datetime(*fields, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


def text(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def simulated(
    zone: str, start: int, unit: str, interval: int, *, change: int | None = None, last: bool = False
) -> Shift:
    """Returns a shift of 8 hours a day. start, change: wall-clock times of its first start and its first rotation."""
    first = first_instant(zone, start)
    trigger = {"SHIFTS": "shift", "ALERTS": "alert"}.get(unit, "time")
    rotation = Rotation(
        type={"shift": "COVERAGE_ROTATION", "alert": "EVENT_ROUND_ROBIN"}.get(trigger, "ROTATION"),
        direction="LAST_TO_FIRST" if last else "SECOND_TO_FIRST",
        interval=interval,
        unit=unit,
        trigger=trigger,
        first=first_instant(zone, start if change is None else change),
    )
    seats = [Seat(("PERSON", id_), 10 * index) for index, id_ in enumerate(PEOPLE)]
    seats.insert(1, Seat(("PERSON", "WALT"), 5, in_rotation=False))
    recurrence = Recurrence("DAILY")
    return Shift("S1", "Shift", "G1", zone, zone, first, first + 8 * HOUR, recurrence, seats, rotation)


def sent(shift: Shift, instant: int) -> wire.Shift:
    """Returns the shift as xMatters would send it at an instant, from the simulator."""
    rotation = shift.rotation
    assert rotation is not None and shift.start is not None and shift.end is not None
    state: dict[str, Any] = {"type": rotation.type, "direction": rotation.direction, "interval": rotation.interval}
    state["intervalUnit"] = rotation.unit
    following = next_rotation(shift, instant)
    if following is not None:
        state["nextRotationTime"] = text(following)
    members = [
        {
            "position": position,
            "delay": seat.delay,
            "inRotation": seat.in_rotation,
            "recipient": {"id": who[1], "recipientType": who[0]},
        }
        for position, (seat, who) in enumerate(zip(shift.seats, seated_at(shift, instant), strict=True), 1)
    ]
    return wire.Shift.model_validate(
        {
            "id": shift.id,
            "name": shift.name,
            "start": text(shift.start),
            "end": text(shift.end),
            "timezone": shift.zone,
            "recurrence": {"frequency": "DAILY"},
            "rotation": state,
            "members": members,
            "exclusions": [{"startDate": text(a), "endDate": text(b)} for a, b in shift.excluded],
        }
    )


def read(shift: Shift, instant: int, findings: Findings | None = None) -> SourceSchedule:
    """Returns the record of the shift, read at an instant."""
    group = wire.Group(id="G1")
    findings, directory, sent_shift = findings or Findings(VENDOR), Directory(), sent(shift, instant)
    places = seats(sent_shift, directory, findings)
    return schedule(sent_shift, group, places, directory, instant, (), findings)


def instants(shift: Shift, step: int = 7 * HOUR) -> range:
    """Returns instants from one hour after the shift's first start, over 1,100 days and six clock changes."""
    assert shift.start is not None
    return range(shift.start + HOUR, shift.start + HOUR + DAYS * DAY, step)
