"""Tests that the ledger has every field that PagerDuty is known to send."""

import json

import pytest

from connectors.providers.pagerduty.ledger import LEDGER
from tests.connectors.conformance.entry_pagerduty import PAGERDUTY
from tests.connectors.providers.schemas import leaves
from tests.paths import SHARED

SCHEMA = SHARED / "vendor-schemas" / "pagerduty-openapi.json"

#: Endpoint we read -> (wrapper key, ledger table).
TABLES = {one.path: (one.key, one.table) for one in PAGERDUTY.endpoints}


def test_every_field_of_the_vendors_schema_is_classed() -> None:
    if not SCHEMA.exists():
        pytest.skip("no vendor schemas beside this repository")
    spec = json.loads(SCHEMA.read_text())
    missing = []
    for path, (wrapper, table) in TABLES.items():
        responses = spec["paths"][path]["get"]["responses"]
        success = next(response for status, response in responses.items() if status.startswith("2"))
        fields = set(leaves(spec, success["content"]["application/json"]["schema"]))
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
