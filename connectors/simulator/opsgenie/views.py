"""Opsgenie's REST API v2, the GETs a reader needs: one function per endpoint and the table of paths."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from connectors.simulator.atlassian.model import Override, Schedule, User
from connectors.simulator.atlassian.oncalls import leaves, on_call
from connectors.simulator.atlassian.timeline import LAYERS, UNITS, timeline, window
from connectors.simulator.atlassian.wire import Json, contact_json, roles_json
from connectors.simulator.exchange import Answer
from connectors.simulator.opsgenie.asking import Asked, Refused
from connectors.simulator.opsgenie.limits import NUMBERS
from connectors.simulator.opsgenie.wire import Wire

_SORTS: dict[str, Callable[[User], Any]] = {
    "username": lambda user: (user.email.casefold(), user.id),
    "fullName": lambda user: (user.name.casefold(), user.id),
    "insertedAt": lambda user: (user.created_at, user.id),
}
_SEARCHED: dict[str, Callable[[User], str]] = {
    "username": lambda user: user.email,
    "fullName": lambda user: user.name,
    "blocked": lambda user: str(user.blocked),
    "verified": lambda user: str(user.verified),
    "role": lambda user: user.role,
    "locale": lambda user: user.locale,
    "timeZone": lambda user: user.time_zone,
}
_MOST_UNITS = {"days": 732, "weeks": 105, "months": 24}


def _wire(asked: Asked) -> Wire:
    return Wire(asked.state, asked.turn)


def _account(asked: Asked) -> Answer:
    users = len(asked.state.present_users())
    plan = {"name": "Enterprise", "maxUserCount": max(100, users), "isYearly": True}
    return Answer(200, {"data": {"name": asked.state.name, "userCount": users, "plan": plan}})


def _limits(asked: Asked) -> Answer:
    limits = [
        {
            "domain": domain,
            "limits": [{"limit": allowed, "periodInSeconds": period} for period, allowed in numbers.items()],
        }
        for domain, numbers in NUMBERS.items()
    ]
    return Answer(200, {"data": {"rateLimits": limits}})


# People.


def _users(asked: Asked) -> Answer:
    sort = asked.request.one("sort") or asked.request.one("sortField") or "username"
    order = (asked.request.one("order") or "ASC").upper()
    if sort not in _SORTS or order not in ("ASC", "DESC"):
        raise Refused(422, sort="must be username, fullName or insertedAt, in order asc or desc")
    users = sorted(asked.state.present_users(), key=_SORTS[sort], reverse=order == "DESC")
    query = asked.request.one("query")
    if query:
        field, colon, value = query.partition(":")
        if not colon or field not in _SEARCHED:
            raise Refused(422, query="must be field:value")
        users = [user for user in users if value.strip().casefold() in _SEARCHED[field](user).casefold()]
    return asked.page(users, _wire(asked).user, total=True, order=order, sort=sort)


def _found_user(asked: Asked, identifier: str) -> User:
    """By id or login."""
    user = asked.state.users.get(identifier)
    if user is None:
        named = (one for one in asked.state.present_users() if one.email.casefold() == identifier.casefold())
        user = next(named, None)
    if user is None or user.deleted:
        raise Refused(404, f"User [{identifier}] does not exist")
    return user


def _user(asked: Asked, identifier: str) -> Answer:
    user = _found_user(asked, identifier)
    made = _wire(asked).user(user, alone=True, contacts="contact" in asked.expanded)
    return Answer(200, {"data": made, "expandable": ["contact"]})


def _user_teams(asked: Asked, identifier: str) -> Answer:
    teams = asked.state.teams_of(_found_user(asked, identifier).id)
    return asked.whole(teams, lambda team: {"id": team.id, "name": team.name})


def _contacts(asked: Asked, identifier: str) -> Answer:
    ordered = list(enumerate(_found_user(asked, identifier).contacts))
    return asked.whole(ordered, lambda one: contact_json(one[1], one[0]))


def _notification_rules(asked: Asked, identifier: str) -> Answer:
    return asked.whole(_found_user(asked, identifier).notification_rules, _wire(asked).notification_rule)


def _notification_rule(asked: Asked, identifier: str, rule_id: str) -> Answer:
    user = _found_user(asked, identifier)
    rule = next((one for one in user.notification_rules if one.id == rule_id), None)
    if rule is None:
        raise Refused(404)
    return Answer(200, {"data": _wire(asked).notification_rule_alone(user, rule)})


# Teams.


def _teams(asked: Asked) -> Answer:
    teams = [team for team in asked.state.sorted_teams() if asked.visible(team.id)]
    return asked.whole(teams, _wire(asked).team_head, expandable=["member"])


def _team(asked: Asked, identifier: str) -> Answer:
    return Answer(200, {"data": _wire(asked).team(asked.found("team", identifier))})


def _roles(asked: Asked, identifier: str) -> Answer:
    return Answer(200, {"data": roles_json(asked.found("team", identifier, "teamIdentifierType").id)})


def _routing_rules(asked: Asked, identifier: str) -> Answer:
    rules = asked.found("team", identifier, "teamIdentifierType").routing_rules
    return asked.whole(list(enumerate(rules)), lambda one: _wire(asked).routing_rule(one[1], one[0]))


# Schedules.


def _visible_schedules(asked: Asked) -> Sequence[Schedule]:
    return [schedule for schedule in asked.state.sorted_schedules() if asked.visible(schedule.team_id)]


def _schedules(asked: Asked) -> Answer:
    """Without ``expand=rotation`` the list says of every schedule that it has no rotations."""
    wire, rotations = _wire(asked), "rotation" in asked.expanded
    return asked.whole(
        _visible_schedules(asked), lambda one: wire.schedule(one, rotations=rotations), expandable=["rotation"]
    )


def _schedule(asked: Asked, identifier: str) -> Answer:
    schedule = asked.found("schedule", identifier)
    return Answer(200, {"data": _wire(asked).schedule(schedule, rotations=True)})


def _nested_schedule(asked: Asked, identifier: str) -> Schedule:
    schedule: Schedule = asked.found("schedule", identifier, "scheduleIdentifierType")
    return schedule


def _rotations(asked: Asked, identifier: str) -> Answer:
    return asked.whole(_nested_schedule(asked, identifier).rotations, _wire(asked).rotation)


def _overrides(asked: Asked, identifier: str) -> Answer:
    """Past ones included."""
    schedule, wire = _nested_schedule(asked, identifier), _wire(asked)
    return asked.whole(schedule.overrides, lambda one: wire.override(schedule, one))


def _override(asked: Asked, identifier: str, alias: str) -> Answer:
    schedule = _nested_schedule(asked, identifier)
    override: Override | None = next((one for one in schedule.overrides if one.alias == alias), None)
    if override is None:
        raise Refused(404)
    return Answer(200, {"data": _wire(asked).override(schedule, override, alone=True)})


def _timeline(asked: Asked, identifier: str) -> Answer:
    schedule = asked.found("schedule", identifier)
    unit, interval = asked.request.one("intervalUnit") or "weeks", asked.number("interval", 1, 1)
    if unit not in UNITS:
        raise Refused(422, intervalUnit="must be days, weeks or months")
    if interval > _MOST_UNITS[unit]:
        raise Refused(422, interval=f"must not be more than {_MOST_UNITS[unit]}")
    since, until = window(schedule.time_zone, asked.moment("date"), interval, unit)
    drawn = timeline(asked.state, schedule, since, until, asked.now, asked.expanded)
    return Answer(200, {"data": _wire(asked).timeline(schedule, drawn), "expandable": list(LAYERS)})


def _on_call_of(asked: Asked, schedule: Schedule) -> Json:
    wire, found = _wire(asked), on_call(asked.state, schedule, int(asked.moment("date")))
    made: Json = {"_parent": wire.schedule_head(schedule)}
    if asked.request.flag("flat"):
        return made | {"onCallRecipients": list(dict.fromkeys(asked.state.name_of(one) for one in leaves(found)))}
    return made | {"onCallParticipants": [wire.on_call(one) for one in found]}


def _on_calls(asked: Asked) -> Answer:
    return asked.whole(_visible_schedules(asked), lambda schedule: _on_call_of(asked, schedule))


def _schedule_on_calls(asked: Asked, identifier: str) -> Answer:
    return Answer(200, {"data": _on_call_of(asked, _nested_schedule(asked, identifier))})


# Escalations and the rest.


def _escalations(asked: Asked) -> Answer:
    found = [one for one in asked.state.sorted_escalations() if asked.visible(one.team_id)]
    return asked.whole(found, _wire(asked).escalation)


def _escalation(asked: Asked, identifier: str) -> Answer:
    return Answer(200, {"data": _wire(asked).escalation(asked.found("escalation", identifier))})


def _forwarding_rules(asked: Asked) -> Answer:
    return asked.whole(list(asked.state.forwardings.values()), _wire(asked).forwarding)


def _services(asked: Asked) -> Answer:
    if asked.state.services_refused is not None:
        raise Refused(asked.state.services_refused)
    services = [one for one in asked.state.sorted_services() if asked.visible(one.team_id)]
    return asked.page(services, _wire(asked).service)


def _route(path: str, right: str, view: Callable[..., Answer]) -> tuple[re.Pattern[str], str, Callable[..., Answer]]:
    return re.compile(path.replace("{id}", "([^/]+)")), right, view


ROUTES = (
    _route("/v2/account", "account", _account),
    _route("/v2/request-limits/?", "limits", _limits),
    _route("/v2/users", "users", _users),
    _route("/v2/users/{id}", "users", _user),
    _route("/v2/users/{id}/teams", "users", _user_teams),
    _route("/v2/users/{id}/contacts", "users", _contacts),
    _route("/v2/users/{id}/notification-rules", "users", _notification_rules),
    _route("/v2/users/{id}/notification-rules/{id}", "users", _notification_rule),
    _route("/v2/teams", "teams", _teams),
    _route("/v2/teams/{id}", "teams", _team),
    _route("/v2/teams/{id}/roles", "teams", _roles),
    _route("/v2/teams/{id}/routing-rules", "teams", _routing_rules),
    _route("/v2/schedules", "schedules", _schedules),
    _route("/v2/schedules/on-calls", "on-calls", _on_calls),
    _route("/v2/schedules/{id}", "schedules", _schedule),
    _route("/v2/schedules/{id}/rotations", "schedules", _rotations),
    _route("/v2/schedules/{id}/overrides", "schedules", _overrides),
    _route("/v2/schedules/{id}/overrides/{id}", "schedules", _override),
    _route("/v2/schedules/{id}/timeline", "schedules", _timeline),
    _route("/v2/schedules/{id}/on-calls", "on-calls", _schedule_on_calls),
    _route("/v2/escalations", "escalations", _escalations),
    _route("/v2/escalations/{id}", "escalations", _escalation),
    _route("/v2/forwarding-rules", "forwarding-rules", _forwarding_rules),
    _route("/v1/services", "services", _services),
)
