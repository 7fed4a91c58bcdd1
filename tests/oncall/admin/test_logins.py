"""One's own logins: they end, they are listed, and a password or key needs the account's password again."""

from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from oncall.models import Session, User
from oncall.operations import sessions
from syncjobs.setup.drafts import begin_draft

PASSWORD = "a long password"
HOME, LIST = "/admin/", "/account/logins/"
SEEN_EVERY = sessions._SEEN_EVERY


@pytest.fixture(autouse=True)
def _logins_are_stored_again(_no_login_is_stored_again: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_SEEN_EVERY", SEEN_EVERY)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2026-03-02T09:00:00Z", tick=False) as traveller:
        yield traveller


def browser(account: User, name: str = "Firefox", address: str = "192.0.2.1") -> Client:
    """A browser of its own that is logged in by the form."""
    client = Client(HTTP_USER_AGENT=name, REMOTE_ADDR=address)
    fields = {"username": account.email, "password": PASSWORD}
    assert client.post("/admin/login/?next=/admin/", fields).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get(HOME).status_code == 200


# --- When a login ends -----------------------------------------------------------------------------------------------


def test_a_login_without_use_ends_after_the_idle_limit(clock: time_machine.Traveller, administrator: User) -> None:
    client = browser(administrator)
    clock.shift(timedelta(minutes=settings.SESSION_IDLE_MINUTES, seconds=1))
    answer = client.get(HOME, follow=True)
    assert "You were logged out after 30 minutes without use." in answer.content.decode()
    assert not Session.objects.filter(account_id=administrator.pk).exists()


def test_a_login_in_use_ends_after_its_hours(clock: time_machine.Traveller, administrator: User) -> None:
    client = browser(administrator)
    for _ in range(35):
        clock.shift(timedelta(minutes=20))
        assert is_in(client)
    clock.shift(timedelta(minutes=20))  # 12 hours
    assert not is_in(client)


def test_the_time_of_use_is_stored_once_a_minute(
    clock: time_machine.Traveller, administrator: User, django_assert_num_queries: Any
) -> None:
    client = browser(administrator)
    client.get(LIST)
    with django_assert_num_queries(3):  # session, account, list of sessions
        client.get(LIST)
    clock.shift(timedelta(minutes=1))
    client.get(LIST)
    assert "09:01" in client.get(LIST).content.decode()


@pytest.mark.parametrize("fields", [{"is_active": False}, {"is_staff": False}, {"password": "!"}])
def test_a_login_ends_with_the_rights_of_its_account(administrator: User, fields: dict[str, Any]) -> None:
    client = browser(administrator)
    assert is_in(client)
    User.objects.filter(pk=administrator.pk).update(**fields)
    assert not is_in(client)


@pytest.mark.parametrize("by_role", [True, False])
def test_a_right_that_is_removed_is_gone_at_the_next_request(administrator: User, by_role: bool) -> None:
    User.objects.filter(pk=administrator.pk).update(is_superuser=False)
    role, right = Group.objects.create(name="a role"), Permission.objects.get(codename="view_responder")
    if by_role:
        role.permissions.add(right)
        administrator.groups.add(role)
    else:
        administrator.user_permissions.add(right)
    client = browser(administrator)
    page = reverse("admin:oncall_responder_changelist")
    assert client.get(page).status_code == 200
    administrator.groups.clear()
    administrator.user_permissions.clear()
    assert client.get(page).status_code == 403


def test_a_new_password_ends_the_other_logins(administrator: User) -> None:
    here, elsewhere = browser(administrator), browser(administrator)
    new = "tram oyster 61 velvet"
    fields = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert here.post(reverse("admin:password_change"), fields).status_code == 302
    assert is_in(here)
    assert not is_in(elsewhere)


# --- The list of logins ----------------------------------------------------------------------------------------------


def test_the_list_shows_ones_own_logins_and_no_key(administrator: User) -> None:
    other = User.objects.create_superuser("eve@example.com", PASSWORD)
    here = browser(administrator, "Firefox", "192.0.2.1")
    browser(administrator, "<b>Safari</b>", "192.0.2.2")
    browser(other, "Edge", "192.0.2.3")
    page = here.get(LIST).content.decode()
    assert "Firefox" in page
    assert "&lt;b&gt;Safari&lt;/b&gt;" in page
    assert "192.0.2.2" in page
    assert "Edge" not in page
    assert not [key for key in Session.objects.values_list("pk", flat=True) if key in page]


def test_one_login_is_ended_or_all_others(administrator: User) -> None:
    here, second, third = (browser(administrator, name) for name in ("one", "two", "three"))
    named = {login.browser: login.name for login in here.get(LIST).context["logins"]}
    assert "That login was ended." in here.post(LIST, {"name": named["two"]}, follow=True).content.decode()
    assert (is_in(here), is_in(second), is_in(third)) == (True, False, True)
    assert "over already" in here.post(LIST, {"name": named["two"]}, follow=True).content.decode()
    here.post(LIST)
    assert (is_in(here), is_in(third)) == (True, False)


