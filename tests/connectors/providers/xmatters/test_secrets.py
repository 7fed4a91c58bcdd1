"""Tests that secrets from xMatters and credentials are in no row, log, recording or error."""

import json
import logging
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection as database

import connectors.simulator.xmatters as simulated
from connectors.closure import Selection
from connectors.connections.opening import open_connector
from connectors.errors import ConnectorError
from connectors.models import Connection
from connectors.network.egress import LiveTransport, parse_allow
from connectors.network.exchange import Request
from connectors.providers.xmatters.connector import XMatters
from connectors.providers.xmatters.login import basic
from connectors.recordings.replay import document
from connectors.redaction import Secret, mask_values
from connectors.simulator.xmatters import Simulator
from syncjobs.models import RunKind, RunState, SyncProfile
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start

OAUTH = {"auth": "oauth", "client_id": simulated.CLIENT_ID}
KEY = {"username": simulated.API_KEY_USER}
WAYS = [
    pytest.param({}, simulated.DEMO_PASSWORD, id="password"),
    pytest.param(KEY, simulated.API_KEY_SECRET, id="key"),
    pytest.param(OAUTH, simulated.DEMO_PASSWORD, id="token"),
]


def plant(state: Any, *, readable: bool = False) -> list[str]:
    """A value of its own in every place that holds a secret of somebody; unless all is ``readable``, one person and one
    device cannot be read."""
    with state.editing():
        people = list(state.people.values())
        for person in people:
            person.phone_pin, person.phone_login = "planted-pin", "planted-login"
            person.properties = {"VPN Password": "planted-property", "Codes": ["planted-listed-property"]}
        for kind, device in {device.type: device for device in state.devices.values()}.items():
            if kind in ("APPLE_PUSH", "ANDROID_PUSH", "TEXT_PAGER", "GENERIC"):
                device.address = f"planted-{kind.lower()}"
        if not readable:
            people[5].first_name = "x" * 30_000
            next(one for one in state.devices.values() if one.type == "APPLE_PUSH").sequence = "soon"
    names = ("pin", "login", "property", "listed-property", "apple_push", "android_push", "text_pager", "generic")
    return [f"planted-{name}" for name in names]


@pytest.fixture
def simulator(settings: Any) -> Iterator[Simulator]:
    with Simulator(simulated.build_world(time.time())) as running:
        settings.CONNECTOR_ORIGINS = {"xmatters": running.origin}
        settings.EGRESS_ALLOW = [running.origin.removeprefix("http://")]
        yield running


def connect(given: dict[str, str], password: str) -> SyncProfile:
    settings = XMatters.clean({**simulated.DEMO_SETTINGS, **given})
    made = Connection(name="acme", provider="xmatters", settings=settings)
    made.seal_credentials({"password": password})
    made.save()
    return SyncProfile.objects.create(connection=made, contact_details=True)


def opening(password: str) -> list[str]:
    """What opens the instance, in every form it goes over the wire."""
    headers = [basic(user, Secret(password)) for user in (simulated.DEMO_USER, simulated.API_KEY_USER)]
    return [password, *(header["Authorization"].partition(" ")[2] for header in headers)]


def granted() -> list[str]:
    return [f"demo-{kind}-token-{number}" for kind in ("access", "refresh") for number in range(1, 5)]


def assert_silent(secrets: list[str], text: str) -> None:
    assert text
    assert mask_values(text, secrets) == text


def stored() -> str:
    """Every value of every table, texts and bytes alike."""
    reported = []
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)}")  # noqa: S608 - a name of the database's
            for row in cursor.fetchall():
                reported += [bytes(v).decode("latin-1") if isinstance(v, bytes | memoryview) else str(v) for v in row]
    return "\n".join(reported)


@pytest.fixture
def talkative(caplog: Any) -> Iterator[Any]:
    """Every logger there is, at its most talkative, whatever the settings keep quiet."""
    known = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    before = [(one, one.level, one.propagate, one.disabled) for one in known]
    for one in known:
        one.setLevel(logging.DEBUG)
        one.propagate, one.disabled = True, False
    with caplog.at_level(logging.DEBUG):
        yield caplog
    for one, level, one.propagate, one.disabled in before:
        one.setLevel(level)


def logged(caplog: Any) -> str:
    return "\n".join(f"{one.getMessage()} {one.args!r} {one.exc_text or ''}" for one in caplog.records)


