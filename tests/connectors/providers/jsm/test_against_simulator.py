"""A whole read over HTTP against the simulated vendor, an implementation of its own. The judge here: simulator."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.base import Connector
from connectors.closure import Selection
from connectors.connections.opening import open_connector, replay_connector
from connectors.errors import AuthenticationFailed, ConnectionConfigError
from connectors.models import Connection
from connectors.providers.jsm.ledger import LEDGER
from connectors.recordings.recording import load
from connectors.recordings.replay import document, exit_code
from connectors.records import Snapshot
from connectors.simulator.jsm import (
    AGENT_EMAIL,
    AGENT_TOKEN,
    CANARY,
    CLOUD_ID,
    DEMO_CREDENTIALS,
    DEMO_EMAIL,
    DEMO_SETTINGS,
    DEMO_TOKEN,
    Simulator,
    build_world,
)
from oncall.rendering.final import render_final
from tests.connectors.conformance import scenes
from tests.connectors.conformance.entries import NOW, Provider
from tests.connectors.conformance.entry_jsm import JSM
from tests.connectors.providers.comparing import differing
from tests.connectors.providers.odd_holders import holder_without_an_id, odd_holders_aliases_and_restrictions

DAY = 86_400


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(build_world(NOW), now=lambda: float(NOW)) as running:
        yield running


def connector(
    simulator: Simulator, email: str = DEMO_EMAIL, token: str = DEMO_TOKEN, provider: Provider = JSM
) -> Connector:
    credentials = {"email": email, "api_token": token}
    return scenes.connector(provider, scenes.live(provider, simulator), credentials=credentials)


def read(simulator: Simulator, *credentials: str, **more: Any) -> Snapshot:
    return connector(simulator, *credentials, **more).fetch(Selection(), contact_details=True)


def test_everything_there_is_imported_and_no_secret_is_kept(simulator: Simulator) -> None:
    snapshot = read(simulator)
    state = simulator.state
    assert snapshot.failed == ()
    assert {schedule.external_id for schedule in snapshot.schedules} == set(state.schedules)
    members = {team.external_id: {member.person_id for member in team.members or ()} for team in snapshot.teams}
    assert members == {team.id: {id_ for id_, _ in team.members} for team in state.teams.values()}
    assert {policy.external_id for policy in snapshot.policies} == {*state.escalations, *state.teams}
    assert {user.external_id for user in snapshot.users if not user.listed} == {
        user.id for user in state.users.values() if user.deleted
    }
    hidden = {user.external_id for user in snapshot.users if user.listed and user.email is None}
    assert len(hidden) == 2
    assert {one.external_id for one in snapshot.policies if not one.enabled} == {
        one.id for one in state.escalations.values() if not one.enabled
    }
    made = document(snapshot, NOW, NOW + 14 * DAY)
    assert exit_code(made) == 0
    assert CANARY not in json.dumps(made)
    assert CANARY not in repr(snapshot)
    posts = [path for method, path, *_ in simulator.requests if method != "GET"]
    assert len(posts) == len(state.teams)
    assert all(path.endswith("/members") for path in posts)
    assert snapshot.calls == len(simulator.requests)


@pytest.mark.parametrize("start", [NOW, NOW + 20 * DAY])
def test_schedules_render_as_the_simulated_vendor_renders_them(simulator: Simulator, start: int) -> None:
    snapshot = read(simulator)
    theirs = connector(simulator).rendered(
        {one.external_id: one.group_ids for one in snapshot.schedules}, start, start + 40 * DAY
    )
    assert set(theirs) == {schedule.external_id for schedule in snapshot.schedules}
    assert len(theirs) == 9
    assert differing(snapshot.schedules, snapshot.users, theirs, start, start + 40 * DAY) == []
    assert sum(map(len, theirs.values())) > 500


def test_what_a_deleted_rotation_has_served_is_left_out(simulator: Simulator) -> None:
    (legacy,) = [one for one in simulator.state.schedules.values() if one.removed]
    since = NOW - 10 * DAY
    found = connector(simulator).rendered({legacy.id: ()}, since, NOW)[legacy.id]
    spec = next(one for one in read(simulator).schedules if one.external_id == legacy.id).spec()
    assert spec is not None
    assert found == render_final(spec, (), since, NOW)


def test_a_timeline_out_of_reach_is_absent(simulator: Simulator) -> None:
    (first, *_) = simulator.state.schedules
    assert connector(simulator).rendered([first], NOW + 800 * DAY, NOW + 801 * DAY) == {}


def test_the_list_of_teams_may_come_bare(simulator: Simulator) -> None:
    before = read(simulator)
    simulator.site.bare_teams = True
    assert read(simulator) == before


def test_a_wrong_token_and_a_wrong_site_are_refused(simulator: Simulator) -> None:
    for email, token in ((DEMO_EMAIL, "no-such-token"), ("nobody@example.com", DEMO_TOKEN)):
        with pytest.raises(AuthenticationFailed) as refused:
            read(simulator, email, token)
        assert refused.value.field == "api_token"
    elsewhere = replace(JSM, settings={**DEMO_SETTINGS, "cloud_id": "another-cloud"})
    with pytest.raises(ConnectionConfigError, match=CLOUD_ID) as other:
        read(simulator, provider=elsewhere)
    assert other.value.field == "site"


def test_an_agent_sees_the_own_part(simulator: Simulator) -> None:
    snapshot = read(simulator, AGENT_EMAIL, AGENT_TOKEN)
    assert [team.name for team in snapshot.teams] == ["PAYMENTS"]
    assert [schedule.name for schedule in snapshot.schedules] == ["Payments On-Call"]
    messages = connector(simulator, AGENT_EMAIL, AGENT_TOKEN).probe().messages
    assert any("Liam O'Connor" in message for message in messages)
    assert any("1 teams" in message for message in messages)
    liam = next(user.id for user in simulator.state.users.values() if user.name == "Liam O'Connor")
    platform = next(one.id for one in simulator.state.schedules.values() if one.name == "Platform_schedule")
    simulator.edits.add_override(platform, liam, NOW, NOW + 60)
    wider = read(simulator, AGENT_EMAIL, AGENT_TOKEN)
    assert len(wider.schedules) == 2
    assert not any(reported.listing for reported in wider.completeness.values())


def test_a_recording_replays_without_settings_that_are_secret(simulator: Simulator) -> None:
    recorder = scenes.recorder(JSM, scenes.live(JSM, simulator))
    snapshot = scenes.read(JSM, recorder)
    written = json.dumps(scenes.document(recorder))
    for secret in (DEMO_EMAIL, DEMO_TOKEN, CANARY):
        assert secret not in written
    replayed = replay_connector(load(json.loads(written))).fetch(Selection(), contact_details=True)
    assert replayed.schedules == snapshot.schedules
    assert replayed.teams == snapshot.teams
    assert replayed.policies == snapshot.policies
    assert replayed.failed == ()
    # The address of the token's owner is a credential, and so it is missing from the recording.
    emails = {one.external_id: one.email for one in snapshot.users}
    assert {one.external_id: one.email for one in replayed.users} == {
        id_: None if email == DEMO_EMAIL else email for id_, email in emails.items()
    }


def test_a_recording_may_name_no_more_than_cloud_and_site() -> None:
    recording = {
        "format": "rotabridge-recording/1",
        "provider": "jsm",
        "settings": {"cloud_id": "c-1", "site": "acme"},
        "exchanges": [
            {"method": "GET", "path": "/jsm/ops/api/c-1/v1/teams", "status": 200, "body": [{"teamId": "T1"}]},
            {
                "method": "GET",
                "host": "api.atlassian.com",
                "path": "/jsm/ops/api/c-1/v1/schedules",
                "status": 200,
                "body": {"values": [{"id": "S1", "timezone": "Europe/Berlin", "name": "Rota"}], "links": {}},
            },
            {
                "method": "GET",
                "path": "/jsm/ops/api/c-1/v1/schedules/S1/rotations",
                "status": 200,
                "body": {
                    "values": [
                        {
                            "id": "R1",
                            "startDate": "2026-01-05T08:00:00Z",
                            "type": "weekly",
                            "participants": [{"type": "user", "id": "ANA"}],
                        }
                    ]
                },
            },
            {
                "method": "GET",
                "host": "acme.atlassian.net",
                "path": "/rest/api/3/user",
                "query": {"accountId": ["ANA"]},
                "status": 200,
                "body": {"accountId": "ANA", "displayName": "Ana", "emailAddress": "ana@example.com", "active": True},
            },
        ],
        "recorded_at": "2026-01-10T00:00:00Z",
    }
    snapshot = replay_connector(load(recording)).fetch(Selection(), contact_details=True)
    made = document(snapshot, 1_768_000_000, 1_768_100_000)
    assert [(one["external_id"], one["name"], one["email"]) for one in made["people"]] == [
        ("ANA", "Ana", "ana@example.com")
    ]
    assert made["schedules"][0]["shifts"][0]["participants"] == ["ANA"]
    # The list of escalations of the only team is missing from it.
    assert [(one["entity_type"], one["code"]) for one in made["failed"]] == [("escalation_policy", "not_found")]


@pytest.mark.django_db
def test_a_stored_connection_reaches_all_its_hosts_through_one_simulator(simulator: Simulator, settings: Any) -> None:
    settings.CONNECTOR_ORIGINS = {"jsm": simulator.origin}
    settings.EGRESS_ALLOW = [simulator.origin.removeprefix("http://")]
    connection = Connection(name="Acme", provider="jsm", settings=DEMO_SETTINGS)
    connection.seal_credentials(DEMO_CREDENTIALS)
    assert all(right.granted is not False for right in open_connector(connection).probe().rights)


def test_every_table_is_of_an_endpoint_or_says_why_it_is_never_asked() -> None:
    never_asked = {"contact", "notification_rule", "service", "platform_team"}
    assert set(LEDGER.tables) == {*(one.table for one in JSM.endpoints), "page", *never_asked}


def test_odd_holders_aliases_and_restrictions_render_as_the_simulated_vendor_renders_them(simulator: Simulator) -> None:
    odd_holders_aliases_and_restrictions(simulator, read, connector)


def test_a_holder_without_an_id_keeps_its_turns(simulator: Simulator) -> None:
    holder_without_an_id(simulator, read)
