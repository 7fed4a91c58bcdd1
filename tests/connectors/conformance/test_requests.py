"""The requests of a connector, and how all fields of the answers are imported."""

import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import pytest

from connectors.ledger import paths
from tests.connectors.conformance.entries import Endpoint, Provider
from tests.connectors.conformance.scenes import Acme
from tests.paths import SHARED


def fields(endpoint: Endpoint, body: Any) -> set[tuple[str, str]]:
    """(table of the loss ledger, field) of everything in an answer."""
    rest = {key: value for key, value in body.items() if endpoint.key not in ("", key)}
    inside = f"{endpoint.at}." if endpoint.at else ""
    found = {(endpoint.table, f"{inside}{path}") for one in endpoint.objects(body) for path in paths(one)}
    return found | ({("page", path) for path in paths(rest)} if rest else set())


def unclassed(provider: Provider, found: set[tuple[str, str]]) -> set[str]:
    """Those that the loss ledger has no row for."""
    ledger = provider.connector.ledger
    return {f"{table}: {path}" for table, path in found if ledger.classify(table, path) is None}


def test_only_declared_requests_are_sent_and_all_of_them(provider: Provider, rich: Acme) -> None:
    requested = {(request.method, request.path) for request, _ in rich.exchanges}
    requested |= {(one.method, one.path) for cut in (rich.small, rich.thrifty) for one in cut.exchanges}
    assert {one for one in requested if provider.endpoint(*one) is None} == set()
    assert {provider.endpoint(*one) for one in requested} == set(provider.endpoints)


def test_a_read_counts_its_calls(rich: Acme) -> None:
    assert 0 < rich.snapshot.calls <= len(rich.exchanges)


def test_every_field_that_was_answered_has_a_fate(provider: Provider, rich: Acme) -> None:
    found: set[tuple[str, str]] = set()
    for request, response in rich.exchanges:
        endpoint = provider.endpoint(request.method, request.path)
        if endpoint is not None and 200 <= response.status < 300:
            found |= fields(endpoint, json.loads(response.body))
    assert unclassed(provider, found) == set()


def test_every_field_that_a_vendor_was_seen_to_send_has_a_fate(provider: Provider) -> None:
    recording = SHARED / "recordings" / f"{provider}.json"
    if not recording.exists():
        pytest.skip("no recordings beside this repository")
    read = 0
    found: set[tuple[str, str]] = set()
    for exchange in json.loads(recording.read_text())["exchanges"]:
        endpoint = provider.endpoint(exchange["method"], exchange["path"])
        if endpoint is not None and 200 <= exchange["status"] < 300:
            read += 1
            found |= fields(endpoint, exchange["body"])
    assert read > 0
    assert unclassed(provider, found) == set()


def test_every_zone_is_known_or_has_a_note(rich: Acme) -> None:
    snapshot = rich.snapshot
    zones = {one.external_id: one.time_zone for one in (*snapshot.users, *snapshot.schedules)}
    layers = {layer.zone for one in snapshot.schedules for layer in one.layers}
    assert len(zones) > 20
    reported = {note.external_id for note in snapshot.notes}
    assert {id_ for id_, zone in zones.items() if zone.zone is None and zone.raw} <= reported
    known = available_timezones()
    assert {zone.zone for zone in zones.values()} | layers <= known | {None}


def test_every_skip_names_a_test_and_gives_a_reason(provider: Provider) -> None:
    files = Path(__file__).parent.glob("test_*.py")
    tests = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert provider.skips.keys() <= tests
    assert all(len(reason) > 20 for reason in provider.skips.values())
