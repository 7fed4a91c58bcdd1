"""The recorded account, replayed. The judge here: vendor (answers recorded from a live account)."""

import json
from typing import Any

import pytest
from django.core.management import call_command

from connectors.closure import Selection
from connectors.connections.opening import replay_connector
from connectors.recordings.recording import load
from connectors.recordings.replay import document, exit_code
from oncall.rendering.codec import instant_from_text
from tests.paths import SHARED

RECORDING = SHARED / "recordings" / "opsgenie.json"
SCHEDULE = "3fee43f2-02da-49be-ab50-c88ed13aecc3"
JOHN = "b5b92115-bfe7-43eb-8c2a-e467f2e5ddc4"


@pytest.fixture
def replayed() -> Any:
    if not RECORDING.exists():
        pytest.skip("no recordings beside this repository")
    snapshot = replay_connector(load(RECORDING)).fetch(Selection(), contact_details=True)
    return document(snapshot, instant_from_text("2026-03-01T00:00:00Z"), instant_from_text("2026-03-15T00:00:00Z"))


def test_everything_is_imported_or_named(replayed: Any) -> None:
    assert exit_code(replayed) == 0
    assert [team["name"] for team in replayed["groups"]] == ["Customer Success"]
    assert len(replayed["people"]) == 5
    assert [person["name"] for person in replayed["people"] if person["state"] == "active"] == ["john doe", "jane doe"]
    for named in ("account", "Services", "Forwarding rules", "routing rules", "contacts", "OverrideAlias2"):
        assert any(named in note for note in replayed["notes"]), named


def test_the_schedule_that_the_list_shows_without_rotations_has_four(replayed: Any) -> None:
    (schedule,) = replayed["schedules"]
    assert (schedule["external_id"], schedule["time_zone"]) == (SCHEDULE, "America/Los_Angeles")
    assert [layer["name"] for layer in schedule["layers"]] == [
        "Rot1", "Daily Length 2", "Hourly Length 5", "Weekly Length 3",
    ]  # fmt: skip
    assert schedule["shifts"] == [
        {"start": "2026-03-01T00:00:00Z", "end": "2026-03-15T00:00:00Z", "participants": [JOHN]}
    ]
    assert sum("1970" in note for note in schedule["notes"]) == 4
    assert any("2022-07-25T07:00:00Z" in note for note in schedule["notes"])


def test_both_rules_of_minute_0_are_one_level(replayed: Any) -> None:
    for policy in replayed["policies"]:
        (level,) = policy["levels"]
        assert (policy["initial_delay_minutes"], policy["repeat_count"], level["delay_minutes"]) == (0, 0, None)
        assert [(target["type"], target["external_id"]) for target in level["targets"]] == [
            ("responder", JOHN), ("schedule", SCHEDULE),
        ]  # fmt: skip


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str], replayed: Any) -> None:
    call_command(
        "replay", str(RECORDING), "--json", "--since", "2026-03-01T00:00:00Z", "--until", "2026-03-15T00:00:00Z"
    )
    assert json.loads(capsys.readouterr().out) == replayed