def test_what_is_planted_goes_over_the_wire(simulator: Simulator) -> None:
    planted = plant(simulator.state)
    transport = LiveTransport(simulator.origin, allow=parse_allow([simulator.origin.removeprefix("http://")]))
    headers = basic(simulated.DEMO_USER, Secret(simulated.DEMO_PASSWORD))
    reported = "".join(
        transport.exchange(
            Request("GET", f"/api/xm/1/{path}", (("limit", "1000"),)), headers=headers, deadline=time.monotonic() + 30
        ).body.decode()
        for path in ("people", "devices")
    )
    assert [one for one in planted if one not in reported] == []


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "password"), WAYS)
def test_no_secret_is_in_any_row_or_log_after_a_sync(
    simulator: Simulator, talkative: Any, given: dict[str, str], password: str
) -> None:
    secrets = [*plant(simulator.state, readable=True), *opening(password), *granted()]
    profile = connect(given, password)
    simulator.faults.add("/api/xm/1/temporary-absences", "html", count=2)
    # Whether the absence that is read then leaves a level without anybody depends on the hour.
    held = "Not everything was applied: 1 held."
    for reasons in (("Not everything was applied: 1 failed.",), (held, "")):
        run = drive(start(profile, RunKind.APPLY, by=None, notify=False).pk)
        assert run is not None
        assert run.state == (RunState.PARTIAL if run.reason else RunState.SUCCEEDED)
        assert run.reason in reasons
    rows = stored()
    assert "ana.keller@example.com" in rows  # the scan sees what is there
    assert_silent(secrets, rows)
    assert any(record.name.startswith("urllib3") for record in talkative.records)
    assert_silent(secrets, logged(talkative))


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "password"), WAYS)
def test_no_secret_is_in_what_the_shell_records(
    simulator: Simulator, tmp_path: Path, capsys: Any, given: dict[str, str], password: str
) -> None:
    secrets = [*plant(simulator.state), *opening(password), *granted()]
    connect(given, password)
    file = tmp_path / "recording.json"
    with pytest.raises(SystemExit):  # 3: something cannot be read
        call_command("record", "acme", str(file))
    recorded = file.read_text()
    assert len(json.loads(recorded)["exchanges"]) > 20
    assert_silent(secrets, recorded)
    with pytest.raises(SystemExit):
        call_command("replay", str(file), "--json")
    shown = capsys.readouterr()
    assert_silent(secrets, shown.out + shown.err)


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "password"), WAYS)
def test_no_secret_is_in_records_notes_and_failures(simulator: Simulator, given: dict[str, str], password: str) -> None:
    secrets = [*plant(simulator.state), *opening(password), *granted()]
    connector = open_connector(connect(given, password).connection)
    snapshot = connector.fetch(Selection(), contact_details=True)
    assert len({one.external_id for one in snapshot.failed if one.entity_type == "responder"}) == 2
    now = int(time.time())
    spans = connector.rendered({one.external_id: one.group_ids for one in snapshot.schedules}, now, now + 86_400)
    assert spans
    assert_silent(secrets, repr(snapshot) + repr(spans) + json.dumps(document(snapshot, now, now + 86_400)))
    assert_silent(secrets, repr(connector) + repr(vars(connector)) + repr(connector.inventory()))


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "password"), WAYS)
@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("status", {"status": 401}),
        ("status", {"status": 400}),
        ("status", {"status": 429, "headers": {"Retry-After": "86400"}}),
        ("html", {}),
        ("redirect", {}),
        ("truncated", {}),
    ],
)
def test_no_secret_is_in_what_is_raised(
    simulator: Simulator, talkative: Any, given: dict[str, str], password: str, kind: Any, fault: Any
) -> None:
    secrets = [*plant(simulator.state), *opening(password), *granted()]
    connector = open_connector(connect(given, password).connection)
    simulator.faults.add("/api/xm/1/*", kind, count=None, **fault)
    with pytest.raises(ConnectorError) as raised:
        connector.fetch(Selection(), contact_details=True)
    error: BaseException | None = raised.value
    while error is not None:
        assert_silent(secrets, f"{error!s} {error!r} {error.args!r} {vars(error)!r}")
        error = error.__cause__ or error.__context__
    assert_silent(secrets, "".join(traceback.format_exception(raised.value)))
    assert_silent(secrets, logged(talkative))
