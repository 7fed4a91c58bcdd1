"""Sends the mails of approved invitations.

If the process dies after a mail was sent, the next one has a link that replaces the first. An invitation whose mail
cannot be sent has failed, and its question is open again.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.core.mail import EmailMessage
from django.db.models import F, Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from syncjobs.invitations.issuing import end
from syncjobs.invitations.mail import mail_of
from syncjobs.invitations.sending import PIECE, Outbox
from syncjobs.models import VALID_FOR, Invitation, InvitationState


def hash_of(token: str) -> str:
    """Return what is stored of a token. A token has 256 random bits, so that its hash needs no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def work_off(only: Iterable[int] | None = None, *, now: datetime | None = None) -> int:
    """End what is too old, and send the mails that are due. Return how many were sent.

    only: the ids of the invitations; None sends those of all. now: the clock; None is the present.
    """
    now = now or timezone.now()
    too_old = Q(expires_at__lte=now)
    for invitation in Invitation.objects.filter(too_old, state=InvitationState.SENT).order_by("pk")[:PIECE]:
        end(invitation, InvitationState.EXPIRED, only=too_old & Q(state=InvitationState.SENT))
    due = Invitation.objects.filter(state=InvitationState.QUEUED, next_try__lte=now)
    if only is not None:
        due = due.filter(pk__in=list(only))
    return InvitationOutbox(now).send(
        due.select_related("connection", "approved_by").order_by("next_try", "pk")[:PIECE]
    )


class InvitationOutbox(Outbox[Invitation]):
    """Mails with a link to accept an invitation."""

    @sensitive_variables("token")
    def claim(self, row: Invitation, next_try: datetime) -> EmailMessage | None:
        if row.is_void:
            end(row, InvitationState.REVOKED, "The account that approved it was deleted.")
            return None
        token = secrets.token_urlsafe(32)
        queued = Invitation.objects.filter(
            pk=row.pk, state=InvitationState.QUEUED, tries=row.tries, next_try__lte=self.now
        )
        claimed = queued.update(
            tries=F("tries") + 1, next_try=next_try, token_hash=hash_of(token), expires_at=self.now + VALID_FOR
        )
        return mail_of(row, token) if claimed else None

    def sent(self, row: Invitation) -> None:
        Invitation.objects.filter(pk=row.pk, state=InvitationState.QUEUED).update(
            state=InvitationState.SENT, sent_at=timezone.now(), next_try=None, last_error=""
        )

    def failed(self, row: Invitation, fault: str, *, final: bool) -> None:
        if final:
            end(row, InvitationState.FAILED, fault)
        else:
            Invitation.objects.filter(pk=row.pk).update(last_error=fault)
