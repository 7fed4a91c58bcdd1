"""The sidebar leads to pages that exist, shows what one may see, and warns of simulators."""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import resolve, reverse
from unfold.admin import ModelAdmin as UnfoldModelAdmin

from config.frame.badges import COUNTED
from config.navigation import NAVIGATION
from oncall.admin.everybody.site import everybody
from oncall.models import User
from oncall.operations import Actor, create_account, set_rights
from tests.syncjobs.admin.conftest import staff
from tests.syncjobs.conftest import Sync, layer, schedule, world
from tests.syncjobs.conftest import sync as sync

ENTRIES = [entry for group in NAVIGATION for entry in group["items"]]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["title"])
def test_every_entry_leads_to_a_list(entry: dict[str, object]) -> None:
    assert resolve(str(entry["link"]).partition("?")[0]).url_name.endswith("_changelist")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["title"])
def test_an_entry_is_shown_to_those_who_may_view_its_list(entry: dict[str, object]) -> None:
    app, _, model = str(entry["link"]).partition("?")[0].strip("/").removeprefix("admin/").partition("/")
    request = HttpRequest()
    for permission, shown in ((f"{app}.view_{model}", True), (f"{app}.change_{model}", True), ("other", False)):
        request.user = SimpleNamespace(has_perm=permission.__eq__)  # type: ignore[assignment]
        assert entry["permission"](request) is shown  # type: ignore[operator]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "setting,value", [("CONNECTOR_ORIGINS", {"pagerduty": "http://127.0.0.1:9"}), ("EGRESS_ALLOW", ["127.0.0.1:9"])]
)
def test_every_page_says_when_a_simulator_is_connected(admin_client: Client, setting: str, value: object) -> None:
    assert b"Connected to a simulator" not in admin_client.get("/admin/").content
    with override_settings(**{setting: value}):
        page = admin_client.get("/admin/")
    assert page.status_code == 200
    assert b"Connected to a simulator" in page.content


@pytest.mark.django_db
def test_the_bare_address_leads_to_login_and_then_to_my_page(client: Client) -> None:
    answer = client.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/?next=/")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("staff", "first_page", "password"),
    [(True, "/admin/", "/admin/password_change/"), (False, "/", "/password_change/")],
    ids=["staff", "others"],
)
def test_the_menu_of_the_account_leads_to_the_pages_about_it(staff: bool, first_page: str, password: str) -> None:
    account = create_account("eve@example.com", "a long password", is_staff=staff, by=Actor(None, "test"))
    client = Client()
    client.force_login(User.objects.get(pk=account.pk))
    page = client.get(first_page).content.decode()
    for address, text in (
        ("/", "My page"),
        (password, "Change password"),
        ("/account/logins/", "Where I am logged in"),
    ):
        assert re.search(rf'<a href="{address}"[^>]*>\s*{text}\s*</a>', page)
        assert client.get(address).status_code in (200, 302)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/account/logins/", "/account/confirm/", "/unknown/"])
def test_a_page_of_both_sites_has_links_that_the_account_may_open(address: str) -> None:
    account = create_account("eve@example.com", "a long password", by=Actor(None, "test"))
    set_rights(account.pk, [Group.objects.get(name="Team lead").pk], [], Actor(None, "test"))
    client = Client()
    client.force_login(User.objects.get(pk=account.pk))
    page = client.get(address).content.decode()
    links = set(re.findall(r'<a [^>]*href="(/[^"]*)"', page))
    assert {"/", "/syncjobs/conflict/", "/password_change/"} <= links
    assert [link for link in links if link.startswith("/admin/")] == []


@pytest.mark.django_db
def test_an_account_that_is_not_staff_is_shown_the_way_back_from_the_admin() -> None:
    account = create_account("eve@example.com", "a long password", by=Actor(None, "test"))
    client = Client()
    client.force_login(User.objects.get(pk=account.pk))
    page = client.get("/admin/", follow=True).content.decode()
    assert "You are logged in as eve@example.com." in page
    assert '<a href="/">Go to my page</a>' in page


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/login/", "/admin/login/"])
def test_a_failed_login_says_nothing_untrue_of_capital_letters(client: Client, address: str) -> None:
    page = client.post(address, {"username": "EVE@example.com", "password": "wrong"}).content.decode()
    assert "account has this e-mail address and password. Capital letters count in the password." in page
    assert "both fields may be case-sensitive" not in page


def test_every_admin_has_the_fields_of_the_theme() -> None:
    for site in (admin.site, everybody):
        assert [model for model, pages in site._registry.items() if not isinstance(pages, UnfoldModelAdmin)] == []


