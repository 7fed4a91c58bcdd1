"""No field that PagerDuty is known to send is without a fate."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.providers.pagerduty.ledger import LEDGER
from tests.connectors.conformance.table import PROVIDERS

SHARED = Path(__file__).resolve().parents[4].parent / "shared"
SCHEMA = SHARED / "vendor-schemas" / "pagerduty-openapi.json"

#: Endpoint we read -> (wrapper key, ledger table).
TABLES = {one.path: (one.key, one.table) for each in PROVIDERS if str(each) == "pagerduty" for one in each.endpoints}


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
