"""Sends the mails of an outbox. A mail server that is down costs time, never a mail.

A mail is sent at least once: if the process dies after it was sent, it is sent again. After MOST_TRIES attempts it has
failed.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any, Final, Generic, Protocol, TypeVar

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

#: Attempts to send a mail, the times between them, and the mails of one tick.
MOST_TRIES: Final = 10
FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=4)
PIECE: Final = 100
#: Why a mail has failed whose address no mail can have, such as one with a label of 64 letters.
UNWRITABLE: Final = "The address cannot be written into a mail."
#: After these errors the server still takes other mails.
_OF_ONE_MAIL: Final = (SMTPResponseException, SMTPRecipientsRefused)


class Queued(Protocol):
    """A row with a mail to send. tries: the attempts so far."""

    tries: Any


Row = TypeVar("Row", bound=Queued)


class Outbox(ABC, Generic[Row]):
    """Rows of one table that wait for their mail. now: the clock of retries."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    @abstractmethod
    def claim(self, row: Row, next_try: datetime) -> EmailMessage | None:
        """Count an attempt and return the mail. None: another process has sent it meanwhile, or it is not needed."""

    @abstractmethod
    def sent(self, row: Row) -> None:
        """Store that the mail was sent."""

    @abstractmethod
    def failed(self, row: Row, fault: str, *, final: bool) -> None:
        """Store why an attempt failed. final: there will be no other one."""

    def send(self, rows: Iterable[Row]) -> int:
        """Send the mails of rows. Return how many were sent. If the server is down, the others wait."""
        number = 0
        server = get_connection()
        try:
            for row in rows:
                answer = self._send(row, server)
                number += answer is True
                if isinstance(answer, OSError | SMTPException) and not isinstance(answer, _OF_ONE_MAIL):
                    break
        finally:
            server.close()
        return number

    def _send(self, row: Row, server: BaseEmailBackend) -> bool | Exception:
        """Send a mail. Return whether it was sent, or the error if that failed."""
        mail = self.claim(row, self.now + min(FIRST_WAIT * 2**row.tries, LONGEST_WAIT))
        if mail is None:
            return False
        try:
            mail.connection = server
            mail.send()
        except ValueError as error:
            self.failed(row, UNWRITABLE, final=True)
            return error
        except (OSError, SMTPException) as error:
            final = row.tries + 1 >= MOST_TRIES or _is_final(error)
            self.failed(row, fault_of(error), final=final)
            return error
        self.sent(row)
        return True


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
