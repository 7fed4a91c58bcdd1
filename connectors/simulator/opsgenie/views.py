"""The GET endpoints of Opsgenie's REST API v2: one function per endpoint, and the routes."""

from collections.abc import Callable, Sequence
from typing import Any

from connectors.simulator.atlassian.model import Override, Schedule, User
from connectors.simulator.atlassian.oncalls import leaves, on_call
from connectors.simulator.atlassian.timeline import LAYERS, UNITS, timeline, window
from connectors.simulator.atlassian.wire import Json, contact_json, roles_json
from connectors.simulator.exchange import Answer
from connectors.simulator.opsgenie.api_call import ApiCall, Refused
from connectors.simulator.opsgenie.limits import NUMBERS
from connectors.simulator.opsgenie.wire import Wire
from connectors.simulator.routes import route

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


def _wire(call: ApiCall) -> Wire:
    return Wire(call.state, call.request_number)


def _account(call: ApiCall) -> Answer:
    users = len(call.state.present_users())
    plan = {"name": "Enterprise", "maxUserCount": max(100, users), "isYearly": True}
    return Answer(200, {"data": {"name": call.state.name, "userCount": users, "plan": plan}})


def _limits(call: ApiCall) -> Answer:
    limits = [
        {
            "domain": domain,
            "limits": [{"limit": allowed, "periodInSeconds": period} for period, allowed in numbers.items()],
        }
        for domain, numbers in NUMBERS.items()
    ]
    return Answer(200, {"data": {"rateLimits": limits}})


# People.


def _users(call: ApiCall) -> Answer:
    sort = call.request.one("sort") or call.request.one("sortField") or "username"
    order = (call.request.one("order") or "ASC").upper()
    if sort not in _SORTS or order not in ("ASC", "DESC"):
        raise Refused(422, sort="must be username, fullName or insertedAt, in order asc or desc")
    users = sorted(call.state.present_users(), key=_SORTS[sort], reverse=order == "DESC")
    query = call.request.one("query")
    if query:
        field, colon, value = query.partition(":")
        if not colon or field not in _SEARCHED:
            raise Refused(422, query="must be field:value")
        users = [user for user in users if value.strip().casefold() in _SEARCHED[field](user).casefold()]
    return call.page(users, _wire(call).user, total=True, order=order, sort=sort)


def _found_user(call: ApiCall, identifier: str) -> User:
    """Return the user with this id or login."""
    user = call.state.users.get(identifier)
    if user is None:
        matching = (one for one in call.state.present_users() if one.email.casefold() == identifier.casefold())
        user = next(matching, None)
    if user is None or user.deleted:
        raise Refused(404, f"User [{identifier}] does not exist")
    return user


def _user(call: ApiCall, identifier: str) -> Answer:
    user = _found_user(call, identifier)
    made = _wire(call).user(user, alone=True, contacts="contact" in call.expanded)
    return Answer(200, {"data": made, "expandable": ["contact"]})


def _user_teams(call: ApiCall, identifier: str) -> Answer:
    teams = call.state.teams_of(_found_user(call, identifier).id)
    return call.whole(teams, lambda team: {"id": team.id, "name": team.name})


def _contacts(call: ApiCall, identifier: str) -> Answer:
    ordered = list(enumerate(_found_user(call, identifier).contacts))
    return call.whole(ordered, lambda one: contact_json(one[1], one[0]))


def _notification_rules(call: ApiCall, identifier: str) -> Answer:
    return call.whole(_found_user(call, identifier).notification_rules, _wire(call).notification_rule_head)


def _notification_rule(call: ApiCall, identifier: str, rule_id: str) -> Answer:
    user = _found_user(call, identifier)
    rule = next((one for one in user.notification_rules if one.id == rule_id), None)
    if rule is None:
        raise Refused(404)
    return Answer(200, {"data": _wire(call).notification_rule_alone(user, rule)})


# Teams.


def _teams(call: ApiCall) -> Answer:
    teams = [team for team in call.state.sorted_teams() if call.visible(team.id)]
    return call.whole(teams, _wire(call).team_head, expandable=["member"])


def _team(call: ApiCall, identifier: str) -> Answer:
    return Answer(200, {"data": _wire(call).team(call.found("team", identifier))})


def _roles(call: ApiCall, identifier: str) -> Answer:
    return Answer(200, {"data": roles_json(call.found("team", identifier, "teamIdentifierType").id)})


def _routing_rules(call: ApiCall, identifier: str) -> Answer:
    rules = call.found("team", identifier, "teamIdentifierType").routing_rules
    return call.whole(list(enumerate(rules)), lambda one: _wire(call).routing_rule(one[1], one[0]))


# Schedules.


def _visible_schedules(call: ApiCall) -> Sequence[Schedule]:
    return [schedule for schedule in call.state.sorted_schedules() if call.visible(schedule.team_id)]


def _schedules(call: ApiCall) -> Answer:
    """Answer with all schedules. Without ``expand=rotation`` each has an empty list of rotations."""
    wire, rotations = _wire(call), "rotation" in call.expanded
    return call.whole(
        _visible_schedules(call), lambda one: wire.schedule(one, rotations=rotations), expandable=["rotation"]
    )