def test_nobody_ends_the_login_of_somebody_else(administrator: User) -> None:
    other = User.objects.create_superuser("eve@example.com", PASSWORD)
    theirs = browser(other)
    name = theirs.get(LIST).context["logins"][0].name
    here = browser(administrator)
    here.post(LIST, {"name": name})
    here.post(LIST)
    assert is_in(theirs)


def test_nobody_sees_the_list_without_a_login(db: None) -> None:
    assert Client().get(LIST).status_code == Client().post(LIST).status_code == 302


# --- The password again ----------------------------------------------------------------------------------------------


class _PasswordFields(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += tag == "input" and dict(attrs).get("type") == "password"


def _names(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from _names(each.url_patterns, f"{each.namespace}:" if each.namespace else space)
        elif each.name:
            yield space + each.name


def address_of(name: str, account: User) -> str:
    """The address of a page, with the account's id if it needs one. Raises NoReverseMatch if it needs more."""
    if name == "admin:connectors_connection_connect":
        return reverse(name, args=[begin_draft("pagerduty", account).uid])
    try:
        return reverse(name)
    except NoReverseMatch:
        return reverse(name, args=[account.pk])


def pages_with_passwords(client: Client, account: User) -> set[str]:
    """The names of all addresses of the resolver whose page has a field for a password."""
    found = set()
    for name in _names(get_resolver().url_patterns):
        try:
            address = address_of(name, account)
        except NoReverseMatch:
            continue
        page = client.get(address)
        is_page = page.headers.get("Content-Type", "").startswith("text/html")
        if is_page and _PasswordFields(page.content.decode()).found:
            found.add(name)
    return found


def test_every_page_with_a_password_field_needs_a_recent_login(administrator: User) -> None:
    found = pages_with_passwords(browser(administrator), administrator)
    assert {"admin:oncall_user_change", "admin:connectors_connection_connect", "account_confirm"} <= found
    assert found - {"account_confirm", "admin:login", "everybody:login"} <= set(settings.CONFIRMED_FORMS)
    assert all(address_of(name, administrator) for name in settings.CONFIRMED_FORMS)


@pytest.mark.parametrize("name", settings.CONFIRMED_FORMS)
def test_an_old_login_sets_nothing_before_the_password_is_entered_again(
    clock: time_machine.Traveller, administrator: User, name: str
) -> None:
    client = browser(administrator)
    address = address_of(name, administrator)
    clock.shift(timedelta(minutes=settings.CONFIRM_MINUTES, seconds=1))
    fields = {"email": administrator.email, "new_password": "tram oyster 61 velvet", "again": "tram oyster 61 velvet"}
    answer = client.post(address, fields)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"/account/confirm/?next={quote(address, safe='')}")
    assert User.objects.get().check_password(PASSWORD)
    assert "Nothing was saved." in client.get(answer.headers["Location"]).content.decode()
    shown = client.get(address).headers.get("Location", "")
    assert shown.startswith("/account/confirm/") is (name in settings.CONFIRMED_PAGES)


def test_the_right_password_leads_back_and_serves_for_a_while(
    clock: time_machine.Traveller, administrator: User
) -> None:
    client = browser(administrator)
    clock.shift(timedelta(minutes=16))
    to_confirm = client.get(reverse("admin:oncall_user_add")).headers["Location"]
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert "This is not your password." in client.post(to_confirm, {"password": "wrong"}).content.decode()
    answer = client.post(to_confirm, {"password": PASSWORD})
    assert answer.headers["Location"] == reverse("admin:oncall_user_add")
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != key
    clock.shift(timedelta(minutes=14))
    assert client.get(answer.headers["Location"]).status_code == 200


def test_the_password_again_is_throttled_like_a_login(clock: time_machine.Traveller, administrator: User) -> None:
    client = browser(administrator)
    pages = [client.post("/account/confirm/", {"password": f"wrong {n}"}).content.decode() for n in range(6)]
    assert ["not your password" in page for page in pages] == [True] * 5 + [False]
    assert "Try again in 15 minutes" in pages[-1]


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_the_password_again_leads_to_no_other_site(administrator: User, address: str) -> None:
    answer = browser(administrator).post(f"/account/confirm/?next={address}", {"password": PASSWORD})
    assert answer.headers["Location"] == LIST


@pytest.mark.parametrize(
    "address", ["word", "-", "everybody:index", "oncall.views", "a" * 3_000, "ä", "%00", "[", "/[//"]
)
def test_the_password_again_answers_every_address_to_go_on_to(administrator: User, address: str) -> None:
    answer = browser(administrator).post(f"/account/confirm/?next={address}", {"password": PASSWORD})
    assert answer.status_code in (302, 400)


@pytest.mark.parametrize(
    ("page", "first"), [("/admin/login/", "/admin/"), ("/login/", "/"), ("/login/?next=/x/", "/x/")]
)
def test_a_login_leads_to_the_first_page_of_its_site(administrator: User, page: str, first: str) -> None:
    answer = Client().post(page, {"username": administrator.email, "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, first)
