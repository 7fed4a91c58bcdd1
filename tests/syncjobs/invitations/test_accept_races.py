"""Two people, or a person and an administrator, act on one invitation at once. One wins, and nothing is half done."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from oncall.models import Responder, User
from syncjobs.deciding.inviting import invite_address, revoke
from syncjobs.invitations.accepting import InvitationNotValid, accept
from syncjobs.invitations.outbox import work_off
from syncjobs.models import ConflictState, Invitation, InvitationState
from tests.syncjobs.conftest import Sync
from tests.syncjobs.invitations.mails import PASSWORD, MailServer, question, token_in
from tests.threads import start_thread, wait_until_blocked

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite lets one writer through at a time"),
]


@pytest.fixture
def token(settings: Any, server: type[MailServer]) -> str:
    sync = Sync()
    sync.run()
    invite_address(sync.connection, "ana@example.com", None)
    work_off()
    return token_in()


def loses(work: Callable[[], object]) -> Callable[[], None]:
    def step() -> None:
        with pytest.raises(InvitationNotValid):
            work()

    return step


def test_of_two_who_accept_at_once_one_wins(token: str) -> None:
    with transaction.atomic():
        made = accept(token, PASSWORD)
        end = start_thread(loses(lambda: accept(token, "another quite unusual sentence")))
        wait_until_blocked()
    end()
    assert (User.objects.get(), Responder.objects.get(name="Ana").account) == (made, made)
    assert User.objects.get().check_password(PASSWORD)


def test_an_invitation_that_is_revoked_while_it_is_accepted_is_one_of_both(token: str) -> None:
    invitation = Invitation.objects.get()
    with transaction.atomic():
        revoke(invitation, None)
        end = start_thread(loses(lambda: accept(token, PASSWORD)))
        wait_until_blocked()
    end()
    assert (Invitation.objects.get().state, User.objects.count()) == (InvitationState.REVOKED, 0)
    assert (question().state, Responder.objects.get(name="Ana").account) == (ConflictState.OPEN, None)


def test_two_workers_send_one_mail(settings: Any, server: type[MailServer]) -> None:
    sync = Sync()
    sync.run()
    invite_address(sync.connection, "ana@example.com", None)
    ends = [start_thread(work_off) for _ in range(4)]
    for end in ends:
        end()
    assert Invitation.objects.get().tries == 1
