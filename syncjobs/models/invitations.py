"""Invitations: a person of a source, or somebody with an address, is asked to get an account here."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q

from connectors.models import Connection
from oncall.models.root import NAME_LENGTH


class InvitationState(models.TextChoices):
    PROPOSED = "proposed"
    QUEUED = "queued", "waits to be sent"
    SENT = "sent"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    REVOKED = "revoked"
    FAILED = "failed", "could not be sent"


#: The invitations that can still be accepted, or sent. An address has at most one of them.
OPEN_INVITATION: Final = (InvitationState.PROPOSED, InvitationState.QUEUED, InvitationState.SENT)
#: The invitations whose link may be used: that of a mail that was sent although the server answered with an error, too.
USABLE_INVITATION: Final = (InvitationState.QUEUED, InvitationState.SENT)
#: How long the link of a mail is valid.
VALID_FOR: Final = timedelta(hours=72)
#: The shortest time between two mails to one address.
COOL_DOWN: Final = timedelta(hours=24)


class Invitation(models.Model):
    """An invitation of one address.

    connection, external_id: the person at the source; external_id is empty if only an address was invited. name: that
    of the person. email: in canonical form. token_hash: SHA-256 of the token in the link of the last mail; empty before
    the first. sent_at: when the last mail was sent. tries: attempts to send the present mail. next_try: when the mail
    is sent, or sent again. last_error: why the last attempt failed, without the text of the server. approved_by: null
    if it was approved from the shell, which ``from_shell`` says, or if the account was deleted; then it is void.
    """

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="invitations", verbose_name="source")
    external_id = models.CharField("id at the source", max_length=255, blank=True)
    name = models.CharField(max_length=NAME_LENGTH, blank=True)
    email = models.CharField("e-mail", max_length=254, db_index=True)
    state = models.CharField(max_length=10, choices=InvitationState, db_index=True)
    token_hash = models.CharField(max_length=64, blank=True, db_index=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    from_shell = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    next_try = models.DateTimeField(null=True, db_index=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["email"],
                condition=Q(state__in=["proposed", "queued", "sent"]),
                name="one_open_invitation_per_address",
            ),
            models.UniqueConstraint(
                fields=["connection", "external_id"],
                condition=Q(state__in=["proposed", "queued", "sent"]) & ~Q(external_id=""),
                name="one_open_invitation_per_person",
            ),
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_void(self) -> bool:
        """Whether the account that approved it was deleted."""
        return self.approved_by_id is None and not self.from_shell
