"""A mail server that can be down, what is in its mails, and the passing of time."""

import re
from datetime import timedelta
from typing import Any

from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from syncjobs.models import Conflict, Invitation

PASSWORD = "a quite unusual sentence"


class MailServer(EmailBackend):
    """Keeps mails in memory, unless ``error`` is raised instead."""

    error: Exception | None = None

    def send_messages(self, messages: Any) -> int:
        if MailServer.error is not None:
            raise MailServer.error
        return super().send_messages(messages)


def path_in(number: int = -1) -> str:
    """The path of the link in a mail."""
    found = re.search(r"/invitation/[\w-]+/", str(mail.outbox[number].body))
    assert found is not None
    return found[0]


def token_in(number: int = -1) -> str:
    return path_in(number).split("/")[2]


def pass_time(invitation: Invitation, **time: float) -> None:
    """Move everything that happened to an invitation into the past."""
    invitation.refresh_from_db()
    for column in ("created_at", "sent_at", "expires_at", "ended_at", "next_try"):
        at = getattr(invitation, column)
        if at is not None:
            setattr(invitation, column, at - timedelta(**time))
    invitation.save()


def question(name: str = "Ana") -> Conflict:
    return Conflict.objects.filter(kind="user_not_found", label=name).latest("pk")
