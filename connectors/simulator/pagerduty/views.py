"""PagerDuty's REST API, the GETs a reader needs: one function per endpoint and the table of paths."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from connectors.simulator.exchange import Answer
from connectors.simulator.pagerduty.asking import Asked, Refused
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
from connectors.simulator.zones import DAY

_SHIFT_BASED = "This schedule is a shift-based schedule. Use GET /v3/schedules/{id} to read it."
_LAYER_BASED = "This schedule is not a shift-based schedule. Use GET /schedules/{id} to read it."
Named = TypeVar("Named", User, Team, EscalationPolicy, Schedule, ShiftSchedule, Service)


def _named(objects: Sequence[Named], asked: Asked) -> Sequence[Named]:
    """Those whose name holds ``query``."""
    query = (asked.request.one("query") or "").casefold()
    return [one for one in objects if query in one.name.casefold()] if query else objects


def _team_ids(asked: Asked) -> set[str]:
    wanted = set(asked.request.many("team_ids[]"))
    if wanted and "teams" not in asked.state.abilities:
        raise Refused(402, "The account does not have the ability teams")
    return wanted


def _present_user(asked: Asked, user_id: str) -> User:
    user = asked.state.users.get(user_id)
    if user is None or user.deleted_at is not None:
        raise Refused(404)
    return user


def _layer_schedule(asked: Asked, schedule_id: str) -> Schedule:
    schedule = asked.state.schedules.get(schedule_id)
    if schedule is None:
        raise Refused(404, code=3004)
    if not isinstance(schedule, Schedule):
        raise Refused(400, _SHIFT_BASED)
    return schedule


def _shift_schedule(asked: Asked, schedule_id: str) -> ShiftSchedule:
    schedule = asked.state.schedules.get(schedule_id)
    if schedule is None:
        raise Refused(404)
    if not isinstance(schedule, ShiftSchedule):
        raise Refused(400, _LAYER_BASED)
    return schedule


def _meeting(objects: Iterable[Any], window: Window) -> list[Any]:
    last = max(window.until, window.since + 1)
    return [one for one in objects if one.start < last and one.end > window.since]


def _users(asked: Asked) -> Answer:
    wire, teams = asked.wire(), _team_ids(asked)
    if "contact_methods" in asked.include or "notification_rules" in asked.include:
        asked.demand("users:contact_methods.read")
    users = _named(asked.state.present_users(), asked)
    if teams:
        users = [user for user in users if teams.intersection(asked.state.team_ids_of_user(user.id))]
    return asked.page("users", users, lambda user: wire.user(user, asked.include))


def _user(asked: Asked, user_id: str) -> Answer:
    if "contact_methods" in asked.include or "notification_rules" in asked.include:
        asked.demand("users:contact_methods.read")
    return Answer(200, {"user": asked.wire().user(_present_user(asked, user_id), asked.include)})


def _me(asked: Asked) -> Answer:
    if asked.key.user_id is None:
        text = "Invalid Input Provided: /users/me cannot be used with an account-level access token"
        raise Refused(400, payload={"error": text})
    return _user(asked, asked.key.user_id)


def _contact_methods(asked: Asked, user_id: str) -> Answer:
    wire, user = asked.wire(), _present_user(asked, user_id)
    methods = [wire.contact_method(user, method, reference=False) for method in user.contact_methods]
    return Answer(200, {"contact_methods": methods})


def _notification_rules(asked: Asked, user_id: str) -> Answer:
    wire, user = asked.wire(), _present_user(asked, user_id)
    urgency = asked.request.one("urgency") or "high"
    if urgency not in ("high", "low", "all"):
        raise Refused(400, "urgency must be high, low or all")
    rules = [
        wire.notification_rule(user, rule, include_method="contact_methods" in asked.include)
        for rule in user.notification_rules
        if urgency in ("all", rule.urgency)
    ]
    return Answer(200, {"notification_rules": rules})


def _need_teams(asked: Asked) -> None:
    if "teams" not in asked.state.abilities:
        raise Refused(402, "The account does not have the ability teams")


def _teams(asked: Asked) -> Answer:
    _need_teams(asked)
    return asked.page("teams", _named(asked.state.sorted_teams(), asked), asked.wire().team)


def _members(asked: Asked, team_id: str) -> Answer:
    _need_teams(asked)
    team, wire = asked.state.teams.get(team_id), asked.wire()
    if team is None:
        raise Refused(404, code=6001)
    return asked.page("members", team.members, lambda member: wire.member(*member, asked.include))


def _policies(asked: Asked) -> Answer:
    wire, teams, users = asked.wire(), _team_ids(asked), set(asked.request.many("user_ids[]"))
    policies = _sorted(_named(asked.state.sorted_policies(), asked), asked)
    if teams:
        policies = [policy for policy in policies if policy.team_id in teams]
    if users:
        direct = {policy.id for user_id in users for policy in asked.state.policies_of_user(user_id)}
        policies = [policy for policy in policies if policy.id in direct]
    return asked.page("escalation_policies", policies, lambda policy: wire.policy(policy, asked.include))


def _sorted(objects: Sequence[Any], asked: Asked) -> Sequence[Any]:
    order = asked.request.one("sort_by") or "name"
    if order not in ("name", "name:asc", "name:desc"):
        raise Refused(400, "sort_by must be name, name:asc or name:desc")
    return objects[::-1] if order == "name:desc" else objects


def _policy(asked: Asked, policy_id: str) -> Answer:
    policy = asked.state.policies.get(policy_id)
    if policy is None:
        raise Refused(404, code=5001)
    return Answer(200, {"escalation_policy": asked.wire().policy(policy, asked.include)})


def _services(asked: Asked) -> Answer:
    wire, teams, name = asked.wire(), _team_ids(asked), asked.request.one("name")
    services = _sorted(_named(asked.state.sorted_services(), asked), asked)
    if name is not None:
        services = [service for service in services if service.name == name]
    if teams:
        services = [one for one in services if asked.state.policies[one.policy_id].team_id in teams]
    return asked.page("services", services, lambda service: wire.service(service, asked.include))


def _schedules(asked: Asked) -> Answer:
    wire, teams = asked.wire(), _team_ids(asked)
    window = asked.window(wire.zone) if asked.include else None
    schedules = _named(asked.state.layer_schedules(), asked)
    if teams:
        schedules = [schedule for schedule in schedules if teams.intersection(schedule.team_ids)]

    def write(schedule: Schedule) -> Json:
        made = schedule_json(wire, schedule, window, asked.now, asked.include)
        return made | _next_on_call(asked, wire, schedule)

    return asked.page("schedules", schedules, write)


def _schedule(asked: Asked, schedule_id: str) -> Answer:
    wire, schedule = asked.wire(), _layer_schedule(asked, schedule_id)
    made = schedule_json(wire, schedule, asked.window(wire.zone), asked.now)
    return Answer(200, {"schedule": made | _next_on_call(asked, wire, schedule)})


def _next_on_call(asked: Asked, wire: Wire, schedule: Schedule) -> Json:
    user_id = asked.request.one("include_next_oncall_for_user")
    if user_id is None:
        return {}
    for entry in asked.state.walked(schedule, asked.now, asked.now + 90 * DAY).final:
        if entry.user_id == user_id:
            who = wire.user_reference(user_id)
            found = {"start": wire.instant(entry.start), "end": wire.instant(entry.end), "user": who}
            return {"next_oncall_for_user": found}
    return {"next_oncall_for_user": None}


def _overrides(asked: Asked, schedule_id: str) -> Answer:
    wire, schedule = asked.wire(), _layer_schedule(asked, schedule_id)
    window = asked.window(wire.zone, required=True) or Window(0, 0)
    found = _meeting(schedule.overrides, window)
    if "editable" in asked.request.query:
        return Answer(201, {"overrides": [{"id": one.id} for one in found]})
    return Answer(201, {"overrides": [override_json(wire, one, window) for one in found]})


def _v3_schedules(asked: Asked) -> Answer:
    wire, teams = asked.wire(v3=True), _team_ids(asked)
    schedules = _named(asked.state.shift_schedules(), asked)
    if teams:
        schedules = [schedule for schedule in schedules if teams.intersection(schedule.team_ids)]
    return asked.page(
        "schedules", schedules, lambda one: wire.schedule_reference(one.id), default=100, most=1000, total=False
    )


def _v3_schedule(asked: Asked, schedule_id: str) -> Answer:
    wire, schedule = asked.wire(v3=True), _shift_schedule(asked, schedule_id)
    window = None
    if "final_schedule" in asked.include:
        window = asked.window(wire.zone) or Window(asked.now, asked.now + 14 * DAY)
    return Answer(200, {"schedule": shift_schedule_json(wire, schedule, window)})


def _v3_overrides(asked: Asked, schedule_id: str) -> Answer:
    wire, schedule = asked.wire(v3=True), _shift_schedule(asked, schedule_id)
    window = asked.window(wire.zone, required=True) or Window(0, 0)
    found = _meeting(schedule.overrides, window)
    return asked.page("overrides", found, lambda one: override_shift_json(wire, one, window), total=False)


def _v3_custom_shifts(asked: Asked, schedule_id: str) -> Answer:
    wire, schedule = asked.wire(v3=True), _shift_schedule(asked, schedule_id)
    window = asked.window(wire.zone, required=True) or Window(0, 0)
    found = _meeting(schedule.custom_shifts, window)
    return asked.page("custom_shifts", found, lambda one: custom_shift_json(wire, one, window), total=False)


def _on_calls(asked: Asked) -> Answer:
    wire = asked.wire()
    since, until = asked.moment("since", wire.zone), asked.moment("until", wire.zone)
    first = asked.now if since is None else int(since)
    last = max(first, asked.now) if until is None else int(until)
    if first > last:
        raise Refused(400, "since cannot be after until", code=2005)
    if last > asked.now + 90 * DAY:
        raise Refused(400, "until cannot be more than 90 days in the future", code=2005)
    found: Iterable[OnCall] = on_calls(asked.state, first, last)
    if asked.request.flag("earliest"):
        found = earliest(iter(found))
    users, policies, schedules = (
        set(asked.request.many(name)) for name in ("user_ids[]", "escalation_policy_ids[]", "schedule_ids[]")
    )
    kept = [
        one
        for one in found
        if (not users or one.user_id in users)
        and (not policies or one.policy.id in policies)
        and (not schedules or one.schedule_id in schedules)
    ]
    return asked.page("oncalls", kept, lambda one: _on_call(asked, wire, one))


def _on_call(asked: Asked, wire: Wire, one: OnCall) -> Json:
    include = asked.include
    schedule: Json | None = None
    if one.schedule_id is not None:
        schedule = wire.target("schedule", one.schedule_id, expanded="schedules" in include)
    user = asked.state.users[one.user_id]
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


def _abilities(asked: Asked) -> Answer:
    return Answer(200, {"abilities": list(asked.state.abilities)})


def _ability(asked: Asked, name: str) -> Answer:
    if name not in asked.state.abilities:
        raise Refused(402, f"The account does not have the ability {name}")
    return Answer(204)


def _route(path: str, right: str, view: Callable[..., Answer]) -> tuple[re.Pattern[str], str, Callable[..., Answer]]:
    return re.compile(path.replace("{id}", "([^/]+)")), right, view


ROUTES = (
    _route("/users", "users.read", _users),
    _route("/users/me", "users.read", _me),
    _route("/users/{id}", "users.read", _user),
    _route("/users/{id}/contact_methods", "users:contact_methods.read", _contact_methods),
    _route("/users/{id}/notification_rules", "users:contact_methods.read", _notification_rules),
    _route("/teams", "teams.read", _teams),
    _route("/teams/{id}/members", "teams.read", _members),
    _route("/escalation_policies", "escalation_policies.read", _policies),
    _route("/escalation_policies/{id}", "escalation_policies.read", _policy),
    _route("/services", "services.read", _services),
    _route("/schedules", "schedules.read", _schedules),
    _route("/schedules/{id}", "schedules.read", _schedule),
    _route("/schedules/{id}/overrides", "schedules.read", _overrides),
    _route("/v3/schedules", "schedules.read", _v3_schedules),
    _route("/v3/schedules/{id}", "schedules.read", _v3_schedule),
    _route("/v3/schedules/{id}/overrides", "schedules.read", _v3_overrides),
    _route("/v3/schedules/{id}/custom_shifts", "schedules.read", _v3_custom_shifts),
    _route("/oncalls", "oncalls.read", _on_calls),
    _route("/abilities", "abilities.read", _abilities),
    _route("/abilities/{id}", "abilities.read", _ability),
)
