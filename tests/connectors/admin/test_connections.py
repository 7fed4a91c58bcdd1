"""The connection form never shows secrets, and Test connection shows what it found."""

import time
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from connectors.admin import connections as pages
from connectors.connections import probe as probing
from connectors.errors import ProviderUnavailable
from connectors.models import Connection
from connectors.simulator.pagerduty import DEMO_KEY, OTHER_ACCOUNT_KEY, Simulator, build_world
from oncall.models import User
from oncall.operations import Actor, create_account

pytestmark = pytest.mark.django_db
SECRET = "u+canary-secret-do-not-show"
HOSTILE = "<script>canary()</script>"
LIST = "/admin/connectors/connection/"


@pytest.fixture(scope="module")
def vendor() -> Iterator[Simulator]:
    with Simulator(build_world(time.time())) as running:
        yield running


@pytest.fixture
def simulator(vendor: Simulator, settings: Any) -> Simulator:
    settings.CONNECTOR_ORIGINS = {"pagerduty": vendor.origin}
    settings.EGRESS_ALLOW = [vendor.origin.removeprefix("http://")]
    return vendor


def connected(name: str = "Acme", secret: str = SECRET, **settings: str) -> Connection:
    connection = Connection(
        name=name, provider="pagerduty", settings={"subdomain": "acme", "region": "us", "auth": "token"} | settings
    )
    connection.seal_credentials({"api_key": secret})
    connection.save()
    return connection


def form(**changes: str) -> dict[str, str]:
    return {"name": "Acme", "subdomain": "acme", "region": "us", "auth": "token", "api_key": ""} | changes


def change_url(connection: Connection) -> str:
    return reverse("admin:connectors_connection_change", args=[connection.pk])


def probe_url(connection: Connection) -> str:
    return reverse("admin:connectors_connection_test", args=[connection.pk])


def staff(*permissions: str) -> Client:
    """Somebody logged in with these permissions and no others."""
    account = create_account(email="eve@example.com", password="long-enough-1", is_staff=True, by=Actor(None, "test"))
    account.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(User.objects.get(pk=account.pk))
    return client


