"""One unreadable rotation, restriction, participant or override costs only itself."""

from typing import Any

import pytest

from connectors.closure import Selection
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.reading.texts import short_key
from oncall.rendering.spec import EARLIEST, LATEST, Participant, person
from oncall.rendering.zones import HOUR
from tests.connectors.providers.opsgenie.mapped_schedules import codes, daily, mapped, times, weekly


@pytest.mark.parametrize(
    ("more", "code", "path"),
    [
        ({"length": 0}, "invalid_turn", "length"),
        ({"length": -1}, "invalid_turn", "length"),
        ({"length": 10**9}, "invalid_turn", "length"),
        ({"startDate": "2027-01-06T08:00:00Z", "endDate": "2026-06-01T00:00:00Z"}, "invalid_period", "endDate"),
        ({"type": "lunar"}, "unknown_value", "type"),
        ({"id": None}, "invalid_value", "id"),
        ({"startDate": None}, "missing_field", "startDate"),
    ],
)
def test_an_impossible_rotation_costs_only_itself(make: Any, more: Any, code: str, path: str) -> None:
    raw = make.schedule("S1", make.rotation("R1", "ANA"), make.rotation("R2", "BO", **more))
    record, findings = mapped(make, raw)
    assert ([each.key for each in record.layers], record.unread) == (["R1"], {"layers": 1})
    assert [(f.external_id, f.code, f.path) for f in findings.failed] == [("S1", code, f"rotations[1].{path}")]
    assert findings.notes == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"startDate": "3025-01-01T00:00:00Z"}, "rotation_out_of_time"),
        ({"startDate": "3025-01-01T00:00:00Z", "endDate": "3026-01-01T00:00:00Z"}, "rotation_out_of_time"),
        ({"endDate": "2025-01-06T08:00:00Z"}, "rotation_without_time"),
    ],
)
def test_a_rotation_without_effect_leaves_a_note(make: Any, more: Any, code: str) -> None:
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), make.rotation("R2", "BO", **more)))
    assert ([each.key for each in record.layers], record.unread, findings.failed) == (["R1"], {}, [])
    assert [note.code for note in findings.notes] == [code]


@pytest.mark.parametrize(
    "more", [{"length": 0}, {"startDate": "2025-06-01T00:00:00Z", "timeRestriction": {"restriction": {"startHour": 1}}}]
)
def test_an_impossible_rotation_that_has_ended_costs_nothing(make: Any, more: Any) -> None:
    ended = make.rotation("R2", "BO", endDate="2025-03-01T00:00:00Z", **more)
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), ended))
    assert ([each.key for each in record.layers], record.unread, findings.failed) == (["R1"], {}, [])


def test_a_schedule_of_unreadable_rotations_is_not_said_to_have_none(make: Any) -> None:
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA", length=0)))
    assert (record.layers, record.unread, findings.notes) == ((), {"layers": 1}, [])


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ({"type": "group", "id": "G1"}, "group:G1"),
        ({"type": "schedule", "id": "S1", "name": "x"}, "schedule:S1"),
        ({"id": "X1"}, ":X1"),
        ({"type": "user", "username": "ana@example.com"}, "user:1"),
        ({"type": "user", "id": None}, "user:1"),
        ({"type": "user", "id": 7}, "user:1"),
        ({"type": "user", "id": "x" * 256}, "user:1"),
        ({"type": ["user"], "id": "X1"}, ":X1"),
        ({}, ":1"),
        (None, ":1"),
        ("ana@example.com", ":1"),
    ],
)
def test_an_unknown_participant_keeps_its_turns(make: Any, sent: Any, key: str) -> None:
    raw = make.schedule("S1", make.rotation("R1", "ANA", "BO"))
    raw["rotations"][0]["participants"].insert(1, sent)
    record, findings = mapped(make, raw)
    assert record.layers[0].participants == (person("ANA"), Participant("unknown", key), person("BO"))
    assert codes(findings.notes) == [("unknown_holder", "rotations[0].participants[1]")]
    assert (findings.failed, record.unread) == ([], {})


@pytest.mark.parametrize(
    ("restriction", "code"),
    [
        (daily(times("9:00", "17:00", startDay="monday")), "unknown_value"),
        (daily(times("9:00", "17:00", endDay="monday")), "unknown_value"),
        (weekly(times("9:00", "17:00", startDay="monday")), "missing_field"),
        (weekly(times("9:00", "17:00", endDay="monday")), "missing_field"),
        (daily(times("24:30", "9:00")), "invalid_window"),
        (weekly(times("9:00", "24:01", startDay="monday", endDay="monday")), "invalid_window"),
    ],
)
def test_an_impossible_restriction_costs_only_itself(make: Any, restriction: Any, code: str) -> None:
    (bad,) = restriction.get("restrictions") or [restriction["restriction"]]
    days = {} if restriction["type"] == "time-of-day" else {"startDay": "monday", "endDay": "monday"}
    raw = {"type": restriction["type"], "restrictions": [times("8:00", "9:00", **days), bad]}
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA", timeRestriction=raw)))
    assert [window.start for window in record.layers[0].windows] == [8 * HOUR]
    assert record.unread == {"layers.R1": 1}
    path = "rotations[0].timeRestriction.restrictions[1]"
    assert [(f.external_id, f.code) for f in findings.failed] == [("S1", code)]
    assert findings.failed[0].path.startswith(path)


