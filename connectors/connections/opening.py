"""Opens a connector for a stored connection or for a recording."""

import time
from collections.abc import Callable, Mapping

from django.conf import settings

from connectors.base import Connector, Rim
from connectors.credentials import CredentialUnreadable
from connectors.errors import ConnectionConfigError
from connectors.models import Connection
from connectors.network.addresses import OriginRefused, parse_allow
from connectors.network.client import Transport
from connectors.network.egress import LiveTransport
from connectors.recordings.keeping import KeepingTransport, Store
from connectors.recordings.recording import Recorder, Recording, RecordingUnreadable, ReplayTransport
from connectors.redaction import Secret
from connectors.registry import connector_class, provider_label
from oncall.emails import canonical_email


def live_transport(connection: Connection) -> Transport:
    """Return the transport of one connection, with address checks. Raises ConnectionConfigError.

    A simulator is reached only through CONNECTOR_ORIGINS, and replaces all hosts of its provider.
    """
    cls = connector_class(connection.provider)
    simulated = settings.CONNECTOR_ORIGINS.get(connection.provider)
    origin = simulated or cls.origin(connection.settings)
    hosts = {name: simulated or host for name, host in cls.hosts(connection.settings).items()}
    try:
        return LiveTransport(origin, hosts=hosts, allow=parse_allow(settings.EGRESS_ALLOW))
    except OriginRefused as refused:
        raise ConnectionConfigError(
            f"{cls.label} cannot be reached at this address: {refused}",
            hint="Nothing was sent. Correct the connection, or CONNECTOR_ORIGINS and EGRESS_ALLOW for a simulator.",
            provider=connection.provider,
        ) from None


def _usable(connection: Connection) -> tuple[type[Connector], Mapping[str, Secret]]:
    """Return the connector class and the credentials. Raises ConnectionConfigError if it cannot be used."""
    if connection.disconnected_at is not None:
        raise ConnectionConfigError(
            f"Connection {connection.name} is disconnected.",
            hint="Enter its key again to use it.",
            provider=connection.provider,
        )
    if connection.refused_account:
        raise ConnectionConfigError(
            f"Connection {connection.name} is paused: its key belongs to the account {connection.refused_account}, and "
            "that account was refused.",
            hint=f"Enter a key of {connection.account_label or 'the former account'} to use the connection again.",
            provider=connection.provider,
        )
    try:
        cls = connector_class(connection.provider)
    except KeyError:
        raise ConnectionConfigError(
            f"Connection {connection.name} needs the {provider_label(connection.provider)} connector.",
            hint="It is not part of this installation.",
            provider=connection.provider,
        ) from None
    try:
        secrets = connection.secrets()
    except CredentialUnreadable as unreadable:
        raise ConnectionConfigError(
            str(unreadable), hint="Nothing was read or changed.", provider=connection.provider
        ) from None
    return cls, secrets


def open_connector(
    connection: Connection,
    *,
    should_stop: Callable[[], bool] | None = None,
    on_pause: Callable[[float], None] | None = None,
    kept: Store | None = None,
    transport: Transport | None = None,
) -> Connector:
    """Return a connector for one read of this connection. Raises ConnectionConfigError if it cannot be used.

    kept: where its answers are kept, and those of an earlier part of this read.
    """
    cls, secrets = _usable(connection)
    transport = transport or live_transport(connection)
    if kept is not None:
        # The address of the key's owner is a credential, too, and stands among the people of the account.
        revealed = [text for secret in secrets.values() if canonical_email(text := secret.reveal()) is None]
        source = [connection.provider, connection.settings, str(connection.credentials_since)]
        transport = KeepingTransport(transport, kept, source, secrets=revealed, scrub=cls.scrub)
    rim = Rim(
        transport,
        now=time.time,
        sleep=time.sleep,
        should_stop=should_stop,
        began=None if kept is None else kept.began,
        on_pause=on_pause,
    )
    connector = cls(connection.settings, secrets, rim)
    connector.learnt = connection.learnt
    return connector


def replay_connector(recording: Recording) -> Connector:
    """Return a connector that reads a recording, without network and waiting, at the time of the recording.

    Raises RecordingUnreadable if the provider has no connector here, and ConnectionConfigError for invalid settings.
    """
    try:
        cls = connector_class(recording.provider)
    except KeyError:
        raise RecordingUnreadable(
            f"It was recorded from {recording.provider!r}, which has no connector here."
        ) from None
    recorded_at = recording.recorded_at
    now = time.time() if recorded_at is None else recorded_at.timestamp()
    placeholder = {field.name: Secret("replayed") for field in cls.fields() if field.kind == "secret"}
    rim = Rim(ReplayTransport(recording), now=lambda: now, sleep=lambda seconds: None)
    initial = {field.name: field.initial for field in cls.fields() if field.kind != "secret"}
    given = {name: str(value) for name, value in recording.settings.items()}
    return cls(cls.clean({**initial, **given}), placeholder, rim)


def recording_connector(connection: Connection) -> tuple[Connector, Recorder]:
    """Return a connector and the recorder of its exchanges. The recording has no secrets.

    Raises ConnectionConfigError if the connection cannot be used.
    """
    cls, secrets = _usable(connection)
    recorder = Recorder(
        live_transport(connection),
        connection.provider,
        connection.settings,
        secrets=[secret.reveal() for secret in secrets.values()],
        scrub=cls.scrub,
    )
    return open_connector(connection, transport=recorder), recorder
