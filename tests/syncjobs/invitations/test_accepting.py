"""Accepting an invitation: what its page shows, who may accept it, and what it leads to."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from oncall.models import ChangeRecord, Responder, Role, User
from oncall.operations import link_account
from oncall.operations.logins import OF_ADDRESS
from syncjobs.conflicts.invited import last_invitations
from syncjobs.deciding.decide import Decision, decide
from syncjobs.deciding.inviting import revoke
from syncjobs.invitations.outbox import work_off
from syncjobs.models import ConflictState, Invitation, InvitationState
from tests.syncjobs.conftest import BY, Sync, contents
from tests.syncjobs.invitations.conftest import account
from tests.syncjobs.invitations.mails import PASSWORD, pass_time, path_in, question

pytestmark = pytest.mark.django_db
Invite = Callable[..., Invitation]
NEW = {"new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def asked(imported: Sync, administrator: User) -> Sync:
    """Ana is invited, as the answer to her question."""
    decide(question(), Decision("invite", {}, administrator))
    work_off()
    return imported


def visit(client: Client, path: str | None = None) -> Any:
    return client.get(path or path_in(), follow=True)


def press(client: Client, **data: str) -> Any:
    return client.post("/invitation/", data, follow=True)


def test_a_new_account_sets_a_password_lands_on_its_page_and_closes_the_question(asked: Sync, client: Client) -> None:
    page = visit(client)
    assert page.redirect_chain == [("/invitation/", 302)]
    # With "no-referrer", no browser could send the form.
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert "Ada Admin invites you" in page.content.decode()
    landed = press(client, **NEW)
    assert (landed.redirect_chain, landed.context["title"]) == ([("/", 302)], "My page")
    assert landed.context["responder"] == Responder.objects.get(name="Ana")
    made = User.objects.get(email="ana@example.com")
    assert (made.name, made.is_staff, made.is_superuser, made.get_all_permissions()) == ("Ana", False, False, set())
    assert made.check_password(PASSWORD)
    assert client.session["_auth_user_id"] == str(made.pk)
    assert Responder.objects.get(name="Ana").account == made
    assert (Invitation.objects.get().state, question().state) == (InvitationState.ACCEPTED, ConflictState.DECIDED)
    record = ChangeRecord.objects.filter(model="responder").latest("pk")
    assert (record.cause, record.changes) == (f"invitation:{Invitation.objects.get().pk}", {"account": [None, made.pk]})
    asked.run()
    assert question().state == ConflictState.CLOSED
    before = contents()
    assert asked.run().items.count() == 0
    assert contents() == before


def test_showing_the_page_changes_nothing(asked: Sync, client: Client) -> None:
    before = contents_without_sessions()
    for method in ("get", "head", "options"):
        getattr(client, method)(path_in(), follow=True)
    assert contents_without_sessions() == before


def contents_without_sessions() -> str:
    return "\n".join(map(str, [*Invitation.objects.values(), *User.objects.values(), *Responder.objects.values()]))


def test_an_existing_account_logs_in_to_accept(asked: Sync, client: Client) -> None:
    made = account("ana@example.com")
    page = visit(client)
    assert "has an account here already" in page.content.decode()
    assert press(client).redirect_chain[0][0].startswith("/login/?next=")
    assert Responder.objects.get(name="Ana").account is None
    client.post("/login/?next=/invitation/", {"username": made.email, "password": PASSWORD})
    assert "Accept the invitation" in client.get("/invitation/").content.decode()
    press(client)
    assert Responder.objects.get(name="Ana").account == made
    assert User.objects.get(pk=made.pk).check_password(PASSWORD)


def test_the_account_of_another_address_cannot_accept(asked: Sync, client: Client) -> None:
    client.force_login(account("eve@example.com"))
    page = visit(client)
    assert "You are logged in as eve@example.com" in page.content.decode()
    press(client, **NEW)
    assert (Invitation.objects.get().state, User.objects.filter(email="ana@example.com").count()) == ("sent", 0)
    assert Responder.objects.get(name="Ana").account is None


def test_fields_that_give_rights_are_ignored(asked: Sync, client: Client) -> None:
    visit(client)
    press(client, **NEW, is_staff="on", is_superuser="on", groups="1", email="eve@example.com")
    made = User.objects.get(email="ana@example.com")
    assert (made.is_staff, made.is_superuser, made.groups.count()) == (False, False, 0)


@pytest.mark.parametrize(
    "first,second,words",
    [
        ("password1234", "password1234", "password"),
        ("ana@example.com", "ana@example.com", "similar"),
        (PASSWORD, "another one entirely", "match"),
        ("", "", "required"),
    ],
)
def test_a_password_that_is_refused_keeps_the_invitation(
    asked: Sync, client: Client, first: str, second: str, words: str
) -> None:
    visit(client)
    page = press(client, new_password1=first, new_password2=second)
    assert words in page.content.decode()
    assert (Invitation.objects.get().state, User.objects.filter(email="ana@example.com").exists()) == ("sent", False)
    assert press(client, **NEW).redirect_chain == [("/", 302)]


def _used(client: Client) -> None:
    other = Client()
    visit(other)
    press(other, **NEW)


def _expired(client: Client) -> None:
    pass_time(Invitation.objects.get(), hours=73)


def _revoked(client: Client) -> None:
    revoke(Invitation.objects.get(), None)


def _staff_meanwhile(client: Client) -> None:
    account("ana@example.com", is_staff=True)


def _inactive_account(client: Client) -> None:
    account("ana@example.com", is_active=False)


def _linked_meanwhile(client: Client) -> None:
    link_account(Responder.objects.get(name="Ana").pk, account("other@example.com").pk, by=BY)


def _account_taken(client: Client) -> None:
    link_account(Responder.objects.get(name="Bo").pk, account("ana@example.com").pk, by=BY)


def _approver_deleted(client: Client) -> None:
    User.objects.get(name="Ada Admin").delete()


ENDED = [
    _used, _expired, _revoked, _staff_meanwhile, _inactive_account, _linked_meanwhile, _account_taken,
    _approver_deleted,
]  # fmt: skip


@pytest.mark.parametrize("ended", ENDED, ids=lambda each: each.__name__.strip("_"))
def test_all_invalid_links_get_the_same_answer(asked: Sync, client: Client, ended: Callable[[Client], None]) -> None:
    unknown = visit(client, "/invitation/no-such-token/")
    assert "not valid any more" in unknown.content.decode()
    assert "Ask the person who invited you" in unknown.content.decode()
    path = path_in()
    ended(client)
    other = Client()
    for method in ("GET", "POST"):
        answer = visit(other, path) if method == "GET" else press(other, **NEW)
        assert (answer.status_code, body(answer)) == (404, body(unknown))
    linked = Responder.objects.filter(account__email="ana@example.com", name="Ana").exists()
    assert linked == (ended is _used)


def body(answer: Any) -> str:
    """The page without the token against forgery."""
    return "\n".join(line for line in answer.content.decode().splitlines() if "csrf" not in line.lower())


@pytest.mark.parametrize("change", ["deactivated", "no rights"])
def test_an_invitation_has_no_more_authority_than_the_account_that_approved_it(
    asked: Sync, client: Client, administrator: User, change: str
) -> None:
    visit(client)
    if change == "deactivated":
        User.objects.filter(pk=administrator.pk).update(is_active=False)
    else:
        administrator.groups.clear()
    assert press(client, **NEW).status_code == 404
    invitation = Invitation.objects.get()
    assert (invitation.state, User.objects.filter(email="ana@example.com").exists()) == ("revoked", False)
    assert (question().state, last_invitations([question()])[question().pk]) == (ConflictState.OPEN, invitation)


def test_a_person_who_is_only_planned_is_linked_by_the_import(
    sync: Sync, server: object, client: Client, administrator: User
) -> None:
    run = sync.plan()
    decide(question(), Decision("invite", {"email": "ana@private.example"}, administrator))
    work_off()
    visit(client)
    landed = press(client, **NEW)
    assert landed.context["responder"] is None
    sync.apply(run)
    for waiting in run.following.all():
        sync.apply(waiting)
    sync.run()
    made = User.objects.get(email="ana@private.example")
    assert Responder.objects.get(name="Ana").account == made
    assert question().state == ConflictState.CLOSED


def test_guessing_links_is_throttled_like_logins(asked: Sync, client: Client) -> None:
    cache.clear()
    for number in range(OF_ADDRESS):
        assert visit(client, f"/invitation/guess-{number}/").status_code == 404
    answer = visit(client)
    assert (answer.status_code, "too many failed logins" in answer.content.decode()) == (429, True)


def test_a_forged_host_changes_no_link(asked: Sync, client: Client, settings: Any) -> None:
    answer = client.get(path_in(), headers={"host": "evil.example"})
    assert answer.status_code == 400
    answer = client.get(path_in(), headers={"x-forwarded-host": "evil.example"})
    assert answer.headers["Location"] == "/invitation/"


def test_a_post_without_the_token_against_forgery_is_refused(asked: Sync) -> None:
    strict = Client(enforce_csrf_checks=True)
    visit(strict)
    assert strict.post("/invitation/", NEW).status_code == 403
    assert Invitation.objects.get().state == InvitationState.SENT


def test_the_same_person_at_two_sources_is_invited_once(imported: Sync, client: Client, administrator: User) -> None:
    other = Sync("globex")
    other.run()
    for connection in (imported.connection, other.connection):
        asked = question().__class__.objects.get(connection=connection, kind="user_not_found", label="Ana")
        decide(asked, Decision("invite", {}, administrator))
    work_off()
    assert Invitation.objects.count() == 1
    visit(client)
    press(client, **NEW)
    imported.run()
    other.run()
    states = question().__class__.objects.filter(kind="user_not_found", label="Ana").values_list("state", flat=True)
    assert set(states) == {ConflictState.CLOSED}


def test_a_lead_has_no_more_rights_by_an_invitation(invite: Invite, client: Client) -> None:
    invite()
    visit(client)
    press(client, **NEW)
    made = User.objects.get(email="ana@example.com")
    assert not made.groups.filter(name=Role.TEAM_LEAD).exists()
    assert client.get("/admin/").status_code == 302
