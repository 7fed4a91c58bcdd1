"""The first step of the setup: drafts, their test, and the connection that they become."""

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.errors import ProviderUnavailable
from connectors.models import Connection
from connectors.registry import CONNECTORS
from connectors.simulator.pagerduty import DEMO_KEY, OTHER_ACCOUNT_KEY, Simulator
from oncall.models import ChangeRecord, User
from oncall.operations import Actor, create_account
from syncjobs.models import ConnectionDraft, SyncProfile
from syncjobs.slots.ticking import run_tick
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless
from tests.syncjobs.source.conftest import ADD, ENTRIES, begin, connect_by_pages, url

pytestmark = pytest.mark.django_db


def somebody_else() -> Client:
    account = create_account(email="eve@example.com", password="long-enough-1", is_staff=True, by=Actor(None, "test"))
    account.user_permissions.set(Permission.objects.filter(codename__in=["add_connection", "view_connection"]))
    client = Client()
    client.force_login(User.objects.get(pk=account.pk))
    return client


def test_a_provider_is_chosen_and_its_page_says_where_the_key_is(admin_client: Client) -> None:
    page = admin_client.get(ADD).content.decode()
    for connector in CONNECTORS:
        assert f"Connect {connector.label}" in page
        assert connector.least_right in page
        draft = unescape(admin_client.get(begin(admin_client, connector.provider)).content.decode())
        assert all(step in draft for step in connector.key_steps)
        assert 'type="password"' in draft
    assert admin_client.post(ADD, {"provider": "nobody"}).status_code == 200
    assert not Connection.objects.exists()


def test_a_test_that_passes_makes_the_connection_and_says_what_it_found(
    admin_client: Client, simulator: Simulator
) -> None:
    answer = admin_client.post(begin(admin_client), {**ENTRIES, "do": "test"}, follow=True)
    connection = Connection.objects.get()
    assert answer.redirect_chain == [(url(connection, "import"), 302)]
    page = answer.content.decode()
    assert "Acme is connected to acme.pagerduty.com, region US." in page
    assert "calls a minute" in page
    assert "Escalation policies" in page
    assert connection.account_id == "acme"
    assert connection.secrets()["api_key"].reveal() == DEMO_KEY
    assert (connection.profile.setup_step, connection.profile.paused_at is None) == ("select", False)
    assert ChangeRecord.objects.get(model="connection").action == "create"
    assert DEMO_KEY not in page


def test_no_connection_exists_before_its_test_went_through(admin_client: Client, simulator: Simulator) -> None:
    draft = begin(admin_client)
    page = admin_client.post(draft, {**ENTRIES, "api_key": "a-wrong-key", "do": "test"})
    assert not Connection.objects.exists()
    assert page.context["form"].errors.keys() == {"api_key"}
    shown = page.content.decode()
    assert "The connection was not made." in shown
    assert "a-wrong-key" not in shown
    page = admin_client.post(draft, {**ENTRIES, "api_key": OTHER_ACCOUNT_KEY, "do": "test"})
    assert page.context["form"].errors.keys() == {"subdomain"}
    assert not Connection.objects.exists()


def test_a_draft_keeps_what_was_typed_and_the_key_sealed(admin_client: Client, simulator: Simulator) -> None:
    draft = begin(admin_client)
    kept = admin_client.post(
        draft, {"name": "Acme", "subdomain": "not a subdomain!", "api_key": DEMO_KEY, "do": "keep"}
    )
    assert kept.status_code == 204
    stored = ConnectionDraft.objects.get()
    assert DEMO_KEY not in str(vars(stored))
    assert stored.secrets()["api_key"].reveal() == DEMO_KEY
    page = admin_client.get(draft).content.decode()
    assert 'value="not a subdomain!"' in page
    assert "It is kept encrypted." in page
    assert DEMO_KEY not in page
    assert "Unfinished setup" in admin_client.get(ADD).content.decode()
    # The key need not be entered again.
    assert admin_client.post(draft, {**ENTRIES, "api_key": "", "do": "test"}).status_code == 302
    assert Connection.objects.get().secrets()["api_key"].reveal() == DEMO_KEY


def test_a_session_that_ends_in_the_form_loses_nothing(admin_client: Client, admin_user: User) -> None:
    draft = begin(admin_client)
    admin_client.post(draft, {"name": "Acme", "api_key": DEMO_KEY, "do": "keep"})
    admin_client.logout()
    assert admin_client.post(draft, {"name": "lost", "do": "test"}).headers["Location"].startswith("/admin/login/")
    admin_client.force_login(admin_user)
    assert 'value="Acme"' in admin_client.get(draft).content.decode()
    assert ConnectionDraft.objects.get().secrets()["api_key"].reveal() == DEMO_KEY


