"""The outbox: mails that survive a dead server, at least once, capped, and not more often than the cool-down."""

from collections.abc import Callable
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from oncall.models import User
from syncjobs.deciding.decide import Decision, decide
from syncjobs.deciding.inviting import invite_address, resend, revoke
from syncjobs.invitations.mail import plain_name
from syncjobs.invitations.outbox import work_off
from syncjobs.invitations.sending import MOST_TRIES
from syncjobs.models import COOL_DOWN, ConflictState, Invitation, InvitationState
from syncjobs.planning.decisions.values import Refused
from syncjobs.tasks import tick
from tests.syncjobs.conftest import Sync, contents
from tests.syncjobs.invitations.mails import MailServer, pass_time, question, token_in

pytestmark = pytest.mark.django_db
Invite = Callable[..., Invitation]


def decided(name: str = "Ana", by: User | None = None, **arguments: str) -> None:
    decide(question(name), Decision("invite", arguments, by))


def test_a_decision_queues_the_mail_and_the_tick_sends_it(imported: Sync, administrator: User) -> None:
    decided(by=administrator)
    assert (Invitation.objects.get().state, mail.outbox) == (InvitationState.QUEUED, [])
    tick()
    invitation = Invitation.objects.get()
    assert (invitation.state, invitation.approved_by, invitation.next_try) == ("sent", administrator, None)
    assert (question().state, question().arguments) == (ConflictState.DECIDED, {"email": "ana@example.com"})
    (sent,) = mail.outbox
    assert sent.to == ["ana@example.com"]
    tick()
    assert len(mail.outbox) == 1


def test_the_mail_says_who_invites_and_why_and_leads_only_to_the_public_address(
    invite: Invite, administrator: User, settings: Any
) -> None:
    settings.PUBLIC_BASE_URL = "https://oncall.example.com"
    invite(by=administrator)
    (sent,) = mail.outbox
    html = sent.alternatives[0][0]  # type: ignore[attr-defined]
    link = f"https://oncall.example.com/invitation/{token_in()}/"
    for text in (sent.body, html):
        assert "Ada Admin" in text
        assert "“acme” has you in an on-call schedule" in text
        assert link in text
        assert {part.split(chr(34))[0].split("<")[0].split()[0] for part in text.split("://")[1:]} <= {
            link.removeprefix("https://"), "oncall.example.com",
        }  # fmt: skip
    assert "<img" not in html


def test_only_the_hash_of_the_token_is_stored(invite: Invite) -> None:
    invite()
    assert len(token_in()) >= 43
    assert token_in() not in contents()


def test_a_dead_server_costs_time_and_no_invitation(invite: Invite, down: type[MailServer]) -> None:
    invitation = invite()
    assert (invitation.state, invitation.tries, mail.outbox) == ("queued", 1, [])
    assert invitation.last_error == "The mail server cannot be reached (SMTPServerDisconnected)."
    assert invitation.next_try is not None
    tick()
    invitation.refresh_from_db()
    assert invitation.tries == 1
    pass_time(invitation, minutes=5)
    down.error = None
    tick()
    invitation.refresh_from_db()
    assert (invitation.state, invitation.tries, invitation.last_error, len(mail.outbox)) == ("sent", 2, "", 1)


def test_one_dead_server_is_asked_once_a_tick_whatever_waits(invite: Invite, down: type[MailServer]) -> None:
    for email in ("a@example.com", "b@example.com", "c@example.com"):
        invite(email)
    Invitation.objects.update(tries=0, next_try=timezone.now())
    assert work_off() == 0
    assert sorted(Invitation.objects.values_list("tries", flat=True)) == [0, 0, 1]


def test_a_refused_address_does_not_stop_the_others(invite: Invite, server: type[MailServer]) -> None:
    server.error = SMTPResponseException(451, b"secret of ana@example.com")
    for email in ("a@example.com", "b@example.com"):
        invite(email)
    Invitation.objects.update(tries=0, next_try=timezone.now())
    work_off()
    assert (
        list(Invitation.objects.values_list("tries", "last_error"))
        == [(1, "The mail server answered with code 451.")] * 2
    )


