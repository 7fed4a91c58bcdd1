"""Login, password change and password reset of the pages for everybody."""

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.admin.sites import all_sites
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from oncall.models import ChangeRecord, User
from oncall.operations import Actor, create_account
from oncall.operations.logins import MAILS_OF_ACCOUNT, MAILS_OF_ADDRESS, WINDOW
from scripts.attack.forms import Form

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


def test_a_link_or_its_open_form_of_a_deactivated_account_sets_nothing(
    ana: User, client: Client, settings: Any
) -> None:
    client.post("/password_reset/", {"email": ana.email})
    url = link(settings)
    form_url = client.get(url, follow=True).redirect_chain[-1][0]
    User.objects.filter(pk=ana.pk).update(is_active=False)
    answers = [
        client.post(form_url, {"new_password1": NEW, "new_password2": NEW}),
        Client().get(url, follow=True),
    ]
    assert all("not valid" in answer.content.decode() for answer in answers)
    ana.refresh_from_db()
    assert ana.check_password(PASSWORD)


def test_the_login_pages_lead_to_the_reset(client: Client) -> None:
    for url in ("/login/", "/admin/login/"):
        assert 'href="/password_reset/"' in client.get(url).content.decode()


# --- each way to set a password ---------------------------------------------------------------------------------------


def by_form_of(site: str) -> Callable[[User, Client, Any], None]:
    def change(ana: User, client: Client, settings: Any) -> None:
        client.force_login(ana)
        data = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
        assert client.post(reverse(f"{site}:password_change"), data).status_code == 302

    return change


def by_link(ana: User, client: Client, settings: Any) -> None:
    client.post("/password_reset/", {"email": ana.email})
    form_url = client.get(link(settings), follow=True).redirect_chain[-1][0]
    assert client.post(form_url, {"new_password1": NEW, "new_password2": NEW}).status_code == 302


def by_administrator(ana: User, client: Client, settings: Any) -> None:
    client.force_login(User.objects.create_superuser("root@example.com", PASSWORD))
    form = Form(client, reverse("admin:oncall_user_change", args=[ana.pk]))
    assert form.send(new_password=NEW, again=NEW).status_code == 302


def by_shell(ana: User, client: Client, settings: Any) -> None:
    typed = "django.contrib.auth.management.commands.changepassword.Command._get_pass"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typed, lambda *given: NEW)
        call_command("changepassword", ana.email, stdout=StringIO())


WAYS = {
    "the admin": by_form_of("admin"),
    "the pages for everybody": by_form_of("everybody"),
    "the link of a mail": by_link,
    "the page of the account": by_administrator,
    "manage.py changepassword": by_shell,
}


def test_each_site_with_a_page_for_passwords_is_a_way() -> None:
    assert {"the admin", "the pages for everybody"} <= WAYS.keys()
    assert {site.name for site in all_sites} == {"admin", "everybody"}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_set_a_password_writes_one_record_without_it(
    ana: User, client: Client, settings: Any, way: str
) -> None:
    User.objects.filter(pk=ana.pk).update(is_staff=True)
    ana.refresh_from_db()
    ChangeRecord.objects.all().delete()
    WAYS[way](ana, client, settings)
    ana.refresh_from_db()
    assert ana.check_password(NEW)
    assert ana.version == 2
    record = ChangeRecord.objects.get(model="account", object_id=ana.pk)
    assert record.changes == {"password": ["(hidden)", "(hidden)"]}
    assert record.actor == {"the page of the account": User.objects.exclude(pk=ana.pk).first()}.get(
        way, None if "manage.py" in way else ana
    )
    stored = str(list(ChangeRecord.objects.values()))
    assert NEW not in stored and ana.password not in stored


def test_a_new_hash_of_the_same_password_is_no_change(ana: User, settings: Any) -> None:
    ChangeRecord.objects.all().delete()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    assert ana.check_password(PASSWORD)
    assert User.objects.get(pk=ana.pk).password.startswith("pbkdf2")
    assert not ChangeRecord.objects.exists()


# --- how many links ---------------------------------------------------------------------------------------------------


def test_200_requests_for_one_address_send_three_mails(ana: User, client: Client) -> None:
    answers = {
        client.post("/password_reset/", {"email": ana.email}, REMOTE_ADDR=f"198.51.100.{n % 50}").headers["Location"]
        for n in range(200)
    }
    assert answers == {"/password_reset/sent/"}
    assert len(mail.outbox) == MAILS_OF_ACCOUNT == 3


def test_many_requests_from_one_network_send_twenty_mails(client: Client) -> None:
    people = [create_account(f"p{n}@example.com", PASSWORD, by=Actor(None, "test")) for n in range(30)]
    asked = [people[n % 30].email if n % 2 else f"nobody{n}@example.com" for n in range(60)]
    answers = {
        client.post("/password_reset/", {"email": email}, REMOTE_ADDR=f"2001:db8::{n:x}").headers["Location"]
        for n, email in enumerate(asked)
    }
    assert answers == {"/password_reset/sent/"}
    assert len(mail.outbox) == MAILS_OF_ADDRESS / 2  # requests for unknown addresses count alike
    client.post("/password_reset/", {"email": people[0].email}, REMOTE_ADDR="2001:db8:1::1")
    assert len(mail.outbox) == MAILS_OF_ADDRESS / 2 + 1


def test_requests_for_links_and_failed_logins_are_counted_apart(ana: User, client: Client) -> None:
    for _ in range(10):
        client.post("/password_reset/", {"email": ana.email})
    assert login(client).status_code == 302


def test_mails_are_sent_again_after_the_window(ana: User, client: Client) -> None:
    with time_machine.travel("2026-03-02T09:00:00Z", tick=False) as clock:
        for _ in range(5):
            client.post("/password_reset/", {"email": ana.email})
        clock.shift(WINDOW + timedelta(seconds=1))
        client.post("/password_reset/", {"email": ana.email})
    assert len(mail.outbox) == MAILS_OF_ACCOUNT + 1