def test_the_first_page_leads_to_an_unfinished_draft_and_throws_it_away(admin_client: Client) -> None:
    draft = begin(admin_client)
    assert "Unfinished setup" not in admin_client.get("/admin/").content.decode()  # nothing was entered
    admin_client.post(draft, {"name": HOSTILE, "api_key": DEMO_KEY, "do": "keep"})
    page = admin_client.get("/admin/").content.decode()
    assert_harmless(page)
    assert "PagerDuty, at the step Connect, changed just now; its key is kept encrypted until" in page
    assert f'<a class="rb-link" href="{draft}"' in page
    assert f'<form method="post" action="{draft}">' in page
    assert DEMO_KEY not in page
    assert "Unfinished setup" not in somebody_else().get("/admin/").content.decode()
    assert admin_client.post(draft, {"do": "drop"}).status_code == 302
    assert not ConnectionDraft.objects.exists()
    assert "Unfinished setup" not in admin_client.get("/admin/").content.decode()


def test_nobody_else_opens_a_draft(admin_client: Client) -> None:
    draft = begin(admin_client)
    admin_client.post(draft, {"name": "Acme", "api_key": DEMO_KEY, "do": "keep"})
    other = somebody_else()
    assert other.get(draft).headers["Location"] == ADD
    assert other.post(draft, {**ENTRIES, "do": "test"}).headers["Location"] == ADD
    assert "Unfinished setup" not in other.get(ADD).content.decode()
    assert not Connection.objects.exists()


