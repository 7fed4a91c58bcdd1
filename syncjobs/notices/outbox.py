"""Sends the mails about runs."""

from datetime import datetime

from django.core.mail import EmailMessage
from django.db.models import F
from django.utils import timezone

from syncjobs.invitations.sending import PIECE, Outbox
from syncjobs.models import Notice, NoticeState
from syncjobs.notices.texts import mail_of


class NoticeOutbox(Outbox[Notice]):
    """Mails about runs. One without anything to say any more is dropped."""

    def claim(self, row: Notice, next_try: datetime) -> EmailMessage | None:
        queued = Notice.objects.filter(pk=row.pk, state=NoticeState.QUEUED, tries=row.tries, next_try__lte=self.now)
        if not queued.update(tries=F("tries") + 1, next_try=next_try):
            return None
        mail = mail_of(row, self.now)
        if mail is None:
            self._end(row, NoticeState.DROPPED)
        return mail

    def sent(self, row: Notice) -> None:
        self._end(row, NoticeState.SENT, sent_at=timezone.now(), last_error="")

    def failed(self, row: Notice, fault: str, *, final: bool) -> None:
        if final:
            self._end(row, NoticeState.FAILED, last_error=fault)
        else:
            Notice.objects.filter(pk=row.pk).update(last_error=fault)

    @staticmethod
    def _end(row: Notice, state: NoticeState, **columns: object) -> None:
        Notice.objects.filter(pk=row.pk, state=NoticeState.QUEUED).update(state=state, next_try=None, **columns)


def send_notices(now: datetime) -> int:
    """Send the mails that are due. Return how many were sent."""
    due = Notice.objects.filter(state=NoticeState.QUEUED, next_try__lte=now)
    related = ("account", "run__connection", "run__profile", "run__superseded_by__connection")
    return NoticeOutbox(now).send(due.select_related(*related).order_by("next_try", "pk")[:PIECE])
