"""The REST API of JSM and Compass Operations, and the platform's own around it: one function per endpoint."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connectors.simulator.atlassian.model import User
from connectors.simulator.atlassian.oncalls import leaves, on_call
from connectors.simulator.atlassian.timeline import UNITS, timeline, window
from connectors.simulator.atlassian.wire import contact_json, roles_json
from connectors.simulator.exchange import Answer
from connectors.simulator.jsm.asking import Asked, Refused
from connectors.simulator.jsm.callers import ORG_ID
from connectors.simulator.jsm.wire import Wire

_MOST_MEMBERS = 50
View = Callable[..., Answer]
Route = tuple[str, re.Pattern[str], View]
"""Method, pattern of the path, function."""


def _wire(asked: Asked) -> Wire:
    return Wire(asked.state, asked.turn)


# Teams.


def _teams(asked: Asked) -> Answer:
    """Not paged. Whether the list stands under a key is not settled: the simulator does both."""
    teams = asked.caller.teams(asked.state)[: asked.request.shrink]
    listed = [_wire(asked).team_head(team) for team in teams]
    return Answer(200, listed if asked.bare_teams else {"platformTeams": listed})


def _roles(asked: Asked, team_id: str) -> Answer:
    return asked.page(roles_json(asked.team(team_id).id), lambda role: role)


def _escalations(asked: Asked, team_id: str) -> Answer:
    team = asked.team(team_id)
    return asked.page(
        [one for one in asked.state.sorted_escalations() if one.team_id == team.id], _wire(asked).escalation
    )


def _escalation(asked: Asked, team_id: str, escalation_id: str) -> Answer:
    found = asked.state.escalations.get(escalation_id)
    if found is None or found.team_id != asked.team(team_id).id:
        raise Refused(404, "Escalation not found")
    return Answer(200, _wire(asked).escalation(found))


def _routing_rules(asked: Asked, team_id: str) -> Answer:
    rules = list(enumerate(asked.team(team_id).routing_rules))
    return asked.page(rules, lambda one: _wire(asked).routing_rule(one[1], one[0]))


# The caller's own.


def _own(asked: Asked) -> User:
    return asked.state.users[asked.caller.account_id]


def _contacts(asked: Asked) -> Answer:
    return asked.page(list(enumerate(_own(asked).contacts)), lambda one: contact_json(one[1], one[0]), last=True)


def _contacts_of_others(asked: Asked, _: str) -> Answer:
    """There is no such thing: one person never reads another's numbers."""
    raise Refused(403)


def _notification_rules(asked: Asked) -> Answer:
    return asked.page(_own(asked).notification_rules, _wire(asked).notification_rule)


def _own_rule(asked: Asked, rule_id: str) -> Any:
    rule = next((one for one in _own(asked).notification_rules if one.id == rule_id), None)
    if rule is None:
        raise Refused(404, "Notification rule not found")
    return rule


def _notification_rule(asked: Asked, rule_id: str) -> Answer:
    return Answer(200, _wire(asked).notification_rule(_own_rule(asked, rule_id)))


def _steps(asked: Asked, rule_id: str) -> Answer:
    return asked.page(_wire(asked).steps(_own(asked), _own_rule(asked, rule_id)), lambda step: step)


# Schedules.


def _schedules(asked: Asked) -> Answer:
    query = (asked.request.one("query") or "").casefold()
    found = [
        one
        for one in asked.state.sorted_schedules()
        if query in one.name.casefold() and asked.caller.sees(asked.state, one)
    ]
    rotations = "rotation" in asked.expanded
    return asked.page(found, lambda one: _wire(asked).schedule(one, rotations=rotations), expands=["rotation"])


def _schedule(asked: Asked, schedule_id: str) -> Answer:
    schedule = asked.schedule(schedule_id)
    return Answer(200, _wire(asked).schedule(schedule, rotations="rotation" in asked.expanded))


def _rotations(asked: Asked, schedule_id: str) -> Answer:
    return asked.page(asked.schedule(schedule_id).rotations, _wire(asked).rotation)


def _rotation(asked: Asked, schedule_id: str, rotation_id: str) -> Answer:
    found = next((one for one in asked.schedule(schedule_id).rotations if one.id == rotation_id), None)
    if found is None:
        raise Refused(404, "Rotation not found")
    return Answer(200, _wire(asked).rotation(found))


def _overrides(asked: Asked, schedule_id: str) -> Answer:
    """Ongoing and future ones only."""
    schedule = asked.schedule(schedule_id)
    coming = [one for one in schedule.overrides if one.end > asked.now]
    return asked.page(coming, lambda one: _wire(asked).override(schedule, one))


def _timeline(asked: Asked, schedule_id: str) -> Answer:
    """Deleted rotations are drawn as far as they are history."""
    schedule = asked.schedule(schedule_id)
    unit, interval = asked.request.one("intervalUnit") or "weeks", asked.number("interval", 1, 1)
    if unit not in UNITS or interval > 1000:
        raise Refused(422, "intervalUnit must be days, weeks or months, interval a number below 1000")
    since, until = window(schedule.time_zone, asked.moment("date"), interval, unit)
    asked.within_reach(since, until)
    drawn = timeline(asked.state, schedule, since, until, asked.now, asked.expanded)
    deleted = replace(schedule, rotations=schedule.removed, overrides=[])
    served = timeline(asked.state, deleted, since, min(until, int(asked.now)), asked.now, []).layers["final"]
    return Answer(200, _wire(asked).timeline(drawn, served))


