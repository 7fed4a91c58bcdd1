"""A made-up account of any size for measurements: unique names and logins, three zones, simple schedules."""

from connectors.simulator.atlassian.model import (
    Contact,
    Escalation,
    EscalationRule,
    Participant,
    Rotation,
    RoutingRule,
    Schedule,
    Service,
    Team,
    User,
)
from connectors.simulator.atlassian.people import NewId
from connectors.simulator.atlassian.rosters import daily
from connectors.simulator.atlassian.state import State
from connectors.simulator.world import local_time, spread_ids
from connectors.simulator.zones import DAY

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata")


def fill(state: State, new_id: NewId, now: int, size: int) -> None:
    """Fill an account with about ``size`` objects.

    Users, teams, schedules, escalations and services are in the ratio 50 : 2 : 5 : 5 : 5.
    """
    teams_count, schedules_count = (max(1, size * part // 67) for part in (2, 5))
    escalations_count = services_count = schedules_count
    others = teams_count + schedules_count + escalations_count + services_count
    users = [_user(new_id, number, now) for number in range(max(3, size - others))]
    state.users = {user.id: user for user in users}
    teams = [_team(new_id, number, users) for number in range(teams_count)]
    state.teams = {team.id: team for team in teams}
    schedules = [_schedule(new_id, number, users, teams, now) for number in range(schedules_count)]
    state.schedules = {schedule.id: schedule for schedule in schedules}
    for number in range(escalations_count):
        schedule = schedules[number % len(schedules)]
        person = users[number * 17 % len(users)]
        rules = [EscalationRule(0, ("schedule", schedule.id)), EscalationRule(10, ("user", person.id))]
        made = Escalation(new_id("escalation", number), f"Escalation {number:04}", rules, team_id=schedule.team_id)
        state.escalations[made.id] = made
    escalations = list(state.escalations.values())
    for number, team in enumerate(teams):
        target: Participant = ("escalation", escalations[number % len(escalations)].id)
        rule = RoutingRule(new_id("routing", number), "Default Routing Rule", True, {"type": "match-all"}, target)
        team.routing_rules.append(rule)
    for number in range(services_count):
        service = Service(new_id("service", number), f"Service {number:05}", teams[number % len(teams)].id)
        state.services[service.id] = service


def _user(new_id: NewId, number: int, now: int) -> User:
    email = f"person.{number:05}@example.com"
    user = User(new_id("user", number), f"Person Number {number:05}", email, ZONES[number % 3], float(now - DAY))
    user.contacts.append(Contact(new_id("contact", number, "email"), "email", email))
    for method in ("sms", "voice", "mobile")[: number % 4]:
        to = f"device-{number}" if method == "mobile" else f"1-{5_180_000_000 + number}"
        user.contacts.append(Contact(new_id("contact", number, method), method, to))
    return user


def _team(new_id: NewId, number: int, users: list[User]) -> Team:
    members = [(user_id, "user") for user_id in spread_ids(users, number, 5 + number % 6)]
    members[0] = (members[0][0], "admin")
    return Team(new_id("team", number), f"Team {number:04}", f"Made-up team {number}", members)


def _schedule(new_id: NewId, number: int, users: list[User], teams: list[Team], now: int) -> Schedule:
    zone = ZONES[number % 3]
    start = float(local_time(zone, now, day=number % 7 - 70, hour=8 + number % 4, from_monday=True))

    def rotation(name: str, unit: str, shift: int, count: int) -> Rotation:
        who: list[Participant] = [("user", user_id) for user_id in spread_ids(users, number + shift, count)]
        return Rotation(new_id("rotation", number, name), name, start, unit, 1, who)

    made = Schedule(new_id("schedule", number), f"Schedule {number:04}", zone, [rotation("Weeks", "weekly", 7, 4)])
    if number % 3 == 0:
        nights = rotation("Nights", "daily", 8, 2)
        nights.restriction, nights.order = daily("20:00", "08:00"), 2.0
        made.rotations.append(nights)
    made.team_id = teams[number % len(teams)].id
    return made
