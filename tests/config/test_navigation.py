"""The sidebar leads to pages that exist, shows what one may see, and warns of simulators."""

from types import SimpleNamespace

import pytest
from django.http import HttpRequest
from django.test import Client, override_settings
from django.urls import resolve

from config.navigation import NAVIGATION

ENTRIES = [entry for group in NAVIGATION for entry in group["items"]]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["title"])
def test_every_entry_leads_to_a_list(entry: dict[str, object]) -> None:
    assert resolve(str(entry["link"])).url_name.endswith("_changelist")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["title"])
def test_an_entry_is_shown_to_those_who_may_view_its_list(entry: dict[str, object]) -> None:
    app, _, model = str(entry["link"]).strip("/").removeprefix("admin/").partition("/")
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
