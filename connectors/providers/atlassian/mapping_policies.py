"""Maps escalations, team routing and services to records. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from types import MappingProxyType
from typing import Final, Literal

from connectors.providers.atlassian import wire
from connectors.reading.findings import Elements, Findings, Vendor
from connectors.records import EntityKey, SourcePolicy, SourceService
from oncall.escalation.policy import Condition, Level, Policy, Target, TargetKind

_MINUTES: Final = {"minutes": 1, "hours": 60, "days": 1440}
_CONDITIONS: Final[dict[str, Condition]] = {"if-not-acked": "not_acked", "if-not-closed": "not_closed"}
_MODES: Final[dict[str, Literal["current", "next", "previous"]]] = {
    "default": "current",
    "next": "next",
    "previous": "previous",
}
_MEMBERS: Final[dict[str, Literal["all", "leads", "others", "random"]]] = {
    "all": "all",
    "admins": "leads",
    "users": "others",
    "random": "random",
}
#: What a routing rule notifies -> the kind of target.
_ROUTES: Final[dict[str, TargetKind]] = {"escalation": "escalation_policy", "schedule": "schedule"}


def policy(
    source: wire.Escalation, rules: Elements[wire.EscalationRule], because: tuple[str, ...], findings: Findings
) -> SourcePolicy:
    """Return an escalation as a policy. rules: the readable ones; each other one becomes an unresolved target.

    The vendor counts delays in minutes since the start; they become waits between levels. Rules with the same delay
    form one level, whose targets are sorted: all are paged at once. A rule that finds nobody still uses its time, and
    later rules keep their minute (vendor docs "How do escalations work"). Who is on call is determined when a level
    starts (unverified).
    """
    timed = _timed(source, rules, findings)
    if source.enabled is False:
        message = f"{source.label} is switched off at {findings.vendor.label} and pages nobody. It is inactive here."
        findings.note("escalation_policy", source.id, "switched_off", message, "enabled")
    if not timed:
        findings.note("escalation_policy", source.id, "no_rules", f"{source.label} has no rule.", "rules")
    ordered = sorted(timed, key=lambda step: step[0])
    if ordered != timed:
        message = f"The rules of {source.label} were not sorted by their delays. They were sorted here."
        findings.note("escalation_policy", source.id, "rules_sorted", message, "rules")
    steps = [
        (minute, sorted((target for _, targets in found for target in targets), key=repr))
        for minute, found in groupby(ordered, key=lambda step: step[0])
    ]
    rounds = _rounds(source, findings)
    waits = [
        *(after - before for (before, _), (after, _) in pairwise(steps)),
        rounds.pause,
    ]
    levels = tuple(Level(wait, "everyone", tuple(targets)) for wait, (_, targets) in zip(waits, steps, strict=False))
    return SourcePolicy(
        external_id=source.id,
        name=source.label,
        policy=Policy(
            initial_wait=steps[0][0] if steps else 0,
            levels=levels,
            repeat_count=rounds.count,
            after_last="close" if rounds.closes else "nothing",
            unstaffed_level="wait",
            resolved="level",
        ),
        description=source.description or "",
        group_id=source.team_id,
        enabled=source.enabled is not False,
        because=because,
    )


@dataclass(frozen=True, slots=True)
class _Rounds:
    """How an escalation repeats.

    pause: minutes from the last rule to the next round, None if there is no next round.
    count: rounds after the first, None if not reported. closes: whether the alert is closed after all rounds.
    """

    pause: int | None
    count: int | None
    closes: bool


def _rounds(source: wire.Escalation, findings: Findings) -> _Rounds:
    """Read the repeat. The key is absent if none is set; a wait of 0 means no repeat (vendor docs "Escalation API")."""
    repeat = source.repeat or wire.Repeat()
    closes = repeat.close_alert_after_all is True
    if repeat.reset_recipient_states:
        message = f"Each round of {source.label} resets who has seen the alert. A policy here cannot express that."
        findings.note("escalation_policy", source.id, "resets_states", message, "repeat.resetRecipientStates")
    if not repeat.wait_interval:
        return _Rounds(None, 0, closes)
    if repeat.count is None:
        message = f"The source does not report how often {source.label} repeats."
        findings.note("escalation_policy", source.id, "repeats_not_told", message, "repeat.count", loss=True)
    return _Rounds(repeat.wait_interval if repeat.count != 0 else None, repeat.count, closes)


def _timed(
    source: wire.Escalation, rules: Elements[wire.EscalationRule], findings: Findings
) -> list[tuple[int, tuple[Target, ...]]]:
    """Return the minute and the targets of every rule as sent.

    A rule that cannot be read keeps its place: it becomes an unresolved target at the minute of the rule before it.
    """

    def make(rule: wire.EscalationRule, path: str) -> tuple[int, tuple[Target, ...]]:
        minute = _minutes(rule.delay, f"{path}.delay", findings.vendor)
        return minute, _targets(rule, source, path, findings)

    read = findings.map_all(rules, "escalation_policy", source.id, "rules", make)
    found = dict(zip(read.places, read, strict=True))
    minute, timed = 0, []
    for place in range(len(source.rules or ())):
        unreadable = Target("unresolved", f"rules[{place}]", label="a rule that cannot be read", unresolved_kind="rule")
        minute, targets = found.get(place, (minute, (unreadable,)))
        timed.append((minute, targets))
    return timed


def _minutes(delay: wire.Duration, path: str, vendor: Vendor) -> int:
    if delay.time_unit == "seconds" and delay.time_amount % 60 == 0:
        return delay.time_amount // 60
    if delay.time_unit not in _MINUTES:
        message = f"A delay of {delay.time_amount} {delay.time_unit} is not a whole number of minutes."
        raise vendor.unknown_value(f"{path}.timeUnit", message)
    return delay.time_amount * _MINUTES[delay.time_unit]


def _targets(rule: wire.EscalationRule, source: wire.Escalation, path: str, findings: Findings) -> tuple[Target, ...]:
    """Return the target of a rule, or nothing if the rule notifies nobody (vendor schema: Recipient ``none``)."""
    to, word, condition = rule.recipient, rule.notify_type, _CONDITIONS[rule.condition]
    if to.nobody:
        message = f"A rule of {source.label} notifies nobody."
        findings.note("escalation_policy", source.id, "empty_rule", message, f"{path}.recipient")
        return ()
    known = Target("responder", to.id or "", label=to.label, condition=condition, notify=word)
    if to.id is not None:
        if to.type == "user" and word == "default":
            return (known,)
        if to.type == "schedule" and word in _MODES:
            return (replace(known, kind="schedule", mode=_MODES[word]),)
        if to.type == "team" and word == "default":
            return (replace(known, kind="group_routing"),)
        if to.type == "team" and word in _MEMBERS:
            return (replace(known, kind="user_group", members=_MEMBERS[word]),)
        if to.type == "escalation" and word == "default":
            return (replace(known, kind="escalation_policy"),)
    message = f"{source.label} notifies {word!r} of {to.type!r} {to.label}, which is unknown. It is kept unresolved."
    findings.note("escalation_policy", source.id, "unknown_target", message, f"{path}.recipient.type")
    return (replace(known, kind="unresolved", key=to.id or to.type or path, unresolved_kind=to.type or "unknown"),)


# --- team routing -----------------------------------------------------------------------------------------------------


def routing_policy(
    team: wire.MainObject,
    rules: Elements[wire.RoutingRule],
    findings: Findings,
    names: Mapping[EntityKey, str] = MappingProxyType({}),
) -> SourcePolicy | None:
    """Return a team's default routing rule as a policy with the id of the team, or None if there is no default rule.

    The other rules depend on the alert, which a policy cannot express. Each of them is named in a note, to be followed
    up by hand. names: of the objects that rules lead to, for answers that have only ids.
    """
    for rule in rules:
        if not rule.is_default:
            message = (
                f"The routing rule {rule.label} of {team.label} depends on the alert and was not imported. It notifies "
                f"{_route_in_words(rule, names)}. Follow it up by hand."
            )
            findings.note("user_group", team.id, "routing_by_alert", message, "routing-rules")
    default = default_rule(rules)
    if default is None and rules.unread:
        message = f"The default routing rule of {team.label} cannot be read, so who is paged with the team is unknown."
        findings.note("user_group", team.id, "no_default_routing", message, "routing-rules", loss=True, hides=True)
        return None
    if default is None:
        message = f"{team.label} has no default routing rule, so who is paged with the team is unknown."
        findings.note("user_group", team.id, "no_default_routing", message, "routing-rules")
        return None
    notify = default.notify
    kind = _ROUTES.get(notify.type)
    targets: tuple[Target, ...] = ()
    if notify.nobody:
        message = f"The default routing rule of {team.label} notifies nobody."
        findings.note("user_group", team.id, "routed_to_nobody", message, "routing-rules")
    elif kind is None or notify.id is None:
        message = f"The default routing rule of {team.label} notifies {notify.type!r}, which is unknown."
        findings.note("user_group", team.id, "unknown_routing", message, "routing-rules")
        key = notify.id or notify.type or team.id
        targets = (Target("unresolved", key, label=notify.label, unresolved_kind=notify.type or "unknown"),)
    else:
        targets = (Target(kind, notify.id, label=notify.label),)
    levels = (Level(None, "everyone", targets),) if targets else ()
    return SourcePolicy(
        external_id=team.id,
        name=f"{team.label}: routing",
        policy=Policy(0, levels, 0, after_last="nothing", unstaffed_level="wait", resolved="level"),
        group_id=team.id,
    )


def default_rule(rules: Iterable[wire.RoutingRule]) -> wire.RoutingRule | None:
    """Return the rule that always matches. Every team has one (vendor docs "Team Routing Rule API")."""
    return next((rule for rule in rules if rule.is_default), None)


def routed_to(rule: wire.RoutingRule) -> EntityKey | None:
    """Return what a rule pages, or None for nobody and for an unknown type."""
    if rule.notify.id is None:
        return None
    if rule.notify.type == "escalation":
        return ("escalation_policy", rule.notify.id)
    return ("schedule", rule.notify.id) if rule.notify.type == "schedule" else None


def _route_in_words(rule: wire.RoutingRule, names: Mapping[EntityKey, str]) -> str:
    if rule.notify.nobody:
        return "nobody"
    key = routed_to(rule)
    name = rule.notify.label if key is None else names.get(key, rule.notify.label)
    return f"the {rule.notify.type} {name}"


# --- services ---------------------------------------------------------------------------------------------------------


def service(
    source: wire.Service, routes: Mapping[str, wire.RoutingRule], because: tuple[str, ...], findings: Findings
) -> SourceService:
    """Return a service. Its policy is the default routing of its team. routes: the default rule by team id."""
    team = source.team_id
    rule = None if team is None else routes.get(team)
    found = None if rule is None else routed_to(rule)
    policy_id = None if found is None else found[1] if found[0] == "escalation_policy" else team
    if policy_id is None:
        missing = "it has no team" if team is None else "its team has no default routing to an escalation or a schedule"
        message = f"Who is paged for {source.label} is unknown: {missing}."
        findings.note("service", source.id, "policy_not_told", message, "teamId", loss=True)
    return SourceService(
        external_id=source.id,
        name=source.label,
        description=source.description or "",
        policy_id=policy_id,
        group_id=team,
        because=because,
    )
