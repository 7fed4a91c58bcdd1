"""No field that PagerDuty is known to send is without a fate."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.providers.pagerduty.ledger import LEDGER
from connectors.simulator.pagerduty import DEMO_KEY, Simulator, build_world

SHARED = Path(__file__).resolve().parents[4].parent / "shared"
RECORDING = SHARED / "recordings" / "pagerduty.json"
SCHEMA = SHARED / "vendor-schemas" / "pagerduty-openapi.json"

#: Endpoint we read -> (wrapper key, ledger table).
TABLES = {
    "/users": ("users", "user"),
    "/users/{id}": ("user", "user"),
    "/users/{id}/contact_methods": ("contact_methods", "contact_method"),
    "/users/{id}/notification_rules": ("notification_rules", "notification_rule"),
    "/teams": ("teams", "team"),
    "/teams/{id}/members": ("members", "member"),
    "/escalation_policies": ("escalation_policies", "escalation_policy"),
    "/services": ("services", "service"),
    "/schedules": ("schedules", "schedule"),
    "/schedules/{id}": ("schedule", "schedule"),
    "/schedules/{id}/overrides": ("overrides", "override"),
    "/v3/schedules": ("schedules", "shift_schedule_reference"),
    "/v3/schedules/{id}": ("schedule", "shift_schedule"),
    "/v3/schedules/{id}/overrides": ("overrides", "override_shift"),
    "/v3/schedules/{id}/custom_shifts": ("custom_shifts", "custom_shift"),
    "/abilities": ("abilities", "ability"),
}


def template(path: str) -> str:
    parts = path.split("/")
    at = 3 if parts[1] == "v3" else 2
    if len(parts) > at:
        parts[at] = "{id}"
    return "/".join(parts)


def unclassed(path: str, body: dict[str, Any]) -> list[str]:
    wrapper, table = TABLES[template(path)]
    found = body[wrapper] if isinstance(body[wrapper], list) else [body[wrapper]]
    rest = {key: value for key, value in body.items() if key != wrapper}
    unknown = [f"{table}: {field}" for item in found for field in LEDGER.unknown(table, item)]
    return unknown + [f"page: {field}" for field in (LEDGER.unknown("page", rest) if rest else ())]


def test_every_field_of_the_recording_is_classed() -> None:
    if not RECORDING.exists():
        pytest.skip("no recordings beside this repository")
    answers = [e for e in json.loads(RECORDING.read_text())["exchanges"] if e["status"] == 200]
    assert len(answers) == 18
    assert sorted({field for e in answers for field in unclassed(e["path"], e["body"])}) == []


def test_every_field_of_the_vendors_schema_is_classed() -> None:
    if not SCHEMA.exists():
        pytest.skip("no vendor schemas beside this repository")
    spec = json.loads(SCHEMA.read_text())
    missing = []
    for path, (wrapper, table) in TABLES.items():
        responses = spec["paths"][path]["get"]["responses"]
        success = next(response for status, response in responses.items() if status.startswith("2"))
        fields = set(schema_paths(spec, success["content"]["application/json"]["schema"]))
        assert fields
        for field in fields:
            name, _, rest = field.partition(".")
            if name.removesuffix("[]") == wrapper:
                missing += [f"{table}: {rest}"] if LEDGER.classify(table, rest) is None else []
            else:
                missing += [f"page: {field}"] if LEDGER.classify("page", field) is None else []
    assert missing == []


def test_every_field_of_the_simulator_is_classed() -> None:
    now = time.time()
    since, until = "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"
    missing: list[str] = []
    seen = set()
    with Simulator(build_world(int(now))) as simulator:
        state = simulator.state
        shift_ids = [one.id for one in state.shift_schedules()]
        paths = ["/users", "/teams", "/escalation_policies", "/services", "/schedules", "/v3/schedules", "/abilities"]
        paths += [f"/users/{id_}{more}" for id_ in list(state.users)[:5] for more in ("", "/contact_methods")]
        paths += [f"/users/{id_}/notification_rules" for id_ in list(state.users)[:5]]
        paths += [f"/teams/{id_}/members" for id_ in state.teams]
        paths += [f"/schedules/{one.id}{more}" for one in state.layer_schedules() for more in ("", "/overrides")]
        paths += [f"/v3/schedules/{id_}{m}" for id_ in shift_ids for m in ("", "/overrides", "/custom_shifts")]
        for path in paths:
            include = {
                "/users": ["contact_methods", "notification_rules"],
                "/schedules": ["schedule_layers", "overrides_subschedule", "final_schedule"],
                "/v3/schedules/{id}": ["final_schedule"],
            }.get(template(path), [])
            query = [("since", since), ("until", until), *(("include[]", name) for name in include)]
            headers = {"Authorization": f"Token token={DEMO_KEY}"}
            answer = requests.get(simulator.origin + path, params=query, headers=headers, timeout=10)
            assert answer.status_code in (200, 201, 404), answer.text
            if answer.status_code != 404:  # deleted people stay in the state
                seen.add(template(path))
                missing += unclassed(path, answer.json())
    assert seen == set(TABLES)
    assert sorted(set(missing)) == []


def test_an_unknown_field_is_found_out() -> None:
    assert LEDGER.unknown("user", {"id": "P1", "name": "Ana", "shoe_size": 38}) == ["shoe_size"]


def schema_paths(spec: dict[str, Any], schema: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[str]:
    """Dotted paths of all leaves a response schema describes."""
    schema = resolved(spec, schema)
    properties = dict(all_properties(spec, schema))
    if properties and depth < 12:
        for name, child in properties.items():
            yield from schema_paths(spec, child, f"{prefix}.{name}" if prefix else name, depth + 1)
    elif "items" in schema:
        yield from schema_paths(spec, schema["items"], f"{prefix}[]", depth + 1)
    else:
        yield prefix


def all_properties(spec: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    schema = resolved(spec, schema)
    for word in ("allOf", "oneOf", "anyOf"):
        for part in schema.get(word, ()):
            yield from all_properties(spec, part)
    yield from schema.get("properties", {}).items()


def resolved(spec: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = spec
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[int(part) if isinstance(found, list) else part]
        schema = found
    return schema
