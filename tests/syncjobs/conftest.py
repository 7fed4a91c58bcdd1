"""A source that is a value: tests change it, then sync. And the simulated vendor, for the whole way."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers

from connectors.base import Sought
from connectors.closure import Selection
from connectors.errors import ConnectionConfigError
from connectors.models import Connection
from connectors.records import (
    ENTITY_TYPES,
    Account,
    Completeness,
    EntityKey,
    Found,
    Reach,
    Snapshot,
    SourceContactMethod,
    SourceMember,
    SourcePolicy,
    SourceSchedule,
    SourceService,
    SourceTeam,
    SourceUser,
)
from connectors.simulator.pagerduty import DEMO_KEY, Simulator, build_world
from connectors.zones.timezones import convert
from oncall.aggregates import Draft
from oncall.escalation.policy import Level, Policy, Target
from oncall.operations import Actor, write
from oncall.rendering.codec import reading_from_text
from oncall.rendering.final import Span
from oncall.rendering.spec import Always, ByTime, Layer, person
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.runs import notify
from syncjobs.runs.runner import drive
from syncjobs.runs.start import approve, start

NOW = 1_795_176_000  # 2026-11-20T12:00:00Z


def user(id_: str, name: str, **more: Any) -> SourceUser:
    methods = (SourceContactMethod(f"C{id_}", "email", f"{name.lower()}@example.com", "Work", True),)
    defaults: dict[str, Any] = {
        "email": f"{name.lower()}@example.com",
        "state": "active",
        "time_zone": convert("Europe/Paris"),
        "contact_methods": methods,
        "notification_rules": (),
    }
    return SourceUser(external_id=id_, name=name, **(defaults | more))


def layer(*people: str, anchor: str = "2026-01-05T09:00:00", length: int = 604_800, **more: Any) -> Layer:
    return Layer(
        key="L1",
        name="Layer 1",
        windows=(Always(),),
        turns=ByTime(reading_from_text(anchor), length),
        participants=tuple(person(p) for p in people),
        **more,
    )


def schedule(id_: str, name: str, *layers: Layer, zone: str | None = "Europe/Paris", **more: Any) -> SourceSchedule:
    defaults: dict[str, Any] = {
        "overrides": (),
        "extra_shifts": (),
        "fetched_range": (NOW - 86_400, NOW + 90 * 86_400),
    }
    return SourceSchedule(
        external_id=id_,
        name=name,
        time_zone=convert(zone),
        composition="stacked",
        layers=layers,
        **(defaults | more),
    )


def policy(id_: str, name: str, *targets: Target, **more: Any) -> SourcePolicy:
    levels = (Level(30, "everyone", targets),)
    return SourcePolicy(id_, name, Policy(0, levels, 1, "nothing", "skip", "level"), **more)


def world() -> Snapshot:
    """Three people, a team, a schedule, a policy and a service."""
    return Snapshot(
        provider="pagerduty",
        account=Account("acme", "acme.pagerduty.com", "us"),
        fetched_at=NOW,
        users=(user("U1", "Ana"), user("U2", "Bo"), user("U3", "Cy")),
        teams=(SourceTeam("T1", "Platform", members=(SourceMember("U1", "manager"), SourceMember("U2", "responder"))),),
        schedules=(schedule("S1", "Primary", layer("U1", "U2", "U1")),),
        policies=(policy("P1", "Default", Target("schedule", "S1"), Target("responder", "U3"), group_id="T1"),),
        services=(SourceService("V1", "Checkout", policy_id="P1", group_id="T1"),),
        completeness={kind: Completeness(True) for kind in ENTITY_TYPES},
        mapping_version=dict.fromkeys(ENTITY_TYPES, 1),
    )


Rendered = Callable[[Mapping[str, Sequence[str]], int, int], Mapping[str, tuple[Span, ...]]]


class Source:
    """A connector's reading half. ``snapshot`` is what the next fetch gives; ``error`` is raised instead."""

    def __init__(self) -> None:
        self.snapshot = world()
        self.error: Exception | None = None
        self.during: Callable[[], None] = lambda: None
        self.selections: list[Selection] = []
        self.reach: Reach | None = None
        self.should_stop: Callable[[], bool] = lambda: False
        self.rendered: Rendered = lambda schedules, since, until: {}
        self.rendered_range: Callable[[], tuple[int, int] | None] = lambda: None
        self.rendered_together = 1
        self.calls = 0
        self.answers: dict[EntityKey, Found] = {}
        self.sought: list[Sequence[Sought]] = []

    def look_up(self, sought: Sequence[Sought]) -> Mapping[EntityKey, Found]:
        """Answer as ``answers`` says. An object that is not there is not requested, as if others came first."""
        self.sought.append(sought)
        keys: list[EntityKey] = [(each.kind, each.external_id) for each in sought]
        return {key: self.answers[key] for key in keys if key in self.answers}

    def open(self, connection: Connection, *, should_stop: Callable[[], bool], **durable: Any) -> "Source":
        self.should_stop = should_stop
        if connection.refused_account:  # as open_connector does it
            raise ConnectionConfigError("paused", hint="Enter another key.", provider=connection.provider)
        return self

    def fetch(self, selection: Selection, *, contact_details: bool, progress: Any) -> Snapshot:
        self.selections.append(selection)
        if self.error is not None:
            raise self.error
        for kind in ENTITY_TYPES:
            progress(kind, len(self.snapshot.records(kind)), None)
        self.during()
        if selection.everything:
            return self.snapshot
        kept = frozenset((kind, one.external_id) for kind in ENTITY_TYPES for one in self.snapshot.records(kind))
        return replace(self.snapshot, reach=self.reach or Reach(kept))

    def change(self, **parts: Any) -> None:
        self.snapshot = replace(self.snapshot, **parts)