def test_the_back_button_and_a_second_tab_make_no_second_connection(
    admin_client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = begin(admin_client)
    admin_client.post(draft, {**ENTRIES, "do": "test"})
    connection = Connection.objects.get()
    for answer in (admin_client.post(draft, {**ENTRIES, "do": "test"}), admin_client.get(draft)):
        assert answer.headers["Location"] == url(connection, "import")
    assert Connection.objects.count() == 1
    SyncProfile.objects.update(setup_step="")
    assert admin_client.get(draft).headers["Location"] == url(connection, "change")


def test_an_account_that_another_connection_reads_is_named(admin_client: Client, simulator: Simulator) -> None:
    said = "is already connected to this account."
    assert said not in admin_client.get(url(connect_by_pages(admin_client), "import")).content.decode()
    answer = admin_client.post(begin(admin_client), {**ENTRIES, "name": "Acme again", "do": "test"}, follow=True)
    assert f"Acme {said}" in answer.content.decode()
    Connection.objects.filter(name="Acme").update(disconnected_at=timezone.now())
    answer = admin_client.post(begin(admin_client), {**ENTRIES, "name": "Acme, new", "do": "test"}, follow=True)
    assert f"Acme again {said}" in answer.content.decode()


def test_two_presses_at_once_make_one_connection(
    admin_client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, pressed = begin(admin_client), list[Any]()
    from syncjobs.admin.source import connect as page

    def tested_twice(*args: Any) -> Any:
        if not pressed:
            pressed.append(None)
            pressed[0] = admin_client.post(draft, {**ENTRIES, "do": "test"})
        return original(*args)

    original = page.test_draft
    monkeypatch.setattr(page, "test_draft", tested_twice)
    second = admin_client.post(draft, {**ENTRIES, "do": "test"})
    assert pressed[0].headers["Location"] == second.headers["Location"]
    assert Connection.objects.count() == 1


def test_a_draft_that_is_thrown_away_during_its_test_makes_no_connection(
    admin_client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from syncjobs.admin.source import connect as page

    def thrown_away(*args: Any) -> Any:
        found = original(*args)
        ConnectionDraft.objects.all().delete()  # by another tab
        return found

    original = page.test_draft
    monkeypatch.setattr(page, "test_draft", thrown_away)
    shown = admin_client.post(begin(admin_client), {**ENTRIES, "do": "test"}).content.decode()
    assert "This draft was thrown away while its key was tested." in shown
    assert not Connection.objects.exists()


def test_a_name_that_was_taken_meanwhile_is_refused_on_its_field(
    admin_client: Client, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect_by_pages(admin_client)
    page = admin_client.post(begin(admin_client), {**ENTRIES, "do": "test"})
    assert page.context["form"].errors == {"name": ["Another source has this name. Choose another one."]}
    monkeypatch.setattr("connectors.admin.forms.NewConnectionForm.validate_unique", lambda self: None)
    page = admin_client.post(begin(admin_client), {**ENTRIES, "do": "test"})
    assert "There is already a source Acme." in str(page.context["form"].errors["name"])
    assert Connection.objects.count() == 1


def test_a_draft_that_is_gone_leads_to_a_new_one(admin_client: Client) -> None:
    draft = begin(admin_client)
    admin_client.post(draft, {**ENTRIES, "do": "drop"})
    assert not ConnectionDraft.objects.exists()
    page = admin_client.get(draft, follow=True)
    assert page.redirect_chain[-1][0] == ADD
    assert "This draft does not exist any more" in page.content.decode()


def test_a_draft_of_a_deleted_connection_begins_again(admin_client: Client, simulator: Simulator) -> None:
    draft = begin(admin_client)
    admin_client.post(draft, {**ENTRIES, "do": "test"})
    connection = Connection.objects.get()
    pages = [url(connection, page) for page in ("import", "people", "rules", "review")]
    SyncProfile.objects.all().delete()
    connection.delete()
    assert admin_client.get(draft).headers["Location"] == ADD
    assert [admin_client.get(page).status_code for page in pages] == [404] * 4


def test_the_tick_deletes_old_drafts_and_their_keys(admin_client: Client) -> None:
    admin_client.post(begin(admin_client), {"name": "old", "api_key": DEMO_KEY, "do": "keep"})
    admin_client.post(begin(admin_client), {"name": "new", "api_key": DEMO_KEY, "do": "keep"})
    old = ConnectionDraft.objects.get(typed__name="old")
    ConnectionDraft.objects.filter(pk=old.pk).update(changed_at=timezone.now() - timedelta(days=7, minutes=1))
    assert "old" not in [draft.name for draft in admin_client.get(ADD).context["drafts"]]
    run_tick()
    assert [draft.typed["name"] for draft in ConnectionDraft.objects.all()] == ["new"]


@pytest.mark.parametrize("name", [HOSTILE, "🦄 Bereitschaft", "\u202e\u0645\u0646\u0627\u0648\u0628\u0629", "x" * 500])
def test_any_name_is_kept_and_escaped(admin_client: Client, simulator: Simulator, name: str) -> None:
    draft = begin(admin_client)
    answer = admin_client.post(draft, {**ENTRIES, "name": name, "do": "test"})
    if len(name) > 100:
        assert answer.context["form"].errors.keys() == {"name"}
        assert ConnectionDraft.objects.get().typed["name"] == name
        return
    connection = Connection.objects.get()
    assert connection.name == name
    page = admin_client.get(url(connection, "import")).content.decode()
    if name == HOSTILE:
        assert_harmless(page)
    else:
        assert name in page


def test_a_vendor_that_does_not_answer_keeps_the_draft(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: Connection) -> Any:
        raise ProviderUnavailable("PagerDuty does not answer.", hint="Try again later.", provider="pagerduty")

    draft = begin(admin_client)
    monkeypatch.setattr("syncjobs.setup.drafts.probe_of", fail)
    page = admin_client.post(draft, {**ENTRIES, "do": "test"})
    assert "The connection was not made." in page.content.decode()
    assert not Connection.objects.exists()
    assert ConnectionDraft.objects.get().secrets()["api_key"].reveal() == DEMO_KEY


def test_who_may_not_add_connections_gets_no_draft() -> None:
    account = create_account(email="v@example.com", password="long-enough-1", is_staff=True, by=Actor(None, "test"))
    client = Client()
    client.force_login(account)
    assert client.get(ADD).status_code == client.post(ADD, {"provider": "pagerduty"}).status_code == 403
    draft = reverse("admin:connectors_connection_connect", args=["00000000-0000-4000-8000-000000000000"])
    assert client.get(draft).status_code == 403


def test_a_tab_with_an_old_draft_is_told_once_that_it_is_connected(admin_client: Client, simulator: Simulator) -> None:
    draft = begin(admin_client)
    admin_client.post(draft, {**ENTRIES, "do": "test"}, follow=True)
    admin_client.post(draft, {"name": "Late", "do": "keep"}, headers={"HX-Request": "true"})  # then loaded again
    page = admin_client.get(draft, follow=True).content.decode()
    assert page.count("Acme is connected already.") == 1
    gone = draft.replace(draft.rstrip("/")[-4:], "0000")
    admin_client.post(gone, {"name": "Late", "do": "keep"}, headers={"HX-Request": "true"})
    assert admin_client.get(gone, follow=True).content.decode().count("This draft does not exist any more") == 1


def test_a_form_that_is_sent_as_it_was_leaves_no_draft_behind(admin_client: Client) -> None:
    draft = begin(admin_client)
    page = admin_client.post(draft, {**ENTRIES, "name": "", "subdomain": "", "api_key": "", "do": "test"})
    assert page.context["form"].errors.keys() == {"name", "subdomain", "api_key"}
    assert "Unfinished setup" not in admin_client.get("/admin/").content.decode()
    assert begin(admin_client) == draft
    admin_client.post(draft, {**ENTRIES, "api_key": "", "do": "test"})
    admin_client.post(draft, {**ENTRIES, "name": "", "api_key": "", "do": "keep"})
    assert ConnectionDraft.objects.get().typed["name"] == ""
    assert "Unfinished setup" in admin_client.get("/admin/").content.decode()
