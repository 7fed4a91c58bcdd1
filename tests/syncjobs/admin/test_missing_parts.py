"""Pages say which part is missing and how to get it back, and a button never fails because of it."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from syncjobs.models import Heartbeat, Part, RunKind, RunState, SyncRun
from syncjobs.pages.marks import run_url
from syncjobs.pages.missing_parts import REMEDIES, missing_sentences
from syncjobs.runs.start import start
from tests.paths import REPOSITORY
from tests.syncjobs.admin.conftest import queries
from tests.syncjobs.conftest import Sync
from tests.syncjobs.runs.test_notify import SECRET, each_failure

LIST = reverse("admin:connectors_connection_changelist")
FIRST = reverse("admin:index")
#: What the page says about a part that was seen ten minutes ago.
TEXTS = {
    Part.BROKER: "The broker could not be reached 10 minutes ago (ConnectionError). Start the server of",
    Part.BEAT: "Beat was last seen 10 minutes ago. Start it with `make beat`, unless it waits",
    Part.TICK: "The worker of the queue tick was last seen 10 minutes ago. Start it with `make worker`.",
    Part.RUNS: "The worker of the queue runs was last seen 10 minutes ago. Start it with `make worker`.",
}


def text(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def everything_was_seen() -> None:
    for part in Part:
        Heartbeat.objects.create(part=part, at=timezone.now())


@pytest.fixture
def pages(sync: Sync) -> list[str]:
    """The pages that say what is missing, and a run that is queued."""
    run = start(sync.profile, RunKind.PLAN, by=None, notify=False)
    everything_was_seen()
    return [FIRST, LIST, run_url(run), reverse("admin:syncjobs_syncrun_progress", args=[run.pk])]


@pytest.mark.parametrize("part", Part)
def test_each_page_says_what_is_missing_and_what_to_do(pages: list[str], admin_client: Client, part: Part) -> None:
    shown = {url: [each for each in TEXTS.values() if each in text(admin_client, url)] for url in pages}
    assert shown == {url: [] for url in pages}
    fault = "ConnectionError" if part == Part.BROKER else ""
    Heartbeat.objects.filter(part=part).update(at=timezone.now() - timedelta(minutes=10), fault=fault)
    shown = {url: [each for each in TEXTS.values() if each in text(admin_client, url)] for url in pages}
    assert shown == {url: [TEXTS[part]] for url in pages}


@pytest.mark.parametrize("part", Part)
def test_each_part_has_a_remedy_whose_command_exists(part: Part) -> None:
    verbs = re.findall(r"`make ([a-z-]+)`", REMEDIES[part])
    assert verbs
    for verb in verbs:
        assert re.search(rf"^{verb}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)


def test_a_part_that_has_never_run_is_named(db: None) -> None:
    assert [sentence.partition(".")[0] for sentence in missing_sentences().values()] == [
        "Beat has not been seen yet",
        "The worker of the queue tick has not been seen yet",
        "The worker of the queue runs has not been seen yet",
    ]


def test_a_run_that_is_not_queued_says_nothing_about_workers(sync: Sync, admin_client: Client) -> None:
    run = sync.plan()
    assert "has not been seen yet" not in text(admin_client, run_url(run))


def test_the_pages_cost_the_same_whatever_is_missing(pages: list[str], admin_client: Client) -> None:
    before = [queries(admin_client, url) for url in pages]
    Heartbeat.objects.all().delete()
    assert [queries(admin_client, url) for url in pages] == before


@each_failure
def test_the_buttons_work_whatever_fails_and_the_page_says_what(
    sync: Sync,
    admin_client: Client,
    fail: Callable[[Exception], None],
    error: Exception,
    words: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    everything_was_seen()
    fail(error)
    plan = reverse("admin:connectors_connection_plan", args=[sync.connection.pk])
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(plan)
    run = SyncRun.objects.get()
    assert (answer.status_code, answer.headers["Location"], run.state) == (302, run_url(run), RunState.QUEUED)
    said = f"The broker could not be reached just now ({words})."
    assert said in text(admin_client, run_url(run))
    sync.drive(run)
    with django_capture_on_commit_callbacks(execute=True):
        answer = admin_client.post(reverse("admin:syncjobs_syncrun_apply", args=[run.pk]))
    run.refresh_from_db()
    assert (answer.status_code, run.state) == (302, RunState.QUEUED)
    for url in (run_url(run), LIST, FIRST):
        page = text(admin_client, url)
        assert said in page
        assert SECRET not in page