def _on_calls(asked: Asked, schedule_id: str) -> Answer:
    found = on_call(asked.state, asked.schedule(schedule_id), int(asked.moment("date")))
    if asked.request.flag("flat"):
        return Answer(200, {"onCallUsers": list(dict.fromkeys(key for _, key in leaves(found)))})
    return Answer(200, {"onCallParticipants": [_wire(asked).on_call(one) for one in found]})


def _forwarding_rules(asked: Asked) -> Answer:
    return asked.page(list(asked.state.forwardings.values()), _wire(asked).forwarding)


# The platform around it.


def _service(asked: Asked, service_id: str) -> Answer:
    service = asked.state.services.get(service_id)
    if service is None:
        raise Refused(404, "Service not found")
    return Answer(200, _wire(asked).service(service))


def _platform_team(asked: Asked, org_id: str, team_id: str) -> Any:
    if org_id != ORG_ID or team_id not in asked.state.teams:
        raise Refused(404, "Team not found")
    return asked.state.teams[team_id]


def _team(asked: Asked, org_id: str, team_id: str) -> Answer:
    return Answer(200, _wire(asked).team(_platform_team(asked, org_id, team_id), admin=asked.caller.admin))


def _members(asked: Asked, org_id: str, team_id: str) -> Answer:
    """A POST that only reads; the cursor is opaque and an empty one means the beginning."""
    team = _platform_team(asked, org_id, team_id)
    try:
        body = json.loads(asked.request.body or b"{}")
        first, after = int(body.get("first", _MOST_MEMBERS)), str(body.get("after") or "")
        start = int(after.removeprefix("m-")) if after else 0
    except (AttributeError, TypeError, ValueError):
        raise Refused(400) from None
    if not 1 <= first <= _MOST_MEMBERS:
        raise Refused(400, f"first must be a number from 1 to {_MOST_MEMBERS}")
    cut = asked.request.cut(team.members, start, first)
    page = {"endCursor": f"m-{start + first}" if cut.more else None, "hasNextPage": cut.more}
    results = [{"accountId": account_id} for account_id, _ in cut.shown]
    return Answer(200, {"results": results, "pageInfo": page})


def _myself(asked: Asked) -> Answer:
    return Answer(200, _wire(asked).user(_own(asked), alone=True))


def _user(asked: Asked) -> Answer:
    user = asked.state.users.get(asked.request.one("accountId") or "")
    if user is None or user.deleted:
        raise Refused(404, "Specified user does not exist or you do not have required permissions", jira=True)
    return Answer(200, _wire(asked).user(user, alone=True))


def _user_bulk(asked: Asked) -> Answer:
    """Jira's "Bulk get users": those that are not there are left out."""
    wanted = asked.request.many("accountId")
    size, start = min(asked.number("maxResults", 10, 1), 200), asked.number("startAt", 0, 0)
    if not wanted:
        raise Refused(400, "accountId is required", jira=True)
    users = asked.state.users
    found = [users[one] for one in dict.fromkeys(wanted) if one in users and not users[one].deleted]
    values = [_wire(asked).user(user) for user in found[start : start + size]]
    page = {"maxResults": size, "startAt": start, "total": len(found), "isLast": start + size >= len(found)}
    return Answer(200, page | {"values": values})


def _user_search(asked: Asked) -> Answer:
    """By part of the name or of an address that is not hidden. A bare list."""
    query = (asked.request.one("query") or "").casefold()
    if not query:
        raise Refused(400, "query is required", jira=True)
    size, start = min(asked.number("maxResults", 50, 1), 1000), asked.number("startAt", 0, 0)
    found = [
        user
        for user in asked.state.present_users()
        if query in user.name.casefold() or (not user.email_hidden and query in user.email.casefold())
    ]
    return Answer(200, [_wire(asked).user(user) for user in found[start : start + size]])


def directory(asked: Asked) -> Answer:
    """People of the organisation, for its admin's token. ``links.next`` is a cursor."""
    term = (asked.request.one("searchTerm") or "").casefold()
    size, start = min(asked.number("limit", 20, 1), 100), asked.number("cursor", 0, 0)
    found = [
        user for user in asked.state.present_users() if term in user.name.casefold() or term in user.email.casefold()
    ]
    links = {"next": str(start + size)} if start + size < len(found) else {}
    data = [_wire(asked).directory_user(user) for user in found[start : start + size]]
    return Answer(200, {"data": data, "links": links})


def _route(path: str, view: View, method: str = "GET") -> Route:
    return method, re.compile(path.replace("{id}", "([^/]+)")), view


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
"""Below the base of JSM or Compass."""
PLATFORM = (
    _route("/gateway/api/public/teams/v1/org/{id}/teams/{id}", _team),
    _route("/gateway/api/public/teams/v1/org/{id}/teams/{id}/members", _members, "POST"),
    _route("/rest/api/3/myself", _myself),
    _route("/rest/api/3/user", _user),
    _route("/rest/api/3/user/bulk", _user_bulk),
    _route("/rest/api/3/user/search", _user_search),
)
SERVICES = (_route("/v1/services/{id}", _service),)
"""Below the base of JSM's registry of services."""