def test_a_rotation_without_a_readable_restriction_is_left_out(make: Any) -> None:
    raw = {"type": "time-of-day", "restriction": {"startHour": 9}}
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA", timeRestriction=raw)))
    assert (record.layers, record.unread) == ((), {"layers": 1})
    at = "rotations[0].timeRestriction.restrictions"
    assert [(f.code, f.path) for f in findings.failed] == [
        ("missing_field", f"{at}[0].startMin"),
        ("invalid_window", at),
    ]


@pytest.mark.parametrize(
    ("bad", "code", "path"),
    [
        ({"startDate": "2026-01-08T00:00:00Z"}, "invalid_period", "endDate"),
        ({"startDate": None}, "invalid_value", "startDate"),
        ({"endDate": "soon"}, "invalid_value", "endDate"),
        ({"alias": ""}, "invalid_value", "alias"),
        ({"rotations": [{"name": "x"}]}, "missing_field", "rotations[0].id"),
        ({"user": None}, "missing_field", "user"),
        ({"user": {}}, "missing_field", "user"),
    ],
)
def test_an_impossible_override_costs_only_itself(make: Any, bad: Any, code: str, path: str) -> None:
    good = make.override("O1", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z")
    reported = [{**good, "alias": "O0", **bad}, good]
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA")), reported)
    assert [one.key for one in record.overrides] == ["O1"]
    assert (record.unread, record.fetched_range) == ({"overrides": 1}, (make.NOW, LATEST))
    assert [(f.external_id, f.code, f.path) for f in findings.failed] == [("S1", code, f"overrides[0].{path}")]


@pytest.mark.parametrize(
    ("by", "key"),
    [({"type": "robot", "id": "X"}, "robot:X"), ({"type": "user", "username": "x@y.example"}, "user:O 1")],
)
def test_an_override_by_an_unknown_holder_is_kept_and_not_vacant(make: Any, by: Any, key: str) -> None:
    reported = [make.override("O 1", "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z", by)]
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA")), reported)
    assert [one.by for one in record.overrides] == [Participant("unknown", key)]
    assert codes(findings.notes) == [("unknown_holder", "overrides[0].user")]
    assert (findings.failed, record.unread) == ([], {})


@pytest.mark.parametrize("alias", [" ", "Swap with Bo", "x" * 400])
def test_an_alias_is_any_text(make: Any, alias: str) -> None:
    reported = [make.override(alias, "2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z")]
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA")), reported)
    assert [one.key for one in record.overrides] == [short_key(alias)]
    assert findings == Findings(VENDOR)


@pytest.mark.parametrize("owner", [None, {}, ""])
def test_an_empty_owner_is_no_owner(make: Any, owner: Any) -> None:
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), ownerTeam=owner))
    assert (record.group_ids, findings) == ((), Findings(VENDOR))


def test_texts_too_long_for_the_database_are_cut(account: Any, make: Any) -> None:
    account.teams = [make.team("T1", name="x" * 600, members=[{"user": make.meta("ANA"), "role": "r" * 300}])]
    account.answers["/v2/teams/T1/routing-rules"] = make.data([make.routing("Q1", make.who("ANA"))])
    account.answers["/v2/users/ANA/contacts"] = make.data([{"id": "C1", "method": "email", "to": "t" * 600}])
    snapshot = account.connector().fetch(Selection(), contact_details=True)
    (team,), (policy,), (user,) = snapshot.teams, snapshot.policies, snapshot.users
    texts = (team.name, team.members[0].role, policy.name, user.contact_methods[0].address)
    assert [(len(text), text[-1]) for text in texts] == [(512, "…"), (255, "…"), (512, "…"), (255, "…")]


def test_a_restriction_without_a_type_costs_its_rotation(make: Any) -> None:
    raw = {"restrictions": [times("8:00", "9:00")]}
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA", timeRestriction=raw)))
    assert (record.layers, record.unread) == ((), {"layers": 1})
    assert [(f.code, f.path) for f in findings.failed] == [("missing_field", "rotations[0].timeRestriction.type")]


def test_overrides_whose_order_is_assumed_are_named(make: Any) -> None:
    swaps = [
        make.override("O1", "2026-01-06T00:00:00Z", "2026-01-08T00:00:00Z", "ANA"),
        make.override("O2", "2026-01-07T00:00:00Z", "2026-01-09T00:00:00Z", "BO"),
    ]
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "CY")), swaps)
    assert [(one.key, one.rank) for one in record.overrides] == [("O1", 0), ("O2", 1)]
    assert codes(findings.notes) == [("override_order_assumed", "overrides")]


@pytest.mark.parametrize("unit", ["hourly", "daily", "weekly"])
def test_a_rotation_that_starts_before_the_rendered_years_keeps_its_turns(make: Any, unit: str) -> None:
    far = make.rotation("R1", "ANA", "BO", startDate="0001-01-01T00:00:00Z", type=unit, length=1)
    record, findings = mapped(make, make.schedule("S1", far))
    (layer,) = record.layers
    assert layer.turns.anchor >= EARLIEST
    assert (layer.turns.anchor + 62_135_596_800) % (2 * layer.turns.length) == 0  # from the year 1 on
    assert findings.failed == []


@pytest.mark.parametrize("owner", [{}, {"id": " ", "name": ""}, {"id": None}])
def test_an_owner_that_is_nobody_costs_nothing(make: Any, owner: Any) -> None:
    record, findings = mapped(make, make.schedule("S1", make.rotation("R1", "ANA"), ownerTeam=owner))
    assert (record.group_ids, findings.failed) == ((), [])
