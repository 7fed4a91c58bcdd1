"""Tests how escalation policies and services become records."""

from typing import Any

import pytest

from connectors.providers.pagerduty import mapping_policies, wire
from connectors.providers.pagerduty.vendor import VENDOR
from connectors.reading.findings import Findings
from connectors.records import SourceService
from oncall.escalation.policy import Target


def mapped(raw: Any) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    return mapping_policies.policy(wire.EscalationPolicy.model_validate(raw), ("service S",), findings), findings


def test_a_whole_policy(make: Any) -> None:
    raw = make.policy(
        "E1",
        [make.reference("schedule", "S1"), make.reference("schedule_v3", "V1")],
        [{"id": "P1", "type": "user", "name": "Ana", "summary": "A."}],
        name="Primary ",
        description="Words",
        num_loops=2,
        teams=[make.reference("team", "T1")],
    )
    record, findings = mapped(raw)
    assert (record.external_id, record.name, record.description, record.group_id) == ("E1", "Primary ", "Words", "T1")
    assert record.because == ("service S",)
    policy = record.policy
    assert (policy.initial_wait, policy.repeat_count, policy.after_last) == (0, 2, "nothing")
    assert (policy.unstaffed_level, policy.resolved) == ("skip", "level")
    assert [level.wait for level in policy.levels] == [10, 10]
    assert policy.levels[0].targets == (
        Target("schedule", "S1", label="schedule S1"),
        Target("schedule", "V1", label="schedule_v3 V1"),
    )
    assert policy.levels[1].targets == (Target("responder", "P1", label="Ana"),)
    assert findings == Findings(VENDOR)


@pytest.mark.parametrize(("loops", "last"), [(0, None), (1, 10), (None, 10)])
def test_the_last_wait_means_something_only_with_rounds(make: Any, loops: int | None, last: int | None) -> None:
    user = make.reference("user", "P1")
    record, findings = mapped(make.policy("E1", [user], [user], num_loops=loops))
    assert [level.wait for level in record.policy.levels] == [10, last]
    assert record.policy.repeat_count == loops
    assert [note.code for note in findings.notes] == (["repeats_not_told"] if loops is None else [])


@pytest.mark.parametrize(
    ("sent", "distribution"),
    [
        ({}, "everyone"),
        ({"escalation_rule_assignment_strategy": None}, "everyone"),
        ({"escalation_rule_assignment_strategy": "assign_to_everyone"}, "everyone"),
        ({"escalation_rule_assignment_strategy": "round_robin"}, "round_robin"),
        ({"escalation_rule_assignment_strategy": {"type": "round_robin"}}, "round_robin"),
        ({"escalation_rule_assignment_strategy": [{"type": "round_robin"}]}, "round_robin"),
    ],
)
def test_every_shape_of_the_strategy_is_read(make: Any, sent: Any, distribution: str) -> None:
    raw = make.policy("E1", [make.reference("user", "P1")])
    raw["escalation_rules"][0] |= sent
    record, _ = mapped(raw)
    assert record.policy.levels[0].distribution == distribution


def test_an_unknown_strategy_is_no_default(make: Any) -> None:
    raw = make.policy("E1", [make.reference("user", "P1")])
    raw["escalation_rules"][0]["escalation_rule_assignment_strategy"] = "loudest_first"
    findings = Findings(VENDOR)
    assert findings.read(wire.EscalationPolicy, raw, "escalation_policy", "E1", "") is None
    (failed,) = findings.failed
    assert (failed.code, failed.path) == ("unknown_value", "escalation_rules[0].escalation_rule_assignment_strategy")
    assert "loudest_first" in failed.message


def test_odd_targets_and_empty_levels_are_kept_and_named(make: Any) -> None:
    record, findings = mapped(make.policy("E1", [make.reference("robot", "R1")], []))
    assert record.policy.levels[0].targets == (Target("unresolved", "R1", label="robot R1", unresolved_kind="robot"),)
    assert record.policy.levels[1].targets == ()
    assert [note.code for note in findings.notes] == ["unknown_target", "empty_level"]


@pytest.mark.parametrize(
    ("sent", "key", "kind"),
    [
        (None, "target:1", ""),
        ({"type": "user_reference", "id": None, "summary": "Ana"}, "user:1", "user"),
        ({"type": "schedule_reference", "id": " "}, "schedule:1", "schedule"),
    ],
)
def test_an_unreadable_target_keeps_its_place(make: Any, sent: Any, key: str, kind: str) -> None:
    raw = make.policy("E1", [make.reference("user", "P2"), sent, make.reference("user", "P1")])
    raw["escalation_rules"][0]["escalation_rule_assignment_strategy"] = "round_robin"
    record, findings = mapped(raw)
    targets = record.policy.levels[0].targets
    assert [(target.kind, target.key) for target in targets] == [
        ("responder", "P2"),
        ("unresolved", key),
        ("responder", "P1"),
    ]
    assert targets[1].unresolved_kind == kind
    noted = [(note.code, note.path) for note in findings.notes]
    assert noted == [("unreadable_target", "escalation_rules[0].targets[1]")]


def test_the_order_of_targets_means_nothing_when_all_are_paged(make: Any) -> None:
    targets = [make.reference("user", "P2"), make.reference("schedule", "S1"), make.reference("user", "P1")]
    one, _ = mapped(make.policy("E1", targets))
    other, _ = mapped(make.policy("E1", targets[::-1]))
    assert one == other
    assert [target.key for target in one.policy.levels[0].targets] == ["P1", "P2", "S1"]


def test_a_policy_without_rules_is_named(make: Any) -> None:
    record, findings = mapped(make.policy("E1"))
    assert record.policy.levels == ()
    assert [note.code for note in findings.notes] == ["no_levels"]


def test_a_team_without_an_id_is_named(make: Any) -> None:
    record, findings = mapped(make.policy("E1", [], teams=[make.reference("team", "T1"), {"id": None}]))
    assert record.group_id == "T1"
    assert ("unreadable_team", "teams[1]") in [(note.code, note.path) for note in findings.notes]


def test_a_service_names_its_policy(make: Any) -> None:
    findings = Findings(VENDOR)
    raw = {"id": "V1", "name": "API ", "escalation_policy": make.reference("escalation_policy", "E9"), "status": "odd"}
    service = mapping_policies.service(wire.Service.model_validate(raw), (), findings)
    assert service == SourceService("V1", "API ", policy_id="E9")
    assert findings.notes == []


def test_a_service_without_a_policy_and_with_two_teams_is_named(make: Any) -> None:
    findings = Findings(VENDOR)
    raw = {"id": "V1", "name": None, "summary": "API", "teams": [make.reference("team", id_) for id_ in ("T2", "T1")]}
    service = mapping_policies.service(wire.Service.model_validate(raw), (), findings)
    assert (service.name, service.policy_id, service.group_id) == ("API", None, None)
    assert [note.code for note in findings.notes] == ["policy_not_told", "several_teams"]
