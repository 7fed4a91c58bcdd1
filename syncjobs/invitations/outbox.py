"""Sends the mails of approved invitations. A mail server that is down costs time, never an invitation.

A mail is sent at least once: if the process dies after it was sent, it is sent again, with a link that replaces the
first. After MOST_TRIES attempts the invitation has failed, and its question is open again.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Final

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F, Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from syncjobs.invitations.issuing import end
from syncjobs.invitations.mail import mail_of
from syncjobs.models import VALID_FOR, Invitation, InvitationState

#: Attempts to send a mail, the times between them, and the mails of one tick.
MOST_TRIES: Final = 10
FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=4)
PIECE: Final = 100


def hash_of(token: str) -> str:
    """Return what is stored of a token. A token has 256 random bits, so that its hash needs no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def work_off(only: Iterable[int] | None = None) -> int:
    """End what is too old, and send the mails that are due. Return how many were sent.

    only: the ids of the invitations; None sends those of all.
    """
    now = timezone.now()
    too_old = Q(expires_at__lte=now)
    for invitation in Invitation.objects.filter(too_old, state=InvitationState.SENT).order_by("pk")[:PIECE]:
        end(invitation, InvitationState.EXPIRED, only=too_old & Q(state=InvitationState.SENT))
    due = Invitation.objects.filter(state=InvitationState.QUEUED, next_try__lte=now)
    if only is not None:
        due = due.filter(pk__in=list(only))
    sent = 0
    server = get_connection()
    try:
        for invitation in due.select_related("connection", "approved_by").order_by("next_try", "pk")[:PIECE]:
            answer = _send(invitation, server)
            sent += answer is None
            if answer is not None and not isinstance(answer, SMTPResponseException | SMTPRecipientsRefused):
                break  # the server is down: the others wait for the next tick
    finally:
        server.close()
    return sent


@sensitive_variables("token")
def _send(invitation: Invitation, server: BaseEmailBackend) -> Exception | None:
    """Send a mail. Return the error if that fails; another process may have sent it meanwhile."""
    if invitation.is_void:
        end(invitation, InvitationState.REVOKED, "The account that approved it was deleted.")
        return None
    now, token = timezone.now(), secrets.token_urlsafe(32)
    wait = min(FIRST_WAIT * 2**invitation.tries, LONGEST_WAIT)
    claimed = Invitation.objects.filter(
        pk=invitation.pk, state=InvitationState.QUEUED, tries=invitation.tries, next_try__lte=now
    ).update(tries=F("tries") + 1, next_try=now + wait, token_hash=hash_of(token), expires_at=now + VALID_FOR)
    if not claimed:
        return None
    try:
        mail = mail_of(invitation, token)
        mail.connection = server
        mail.send()
    except (OSError, SMTPException) as error:
        fault = fault_of(error)
        if invitation.tries + 1 >= MOST_TRIES or _is_final(error):
            end(invitation, InvitationState.FAILED, fault)
        else:
            Invitation.objects.filter(pk=invitation.pk).update(last_error=fault)
        return error
    Invitation.objects.filter(pk=invitation.pk, state=InvitationState.QUEUED).update(
        state=InvitationState.SENT, sent_at=timezone.now(), next_try=None, last_error=""
    )
    return None


def _is_final(error: Exception) -> bool:
    """Return whether the server will never take a mail to this address."""
    return isinstance(error, SMTPRecipientsRefused) and all(code >= 500 for code, _ in error.recipients.values())


def fault_of(error: Exception) -> str:
    """Return what failed in words. The text of the server is left out: it may contain addresses or a password."""
    match error:
        case SMTPRecipientsRefused():
            codes = sorted({code for code, _ in error.recipients.values()})
            return f"The mail server refuses the address (code {', '.join(map(str, codes))})."
        case SMTPResponseException():
            return f"The mail server answered with code {error.smtp_code}."
    return f"The mail server cannot be reached ({type(error).__name__})."
