"""The shell's contract: JSON, tables and exit codes, against the simulated vendor."""

import io
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from connectors.credentials import is_current
from connectors.models import Connection
from connectors.simulator.pagerduty import CANARY, DEMO_KEY, OTHER_ACCOUNT_KEY, Simulator
from oncall.models import Responder, Schedule
from syncjobs.models import Conflict, RunState, SyncRun
from tests.paths import SHARED

pytestmark = pytest.mark.django_db


def shell(*args: str) -> tuple[int, str]:
    """Exit code and what was printed."""
    out = io.StringIO()
    try:
        call_command(*args, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()


def document(*args: str) -> Any:
    return json.loads(shell(*args, "--json")[1])


@pytest.fixture
def connected(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    monkeypatch.setenv("PD_KEY", DEMO_KEY)
    code, out = shell("connect_source", "acme", "--set", "subdomain=acme.pagerduty.com", "--secret", "api_key=PD_KEY")
    assert code == 0, out
    return simulator


def test_the_whole_way_from_a_key_to_a_second_sync_that_changes_nothing(connected: Simulator) -> None:
    code, out = shell("test_connection", "acme")
    assert code == 0
    assert "acme.pagerduty.com" in out
    code, out = shell("sync_plan", "acme")
    assert code == 2
    plan = SyncRun.objects.get()
    assert f"manage.py apply {plan.pk}" in out
    assert not Responder.objects.exists()
    code, out = shell("apply", str(plan.pk))
    assert code == 3  # people without an account wait for a decision
    assert Schedule.objects.count() == 14
    code, out = shell("sync_run", "acme")
    assert code == 0
    again = document("sync_run", "acme")
    assert (again["state"], again["items"]) == ("succeeded", [])
    assert {key for note in again["notes"] for key in note} == {"entity_type", "external_id", "code", "message"}
    assert shell("sync_plan", "acme")[0] == 0
    code, out = shell("conflicts", "acme")
    assert code == 3
    assert "user not found" in out
    assert len(document("conflicts")) == Conflict.objects.count()


def test_parity_with_the_source_is_full_and_names_its_judge(connected: Simulator) -> None:
    shell("sync_run", "acme")
    result = document("parity", "acme")
    assert result["judge"] == "simulator"
    compared = [s for s in result["schedules"] if s["total"]]
    assert len(compared) == 14
    seconds = 14 * 86_400  # but for those that pass until the answer is there
    assert all(seconds - 60 < s["equal"] == s["total"] <= seconds for s in compared)
    assert [s["name"] for s in result["schedules"] if s["note"] or s["differences"]] == []
    assert shell("parity", "acme")[0] == 0


def test_a_planted_fault_turns_parity_red_with_its_first_difference(connected: Simulator) -> None:
    shell("sync_run", "acme")
    schedule = Schedule.objects.get(name="Platform Primary")
    connected.edits.move_handoff(schedule.links.get().external_id, 3600)
    code, out = shell("parity", "acme")
    assert code == 3
    line = next(line for line in out.splitlines() if line.startswith("Platform Primary"))
    assert "100.00" not in line
    assert re.search(r"there [A-Z][a-z]+ .+, here [A-Z][a-z]+ .+ \(turn\)", line)
    assert shell("sync_run", "acme")[0] == 0
    assert shell("parity", "acme")[0] == 0


def test_edits_at_the_source_arrive_and_nothing_else_moves(connected: Simulator) -> None:
    shell("sync_run", "acme")
    link = Schedule.objects.get(name="Platform Primary").links.get()
    connected.edits.rename("schedule", link.external_id, "Platform First")
    person = Responder.objects.filter(state="active", links__state="linked").first()
    assert person is not None
    connected.edits.change_email(person.links.get().external_id, "renamed@example.com")
    run = document("sync_run", "acme")
    assert {(i["label"], i["outcome"], tuple(i["fields"])) for i in run["items"]} == {
        ("Platform First", "applied", ("name",)),
        (person.name, "applied", ("email",)),
    }
    person.refresh_from_db()
    assert person.email_canonical == "renamed@example.com"


def test_a_schedule_that_moved_to_the_other_family_is_an_update(connected: Simulator) -> None:
    shell("sync_run", "acme")
    schedule = Schedule.objects.get(name="Platform Primary")
    connected.edits.upgrade_schedule(schedule.links.get().external_id)
    run = document("sync_run", "acme")
    item = next(i for i in run["items"] if i["entity_type"] == "schedule")
    assert (item["action"], item["outcome"]) == ("update", "applied")
    assert Schedule.objects.filter(name="Platform Primary").count() == 1
    schedule.refresh_from_db()
    assert schedule.composition == "concurrent"


def test_secrets_of_the_vendor_are_never_stored(connected: Simulator) -> None:
    shell("sync_run", "acme")
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert CANARY not in out.getvalue()
    assert DEMO_KEY not in out.getvalue()


def test_only_one_schedule_and_what_it_refers_to(connected: Simulator) -> None:
    shell("sync_run", "acme")
    link = Schedule.objects.get(name="Platform Primary").links.get()
    connected.edits.rename("schedule", link.external_id, "Platform First")
    run = document("sync_run", "acme", "--only", f"schedule:{link.external_id}")
    assert [i["label"] for i in run["items"]] == ["Platform First"]
    assert shell("sync_run", "acme", "--only", "nonsense")[0] == 64
    err = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("sync_run", "acme", "--only", "schedule:PNONE1", stdout=io.StringIO(), stderr=err)
    assert ended.value.code == 1
    assert "schedule:PNONE1 is known neither at the source nor here" in err.getvalue()


def test_a_trace_shows_requests_and_no_key(connected: Simulator, capfd: Any) -> None:
    err = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("sync_run", "acme", "--trace", stdout=io.StringIO(), stderr=err)
    assert "GET /users?" in err.getvalue()
    assert DEMO_KEY not in err.getvalue()


def test_a_recording_replays_to_the_same_document(
    connected: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "acme.json"
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 2)  # the read begins later than the command
    assert shell("record", "acme", str(file))[0] == 0
    text = file.read_text()
    assert DEMO_KEY not in text
    assert CANARY not in text
    replayed = document("replay", str(file), "--since", "2026-11-20T00:00:00Z", "--until", "2026-12-04T00:00:00Z")
    assert len(replayed["schedules"]) == 14
    assert len(replayed["people"]) == 62
    assert replayed["failed"] == []


def test_a_recording_of_an_unknown_vendor_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text(
        json.dumps({"format": "rotabridge-recording/1", "provider": "acme", "settings": {}, "exchanges": []})
    )
    code, out = shell("replay", str(file))
    assert code == 1
    assert "'acme', which has no connector here" in out


def test_cancelling_drops_a_plan(connected: Simulator) -> None:
    shell("sync_plan", "acme")
    run = SyncRun.objects.get()
    assert shell("cancel", str(run.pk))[0] == 0
    assert shell("cancel", str(run.pk))[0] == 1
    code, out = shell("apply", str(run.pk))
    assert code == 1
    assert "no plan to apply" in out
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED


def test_usage_errors_are_64_and_name_what_there_is(connected: Simulator) -> None:
    code, out = shell("sync_run", "nothing")
    assert code == 64
    assert "Connections: acme" in out
    assert shell("apply", "999")[0] == 64
    assert shell("connect_source", "x", "--set", "nonsense=1")[0] == 64
    assert shell("sync_run")[0] == 64
    assert shell("replay", "x", "--since", "yesterday")[0] in (1, 64)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--set", "subdomain=globex"], "belongs to the PagerDuty account 'acme'"),
        (["--set", "subdomain=not a name"], "subdomain"),
        (["--set", "subdomain=acme", "--set", "region=mars"], "region"),
    ],
)
def test_a_wrong_form_is_refused_before_anything_is_stored(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, given: list[str], words: str
) -> None:
    monkeypatch.setenv("PD_KEY", DEMO_KEY)
    code, out = shell("connect_source", "acme", *given, "--secret", "api_key=PD_KEY")
    assert code == 1
    assert words in out
    assert not Connection.objects.exists()


