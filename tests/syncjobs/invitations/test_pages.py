"""The list of invitations with its buttons, and the invitation on the pages of people."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from oncall.models import Responder, Role, User
from syncjobs.deciding.decide import Decision, decide
from syncjobs.invitations.outbox import work_off
from syncjobs.models import ConflictState, Invitation, InvitationState
from tests.syncjobs.admin.test_answers import client_with
from tests.syncjobs.conftest import Sync, user
from tests.syncjobs.invitations.conftest import account
from tests.syncjobs.invitations.mails import pass_time, question

pytestmark = pytest.mark.django_db
Invite = Callable[..., Invitation]
LIST, PEOPLE = "/admin/syncjobs/invitation/", "/admin/oncall/responder/"


@pytest.fixture
def browser(administrator: User, client: Client) -> Client:
    User.objects.filter(pk=administrator.pk).update(is_staff=True)
    client.force_login(administrator)
    return client


def press(client: Client, action: str, *invitations: Invitation) -> Any:
    data = {"action": f"{action}_selected", "_selected_action": [each.pk for each in invitations]}
    return client.post(LIST, data, follow=True)


def test_the_list_shows_each_state_in_words(browser: Client, invite: Invite, lead: User) -> None:
    invite()
    decide(question("Bo"), Decision("invite", {}, lead))
    page = browser.get(LIST).content.decode()
    for words in ("ana@example.com", "Sent", "the shell", "bo@example.com", "Proposed", "proposed by Lea Lead"):
        assert words in page
    assert "token" not in browser.get(f"{LIST}{Invitation.objects.earliest('pk').pk}/change/").content.decode().replace(
        "csrfmiddlewaretoken", ""
    )


def test_a_declined_proposal_is_said_to_be_of_the_one_who_proposed_it(
    browser: Client, imported: Sync, lead: User
) -> None:
    decide(question(), Decision("invite", {}, lead))
    press(browser, "revoke", Invitation.objects.get())
    page = browser.get(LIST).content.decode()
    assert "proposed by Lea Lead" in page and "a deleted account" not in page


def test_an_administrator_approves_revokes_and_sends_again(browser: Client, imported: Sync, lead: User) -> None:
    decide(question(), Decision("invite", {}, lead))
    invitation = Invitation.objects.get()
    assert "Approved: 1." in press(browser, "approve", invitation).content.decode()
    assert question().state == ConflictState.DECIDED
    work_off()
    assert "less than 24 hours ago" in press(browser, "resend", invitation).content.decode()
    assert "is no proposal" in press(browser, "approve", invitation).content.decode()
    pass_time(invitation, hours=25)
    assert "Sent again: 1." in press(browser, "resend", invitation).content.decode()
    work_off()
    assert len(mail.outbox) == 2
    assert "Revoked: 1." in press(browser, "revoke", invitation).content.decode()
    assert (Invitation.objects.get().state, question().state) == (InvitationState.REVOKED, ConflictState.OPEN)
    assert "is over already" in press(browser, "revoke", invitation).content.decode()
    assert "Sent again: 1." in press(browser, "resend", invitation).content.decode()
    assert (Invitation.objects.count(), question().state) == (2, ConflictState.DECIDED)


def test_an_address_that_was_proposed_alone_is_approved_and_revoked(
    browser: Client, imported: Sync, invite: Invite, lead: User
) -> None:
    first, second = (invite(email, lead) for email in ("one@example.com", "two@example.com"))
    assert {first.state, second.state} == {"proposed"}
    press(browser, "approve", first)
    press(browser, "revoke", second)
    assert list(Invitation.objects.order_by("pk").values_list("state", flat=True)) == ["queued", "revoked"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_a_viewer_has_no_buttons(client: Client, invite: Invite, role: Role) -> None:
    invitation = invite()
    client.force_login(account("viewer@example.com", role, is_staff=True))
    page = client.get(LIST).content.decode()
    assert "ana@example.com" in page
    assert "approve_selected" not in page
    press(client, "revoke", invitation)
    assert Invitation.objects.get().state == InvitationState.SENT


def test_lists_of_people_and_invitations_make_as_many_queries_for_many_rows(
    browser: Client, sync: Sync, server: object
) -> None:
    sync.run()

    def queries(url: str) -> int:
        with CaptureQueriesContext(database) as captured:
            assert browser.get(url).status_code == 200
        return len(captured)

    decide(question("Ana"), Decision("invite", {}, None))
    for url in (LIST, PEOPLE):
        browser.get(url)
    few = [queries(LIST), queries(PEOPLE)]
    sync.source.change(users=(*sync.source.snapshot.users, *(user(f"N{n}", f"New{n}") for n in range(30))))
    sync.run()
    for row in Responder.objects.filter(name__startswith="New"):
        Invitation.objects.create(
            connection=sync.connection, external_id=row.links.get().external_id, email=row.email, state="sent",
            name=row.name, created_at=Invitation.objects.earliest("pk").created_at,
        )  # fmt: skip
    assert [queries(LIST), queries(PEOPLE)] == few


def test_a_person_and_the_list_of_people_show_the_invitation(browser: Client, invite: Invite) -> None:
    invite()
    ana, bo = Responder.objects.get(name="Ana"), Responder.objects.get(name="Bo")
    assert "Sent" in browser.get(PEOPLE).content.decode()
    assert "was invited on" in browser.get(f"{PEOPLE}{ana.pk}/change/").content.decode()
    assert "was invited on" not in browser.get(f"{PEOPLE}{bo.pk}/change/").content.decode()


@pytest.mark.parametrize("state", InvitationState.values)
def test_the_page_offers_what_can_be_done_in_each_state(browser: Client, invite: Invite, state: str) -> None:
    invitation = invite()
    Invitation.objects.filter(pk=invitation.pk).update(state=state)
    page = browser.get(f"{LIST}{invitation.pk}/change/").content.decode()
    offered = {name for name in ("approve", "revoke", "resend") if f'value="{name}_selected"' in page}
    assert offered == {
        "proposed": {"approve", "revoke"},
        "queued": {"revoke"},
        "sent": {"resend", "revoke"},
        "accepted": set(),
    }.get(state, {"resend"})
    viewer = client_with(Role.VIEWER)
    assert "_selected" not in viewer.get(f"{LIST}{invitation.pk}/change/").content.decode()


def test_a_proposal_is_approved_on_its_page(browser: Client, imported: Sync, lead: User) -> None:
    decide(question(), Decision("invite", {}, lead))
    invitation = Invitation.objects.get()
    assert "Approve and send" in browser.get(f"{LIST}{invitation.pk}/change/").content.decode()
    assert "Approved: 1." in press(browser, "approve", invitation).content.decode()
