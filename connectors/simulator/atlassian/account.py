"""The demo account: eight teams, nine schedules, eight escalations, six services and two forwarding rules."""

from collections.abc import Mapping
from typing import Any

from connectors.simulator.acme import acme
from connectors.simulator.atlassian.model import (
    Escalation,
    EscalationRule,
    Forwarding,
    Participant,
    Repeat,
    RoutingRule,
    Service,
    Team,
    User,
)
from connectors.simulator.atlassian.people import NewId, users
from connectors.simulator.atlassian.rosters import Rosters, daily
from connectors.simulator.atlassian.state import State
from connectors.simulator.zones import DAY

_TEAMS = (
    # key, name, members (the first is the admin)
    ("platform", "Platform", "ana bo carla deniz emil henrik wiley"),
    ("payments", "PAYMENTS", "liam ines jonas katya maeve"),
    ("data", "Data Pipelines", "sunita priya rohan tarun uma"),
    ("network", "Network and Clouds", "yusuf wei xanthe uri vera"),
    ("support", "Customer Success", "pablo oscar vikram zoe quinn rosa kim2 celia"),
    ("security", "Security", "gus nadia hope isaac gita"),
    ("mobile", "Mobile", "leo amir bella kim mona yara"),
    ("facilities", "Facilities", ""),
)
_ESCALATIONS = (
    # key, name, team, repeat "wait count reset close", rules "delay unit kind:key notify condition"
    (
        "platform",
        "Platform_escalation",
        "platform",
        None,
        "0 minutes schedule:platform default a",
        "5 minutes schedule:platform next a",
        "10 minutes team:platform all a",
    ),
    (
        "payments",
        "Payments Critical",
        "payments",
        Repeat(15, 3, reset=True, close=True),
        "0 minutes schedule:payments default a",
        "5 minutes user:liam default a",
        "10 minutes schedule:payments previous a",
        "20 minutes team:payments admins a",
        "30 minutes user:walt default c",
        "30 minutes user:greta default c",
    ),
    (
        "slow",
        "Data, without hurry",
        "data",
        Repeat(0, None),
        "1 hours schedule:data default a",
        "2 hours team:data users a",
        "1 days user:sunita default c",
    ),
    (
        "jumbled",
        "Network (jumbled)",
        "network",
        Repeat(60, 20),
        "30 minutes user:yusuf default a",
        "10 minutes schedule:clock default a",
        "0 minutes schedule:clock default a",
        "10 minutes team:network random a",
    ),
    ("success", "Customer Success_escalation", "support", None, "0 minutes schedule:success default a"),
    (
        "desk",
        "Security Desk",
        "security",
        None,
        "0 minutes schedule:desk default a",
        "15 minutes team:platform default a",
    ),
    ("former", "Legacy Billing", None, None, "0 minutes schedule:legacy default a", "5 minutes user:wiley default a"),
    ("empty", "Facilities_escalation", "facilities", None),
)
_SERVICES: tuple[tuple[str, str, list[str]], ...] = (
    ("API Gateway", "platform", ["edge", "tier-1"]),
    ("Checkout", "payments", ["tier-1"]),
    ("Warehouse", "data", []),
    ("Backbone", "network", []),
    ("Help Desk 🛟", "support", ["people"]),
    ("Single Sign-On", "security", ["tier-1"]),
)
_PRIORITY = {
    "type": "match-any-condition",
    "conditions": [
        {"field": "priority", "operation": "equals", "expectedValue": "P5", "not": False, "order": 0},
        {"field": "extra-properties", "key": "stage", "operation": "equals", "expectedValue": "test", "not": False},
    ],
}
_ALL: dict[str, Any] = {"type": "match-all"}


