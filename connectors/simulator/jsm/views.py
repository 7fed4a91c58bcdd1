"""The REST API of JSM and Compass Operations and of the Atlassian platform: one function per endpoint."""

import json
import re
from dataclasses import replace
from typing import Any

from connectors.simulator.atlassian.model import User
from connectors.simulator.atlassian.oncalls import leaves, on_call
from connectors.simulator.atlassian.timeline import UNITS, timeline, window
from connectors.simulator.atlassian.wire import contact_json, roles_json
from connectors.simulator.exchange import Answer
from connectors.simulator.jsm.api_call import ApiCall, Refused
from connectors.simulator.jsm.callers import ORG_ID
from connectors.simulator.jsm.wire import Wire
from connectors.simulator.routes import View, path_pattern

_MOST_MEMBERS = 50
Route = tuple[str, re.Pattern[str], View]
"""Method, pattern of the path, function."""


def _wire(call: ApiCall) -> Wire:
    return Wire(call.state, call.request_number)


# Teams.


def _teams(call: ApiCall) -> Answer:
    """Answer with all teams, without pages. ``bare_teams`` chooses between a list and an object with the list."""
    teams = call.caller.teams(call.state)[: call.request.shrink]
    listed = [_wire(call).team_head(team) for team in teams]
    return Answer(200, listed if call.bare_teams else {"platformTeams": listed})


def _roles(call: ApiCall, team_id: str) -> Answer:
    return call.page(roles_json(call.team(team_id).id), lambda role: role)


def _escalations(call: ApiCall, team_id: str) -> Answer:
    team = call.team(team_id)
    return call.page([one for one in call.state.sorted_escalations() if one.team_id == team.id], _wire(call).escalation)


def _escalation(call: ApiCall, team_id: str, escalation_id: str) -> Answer:
    found = call.state.escalations.get(escalation_id)
    if found is None or found.team_id != call.team(team_id).id:
        raise Refused(404, "Escalation not found")
    return Answer(200, _wire(call).escalation(found))


def _routing_rules(call: ApiCall, team_id: str) -> Answer:
    rules = list(enumerate(call.team(team_id).routing_rules))
    return call.page(rules, lambda one: _wire(call).routing_rule(one[1], one[0]))


# Contacts and notification rules of the caller.


def _own(call: ApiCall) -> User:
    return call.state.users[call.caller.account_id]


def _contacts(call: ApiCall) -> Answer:
    return call.page(list(enumerate(_own(call).contacts)), lambda one: contact_json(one[1], one[0]), last=True)


def _contacts_of_others(call: ApiCall, _: str) -> Answer:
    """Refuse: nobody may read the contacts of another person."""
    raise Refused(403)


def _notification_rules(call: ApiCall) -> Answer:
    return call.page(_own(call).notification_rules, _wire(call).notification_rule)


def _own_rule(call: ApiCall, rule_id: str) -> Any:
    rule = next((one for one in _own(call).notification_rules if one.id == rule_id), None)
    if rule is None:
        raise Refused(404, "Notification rule not found")
    return rule


def _notification_rule(call: ApiCall, rule_id: str) -> Answer:
    return Answer(200, _wire(call).notification_rule(_own_rule(call, rule_id)))


def _steps(call: ApiCall, rule_id: str) -> Answer:
    return call.page(_wire(call).steps(_own(call), _own_rule(call, rule_id)), lambda step: step)


# Schedules.


def _schedules(call: ApiCall) -> Answer:
    query = (call.request.one("query") or "").casefold()
    found = [
        one
        for one in call.state.sorted_schedules()
        if query in one.name.casefold() and call.caller.sees(call.state, one)
    ]
    rotations = "rotation" in call.expanded
    return call.page(found, lambda one: _wire(call).schedule(one, rotations=rotations), expands=["rotation"])


def _schedule(call: ApiCall, schedule_id: str) -> Answer:
    schedule = call.schedule(schedule_id)
    return Answer(200, _wire(call).schedule(schedule, rotations="rotation" in call.expanded))


