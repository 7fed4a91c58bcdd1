"""Compares the connector with the simulator, a separate implementation of the same notes."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

import connectors.simulator.xmatters as simulated
from connectors.base import Rim
from connectors.closure import Selection
from connectors.network.egress import LiveTransport, parse_allow
from connectors.providers.xmatters.connector import XMatters
from connectors.records import Snapshot
from connectors.redaction import Secret
from oncall.escalation.context import Group, WalkContext
from oncall.escalation.walk import notices, walk
from oncall.rendering.final import render_final
from oncall.rendering.spec import person

HOUR, DAY = 3600, 86_400
NOW = 1_772_323_200  # 2026-03-01T00:00:00Z


def connector(simulator: Any, now: int, **settings: str) -> XMatters:
    origin = simulator.origin
    transport = LiveTransport(origin, allow=parse_allow([origin.removeprefix("http://")]))
    given = {"base_url": "https://acme.xmatters.com/api/xm/1", "username": simulated.DEMO_USER, **settings}
    rim = Rim(transport, now=lambda: float(now), sleep=lambda seconds: None)
    password = settings.get("password", simulated.DEMO_PASSWORD)
    return XMatters(XMatters.clean(given), {"password": Secret(password)}, rim)


def known(snapshot: Snapshot) -> WalkContext:
    substitutions = tuple(each for user in snapshot.users for each in user.substitutions or ())
    schedules = {one.external_id: (spec, substitutions) for one in snapshot.schedules if (spec := one.spec())}
    members = {
        team.external_id: Group(tuple(person(one.person_id) for one in team.members))
        for team in snapshot.teams
        if team.members is not None
    }
    return WalkContext(
        policies={one.external_id: one.policy for one in snapshot.policies},
        schedules=schedules,
        groups=members,
        substitutions={person(user.external_id): user.substitutions or () for user in snapshot.users},
        reachable=frozenset(person(user.external_id) for user in snapshot.users if user.state == "active"),
    )


def open_timelines(state: Any, snapshot: Snapshot) -> set[str]:
    """Return shifts for which the notes do not say who is paged when: on holidays, or in an unknown zone."""
    left_out = {one.external_id for one in snapshot.schedules if one.time_zone.zone is None}
    for id_, shift in state.shifts.items():
        if shift.recurrence is not None and shift.recurrence.frequency == "HOLIDAY":
            left_out.add(id_)
    return left_out


def assert_walks_agree(state: Any, snapshot: Snapshot, context: WalkContext, group: Any, at: int) -> int:
    """Ours and the simulator's, of one alert. Returns how many pages were compared."""
    found = walk(context.policies[group.id], context, at)
    left_out = open_timelines(state, snapshot)
    expected = {
        (notice.minute, state.devices[key].owner_id if kind == "DEVICE" else key)
        for notice in simulated.walk(state, group, at)
        for kind, key in notice.recipients
        if notice.shift_id not in left_out
    }
    paged = {(n.minute, who.id) for n in notices(found) if n.path[-1] not in left_out for who in n.people}
    assert paged == expected, (group.name, at)
    return len(expected)


def on_call_groups(state: Any) -> list[Any]:
    return [group for group in state.groups.values() if group.type == "ON_CALL" and group.status == "ACTIVE"]


@pytest.mark.parametrize("now", [NOW + 37 * HOUR * n for n in range(12)])
def test_the_simulators_walk_pages_the_same_people_at_the_same_minutes(now: int) -> None:
    state = simulated.build_world(now)
    with simulated.Simulator(state, now=lambda: float(now)) as simulator:
        snapshot = connector(simulator, now, nested="expand").fetch(Selection(), contact_details=True)
    context = known(snapshot)
    assert snapshot.failed == ()
    assert sum(assert_walks_agree(state, snapshot, context, group, now) for group in on_call_groups(state)) > 10


