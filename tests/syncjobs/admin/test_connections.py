"""Connections with their sync: status, next step, starting runs and disconnecting."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from connectors.base import Probe
from connectors.models import Connection
from oncall.models import Responder, Schedule, User
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ExternalLink, LinkState, ParityCheck, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.pages.status import connection_statuses
from syncjobs.runs.start import start
from syncjobs.setup.disconnect import disconnect
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, queries, staff
from tests.syncjobs.conftest import Sync, world

pytestmark = pytest.mark.django_db
LIST = "/admin/connectors/connection/"


def url(connection: Connection, page: str = "change") -> str:
    return reverse(f"admin:connectors_connection_{page}", args=[connection.pk])


def next_step(connection: Connection) -> str:
    connection.refresh_from_db()
    return connection_statuses([connection])[connection.pk].next_step


def test_the_next_step_follows_the_state(sync: Sync) -> None:
    connection = sync.connection
    assert next_step(connection) == "test"
    run = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    assert next_step(connection) == "watch"
    sync.drive(run)
    assert next_step(connection) == "review"
    sync.apply(run)
    assert next_step(connection) == "decide"
    Conflict.objects.all().delete()
    assert next_step(connection) == "plan"
    SyncProfile.objects.update(review_first=False)
    assert next_step(connection) == "sync"
    SyncRun.objects.update(state=RunState.FAILED)
    assert next_step(connection) == "look"
    disconnect(connection)
    assert next_step(connection) == "reconnect"


def test_the_list_shows_state_conflicts_and_next_step(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    page = admin_client.get(LIST).content.decode()
    assert reverse("admin:syncjobs_syncrun_change", args=[run.pk]) in page
    assert "succeeded" in page
    assert "3 open" in page
    assert "Answer 3 questions" in page
    assert "PagerDuty" in page


def test_lists_and_the_first_page_cost_the_same_for_many_connections(sync: Sync, admin_client: Client) -> None:
    sync.run()
    before = queries(admin_client, LIST), queries(admin_client, "/admin/")
    for number in range(8):
        connection = Connection.objects.create(name=f"More {number}", provider="pagerduty")
        profile = SyncProfile.objects.create(connection=connection)
        SyncRun.objects.create(connection=connection, profile=profile, kind=RunKind.PLAN, state=RunState.FAILED)
    assert (queries(admin_client, LIST), queries(admin_client, "/admin/")) == before


def test_the_first_page_shows_a_card_per_source(sync: Sync, admin_client: Client) -> None:
    sync.run()
    page = admin_client.get("/admin/").content.decode()
    assert "3 open questions" in page
    assert "3 people · 1 user group · 1 schedule · 1 escalation policy · 1 service" in " ".join(page.split())
    assert "Connect your first source" not in page
    assert "Last sync just now." in page


def test_the_first_page_leads_to_the_people_who_cannot_be_reached(sync: Sync, admin_client: Client) -> None:
    sync.run()
    assert "cannot be reached</a>" not in admin_client.get("/admin/").content.decode()
    ana, bo, cy = world().users
    sync.source.change(users=(ana, replace(bo, state="inactive"), replace(cy, state="inactive")))
    sync.run()
    page = admin_client.get("/admin/").content.decode()
    link = re.search('<a href="([^"]+)">2 people cannot be reached</a>', page)
    assert link
    assert admin_client.get(unescape(link[1])).context["cl"].result_count == 2
    assert "cannot be reached</a>" not in staff("view_connection").get("/admin/").content.decode()


def column(client: Client) -> str:
    """Return the cell *Questions* of the only source in the list."""
    page = client.get(LIST).content.decode()
    assert "Questions" in page.partition("<thead")[2].partition("</thead>")[0]
    found = re.search(r"<td[^>]*field-conflicts_shown[^>]*>(.*?)</td>", page, re.S)
    assert found
    return found[1]


def test_the_list_of_sources_leads_to_the_questions_that_wait(sync: Sync, admin_client: Client) -> None:
    assert "open" not in column(admin_client)
    sync.run()
    assert "3 open" in column(admin_client)
    link = re.search('href="([^"]+)"', column(admin_client))
    assert link
    assert admin_client.get(unescape(link[1])).context["cl"].result_count == 3
    for question in Conflict.objects.all():
        decide(question, Decision("leave", {}, None))
    assert "none" in column(admin_client)


def test_a_disconnected_source_says_so(sync: Sync, admin_client: Client) -> None:
    disconnect(sync.connection)
    asks = {LIST: "Enter the key again", "/admin/": "disconnected", url(sync.connection): "Connect again"}
    for page, words in asks.items():
        text = admin_client.get(page).content.decode()
        assert "disconnected" in text
        assert words in text


def test_without_a_source_the_first_page_shows_the_way(admin_client: Client) -> None:
    page = admin_client.get("/admin/").content.decode()
    assert "Connect your first source" in page
    assert "/admin/connectors/connection/add/" in page


def test_the_first_page_of_an_account_that_cannot_connect_a_source_is_not_empty(db: None) -> None:
    for names, words in (
        (["view_connection"], "No source is connected yet."),
        (["view_schedule"], "The sidebar leads to what you may see."),
        ([], "Your account has no role that opens a page here."),
    ):
        User.objects.filter(email="eve@example.com").delete()
        assert words in staff(*names).get("/admin/").content.decode(), names


def test_who_may_not_answer_questions_is_offered_to_see_them(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    viewer = staff("view_connection", "view_conflict", "view_syncrun", "view_syncprofile")
    for page in ("/admin/", reverse("admin:syncjobs_syncrun_change", args=[run.pk])):
        assert "Answer 3 questions" in admin_client.get(page).content.decode()
        seen = viewer.get(page).content.decode()
        assert "See 3 questions" in seen and "Answer 3 questions" not in seen


def test_the_first_page_shows_sources_only_to_those_who_may_see_them(sync: Sync) -> None:
    page = staff("view_syncrun").get("/admin/").content.decode()
    assert "acme" not in page
    assert "Connect your first source" not in page


def test_hostile_names_are_text_everywhere(sync: Sync, admin_client: Client) -> None:
    Connection.objects.update(name=HOSTILE, account_label=HOSTILE)
    sync.run()
    for page in ("/admin/", LIST, url(sync.connection), url(sync.connection, "import")):
        assert_harmless(admin_client.get(page).content.decode())
    assert_harmless(admin_client.post(url(sync.connection, "disconnect")).content.decode())


# --- starting ---------------------------------------------------------------------------------------------------------


def test_plan_starts_a_plan_and_shows_it(sync: Sync, admin_client: Client, admin_user: User) -> None:
    answer = admin_client.post(url(sync.connection, "plan"))
    run = SyncRun.objects.get()
    assert (run.kind, run.state, run.requested_by) == (RunKind.PLAN, RunState.QUEUED, admin_user)
    assert answer.headers["Location"] == reverse("admin:syncjobs_syncrun_change", args=[run.pk])


def test_sync_now_applies_unless_somebody_wants_to_review_first(sync: Sync, admin_client: Client) -> None:
    admin_client.post(url(sync.connection, "sync"))
    assert SyncRun.objects.get().kind == RunKind.PLAN
    SyncRun.objects.all().delete()
    sync.rules(review_first=False)
    admin_client.post(url(sync.connection, "sync"))
    assert SyncRun.objects.get().kind == RunKind.APPLY


def test_sync_now_is_offered_where_nobody_reviews(sync: Sync, admin_client: Client) -> None:
    assert "Sync now" not in admin_client.get(url(sync.connection)).content.decode()
    sync.rules(review_first=False)
    assert "Sync now" in admin_client.get(url(sync.connection)).content.decode()


def test_a_second_start_shows_the_run_in_the_way(sync: Sync, admin_client: Client) -> None:
    run = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    page = admin_client.post(url(sync.connection, "plan"), follow=True).content.decode()
    assert f"Open run {run.pk}</a>" in page
    assert SyncRun.objects.count() == 1


# --- disconnecting ----------------------------------------------------------------------------------------------------


def test_disconnecting_asks_first(sync: Sync, admin_client: Client) -> None:
    sync.run()
    page = admin_client.post(url(sync.connection, "disconnect")).content.decode()
    assert "3 people" in page
    assert "except what another source has, too" in page
    assert "Keep it connected" in page
    sync.connection.refresh_from_db()
    assert sync.connection.disconnected_at is None


def test_disconnecting_forgets_the_credentials_and_keeps_what_was_imported(sync: Sync, admin_client: Client) -> None:
    sync.run()
    people = list(Responder.objects.values())
    plan = sync.plan()
    versions = dict(ExternalLink.objects.values_list("pk", "version"))
    said = admin_client.post(url(sync.connection, "disconnect"), {"confirmed": "yes"}, follow=True).content.decode()
    sync.connection.refresh_from_db()
    plan.refresh_from_db()
    assert (sync.connection.credentials, plan.state) in (({}, RunState.CANCELLED), ({}, RunState.SUCCEEDED))
    assert sync.connection.disconnected_at is not None
    assert set(ExternalLink.objects.values_list("state", flat=True)) == {LinkState.DETACHED}
    assert all(link.version == versions[link.pk] + 1 for link in ExternalLink.objects.all())
    assert list(Responder.objects.values()) == people
    assert Schedule.objects.get().active
    assert f"Its key is deleted. {len(versions)} imported objects stay here." in said


def test_disconnecting_a_source_without_imported_objects_names_no_number(sync: Sync, admin_client: Client) -> None:
    said = admin_client.post(url(sync.connection, "disconnect"), {"confirmed": "yes"}, follow=True).content.decode()
    assert "Its key is deleted." in said and "0 imported" not in said


def test_a_plan_ends_with_its_connection(sync: Sync) -> None:
    plan = sync.plan()
    disconnect(sync.connection)
    plan.refresh_from_db()
    assert plan.state == RunState.CANCELLED


def test_what_was_deleted_here_stays_ignored(sync: Sync) -> None:
    sync.run()
    ExternalLink.objects.filter(external_id="T1").update(state=LinkState.IGNORED)
    assert disconnect(sync.connection) == ExternalLink.objects.count() - 1
    assert ExternalLink.objects.get(external_id="T1").state == LinkState.IGNORED


def test_connecting_again_attaches_what_stood_alone(
    sync: Sync, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync.run()
    disconnect(sync.connection)
    probe = Probe(sync.source.snapshot.account, rights=())
    monkeypatch.setattr("connectors.connections.replacing.probe_of", lambda connection: probe)
    form = {"subdomain": "acme", "region": "us", "auth": "token", "api_key": "u+another-key"}
    assert admin_client.post(url(sync.connection, "key"), form).status_code == 302
    sync.connection.refresh_from_db()
    assert sync.run().state == RunState.SUCCEEDED
    assert set(ExternalLink.objects.values_list("state", flat=True)) == {LinkState.LINKED}
    assert Responder.objects.count() == 3


def test_a_disconnected_one_starts_nothing(sync: Sync, admin_client: Client) -> None:
    disconnect(sync.connection)
    page = admin_client.post(url(sync.connection, "plan"), follow=True).content.decode()
    assert "is disconnected. Enter its key again" in page
    assert not SyncRun.objects.exists()
    assert 'action="' + url(sync.connection, "plan") not in page


@pytest.fixture(params=["plan", "sync", "disconnect"])
def button(request: Any) -> Iterator[str]:
    yield request.param


def test_buttons_need_a_post_a_token_and_the_right(
    sync: Sync, admin_client: Client, admin_user: User, button: str
) -> None:
    there = url(sync.connection, button)
    assert admin_client.get(there).status_code == 405
    assert staff("view_connection", "change_connection").post(there, {"confirmed": "yes"}).status_code == 403
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(admin_user)
    assert guarded.post(there, {"confirmed": "yes"}).status_code == 403
    assert not SyncRun.objects.exists()
    sync.connection.refresh_from_db()
    assert sync.connection.disconnected_at is None


def test_disconnecting_needs_the_right_to_change_as_well(sync: Sync) -> None:
    client = staff("view_connection", "start_syncrun")
    assert client.post(url(sync.connection, "disconnect"), {"confirmed": "yes"}).status_code == 403


def test_the_first_page_says_how_many_schedules_match_the_source(sync: Sync, admin_client: Client) -> None:
    sync.source.rendered = lambda ids, since, until: {}
    sync.run()
    assert "matches the source" not in admin_client.get("/admin/").content.decode()
    ParityCheck.objects.update(equal_seconds=10, total_seconds=10)
    assert "1 schedule matches the source." in admin_client.get("/admin/").content.decode()
    ParityCheck.objects.filter(pk=ParityCheck.objects.latest("pk").pk).update(equal_seconds=9)
    page = admin_client.get("/admin/").content.decode()
    assert "0 of 1 schedules match the source." in page
    assert "?parity=different" in page


def test_the_first_page_of_a_new_site_says_the_steps_and_offers_sample_data(
    admin_client: Client, settings: LazySettings
) -> None:
    empty = admin_client.get("/admin/connectors/connection/").content.decode()
    assert "No source is connected yet." in empty and "Connect a source" in empty
    page = admin_client.get("/admin/").content.decode()
    assert "Connect your first source" in page and page.count("<li>") >= 6
    assert "run_simulator" not in page
    settings.DEBUG = True
    assert "manage.py run_simulator</code> serves a simulated PagerDuty" in admin_client.get("/admin/").content.decode()
    settings.CONNECTOR_ORIGINS, settings.EGRESS_ALLOW = {"opsgenie": "http://127.0.0.1:9"}, ["127.0.0.1:9"]
    assert "a simulator takes the place of Opsgenie." in admin_client.get("/admin/").content.decode()
    settings.CONNECTOR_ORIGINS |= {"jsm": "http://127.0.0.1:9", "xmatters": "http://127.0.0.1:9"}
    words = "the place of Opsgenie, Jira Service Management and xMatters."
    assert words in admin_client.get("/admin/").content.decode()