def _schedule(call: ApiCall, identifier: str) -> Answer:
    schedule = call.found("schedule", identifier)
    return Answer(200, {"data": _wire(call).schedule(schedule, rotations=True)})


def _nested_schedule(call: ApiCall, identifier: str) -> Schedule:
    schedule: Schedule = call.found("schedule", identifier, "scheduleIdentifierType")
    return schedule


def _rotations(call: ApiCall, identifier: str) -> Answer:
    return call.whole(_nested_schedule(call, identifier).rotations, _wire(call).rotation)


def _overrides(call: ApiCall, identifier: str) -> Answer:
    """Answer with all overrides, also past ones."""
    schedule, wire = _nested_schedule(call, identifier), _wire(call)
    return call.whole(schedule.overrides, lambda one: wire.override(schedule, one))


def _override(call: ApiCall, identifier: str, alias: str) -> Answer:
    schedule = _nested_schedule(call, identifier)
    override: Override | None = next((one for one in schedule.overrides if one.alias == alias), None)
    if override is None:
        raise Refused(404)
    return Answer(200, {"data": _wire(call).override(schedule, override, alone=True)})


def _timeline(call: ApiCall, identifier: str) -> Answer:
    schedule = call.found("schedule", identifier)
    unit, interval = call.request.one("intervalUnit") or "weeks", call.number("interval", 1, 1)
    if unit not in UNITS:
        raise Refused(422, intervalUnit="must be days, weeks or months")
    if interval > _MOST_UNITS[unit]:
        raise Refused(422, interval=f"must not be more than {_MOST_UNITS[unit]}")
    since, until = window(schedule.time_zone, call.moment("date"), interval, unit)
    drawn = timeline(call.state, schedule, since, until, call.now, call.expanded)
    return Answer(200, {"data": _wire(call).timeline(schedule, drawn), "expandable": list(LAYERS)})


def _on_call_of(call: ApiCall, schedule: Schedule) -> Json:
    wire, found = _wire(call), on_call(call.state, schedule, int(call.moment("date")))
    made: Json = {"_parent": wire.schedule_head(schedule)}
    if call.request.flag("flat"):
        return made | {"onCallRecipients": list(dict.fromkeys(call.state.name_of(one) for one in leaves(found)))}
    return made | {"onCallParticipants": [wire.on_call(one) for one in found]}


def _on_calls(call: ApiCall) -> Answer:
    return call.whole(_visible_schedules(call), lambda schedule: _on_call_of(call, schedule))


def _schedule_on_calls(call: ApiCall, identifier: str) -> Answer:
    return Answer(200, {"data": _on_call_of(call, _nested_schedule(call, identifier))})


# Escalations and the rest.


def _escalations(call: ApiCall) -> Answer:
    found = [one for one in call.state.sorted_escalations() if call.visible(one.team_id)]
    return call.whole(found, _wire(call).escalation)


def _escalation(call: ApiCall, identifier: str) -> Answer:
    return Answer(200, {"data": _wire(call).escalation(call.found("escalation", identifier))})


def _forwarding_rules(call: ApiCall) -> Answer:
    return call.whole(list(call.state.forwardings.values()), _wire(call).forwarding)


def _services(call: ApiCall) -> Answer:
    if call.state.services_refused is not None:
        raise Refused(call.state.services_refused)
    services = [one for one in call.state.sorted_services() if call.visible(one.team_id)]
    return call.page(services, _wire(call).service)


def _service(call: ApiCall, identifier: str) -> Answer:
    if call.state.services_refused is not None:
        raise Refused(call.state.services_refused)
    service = call.state.services.get(identifier)
    if service is None:
        raise Refused(404, f"No service exists with id [{identifier}]")
    return Answer(200, {"data": _wire(call).service(service)})


ROUTES = (
    route("/v2/account", "account", _account),
    route("/v2/request-limits/?", "limits", _limits),
    route("/v2/users", "users", _users),
    route("/v2/users/{id}", "users", _user),
    route("/v2/users/{id}/teams", "users", _user_teams),
    route("/v2/users/{id}/contacts", "users", _contacts),
    route("/v2/users/{id}/notification-rules", "users", _notification_rules),
    route("/v2/users/{id}/notification-rules/{id}", "users", _notification_rule),
    route("/v2/teams", "teams", _teams),
    route("/v2/teams/{id}", "teams", _team),
    route("/v2/teams/{id}/roles", "teams", _roles),
    route("/v2/teams/{id}/routing-rules", "teams", _routing_rules),
    route("/v2/schedules", "schedules", _schedules),
    route("/v2/schedules/on-calls", "on-calls", _on_calls),
    route("/v2/schedules/{id}", "schedules", _schedule),
    route("/v2/schedules/{id}/rotations", "schedules", _rotations),
    route("/v2/schedules/{id}/overrides", "schedules", _overrides),
    route("/v2/schedules/{id}/overrides/{id}", "schedules", _override),
    route("/v2/schedules/{id}/timeline", "schedules", _timeline),
    route("/v2/schedules/{id}/on-calls", "on-calls", _schedule_on_calls),
    route("/v2/escalations", "escalations", _escalations),
    route("/v2/escalations/{id}", "escalations", _escalation),
    route("/v2/forwarding-rules", "forwarding-rules", _forwarding_rules),
    route("/v1/services", "services", _services),
    route("/v1/services/{id}", "services", _service),
)