class Inputs(HTMLParser):
    """The inputs of a page by name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str | None]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("name"):
            self.found[str(given["name"])] = given


def test_the_form_of_a_connection_changes_no_key_and_nothing_that_belongs_to_it(admin_client: Client) -> None:
    connection = connected()
    page = admin_client.get(change_url(connection)).content.decode()
    assert not {"api_key", "subdomain", "region", "auth"} & Inputs(page).found.keys()
    assert "Subdomain: acme, Service region: US (api.pagerduty.com), Kind of key: REST API key" in page
    answer = admin_client.post(change_url(connection), form(name="Renamed", region="eu", api_key="u+another-key"))
    assert answer.status_code == 302
    before, connection = connection, Connection.objects.get()
    assert (connection.name, connection.settings) == ("Renamed", before.settings)
    assert connection.secrets()["api_key"].reveal() == SECRET


def test_a_setting_that_does_not_belong_to_the_key_is_changed_without_it(admin_client: Client) -> None:
    settings = {"base_url": "https://acme.xmatters.com", "auth": "basic", "username": "ada", "client_id": ""}
    connection = Connection(name="Acme", provider="xmatters", settings={**settings, "nested": "skip"})
    connection.enter_credentials({"password": SECRET})
    connection.save()
    answer = admin_client.post(change_url(connection), {"name": "Acme", "nested": "expand"})
    assert answer.status_code == 302
    connection.refresh_from_db()
    assert connection.settings == {**settings, "nested": "expand"}
    assert connection.secrets()["password"].reveal() == SECRET


def test_a_connection_without_its_connector_can_be_looked_at_only(admin_client: Client) -> None:
    connection = connected(name=HOSTILE)
    Connection.objects.update(provider="gone")
    page = admin_client.get(change_url(connection))
    assert page.status_code == 200
    assert "api_key" not in Inputs(page.content.decode()).found
    assert admin_client.post(change_url(connection), form()).status_code == 403


def test_viewers_see_settings_but_nothing_of_the_secret() -> None:
    connection = connected()
    client = staff("view_connection")
    page = client.get(change_url(connection)).content.decode()
    assert "Subdomain: acme" in page
    assert "stored" in page
    assert SECRET not in page
    assert "Test connection" not in page
    assert client.post(change_url(connection), form(name="Mine")).status_code == 403


def test_nothing_deletes_a_connection(admin_client: Client) -> None:
    connection = connected()
    assert admin_client.post(reverse("admin:connectors_connection_delete", args=[connection.pk])).status_code == 403


@pytest.mark.parametrize("lookup", ["credentials__startswith", "credentials__api_key__startswith", "settings__region"])
def test_lists_answer_no_questions_about_hidden_columns(admin_client: Client, lookup: str) -> None:
    connected()
    assert admin_client.get(LIST, {lookup: "enc1:"}).status_code == 400


def test_hostile_names_are_text(admin_client: Client) -> None:
    connection = connected(name=HOSTILE)
    for url in (LIST, change_url(connection)):
        page = admin_client.get(url).content.decode()
        assert HOSTILE not in page
        assert "&lt;script&gt;canary()" in page


# --- Test connection --------------------------------------------------------------------------------------------------


def test_a_test_tells_whose_key_it_is_and_remembers_it(admin_client: Client, simulator: Simulator) -> None:
    connection = connected(secret=DEMO_KEY)
    page = admin_client.post(probe_url(connection)).content.decode()
    assert "<title>" in page
    assert "The connection works." in page
    assert "acme.pagerduty.com, region US" in page
    assert "allows 960 calls a minute" in page
    assert page.count("can be read") == 5
    connection.refresh_from_db()
    assert (connection.account_id, connection.account_label) == ("acme", "acme.pagerduty.com")
    assert [right["granted"] for right in connection.rights] == [True] * 5
    assert connection.tested_at is not None
    assert DEMO_KEY not in page


def test_htmx_gets_the_result_without_a_page(admin_client: Client, simulator: Simulator) -> None:
    connection = connected(secret=DEMO_KEY)
    fragment = admin_client.post(probe_url(connection), headers={"HX-Request": "true"}).content.decode()
    assert "<title>" not in fragment
    assert "The connection works." in fragment


def test_a_missing_right_says_what_to_grant(admin_client: Client, simulator: Simulator) -> None:
    connection = connected(secret=DEMO_KEY)
    simulator.faults.add(path="/teams", kind="status", status=403)
    try:
        page = admin_client.post(probe_url(connection)).content.decode()
    finally:
        simulator.faults.clear()
    assert "may not be read" in page
    assert "Grant teams.read." in page


def test_a_refused_key_is_shown_on_its_field(admin_client: Client, simulator: Simulator) -> None:
    connection = connected(secret="u+wrong-key-entirely")
    page = admin_client.post(probe_url(connection), headers={"HX-Request": "true"}).content.decode()
    assert '<a href="#id_api_key">API key</a>' in page
    assert "Check the key and the service region" in page
    assert "u+wrong-key-entirely" not in page
    connection.refresh_from_db()
    assert connection.tested_at is None


def test_a_key_of_another_account_is_refused(admin_client: Client, simulator: Simulator) -> None:
    connection = connected(secret=OTHER_ACCOUNT_KEY, subdomain="globex")
    Connection.objects.update(account_id="acme", account_label="acme.pagerduty.com")
    page = admin_client.post(probe_url(connection)).content.decode()
    assert "but this connection was made for acme.pagerduty.com" in page
    connection.refresh_from_db()
    assert (connection.account_id, connection.tested_at) == ("acme", None)


def test_the_words_of_a_failing_source_are_text(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(connection: Connection) -> None:
        raise ProviderUnavailable(f"502: {HOSTILE}", hint="Try again later.", provider="pagerduty")

    monkeypatch.setattr(pages, "probe_connection", down)
    page = admin_client.post(probe_url(connected()), headers={"HX-Request": "true"}).content.decode()
    assert "502: &lt;script&gt;canary()" in page
    assert "Try again later." in page


def test_a_source_that_takes_too_long_is_given_up(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "MOST_SECONDS", -1.0)
    with pytest.raises(ProviderUnavailable, match="did not answer within"):
        probing.probe_connection(connected(secret=DEMO_KEY))


def test_testing_needs_a_post_a_token_and_the_right(admin_client: Client, admin_user: User) -> None:
    connection = connected()
    assert admin_client.get(probe_url(connection)).status_code == 405
    assert staff("view_connection", "change_connection").post(probe_url(connection)).status_code == 403
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(admin_user)
    assert guarded.post(probe_url(connection)).status_code == 403
    assert admin_client.post(reverse("admin:connectors_connection_test", args=[999])).status_code == 404
