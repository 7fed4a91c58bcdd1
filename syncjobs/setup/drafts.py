"""Drafts of connections: kept while somebody types, tested, and replaced by a connection when the test has passed."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from connectors.base import Probe
from connectors.connections.probe import probe_of, take_probe
from connectors.connections.replacing import RECORDED, demand_rights
from connectors.errors import ConnectionConfigError
from connectors.models import Connection
from oncall.models import User
from oncall.operations import record
from syncjobs.conflicts.audit import actor_of
from syncjobs.models import DRAFT_KEPT, ConnectionDraft, SyncProfile
from syncjobs.setup.steps import SELECT

#: The longest text of a field that a draft keeps. A form refuses a much shorter one.
MOST_TYPED = 2_000


def begin_draft(provider: str, by: User) -> ConnectionDraft:
    """Return a new draft, or the one of this account that is still empty."""
    empty = ConnectionDraft.objects.filter(account=by, provider=provider, typed={}, credentials={}).first()
    return empty or ConnectionDraft.objects.create(provider=provider, account=by)


def drafts_of(by: User) -> list[ConnectionDraft]:
    """Return the drafts of an account in which something was entered, the last changed first."""
    drafts = ConnectionDraft.objects.filter(account=by, changed_at__gte=timezone.now() - DRAFT_KEPT)
    return list(drafts.exclude(typed={}, credentials={}))


@sensitive_variables()
def keep_entries(draft: ConnectionDraft, typed: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Store what was typed, valid or not. An empty secret keeps the one that is stored."""
    draft.typed = {**draft.typed, **{name: text[:MOST_TYPED] for name, text in typed.items()}}
    draft.seal_credentials({name: text[:MOST_TYPED] for name, text in secrets.items() if text})
    draft.changed_at = timezone.now()
    # A draft that became a connection in another tab is not stored again.
    ConnectionDraft.objects.filter(pk=draft.pk).update(
        typed=draft.typed, credentials=draft.credentials, changed_at=draft.changed_at
    )


def test_draft(draft: ConnectionDraft, name: str, settings: Mapping[str, str]) -> tuple[Connection, Probe]:
    """Test what a draft contains. Return the connection, which is not stored, and what the source reported.

    name, settings: valid, the settings in their canonical form. Raises ConnectorError, also for a key that may read
    nothing.
    """
    connection = Connection(
        uid=draft.uid,
        name=name,
        provider=draft.provider,
        settings=dict(settings),
        credentials=draft.credentials,
        credentials_since=timezone.now(),
    )
    probe = probe_of(connection)
    demand_rights(probe, draft.provider, kept="")
    take_probe(connection, probe)
    return connection, probe


def store_connection(draft: ConnectionDraft, connection: Connection, by: User | None) -> Connection:
    """Replace a draft by its connection, whose test has passed. Return the stored connection.

    If another tab was faster, the connection that it stored is returned. No automatic sync starts before the setup is
    finished. Raises ConnectionConfigError if the name was taken or the draft was thrown away meanwhile.
    """
    try:
        with transaction.atomic():
            if not ConnectionDraft.objects.select_for_update().filter(pk=draft.pk).exists():
                return _stored_by_another_tab(draft)
            connection.save(force_insert=True)
            SyncProfile.objects.create(connection=connection, setup_step=SELECT, paused_at=timezone.now())
            record(RECORDED, connection.pk, connection.name, "create", actor_of(by), {"name": [None, connection.name]})
            ConnectionDraft.objects.filter(pk=draft.pk).delete()
    except IntegrityError:
        raise ConnectionConfigError(
            f"There is already a source {connection.name}.",
            hint="The key works and is kept in this draft. Choose another name.",
            provider=connection.provider,
            field="name",
        ) from None
    return connection


def _stored_by_another_tab(draft: ConnectionDraft) -> Connection:
    connection = Connection.objects.filter(uid=draft.uid).first()
    if connection is None:
        raise ConnectionConfigError(
            "This draft was thrown away while its key was tested.",
            hint="Nothing was connected. Begin again.",
            provider=draft.provider,
        )
    return connection
