"""A whole read over HTTP against the simulated vendor, an implementation of its own. The judge here: simulator."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import Connector
from connectors.closure import Selection
from connectors.errors import AuthenticationFailed
from connectors.recordings.replay import document, exit_code
from connectors.records import Snapshot
from connectors.simulator.opsgenie import CANARY, DEMO_KEY, NO_CONFIGURATION_KEY, OTHER_REGION_KEY, TEAM_KEY
from tests.connectors.conformance import scenes
from tests.connectors.conformance.entries import NOW
from tests.connectors.conformance.entry_opsgenie import OPSGENIE
from tests.connectors.providers.comparing import differing
from tests.connectors.providers.odd_holders import holder_without_an_id, odd_holders_aliases_and_restrictions

DAY = 86_400


@pytest.fixture
def simulator() -> Iterator[Any]:
    with OPSGENIE.simulator() as running:
        yield running


def connector(simulator: Any, key: str = DEMO_KEY) -> Connector:
    return scenes.connector(OPSGENIE, scenes.live(OPSGENIE, simulator), credentials={"api_key": key})


def read(simulator: Any, key: str = DEMO_KEY) -> Snapshot:
    return connector(simulator, key).fetch(Selection(), contact_details=True)


def test_everything_there_is_imported_and_no_secret_is_kept(simulator: Any) -> None:
    snapshot = read(simulator)
    assert snapshot.failed == ()
    assert all(reported.listing for reported in snapshot.completeness.values())
    assert {schedule.external_id for schedule in snapshot.schedules} == set(simulator.state.schedules)
    assert {team.external_id for team in snapshot.teams} == set(simulator.state.teams)
    assert {service.external_id for service in snapshot.services} == set(simulator.state.services)
    policies = {policy.external_id for policy in snapshot.policies}
    assert policies == {*simulator.state.escalations, *simulator.state.teams}
    made = document(snapshot, NOW, NOW + 14 * DAY)
    assert exit_code(made) == 0
    assert CANARY not in json.dumps(made)
    assert CANARY not in repr(snapshot)
    assert {method for method, *_ in simulator.requests} == {"GET"}
    assert snapshot.calls == len(simulator.requests)


@pytest.mark.parametrize("start", [NOW, NOW + 20 * DAY])
def test_schedules_render_as_the_simulated_vendor_renders_them(simulator: Any, start: int) -> None:
    snapshot = read(simulator)
    theirs = connector(simulator).rendered(
        {one.external_id: one.group_ids for one in snapshot.schedules}, start, start + 40 * DAY
    )
    assert set(theirs) == {schedule.external_id for schedule in snapshot.schedules}
    assert len(theirs) >= 8
    assert differing(snapshot.schedules, snapshot.users, theirs, start, start + 40 * DAY) == []
    assert sum(map(len, theirs.values())) > 500


def test_a_wrong_key_and_one_of_the_other_region_are_refused(simulator: Any) -> None:
    for key in ("no-such-key", "not a key!", OTHER_REGION_KEY):
        with pytest.raises(AuthenticationFailed) as refused:
            read(simulator, key)
        assert refused.value.field == "api_key"
        assert "region" in refused.value.hint


def test_a_key_without_configuration_access_says_what_to_tick(simulator: Any) -> None:
    probe = connector(simulator, NO_CONFIGURATION_KEY).probe()
    assert not any(right.granted for right in probe.rights)
    assert any("Configuration Access" in message for message in probe.messages)


def test_a_key_of_a_team_sees_its_part_and_proves_nothing(simulator: Any) -> None:
    snapshot = read(simulator, TEAM_KEY)
    assert 0 < len(snapshot.schedules) < len(simulator.state.schedules)
    assert not any(reported.listing for reported in snapshot.completeness.values())
    assert [note.code for note in snapshot.notes].count("restricted_key") == 1
    assert any("team's" in message for message in connector(simulator, TEAM_KEY).probe().messages)


def test_odd_holders_aliases_and_restrictions_render_as_the_simulated_vendor_renders_them(simulator: Any) -> None:
    odd_holders_aliases_and_restrictions(simulator, read, connector)


def test_a_holder_without_an_id_keeps_its_turns(simulator: Any) -> None:
    holder_without_an_id(simulator, read)
