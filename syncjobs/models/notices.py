"""Mails about runs: to leads, whom they concern, and to administrators, who have to do something."""

from django.conf import settings
from django.db import models

from syncjobs.models.runs import SyncRun


class NoticeKind(models.TextChoices):
    DIGEST = "digest", "on-call changed"
    HELD = "held", "held"
    FAILED = "failed"
    WAITING = "waiting", "waits for review"


class NoticeState(models.TextChoices):
    QUEUED = "queued", "waits to be sent"
    SENT = "sent"
    #: When it was to be sent, there was nothing left to say, or the account had lost its rights or its address.
    DROPPED = "dropped"
    FAILED = "failed", "could not be sent"


class Notice(models.Model):
    """A mail about a run to one account. Its text is made when it is sent, from what the account may see then.

    key: an account gets one mail for each key. tries, next_try, last_error: as of an invitation.
    """

    kind = models.CharField(max_length=10, choices=NoticeKind)
    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    run = models.ForeignKey(SyncRun, models.CASCADE, related_name="notices")
    key = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=NoticeState, default=NoticeState.QUEUED)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    next_try = models.DateTimeField(null=True, db_index=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["account", "key"], name="one_notice_per_key")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.run}"