def test_a_thousand_alerts_page_the_same_people_as_at_the_simulator() -> None:
    """One read, then alerts at any minute of the next ten weeks, clock changes and absences included: of a group with
    three shifts in two zones and a manager an hour later, of one with a nested group, and each time of any other."""
    state = simulated.build_world(NOW)
    with simulated.Simulator(state, now=lambda: float(NOW)) as simulator:
        snapshot = connector(simulator, NOW, nested="expand").fetch(Selection(), contact_details=True)
    context = known(snapshot)
    zoneless = {state.shifts[one.external_id].group_id for one in snapshot.schedules if one.time_zone.zone is None}
    groups = [group for group in on_call_groups(state) if group.id not in zoneless]
    by_name = {group.name: group for group in groups}
    platform, nesting = by_name["Platform SRE"], by_name["Security"]
    chance = Random(7)
    compared = 0
    for _ in range(1_000):
        at = NOW + chance.randrange(70 * DAY // 60) * 60
        for group in (platform, nesting, chance.choice(groups)):
            compared += assert_walks_agree(state, snapshot, context, group, at)
    assert compared > 5_000


@pytest.mark.parametrize("now", [NOW, NOW + 14 * DAY, NOW + 25 * DAY + 13 * HOUR, 1_792_000_000, 1_792_800_000])
def test_our_rendering_is_the_simulators_over_clock_changes(now: int) -> None:
    with simulated.Simulator(simulated.build_world(now), now=lambda: float(now)) as simulator:
        source = connector(simulator, now)
        snapshot = source.fetch(Selection(), contact_details=False)
        theirs = source.rendered({one.external_id: one.group_ids for one in snapshot.schedules}, now, now + 30 * DAY)
    substitutions = [each for user in snapshot.users for each in user.substitutions or ()]
    holidays = {n.external_id for n in snapshot.notes if n.code == "unsupported_holiday_shift"}
    assert set(theirs) == {one.external_id for one in snapshot.schedules if one.enabled}
    compared = 0
    for one in snapshot.schedules:
        spec = one.spec()
        if spec is not None and one.enabled and one.external_id not in holidays:
            assert render_final(spec, substitutions, now, now + 30 * DAY) == theirs[one.external_id], one.name
            compared += len(theirs[one.external_id])
    assert compared > 150


def test_state_that_moved_by_itself_is_no_change() -> None:
    """Read at five instants over nine weeks, past handoffs and clock changes: the records of schedules and policies are
    equal, but for reads that leave open on which day of the month a rotation is (see test_rotations)."""
    clock = [float(NOW)]
    seen = []
    with simulated.Simulator(simulated.build_world(NOW), now=lambda: clock[0]) as simulator:
        for later in (0, 3 * DAY + 5 * HOUR, 29 * DAY, 41 * DAY, 63 * DAY + HOUR):
            clock[0] = float(NOW + later)
            snapshot = connector(simulator, NOW + later).fetch(Selection(), contact_details=False)
            open_ = {note.external_id for note in snapshot.notes if note.code == "rotation_time_open"}
            assert len(open_) <= 1
            seen.append(({s.external_id: s.layers for s in snapshot.schedules if s.external_id not in open_}, snapshot))
    layers, first = seen[0]
    for others, snapshot in seen[1:]:
        assert {id_: layers[id_] for id_ in others} == others
        assert snapshot.policies == first.policies


@pytest.mark.parametrize("habits", [{}, {"nested_limit": 2}, {"untyped_groups": True}, {"drifting_totals": True}])
def test_odd_habits_of_the_vendor_change_nothing(habits: dict[str, Any]) -> None:
    state = simulated.build_world(NOW)
    with simulated.Simulator(state, now=lambda: float(NOW)) as simulator:
        expected = connector(simulator, NOW).fetch(Selection(), contact_details=True)
        for name, value in habits.items():
            setattr(state.habits, name, value)
        found = connector(simulator, NOW).fetch(Selection(), contact_details=True)
    if "untyped_groups" in habits:  # every group is one on call; those without shifts are named
        assert {"shifts_not_told"} == {note.code for note in found.notes} - {note.code for note in expected.notes}
        assert (found.schedules, found.policies) == (expected.schedules, expected.policies)
        return
    assert (found.users, found.teams, found.schedules, found.policies) == (
        expected.users,
        expected.teams,
        expected.schedules,
        expected.policies,
    )


def test_calls_stay_within_the_budget() -> None:
    """People, devices, groups, services, sites, absences: a page each; a roster per group, shifts per on-call group."""
    state = simulated.build_world(NOW)
    with simulated.Simulator(state, now=lambda: float(NOW)) as simulator:
        snapshot = connector(simulator, NOW).fetch(Selection(), contact_details=True)
    on_call = sum(group.type == "ON_CALL" for group in state.groups.values())
    rosters = sum(group.type != "DYNAMIC" for group in state.groups.values())
    assert snapshot.calls == 6 + rosters + on_call


def test_somebody_who_sees_half_of_the_groups_reads_that_half() -> None:
    with simulated.Simulator(simulated.build_world(NOW), now=lambda: float(NOW)) as simulator:
        limited = connector(simulator, NOW, username=simulated.LIMITED_USER, password=simulated.LIMITED_PASSWORD).fetch(
            Selection(), contact_details=True
        )
        everything = connector(simulator, NOW).fetch(Selection(), contact_details=True)
    assert 0 < len(limited.teams) < len(everything.teams)
    codes = {note.code for note in limited.notes}
    assert {"devices_by_person", "contact_details_forbidden", "absences_not_told"} <= codes
    assert all(user.contact_methods is None for user in limited.users)


def test_tokens_open_the_instance_as_well() -> None:
    with simulated.Simulator(simulated.build_world(NOW), now=lambda: float(NOW)) as simulator:
        by_token = connector(simulator, NOW, auth="oauth", client_id=simulated.CLIENT_ID)
        snapshot = by_token.fetch(Selection(), contact_details=False)
    assert len(snapshot.users) == 60


def test_odd_objects_of_the_instance_cost_only_themselves() -> None:
    """An absence of an unknown type, a service that has a seat, phones as people type them."""
    state = simulated.build_world(NOW)
    with simulated.Simulator(state, now=lambda: float(NOW)) as simulator:
        before = connector(simulator, NOW).fetch(Selection(), contact_details=True)
        absent = next(user.external_id for user in before.users if user.substitutions == ())
        simulator.edits.add_absence(absent, NOW + DAY, NOW + 2 * DAY, word="ON_LEAVE")
        shift, service = next(iter(state.shifts)), next(iter(state.services))
        simulator.edits.add_seat(shift, ["SERVICE", service], 5, in_rotation=False)
        phone = next(device for device in state.devices.values() if device.type == "VOICE")
        with state.editing():
            phone.address, phone.country = "+44 (0)20 7946 0123", None
        found = connector(simulator, NOW).fetch(Selection(), contact_details=True)
    assert [(one.entity_type, one.external_id, one.code) for one in found.failed] == [
        ("responder", absent, "unknown_value")
    ]
    assert [note.external_id for note in found.notes if note.code == "unknown_holder"] == [shift]
    people = {user.external_id: user for user in found.users}
    assert people[absent].unread == {"substitutions": 1}
    numbers = {method.address for method in people[phone.owner_id].contact_methods or ()}
    assert "+442079460123" in numbers
    layers = {one.external_id: one.layers for one in found.schedules}
    assert any(str(each) == f"unknown:SERVICE:{service}" for layer in layers[shift] for each in layer.participants)
    unchanged = {one.external_id: one.layers for one in before.schedules if one.external_id != shift}
    assert {id_: layers[id_] for id_ in unchanged} == unchanged


def test_rights_that_are_lost_change_no_record_but_services() -> None:
    state = simulated.build_world(NOW)
    with simulated.Simulator(state, now=lambda: float(NOW)) as simulator:
        before = connector(simulator, NOW).fetch(Selection(), contact_details=True)
        simulator.edits.change_plan(services=False)
        simulator.edits.change_habits(sites_refused=True)
        found = connector(simulator, NOW).fetch(Selection(), contact_details=True)
    assert (found.services, found.completeness["service"].listing, found.failed) == ((), False, ())
    assert (found.teams, found.schedules, found.policies) == (before.teams, before.schedules, before.policies)
    for old, new in zip(before.users, found.users, strict=True):
        assert replace(old, state=new.state, time_zone=new.time_zone, unreported=new.unreported) == new
        assert old.state == new.state or "state" in new.unreported
        assert old.time_zone == new.time_zone or "time_zone" in new.unreported
