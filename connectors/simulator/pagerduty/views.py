"""The GET endpoints of PagerDuty's REST API: one function per endpoint, and the routes."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from connectors.simulator.exchange import Answer
from connectors.simulator.pagerduty.api_call import ApiCall, Refused
from connectors.simulator.pagerduty.model import EscalationPolicy, Schedule, Service, ShiftSchedule, Team, User
from connectors.simulator.pagerduty.oncalls import OnCall, earliest, on_calls
from connectors.simulator.pagerduty.wire import Json, Wire
from connectors.simulator.pagerduty.wire_schedules import (
    Window,
    custom_shift_json,
    override_json,
    override_shift_json,
    schedule_json,
    shift_schedule_json,
)
from connectors.simulator.routes import route
from connectors.simulator.zones import DAY

_SHIFT_BASED = "This schedule is a shift-based schedule. Use GET /v3/schedules/{id} to read it."
_LAYER_BASED = "This schedule is not a shift-based schedule. Use GET /schedules/{id} to read it."
Listed = TypeVar("Listed", User, Team, EscalationPolicy, Schedule, ShiftSchedule, Service)


def _matching_query(objects: Sequence[Listed], call: ApiCall) -> Sequence[Listed]:
    """Return the objects whose name contains the parameter ``query``."""
    query = (call.request.one("query") or "").casefold()
    return [one for one in objects if query in one.name.casefold()] if query else objects


def _team_ids(call: ApiCall) -> set[str]:
    wanted = set(call.request.many("team_ids[]"))
    if wanted and "teams" not in call.state.abilities:
        raise Refused(402, "The account does not have the ability teams")
    return wanted


def _present_user(call: ApiCall, user_id: str) -> User:
    user = call.state.users.get(user_id)
    if user is None or user.deleted_at is not None:
        raise Refused(404)
    return user


def _layer_schedule(call: ApiCall, schedule_id: str) -> Schedule:
    schedule = call.state.schedules.get(schedule_id)
    if schedule is None:
        raise Refused(404, code=3004)
    if not isinstance(schedule, Schedule):
        raise Refused(400, _SHIFT_BASED)
    return schedule


def _shift_schedule(call: ApiCall, schedule_id: str) -> ShiftSchedule:
    schedule = call.state.schedules.get(schedule_id)
    if schedule is None:
        raise Refused(404)
    if not isinstance(schedule, ShiftSchedule):
        raise Refused(400, _LAYER_BASED)
    return schedule


def _meeting(objects: Iterable[Any], window: Window) -> list[Any]:
    last = max(window.until, window.since + 1)
    return [one for one in objects if one.start < last and one.end > window.since]


def _users(call: ApiCall) -> Answer:
    wire, teams = call.wire(), _team_ids(call)
    if "contact_methods" in call.include or "notification_rules" in call.include:
        call.demand("users:contact_methods.read")
    users = _matching_query(call.state.present_users(), call)
    if teams:
        users = [user for user in users if teams.intersection(call.state.team_ids_of_user(user.id))]
    return call.page("users", users, lambda user: wire.user(user, call.include))


def _user(call: ApiCall, user_id: str) -> Answer:
    if "contact_methods" in call.include or "notification_rules" in call.include:
        call.demand("users:contact_methods.read")
    return Answer(200, {"user": call.wire().user(_present_user(call, user_id), call.include)})


def _me(call: ApiCall) -> Answer:
    if call.key.user_id is None:
        text = "Invalid Input Provided: /users/me cannot be used with an account-level access token"
        raise Refused(400, payload={"error": text})
    return _user(call, call.key.user_id)


def _contact_methods(call: ApiCall, user_id: str) -> Answer:
    wire, user = call.wire(), _present_user(call, user_id)
    methods = [wire.contact_method(user, method, reference=False) for method in user.contact_methods]
    return Answer(200, {"contact_methods": methods})


def _notification_rules(call: ApiCall, user_id: str) -> Answer:
    wire, user = call.wire(), _present_user(call, user_id)
    urgency = call.request.one("urgency") or "high"
    if urgency not in ("high", "low", "all"):
        raise Refused(400, "urgency must be high, low or all")
    rules = [
        wire.notification_rule(user, rule, include_method="contact_methods" in call.include)
        for rule in user.notification_rules
        if urgency in ("all", rule.urgency)
    ]
    return Answer(200, {"notification_rules": rules})


def _need_teams(call: ApiCall) -> None:
    if "teams" not in call.state.abilities:
        raise Refused(402, "The account does not have the ability teams")


def _teams(call: ApiCall) -> Answer:
    _need_teams(call)
    return call.page("teams", _matching_query(call.state.sorted_teams(), call), call.wire().team)


def _team(call: ApiCall, team_id: str) -> Answer:
    _need_teams(call)
    team = call.state.teams.get(team_id)
    if team is None:
        raise Refused(404, code=6001)
    return Answer(200, {"team": call.wire().team(team)})


def _members(call: ApiCall, team_id: str) -> Answer:
    _need_teams(call)
    team, wire = call.state.teams.get(team_id), call.wire()
    if team is None:
        raise Refused(404, code=6001)
    return call.page("members", team.members, lambda member: wire.member(*member, call.include))


def _policies(call: ApiCall) -> Answer:
    wire, teams, users = call.wire(), _team_ids(call), set(call.request.many("user_ids[]"))
    policies = _sorted(_matching_query(call.state.sorted_policies(), call), call)
    if teams:
        policies = [policy for policy in policies if policy.team_id in teams]
    if users:
        direct = {policy.id for user_id in users for policy in call.state.policies_of_user(user_id)}
        policies = [policy for policy in policies if policy.id in direct]
    return call.page("escalation_policies", policies, lambda policy: wire.policy(policy, call.include))


def _sorted(objects: Sequence[Any], call: ApiCall) -> Sequence[Any]:
    order = call.request.one("sort_by") or "name"
    if order not in ("name", "name:asc", "name:desc"):
        raise Refused(400, "sort_by must be name, name:asc or name:desc")
    return objects[::-1] if order == "name:desc" else objects


def _policy(call: ApiCall, policy_id: str) -> Answer:
    policy = call.state.policies.get(policy_id)
    if policy is None:
        raise Refused(404, code=5001)
    return Answer(200, {"escalation_policy": call.wire().policy(policy, call.include)})


def _services(call: ApiCall) -> Answer:
    wire, teams, name = call.wire(), _team_ids(call), call.request.one("name")
    services = _sorted(_matching_query(call.state.sorted_services(), call), call)
    if name is not None:
        services = [service for service in services if service.name == name]
    if teams:
        services = [one for one in services if call.state.policies[one.policy_id].team_id in teams]
    return call.page("services", services, lambda service: wire.service(service, call.include))


def _service(call: ApiCall, service_id: str) -> Answer:
    service = call.state.services.get(service_id)
    if service is None:
        raise Refused(404, code=2100)
    return Answer(200, {"service": call.wire().service(service, call.include)})


def _schedules(call: ApiCall) -> Answer:
    wire, teams = call.wire(), _team_ids(call)
    window = call.window(wire.zone) if call.include and call.state.lists_render else None
    schedules = _matching_query(call.state.layer_schedules(), call)
    if teams:
        schedules = [schedule for schedule in schedules if teams.intersection(schedule.team_ids)]

    def write(schedule: Schedule) -> Json:
        made = schedule_json(wire, schedule, window, call.now, call.include)
        return made | _next_on_call(call, wire, schedule)

    return call.page("schedules", schedules, write)


def _schedule(call: ApiCall, schedule_id: str) -> Answer:
    wire, schedule = call.wire(), _layer_schedule(call, schedule_id)
    made = schedule_json(wire, schedule, call.window(wire.zone), call.now)
    return Answer(200, {"schedule": made | _next_on_call(call, wire, schedule)})


def _next_on_call(call: ApiCall, wire: Wire, schedule: Schedule) -> Json:
    user_id = call.request.one("include_next_oncall_for_user")
    if user_id is None:
        return {}
    for entry in call.state.walked(schedule, call.now, call.now + 90 * DAY).final:
        if entry.user_id == user_id:
            who = wire.user_reference(user_id)
            found = {"start": wire.instant(entry.start), "end": wire.instant(entry.end), "user": who}
            return {"next_oncall_for_user": found}
    return {"next_oncall_for_user": None}


def _overrides(call: ApiCall, schedule_id: str) -> Answer:
    wire, schedule = call.wire(), _layer_schedule(call, schedule_id)
    window = call.window(wire.zone, required=True) or Window(0, 0)
    found = _meeting(schedule.overrides, window)
    if "editable" in call.request.query:
        return Answer(201, {"overrides": [{"id": one.id} for one in found]})
    return Answer(201, {"overrides": [override_json(wire, one, window) for one in found]})


def _v3_schedules(call: ApiCall) -> Answer:
    wire, teams = call.wire(v3=True), _team_ids(call)
    schedules = _matching_query(call.state.shift_schedules(), call)
    if teams:
        schedules = [schedule for schedule in schedules if teams.intersection(schedule.team_ids)]
    return call.page(
        "schedules", schedules, lambda one: wire.schedule_reference(one.id), default=100, most=1000, total=False
    )


def _v3_schedule(call: ApiCall, schedule_id: str) -> Answer:
    wire, schedule = call.wire(v3=True), _shift_schedule(call, schedule_id)
    window = None
    if "final_schedule" in call.include:
        window = call.window(wire.zone) or Window(call.now, call.now + 14 * DAY)
    return Answer(200, {"schedule": shift_schedule_json(wire, schedule, window)})


def _v3_overrides(call: ApiCall, schedule_id: str) -> Answer:
    wire, schedule = call.wire(v3=True), _shift_schedule(call, schedule_id)
    window = call.window(wire.zone, required=True) or Window(0, 0)
    found = _meeting(schedule.overrides, window)
    return call.page("overrides", found, lambda one: override_shift_json(wire, one, window), total=False)


def _v3_custom_shifts(call: ApiCall, schedule_id: str) -> Answer:
    wire, schedule = call.wire(v3=True), _shift_schedule(call, schedule_id)
    window = call.window(wire.zone, required=True) or Window(0, 0)
    found = _meeting(schedule.custom_shifts, window)
    return call.page("custom_shifts", found, lambda one: custom_shift_json(wire, one, window), total=False)


def _on_calls(call: ApiCall) -> Answer:
    wire = call.wire()
    since, until = call.moment("since", wire.zone), call.moment("until", wire.zone)
    first = call.now if since is None else int(since)
    last = max(first, call.now) if until is None else int(until)
    if first > last:
        raise Refused(400, "since cannot be after until", code=2005)
    if last > call.now + 90 * DAY:
        raise Refused(400, "until cannot be more than 90 days in the future", code=2005)
    found: Iterable[OnCall] = on_calls(call.state, first, last)
    if call.request.flag("earliest"):
        found = earliest(iter(found))
    users, policies, schedules = (
        set(call.request.many(name)) for name in ("user_ids[]", "escalation_policy_ids[]", "schedule_ids[]")
    )
    kept = [
        one
        for one in found
        if (not users or one.user_id in users)
        and (not policies or one.policy.id in policies)
        and (not schedules or one.schedule_id in schedules)
    ]
    return call.page("oncalls", kept, lambda one: _on_call(call, wire, one))


def _on_call(call: ApiCall, wire: Wire, one: OnCall) -> Json:
    include = call.include
    schedule: Json | None = None
    if one.schedule_id is not None:
        schedule = wire.target("schedule", one.schedule_id, expanded="schedules" in include)
    user = call.state.users[one.user_id]
    whole = "users" in include and user.deleted_at is None
    return {
        "escalation_policy": wire.policy(one.policy)
        if "escalation_policies" in include
        else wire.policy_reference(one.policy),
        "escalation_level": one.level,
        "schedule": schedule,
        "user": wire.user(user) if whole else wire.user_reference(user.id),
        "start": None if one.start is None else wire.instant(one.start),
        "end": None if one.end is None else wire.instant(one.end),
    }


def _abilities(call: ApiCall) -> Answer:
    return Answer(200, {"abilities": list(call.state.abilities)})


def _ability(call: ApiCall, name: str) -> Answer:
    if name not in call.state.abilities:
        raise Refused(402, f"The account does not have the ability {name}")
    return Answer(204)


ROUTES = (
    route("/users", "users.read", _users),
    route("/users/me", "users.read", _me),
    route("/users/{id}", "users.read", _user),
    route("/users/{id}/contact_methods", "users:contact_methods.read", _contact_methods),
    route("/users/{id}/notification_rules", "users:contact_methods.read", _notification_rules),
    route("/teams", "teams.read", _teams),
    route("/teams/{id}", "teams.read", _team),
    route("/teams/{id}/members", "teams.read", _members),
    route("/escalation_policies", "escalation_policies.read", _policies),
    route("/escalation_policies/{id}", "escalation_policies.read", _policy),
    route("/services", "services.read", _services),
    route("/services/{id}", "services.read", _service),
    route("/schedules", "schedules.read", _schedules),
    route("/schedules/{id}", "schedules.read", _schedule),
    route("/schedules/{id}/overrides", "schedules.read", _overrides),
    route("/v3/schedules", "schedules.read", _v3_schedules),
    route("/v3/schedules/{id}", "schedules.read", _v3_schedule),
    route("/v3/schedules/{id}/overrides", "schedules.read", _v3_overrides),
    route("/v3/schedules/{id}/custom_shifts", "schedules.read", _v3_custom_shifts),
    route("/oncalls", "oncalls.read", _on_calls),
    route("/abilities", "abilities.read", _abilities),
    route("/abilities/{id}", "abilities.read", _ability),
)