def test_attempts_are_capped_and_the_question_is_open_again_with_that_story(
    imported: Sync, down: type[MailServer]
) -> None:
    decided()
    for _ in range(MOST_TRIES):
        work_off()
        pass_time(Invitation.objects.get(), hours=5)
    invitation = Invitation.objects.get()
    assert (invitation.state, invitation.tries) == (InvitationState.FAILED, MOST_TRIES)
    assert (question().state, question().choice) == (ConflictState.OPEN, "")
    before = contents()
    assert work_off() == 0
    assert contents() == before


def test_a_refused_address_fails_at_once(invite: Invite, server: type[MailServer]) -> None:
    server.error = SMTPRecipientsRefused({"ana@example.com": (550, b"no such user ana@example.com")})
    invitation = invite()
    assert (invitation.state, invitation.last_error) == (
        InvitationState.FAILED, "The mail server refuses the address (code 550).",
    )  # fmt: skip


def test_a_mail_is_sent_again_if_the_process_died_after_it_was_sent(invite: Invite) -> None:
    invitation = invite()
    # As after a kill between sending the mail and storing that: claimed, not marked.
    Invitation.objects.update(state=InvitationState.QUEUED, sent_at=None, next_try=timezone.now())
    assert work_off() == 1
    assert len(mail.outbox) == 2
    invitation.refresh_from_db()
    assert invitation.state == InvitationState.SENT


def test_an_invitation_that_is_not_accepted_expires_and_is_asked_again(imported: Sync, invite: Invite) -> None:
    invitation = invite()
    pass_time(invitation, hours=73)
    work_off()
    invitation.refresh_from_db()
    assert (invitation.state, question().state) == (InvitationState.EXPIRED, ConflictState.OPEN)
    before = contents()
    assert imported.run().items.count() == 0
    assert contents() == before


def test_a_second_mail_within_the_cool_down_is_refused(invite: Invite) -> None:
    invitation = invite()
    with pytest.raises(Refused, match="less than 24 hours ago"):
        resend(invitation, None)
    work_off()
    assert len(mail.outbox) == 1
    pass_time(invitation, hours=25)
    resend(invitation, None)
    work_off()
    assert len(mail.outbox) == 2
    assert token_in(0) != token_in(1)


def test_100_invitations_of_one_address_are_one_mail(invite: Invite, imported: Sync) -> None:
    for _ in range(50):
        invite()
        revoke(invite(), None)
    assert len(mail.outbox) == 1
    waiting = invite_address(imported.connection, "ana@example.com", None).invitation
    assert waiting.next_try is not None
    assert waiting.next_try - timezone.now() > COOL_DOWN * 0.9


def test_an_invitation_is_void_when_the_account_that_approved_it_is_deleted(
    imported: Sync, administrator: User
) -> None:
    decided(by=administrator)
    administrator.delete()
    work_off()
    assert (Invitation.objects.get().state, mail.outbox) == (InvitationState.REVOKED, [])


@pytest.mark.parametrize(
    "name,shown",
    [
        ("Ana", "Ana"),
        ("J. R. O'Neil-Smith", "J. R. O'Neil-Smith"),
        ("Ana\r\nBcc: eve@evil.example", ""),
        ("Ana\r\nBcc eve", "Ana Bcc eve"),
        ("Win at evil.example/now", ""),
        ("Look at http://evil.example", ""),
        ("<b>Ana</b>", ""),
        ("x" * 300, "x" * 100),
        ("\x1b[31mAna\u202e", "[31mAna"),
    ],
)
def test_a_name_is_one_line_and_no_link(name: str, shown: str) -> None:
    assert plain_name(name) == shown


def test_a_name_cannot_add_a_header_or_a_recipient(invite: Invite, imported: Sync, administrator: User) -> None:
    hostile = "Ana\r\nBcc: eve@evil.example\r\n\r\nhttps://evil.example"
    User.objects.filter(pk=administrator.pk).update(name=hostile)
    decided(by=User.objects.get(pk=administrator.pk))
    Invitation.objects.update(name=hostile)
    work_off()
    (sent,) = mail.outbox
    assert sent.recipients() == ["ana@example.com"]
    assert sent.subject == "You are invited to Rotabridge"
    assert {name for name, _ in sent.message().items()} == {
        "Content-Type", "MIME-Version", "Subject", "From", "To", "Date", "Message-ID",
    }  # fmt: skip
    assert "evil" not in str(sent.message())
