"""PagerDuty, under test."""

from typing import Any

from connectors.providers.pagerduty.connector import PagerDuty
from connectors.simulator import pagerduty
from tests.connectors.conformance.entries import Endpoint, Listing, Login, Provider, Word, Wrong, no_objects


def _some_shift_schedules(server: Any) -> None:
    for schedule in server.state.layer_schedules()[:3]:
        del schedule.layers[1:]  # only one layer alone can become a rotation
        server.edits.upgrade_schedule(schedule.id)


def _thrifty(path: str, body: Any) -> None:
    """Lists may lack the objects that they should include. In an account of many people, single reads are cheaper."""
    for one in body.get("users", ()) if path == "/users" else (body["user"],) if path == "/users/{id}" else ():
        one.pop("contact_methods", None)
        one.pop("notification_rules", None)
    if path == "/users":
        body["total"] = 100_000
    if path == "/schedules":
        for one in body["schedules"]:
            one.pop("schedule_layers", None)
    if path == "/schedules/{id}":
        body["schedule"].pop("overrides_subschedule", None)


_REQUIRED = (
    "id", "type", "user", "user_id", "member", "members", "time_zone", "start", "end", "start_time", "end_time",
    "date_time", "escalation_rules", "escalation_delay_in_minutes", "targets", "schedule_layers",
    "rotation_turn_length_seconds", "rotation_virtual_start", "users", "start_time_of_day", "start_day_of_week",
    "duration_seconds", "contact_method", "start_delay_in_minutes", "urgency", "assignments", "overridden_member",
    "overriding_member", "rotation_id", "rotations", "events", "assignment_strategy", "recurrence",
)  # fmt: skip

PAGERDUTY = Provider(
    connector=PagerDuty,
    vendor=pagerduty,
    settings={"subdomain": "acme", "region": "us", "auth": "token"},
    credentials={"api_key": pagerduty.DEMO_KEY},
    empty=no_objects("users", "teams", "schedules", "policies", "services"),
    vary=_some_shift_schedules,
    thrifty=_thrifty,
    endpoints=(
        Endpoint("/users", "users", "user"),
        Endpoint("/users/{id}", "user", "user"),
        Endpoint("/users/{id}/contact_methods", "contact_methods", "contact_method"),
        Endpoint("/users/{id}/notification_rules", "notification_rules", "notification_rule"),
        Endpoint("/teams", "teams", "team"),
        Endpoint("/teams/{id}/members", "members", "member"),
        Endpoint("/escalation_policies", "escalation_policies", "escalation_policy"),
        Endpoint("/services", "services", "service"),
        Endpoint("/schedules", "schedules", "schedule"),
        Endpoint("/schedules/{id}", "schedule", "schedule"),
        Endpoint("/schedules/{id}/overrides", "overrides", "override"),
        Endpoint("/v3/schedules", "schedules", "shift_schedule_reference"),
        Endpoint("/v3/schedules/{id}", "schedule", "shift_schedule"),
        Endpoint("/v3/schedules/{id}/overrides", "overrides", "override_shift"),
        Endpoint("/v3/schedules/{id}/custom_shifts", "custom_shifts", "custom_shift"),
        Endpoint("/abilities", "abilities", "ability"),
    ),
    listings=(
        Listing("responder", "/users", "Grant users.read"),
        Listing("user_group", "/teams", "Grant teams.read"),
        Listing("schedule", "/schedules", "Grant schedules.read"),
        Listing(
            "schedule",
            "/v3/schedules",
            "No shift-based schedules can be read",
            without="Shift-based schedules are in early access: most accounts have none.",
        ),
        Listing("escalation_policy", "/escalation_policies", "Grant escalation_policies.read"),
        Listing("service", "/services", "Grant services.read"),
    ),
    logins=(Login({"auth": "bearer"}),),
    wrong=(
        Wrong("api_key", credentials={"api_key": "no-such-key"}, words="service region, now US"),
        Wrong("api_key", settings={"auth": "bearer"}, credentials={"api_key": "no-such-token"}, words="refused"),
        Wrong("subdomain", credentials={"api_key": pagerduty.OTHER_ACCOUNT_KEY}, words="globex"),
        Wrong("subdomain", settings={"subdomain": "globex"}, words="acme"),
        Wrong("subdomain", settings={"subdomain": "not a name"}, words="first part of the address"),
        Wrong("region", settings={"region": "mars"}),
        Wrong("auth", settings={"auth": "password"}),
    ),
    words=(
        Word("/users", "contact_methods[].type"),
        Word("/users", "notification_rules[].type"),
        Word("/users", "notification_rules[].urgency"),
        Word("/escalation_policies", "escalation_rules[].targets[].type"),
        Word("/escalation_policies", "escalation_rules[].escalation_rule_assignment_strategy"),
        Word("/schedules/{id}", "schedule_layers[].restrictions[].type"),
        Word("/schedules/{id}", "schedule_layers[].users[].user.type"),
        Word("/v3/schedules/{id}", "rotations[].events[].assignment_strategy.type"),
        Word("/v3/schedules/{id}", "rotations[].events[].assignment_strategy.members[].type"),
        Word("/teams/{id}/members", "user.type"),
    ),
    required=frozenset(_REQUIRED),
    throttled={"ratelimit-limit": "960", "ratelimit-remaining": "0", "ratelimit-reset": "7"},
)