def _rotations(call: ApiCall, schedule_id: str) -> Answer:
    return call.page(call.schedule(schedule_id).rotations, _wire(call).rotation)


def _rotation(call: ApiCall, schedule_id: str, rotation_id: str) -> Answer:
    found = next((one for one in call.schedule(schedule_id).rotations if one.id == rotation_id), None)
    if found is None:
        raise Refused(404, "Rotation not found")
    return Answer(200, _wire(call).rotation(found))


def _overrides(call: ApiCall, schedule_id: str) -> Answer:
    """Ongoing and future ones only."""
    schedule = call.schedule(schedule_id)
    coming = [one for one in schedule.overrides if one.end > call.now]
    return call.page(coming, lambda one: _wire(call).override(schedule, one))


def _timeline(call: ApiCall, schedule_id: str) -> Answer:
    """Deleted rotations are drawn as far as they are history."""
    schedule = call.schedule(schedule_id)
    unit, interval = call.request.one("intervalUnit") or "weeks", call.number("interval", 1, 1)
    if unit not in UNITS or interval > 1000:
        raise Refused(422, "intervalUnit must be days, weeks or months, interval a number below 1000")
    since, until = window(schedule.time_zone, call.moment("date"), interval, unit)
    call.within_reach(since, until)
    drawn = timeline(call.state, schedule, since, until, call.now, call.expanded)
    deleted = replace(schedule, rotations=schedule.removed, overrides=[])
    served = timeline(call.state, deleted, since, min(until, int(call.now)), call.now, []).layers["final"]
    return Answer(200, _wire(call).timeline(drawn, served))


def _on_calls(call: ApiCall, schedule_id: str) -> Answer:
    found = on_call(call.state, call.schedule(schedule_id), int(call.moment("date")))
    if call.request.flag("flat"):
        return Answer(200, {"onCallUsers": list(dict.fromkeys(key for _, key in leaves(found)))})
    return Answer(200, {"onCallParticipants": [_wire(call).on_call(one) for one in found]})


def _forwarding_rules(call: ApiCall) -> Answer:
    return call.page(list(call.state.forwardings.values()), _wire(call).forwarding)


# The platform around it.


def _service(call: ApiCall, service_id: str) -> Answer:
    service = call.state.services.get(service_id)
    if service is None:
        raise Refused(404, "Service not found")
    return Answer(200, _wire(call).service(service))


def _platform_team(call: ApiCall, org_id: str, team_id: str) -> Any:
    if org_id != ORG_ID or team_id not in call.state.teams:
        raise Refused(404, "Team not found")
    return call.state.teams[team_id]


def _team(call: ApiCall, org_id: str, team_id: str) -> Answer:
    return Answer(200, _wire(call).team(_platform_team(call, org_id, team_id), admin=call.caller.admin))


def _members(call: ApiCall, org_id: str, team_id: str) -> Answer:
    """Answer a POST that only reads. An empty cursor means the first page."""
    team = _platform_team(call, org_id, team_id)
    try:
        body = json.loads(call.request.body or b"{}")
        first, after = int(body.get("first", _MOST_MEMBERS)), str(body.get("after") or "")
        start = int(after.removeprefix("m-")) if after else 0
    except (AttributeError, TypeError, ValueError):
        raise Refused(400) from None
    if not 1 <= first <= _MOST_MEMBERS:
        raise Refused(400, f"first must be a number from 1 to {_MOST_MEMBERS}")
    page = call.request.page(team.members, start, first)
    page_info = {"endCursor": f"m-{start + first}" if page.more else None, "hasNextPage": page.more}
    results = [{"accountId": account_id} for account_id, _ in page.items]
    return Answer(200, {"results": results, "pageInfo": page_info})


def _myself(call: ApiCall) -> Answer:
    return Answer(200, _wire(call).user(_own(call), alone=True))


