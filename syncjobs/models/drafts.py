"""Drafts of connections: what a person has entered to connect a source, before its test has passed."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import models
from django.utils import timezone

from connectors.models import Sealed
from connectors.registry import provider_label

#: How long a draft is kept after the last change, with the key in it.
DRAFT_KEPT: Final = timedelta(days=7)


class ConnectionDraft(Sealed):
    """The entries of the first step of the setup. When their test passes, a connection with the same uid replaces it.

    account: who entered them. Nobody else may open it, because a key could be sent to another host by changing a
    setting. typed: field -> text as it was typed, also if it is invalid; ``name`` is that of the connection.
    """

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    typed = models.JSONField(default=dict)
    changed_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        ordering = ["-changed_at"]
        # Whoever may add a connection may make drafts. They have no permissions of their own.
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.typed.get("name") or provider_label(self.provider))
