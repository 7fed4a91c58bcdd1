"""The demo account of PagerDuty with ten policies and twelve services, or a made-up large account."""

from connectors.simulator.acme import acme
from connectors.simulator.pagerduty import large
from connectors.simulator.pagerduty.model import (
    ApiKey,
    EscalationPolicy,
    EscalationRule,
    Schedule,
    Service,
    ShiftSchedule,
    Team,
)
from connectors.simulator.pagerduty.people import teams, users
from connectors.simulator.pagerduty.rosters import Rosters
from connectors.simulator.pagerduty.state import DEMO_KEY, OTHER_ACCOUNT_KEY, USER_KEY, State
from connectors.simulator.world import Identifiers
from connectors.simulator.zones import DAY, HOUR

_POLICIES = (
    # key, name, team, loops, strategy shape, rules: "minutes strategy target ..." (@ = schedule, else user)
    ("platform", "Platform", "platform", 2, "string", ("30 all @primary", "15 all ana greta")),
    ("sun", "Follow the Sun", "platform", 0, "object", ("10 all @emea @americas @apac", "30 all @primary walt")),
    ("payments", "Payments", "payments", 3, "object", ("5 all @nights @billing", "10 all liam", "20 all greta walt")),
    ("support", "Support", "support", 0, "null", ("15 all @weekend", "15 all pablo")),
    ("network", "Network", "network", 1, "string", ("20 all @clock",)),
    ("data", "Data", "data", 0, "string", ("30 all @data", "30 all sunita")),
    ("database", "Databases", None, 1, "object", ("10 all @database", "10 all @database2", "10 all henrik uma")),
    ("security", "Security", "security", 9, "string", ("5 all @desk", "10 all gus")),
    ("release", "Release", "release", 0, "object", ("25 round_robin @bridge jade nils",)),
    ("mobile", "Mobile", "mobile", 0, "object", ("30 round_robin leo amir bella kim mona", "30 all yara")),
)
_SERVICES = (
    ("API Gateway", "platform", "active"),
    ("Kubernetes", "platform", "warning"),
    ("Status Page", "sun", "active"),
    ("Checkout", "payments", "critical"),
    ("Invoices 🧾", "payments", "active"),
    ("Help Desk", "support", "active"),
    ("Backbone", "network", "maintenance"),
    ("Warehouse", "data", "active"),
    ("Orders Database", "database", "active"),
    ("Single Sign-On", "security", "active"),
    ("Deploy Bot", "release", "disabled"),
    ("Mobile App", "mobile", "active"),
)


def build_world(now: float, size: int | None = None, seed: int = 7) -> State:
    """Return the demo account at ``now`` (UTC seconds since 1970), or a made-up one of about ``size`` objects.

    The same arguments give the same account. Keys: DEMO_KEY (account), USER_KEY (of one user), OTHER_ACCOUNT_KEY.
    """
    moment = int(now)
    ids = Identifiers(seed)
    state = State("acme", "Europe/Berlin", {}, ids)
    if size is None:
        _fill(state, ids, moment)
    else:
        large.fill(state, ids, moment, size)
    state.keys = {
        DEMO_KEY: ApiKey("acme"),
        USER_KEY: ApiKey("acme", user_id=_key_owner(state)),
        OTHER_ACCOUNT_KEY: ApiKey("globex"),
    }
    return state


def _key_owner(state: State) -> str:
    """Return a user whose zone differs from the account's. Requests without a zone are rendered in this zone."""
    away = (user for user in state.present_users() if user.time_zone not in (None, state.time_zone))
    return next(away, state.present_users()[0]).id


def _fill(state: State, ids: Identifiers, now: int) -> None:
    world = acme()
    people = users(world, ids, now)
    groups = teams(world, people, ids)
    rosters = Rosters(people, groups, ids, now)
    schedules: dict[str, Schedule | ShiftSchedule] = {**rosters.layered(), **rosters.shift_based()}
    state.users = {user.id: user for user in people.values()}
    state.teams = {team.id: team for team in groups.values()}
    state.schedules = {schedule.id: schedule for schedule in schedules.values()}
    names = {"@" + key: ("schedule", schedule.id) for key, schedule in schedules.items()}
    names |= {key: ("user", user.id) for key, user in people.items()}
    policies = {row[0]: _policy(row, names, groups, ids) for row in _POLICIES}
    policies["support"].expanded = True
    policies["payments"].handoff_notifications = "always"
    state.policies = {policy.id: policy for policy in policies.values()}
    for number, (name, policy, status) in enumerate(_SERVICES):
        service = Service(ids.new("service", name), name, policies[policy].id, now - (900 - number) * DAY - 5_501)
        service.status = status
        service.description = None if number % 2 else f"Runs {name}"
        service.last_incident_at = None if number % 3 else now - number * HOUR - 61
        service.support_zone = "Europe/London" if name == "Checkout" else None
        service.auto_resolve = None if number % 4 == 0 else 14_400
        state.services[service.id] = service


def _policy(
    row: tuple[str, str, str | None, int, str, tuple[str, ...]],
    names: dict[str, tuple[str, str]],
    groups: dict[str, Team],
    ids: Identifiers,
) -> EscalationPolicy:
    key, name, team, loops, shape, texts = row
    rules = []
    for level, text in enumerate(texts):
        minutes, strategy, *targets = text.split()
        rules.append(
            EscalationRule(
                ids.new("escalation_rule", key, level),
                int(minutes),
                [names[target] for target in targets],
                "round_robin" if strategy == "round_robin" else "assign_to_everyone",
            )
        )
    return EscalationPolicy(
        ids.new("policy", key),
        name,
        rules,
        description=None if loops else f"Escalations of {name}",
        num_loops=loops,
        team_id=None if team is None else groups[team].id,
        strategy_shape=shape,
    )
