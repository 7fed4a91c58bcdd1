"""A whole read over HTTP against the simulated vendor, an implementation of its own. The judge here: simulator."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.addresses import parse_allow
from connectors.base import Rim
from connectors.closure import Selection
from connectors.egress import LiveTransport
from connectors.providers.pagerduty.connector import PagerDuty
from connectors.redaction import Secret
from connectors.replay import document, exit_code
from connectors.simulator.pagerduty import CANARY, DEMO_KEY, USER_KEY, Simulator, build_world
from oncall.rendering.final import render_final

NOW = 1_772_323_200  # 2026-03-01T00:00:00Z: the window holds the spring changes of America and Europe
DAY = 86_400


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(build_world(NOW), now=lambda: float(NOW)) as running:
        yield running


def connector(simulator: Simulator, key: str = DEMO_KEY) -> PagerDuty:
    host = simulator.origin.removeprefix("http://")
    transport = LiveTransport(simulator.origin, allow=parse_allow([host]))
    rim = Rim(transport, now=lambda: float(NOW), sleep=lambda seconds: None)
    return PagerDuty(PagerDuty.clean({"subdomain": "acme"}), {"api_key": Secret(key)}, rim)


def read(simulator: Simulator, key: str = DEMO_KEY) -> Any:
    return connector(simulator, key).fetch(Selection(), contact_details=True)


def test_everything_there_is_imported_and_no_secret_is_kept(simulator: Simulator) -> None:
    snapshot = read(simulator)
    state = simulator.state
    assert snapshot.failed == ()
    assert all(told.listing for told in snapshot.completeness.values())
    assert {user.external_id for user in snapshot.users if user.listed} == {one.id for one in state.present_users()}
    assert {schedule.external_id for schedule in snapshot.schedules} == set(state.schedules)
    assert {policy.external_id for policy in snapshot.policies} == set(state.policies)
    assert {service.external_id for service in snapshot.services} == set(state.services)
    assert {team.external_id for team in snapshot.teams} == set(state.teams)
    made = document(snapshot, NOW, NOW + 14 * DAY)
    assert exit_code(made) == 0
    assert CANARY not in json.dumps(made)
    assert CANARY not in repr(snapshot)
    assert {method for method, *_ in simulator.requests} == {"GET"}
    assert snapshot.calls == len(simulator.requests)


@pytest.mark.parametrize("start", [NOW, NOW + 20 * DAY])
def test_layer_schedules_render_as_the_simulated_vendor_renders_them(simulator: Simulator, start: int) -> None:
    snapshot = read(simulator)
    layered = [schedule for schedule in snapshot.schedules if schedule.flavour == "layers"]
    theirs = connector(simulator).rendered([one.external_id for one in snapshot.schedules], start, start + 21 * DAY)
    assert len(layered) >= 10
    assert set(theirs) == {schedule.external_id for schedule in snapshot.schedules}
    for schedule in layered:
        spec = schedule.spec()
        assert spec is not None
        ours = render_final(spec, (), start, start + 21 * DAY)
        assert ours == theirs[schedule.external_id], schedule.name
        assert ours, schedule.name


def test_a_key_whose_owner_lives_elsewhere_reads_the_same(simulator: Simulator) -> None:
    by_account_key, by_user_key = read(simulator), read(simulator, USER_KEY)
    assert by_user_key.schedules == by_account_key.schedules
    assert dataclasses.replace(by_user_key, calls=by_account_key.calls) == by_account_key


def test_a_missing_right_costs_its_kind_only(simulator: Simulator) -> None:
    key = simulator.state.keys[DEMO_KEY]
    key.denied = {"services.read": 403, "teams.read": 402, "users:contact_methods.read": 403}
    snapshot = read(simulator)
    assert [(one.entity_type, one.external_id, one.code) for one in snapshot.failed] == [
        ("service", None, "permission")
    ]
    assert snapshot.teams == ()
    assert all(user.contact_methods is None for user in snapshot.users)
    assert len(snapshot.schedules) == len(simulator.state.schedules)
    probe = connector(simulator).probe()
    assert {right.entity_type: right.granted for right in probe.rights} == {
        "responder": True,
        "user_group": None,
        "schedule": True,
        "escalation_policy": True,
        "service": False,
    }


def test_an_upgraded_schedule_is_still_the_same_schedule(simulator: Simulator) -> None:
    before = {one.external_id: one.name for one in read(simulator).schedules}
    upgraded = next(one for one in simulator.state.layer_schedules() if one.name == "Drill Roster")
    simulator.edits.upgrade_schedule(upgraded.id)
    snapshot = read(simulator)
    assert {one.external_id: one.name for one in snapshot.schedules} == before
    assert next(one.flavour for one in snapshot.schedules if one.external_id == upgraded.id) == "shift-based"
