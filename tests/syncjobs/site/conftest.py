"""A vendor whose answers to a page are hostile, and a browser that tampers with its requests."""

import pytest
from django.core.cache import cache
from django.test import Client

from connectors.base import Probe, Right
from connectors.closure import Node
from connectors.records import Account
from oncall.models import User
from tests.syncjobs.conftest import Sync
from tests.syncjobs.site.hostile import VENDOR, build, draft_of, hostile
from tests.syncjobs.site.tampering import Tampering


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
        lambda connection, should_stop: type("Read", (), {"inventory": lambda self: nodes, "calls": 1})(),
    )
    monkeypatch.setattr("django.contrib.auth.password_validation.validate_password", lambda *given: None)
    cache.clear()


@pytest.fixture
def tampering(sync: Sync, client: Client, hostile_vendor: None, thorough: bool) -> Tampering:
    build(sync)
    account = User.objects.create_superuser("root@example.com", "a long password")
    draft_of(account)
    client.force_login(account)
    client.raise_request_exception = False
    return Tampering(client, thorough=thorough)
