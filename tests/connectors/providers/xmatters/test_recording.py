"""Tests that a recording contains no secrets and gives the same result offline."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

import connectors.simulator.xmatters as simulated
from connectors.base import Rim
from connectors.closure import Selection
from connectors.connections.opening import replay_connector
from connectors.network.egress import LiveTransport, parse_allow
from connectors.providers.xmatters.connector import XMatters
from connectors.recordings.recording import Recorder, load
from connectors.recordings.replay import document
from connectors.redaction import Secret

NOW = 1_772_323_200
DAY = 86_400
BASIC = {"username": simulated.API_KEY_USER}
OAUTH = {"username": simulated.DEMO_USER, "auth": "oauth", "client_id": simulated.CLIENT_ID}


@pytest.mark.parametrize(("given", "password"), [(BASIC, simulated.API_KEY_SECRET), (OAUTH, simulated.DEMO_PASSWORD)])
def test_a_read_is_the_same_offline_and_holds_no_secret(given: dict[str, str], password: str) -> None:
    state = simulated.build_world(NOW)
    with simulated.Simulator(state, now=lambda: float(NOW)) as simulator:
        origin = simulator.origin
        transport = LiveTransport(origin, allow=parse_allow([origin.removeprefix("http://")]))
        settings = XMatters.clean({"base_url": "https://acme.xmatters.com", **given})
        recorder = Recorder(transport, "xmatters", settings, secrets=[password], scrub=XMatters.scrub)
        rim = Rim(recorder, now=lambda: float(NOW), sleep=lambda seconds: None)
        live = XMatters(settings, {"password": Secret(password)}, rim).fetch(Selection(), contact_details=True)
    dumped = recorder.dump(datetime.fromtimestamp(NOW, UTC))
    text = json.dumps(dumped)
    for secret in (password, "phonePin", "phoneLogin", "apnToken", "registrationId", "demo-access", "demo-refresh"):
        assert secret not in text
    people = [person for person in state.people.values() if person.phone_pin]
    assert people
    assert not [person for person in people if f'"{person.phone_pin}"' in text]
    replayed = replay_connector(load(dumped)).fetch(Selection(), contact_details=True)
    assert document(replayed, NOW, NOW + 14 * DAY) == document(live, NOW, NOW + 14 * DAY)
    reported: Any = document(replayed, NOW, NOW + 14 * DAY)
    assert (len(reported["people"]), reported["failed"]) == (60, [])
    assert simulated.CANARY not in repr(live)


def test_a_recording_needs_no_more_settings_than_the_address(instance: Any, make: Any) -> None:
    exchanges = [
        {"method": "GET", "path": f"/api/xm/1{path}", "query": {}, "status": 200, "body": make.envelope(body)}
        for path, body in (("/people", instance.people), ("/groups", instance.groups))
    ]
    recording = {
        "format": "rotabridge-recording/1",
        "provider": "xmatters",
        "settings": {"base_url": "https://acme.xmatters.com/api/xm/1"},
        "exchanges": exchanges,
    }
    snapshot = replay_connector(load(recording)).fetch(Selection(), contact_details=True)
    assert [user.external_id for user in snapshot.users] == ["ANA", "BO"]
    assert snapshot.failed == ()
