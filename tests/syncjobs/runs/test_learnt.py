"""Tests what a connection remembers of its account, and xMatters' account without services."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.utils import timezone

import connectors.simulator.xmatters as simulated
from connectors.connections import opening
from connectors.models import Connection
from connectors.providers.xmatters.connector import XMatters
from connectors.records import Account
from connectors.simulator.xmatters import Simulator
from syncjobs.models import ExternalLink, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start
from syncjobs.setup.inventory import inventory_of
from tests.syncjobs.conftest import Sync, user, world

pytestmark = pytest.mark.django_db

SERVICES = "/api/xm/1/services"


@pytest.fixture
def simulator(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """The acme instance over HTTP, and the settings that lead connections to it."""
    monkeypatch.setattr(opening.time, "sleep", lambda seconds: None)
    with Simulator(simulated.build_world(time.time())) as running:
        settings.CONNECTOR_ORIGINS = {"xmatters": running.origin}
        settings.EGRESS_ALLOW = [running.origin.removeprefix("http://")]
        yield running


def connect() -> SyncProfile:
    connection = Connection(name="acme", provider="xmatters", settings=XMatters.clean(simulated.DEMO_SETTINGS))
    connection.seal_credentials(simulated.DEMO_CREDENTIALS)
    connection.save()
    return SyncProfile.objects.create(connection=connection)


def run_of(profile: SyncProfile) -> SyncRun:
    profile.refresh_from_db()
    run = drive(start(profile, RunKind.APPLY, by=None, notify=False).pk)
    assert run is not None
    return run


def on_call_data() -> str:
    models = [m for m in apps.get_models() if m._meta.app_label == "oncall"]
    return serializers.serialize("json", [row for m in models for row in m._default_manager.order_by("pk")])


def notes(run: SyncRun, code: str) -> list[str]:
    return [note["message"] for note in run.notes if note["code"] == code]


def test_it_remembers_what_reads_of_its_own_account_learnt(sync: Sync) -> None:
    """A fact stays until a read sees it anew. The read before an old plan is applied counts, too."""
    for learnt, expected in (
        ({}, {}),
        ({"has_services": False}, {"has_services": False}),
        ({}, {"has_services": False}),
        ({"other": True}, {"has_services": False, "other": True}),
        ({"has_services": True}, {"has_services": True, "other": True}),
    ):
        sync.source.change(learnt=learnt)
        sync.run()
        sync.connection.refresh_from_db()
        assert sync.connection.learnt == expected
    for account, name in ((sync.source.snapshot.account, "Renamed"), (Account("b", "b.pagerduty.com"), "Again")):
        sync.source.change(users=(user("U1", name), *world().users[1:]))
        plan = sync.plan()
        SyncRun.objects.update(planned_at=timezone.now() - timedelta(minutes=20))
        sync.source.change(learnt={"other": account.id == "b"}, account=account)
        sync.apply(plan)
        sync.connection.refresh_from_db()
        assert sync.connection.learnt == {"has_services": True, "other": False}


def test_a_read_of_another_account_teaches_nothing(sync: Sync) -> None:
    sync.run()
    sync.source.change(learnt={"has_services": False}, account=Account("b", "b.pagerduty.com"))
    assert sync.run().state == RunState.HELD
    sync.connection.refresh_from_db()
    assert sync.connection.learnt == {}


def test_groups_that_are_services_stay_services_while_services_are_refused_or_fail(simulator: Simulator) -> None:
    """An account without services is remembered, until it has services."""
    services = dict(simulator.state.services)
    with simulator.state.editing():
        simulator.state.services.clear()
    profile = connect()
    assert run_of(profile).state == RunState.SUCCEEDED
    before = on_call_data()
    links = ExternalLink.objects.filter(entity_type="service").count()
    assert links == sum(group.type == "ON_CALL" for group in simulator.state.groups.values())
    for status in (403, 404, 503):
        simulator.faults.clear()
        simulator.faults.add(SERVICES, "status", count=None, status=status)
        run = run_of(profile)
        assert len(notes(run, "services_remembered")) == 1
        assert run.counts["service"]["compared"] == links
        assert (run.state, on_call_data()) == (RunState.PARTIAL if status == 503 else RunState.SUCCEEDED, before)
        profile.connection.refresh_from_db()
        assert profile.connection.learnt == {"has_services": False}
        offered = inventory_of(profile.connection, fresh=True)
        assert sum(node.entity_type == "service" for node in offered) == links
    simulator.faults.clear()
    assert (run_of(profile).items.count(), on_call_data()) == (0, before)
    with simulator.state.editing():
        simulator.state.services.update(services)
    run_of(profile)
    profile.connection.refresh_from_db()
    assert profile.connection.learnt == {"has_services": True}
    before = on_call_data()
    simulator.edits.change_plan(services=False)
    run = run_of(profile)
    assert (notes(run, "services_remembered"), run.counts["service"]["compared"]) == ([], 0)
    assert on_call_data() == before


def test_a_first_run_that_may_not_read_services_imports_no_group_as_a_service(simulator: Simulator) -> None:
    with simulator.state.editing():
        simulator.state.services.clear()
    simulator.edits.change_plan(services=False)
    profile = connect()
    assert "No on-call group is offered instead" in notes(run_of(profile), "services_not_told")[0]
    assert not ExternalLink.objects.filter(entity_type="service").exists()
    profile.connection.refresh_from_db()
    assert profile.connection.learnt == {}
