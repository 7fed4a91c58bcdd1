"""Connections: configured accounts at a vendor."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils import timezone

from connectors.credentials import seal, unseal
from connectors.redaction import Secret
from connectors.registry import provider_label


class Sealed(models.Model):
    """A row with the credentials of an account. ``credentials`` holds sealed text only; read it with :meth:`secrets`.

    uid: to which row the sealed text belongs. A connection takes the uid of its draft, so that the text stays readable.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    provider = models.CharField(max_length=30)
    credentials = models.JSONField(default=dict, editable=False)

    class Meta:
        abstract = True

    def seal_credentials(self, given: Mapping[str, str]) -> None:
        """Replace the given credentials and keep the others, without saving. Their age stays: see rotate_keys."""
        sealed: dict[str, Any] = dict(self.credentials)
        for field, secret in given.items():
            sealed[field] = seal(secret, row=str(self.uid), field=field)
        self.credentials = sealed

    def secrets(self) -> dict[str, Secret]:
        """Return the decrypted credentials by field. Raises CredentialUnreadable."""
        return {field: unseal(text, row=str(self.uid), field=field) for field, text in self.credentials.items()}


class Connection(Sealed):
    """One account at one vendor.

    learnt: the facts about the account that reads learnt, see :class:`connectors.records.Snapshot`. refused_account:
    the label of the account to which the key belongs, if somebody decided not to read it; then nothing is read until
    another key is entered. credentials_since: when the credentials were entered; null if that was not recorded, or if
    none are stored. test_refused: why the source refused the key in the last test; empty if it did not, or if the key
    was entered after it. test_refused_at: when that was.
    """

    name = models.CharField(max_length=100, unique=True)
    settings = models.JSONField(default=dict)
    credentials_since = models.DateTimeField(null=True, editable=False)
    account_id = models.CharField(max_length=200, blank=True, editable=False)
    account_label = models.CharField(max_length=200, blank=True, editable=False)
    learnt = models.JSONField(default=dict, editable=False)
    rights = models.JSONField(default=list, editable=False)
    tested_at = models.DateTimeField(null=True, editable=False)
    test_refused = models.TextField(blank=True, editable=False)
    test_refused_at = models.DateTimeField(null=True, editable=False)
    disconnected_at = models.DateTimeField(null=True, editable=False)
    refused_account = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name = "source"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def origin_label(self) -> str:
        """The name of this connection that imported rows show as their source."""
        return f"{provider_label(self.provider)} ({self.name})"

    def enter_credentials(self, given: Mapping[str, str]) -> None:
        """Replace the given credentials, without saving. The connection is read again from now on."""
        self.seal_credentials(given)
        self.credentials_since = timezone.now()
        self.disconnected_at, self.refused_account = None, ""
        self.test_refused, self.test_refused_at = "", None
