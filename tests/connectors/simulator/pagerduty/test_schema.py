"""Every answer of the simulated PagerDuty against the vendor's own OpenAPI file.

The file is stricter than what PagerDuty's documentation and recorded answers show; the departures are these:

1. Any property that is not required may be null ("Types" in the REST API documentation; recorded: ``end``,
   ``description``, ``rendered_coverage_percentage``). Of ``nullable`` the file makes use in few places.
2. ``include[]`` puts the full object where the file allows a reference only: a type may lose its ``_reference``.
3. ``escalation_rule_assignment_strategy`` is an object as well as a string (the file's own example is an object).
4. ``created_via_sso`` was documented as a string in one example.
5. ``oneOf`` of a service's alert grouping is met by both branches at once (recorded: two nulls): read as ``anyOf``.
6. Integrations that are included have a type without ``_reference`` (rule 2) and a key next to it.
7. ``editable`` overrides are ids alone, as documented; the file demands start, end and user.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connectors.simulator.pagerduty import USER_KEY, Simulator
from tests.paths import SHARED

VENDOR_FILE = SHARED / "vendor-schemas" / "pagerduty-openapi.json"
pytestmark = pytest.mark.skipif(not VENDOR_FILE.exists(), reason="the vendor's OpenAPI file is not at hand")
WINDOW = {"since": "2026-03-20T00:00:00Z", "until": "2026-04-03T00:00:00Z"}


def _relaxed(node: Any) -> Any:
    """The file's schemas with the departures listed above."""
    if isinstance(node, list):
        return [_relaxed(one) for one in node]
    if not isinstance(node, dict):
        return node
    made = {("anyOf" if name == "oneOf" else name): _relaxed(value) for name, value in node.items()}
    enum = made.get("enum")
    if isinstance(enum, list):
        made["enum"] = enum + [one.removesuffix("_reference") for one in enum if isinstance(one, str)]
    if isinstance(made.get("properties"), dict):
        required = made.get("required", [])
        made["properties"] = {
            name: value if name in required else {"anyOf": [value, {"type": "null"}]}
            for name, value in made["properties"].items()
        }
    return made


@pytest.fixture(scope="module")
def vendor() -> dict[str, Any]:
    document = json.loads(VENDOR_FILE.read_text())
    schemas = document["components"]["schemas"]
    strategy = schemas["EscalationRule"]["properties"]["escalation_rule_assignment_strategy"]
    shape = {"type": "object", "properties": {"type": dict(strategy)}, "required": ["type"]}
    schemas["EscalationRule"]["properties"]["escalation_rule_assignment_strategy"] = {"anyOf": [strategy, shape]}
    sso = schemas["User"]["allOf"][1]["properties"]["created_via_sso"]
    sso["type"] = ["boolean", "string"]
    relaxed: dict[str, Any] = _relaxed(document)
    return relaxed


