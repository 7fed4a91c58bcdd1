"""Tests that a read of damaged answers ends, and that each object is imported or reported."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.closure import Selection
from connectors.errors import ConnectorError
from connectors.recordings.replay import document

DAY = 86_400
JUNK: list[Any] = [
    None,
    "",
    "x",
    "7",
    0,
    -1,
    7,
    10**30,
    1.5,
    True,
    [],
    {},
    [None],
    ["x"],
    {"id": "x"},
    {"data": None},
    {"data": [7], "total": 3},
    "\u0000",
    "3025-01-01T00:00:00Z",
]


def world(make: Any) -> dict[str, Any]:
    """Answers by path, of every kind there is."""
    rotation = {"type": "ROTATION", "direction": "LAST_TO_FIRST", "interval": 1, "intervalUnit": "MONTHS"}
    days = make.shift(
        "S1",
        make.seat(1, "ANA"),
        make.seat(2, "BO", 10, inRotation=True),
        make.seat(3, make.who("N", "GROUP"), 5),
        make.seat(4, make.who("D1", "DEVICE")),
        rotation={**rotation, "nextRotationTime": "2026-01-31T08:00:00Z"},
        exclusions=[{"startDate": "2026-01-05T08:00:00Z", "endDate": "2026-01-05T16:00:00Z"}],
        repeatEscalation={"repeatEnabled": True, "repetitions": "2", "waitInSeconds": 90},
        siteHolidays={"onCall": False},
        notifyEndOfEscalation={"notifyEnabled": True},
    )
    by_shift = {"frequency": "MONTHLY", "on": "DAY_OF_WEEK", "dayOfWeekClassifier": "LAST", "dayOfWeek": "FR"}
    monthly = make.shift(
        "S2",
        make.seat(1, "ANA"),
        make.seat(2, "BO", 10),
        recurrence={
            **by_shift,
            "repeatEvery": 2,
            "months": ["JAN"],
            "end": {"endBy": "REPETITIONS", "repetitions": "4"},
        },
        rotation={"type": "COVERAGE_ROTATION", "direction": "SECOND_TO_FIRST"},
    )
    frame = {"name": "Day", "startTime": "09:00", "timezone": "Europe/Berlin", "durationInMinutes": 480, "days": ["MO"]}
    devices = [
        make.device("D1", "ANA", timeframes=make.envelope([frame])),
        make.device("D2", "BO", "VOICE", phoneNumber="+15555550100;ext=1"),
    ]
    ana = make.person("ANA", roles=make.envelope([{"id": "R", "name": "User"}]), site={"id": "L1"}, timezone=None)
    absent = make.absence("A1", "ANA", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", by="BO", group_="G1")
    row = {"group": {"id": "G1"}, "shift": {"id": "S1"}, "start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}
    stand = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T08:00:00Z", "replacement": make.who("BO")}
    member = {"position": 1, "member": make.who("ANA"), "replacements": make.envelope([stand])}
    return {
        "/people": make.envelope([ana, make.person("BO")]),
        "/devices": make.envelope(devices),
        "/groups": make.envelope([make.group("G1", site={"id": "L1"}), make.group("N", "DYNAMIC")]),
        "/groups/G1/members": make.envelope([{"group": {"id": "G1"}, "member": make.who("ANA")}]),
        "/groups/N/recipients": make.envelope([make.who("BO")]),
        "/groups/G1/shifts": make.envelope([days, monthly]),
        "/services": make.envelope([{"id": "V1", "targetName": "Web", "ownedBy": {"id": "G1"}}]),
        "/sites": make.envelope([{"id": "L1", "timezone": "Asia/Kolkata", "status": "ACTIVE"}]),
        "/temporary-absences": make.envelope([absent]),
        "/on-call": make.envelope([{**row, "members": make.envelope([member])}]),
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def changed(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    made = copy.copy(value)
    made[path[0]] = changed(value[path[0]], path[1:], junk)
    return made


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_read_ends_whatever_one_place_turns_into(new_instance: Any, make: Any, data: st.DataObject) -> None:
    answers = world(make)
    where = data.draw(st.sampled_from(sorted(answers)))
    path = data.draw(st.sampled_from(list(places(answers[where]))))
    answers[where] = changed(answers[where], path, data.draw(st.sampled_from(JUNK)))
    connector = new_instance(answers=answers).connector(nested="expand")
    try:
        snapshot = connector.fetch(Selection(), contact_details=True)
    except ConnectorError:
        return
    json.dumps(document(snapshot, make.NOW, make.NOW + 14 * DAY))
    connector.rendered({"S1": ("G1",), "S2": ("G1",)}, make.NOW, make.NOW + DAY)


def test_the_unchanged_world_is_read_whole(new_instance: Any, make: Any) -> None:
    connector = new_instance(answers=world(make)).connector(nested="expand")
    snapshot = connector.fetch(Selection(), contact_details=True)
    assert snapshot.failed == ()
    assert {one.external_id for one in snapshot.schedules} == {"S1", "S2"}
    assert set(connector.rendered({"S1": ("G1",), "S2": ("G1",)}, make.NOW, make.NOW + DAY)) == {"S1", "S2"}
