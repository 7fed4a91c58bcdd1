"""Escalations, routing and services: wire -> record."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.providers.atlassian import mapping_policies
from connectors.providers.atlassian import wire as shared
from connectors.providers.opsgenie import wire
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.reading.findings import Findings
from oncall.escalation.policy import Level, Policy, Target

TEAM = {"type": "team", "id": "T1", "name": "Team"}
SCHEDULE = {"type": "schedule", "id": "S1", "name": "Rota"}


def mapped(raw: Any) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    escalation = wire.Escalation.model_validate(raw)
    rules = findings.read_all(shared.EscalationRule, escalation.rules or (), "escalation_policy", "E1", "rules")
    return mapping_policies.policy(escalation, rules, ("service S",), findings), findings


def codes(findings: Findings) -> list[tuple[str, str]]:
    return [(note.code, note.path) for note in findings.notes]


def target(make: Any, recipient: Any, notify: str = "default", **more: Any) -> tuple[Any, Findings]:
    record, findings = mapped(make.escalation("E1", make.rule(0, recipient, notify, **more)))
    return record.policy.levels[0].targets, findings


def delays(make: Any, *delays: Any, **more: Any) -> tuple[Any, Findings]:
    rules = [make.rule(0, make.who(f"P{number}"), delay=delay) for number, delay in enumerate(delays)]
    return mapped(make.escalation("E1", *rules, **more))


def minutes(amount: int, unit: str = "minutes") -> Any:
    return {"timeAmount": amount, "timeUnit": unit}


def test_a_whole_escalation(make: Any) -> None:
    raw = make.escalation(
        "E1",
        make.rule(5, make.who("ANA")),
        make.rule(5, SCHEDULE, "next", condition="if-not-closed"),
        make.rule(15, TEAM, "all"),
        name=" First ",
        description="Words",
        ownerTeam={"id": "T1", "name": "Team"},
        repeat={"waitInterval": 10, "count": 3, "resetRecipientStates": False, "closeAlertAfterAll": True},
    )
    record, findings = mapped(raw)
    assert (record.external_id, record.name, record.description) == ("E1", " First ", "Words")
    assert (record.group_id, record.because) == ("T1", ("service S",))
    assert record.policy == Policy(
        initial_wait=5,
        levels=(
            Level(
                10,
                "everyone",
                (
                    Target("responder", "ANA", label="ana@example.com", notify="default"),
                    Target("schedule", "S1", label="Rota", condition="not_closed", mode="next", notify="next"),
                ),
            ),
            Level(10, "everyone", (Target("user_group", "T1", label="Team", notify="all"),)),
        ),
        repeat_count=3,
        after_last="close",
        unstaffed_level="wait",
        resolved="level",
    )
    assert findings.notes == []


def test_absolute_minutes_become_waits(make: Any) -> None:
    record, findings = delays(make, *(minutes(n) for n in (0, 5, 10, 20, 30)))
    assert record.policy.initial_wait == 0
    assert [level.wait for level in record.policy.levels] == [5, 5, 10, 10, None]
    assert findings.notes == []


def test_hours_days_and_whole_minutes_of_seconds(make: Any) -> None:
    reported = [minutes(0), {"timeAmount": 90}, minutes(2, "Hours"), minutes(1, "days"), minutes(86_460, "seconds")]
    record, _ = delays(make, *reported)
    assert [level.wait for level in record.policy.levels] == [90, 30, 1320, 1, None]


@pytest.mark.parametrize("delay", [minutes(90, "seconds"), minutes(1, "fortnights"), minutes(0, "nanos")])
def test_a_rule_whose_delay_is_no_whole_minute_keeps_its_place_unresolved(make: Any, delay: Any) -> None:
    record, findings = delays(make, minutes(5), delay, minutes(20))
    assert [[(t.kind, t.key) for t in level.targets] for level in record.policy.levels] == [
        [("responder", "P0"), ("unresolved", "rules[1]")],
        [("responder", "P2")],
    ]
    assert (record.policy.initial_wait, record.policy.levels[0].wait) == (5, 15)
    assert [(f.external_id, f.path) for f in findings.failed] == [("E1", "rules[1].delay.timeUnit")]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"condition": "if-bored"}, "condition"),
        ({"delay": {"timeAmount": -1}}, "delay.timeAmount"),
        ({"delay": {"timeUnit": "minutes"}}, "delay.timeAmount"),
        ({"notifyType": 7}, "notifyType"),
    ],
)
def test_a_rule_that_cannot_be_read_keeps_its_place_unresolved(make: Any, more: Any, path: str) -> None:
    record, findings = mapped(
        make.escalation("E1", {**make.rule(0, make.who("ANA")), **more}, make.rule(5, make.who("BO")))
    )
    assert [[(t.kind, t.key) for t in level.targets] for level in record.policy.levels] == [
        [("unresolved", "rules[0]")],
        [("responder", "BO")],
    ]
    assert [(f.external_id, f.path) for f in findings.failed] == [("E1", f"rules[0].{path}")]


@pytest.mark.parametrize("recipient", [None, {}, "ANA", {"type": "user", "id": 7}])
def test_an_unreadable_recipient_is_an_unresolved_target(make: Any, recipient: Any) -> None:
    (found,), findings = target(make, recipient)
    assert found.kind == "unresolved"
    assert codes(findings) == [("unknown_target", "rules[0].recipient.type")]


def test_the_order_of_targets_that_are_paged_together_means_nothing(make: Any) -> None:
    rules = [make.rule(5, make.who("BO")), make.rule(5, make.who("ANA")), make.rule(5, SCHEDULE)]
    records = {repr(mapped(make.escalation("E1", *order))[0].policy) for order in permutations(rules)}
    assert len(records) == 1


def test_rules_sent_out_of_order_are_sorted_and_named(make: Any) -> None:
    record, findings = delays(make, minutes(30), minutes(0), minutes(30))
    targets = [[t.key for t in level.targets] for level in record.policy.levels]
    assert targets == [["P1"], ["P0", "P2"]]
    assert codes(findings) == [("rules_sorted", "rules")]


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=12))
def test_every_rule_keeps_its_minute(reported: list[int]) -> None:
    rules = [
        {
            "condition": "if-not-acked",
            "notifyType": "default",
            "delay": minutes(n),
            "recipient": {"type": "user", "id": f"P{i}"},
        }
        for i, n in enumerate(reported)
    ]
    record, _ = mapped({"id": "E1", "rules": rules})
    clock = record.policy.initial_wait
    at = {}
    for level in record.policy.levels:
        at |= {t.key: clock for t in level.targets}
        clock += level.wait or 0
    assert at == {f"P{i}": n for i, n in enumerate(reported)}


@pytest.mark.parametrize("rules", [[], None])
def test_an_escalation_may_have_no_rule(make: Any, rules: Any) -> None:
    record, findings = mapped(make.escalation("E1", rules=rules))
    assert (record.policy.levels, record.policy.initial_wait) == ((), 0)
    assert codes(findings) == [("no_rules", "rules")]


@pytest.mark.parametrize(
    ("repeat", "wait", "count", "after_last", "noted"),
    [
        (None, None, 0, "nothing", []),
        ({}, None, 0, "nothing", []),
        ({"waitInterval": 0, "count": 5}, None, 0, "nothing", []),
        ({"waitInterval": 5, "count": 0}, None, 0, "nothing", []),
        ({"waitInterval": 5, "count": 20, "closeAlertAfterAll": None}, 5, 20, "nothing", []),
        ({"waitInterval": 5}, 5, None, "nothing", [("repeats_not_told", "repeat.count")]),
        ({"closeAlertAfterAll": True}, None, 0, "close", []),
        (
            {"resetRecipientStates": True, "waitInterval": 1, "count": 1},
            1,
            1,
            "nothing",
            [("resets_states", "repeat.resetRecipientStates")],
        ),
    ],
)
def test_repeats(make: Any, repeat: Any, wait: Any, count: Any, after_last: str, noted: Any) -> None:
    record, findings = delays(make, minutes(0), repeat=repeat)
    assert (record.policy.levels[-1].wait, record.policy.repeat_count) == (wait, count)
    assert record.policy.after_last == after_last
    assert codes(findings) == noted


@pytest.mark.parametrize(
    ("recipient", "notify", "made"),
    [
        (SCHEDULE, "default", Target("schedule", "S1", label="Rota", notify="default")),
        (SCHEDULE, "previous", Target("schedule", "S1", label="Rota", mode="previous", notify="previous")),
        (TEAM, "default", Target("group_routing", "T1", label="Team", notify="default")),
        (TEAM, "admins", Target("user_group", "T1", label="Team", members="leads", notify="admins")),
        (TEAM, "users", Target("user_group", "T1", label="Team", members="others", notify="users")),
        (TEAM, "random", Target("user_group", "T1", label="Team", members="random", notify="random")),
        (
            {"type": "escalation", "id": "E2", "name": "Second"},
            "default",
            Target("escalation_policy", "E2", label="Second", notify="default"),
        ),
    ],
)
def test_targets(make: Any, recipient: Any, notify: str, made: Target) -> None:
    targets, findings = target(make, recipient, notify)
    assert targets == (made,)
    assert findings.notes == []


@pytest.mark.parametrize(
    ("recipient", "notify", "key", "kind"),
    [
        ({"type": "group", "id": "G1", "name": "Old"}, "default", "G1", "group"),
        ({"type": "all"}, "default", "all", "all"),
        ({"type": "team", "name": "Team"}, "default", "team", "team"),
        (TEAM, "next", "T1", "team"),
        (SCHEDULE, "all", "S1", "schedule"),
        ({"type": "user", "id": "ANA"}, "random", "ANA", "user"),
        ({"type": "escalation", "id": "E2"}, "next", "E2", "escalation"),
    ],
)
def test_an_unknown_target_stays_unresolved_and_is_named(
    make: Any, recipient: Any, notify: str, key: str, kind: str
) -> None:
    targets, findings = target(make, recipient, notify)
    assert [(t.kind, t.key, t.unresolved_kind, t.notify) for t in targets] == [("unresolved", key, kind, notify)]
    assert codes(findings) == [("unknown_target", "rules[0].recipient.type")]


def test_a_rule_for_nobody_is_a_level_without_a_target(make: Any) -> None:
    targets, findings = target(make, {"type": "none"})
    assert targets == ()
    assert codes(findings) == [("empty_rule", "rules[0].recipient")]


# --- routing ----------------------------------------------------------------------------------------------------------


def routing(make: Any, *rules: Any) -> tuple[Any, Findings]:
    findings = Findings(VENDOR)
    team = wire.Team.model_validate(make.team("T1"))
    return mapping_policies.routing_policy(
        team, findings.read_all(shared.RoutingRule, rules, "user_group", "T1", "routing-rules"), findings
    ), findings


@pytest.mark.parametrize(
    ("notify", "made"),
    [
        ({"type": "escalation", "id": "E1", "name": "First"}, Target("escalation_policy", "E1", label="First")),
        ({"type": "schedule", "id": "S1", "name": "Rota"}, Target("schedule", "S1", label="Rota")),
    ],
)
def test_the_default_rule_is_the_routing_of_the_team(make: Any, notify: Any, made: Target) -> None:
    record, findings = routing(make, make.routing("R1", notify))
    assert (record.external_id, record.name, record.group_id) == ("T1", "Team T1: routing", "T1")
    assert record.policy == Policy(0, (Level(None, "everyone", (made,)),), 0, "nothing", "wait", "level")
    assert findings.notes == []


@pytest.mark.parametrize(
    ("notify", "targets", "code"),
    [
        ({"type": "none"}, [], "routed_to_nobody"),
        ({"type": "robot", "id": "X"}, [("unresolved", "X")], "unknown_routing"),
        ({"type": "schedule", "name": "Rota"}, [("unresolved", "schedule")], "unknown_routing"),
    ],
)
def test_a_default_rule_that_leads_nowhere_is_named(make: Any, notify: Any, targets: Any, code: str) -> None:
    record, findings = routing(make, make.routing("R1", notify))
    assert [(t.kind, t.key) for level in record.policy.levels for t in level.targets] == targets
    assert [note.code for note in findings.notes] == [code]


def test_rules_by_alert_are_named_one_by_one(make: Any) -> None:
    rules = [
        make.routing("R1", SCHEDULE, default=False, name="Out of hours"),
        make.routing("R2", {"type": "none"}, default=False),
    ]
    record, findings = routing(make, *rules)
    assert record is None
    assert [note.code for note in findings.notes] == ["routing_by_alert", "routing_by_alert", "no_default_routing"]
    assert "Out of hours" in findings.notes[0].message
    assert "the schedule Rota" in findings.notes[0].message
    assert "nobody" in findings.notes[1].message


def test_routing_of_which_a_rule_cannot_be_read_is_unknown(make: Any) -> None:
    record, findings = routing(make, {**make.routing("R1", SCHEDULE), "isDefault": []})
    assert record is None
    (note,) = findings.notes
    assert (note.code, note.loss, note.hides) == ("no_default_routing", True, True)
    assert [(f.external_id, f.path) for f in findings.failed] == [("T1", "routing-rules[0].isDefault")]


# --- services ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("team", "notify", "policy_id"),
    [
        ("T1", {"type": "escalation", "id": "E1"}, "E1"),
        ("T1", {"type": "schedule", "id": "S1"}, "T1"),
        ("T1", {"type": "none"}, None),
        ("T1", {"type": "robot", "id": "X"}, None),
        ("T2", {"type": "escalation", "id": "E1"}, None),
        (None, {"type": "escalation", "id": "E1"}, None),
    ],
)
def test_a_service_is_paged_by_its_teams_routing(make: Any, team: Any, notify: Any, policy_id: Any) -> None:
    findings = Findings(VENDOR)
    rule = shared.RoutingRule.model_validate(make.routing("R1", notify))
    raw = shared.Service.model_validate({"id": "V1", "name": "Web", "description": "Words", "teamId": team})
    record = mapping_policies.service(raw, {"T1": rule}, (), findings)
    assert (record.name, record.description, record.group_id) == ("Web", "Words", team)
    assert record.policy_id == policy_id
    assert [note.code for note in findings.notes] == ([] if policy_id else ["policy_not_told"])