def _user(call: ApiCall) -> Answer:
    user = call.state.users.get(call.request.one("accountId") or "")
    if user is None or user.deleted:
        raise Refused(404, "Specified user does not exist or you do not have required permissions", jira=True)
    return Answer(200, _wire(call).user(user, alone=True))


def _user_bulk(call: ApiCall) -> Answer:
    """Answer Jira's "Bulk get users". Unknown users are left out."""
    wanted = call.request.many("accountId")
    size, start = min(call.number("maxResults", 10, 1), 200), call.number("startAt", 0, 0)
    if not wanted:
        raise Refused(400, "accountId is required", jira=True)
    users = call.state.users
    found = [users[one] for one in dict.fromkeys(wanted) if one in users and not users[one].deleted]
    values = [_wire(call).user(user) for user in found[start : start + size]]
    page = {"maxResults": size, "startAt": start, "total": len(found), "isLast": start + size >= len(found)}
    return Answer(200, page | {"values": values})


def _user_search(call: ApiCall) -> Answer:
    """Answer with a list of the users whose name or visible address contains the query."""
    query = (call.request.one("query") or "").casefold()
    if not query:
        raise Refused(400, "query is required", jira=True)
    size, start = min(call.number("maxResults", 50, 1), 1000), call.number("startAt", 0, 0)
    found = [
        user
        for user in call.state.present_users()
        if query in user.name.casefold() or (not user.email_hidden and query in user.email.casefold())
    ]
    return Answer(200, [_wire(call).user(user) for user in found[start : start + size]])


def directory(call: ApiCall) -> Answer:
    """Answer with the people of the organisation, for its admin's token. ``links.next`` is a cursor."""
    term = (call.request.one("searchTerm") or "").casefold()
    size, start = min(call.number("limit", 20, 1), 100), call.number("cursor", 0, 0)
    found = [
        user for user in call.state.present_users() if term in user.name.casefold() or term in user.email.casefold()
    ]
    links = {"next": str(start + size)} if start + size < len(found) else {}
    data = [_wire(call).directory_user(user) for user in found[start : start + size]]
    return Answer(200, {"data": data, "links": links})


def _route(path: str, view: View, method: str = "GET") -> Route:
    return method, path_pattern(path), view


OPERATIONS = (
    _route("/v1/teams", _teams),
    _route("/v1/teams/{id}/roles", _roles),
    _route("/v1/teams/{id}/escalations", _escalations),
    _route("/v1/teams/{id}/escalations/{id}", _escalation),
    _route("/v1/teams/{id}/routing-rules", _routing_rules),
    _route("/v1/users/contacts", _contacts),
    _route("/v1/users/{id}/contacts", _contacts_of_others),
    _route("/v1/notification-rules", _notification_rules),
    _route("/v1/notification-rules/{id}", _notification_rule),
    _route("/v1/notification-rules/{id}/steps", _steps),
    _route("/v1/schedules", _schedules),
    _route("/v1/schedules/{id}", _schedule),
    _route("/v1/schedules/{id}/rotations", _rotations),
    _route("/v1/schedules/{id}/rotations/{id}", _rotation),
    _route("/v1/schedules/{id}/overrides", _overrides),
    _route("/v1/schedules/{id}/timeline", _timeline),
    _route("/v1/schedules/{id}/on-calls", _on_calls),
    _route("/v1/forwarding-rules", _forwarding_rules),
)
"""Routes below the base of JSM or Compass."""
PLATFORM = (
    _route("/gateway/api/public/teams/v1/org/{id}/teams/{id}", _team),
    _route("/gateway/api/public/teams/v1/org/{id}/teams/{id}/members", _members, "POST"),
    _route("/rest/api/3/myself", _myself),
    _route("/rest/api/3/user", _user),
    _route("/rest/api/3/user/bulk", _user_bulk),
    _route("/rest/api/3/user/search", _user_search),
)
SERVICES = (_route("/v1/services/{id}", _service),)
"""Routes below the base of JSM's service registry."""
