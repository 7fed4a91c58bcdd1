"""Test connection: finds the account of the credential and its rights."""

import time
from typing import Final

from django.utils import timezone

from connectors.base import Probe
from connectors.connections.opening import open_connector
from connectors.errors import AuthenticationFailed, ConnectionConfigError, ProviderUnavailable, ReadStopped
from connectors.models import Connection

#: A person waits for the page, so this is shorter than the usual limits of web servers and proxies.
MOST_SECONDS: Final = 25.0
#: The columns that a test sets.
PROBED: Final = ("account_id", "account_label", "rights", "tested_at", "test_refused", "test_refused_at")


def probe_of(connection: Connection) -> Probe:
    """Return the account and the rights of the credentials of a connection, which need not be stored.

    Raises ConnectorError. Nothing is stored.
    """
    started = time.monotonic()
    connector = open_connector(connection, should_stop=lambda: time.monotonic() - started > MOST_SECONDS)
    try:
        return connector.probe()
    except ReadStopped:
        raise ProviderUnavailable(
            f"{connector.label} did not answer within {MOST_SECONDS:.0f} seconds.",
            hint="The stored connection was not changed. Try again in a few minutes.",
            provider=connection.provider,
        ) from None


def take_probe(connection: Connection, probe: Probe) -> None:
    """Set account, rights and time of a test on a connection, without saving. The columns are PROBED."""
    connection.account_id = probe.account.id or connection.account_id
    connection.account_label = probe.account.label or connection.account_label
    connection.rights = [
        {"entity_type": right.entity_type, "granted": right.granted, "detail": right.detail} for right in probe.rights
    ]
    connection.tested_at = timezone.now()
    connection.test_refused, connection.test_refused_at = "", None


def probe_connection(connection: Connection) -> Probe:
    """Test the connection at the source, and store account, rights and time of the test.

    Raises ConnectorError and stores nothing then, except for the reason if the source refused the key. A credential of
    another account is a ConnectionConfigError: its objects would be matched with the objects of the first account.
    """
    try:
        probe = probe_of(connection)
    except AuthenticationFailed as error:
        connection.test_refused, connection.test_refused_at = str(error), timezone.now()
        connection.save(update_fields=["test_refused", "test_refused_at"])
        raise
    account = probe.account
    if connection.account_id and account.id and account.id != connection.account_id:
        raise ConnectionConfigError(
            f"The key belongs to {account.label}, but this connection was made for {connection.account_label}.",
            hint="Replace the key by one of that account, or make a new connection for this one. Nothing was stored.",
            provider=connection.provider,
        )
    take_probe(connection, probe)
    connection.save(update_fields=PROBED)
    return probe