@pytest.mark.parametrize(("key", "words"), [("wrong-key-entirely", "refused"), (OTHER_ACCOUNT_KEY, "globex"), ("", "")])
def test_a_wrong_key_is_refused_and_never_shown(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, key: str, words: str
) -> None:
    monkeypatch.setenv("PD_KEY", key)
    code, out = shell("connect_source", "acme", "--set", "subdomain=acme", "--secret", "api_key=PD_KEY")
    assert code == 1
    assert words in out
    assert not key or key not in out
    assert not Connection.objects.exists()


def test_a_missing_right_is_named_and_waits_for_a_person(connected: Simulator) -> None:
    connected.state.keys[DEMO_KEY].denied = {"services.read": 403}
    code, out = shell("test_connection", "acme")
    assert code == 3
    assert "services.read" in out
    code, out = shell("sync_run", "acme")
    assert code == 1
    assert "service" in out
    assert Schedule.objects.count() == 14


def test_keys_are_rotated_and_the_old_one_can_go(connected: Simulator, settings: Any) -> None:
    old, new = settings.CREDENTIAL_KEYS[0], Fernet.generate_key().decode()
    settings.CREDENTIAL_KEYS = [new, old]
    assert document("rotate_keys") == {"rotated": 1, "current": 0, "unreadable": []}
    settings.CREDENTIAL_KEYS = [new]
    connection = Connection.objects.get()
    assert is_current(connection.credentials["api_key"])
    assert connection.secrets()["api_key"].reveal() == DEMO_KEY
    assert document("rotate_keys") == {"rotated": 0, "current": 1, "unreadable": []}
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    code, out = shell("rotate_keys")
    assert code == 1
    assert "cannot be decrypted" in out
    code, out = shell("sync_run", "acme")
    assert code == 1
    assert "enter the key of the source again" in out


@pytest.mark.parametrize("command", [("record", "acme", "FILE"), ("test_connection", "acme"), ("sync_run", "acme")])
def test_each_command_that_reads_a_source_explains_a_wrong_key(
    connected: Simulator, settings: Any, tmp_path: Path, command: tuple[str, ...]
) -> None:
    settings.CREDENTIAL_KEYS = [Fernet.generate_key().decode()]
    file = tmp_path / "acme.json"
    code, out = shell(*(str(file) if each == "FILE" else each for each in command))
    assert code == 1
    assert "enter the key of the source again" in out
    assert not file.exists()


@pytest.mark.skipif(not (SHARED / "recordings").is_dir(), reason="the recordings are not part of the repository")
def test_the_answers_of_a_real_account_replay_without_a_failure() -> None:
    code, out = shell("replay", str(SHARED / "recordings" / "pagerduty.json"), "--json")
    answer = json.loads(out)
    assert code == 0
    listed = [p for p in answer["people"] if p["state"] == "active"]
    assert len(listed) == 13
    counts = [len(answer[kind]) for kind in ("groups", "schedules", "policies", "services", "failed")]
    assert counts == [7, 5, 1, 2, 0]
