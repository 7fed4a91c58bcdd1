"""Login, password change and password reset of the pages for everybody."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from oncall.models import ChangeRecord, User
from oncall.operations import Actor, create_account

pytestmark = pytest.mark.django_db
PASSWORD, NEW = "correct horse battery", "another long password"


@pytest.fixture
def ana() -> User:
    return create_account("Ana@example.com", PASSWORD, by=Actor(None, "test"))


def login(client: Client, email: str = "ana@example.com", password: str = PASSWORD, url: str = "/login/") -> Any:
    return client.post(url, {"username": email, "password": password})


def test_an_account_without_staff_logs_in_and_sees_its_page(ana: User, client: Client) -> None:
    answer = login(client)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/").context["title"] == "My page"
    assert client.get("/login/").headers["Location"] == "/"


def test_the_admin_does_not_let_it_in(ana: User, client: Client) -> None:
    assert login(client, url="/admin/login/").status_code == 200
    login(client)
    assert client.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"


@pytest.mark.parametrize("url", ["/login/", "/admin/login/"])
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_login_leads_to_our_own_pages_only(client: Client, ana: User, url: str, target: str) -> None:
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    answer = client.post(f"{url}?next={target}", {"username": ana.email, "password": PASSWORD, "next": target})
    assert (answer.status_code, answer.headers["Location"][0], answer.headers["Location"][:2]) != (302, "/", "//")
    assert "evil" not in answer.headers["Location"]
    assert answer.headers["Location"] == url.removesuffix("login/")


@pytest.mark.parametrize("password,active", [("wrong", True), (PASSWORD, False)])
def test_a_wrong_password_or_an_inactive_account_is_refused(
    ana: User, client: Client, password: str, active: bool
) -> None:
    User.objects.filter(pk=ana.pk).update(is_active=active)
    answer = login(client, password=password)
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_session_of_a_deactivated_account_ends_at_once(ana: User, client: Client) -> None:
    client.force_login(ana)
    assert client.get("/").status_code == 200
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert client.get("/").headers["Location"] == "/login/?next=/"


def test_a_person_changes_the_own_password_and_stays_logged_in(ana: User, client: Client) -> None:
    login(client)
    data = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert client.get("/password_change/").status_code == 200
    assert client.post("/password_change/", {**data, "old_password": "wrong"}).status_code == 200
    assert client.post("/password_change/", data, follow=True).status_code == 200
    ana.refresh_from_db()
    assert ana.check_password(NEW)
    assert client.get("/").status_code == 200
    record = ChangeRecord.objects.filter(model="account", object_id=ana.pk).latest("pk")
    assert (record.actor, record.changes) == (ana, {"password": ["(hidden)", "(hidden)"]})


def link(settings: Any) -> str:
    """The path of the link in the only mail that was sent."""
    (sent,) = mail.outbox
    found = re.search(rf"{re.escape(settings.PUBLIC_BASE_URL)}(/password_reset/\S+)", str(sent.body))
    assert found is not None
    return found[1]


def test_a_password_is_reset_by_the_link_of_a_mail(ana: User, client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    answer = client.post("/password_reset/", {"email": "ANA@example.com"}, headers={"host": "evil.example"})
    assert answer.headers["Location"] == "/password_reset/sent/"
    assert mail.outbox[0].to == ["Ana@example.com"]
    assert "evil" not in mail.outbox[0].body + mail.outbox[0].subject
    url = link(settings)
    form = client.get(url, follow=True)
    form_url = form.redirect_chain[-1][0]
    assert url.rpartition("-")[2] not in form_url  # the token is in the session
    weak = client.post(form_url, {"new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 200 and "too short" in weak.content.decode()
    done = client.post(form_url, {"new_password1": NEW, "new_password2": NEW}, follow=True)
    assert done.status_code == 200
    ana.refresh_from_db()
    assert ana.check_password(NEW)
    assert ChangeRecord.objects.filter(model="account", object_id=ana.pk).latest("pk").actor == ana
    assert "not valid" in Client().get(url).content.decode()  # used


@pytest.mark.parametrize("unusable", [False, True])
def test_the_answer_is_the_same_without_an_account_and_no_mail_is_sent(
    ana: User, client: Client, unusable: bool
) -> None:
    if unusable:
        ana.set_unusable_password()
        User.objects.bulk_update([ana], ["password"])
    addresses = ("ana@example.com" if unusable else "nobody@example.com", "not-there@example.com")
    answers = [client.post("/password_reset/", {"email": each}, follow=True).content for each in addresses]
    assert answers[0] == answers[1]
    assert mail.outbox == []


def test_an_inactive_account_gets_no_link_and_a_link_sent_before_is_void(
    ana: User, client: Client, settings: Any
) -> None:
    client.post("/password_reset/", {"email": ana.email})
    url = link(settings)
    User.objects.filter(pk=ana.pk).update(password="!changed meanwhile")
    assert "not valid" in client.get(url, follow=True).content.decode()
    mail.outbox.clear()
    User.objects.filter(pk=ana.pk).update(is_active=False)
    client.post("/password_reset/", {"email": ana.email})
    assert mail.outbox == []


def test_a_link_that_was_opened_is_void_once_its_account_is_deactivated(
    ana: User, client: Client, settings: Any
) -> None:
    client.post("/password_reset/", {"email": ana.email})
    form_url = client.get(link(settings), follow=True).redirect_chain[-1][0]
    User.objects.filter(pk=ana.pk).update(is_active=False)
    for answer in (client.get(form_url), client.post(form_url, {"new_password1": NEW, "new_password2": NEW})):
        assert answer.status_code == 200
        assert "not valid" in answer.content.decode()
    assert User.objects.get(pk=ana.pk).check_password(PASSWORD)


def test_the_login_pages_lead_to_the_reset(client: Client) -> None:
    for url in ("/login/", "/admin/login/"):
        assert 'href="/password_reset/"' in client.get(url).content.decode()
