"""Opsgenie, under test."""

from typing import Any

from connectors.providers.opsgenie.connector import Opsgenie
from connectors.simulator import opsgenie
from tests.connectors.conformance.entries import Endpoint, Listing, Provider, Word, Wrong, no_objects


def _thrifty(path: str, body: Any) -> None:
    """Nothing is expanded."""
    if path == "/v2/users/{id}":
        body["data"].pop("userContacts", None)
    if path == "/v2/schedules":
        for one in body["data"]:
            one["rotations"] = []


_REQUIRED = (
    "id", "type", "user", "username", "condition", "delay", "timeAmount", "notifyType", "recipient", "endDate",
    "fromUser", "startDate", "toUser", "rotations", "participants", "endHour", "endMin", "startHour", "startMin",
    "isDefault", "method", "contactMethod", "alias", "members", "rules", "startDay", "endDay",
)  # fmt: skip

OPSGENIE = Provider(
    connector=Opsgenie,
    vendor=opsgenie,
    settings={"region": "us"},
    credentials={"api_key": opsgenie.DEMO_KEY},
    empty=no_objects("users", "teams", "schedules", "escalations", "services", "forwardings"),
    thrifty=_thrifty,
    endpoints=(
        Endpoint("/v2/account", "data", "account"),
        Endpoint("/v2/request-limits", "data", "request_limits"),
        Endpoint("/v2/users", "data", "user"),
        Endpoint("/v2/users/{id}", "data", "user"),
        Endpoint("/v2/users/{id}/contacts", "data", "contact"),
        Endpoint("/v2/teams", "data", "team"),
        Endpoint("/v2/teams/{id}", "data", "team"),
        Endpoint("/v2/teams/{id}/routing-rules", "data", "routing_rule"),
        Endpoint("/v2/schedules", "data", "schedule"),
        Endpoint("/v2/schedules/{id}", "data", "schedule"),
        Endpoint("/v2/schedules/{id}/overrides", "data", "override"),
        Endpoint("/v2/schedules/{id}/timeline", "data", "timeline"),
        Endpoint("/v2/escalations", "data", "escalation"),
        Endpoint("/v2/forwarding-rules", "data", "forwarding_rule"),
        Endpoint("/v1/services", "data", "service"),
    ),
    listings=(
        Listing("responder", "/v2/users", "Read and Configuration Access"),
        Listing(
            "user_group",
            "/v2/teams",
            "Read and Configuration Access",
            whole="vendor docs, Team API: no paging",
            carries=frozenset({"escalation_policy"}),
        ),
        Listing(
            "schedule", "/v2/schedules", "Read and Configuration Access", whole="vendor docs, Schedule API: no paging"
        ),
        Listing(
            "escalation_policy",
            "/v2/escalations",
            "Read and Configuration Access",
            whole="vendor docs, Escalation API: no paging",
        ),
        Listing(
            "service",
            "/v1/services",
            "Read and Configuration Access",
            without="Services belong to the larger plans; a refusal is how the others say that they have none.",
        ),
    ),
    wrong=(
        Wrong("api_key", credentials={"api_key": "no-such-key"}, words="service region, now US"),
        Wrong("api_key", credentials={"api_key": opsgenie.OTHER_REGION_KEY}, words="service region, now US"),
        Wrong("api_key", credentials={"api_key": "no key at all!"}, words="Check the key"),
        Wrong("region", settings={"region": "mars"}),
    ),
    words=(
        Word("/v2/users/{id}", "userContacts[].contactMethod"),
        Word("/v2/teams/{id}/routing-rules", "notify.type"),
        Word("/v2/schedules", "rotations[].type"),
        Word("/v2/schedules", "rotations[].participants[].type"),
        Word("/v2/schedules", "rotations[].timeRestriction.type"),
        Word("/v2/schedules/{id}/overrides", "user.type"),
        Word("/v2/escalations", "rules[].condition"),
        Word("/v2/escalations", "rules[].notifyType"),
        Word("/v2/escalations", "rules[].recipient.type"),
        Word("/v2/escalations", "rules[].delay.timeUnit"),
    ),
    required=frozenset(_REQUIRED),
    throttled={"X-RateLimit-State": "THROTTLED", "X-RateLimit-Period-In-Sec": "7"},
)
