"""What ends the setup of a source, and what does not: only an import, once, and only who may start it."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from connectors.simulator.pagerduty import Simulator
from oncall.models import User
from oncall.operations import Actor, create_account
from syncjobs.models import RunKind, RunState, SyncProfile, SyncRun
from syncjobs.setup.disconnect import disconnect
from tests.syncjobs.source.conftest import rules, url, walk_to, work

pytestmark = pytest.mark.django_db

#: A run that no import was started from: its kind, and what is stored of it.
NOT_STARTED: tuple[tuple[RunKind, dict[str, Any]], ...] = (
    (RunKind.PLAN, {"state": RunState.QUEUED, "phase": ""}),
    (RunKind.PLAN, {"state": RunState.RUNNING, "phase": "fetch"}),
    (RunKind.PLAN, {"state": RunState.WAITING, "phase": "fetch"}),
    (RunKind.PLAN, {"state": RunState.FAILED, "phase": "fetch"}),
    (RunKind.PLAN, {"state": RunState.CANCELLED, "phase": "review"}),
    (RunKind.PLAN, {"state": RunState.SUPERSEDED, "phase": "review"}),
    (RunKind.PLAN, {"state": RunState.HELD, "phase": "review", "planned_at": None}),
    (RunKind.DECISION, {}),
)


def plan_of(profile: SyncProfile) -> SyncRun:
    return SyncRun.objects.filter(profile=profile, kind=RunKind.PLAN).order_by("-pk")[0]


def is_waiting(profile: SyncProfile) -> bool:
    """Returns whether the setup waits and nothing is synced by itself."""
    profile.refresh_from_db()
    return profile.setup_step != "" and profile.paused_at is not None


def test_only_a_started_import_ends_the_setup(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "review")
    review = url(profile.connection, "review")
    for kind, columns in NOT_STARTED:
        run = SyncRun.objects.filter(kind=kind).order_by("-pk")[0]
        SyncRun.objects.filter(pk=run.pk).update(**columns)
        for do in ("start", "finish"):
            answer = admin_client.post(review, {"do": do, "run": run.pk})
            assert answer.headers["Location"] == review
            assert is_waiting(profile), (kind, columns, do)


def test_a_tab_that_was_left_open_resumes_nothing(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "review")
    plan, review = plan_of(profile), url(profile.connection, "review")
    admin_client.post(review, {"do": "start", "run": plan.pk})
    work()
    admin_client.post(url(profile.connection, "pause"), {"do": "pause"})
    profile.refresh_from_db()
    paused = profile.paused_at
    assert paused is not None
    number = SyncRun.objects.count()
    for page, data in (
        ("review", {"do": "start", "run": str(plan.pk)}),
        ("review", {"do": "finish"}),
        ("review", {"do": "plan"}),
        ("people", {"do": "plan"}),
        ("people", {"do": "continue"}),
    ):
        admin_client.post(url(profile.connection, page), data)
        profile.refresh_from_db()
        assert (profile.paused_at, profile.setup_step, SyncRun.objects.count()) == (paused, "", number)


def test_a_source_without_anything_to_import_is_set_up_to_the_end(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "people")
    plan = plan_of(profile)
    plan.items.all().delete()
    SyncRun.objects.filter(pk=plan.pk).update(state=RunState.SUCCEEDED)
    people, review = url(profile.connection, "people"), url(profile.connection, "review")
    admin_client.post(people, {"do": "leave_all"})
    assert "Read the source and plan" not in admin_client.get(people).content.decode()
    assert admin_client.post(people, {"do": "continue"}).headers["Location"] == url(profile.connection, "rules")
    assert admin_client.post(url(profile.connection, "rules"), rules()).headers["Location"] == review
    work()
    SyncRun.objects.filter(kind=RunKind.PLAN).update(state=RunState.SUCCEEDED)
    assert "there is nothing to import or to change" in admin_client.get(review).content.decode()
    admin_client.post(review, {"do": "finish"})
    assert not is_waiting(profile)


def test_nobody_plans_who_may_not_start_syncs(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "rules")
    account = create_account(email="eve@example.com", password="long-enough-1", is_staff=True, by=Actor(None, "test"))
    names = ["view_connection", "view_syncprofile", "change_syncprofile"]
    account.user_permissions.set(Permission.objects.filter(codename__in=names))
    other = Client()
    other.force_login(User.objects.get(pk=account.pk))
    number = SyncRun.objects.count()
    for page, data in (
        ("rules", rules(strategy="source")),
        ("people", {"do": "plan"}),
        ("import", {"scope": "everything", "do": "save"}),
    ):
        answer = other.post(url(profile.connection, page), data, follow=True)
        assert "You may not start syncs" in answer.content.decode()
    assert other.post(url(profile.connection, "review"), {"do": "plan"}).status_code == 403
    assert SyncRun.objects.count() == number
    assert SyncProfile.objects.get().strategy == "source"


def test_a_source_that_cannot_be_read_is_not_planned(admin_client: Client, simulator: Simulator) -> None:
    profile = walk_to(admin_client, "review")
    number = SyncRun.objects.count()
    disconnect(profile.connection)
    for page, data in (
        ("rules", rules(strategy="source")),
        ("people", {"do": "plan"}),
        ("import", {"scope": "everything", "do": "save"}),
        ("review", {"do": "plan"}),
    ):
        answer = admin_client.post(url(profile.connection, page), data, follow=True)
        assert "is disconnected. Enter its key again" in answer.content.decode()
    assert SyncRun.objects.count() == number
    assert is_waiting(profile)
