"""Every answer of the simulated Opsgenie against the vendor's own OpenAPI (Swagger 2) file.

The file forbids nothing it does not name, so here every property must be one it names. It knows less than what the
vendor's samples and recorded answers show; the departures are these:

1. What a ``discriminator`` chooses is checked by its ``type`` (recipients, restrictions, filters), as Swagger means it.
2. A rule may notify ``random`` (documented for teams; the file's list of words lacks it).
3. A daily restriction is sent as a list of one by the vendor's samples; the file has an object only.
4. A null stands where something may be left out (``count`` of a repeat without repetition).
5. Unnamed, but in recorded answers or samples: ``links`` of teams, ``description`` and ``ownerTeam`` of timelines,
   the conditions of a filter (the file has the filter's type alone), ``errors`` of an error.
6. Paths the file lacks are not checked: services, request limits, roles, rotations and single overrides.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft4Validator

from connectors.simulator.opsgenie import NO_CONFIGURATION_KEY, Simulator
from tests.paths import SHARED

VENDOR_FILE = SHARED / "vendor-schemas" / "opsgenie-swagger.json"
pytestmark = pytest.mark.skipif(not VENDOR_FILE.exists(), reason="the vendor's OpenAPI file is not at hand")
_KINDS = {
    "Recipient": {
        "all": "AllRecipient",
        "none": "NoRecipient",
        "user": "UserRecipient",
        "escalation": "EscalationRecipient",
        "schedule": "ScheduleRecipient",
        "team": "TeamRecipient",
        "group": "GroupRecipient",
    },
    "TimeRestrictionInterval": {
        "time-of-day": "TimeOfDayRestrictionInterval",
        "weekday-and-time-of-day": "WeekdayTimeRestrictionInterval",
    },
}
_UNNAMED = {
    "Team": {"links": {"type": "object"}},
    "ScheduleTimeline": {"description": {"type": "string"}, "ownerTeam": {"$ref": "#/definitions/TeamMeta"}},
    "Filter": {"conditions": {"type": "array"}},
    "ErrorResponse": {"errors": {"type": "object"}},
    "TimeOfDayRestrictionInterval": {
        "restrictions": {
            "type": "array",
            "items": {"$ref": "#/definitions/TimeOfDayRestriction"},
            "minItems": 1,
            "maxItems": 1,
        }
    },
}


def _flat(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A definition with its ``allOf`` parts merged, closed against unnamed properties, and open to nulls."""
    node = document["definitions"][name]
    merged: dict[str, Any] = {"properties": dict(_UNNAMED.get(name, {})), "required": []}
    for part in (node, *node.get("allOf", ())):
        found = _flat(document, part["$ref"].rsplit("/", 1)[1]) if "$ref" in part else part
        merged["properties"] |= found.get("properties", {})
        merged["required"] += found.get("required", [])
    made = {"type": "object", "properties": merged["properties"], "additionalProperties": False}
    return made | ({"required": merged["required"]} if merged["required"] else {})


def _chosen(document: dict[str, Any], name: str) -> dict[str, Any]:
    """One branch per ``type``."""
    branches = []
    for kind, definition in _KINDS[name].items():
        branch = _flat(document, definition)
        branch["properties"] = branch["properties"] | {"type": {"enum": [kind]}}
        branches.append(branch)
    return {"oneOf": branches}


@pytest.fixture(scope="module")
def vendor() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(VENDOR_FILE.read_text())
    document["definitions"]["EscalationRule"]["properties"]["notifyType"]["enum"].append("random")
    repeat = document["definitions"]["EscalationRepeat"]["properties"]
    repeat["count"] = {"type": ["integer", "null"]}
    objects = [name for name, node in document["definitions"].items() if "enum" not in node]
    made = {name: _chosen(document, name) if name in _KINDS else _flat(document, name) for name in objects}
    document["definitions"] |= made
    return document


