"""No field that Opsgenie is known to send is without a fate."""

import json

import pytest

from connectors.providers.opsgenie.ledger import LEDGER
from tests.connectors.conformance.entry_opsgenie import OPSGENIE
from tests.connectors.providers.schemas import leaves
from tests.paths import SHARED

SCHEMA = SHARED / "vendor-schemas" / "opsgenie-swagger.json"

#: Endpoint we read, as the schema calls it -> ledger table.
TABLES = {one.path.replace("{id}", "{identifier}"): one.table for one in OPSGENIE.endpoints}


def test_every_field_of_the_vendors_schema_is_classed() -> None:
    if not SCHEMA.exists():
        pytest.skip("no vendor schemas beside this repository")
    spec = json.loads(SCHEMA.read_text())
    missing = []
    for path, table in TABLES.items():
        if path in ("/v1/services", "/v2/request-limits"):
            continue  # of other references
        fields = set(leaves(spec, spec["paths"][path]["get"]["responses"]["200"]["schema"]))
        assert any(field.startswith("data") for field in fields), path
        for field in fields:
            name, _, rest = field.partition(".")
            name, rest = (name, rest) if name in ("data", "data[]") else ("", field)
            within = table if name else "page"
            missing += [f"{within}: {rest}"] if LEDGER.classify(within, rest) is None else []
    assert missing == []


def test_every_table_is_of_an_endpoint() -> None:
    assert set(LEDGER.tables) == {*TABLES.values(), "page"}


def test_an_unknown_field_is_found_out() -> None:
    assert LEDGER.unknown("user", {"id": "P1", "username": "ana@example.com", "shoeSize": 38}) == ["shoeSize"]
