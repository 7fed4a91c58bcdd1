"""A faulty source leads to a clear message. Nothing is lost, and nothing is removed."""

from typing import Any

import pytest
from django.apps import apps
from django.core import serializers

from connectors.connections import opening
from connectors.simulator.pagerduty import DEMO_KEY, Simulator
from oncall.models import Responder, Schedule
from syncjobs.models import Conflict, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start
from tests.syncjobs.conftest import connect

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Back-off passes at once; the waits are collected."""
    waits: list[float] = []
    monkeypatch.setattr(opening.time, "sleep", waits.append)
    return waits


@pytest.fixture
def imported(simulator: Simulator) -> SyncProfile:
    profile = connect()
    assert sync(profile).state == RunState.SUCCEEDED
    return profile


def sync(profile: SyncProfile, kind: RunKind = RunKind.APPLY) -> SyncRun:
    profile.refresh_from_db()
    run = drive(start(profile, kind, by=None, notify=False).pk)
    assert run is not None
    return run


def on_call_data() -> str:
    models = [m for m in apps.get_models() if m._meta.app_label == "oncall"]
    return serializers.serialize("json", [r for m in models for r in m._default_manager.order_by("pk")])


@pytest.mark.parametrize(
    ("path", "kind", "fault", "words"),
    [
        ("/users", "status", {"status": 401, "count": None}, "key"),
        ("/users", "html", {"count": None}, "sign-in page"),
        ("/users", "empty", {"count": None}, "empty answer"),
        ("/users", "truncated", {"count": None}, "users"),
        ("/users", "cut", {"count": None}, "users"),
        ("/users", "endless", {"count": None}, "users"),
        ("/users", "redirect", {"count": None}, "not followed"),
        ("/users", "mistyped", {"count": None}, "users"),
        ("/users", "loop", {"count": None}, "users"),
        ("/users", "status", {"status": 429, "count": None, "headers": {"ratelimit-reset": "1"}}, "users"),
        ("/users", "status", {"status": 429, "count": None, "body": "none"}, "users"),
        ("/users", "status", {"status": 503, "count": None, "body": "html"}, "users"),
        ("/schedules", "status", {"status": 403, "count": None}, "schedules"),
        ("/services", "status", {"status": 404, "count": None}, "services"),
        ("/escalation_policies", "shrink", {"items": 0, "count": None}, "not reached"),
        ("/teams", "shrink", {"items": 1, "count": None}, "not reached"),
        ("/users", "shrink", {"items": 3, "count": None}, "not reached"),
    ],
)
def test_nothing_is_lost_whatever_the_source_answers(
    simulator: Simulator, imported: SyncProfile, path: str, kind: Any, fault: Any, words: str
) -> None:
    before = on_call_data()
    simulator.faults.add(path, kind, **fault)
    run = sync(imported)
    texts = " ".join([run.reason, run.hint, *run.items.values_list("reason", flat=True)])
    assert words in texts
    assert DEMO_KEY not in texts
    assert run.state in (RunState.FAILED, RunState.PARTIAL)
    assert on_call_data() == before
    simulator.faults.clear()
    assert sync(imported).state == RunState.SUCCEEDED
    assert on_call_data() == before


def test_a_fault_that_passes_heals_unseen(simulator: Simulator, imported: SyncProfile) -> None:
    for kind, fault in (
        ("status", {"status": 502, "count": 2}),
        ("cut", {"count": 1}),
        ("status", {"status": 429, "count": 1, "headers": {"retry-after": "0.5"}}),
    ):
        simulator.faults.add("/users", kind, **fault)  # type: ignore[arg-type]
    assert sync(imported).state == RunState.SUCCEEDED


def test_an_error_on_one_schedule_costs_one_schedule(simulator: Simulator, imported: SyncProfile) -> None:
    link = Schedule.objects.get(name="Major Incident Bridge").links.get()
    service = Schedule.objects.get(name="Platform Primary").links.get()
    simulator.edits.rename("schedule", service.external_id, "Platform First")
    simulator.faults.add(f"/v3/schedules/{link.external_id}", "status", status=500, count=None)
    run = sync(imported)
    assert run.state == RunState.PARTIAL
    failed = run.items.get(outcome="failed")
    assert (failed.entity_type, failed.external_id) == ("schedule", link.external_id)
    assert Schedule.objects.filter(name="Platform First").exists()
    assert Schedule.objects.filter(name="Major Incident Bridge", active=True).exists()


def test_an_empty_account_imports_nothing_and_says_so(simulator: Simulator) -> None:
    for path in ("/users", "/teams", "/schedules", "/v3/schedules", "/escalation_policies", "/services"):
        simulator.faults.add(path, "shrink", items=0, count=None)
    run = sync(connect())
    assert run.state == RunState.SUCCEEDED
    assert run.items.count() == 0
    assert {counts["compared"] for counts in run.counts.values()} == {0}


def test_a_credential_of_another_account_is_refused_before_anything_moves(
    simulator: Simulator, imported: SyncProfile
) -> None:
    from connectors.simulator.pagerduty import OTHER_ACCOUNT_KEY

    before = on_call_data()
    imported.connection.seal_credentials({"api_key": OTHER_ACCOUNT_KEY})
    imported.connection.save()
    run = sync(imported)
    assert run.state in (RunState.FAILED, RunState.HELD)
    assert "globex" in run.reason
    assert on_call_data() == before


def test_hostile_names_and_missing_or_shared_addresses_lose_nobody(simulator: Simulator) -> None:
    with simulator.state.editing() as state:
        people = list(state.users.values())
        people[0].name = "<script>alert(1)</script>\x00"
        people[1].email = people[2].email
        people[3].email = ""
    run = sync(connect())
    assert run.state == RunState.SUCCEEDED
    assert Responder.objects.count() == 62
    assert Responder.objects.filter(email="").exists()
    assert "\x00" not in on_call_data()
    assert Conflict.objects.get(kind="ambiguous").evidence["email"] == people[2].email
    again = sync(SyncProfile.objects.get())
    assert again.items.count() == 0