def fill(state: State, new_id: NewId, now: int) -> None:
    """Fill an empty account with the demo organisation at ``now`` (UTC seconds since 1970)."""
    people = users(acme(), new_id, now)
    teams = {key: _team(key, name, members, people, new_id) for key, name, members in _TEAMS}
    rosters = Rosters(people, teams, new_id, now).all()
    keyed: dict[str, Participant] = {f"user:{key}": ("user", user.id) for key, user in people.items()}
    keyed |= {f"team:{key}": ("team", team.id) for key, team in teams.items()}
    keyed |= {f"schedule:{key}": ("schedule", one.id) for key, one in rosters.items()}
    escalations = {row[0]: _escalation(row, teams, keyed, new_id) for row in _ESCALATIONS}
    keyed |= {f"escalation:{key}": ("escalation", one.id) for key, one in escalations.items()}
    rosters["desk"].rotations[1].participants.append(keyed["escalation:platform"])
    _route(teams, keyed, new_id)
    state.users = {user.id: user for user in people.values()}
    state.teams = {team.id: team for team in teams.values()}
    state.schedules = {schedule.id: schedule for schedule in rosters.values()}
    state.escalations = {escalation.id: escalation for escalation in escalations.values()}
    for number, (name, team, tags) in enumerate(_SERVICES):
        service = Service(new_id("service", name), name, teams[team].id, f"Runs {name}" if number % 2 else "")
        service.tags, service.tier = list(tags), number % 4 + 1
        service.visibility = "TEAM_MEMBERS" if number % 3 else "OPSGENIE_USERS"
        state.services[service.id] = service
    _forward(state, people, new_id, now // 1800 * 1800)


def _team(key: str, name: str, members: str, people: Mapping[str, User], new_id: NewId) -> Team:
    present = [people[one] for one in members.split() if not people[one].deleted]
    roles = [(user.id, "user" if position else "admin") for position, user in enumerate(present)]
    return Team(new_id("team", key), name, "" if key == "facilities" else f"{name} of acme", roles)


def _escalation(row: Any, teams: Mapping[str, Team], keyed: Mapping[str, Participant], new_id: NewId) -> Escalation:
    key, name, team, repeat, *texts = row
    rules = []
    for text in texts:
        delay, unit, recipient, notify, condition = text.split()
        word = "if-not-acked" if condition == "a" else "if-not-closed"
        rules.append(EscalationRule(int(delay), keyed[recipient], notify, word, unit))
    made = Escalation(new_id("escalation", key), name, rules, repeat=repeat)
    made.team_id = None if team is None else teams[team].id
    made.description = f"Repeated every {repeat.wait} minutes" if repeat and repeat.wait else ""
    return made


def _route(teams: Mapping[str, Team], keyed: Mapping[str, Participant], new_id: NewId) -> None:
    """Give every team its default routing rule, and one team two rules before it."""
    defaults = {
        "platform": "escalation:platform",
        "payments": "escalation:payments",
        "data": "escalation:slow",
        "network": "escalation:jumbled",
        "support": "escalation:success",
        "security": "escalation:desk",
        "mobile": "schedule:mobile",
    }
    for key, team in teams.items():
        notify = keyed[defaults[key]] if key in defaults else None
        default = RoutingRule(new_id("routing", key), "Default Routing Rule", True, _ALL, notify)
        team.routing_rules.append(default)
    quiet = RoutingRule(new_id("routing", "quiet"), "Nobody for P5", False, _PRIORITY, None, "Europe/London")
    nights = RoutingRule(new_id("routing", "nights"), "At night", False, _ALL, keyed["schedule:payments"])
    nights.time_zone, nights.restriction = "Europe/London", daily("18:00", "08:00")
    teams["payments"].routing_rules[:0] = [quiet, nights]


def _forward(state: State, people: Mapping[str, User], new_id: NewId, now: int) -> None:
    rows = (
        ("carla", "greta", now - 2 * DAY, now + 9 * DAY, "carlas-leave"),
        ("uri", "vera", now + 3 * DAY, now + 6 * DAY, ""),
    )
    for key, to, start, end, alias in rows:
        made = Forwarding(new_id("forwarding", key), alias, people[key].id, people[to].id, start, end)
        state.forwardings[made.id] = made
