"""A read from kept answers is the read that was kept, for every vendor, and sends no request."""

import time
import zlib
from typing import Any

import pytest

from connectors.closure import Selection
from connectors.connections.opening import open_connector
from connectors.models import Connection
from connectors.registry import connector_class
from connectors.simulator.serve import PROVIDERS, build, demo_account


class Kept:
    """A store in memory."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.answers: dict[str, bytes] = {}
        self.found = 0

    def find(self, key: str) -> bytes | None:
        self.found += key in self.answers
        return self.answers.get(key)

    def keep(self, key: str, answer: bytes) -> None:
        self.answers[key] = answer


@pytest.mark.django_db
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_read_from_kept_answers_is_equal_and_sends_nothing(provider: str, settings: Any) -> None:
    with build(provider) as vendor:
        settings.CONNECTOR_ORIGINS = {provider: vendor.origin}
        settings.EGRESS_ALLOW = [vendor.origin.removeprefix("http://")]
        given, secrets = demo_account(provider)
        connection = Connection(name=provider, provider=provider, settings=connector_class(provider).clean(given))
        connection.enter_credentials(secrets)
        store = Kept(float(int(time.time())))

        def read() -> Any:
            return open_connector(connection, kept=store).fetch(Selection(), contact_details=True)

        first = read()
        sent = [request for request in vendor.requests if "oauth" not in request[1]]
        assert store.found == 0
        assert store.answers
        again = read()
        assert again == first
        assert [request for request in vendor.requests if "oauth" not in request[1]] == sent
        kept = b"".join(map(zlib.decompress, store.answers.values()))
        assert not [name for name, secret in secrets.items() if "@" not in secret and secret.encode() in kept]
        connection.enter_credentials(secrets)
        read()
        assert len(vendor.requests) > len(sent)
