"""No field that Opsgenie is known to send is without a fate."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.providers.opsgenie.ledger import LEDGER

SHARED = Path(__file__).resolve().parents[4].parent / "shared"
RECORDING = SHARED / "recordings" / "opsgenie.json"
SCHEMA = SHARED / "vendor-schemas" / "opsgenie-swagger.json"

#: Endpoint we read -> ledger table.
TABLES = {
    "/v2/account": "account",
    "/v2/request-limits": "request_limits",
    "/v2/users": "user",
    "/v2/users/{identifier}": "user",
    "/v2/users/{identifier}/contacts": "contact",
    "/v2/teams": "team",
    "/v2/teams/{identifier}": "team",
    "/v2/teams/{identifier}/routing-rules": "routing_rule",
    "/v2/schedules": "schedule",
    "/v2/schedules/{identifier}": "schedule",
    "/v2/schedules/{identifier}/overrides": "override",
    "/v2/schedules/{identifier}/timeline": "timeline",
    "/v2/escalations": "escalation",
    "/v2/forwarding-rules": "forwarding_rule",
    "/v1/services": "service",
}


def template(path: str) -> str:
    return re.sub(r"^(/v2/(?:users|teams|schedules)/)[^/]+", r"\1{identifier}", path)


def unclassed(path: str, body: dict[str, Any]) -> list[str]:
    table = TABLES[template(path)]
    found = body["data"] if isinstance(body["data"], list) else [body["data"]]
    rest = {key: value for key, value in body.items() if key != "data"}
    unknown = [f"{table}: {field}" for item in found for field in LEDGER.unknown(table, item)]
    return unknown + [f"page: {field}" for field in LEDGER.unknown("page", rest)]


def test_every_field_of_the_recording_is_classed() -> None:
    if not RECORDING.exists():
        pytest.skip("no recordings beside this repository")
    answers = [e for e in json.loads(RECORDING.read_text())["exchanges"] if e["status"] == 200]
    assert len(answers) == 7
    assert sorted({field for e in answers for field in unclassed(e["path"], e["body"])}) == []


def test_every_field_of_the_vendors_schema_is_classed() -> None:
    if not SCHEMA.exists():
        pytest.skip("no vendor schemas beside this repository")
    spec = json.loads(SCHEMA.read_text())
    missing = []
    for path, table in TABLES.items():
        if path in ("/v1/services", "/v2/request-limits"):
            continue  # of other references
        fields = set(schema_paths(spec, spec["paths"][path]["get"]["responses"]["200"]["schema"]))
        assert any(field.startswith("data") for field in fields), path
        for field in fields:
            name, _, rest = field.partition(".")
            name, rest = (name, rest) if name in ("data", "data[]") else ("", field)
            within = table if name else "page"
            missing += [f"{within}: {rest}"] if LEDGER.classify(within, rest) is None else []
    assert missing == []


def test_an_unknown_field_is_found_out() -> None:
    assert LEDGER.unknown("user", {"id": "P1", "username": "ana@example.com", "shoeSize": 38}) == ["shoeSize"]


def schema_paths(spec: Any, schema: Any, prefix: str = "", depth: int = 0) -> Iterator[str]:
    """Dotted paths of all leaves a response schema describes, with those of every subtype."""
    properties = dict(all_properties(spec, schema))
    schema = resolved(spec, schema)
    if properties and depth < 12:
        for name, child in properties.items():
            yield from schema_paths(spec, child, f"{prefix}.{name}" if prefix else name, depth + 1)
    elif "items" in schema:
        yield from schema_paths(spec, schema["items"], f"{prefix}[]", depth + 1)
    else:
        yield prefix


def all_properties(spec: Any, schema: Any) -> Iterator[tuple[str, Any]]:
    name = schema.get("$ref", "")
    schema = resolved(spec, schema)
    for part in schema.get("allOf", ()):
        yield from all_properties(spec, part)
    yield from schema.get("properties", {}).items()
    if "discriminator" in schema:
        for other in spec["definitions"].values():
            if any(part.get("$ref") == name for part in other.get("allOf", ())):
                for part in other["allOf"]:
                    yield from part.get("properties", {}).items()


def resolved(spec: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = spec["definitions"][schema["$ref"].rsplit("/", 1)[1]]
    return schema
