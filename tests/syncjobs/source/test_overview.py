"""The page of a source that is set up: its overview, its tabs, and its buttons."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.errors import AuthenticationFailed
from connectors.models import Connection
from oncall.models import User
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.pages.source.overview import Overview, overview_of
from syncjobs.pages.status import connection_statuses
from syncjobs.setup.disconnect import disconnect
from syncjobs.setup.rules import set_rules
from syncjobs.slots.starting import start_due
from tests.syncjobs.admin.conftest import staff
from tests.syncjobs.conftest import Sync
from tests.syncjobs.slots.ticks import set_every
from tests.syncjobs.source.conftest import in_setup, url

pytestmark = pytest.mark.django_db


def overview(sync: Sync, account: User) -> Overview:
    connection = Connection.objects.get(pk=sync.connection.pk)
    status = connection_statuses([connection])[connection.pk]
    assert status.profile is not None
    return overview_of(status, status.profile, account, may_change=True)


def main_actions(sync: Sync, account: User) -> list[str]:
    return [action.text for action in overview(sync, account).actions if action.is_main]


def facts(sync: Sync, account: User) -> dict[str, str]:
    return {fact.word: fact.value for fact in overview(sync, account).facts}


def test_the_next_action_is_the_only_filled_button(sync: Sync, admin_user: User, admin_client: Client) -> None:
    def of_page() -> list[str]:
        page = admin_client.get(url(sync.connection, "change")).content.decode()
        panel = page[page.index('aria-label="State of the connection"') : page.index('id="rb-testing"')]
        return re.findall(r"rb-button-main[^>]*>([^<]*)<", panel)

    assert main_actions(sync, admin_user) == of_page() == ["Test connection"]
    Connection.objects.update(tested_at=timezone.now())
    assert main_actions(sync, admin_user) == of_page() == ["Plan"]
    set_rules(sync.profile, {"review_first": False})
    assert main_actions(sync, admin_user) == of_page() == ["Sync now"]
    plan = sync.plan()
    assert main_actions(sync, admin_user) == of_page() == ["Review the plan"]
    sync.apply(plan)
    assert main_actions(sync, admin_user) == of_page() == ["Answer 3 questions"]
    in_setup(sync, "people")
    assert main_actions(sync, admin_user) == of_page() == ["Go on with the setup"]
    in_setup(sync, "")
    disconnect(sync.connection)
    assert main_actions(sync, admin_user) == of_page() == ["Connect again …"]


def test_the_facts_say_age_next_sync_match_and_questions(sync: Sync, admin_user: User) -> None:
    assert facts(sync, admin_user) == {"Data": "nothing imported yet", "Next automatic sync": "off"}
    sync.run()
    set_every(sync, "6h", since=timezone.now() - timedelta(hours=1))
    found = facts(sync, admin_user)
    assert found["Data"] == "as of just now"
    assert found["Next automatic sync"] == "every 6 hours, next in 5 h"
    assert found["Conflicts"] == "3 open"
    assert found["Imported"] == "3 people, 1 user group, 1 schedule, 1 escalation policy, 1 service"
    in_setup(sync, "review")
    assert facts(sync, admin_user)["Next automatic sync"] == "every 6 hours, after the first import"


def test_nothing_is_planned_while_the_key_is_refused(
    sync: Sync, admin_client: Client, admin_user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(connection: Connection) -> Any:
        raise AuthenticationFailed("The key was refused.", hint="Enter another key.", provider="pagerduty")

    monkeypatch.setattr("connectors.connections.probe.probe_of", refuse)
    admin_client.post(url(sync.connection, "test"))
    page = admin_client.get(url(sync.connection, "change")).content.decode()
    assert "The source refused the key in the last test: The key was refused." in page
    assert "Replace the key, or test it again." in page
    assert main_actions(sync, admin_user) == ["Replace key …"]
    assert not {"Plan", "Sync now", "Sync some …"} & {action.text for action in overview(sync, admin_user).actions}
    for button in ("plan", "sync"):
        shown = admin_client.post(url(sync.connection, button), follow=True).content.decode()
        assert "The source refused the key in the last test" in shown
    assert not SyncRun.objects.exists()
    # A run that reads the source proves that the key works again.
    sync.run()
    assert overview(sync, admin_user).refusal == ""
    assert admin_client.post(url(sync.connection, "plan")).status_code == 302
    assert SyncRun.objects.filter(kind=RunKind.PLAN).exists()


def test_a_pause_stops_automatic_syncs_only(sync: Sync, admin_client: Client, admin_user: User) -> None:
    set_every(sync, "1h", since=timezone.now() - timedelta(hours=3))
    admin_client.post(url(sync.connection, "pause"), {"do": "pause"})
    assert start_due(timezone.now(), notify=False) == []
    assert facts(sync, admin_user)["Next automatic sync"] == "every hour, but paused just now"
    page = admin_client.get("/admin/syncjobs/syncprofile/").content.decode()
    assert "It is paused." in page
    assert "Resume" in [action.text for action in overview(sync, admin_user).actions]
    sync.run()
    admin_client.post(url(sync.connection, "pause"), {"do": "resume"})
    assert len(start_due(timezone.now(), notify=False)) == 1
    in_setup(sync, "people")
    SyncProfile.objects.update(paused_at=timezone.now())
    shown = admin_client.post(url(sync.connection, "pause"), {"do": "resume"}, follow=True).content.decode()
    assert "Automatic syncs start when the setup is finished." in shown
    assert SyncProfile.objects.get().paused_at is not None


def test_some_objects_are_synced_from_the_selection(sync: Sync, admin_client: Client) -> None:
    sync.run()
    before = SyncProfile.objects.get().selection
    selection = url(sync.connection, "import")
    assert admin_client.post(selection, {"do": "sync"}, follow=True).redirect_chain[-1][0] == selection
    answer = admin_client.post(selection, {"do": "sync", "scope": "everything", "chosen": "schedule:S1"})
    run = SyncRun.objects.latest("pk")
    assert run.scope == {"only": [["schedule", "S1"]]}
    assert str(run.pk) in answer.headers["Location"]
    assert SyncProfile.objects.get().selection == before


def test_tabs_lead_to_the_pages_of_a_source(sync: Sync, admin_client: Client) -> None:
    for page, word in (("change", "Overview"), ("import", "Selection"), ("people", "People"), ("rules", "Rules")):
        shown = admin_client.get(url(sync.connection, page)).content.decode()
        assert f'aria-current="page">{word}</a>' in shown
        assert "Steps of the setup" not in shown
    in_setup(sync, "rules")
    for page in ("change", "people", "rules", "review"):
        shown = admin_client.get(url(sync.connection, page)).content.decode()
        assert "Steps of the setup" in shown


def test_who_may_only_look_gets_no_buttons(sync: Sync) -> None:
    client = staff("view_connection", "view_syncprofile")
    page = client.get(url(sync.connection, "change")).content.decode()
    for word in ("Plan</button>", "Test connection", "Disconnect", "Replace key"):
        assert word not in page
    for button in ("pause", "plan", "sync", "disconnect"):
        assert client.post(url(sync.connection, button), {"do": "pause"}).status_code == 403
    assert client.post(url(sync.connection, "people"), {"do": "leave_all"}).status_code == 403
    assert client.post(url(sync.connection, "people"), {"do": "continue"}).status_code == 403
    assert client.post(url(sync.connection, "review"), {"do": "start"}).status_code == 403
    assert client.post(url(sync.connection, "import"), {"do": "sync", "chosen": "schedule:S1"}).status_code == 403
