"""Maps escalation policies and services to records. Pure."""

from connectors.providers.pagerduty import wire
from connectors.providers.pagerduty.holders import team_ids
from connectors.reading.findings import Findings
from connectors.reading.texts import short_key
from connectors.records import EntityType, SourcePolicy, SourceService
from oncall.escalation.policy import Level, Policy, Target, TargetKind

_TARGETS: dict[str, TargetKind] = {"user": "responder", "schedule": "schedule", "schedule_v3": "schedule"}


def policy(source: wire.EscalationPolicy, because: tuple[str, ...], findings: Findings) -> SourcePolicy:
    """Returns the record of a policy, with its levels in the order of the answer.

    A level with nobody on call is skipped at once (unverified). Who is on call is looked up when each level starts.
    Nothing happens after the last level (PagerDuty's support site, Escalation Policies).
    """
    if source.num_loops is None:
        message = f"PagerDuty did not report how often {source.label} repeats."
        findings.note("escalation_policy", source.id, "repeats_not_told", message, "num_loops", loss=True)
    if not source.escalation_rules:
        findings.note("escalation_policy", source.id, "no_rules", f"{source.label} has no rule, so it pages nobody.")
    levels, unread = _levels(source, findings)
    return SourcePolicy(
        external_id=source.id,
        name=source.label,
        policy=Policy(
            initial_wait=0,
            levels=levels,
            repeat_count=source.num_loops,
            after_last="nothing",
            unstaffed_level="skip",
            resolved="level",
        ),
        description=source.description or "",
        group_id=_only_team("escalation_policy", source, findings),
        unread={"levels": unread} if unread else {},
        because=because,
    )


def _levels(source: wire.EscalationPolicy, findings: Findings) -> tuple[tuple[Level, ...], int]:
    """The levels, and how many of them could not be read completely.

    A rule that cannot be read keeps its place: it becomes an unresolved target, with a wait that is not known.
    """
    sent = source.escalation_rules
    rules = findings.read_all(wire.EscalationRule, sent, "escalation_policy", source.id, "escalation_rules")
    found = dict(zip(rules.places, rules, strict=True))
    levels, unread = [], rules.unread
    for place in range(len(sent)):
        path = f"escalation_rules[{place}]"
        if (rule := found.get(place)) is None:
            targets = [Target("unresolved", path, label="a rule that cannot be read", unresolved_kind="rule")]
            levels.append(Level(None, "everyone", tuple(targets)))
            continue
        if not rule.targets:
            message = f"Level {place + 1} of {source.label} has no target."
            findings.note("escalation_policy", source.id, "empty_level", message, f"{path}.targets")
        targets = [_target(t, i, source, f"{path}.targets[{i}]", findings) for i, t in enumerate(rule.targets)]
        unread += any(target.id is None for target in rule.targets)
        in_turn = rule.escalation_rule_assignment_strategy == "round_robin"
        if not in_turn:  # the order means nothing when all are paged
            targets.sort(key=lambda target: (target.key, target.kind))
        wait = None if place == len(sent) - 1 and source.num_loops == 0 else rule.escalation_delay_in_minutes
        levels.append(Level(wait, "round_robin" if in_turn else "everyone", tuple(targets)))
    return tuple(levels), unread


def _target(sent: wire.Holder, place: int, policy: wire.EscalationPolicy, path: str, findings: Findings) -> Target:
    """The target; one of an unknown type or without an id keeps its place, unresolved."""
    kind = _TARGETS.get(sent.kind)
    key = short_key(sent.id or f"{sent.kind or 'target'}:{place}")
    if sent.id is None:
        message = f"{policy.label} pages a target without an id ({sent.label}). It keeps its place, unresolved."
        findings.note("escalation_policy", policy.id, "unreadable_target", message, path)
    elif kind is None:
        message = f"{policy.label} pages {sent.label}, which has the unknown type {(sent.type or '')[:60]!r}."
        findings.note("escalation_policy", policy.id, "unknown_target", message, f"{path}.type")
    if sent.id is None or kind is None:
        return Target("unresolved", key, label=sent.label, unresolved_kind=sent.kind)
    return Target(kind, key, label=sent.label)


def service(source: wire.Service, because: tuple[str, ...], findings: Findings) -> SourceService:
    """Returns the record of a service. Its policy is None if PagerDuty did not report it."""
    if source.escalation_policy is None:
        message = f"PagerDuty did not report the escalation policy of {source.label}."
        findings.note("service", source.id, "policy_not_told", message, "escalation_policy", loss=True)
    return SourceService(
        external_id=source.id,
        name=source.label,
        description=source.description or "",
        policy_unreported=source.escalation_policy is None,
        policy_id=None if source.escalation_policy is None else source.escalation_policy.id,
        group_id=_only_team("service", source, findings),
        because=because,
    )


def _only_team(entity_type: EntityType, source: wire.EscalationPolicy | wire.Service, findings: Findings) -> str | None:
    """Returns the id of the owning team. At PagerDuty a policy has at most one team, and so has a service."""
    teams = team_ids(entity_type, source, source.teams, findings)
    if len(teams) > 1:
        message = f"{source.label} belongs to {len(teams)} teams ({', '.join(teams)}); none of them became the owner."
        findings.note(entity_type, source.id, "several_teams", message, "teams")
        return None
    return teams[0] if teams else None