def _errors(vendor: dict[str, Any], path: str, status: int, body: Any) -> list[str]:
    response = vendor["paths"][path]["get"]["responses"][str(status)]
    if "$ref" in response:
        response = vendor["responses"][response["$ref"].rsplit("/", 1)[1]]
    schema = {"allOf": [response["schema"]], "definitions": vendor["definitions"]}
    return [f"{list(one.absolute_path)}: {one.message}"[:400] for one in Draft4Validator(schema).iter_errors(body)]


@pytest.fixture
def identifiers(opsgenie: Simulator) -> dict[str, list[str]]:
    """The ids to put into each path, by its first words."""
    state = opsgenie.state
    return {
        "/v2/users/": [user.id for user in state.present_users()],
        "/v2/teams/": list(state.teams),
        "/v2/schedules/": list(state.schedules),
        "/v2/escalations/": list(state.escalations),
    }


_ALL_LAYERS = {"expand": "base,override,forwarding", "interval": 3, "date": "2026-03-18T00:00:00Z"}
_ASKED: list[tuple[str, dict[str, Any]]] = [
    ("/v2/account", {}),
    ("/v2/users", {"limit": 25, "offset": 25}),
    ("/v2/users/{identifier}", {}),
    ("/v2/users/{identifier}", {"expand": "contact"}),
    ("/v2/users/{identifier}/contacts", {}),
    ("/v2/users/{identifier}/notification-rules", {}),
    ("/v2/teams", {}),
    ("/v2/teams/{identifier}", {}),
    ("/v2/teams/{identifier}/routing-rules", {}),
    ("/v2/schedules", {}),
    ("/v2/schedules", {"expand": "rotation"}),
    ("/v2/schedules/{identifier}", {}),
    ("/v2/schedules/{identifier}/overrides", {}),
    ("/v2/schedules/{identifier}/timeline", {}),
    ("/v2/schedules/{identifier}/timeline", _ALL_LAYERS),
    ("/v2/schedules/{identifier}/on-calls", {}),
    ("/v2/schedules/{identifier}/on-calls", {"flat": "true"}),
    ("/v2/schedules/on-calls", {}),
    ("/v2/escalations", {}),
    ("/v2/escalations/{identifier}", {}),
    ("/v2/forwarding-rules", {}),
]


@pytest.mark.parametrize(("path", "query"), _ASKED, ids=[f"{path} {' '.join(query)}" for path, query in _ASKED])
def test_answers_are_what_the_vendor_describes(
    vendor: dict[str, Any],
    identifiers: dict[str, list[str]],
    genie: Callable[..., Any],
    path: str,
    query: dict[str, Any],
) -> None:
    ids = next((found for start, found in identifiers.items() if path.startswith(start + "{")), [""])
    for identifier in ids:
        got = genie(path.replace("{identifier}", identifier), query)
        assert got.status == 200, got.body
        assert _errors(vendor, path, 200, got.json) == []
        assert got.json["data"] or identifier


def test_errors_are_what_the_vendor_describes(vendor: dict[str, Any], genie: Callable[..., Any]) -> None:
    refused = [
        ("/v2/users", genie("/v2/users", key="wrong"), 401),
        ("/v2/users", genie("/v2/users", key=NO_CONFIGURATION_KEY), 403),
        ("/v2/users", genie("/v2/users", {"limit": "many"}), 422),
        ("/v2/teams/{identifier}", genie("/v2/teams/none"), 404),
    ]
    for path, got, status in refused:
        assert got.status == status
        assert _errors(vendor, path, status, got.json) == []


def test_the_check_notices_wrong_answers(vendor: dict[str, Any], genie: Callable[..., Any]) -> None:
    body = genie("/v2/schedules", {"expand": "rotation"}).json
    assert _errors(vendor, "/v2/schedules", 200, body) == []
    rotation = body["data"][0]["rotations"][0]
    rotation["type"] = "yearly"
    rotation["participants"][0]["nickname"] = "zed"
    body["data"][1]["colour"] = "red"
    assert len(_errors(vendor, "/v2/schedules", 200, body)) == 3
