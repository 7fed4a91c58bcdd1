"""An imported source whose people have no accounts, an administrator, a lead, and a mail server that can be down."""

from collections.abc import Callable, Iterator
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.contrib.auth.models import Group

from oncall.models import Role, User, UserGroup
from oncall.operations import create_account, grant_lead
from syncjobs.deciding.inviting import invite_address
from syncjobs.invitations.outbox import work_off
from syncjobs.models import Invitation
from tests.syncjobs.conftest import BY, Sync
from tests.syncjobs.invitations.mails import PASSWORD, MailServer


@pytest.fixture
def server(settings: Any) -> Iterator[type[MailServer]]:
    settings.EMAIL_BACKEND = "tests.syncjobs.invitations.mails.MailServer"
    MailServer.error = None
    yield MailServer
    MailServer.error = None


@pytest.fixture
def down(server: type[MailServer]) -> type[MailServer]:
    server.error = SMTPServerDisconnected("connection of ana@example.com lost")
    return server


@pytest.fixture
def imported(sync: Sync, server: type[MailServer]) -> Sync:
    sync.run()
    return sync


@pytest.fixture
def administrator(db: None) -> User:
    return account("root@example.com", Role.ADMINISTRATOR, name="Ada Admin")


@pytest.fixture
def lead(imported: Sync) -> User:
    made = account("lead@example.com", Role.TEAM_LEAD, name="Lea Lead")
    grant_lead(made.pk, UserGroup.objects.get(name="Platform").pk, BY)
    return made


def account(email: str, role: Role | None = None, **fields: Any) -> User:
    made = create_account(email, PASSWORD, by=BY, **fields)
    made.groups.set(Group.objects.filter(name=role))
    return User.objects.get(pk=made.pk)


@pytest.fixture
def invite(imported: Sync) -> Callable[..., Invitation]:
    """Returns a function that invites an address and sends the mail."""

    def work(email: str = "ana@example.com", by: User | None = None, **options: Any) -> Invitation:
        invitation = invite_address(imported.connection, email, by, **options).invitation
        work_off()
        invitation.refresh_from_db()
        return invitation

    return work
