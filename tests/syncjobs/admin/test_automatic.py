"""The page Automatic syncs: when each syncprofile is due, how it went, and changing it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from connectors.models import Connection
from oncall.models import Role, User
from oncall.operations import create_account
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.runs.start import cancel, start
from syncjobs.setup.disconnect import disconnect
from syncjobs.setup.rules import set_rules
from tests.syncjobs.conftest import BY, Sync
from tests.syncjobs.slots.ticks import set_every, tick_at

pytestmark = pytest.mark.django_db
LIST = "/admin/syncjobs/syncprofile/"
HOUR = timedelta(hours=1)


def change_url(sync: Sync) -> str:
    return reverse("admin:syncjobs_syncprofile_change", args=[sync.profile.pk])


def text(client: Client, url: str = LIST) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def member(role: Role) -> Client:
    made = create_account(f"{role.name.lower()}@example.com", "long enough password", by=BY, is_staff=True)
    made.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(User.objects.get(pk=made.pk))
    return client


def save(client: Client, sync: Sync, every: str, shown: str | None = None) -> Any:
    sync.profile.refresh_from_db()
    given = {"every": every, "shown": sync.profile.every if shown is None else shown}
    return client.post(change_url(sync), given, follow=True)


def test_a_connection_without_a_rule_is_off_and_one_without_a_profile_gets_one(
    sync: Sync, admin_client: Client
) -> None:
    Connection.objects.create(name="bare", provider="pagerduty")
    shown = text(admin_client)
    assert shown.count("Only when somebody starts a sync") == 2
    assert SyncProfile.objects.count() == 2


def test_a_rule_is_saved_said_in_words_and_recorded(sync: Sync, admin_client: Client) -> None:
    answer = save(admin_client, sync, " 0 3 * *  1-5 Europe/Berlin")
    sync.profile.refresh_from_db()
    assert sync.profile.every == "0 3 * * 1-5 Europe/Berlin"
    (message,) = (str(each) for each in answer.context["messages"])
    assert message.startswith("acme: every weekday at 03:00, Berlin; next in ")
    assert LogEntry.objects.get().change_message == "Automatic sync: off → 0 3 * * 1-5 Europe/Berlin."
    assert "Every weekday at 03:00, Berlin" in text(admin_client)


@pytest.mark.parametrize("every", ["", "1s", "0 3 * * *", "0 3 * * * Mars/Base", "0 0 30 2 * UTC", "9" * 300, "never"])
def test_anything_else_is_one_error_on_the_field_and_nothing_is_saved(
    sync: Sync, admin_client: Client, every: str
) -> None:
    answer = save(admin_client, sync, every)
    assert answer.status_code == 200
    assert answer.content.decode().count('role="alert"') == 1
    sync.profile.refresh_from_db()
    assert (sync.profile.every, sync.profile.every_since) == ("off", None)


def test_what_somebody_else_changed_meanwhile_is_refused_once(sync: Sync, admin_client: Client) -> None:
    set_rules(sync.profile, {"every": "6h"})
    answer = save(admin_client, sync, "1d", shown="off")
    assert "Somebody has changed it to “6h” meanwhile" in answer.content.decode()
    assert 'name="shown" value="6h"' in answer.content.decode()
    sync.profile.refresh_from_db()
    assert sync.profile.every == "6h"


def test_the_button_switches_off(sync: Sync, admin_client: Client) -> None:
    set_rules(sync.profile, {"every": "6h"})
    assert "Switch off" in text(admin_client)
    save(admin_client, sync, "off")
    sync.profile.refresh_from_db()
    assert sync.profile.every == "off"


def test_a_short_interval_says_what_it_costs(sync: Sync, admin_client: Client) -> None:
    assert "How many calls each needs is known after the first sync" in str(save(admin_client, sync, "5m").content)
    run = sync.run()
    SyncRun.objects.filter(pk=run.pk).update(calls=120)
    answer = save(admin_client, sync, "10m")
    assert "144 syncs a day, with 120 calls each as in the last sync: about 17,280 calls a day" in str(answer.content)
    assert "about 17,280 calls a day" in text(admin_client)
    assert "calls a day" not in str(save(admin_client, sync, "15m").content)


def test_the_list_shows_the_last_run_the_next_slot_and_the_open_plan(sync: Sync, admin_client: Client) -> None:
    now = timezone.now()
    set_every(sync, "6h", since=now - 13 * HOUR)
    set_rules(sync.profile, {"review_first": True})
    tick_at(sync, now)
    run = SyncRun.objects.get()
    shown = text(admin_client)
    assert f"Run {run.pk}</a>" in shown
    assert f"Review run {run.pk}</a>" in shown
    assert "in 5 h" in shown


def test_the_list_says_why_a_slot_waits_and_why_nothing_starts(sync: Sync, admin_client: Client) -> None:
    set_every(sync, "6h", since=timezone.now() - 7 * HOUR)
    run = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    assert "Due since 60 min." in text(admin_client).replace("Due since 1 h.", "Due since 60 min.")
    cancel(run)
    Connection.objects.update(refused_account="other")
    assert "It is paused" in text(admin_client)
    disconnect(sync.connection)
    shown = text(admin_client)
    assert "It is disconnected" in shown
    assert "Try now" not in shown


def test_rights_are_those_of_rules(sync: Sync) -> None:
    set_rules(sync.profile, {"every": "6h"})
    viewer, operator = member(Role.VIEWER), member(Role.OPERATOR)
    assert "Try now" in text(operator)
    assert "Try now" not in text(viewer)
    for client in (viewer, operator):
        assert "Switch off" not in text(client)
        assert "<form" not in text(client, change_url(sync)).partition('id="content')[2]
        assert "Your account may not change it." in text(client, change_url(sync))
        assert save(client, sync, "off").status_code == 403
    sync.profile.refresh_from_db()
    assert sync.profile.every == "6h"
    assert member(Role.TEAM_LEAD).get(LIST).status_code == 403


def test_the_number_of_queries_does_not_depend_on_the_number_of_connections(
    sync: Sync, admin_client: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        other = Sync(f"source {number}")
        set_every(other, "6h", since=timezone.now() - 7 * HOUR)
        SyncRun.objects.create(
            connection=other.connection, profile=other.profile, kind=RunKind.APPLY, state="succeeded", calls=3,
            slot=timezone.now() - HOUR,
        )  # fmt: skip
    with django_assert_max_num_queries(12):
        text(admin_client)


def test_no_page_edits_the_rows_of_beat(admin_client: Client) -> None:
    labels = {model._meta.label for model in admin.site._registry}
    assert not {label for label in labels if label.startswith("django_celery_beat")}
    assert admin_client.get("/admin/django_celery_beat/periodictask/").status_code == 404