class Sync:
    """A connection with its source, and what a person does with it."""

    def __init__(self, name: str = "acme") -> None:
        self.source = Source()
        self.connection = Connection(
            name=name, provider="pagerduty", settings={"subdomain": "acme", "region": "us", "auth": "token"}
        )
        self.connection.seal_credentials({"api_key": "u+not-a-real-key"})
        self.connection.save()
        self.profile = SyncProfile.objects.create(connection=self.connection)

    def run(self, kind: RunKind = RunKind.APPLY, only: Sequence[Any] = ()) -> SyncRun:
        self.profile.refresh_from_db()
        run = start(self.profile, kind, by=None, only=only, notify=False)
        return self.drive(run)

    def plan(self) -> SyncRun:
        return self.run(RunKind.PLAN)

    def apply(self, run: SyncRun) -> SyncRun:
        approve(run, by=None, notify=False)
        return self.drive(run)

    def drive(self, run: SyncRun) -> SyncRun:
        finished = drive(run.pk, opener=self.source.open)
        assert finished is not None
        return finished

    def rules(self, **changes: Any) -> None:
        for name, value in changes.items():
            setattr(self.profile, name, value)
        self.profile.rules_version += 1
        self.profile.save()


@pytest.fixture(autouse=True)
def notified(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replaces the broker. Returns the ids of the runs of which workers were notified."""
    runs: list[int] = []
    monkeypatch.setattr(notify.current_app, "send_task", lambda name, args, **options: runs.extend(args))
    return runs


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Returns a function that makes every message fail with an error."""

    def set_error(error: Exception) -> None:
        def send_task(name: str, args: Any, **options: Any) -> None:
            raise error

        monkeypatch.setattr(notify.current_app, "send_task", send_task)

    return set_error


@pytest.fixture
def sync(db: None) -> Iterator[Sync]:
    yield Sync()


@pytest.fixture
def simulator(settings: Any) -> Iterator[Simulator]:
    """The acme world over HTTP, and the settings that lead connections to it."""
    with Simulator(build_world(time.time())) as running:
        lead_to(running, settings)
        yield running


def lead_to(running: Simulator, settings: Any) -> None:
    settings.CONNECTOR_ORIGINS = {"pagerduty": running.origin}
    settings.EGRESS_ALLOW = [running.origin.removeprefix("http://")]


def connect(**settings: str) -> SyncProfile:
    """A connection to the simulated account, as connect_source makes it."""
    given = {"subdomain": "acme", "region": "us", "auth": "token"} | settings
    connection = Connection(name="acme", provider="pagerduty", settings=given)
    connection.seal_credentials({"api_key": DEMO_KEY})
    connection.save()
    return SyncProfile.objects.create(connection=connection)


BY = Actor(None, "test")


def contents() -> str:
    """Everything outside the runs' own records."""
    models = [m for m in apps.get_models() if m._meta.app_label in ("oncall", "connectors", "syncjobs")]
    own = {"SyncRun", "SyncItem", "ParityCheck", "Heartbeat"}
    rows = [row for m in models if m.__name__ not in own for row in m._default_manager.order_by("pk")]
    return serializers.serialize("json", rows)


def without_questions() -> list[Any]:
    """All of :func:`contents` but the questions."""
    return [row for row in json.loads(contents()) if row["model"] != "syncjobs.conflict"]


def edit(kind: Any, row: Any, **fields: Any) -> None:
    row.refresh_from_db()
    write(kind, [Draft(fields, id=row.pk, version=row.version)], by=BY)
    row.refresh_from_db()
