"""A vendor whose answers to a page are hostile."""

import pytest
from django.core.cache import cache

from connectors.base import Probe, Right
from connectors.closure import Node
from connectors.records import Account
from tests.syncjobs.site.hostile import VENDOR, hostile


@pytest.fixture
def hostile_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes Test connection and the list of objects to import show hostile texts, without a network."""
    text = hostile(VENDOR)
    right = Right("schedule", granted=False, detail=text)
    monkeypatch.setattr(
        "connectors.admin.connections.probe_connection",
        lambda connection: Probe(Account("x", text, text), (right,), messages=(text,)),
    )
    nodes = [Node("service", f"{n}{text}", text, (("schedule", f"1{text}"),)) for n in range(2)]
    monkeypatch.setattr(
        "syncjobs.setup.inventory.open_connector",
        lambda connection, should_stop: type("Read", (), {"inventory": lambda self: nodes})(),
    )
    monkeypatch.setattr("django.contrib.auth.password_validation.validate_password", lambda *given: None)
    cache.clear()