def badges(client: Client) -> dict[str, str]:
    page = client.get("/admin/badges/").content.decode()
    return dict(re.findall(r'id="rb-badge-([a-z]+)"[^>]*>([0-9]+)<', page))


@pytest.mark.django_db
def test_the_badges_count_what_waits_and_what_is_wrong(sync: Sync, admin_client: Client) -> None:
    assert badges(admin_client) == {}
    sync.source.change(users=(replace(world().users[0], contact_methods=()), *world().users[1:]))
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U2")),))
    sync.plan()
    assert badges(admin_client) == {"questions": "3", "runs": "1", "unreachable": "1"}
    for entry in ENTRIES:
        if number := badges(admin_client).get(str(entry.get("badge", ""))):
            listed = admin_client.get(str(entry["link"])).context["cl"].result_count
            assert entry["badge"] == "runs" or str(listed) == number, entry["title"]


@pytest.mark.django_db
def test_the_badges_of_an_account_are_those_of_lists_that_it_may_see(sync: Sync) -> None:
    sync.run()
    assert badges(staff("view_syncrun")) == {}
    assert badges(Client()) == {}


@pytest.mark.django_db
def test_each_badge_of_the_sidebar_is_counted(admin_client: Client) -> None:
    places = set(re.findall(r'id="rb-badge-([a-z]+)"', admin_client.get("/admin/").content.decode()))
    assert places == set(COUNTED) == {entry["badge"] for entry in ENTRIES if "badge" in entry}


def active_entries(page: str) -> list[str]:
    return re.findall(r'<a href="([^"]*)" class="[^"]* active"', page)


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/admin/oncall/schedule/?parity=different", "/admin/oncall/schedule/"])
def test_one_entry_is_active_on_a_list(admin_client: Client, address: str) -> None:
    page = admin_client.get(address).content.decode()
    assert active_entries(page) == [address]


@pytest.mark.django_db
def test_a_page_below_another_list_than_its_address_has_the_entry_of_that_list(
    sync: Sync, admin_client: Client
) -> None:
    page = admin_client.get(f"/admin/syncjobs/syncprofile/{sync.profile.pk}/after/").content.decode()
    assert active_entries(page) == ["/admin/connectors/connection/"]


@pytest.mark.django_db
def test_the_path_of_a_page_has_the_names_of_the_sidebar(sync: Sync, admin_client: Client) -> None:
    run = sync.run()

    def path(address: str) -> list[str]:
        header = admin_client.get(address).content.decode().partition("<h1")[2].partition("</h1>")[0]
        return [text.strip() for text in re.findall(r"truncate[^>]*>([^<]+)<", header)]

    for group in NAVIGATION:
        for entry in group["items"]:
            if "?" not in str(entry["link"]):
                assert path(str(entry["link"])) == [group["title"], entry["title"]]
    assert path("/admin/connectors/connection/1/change/".replace("1", str(sync.connection.pk)))[:2] == [
        "Import",
        "Sources",
    ]
    title = f"Import of acme, run {run.pk}"
    assert path(f"/admin/syncjobs/syncrun/{run.pk}/change/") == ["Import", "Runs", title]
    assert path(f"/admin/syncjobs/syncrun/{run.pk}/undo/") == ["Import", "Runs", title, f"Undo run {run.pk}"]
    steps = f"/admin/syncjobs/syncprofile/{sync.profile.pk}"
    assert path(f"{steps}/people/") == ["Import", "Sources", "acme", "After the import of acme", "People of acme"]


def test_only_the_site_of_staff_asks_for_badges(db: None) -> None:
    client = staff("view_syncrun", "view_conflict", "act_as_lead")
    assert "/admin/badges/" in client.get("/admin/").content.decode()
    for page in ("index", "syncjobs_conflict_changelist"):
        assert "/admin/badges/" not in client.get(reverse(f"everybody:{page}")).content.decode()


@pytest.mark.parametrize("name", ["", "Ada Meyer"])
def test_the_foot_of_the_sidebar_names_an_account_once(db: None, client: Client, name: str) -> None:
    account = User.objects.create_superuser("ada@example.com", "x", name=name)
    client.force_login(account)
    foot = client.get("/admin/").content.decode().partition('class="rb-account')[2].partition("</button>")[0]
    texts = [text.strip() for text in re.findall(r"truncate[^>]*>([^<]+)<", foot)]
    assert texts == ([name] if name else []) + ["ada@example.com"]
