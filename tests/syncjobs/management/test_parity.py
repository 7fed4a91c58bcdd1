"""The commands ``parity`` and ``demo``: equal, different and missing renderings, of a connection and a recording."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from connectors.simulator.pagerduty import Simulator
from connectors.simulator.serve import demo_account
from oncall.aggregates import Draft
from oncall.models import Responder, Schedule
from oncall.operations import Actor, write
from syncjobs.management import tour
from syncjobs.models import ParityBasis, ParityCheck
from syncjobs.parity.checks import comparison_start, measure_on_demand
from tests.paths import SHARED
from tests.syncjobs.conftest import connect
from tests.syncjobs.management.test_shell import document, shell

SHARED = SHARED / "recordings" / "pagerduty.json"
DAY = 86_400


@pytest.fixture
def recording(db: None, simulator: Simulator, tmp_path: Path) -> Path:
    """What a read of the simulated account answered; the recording of a vendor looks the same."""
    connect()
    file = tmp_path / "acme.json"
    assert shell("record", "acme", str(file))[0] == 0
    return file


def test_asking_by_hand_is_stored_and_takes_any_range(db: None, simulator: Simulator) -> None:
    connect()
    shell("sync_run", "acme")
    result = document("parity", "acme", "--since", "2027-03-26T00:00:00Z", "--days", "5")
    assert {(s["since"], s["until"]) for s in result["schedules"]} == {("2027-03-26T00:00:00Z", "2027-03-31T00:00:00Z")}
    assert all(s["equal"] == s["total"] == 5 * DAY for s in result["schedules"])
    checks = ParityCheck.objects.filter(basis=ParityBasis.DEMAND)
    assert {(c.run, c.judge, c.equal_seconds) for c in checks} == {(None, "simulator", 5 * DAY)}
    assert checks.count() == 14


def test_an_anchor_moved_here_turns_parity_red_until_it_is_moved_back(db: None, simulator: Simulator) -> None:
    connect()
    shell("sync_run", "acme")
    row = Schedule.objects.get(name="Platform Primary")
    before = row.layers
    moved = json.loads(json.dumps(before))
    turns = moved["layers"][0]["turns"]
    turns["anchor"] = turns["anchor"][:11] + "03:33:00"
    for layers, code in ((moved, 3), (before, 0)):
        row.refresh_from_db()
        write("schedule", [Draft({"layers": layers}, id=row.pk, version=row.version)], by=Actor(None, "test"))
        found, out = shell("parity", "acme")
        assert found == code
        said = re.search(r"Platform Primary .*: there (.+), here (.+) \(", out)
        assert (said is not None) is bool(code)
        if said is not None:
            assert Responder.objects.filter(name__in=said.groups()).count() == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("acme", "--recording", "x.json"),
        ("acme", "--since", "2026-11-21T00:00:00Z", "--until", "2026-11-20T00:00:00Z"),
        ("acme", "--days", "0"),
        ("acme", "--since", "tomorrow"),
        ("nobody",),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(db: None, arguments: tuple[str, ...]) -> None:
    assert shell("parity", *arguments)[0] == 64


def test_a_recording_is_compared_with_the_rendering_in_it(recording: Path) -> None:
    result = document("parity", "--recording", str(recording))
    assert result["judge"] == "vendor"
    assert len(result["schedules"]) == 14
    assert all(s["equal"] == s["total"] > 14 * DAY for s in result["schedules"])
    first = datetime.fromisoformat(result["schedules"][0]["since"])
    options = ("--since", (first + timedelta(days=2)).isoformat(), "--until", (first + timedelta(days=9)).isoformat())
    code, out = shell("parity", "--recording", str(recording), *options)
    assert code == 0
    assert "14 of 14 schedules could be compared." in out
    assert not ParityCheck.objects.exists()


def test_a_fault_in_a_recording_is_found(recording: Path) -> None:
    answers = json.loads(recording.read_text())
    for exchange in answers["exchanges"]:
        body = exchange["body"] if exchange["path"].startswith("/schedules") else {}
        for one in body.get("schedules", [body.get("schedule")]):
            if one and one["name"] == "Platform Primary" and "schedule_layers" in one:
                people = one["schedule_layers"][0]["users"]
                people.append(people.pop(0))
    recording.write_text(json.dumps(answers))
    assert shell("parity", "--recording", str(recording))[0] == 3
    (red,) = [s for s in document("parity", "--recording", str(recording))["schedules"] if s["differences"]]
    assert red["name"] == "Platform Primary"
    assert 0 < red["equal"] < red["total"]
    assert "turn" in {difference["cause"] for difference in red["differences"]}


def test_what_a_recording_does_not_hold_is_named(recording: Path) -> None:
    answers = json.loads(recording.read_text())

    def without(value: Any) -> Any:
        if isinstance(value, list):
            return [without(item) for item in value]
        if isinstance(value, dict):
            return {key: without(item) for key, item in value.items() if key != "final_schedule"}
        return value

    recording.write_text(json.dumps(without(answers)))
    code, out = shell("parity", "--recording", str(recording))
    assert code == 0
    assert out.count("not compared") == 14
    assert "0 of 14 schedules could be compared." in out


@pytest.mark.skipif(not SHARED.exists(), reason="no shared recordings here")
def test_the_shared_recording_holds_no_rendering_and_that_is_said() -> None:
    result = document("parity", "--recording", str(SHARED))
    assert result["schedules"]
    assert {s["note"] for s in result["schedules"]} == {"the source did not report its own rendering"}


@pytest.mark.parametrize("planted", [False, True])
def test_a_tour_of_the_demo_matches_unless_something_is_wrong(
    db: None, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, planted: bool
) -> None:
    def measured(*arguments: Any, **more: Any) -> Any:
        if planted:
            link = Schedule.objects.get(name="Platform Primary").links.get()
            simulator.edits.move_handoff(link.external_id, 3600)
        return measure_on_demand(*arguments, **more)

    monkeypatch.setattr(tour, "measure_on_demand", measured)
    result = tour.run_tour(tour.connect("acme", "pagerduty", *demo_account("pagerduty")))
    assert result.matched is not planted
    words = result.in_words()
    assert ("14 of 14" in words) is not planted
    assert ("\n  Platform Primary differs from " in words) is planted
    answer = result.as_json()
    assert len(answer["schedules"]) == 14
    changes = {s["name"] for s in answer["clock_changes"]}
    assert {"Major Incident Bridge", "Security Desk"} < changes
    red = {s["name"] for part in ("schedules", "clock_changes") for s in answer[part] if s["differences"]}
    assert red == ({"Platform Primary"} if planted else set())


def test_what_passed_before_the_answer_came_is_not_compared_unless_only_that_was_requested() -> None:
    now = int(timezone.now().timestamp())
    assert comparison_start(now - DAY, now + DAY) in range(now + 1, now + 30)
    assert comparison_start(now + DAY, now + 2 * DAY) == now + DAY
    assert comparison_start(now - 2 * DAY, now - DAY) == now - 2 * DAY
