"""JSM Operations, under test."""

from typing import Any

from connectors.providers.jsm.connector import JsmOperations
from connectors.simulator import jsm
from tests.connectors.conformance.entries import Endpoint, Listing, Provider, Word, Wrong, no_objects

_BASE = f"/jsm/ops/api/{jsm.CLOUD_ID}/v1"


def _address_of_nobody(server: Any) -> None:
    """The e-mail address of the token's owner is half of the credential: a recording masks it wherever it stands. So
    that a replay has all that was read, it is nobody's address in the account."""
    with server.state.editing():
        for user in server.state.users.values():
            if user.email.casefold() == jsm.DEMO_EMAIL:
                user.email = "owner@example.com"


def _three_of_one_team(server: Any) -> None:
    with server.state.editing():
        first, *others = list(server.state.escalations.values())[:3]
        for one in others:
            one.team_id = first.team_id


def _thrifty(path: str, body: Any) -> None:
    """Nothing is expanded."""
    if path == f"{_BASE}/schedules":
        for one in body["values"]:
            one["rotations"] = []


_REQUIRED = (
    "id", "type", "accountId", "teamId", "condition", "delay", "notifyType", "endDate", "fromUser",
    "startDate", "toUser", "endHour", "endMin", "startHour", "startMin", "isDefault", "alias", "responder",
    "startDay", "endDay",
)  # fmt: skip

JSM = Provider(
    connector=JsmOperations,
    vendor=jsm,
    settings=jsm.DEMO_SETTINGS,
    credentials=jsm.DEMO_CREDENTIALS,
    prepare=_address_of_nobody,
    vary=_three_of_one_team,
    empty=no_objects("teams", "schedules", "escalations", "services", "forwardings"),
    thrifty=_thrifty,
    refused={"/rest/api/3/user/bulk": 404},
    kinds=("responder", "user_group", "schedule", "escalation_policy"),
    endpoints=(
        Endpoint("/_edge/tenant_info", "", "tenant"),
        Endpoint("/rest/api/3/myself", "", "myself"),
        Endpoint("/rest/api/3/user/bulk", "values", "user"),
        Endpoint("/rest/api/3/user", "", "user"),
        Endpoint("/gateway/api/public/teams/v1/org/{id}/teams/{id}/members", "results", "member", "POST"),
        Endpoint(f"{_BASE}/teams", "platformTeams", "team"),
        Endpoint(f"{_BASE}/teams/{{id}}/escalations", "values", "escalation"),
        Endpoint(f"{_BASE}/teams/{{id}}/routing-rules", "values", "routing_rule"),
        Endpoint(f"{_BASE}/schedules", "values", "schedule"),
        Endpoint(f"{_BASE}/schedules/{{id}}", "", "schedule"),
        Endpoint(f"{_BASE}/schedules/{{id}}/rotations", "values", "rotation"),
        Endpoint(f"{_BASE}/schedules/{{id}}/overrides", "values", "override"),
        Endpoint(f"{_BASE}/schedules/{{id}}/timeline", "", "timeline"),
        Endpoint(f"{_BASE}/forwarding-rules", "values", "forwarding_rule"),
    ),
    listings=(
        Listing(
            "user_group",
            f"{_BASE}/teams",
            "read-only one, of Operations",
            whole="vendor docs, Teams: no paging is named",
            carries=frozenset({"escalation_policy"}),
        ),
        Listing("schedule", f"{_BASE}/schedules", "read-only one, of Operations"),
        Listing("escalation_policy", f"{_BASE}/teams/{{id}}/escalations", "read-only one, of Operations"),
    ),
    wrong=(
        Wrong("api_token", credentials={"api_token": "no-such-token"}, words="refused"),
        Wrong("api_token", credentials={"email": "nobody@example.com"}, words="refused"),
        Wrong("site", settings={"cloud_id": "11111111-5a0b-4e5f-9c51-ac3e00000001"}, words=jsm.CLOUD_ID),
        Wrong("site", settings={"site": "https://jira.acme.example"}, words="is not a site of Atlassian"),
        Wrong("cloud_id", settings={"cloud_id": "not an id"}, words="not a valid cloud id"),
        Wrong("org_id", settings={"org_id": "not an id"}, words="not a valid organisation id"),
    ),
    words=(
        Word("/rest/api/3/user/bulk", "accountType"),
        Word(f"{_BASE}/teams/{{id}}/routing-rules", "notify.type"),
        Word(f"{_BASE}/schedules", "rotations[].type"),
        Word(f"{_BASE}/schedules", "rotations[].participants[].type"),
        Word(f"{_BASE}/schedules", "rotations[].timeRestriction.type"),
        Word(f"{_BASE}/schedules/{{id}}/overrides", "responder.type"),
        Word(f"{_BASE}/teams/{{id}}/escalations", "rules[].condition"),
        Word(f"{_BASE}/teams/{{id}}/escalations", "rules[].notifyType"),
        Word(f"{_BASE}/teams/{{id}}/escalations", "rules[].recipient.type"),
    ),
    required=frozenset(_REQUIRED),
    throttled={"Retry-After": "7"},
    page_size="size",
    skips={
        "test_an_account_has_secrets_that_are_not_ours": "Nothing that is requested contains a secret: contacts, whose "
        "devices have tokens, are not.",
    },
)
