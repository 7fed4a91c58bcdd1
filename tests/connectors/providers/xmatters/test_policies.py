"""Tests timelines as policies (levels, waits, rounds) and compares them with the simulator's walk."""

from typing import Any

import pytest

from connectors.providers.xmatters import wire
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.harvest import GroupShifts
from connectors.providers.xmatters.mapping_policies import group_policy, service, shift_policy
from connectors.providers.xmatters.mapping_shifts import seats
from connectors.providers.xmatters.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.reading.mapping import finish
from connectors.records import SourcePolicy
from oncall.escalation.policy import Level, Target

GROUP = wire.Group.model_validate({"id": "G1", "targetName": "Ops", "description": "All of it"})


def policy(raw: Any) -> tuple[SourcePolicy, Findings]:
    findings = Findings(VENDOR)
    shift = wire.Shift.model_validate({**raw, "members": raw["members"]["data"]})
    return shift_policy(shift, GROUP, seats(shift, Directory(), findings), ("group Ops",), findings), findings


def all_of(*shifts: wire.Shift) -> GroupShifts:
    return GroupShifts({shift.id: shift for shift in shifts})


def codes(findings: Findings) -> list[str]:
    return [note.code for note in findings.notes]


def step(*keys: str, notify: str = "") -> Target:
    return Target("schedule", "S1", label="Ops: Shift S1", layers=keys, notify=notify)


def test_a_level_begins_at_every_delay_and_waits_for_the_next(make: Any) -> None:
    """The example of the vendor's help: two at once, two after ten minutes, the manager at the sixtieth. The last
    before each delay has a level of their own, because the delay is ignored while they are absent."""
    raw = make.shift(
        "S1",
        make.seat(1, "ANA"),
        make.seat(2, "BO"),
        make.seat(3, "CY", 10, escalationType="Peer"),
        make.seat(4, "DI"),
        make.seat(5, "WALT", 50, escalationType="MANAGEMENT", inRotation=False),
    )
    made, findings = policy(raw)
    assert (made.external_id, made.name, made.part_of_id, made.group_id) == ("S1", "Ops: Shift S1", "G1", "G1")
    rules = made.policy
    assert rules.levels == (
        Level(0, "everyone", (step("1"),)),
        Level(10, "everyone", (step("2"),)),
        Level(0, "everyone", (step("3", notify="peer"),)),
        Level(50, "everyone", (step("4"),)),
        Level(None, "everyone", (step("5", notify="management"),)),
    )
    assert (rules.initial_wait, rules.repeat_count, rules.after_last) == (0, 0, "nothing")
    assert (rules.unstaffed_level, rules.resolved) == ("skip_within_round", "start")
    assert findings.notes == []


def test_a_delay_of_the_first_is_waited_once_and_a_peer_without_delay_is_paged_with_the_others(make: Any) -> None:
    made, _ = policy(make.shift("S1", make.seat(1, "ANA", 7), make.seat(2, "BO", 0, escalationType="PEER")))
    assert made.policy.initial_wait == 7
    assert [len(level.targets[0].layers or ()) for level in made.policy.levels] == [2]


@pytest.mark.parametrize(
    ("repeat", "wait", "count", "noted"),
    [
        ({"repeatEnabled": True, "repetitions": 2, "delay": 15}, 15, 2, []),
        ({"repeatEnabled": "true", "repetitions": "3", "waitInSeconds": "90"}, 2, 3, ["rounded_wait"]),
        ({"repeatEnabled": True, "repetitions": 1, "waitInSeconds": 120}, 2, 1, []),
        ({"repeatEnabled": True, "delay": 5}, 5, None, ["repeats_not_told"]),
        ({"repeatEnabled": True, "repetitions": 2}, None, 2, ["pause_not_told"]),
        ({"repeatEnabled": True, "repetitions": 0, "delay": 5}, None, 0, []),
        ({"repeatEnabled": "false", "repetitions": 2, "delay": 15}, None, 0, []),
        ({}, None, 0, []),
    ],
)
def test_rounds(make: Any, repeat: Any, wait: int | None, count: int | None, noted: list[str]) -> None:
    made, findings = policy(make.shift("S1", make.seat(1, "ANA"), repeatEscalation=repeat))
    assert (made.policy.levels[-1].wait, made.policy.repeat_count, codes(findings)) == (wait, count, noted)


def test_what_has_no_form_is_named(make: Any) -> None:
    made, findings = policy(make.shift("S1", make.seat(1, "ANA"), notifyEndOfEscalation={"notifyEnabled": True}))
    assert codes(findings) == ["tells_end"]
    for raw in (make.shift("S1"), make.shift("S1", make.seat(1, "ANA"), recurrence={"frequency": "HOLIDAY"})):
        made, findings = policy(raw)
        assert (made.policy.levels, made.policy.initial_wait, codes(findings)) == ((), 0, ["no_levels"])


def test_a_group_pages_all_of_its_shifts_at_once() -> None:
    findings = Findings(VENDOR)
    made = group_policy(GROUP, all_of(*(wire.Shift(id=id_, name=id_) for id_ in ("S2", "S1"))), (), findings)
    (level,) = made.policy.levels
    assert [(target.kind, target.key, target.label) for target in level.targets] == [
        ("escalation_policy", "S1", "Ops: S1"),
        ("escalation_policy", "S2", "Ops: S2"),
    ]
    assert (level.wait, made.policy.unstaffed_level, made.part_of_id, made.enabled) == (None, "wait", None, True)
    assert (made.name, made.description, findings.notes) == ("Ops", "All of it", [])


def test_a_group_without_shifts_or_switched_off_says_so() -> None:
    findings = Findings(VENDOR)
    off = GROUP.model_copy(update={"status": "INACTIVE"})
    made = group_policy(off, all_of(), (), findings)
    assert (made.policy.levels, made.enabled) == ((), False)
    assert codes(findings) == ["no_shifts", "switched_off"]


def test_targets_that_could_not_be_read_stay_unresolved(make: Any) -> None:
    findings = Findings(VENDOR)
    timeline, _ = policy(make.shift("S1", make.seat(1, "ANA")))
    group = group_policy(GROUP, all_of(wire.Shift(id="S1"), wire.Shift(id="S9")), (), findings)
    done = finish((timeline, group), (), {("escalation_policy", "S1")}, findings, path="ownedBy")
    assert [(t.kind, t.unresolved_kind) for one in done for level in one.policy.levels for t in level.targets] == [
        ("unresolved", "schedule"),
        ("escalation_policy", ""),
        ("unresolved", "escalation_policy"),
    ]
    assert codes(findings) == ["unresolved_target"] * 2


@pytest.mark.parametrize(
    ("owner", "paged", "unreported"),
    [({"id": "G1"}, "G1", False), ({"id": "B"}, None, False), ({"id": "G9"}, None, True), (None, None, False)],
    ids=["on call", "broadcast", "cannot be seen", "nobody's"],
)
def test_a_service_pages_the_on_call_group_that_owns_it(owner: Any, paged: str | None, unreported: bool) -> None:
    findings = Findings(VENDOR)
    raw = wire.Service.model_validate({"id": "V1", "targetName": "Web", "ownedBy": owner})
    groups = {"G1": wire.Group(id="G1"), "B": wire.Group.model_validate({"id": "B", "groupType": "BROADCAST"})}
    made = service(raw, groups, (), findings)
    assert (made.name, made.policy_id, made.group_id) == ("Web", paged, owner and owner["id"])
    assert made.policy_unreported is unreported
    assert codes(findings) == ([] if paged else ["policy_not_told"])
