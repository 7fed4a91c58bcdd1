"""A whole read over HTTP against the simulated vendor, an implementation of its own. The judge here: simulator."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.addresses import parse_allow
from connectors.base import Rim
from connectors.closure import Selection
from connectors.egress import LiveTransport
from connectors.errors import AuthenticationFailed
from connectors.providers.opsgenie.connector import Opsgenie
from connectors.providers.opsgenie.ledger import LEDGER
from connectors.redaction import Secret
from connectors.replay import document, exit_code
from connectors.simulator.opsgenie import (
    CANARY,
    DEMO_KEY,
    NO_CONFIGURATION_KEY,
    OTHER_REGION_KEY,
    TEAM_KEY,
    Simulator,
    build_world,
)
from oncall.rendering.final import render_final
from tests.connectors.providers.opsgenie.test_ledger import TABLES, template, unclassed

NOW = 1_772_323_200  # 2026-03-01T00:00:00Z: the window holds the spring changes of America and Europe
DAY = 86_400


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(build_world(NOW), now=lambda: float(NOW)) as running:
        yield running


def connector(simulator: Simulator, key: str = DEMO_KEY, transport: Any = None) -> Opsgenie:
    host = simulator.origin.removeprefix("http://")
    live = LiveTransport(simulator.origin, allow=parse_allow([host]))
    rim = Rim(transport or live, now=lambda: float(NOW), sleep=lambda seconds: None)
    return Opsgenie(Opsgenie.clean({}), {"api_key": Secret(key)}, rim)


def read(simulator: Simulator, key: str = DEMO_KEY) -> Any:
    return connector(simulator, key).fetch(Selection(), contact_details=True)


def test_everything_there_is_imported_and_no_secret_is_kept(simulator: Simulator) -> None:
    snapshot = read(simulator)
    assert snapshot.failed == ()
    assert all(told.listing for told in snapshot.completeness.values())
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
def test_schedules_render_as_the_simulated_vendor_renders_them(simulator: Simulator, start: int) -> None:
    snapshot = read(simulator)
    substitutions = [each for user in snapshot.users for each in user.substitutions or ()]
    theirs = connector(simulator).rendered([one.external_id for one in snapshot.schedules], start, start + 40 * DAY)
    assert set(theirs) == {schedule.external_id for schedule in snapshot.schedules}
    assert len(theirs) >= 8
    for schedule in snapshot.schedules:
        spec = schedule.spec()
        assert spec is not None
        ours = render_final(spec, substitutions, start, start + 40 * DAY)
        assert ours == theirs[schedule.external_id], schedule.name
    assert sum(map(len, theirs.values())) > 500


def test_a_second_read_gives_the_same_records_whatever_the_order_sent(simulator: Simulator) -> None:
    """The simulator sends restrictions in another order each time, as the vendor was seen to do."""
    assert read(simulator) == read(simulator)


def test_a_wrong_key_and_one_of_the_other_region_are_refused(simulator: Simulator) -> None:
    for key in ("no-such-key", "not a key!", OTHER_REGION_KEY):
        with pytest.raises(AuthenticationFailed) as refused:
            read(simulator, key)
        assert refused.value.field == "api_key"
        assert "region" in refused.value.hint


def test_a_key_without_configuration_access_says_what_to_tick(simulator: Simulator) -> None:
    probe = connector(simulator, NO_CONFIGURATION_KEY).probe()
    assert not any(right.granted for right in probe.rights)
    assert any("Configuration Access" in message for message in probe.messages)


def test_a_key_of_a_team_sees_its_part_and_proves_nothing(simulator: Simulator) -> None:
    snapshot = read(simulator, TEAM_KEY)
    assert 0 < len(snapshot.schedules) < len(simulator.state.schedules)
    assert not any(told.listing for told in snapshot.completeness.values())
    assert [note.code for note in snapshot.notes].count("restricted_key") == 1
    assert any("team's" in message for message in connector(simulator, TEAM_KEY).probe().messages)


@pytest.mark.parametrize("kind", ["html", "empty", "truncated"])
def test_a_listing_that_goes_wrong_is_incomplete(simulator: Simulator, kind: Any) -> None:
    simulator.faults.add("/v2/escalations", kind, count=None)
    snapshot = read(simulator)
    (failed,) = snapshot.failed
    assert (failed.entity_type, failed.external_id) == ("escalation_policy", None)
    assert not snapshot.completeness["escalation_policy"].listing
    assert len(snapshot.schedules) == len(simulator.state.schedules)


def test_every_field_of_the_simulator_is_classed(simulator: Simulator) -> None:
    missing: set[str] = set()
    seen = set()

    class Watching:
        live = LiveTransport(simulator.origin, allow=parse_allow([simulator.origin.removeprefix("http://")]))

        def exchange(self, request: Any, *, headers: Any, deadline: float) -> Any:
            answer = self.live.exchange(request, headers=headers, deadline=deadline)
            if answer.status == 200:
                seen.add(template(request.path))
                missing.update(unclassed(request.path, json.loads(answer.body)))
            return answer

    watched = connector(simulator, transport=Watching())
    watched.probe()
    snapshot = watched.fetch(Selection(), contact_details=True)
    watched.rendered([one.external_id for one in snapshot.schedules], NOW, NOW + DAY)
    assert missing == set()
    assert seen == set(TABLES) - {"/v2/users/{identifier}/contacts"}
    assert set(LEDGER.tables) == {*TABLES.values(), "page"}