def _errors(vendor: dict[str, Any], path: str, status: int, body: Any) -> list[str]:
    response = vendor["paths"][path]["get"]["responses"][str(status)]
    while "$ref" in response:
        response = vendor["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    schema = {**response["content"]["application/json"]["schema"], "components": vendor["components"]}
    return [f"{list(one.absolute_path)}: {one.message}"[:400] for one in Draft202012Validator(schema).iter_errors(body)]


@pytest.fixture
def paths(simulator: Simulator) -> dict[str, list[str]]:
    """The ids to put into each path."""
    state = simulator.state
    users = [user.id for user in state.present_users()]
    layered = [schedule.id for schedule in state.layer_schedules()]
    shift_based = [schedule.id for schedule in state.shift_schedules()]
    return {
        "/users/{id}": users,
        "/users/{id}/contact_methods": users,
        "/users/{id}/notification_rules": users[:20],
        "/teams/{id}/members": list(state.teams),
        "/escalation_policies/{id}": list(state.policies),
        "/schedules/{id}": layered,
        "/schedules/{id}/overrides": layered,
        "/v3/schedules/{id}": shift_based,
        "/v3/schedules/{id}/overrides": shift_based,
        "/v3/schedules/{id}/custom_shifts": shift_based,
    }


_ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/abilities", {}),
    ("/users", {"limit": 100}),
    ("/users", {"limit": 100, "include[]": ["contact_methods", "notification_rules", "teams"], "total": "true"}),
    ("/users/{id}", {"include[]": ["contact_methods", "calendar_urls"]}),
    ("/users/{id}/contact_methods", {}),
    ("/users/{id}/notification_rules", {"urgency": "all"}),
    ("/users/{id}/notification_rules", {"urgency": "all", "include[]": "contact_methods"}),
    ("/teams", {}),
    ("/teams/{id}/members", {}),
    ("/teams/{id}/members", {"include[]": "users"}),
    ("/escalation_policies", {}),
    (
        "/escalation_policies",
        {"include[]": ["services", "teams", "targets", "escalation_rule_assignment_strategies"]},
    ),
    ("/escalation_policies/{id}", {"include[]": "escalation_rule_assignment_strategies"}),
    ("/services", {}),
    (
        "/services",
        {"include[]": ["escalation_policies", "teams", "integrations", "auto_pause_notifications_parameters"]},
    ),
    ("/schedules", {}),
    ("/schedules", {"include[]": ["schedule_layers", "overrides_subschedule", "final_schedule"], **WINDOW}),
    ("/schedules/{id}", {}),
    ("/schedules/{id}", {**WINDOW, "time_zone": "Asia/Kolkata"}),
    ("/schedules/{id}", {**WINDOW, "overflow": "true"}),
    ("/schedules/{id}/overrides", {**WINDOW, "overflow": "true"}),
    ("/oncalls", {"limit": 100}),
    ("/oncalls", {"limit": 100, **WINDOW, "include[]": ["users", "schedules", "escalation_policies"]}),
    ("/v3/schedules", {}),
    ("/v3/schedules/{id}", {}),
    ("/v3/schedules/{id}", {**WINDOW, "include[]": "final_schedule", "time_zone": "UTC"}),
    ("/v3/schedules/{id}/overrides", WINDOW),
    ("/v3/schedules/{id}/custom_shifts", WINDOW),
]


@pytest.mark.parametrize(("path", "query"), _ASKED, ids=[f"{path} {' '.join(query)}" for path, query in _ASKED])
def test_answers_are_what_the_vendor_describes(
    vendor: dict[str, Any], paths: dict[str, list[str]], call: Callable[..., Any], path: str, query: dict[str, Any]
) -> None:
    for object_id in paths.get(path, [""]):
        got = call(path.replace("{id}", object_id), query)
        assert got.status in (200, 201), got.body
        assert _errors(vendor, path, got.status, got.json) == []
        assert next(iter(got.json.values())) or object_id


def test_users_me_is_what_the_vendor_describes(vendor: dict[str, Any], call: Callable[..., Any]) -> None:
    got = call("/users/me", key=USER_KEY)
    assert got.status == 200
    assert _errors(vendor, "/users/me", 200, got.json) == []


def test_errors_are_what_the_vendor_describes(
    vendor: dict[str, Any], call: Callable[..., Any], simulator: Simulator, schedule_id: Callable[[str], str]
) -> None:
    layered, shift_based = schedule_id("Platform Primary"), schedule_id("Security Desk")
    refused = [
        ("/users", call("/users", key="wrong"), 401),
        ("/users", call("/users", {"limit": "many"}), 400),
        ("/schedules/{id}", call("/schedules/PNOBODY"), 404),
        ("/schedules/{id}", call(f"/schedules/{shift_based}"), 400),
        ("/v3/schedules/{id}/overrides", call(f"/v3/schedules/{layered}/overrides", WINDOW), 400),
    ]
    simulator.state.abilities.remove("teams")
    refused.append(("/teams", call("/teams"), 402))
    for path, got, status in refused:
        assert got.status == status
        assert got.json["error"]["message"]
        assert _errors(vendor, path, status, got.json) == []


def test_the_check_notices_a_wrong_answer(vendor: dict[str, Any], call: Callable[..., Any]) -> None:
    body = call("/users").json
    body["users"][0]["role"] = "king"
    del body["users"][1]["email"]
    assert len(_errors(vendor, "/users", 200, body)) == 2
