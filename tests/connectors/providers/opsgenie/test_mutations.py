"""Whatever a good answer turns into, a read ends: each object is imported or named, and nothing else breaks."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.closure import Selection
from connectors.recordings.replay import document

FAR = "3025-01-01T00:00:00Z"
JUNK: list[Any] = [
    None,
    "",
    "x",
    0,
    -1,
    7,
    10**30,
    1.5,
    True,
    [],
    {},
    [None],
    {"id": "x"},
    "\u0000",
    "3025-01-01T00:00:00Z",
]
DAY = 86_400


def world(make: Any) -> dict[str, Any]:
    """Answers by path, of every kind there is."""
    times = {"startDay": "friday", "startHour": 18, "startMin": 0, "endDay": "monday", "endHour": 8, "endMin": 30}
    mask = {"type": "weekday-and-time-of-day", "restrictions": [times]}
    team = {"type": "team", "id": "T1", "name": "Team"}
    schedule = make.schedule(
        "S1",
        make.rotation("R1", "ANA", team, {"type": "none"}, timeRestriction=mask, endDate="2027-01-01T00:00:00Z"),
        make.rotation("R2", "BO", type="hourly", length=12, startDate="1970-01-20T04:45:32.4Z"),
        ownerTeam={"id": "T1", "name": "Team"},
    )
    escalation = make.escalation(
        "E1",
        make.rule(0, {"type": "schedule", "id": "S1", "name": "S"}, "next"),
        make.rule(5, team, "admins"),
        repeat={"waitInterval": 5, "count": 2, "closeAlertAfterAll": True},
    )
    contact = {"id": "C1", "contactMethod": "sms", "to": "1-9995550100", "enabled": True}
    ana, bo = make.user("ANA", userContacts=[contact]), make.user("BO", userContacts=[])
    override = make.override("O1", "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", "BO", rotations=[{"id": "R1"}])
    rule = make.forwarding("F1", "ANA", "BO", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")
    return {
        "/v2/account": make.data({"name": "acme", "userCount": 2}),
        "/v2/users": make.data([ana, bo], paging={"first": "x"}, totalCount=2),
        "/v2/users/ANA": make.data(ana),
        "/v2/users/BO": make.data(bo),
        "/v2/teams": make.data([make.team("T1")]),
        "/v2/teams/T1": make.data(make.team("T1", "ANA", "BO")),
        "/v2/teams/T1/routing-rules": make.data([make.routing("Q1", {"type": "escalation", "id": "E1"})]),
        "/v2/schedules": make.data([schedule]),
        "/v2/schedules/S1": make.data(schedule),
        "/v2/schedules/S1/overrides": make.data([override]),
        "/v2/escalations": make.data([escalation]),
        "/v2/forwarding-rules": make.data([rule]),
        "/v1/services": make.data([{"id": "V1", "name": "Web", "teamId": "T1"}], paging={}),
    }


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from places(child, (*at, key))


def changed(answers: dict[str, Any], at: tuple[Any, ...], junk: Any) -> dict[str, Any]:
    """``junk`` at a place, or without it."""
    made = copy.deepcopy(answers)
    inner: Any = made
    for key in at[:-1]:
        inner = inner[key]
    if junk == "gone":
        del inner[at[-1]]
    else:
        inner[at[-1]] = copy.deepcopy(junk)
    return made


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_read_of_broken_answers_ends_and_names_what_it_lost(new_account: Any, make: Any, data: Any) -> None:
    answers = world(make)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from([place for place in places(answers) if len(place) > 1]))
        answers = changed(answers, at, data.draw(st.sampled_from([*JUNK, "gone"])))
    snapshot = new_account(answers=answers).connector().fetch(Selection(), contact_details=True)
    made = document(snapshot, make.NOW, make.NOW + 14 * DAY)
    json.dumps(made)
    named = {one.entity_type for one in (*snapshot.failed, *snapshot.notes)}
    for kind, id_ in (
        ("responder", "ANA"),
        ("user_group", "T1"),
        ("schedule", "S1"),
        ("escalation_policy", "E1"),
        ("service", "V1"),
    ):
        read = {record.external_id for record in snapshot.records(kind)}  # type: ignore[arg-type]
        reported = json.dumps(answers[f"/{'v1' if kind == 'service' else 'v2'}/{PLURALS[kind]}"])
        assert id_ in read or kind in named or f'"{id_}"' not in reported, kind


PLURALS = {
    "responder": "users",
    "user_group": "teams",
    "schedule": "schedules",
    "escalation_policy": "escalations",
    "service": "services",
}


def test_the_unbroken_answers_lose_nothing(new_account: Any, make: Any) -> None:
    snapshot = new_account(answers=world(make)).connector().fetch(Selection(), contact_details=True)
    assert snapshot.failed == ()
    assert [len(snapshot.records(kind)) for kind in PLURALS] == [2, 1, 1, 2, 1]  # type: ignore[arg-type]
    assert snapshot.schedules[0].overrides is not None
    assert {note.code for note in snapshot.notes} == {"start_in_1970"}
