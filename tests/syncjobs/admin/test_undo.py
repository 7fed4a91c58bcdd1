"""The page of an undo: what it shows, who sees it, and that it does exactly what it has shown."""

import re
from dataclasses import replace

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from oncall.models import Responder, User, UserGroup
from syncjobs.deciding.decide import Decision, decide
from syncjobs.models import Conflict, ConflictState, RunKind, RunState, SyncRun
from syncjobs.runs.start import start
from tests.syncjobs.admin.conftest import HOSTILE, assert_harmless, staff
from tests.syncjobs.conftest import Sync, edit, user, world

pytestmark = pytest.mark.django_db
OFFERED = "Undo…"


def url(run: SyncRun, page: str = "undo") -> str:
    return reverse(f"admin:syncjobs_syncrun_{page}", args=[run.pk])


def read(client: Client, address: str) -> str:
    answer = client.get(address, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def shown_in(page: str) -> str:
    found = re.search(r'name="shown" value="(\w+)"', page)
    assert found is not None
    return found[1]


def test_the_page_lists_what_is_undone_and_the_button_does_it(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    assert OFFERED in read(admin_client, url(run, "change"))
    page = read(admin_client, url(run))
    assert "is deleted; its object at the source is ignored" in page
    assert "7 of 7 items will be undone." in page
    assert Responder.objects.count() == 3
    answer = admin_client.post(url(run), {"shown": shown_in(page)})
    undone = SyncRun.objects.get(kind=RunKind.UNDO)
    assert answer.headers["Location"] == url(undone, "change")
    assert (Responder.objects.count(), undone.of_run, undone.state) == (0, run, RunState.SUCCEEDED)
    after = read(admin_client, url(run, "change"))
    assert OFFERED not in after
    assert "This run was undone by <a" in after
    assert "is undone already" in read(admin_client, url(run))
    listed = read(admin_client, url(undone, "change"))
    assert "− delete" in listed
    assert OFFERED not in listed
    assert "Undo" in read(admin_client, reverse("admin:syncjobs_syncrun_changelist"))


def test_what_changed_after_the_page_was_shown_is_shown_anew(sync: Sync, admin_client: Client) -> None:
    run = sync.run()
    shown = shown_in(read(admin_client, url(run)))
    edit("user_group", UserGroup.objects.get(), description="ours")
    answer = admin_client.post(url(run), {"shown": shown}, follow=True)
    page = answer.content.decode()
    assert "Something was changed after this was shown. Nothing was written." in page
    assert "it was edited after the run created it" in page
    assert not SyncRun.objects.filter(kind=RunKind.UNDO).exists()
    assert admin_client.post(url(run)).headers["Location"] == url(run)


def test_a_plan_and_an_active_run_offer_no_undo_and_say_why(sync: Sync, admin_client: Client) -> None:
    plan = sync.plan()
    assert OFFERED not in read(admin_client, url(plan, "change"))
    assert "was not applied, so there is nothing to undo" in read(admin_client, url(plan))
    run = sync.apply(plan)
    start(sync.profile, RunKind.APPLY, by=None, notify=False)
    assert "is already queued" in read(admin_client, url(run))


def test_only_who_may_apply_undoes_an_import(sync: Sync) -> None:
    run = sync.run()
    viewer = staff("view_syncrun")
    assert OFFERED not in read(viewer, url(run, "change"))
    assert (viewer.get(url(run)).status_code, viewer.post(url(run)).status_code) == (403, 403)


def test_only_who_may_answer_undoes_an_answer(sync: Sync) -> None:
    sync.run()
    group = UserGroup.objects.get()
    edit("user_group", group, description="ours")
    sync.source.change(teams=(replace(world().teams[0], description="theirs"),))
    sync.run()
    question = Conflict.objects.get(kind="both_edited")
    run = decide(question, Decision("take_source", {}, None)).run
    assert run is not None
    client = staff("view_syncrun", "start_syncrun")
    assert client.get(url(run)).status_code == 403
    account = User.objects.get(email="eve@example.com")
    account.user_permissions.set(Permission.objects.filter(codename__in=["view_syncrun", "answer_conflict"]))
    page = read(client, url(run))
    assert "The question is asked again." in page
    client.post(url(run), {"shown": shown_in(page)})
    question.refresh_from_db()
    group.refresh_from_db()
    assert (question.state, group.description) == (ConflictState.OPEN, "ours")


def test_names_are_escaped_and_addresses_are_hidden(sync: Sync, admin_client: Client) -> None:
    sync.source.change(users=(user("U1", HOSTILE), user("U2", "bo@example.com"), user("U3", "Cy")))
    run = sync.run()
    assert_harmless(read(admin_client, url(run)))
    assert "bo@example.com" in read(admin_client, url(run))
    assert "bo@example.com" not in read(staff("view_syncrun", "start_syncrun"), url(run))
