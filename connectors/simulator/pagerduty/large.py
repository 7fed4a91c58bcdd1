"""A made-up account of any size, for measuring: unique names and e-mails, three zones, plain schedules."""

from connectors.simulator.pagerduty.model import (
    ContactMethod,
    EscalationPolicy,
    EscalationRule,
    Layer,
    NotificationRule,
    Restriction,
    Schedule,
    Service,
    Team,
    User,
)
from connectors.simulator.pagerduty.state import State
from connectors.simulator.world import Identifiers, local_time, spread_ids
from connectors.simulator.zones import DAY, HOUR, WEEK

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata")
_FIRST_NAMES = """
Ada Alan Amy Anil Anna Aria Bea Ben Chen Cleo Dan Dora Earl Ela Elsa Eric Eva Fay Felix Gabe Gwen Hal Hana Hugo
Ida Ivan Jack Jean Joan John Juan June Kai Kara Kofi Lara Lena Lin Luis Lyn Mara Mark Maya Mei Milo Mira Nick
Nina Noah Nora Omar Otis Otto Paul Petr Rae Raj Rita Ron Rosa Ruth Sara Sean Seth Sina Tara Theo Tim Toni Uma
Vic Vito Wanda Will Yan Yuki Zack Zara Zeno
"""
_LAST_NAMES = """
Abbot Adler Baker Banks Bauer Bell Berg Blake Bond Braun Brook Bush Byrd Cain Chang Clark Cole Cook Costa Cruz
Dale Diaz Dunn Egan Ellis Falk Finch Ford Fox Frost Garza Gray Grant Haas Hale Hart Hayes Hill Holt Hunt Ito
Jain James Jung Kane Kaur Kent King Klein Koch Lang Lee Lin Long Lopez Luna Malik Marsh Mason Mbeki Mills Moss
Mora Nash Nunez Oda Ortiz Otto Park Patel Pham Pike Pope Quinn Reed Ross Ruiz Sato Shah Silva Stein Sun Tan Todd
Vega Voss Wade Wang West Wolf Wong Wu Yang York Zhou
"""
_FIRST = _FIRST_NAMES.split()
_LAST = _LAST_NAMES.split()


def fill(state: State, ids: Identifiers, now: int, size: int) -> None:
    """Of ``size`` objects 70 % are users, 5 % teams, 9 % schedules, 8 % policies and 8 % services."""
    counts = {kind: max(1, size * part // 100) for kind, part in (("teams", 5), ("schedules", 9), ("policies", 8))}
    services = max(1, size * 8 // 100)
    people = [_user(ids, number) for number in range(max(3, size - sum(counts.values()) - services))]
    teams = [_team(ids, number, people) for number in range(counts["teams"])]
    schedules = [_schedule(ids, number, people, teams, now) for number in range(counts["schedules"])]
    policies = [_policy(ids, number, people, teams, schedules) for number in range(counts["policies"])]
    state.users = {user.id: user for user in people}
    state.teams = {team.id: team for team in teams}
    state.schedules = {schedule.id: schedule for schedule in schedules}
    state.policies = {policy.id: policy for policy in policies}
    for number in range(services):
        service_id = ids.new("service", number)
        policy = policies[number % len(policies)]
        state.services[service_id] = Service(service_id, f"Service {number:05}", policy.id, now - number * 900 - DAY)


def _user(ids: Identifiers, number: int) -> User:
    rest, first = divmod(number, len(_FIRST))
    again, last = divmod(rest, len(_LAST))
    name = f"{_FIRST[first]} {_LAST[last]}" + (f" {again + 1}" if again else "")
    email = f"{_FIRST[first]}.{_LAST[last]}{again + 1 if again else ''}@example.com".lower()
    user = User(ids.new("user", number), name, email, ZONES[number % 3], job_title="Engineer")
    address = f"{number % 10_000_000:010}"
    for kind, label, value, country in (
        ("email_contact_method", "Default", email, None),
        ("phone_contact_method", "Work", address, 1),
        ("sms_contact_method", "Mobile", address, 1),
    )[: 1 + number % 3]:
        user.contact_methods.append(ContactMethod(ids.new("contact", number, kind), kind, label, value, country))
    method = user.contact_methods[-1]
    user.notification_rules.append(NotificationRule(ids.new("rule", number), 0, method.id, "high"))
    return user


def _team(ids: Identifiers, number: int, people: list[User]) -> Team:
    members = [(user_id, "responder") for user_id in spread_ids(people, number, 5 + number % 6)]
    members[0] = (members[0][0], "manager")
    return Team(ids.new("team", number), f"Team {number:04}", description=f"Made-up team {number}", members=members)


def _schedule(ids: Identifiers, number: int, people: list[User], teams: list[Team], now: int) -> Schedule:
    zone = ZONES[number % 3]
    anchor = local_time(zone, now, day=number % 7 - 70, hour=8 + number % 4, from_monday=True)
    members = spread_ids(people, number + 7, 3 + number % 4)
    base = Layer(ids.new("layer", number, 1), "Layer 1", now - 40 * DAY - number, anchor, WEEK, members)
    layers = [base]
    if number % 3 == 0:
        nights = Restriction(20 * HOUR, 12 * HOUR)
        others = spread_ids(people, number + 8, 2)
        layers.insert(0, Layer(ids.new("layer", number, 2), "Layer 2", base.start, anchor, DAY, others, [nights]))
    schedule = Schedule(ids.new("schedule", number), f"Schedule {number:04}", zone, layers)
    schedule.team_ids = [teams[number % len(teams)].id]
    return schedule


def _policy(
    ids: Identifiers, number: int, people: list[User], teams: list[Team], schedules: list[Schedule]
) -> EscalationPolicy:
    first = [("schedule", schedules[number % len(schedules)].id)]
    second = [("user", user_id) for user_id in spread_ids(people, number, 2)]
    rules = [
        EscalationRule(ids.new("escalation_rule", number, level), 10 + 5 * level, targets)
        for level, targets in enumerate((first, second))
    ]
    team_id = teams[number % len(teams)].id
    return EscalationPolicy(
        ids.new("policy", number), f"Policy {number:04}", rules, num_loops=number % 3, team_id=team_id
    )
