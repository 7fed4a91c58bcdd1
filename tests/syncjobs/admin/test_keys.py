"""The page that replaces a key, its shell command, and the age of a key."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.base import Connector
from connectors.connections.opening import open_connector
from connectors.connections.probe import probe_connection
from connectors.models import Connection
from connectors.simulator.pagerduty import DEMO_KEY, OTHER_ACCOUNT_KEY, USER_KEY, Simulator
from oncall.models import ChangeRecord, Role
from oncall.operations import create_account
from syncjobs.models import ExternalLink, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start
from syncjobs.setup.disconnect import disconnect
from tests.connectors.admin.test_connections import Inputs
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, queries, staff
from tests.syncjobs.admin.test_answers import client_with
from tests.syncjobs.conftest import BY, connect
from tests.syncjobs.management.test_shell import document, shell

pytestmark = pytest.mark.django_db
SETTINGS = {"subdomain": "acme", "region": "us", "auth": "token"}


@pytest.fixture
def connection(simulator: Simulator) -> Iterator[Connection]:
    """A connection from which something was imported, with the key of a user."""
    profile = connect()
    profile.connection.enter_credentials({"api_key": USER_KEY})
    profile.connection.save()
    probe_connection(profile.connection)
    run = drive(start(profile, RunKind.APPLY, by=None, notify=False).pk)
    assert run is not None and run.state in (RunState.SUCCEEDED, RunState.PARTIAL)
    profile.connection.refresh_from_db()
    yield profile.connection


def key_url(connection: Connection) -> str:
    return reverse("admin:connectors_connection_key", args=[connection.pk])


def page_url(connection: Connection) -> str:
    return reverse("admin:connectors_connection_change", args=[connection.pk])


def key_of(connection: Connection) -> str:
    return Connection.objects.get(pk=connection.pk).secrets()["api_key"].reveal()


def send(client: Client, connection: Connection, key: str, **more: Any) -> Any:
    return client.post(key_url(connection), {**SETTINGS, "api_key": key, **more}, follow=True)


def test_the_page_shows_no_key_and_says_what_stays(connection: Connection, admin_client: Client) -> None:
    assert key_url(connection) in admin_client.get(page_url(connection)).content.decode()
    page = admin_client.get(key_url(connection)).content.decode()
    field = Inputs(page).found["api_key"]
    assert (field["type"], field["autocomplete"], field.get("value")) == ("password", "new-password", None)
    assert "belongs to acme.pagerduty.com does it replace the old key at once" in page
    assert USER_KEY not in page and connection.credentials["api_key"] not in page


def test_a_key_that_works_replaces_the_old_one_and_everything_else_stays(
    connection: Connection, admin_client: Client
) -> None:
    links = list(ExternalLink.objects.order_by("pk").values())
    profile = SyncProfile.objects.values().get()
    plan = SyncRun.objects.create(
        connection=connection, profile_id=profile["id"], kind=RunKind.PLAN, state=RunState.AWAITING_REVIEW
    )
    page = send(admin_client, connection, f" {DEMO_KEY} ").content.decode()
    assert "The key of acme is replaced: acme.pagerduty.com can be read." in page
    assert key_of(connection) == DEMO_KEY
    assert Connection.objects.get().credentials_since > connection.credentials_since
    assert DEMO_KEY not in page
    plan.refresh_from_db()
    assert plan.state == RunState.AWAITING_REVIEW
    assert (list(ExternalLink.objects.order_by("pk").values()), SyncProfile.objects.values().get()) == (links, profile)
    (record,) = ChangeRecord.objects.filter(model="connection")
    today = f"key of {timezone.now():%-d %b %Y}"
    assert record.changes == {"key": [today, today]}
    assert LogEntry.objects.get().get_change_message() == "The key was replaced."


def test_the_key_in_use_is_recognised_and_keeps_its_age(
    connection: Connection, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(admin_client, connection, DEMO_KEY)
    before = Connection.objects.get().credentials_since
    page = send(admin_client, connection, DEMO_KEY).content.decode()
    assert "This is the key that acme already uses" in page and "Revoke the old key" not in page
    assert Connection.objects.get().credentials_since == before
    monkeypatch.setenv("SAME", DEMO_KEY)
    assert shell("connect_source", "acme", "--replace-key", "--secret", "api_key=SAME") == (
        0, "This is the key that acme already uses: acme.pagerduty.com can be read.\n",
    )  # fmt: skip
    assert Connection.objects.get().credentials_since == before


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("u+no-such-key", "Check the key and the service region"),
        ("", "This field is required."),
        (OTHER_ACCOUNT_KEY, "was made for acme.pagerduty.com"),
    ],
)
def test_a_key_that_is_not_taken_says_why_and_the_old_one_stays(
    connection: Connection, admin_client: Client, key: str, words: str
) -> None:
    before = Connection.objects.values().get()
    answer = send(admin_client, connection, key)
    page = answer.content.decode()
    assert answer.context["form"].errors.keys() == {"api_key"}
    assert words in page
    assert not key or key not in page
    assert Connection.objects.values().get() == before
    assert not ChangeRecord.objects.filter(model="connection").exists()


def test_a_key_of_another_account_is_taken_with_a_tick_and_then_asked_about(
    connection: Connection, admin_client: Client
) -> None:
    page = send(admin_client, connection, OTHER_ACCOUNT_KEY).content.decode()
    assert "Make a new connection for globex.pagerduty.com, or go on here" in page
    assert Inputs(page).found["accept"]["value"] == "other_account"
    assert f"{reverse('admin:connectors_connection_add')}?provider=pagerduty" in page
    page = send(admin_client, connection, OTHER_ACCOUNT_KEY, accept="other_account").content.decode()
    assert "it asks whether this account is used from now on" in page
    assert key_of(connection) == OTHER_ACCOUNT_KEY
    run = drive(start(SyncProfile.objects.get(), RunKind.APPLY, by=None, notify=False).pk)
    assert run is not None
    assert (run.state, run.reason) == (
        RunState.HELD, "The key now belongs to globex.pagerduty.com, not to acme.pagerduty.com.",
    )  # fmt: skip


def test_a_tick_for_another_doubt_is_no_tick(connection: Connection, admin_client: Client) -> None:
    for accept in ("unknown_account", "fewer_rights", "everything", ""):
        send(admin_client, connection, OTHER_ACCOUNT_KEY, accept=accept)
        assert key_of(connection) == USER_KEY


def test_a_run_that_has_begun_keeps_the_key_with_which_it_began(
    connection: Connection, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []

    def opened(source: Connection, **more: Any) -> Connector:
        connector = open_connector(source, **more)
        used.append(connector.credentials["api_key"].reveal())
        if len(used) == 1:
            send(admin_client, connection, DEMO_KEY)
        return connector

    for _ in range(2):
        run = drive(start(SyncProfile.objects.get(), RunKind.APPLY, by=None, notify=False).pk, opener=opened)
        assert run is not None and run.state == RunState.SUCCEEDED
        used.append("end")
    first, second, _ = "|".join(used).split("|end")
    assert set(first.split("|")) == {USER_KEY}
    assert set(second.strip("|").split("|")) == {DEMO_KEY}
    assert key_of(connection) == DEMO_KEY


def test_a_disconnected_connection_is_connected_again_there(connection: Connection, admin_client: Client) -> None:
    disconnect(connection)
    assert "no key" in admin_client.get(page_url(connection)).content.decode()
    assert "Connect again" in admin_client.get(key_url(connection)).content.decode()
    send(admin_client, connection, DEMO_KEY)
    again = Connection.objects.get()
    assert (again.disconnected_at, key_of(connection)) == (None, DEMO_KEY)


def test_hostile_words_of_the_source_are_text(connection: Connection, admin_client: Client) -> None:
    Connection.objects.update(name=HOSTILE, account_label=HOSTILE)
    assert_harmless(admin_client.get(key_url(connection)).content.decode())
    assert_harmless(send(admin_client, connection, OTHER_ACCOUNT_KEY).content.decode())
    assert_harmless(send(admin_client, connection, OTHER_ACCOUNT_KEY, accept="other_account").content.decode())


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER, Role.TEAM_LEAD])
def test_only_who_may_change_connections_replaces_a_key(connection: Connection, role: Role) -> None:
    client = client_with(role)
    assert client.get(key_url(connection)).status_code in (302, 403)
    assert client.post(key_url(connection), {**SETTINGS, "api_key": DEMO_KEY}).status_code in (302, 403)
    assert key_of(connection) == USER_KEY
    assert key_url(connection) not in client.get(page_url(connection)).content.decode()


def test_the_right_to_change_without_the_right_to_view_suffices_for_the_key(connection: Connection) -> None:
    assert staff("change_connection").get(key_url(connection)).status_code == 200


def test_the_right_to_view_does_not_suffice_for_the_key(connection: Connection) -> None:
    assert staff("view_connection", "start_syncrun").get(key_url(connection)).status_code == 403


# --- the shell --------------------------------------------------------------------------------------------------------


def test_the_shell_replaces_a_key_from_the_environment(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW", DEMO_KEY)
    replace = ("connect_source", "acme", "--replace-key", "--secret", "api_key=NEW")
    assert document(*replace) == {"connection": "acme", "account": "acme.pagerduty.com", "asks_about": None}
    assert key_of(connection) == DEMO_KEY
    assert ChangeRecord.objects.get(model="connection").cause == "shell"
    monkeypatch.setenv("NEW", OTHER_ACCOUNT_KEY)
    code, printed = shell(*replace)
    assert (code, OTHER_ACCOUNT_KEY in printed) == (1, False)
    assert "To use it nevertheless, add --accept other_account." in printed
    assert '"code": "other_account"' in shell(*replace, "--json")[1]
    assert key_of(connection) == DEMO_KEY
    code, printed = shell(*replace, "--accept", "other_account")
    assert (code, key_of(connection)) == (0, OTHER_ACCOUNT_KEY)
    assert "is replaced by one of globex.pagerduty.com" in printed


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["acme"], 1, "use --replace-key to replace its key"),
        (["nobody", "--replace-key"], 64, "There is no connection 'nobody'"),
        (["acme", "--replace-key", "--no-test"], 64, "tests the new key always"),
        (["acme", "--replace-key", "--set", "name=x"], 64, "There is no field 'name'"),
        (["acme", "--replace-key", "--accept", "all"], 64, "invalid choice"),
        (["acme", "--replace-key", "--by", "nobody@example.com"], 64, "no active account"),
        (["acme", "--replace-key", "--by", "eve@example.com"], 1, "may not change connections"),
        (["new", "--accept", "other_account"], 64, "need --replace-key"),
        (["acme", "--replace-key", "--secret", "api_key=NO_SUCH_VARIABLE"], 1, "API key is missing"),
    ],
)  # fmt: skip
def test_the_shell_says_what_is_wrong_and_keeps_the_old_key(
    connection: Connection, arguments: list[str], code: int, words: str
) -> None:
    create_account("eve@example.com", "long-enough-1", is_staff=True, by=BY)
    found, printed = shell("connect_source", *arguments)
    assert (found, words in printed) == (code, True), printed
    assert key_of(connection) == USER_KEY


# --- the age of a key -------------------------------------------------------------------------------------------------


def aged(connection: Connection, days: int) -> None:
    Connection.objects.update(credentials_since=timezone.now() - timedelta(days=days, minutes=1))


@pytest.mark.parametrize(("days", "limit", "reminded"), [(179, 180, False), (180, 180, True), (900, 0, False)])
def test_an_old_key_is_named_on_every_page_of_its_connection(
    connection: Connection, admin_client: Client, settings: Any, days: int, limit: int, reminded: bool
) -> None:
    settings.KEY_REMINDER_DAYS = limit
    aged(connection, days)
    sentence = f"The key is {days} days old."
    for url in ("/admin/", page_url(connection)):
        assert (sentence in admin_client.get(url).content.decode()) is reminded
    listed = admin_client.get(reverse("admin:connectors_connection_changelist")).content.decode()
    assert f", {days} days old" in listed
    assert (sentence in shell("test_connection", "acme")[1]) is reminded


def test_a_key_whose_age_was_not_recorded_says_so(connection: Connection, admin_client: Client) -> None:
    Connection.objects.update(credentials_since=None)
    assert "key of unknown age" in admin_client.get(page_url(connection)).content.decode()


def test_an_encryption_with_another_key_does_not_make_a_key_younger(connection: Connection) -> None:
    aged(connection, 300)
    before = Connection.objects.get().credentials_since
    assert shell("rotate_keys")[0] == 0
    assert Connection.objects.get().credentials_since == before


def test_the_ages_of_keys_cost_no_query(connection: Connection, admin_client: Client) -> None:
    url = reverse("admin:connectors_connection_changelist")
    before = queries(admin_client, url)
    aged(connection, 900)
    assert queries(admin_client, url) == before
