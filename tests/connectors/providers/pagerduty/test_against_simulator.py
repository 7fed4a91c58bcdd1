"""Reads the simulator over HTTP. The simulator is a separate implementation and gives the expected results."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import Connector
from connectors.closure import Selection
from connectors.recordings.replay import document, exit_code
from connectors.records import Snapshot
from connectors.simulator.pagerduty import CANARY, DEMO_KEY, USER_KEY
from tests.connectors.conformance import scenes
from tests.connectors.conformance.entries import NOW
from tests.connectors.conformance.entry_pagerduty import PAGERDUTY
from tests.connectors.providers.comparing import differing

DAY = 86_400


@pytest.fixture
def simulator() -> Iterator[Any]:
    with PAGERDUTY.simulator() as running:
        yield running


def connector(simulator: Any, key: str = DEMO_KEY) -> Connector:
    return scenes.connector(PAGERDUTY, scenes.live(PAGERDUTY, simulator), credentials={"api_key": key})


def read(simulator: Any, key: str = DEMO_KEY) -> Snapshot:
    return connector(simulator, key).fetch(Selection(), contact_details=True)


def test_everything_there_is_imported_and_no_secret_is_kept(simulator: Any) -> None:
    snapshot = read(simulator)
    state = simulator.state
    assert snapshot.failed == ()
    assert all(reported.listing for reported in snapshot.completeness.values())
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
def test_layer_schedules_render_as_the_simulated_vendor_renders_them(simulator: Any, start: int) -> None:
    snapshot = read(simulator)
    layered = [schedule for schedule in snapshot.schedules if schedule.flavour == "layers"]
    theirs = connector(simulator).rendered(
        {one.external_id: one.group_ids for one in snapshot.schedules}, start, start + 21 * DAY
    )
    assert len(layered) >= 10
    assert set(theirs) == {schedule.external_id for schedule in snapshot.schedules}
    assert differing(layered, snapshot.users, theirs, start, start + 21 * DAY) == []
    assert all(theirs[schedule.external_id] for schedule in layered)


def test_a_holder_of_an_unknown_type_has_the_same_turns(simulator: Any) -> None:
    found = simulator.state.layer_schedules()[0]
    position = len(found.layers[0].users) - 1
    simulator.edits.seat_bot(found.id, "PBOT", position)
    snapshot = read(simulator)
    schedule = next(one for one in snapshot.schedules if one.external_id == found.id)
    assert str(schedule.layers[0].participants[position]) == "unknown:bot:PBOT"
    assert ("unknown_holder", found.id) in {(note.code, note.external_id) for note in snapshot.notes}
    assert "PBOT" not in {user.external_id for user in snapshot.users}
    theirs = connector(simulator).rendered({found.id: ()}, NOW, NOW + 21 * DAY)
    assert differing([schedule], snapshot.users, theirs, NOW, NOW + 21 * DAY) == []


def test_a_list_that_renders_nothing_takes_no_override_away(simulator: Any) -> None:
    before = read(simulator)
    simulator.state.lists_render = False
    after = read(simulator)
    assert after.schedules == before.schedules
    assert any(schedule.overrides for schedule in after.schedules)
    assert after.calls > before.calls


def test_a_lowered_limit_costs_calls_only(simulator: Any) -> None:
    before = read(simulator)
    simulator.state.largest_page = 7
    after = read(simulator)
    assert dataclasses.replace(after, calls=before.calls) == before
    assert after.calls > before.calls


def test_an_override_of_the_empty_member_fills_its_turn_as_simulated(simulator: Any) -> None:
    found, rotation = next(
        (one, rotation)
        for one in simulator.state.shift_schedules()
        for rotation in one.rotations
        if None in rotation.events[0].members
    )
    nils = simulator.state.present_users()[0].id
    simulator.edits.add_override(found.id, nils, NOW, NOW + 9 * DAY, overridden=None, rotation_id=rotation.id)
    snapshot = read(simulator)
    schedule = next(one for one in snapshot.schedules if one.external_id == found.id)
    assert ("empty_turn_filled", found.id) in {(note.code, note.external_id) for note in snapshot.notes}
    theirs = connector(simulator).rendered({found.id: ()}, NOW, NOW + 14 * DAY)
    assert differing([schedule], snapshot.users, theirs, NOW, NOW + 14 * DAY) == []


def test_a_key_whose_owner_lives_elsewhere_reads_the_same(simulator: Any) -> None:
    by_account_key, by_user_key = read(simulator), read(simulator, USER_KEY)
    assert by_user_key.schedules == by_account_key.schedules
    assert dataclasses.replace(by_user_key, calls=by_account_key.calls) == by_account_key


def test_a_missing_right_costs_its_kind_only(simulator: Any) -> None:
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


def test_an_upgraded_schedule_is_still_the_same_schedule(simulator: Any) -> None:
    before = {one.external_id: one.name for one in read(simulator).schedules}
    upgraded = next(one for one in simulator.state.layer_schedules() if one.name == "Drill Roster")
    simulator.edits.upgrade_schedule(upgraded.id)
    snapshot = read(simulator)
    assert {one.external_id: one.name for one in snapshot.schedules} == before
    assert next(one.flavour for one in snapshot.schedules if one.external_id == upgraded.id) == "shift-based"
