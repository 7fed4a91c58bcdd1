"""Two people undo at the same time: one run, or runs of two connections with common rows. PostgreSQL only."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.models import Count
from django.test import Client
from django.urls import reverse

from oncall.models import Responder, User
from oncall.tables.kinds import ROOTS
from syncjobs.errors import RunAlreadyActive, UndoRefused
from syncjobs.models import RunKind, RunState, SyncRun
from syncjobs.undoing.undo import preview_undo, undo
from tests.killing.races import at_once
from tests.killing.soundness import unfilled_references
from tests.killing.stored_rows import read_rows, restore_rows
from tests.killing.worlds import TwoSources, connect_two_sources
from tests.syncjobs.conftest import Sync

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer"),
]
ROUNDS = 5


@pytest.fixture
def two(transactional_db: None) -> TwoSources:
    found = connect_two_sources()
    for sync in found.both:
        assert sync.run().state in (RunState.SUCCEEDED, RunState.PARTIAL)
    return found


def last_run(sync: Sync) -> SyncRun:
    run = SyncRun.objects.filter(connection=sync.connection).first()
    assert run is not None
    return run


def undos() -> list[tuple[int | None, str]]:
    return list(SyncRun.objects.filter(kind=RunKind.UNDO).order_by("of_run").values_list("of_run", "state"))


def test_one_run_is_undone_once_by_two_people(two: TwoSources) -> None:
    run = last_run(two.first)
    imported = read_rows()
    for _ in range(ROUNDS):
        restore_rows(imported)
        ended = at_once(lambda: undo(run, None), lambda: undo(run, None))
        refused = [each for each in ended if isinstance(each, Exception)]
        assert [(type(each), getattr(each, "code", "")) for each in refused] == [(UndoRefused, "already_undone")]
        assert [of_run for of_run, _ in undos()] == [run.pk]
        assert not run.items.model.objects.filter(run__kind=RunKind.UNDO, outcome="").exists()


def test_the_page_and_the_shell_undo_one_run_once(two: TwoSources) -> None:
    run = last_run(two.first)
    boss_id = User.objects.create_superuser("boss@example.com", "not-a-real-password").pk
    imported = read_rows()
    url = reverse("admin:syncjobs_syncrun_undo", args=[run.pk])
    for _ in range(ROUNDS):
        restore_rows(imported)
        client = Client()
        client.force_login(User.objects.get(pk=boss_id))
        form = {"shown": preview_undo(run, None).shown}
        page, shell = at_once(
            lambda form=form, client=client: client.post(url, form), lambda: call_command("undo", str(run.pk))
        )
        assert page.status_code == 302, page
        assert shell is None or isinstance(shell, CommandError | SystemExit), shell
        assert [of_run for of_run, _ in undos()] == [run.pk]


def test_runs_of_two_connections_with_common_rows_are_undone_at_once(two: TwoSources) -> None:
    runs = [last_run(sync) for sync in two.both]
    imported = read_rows()
    outcomes: set[Any] = set()
    for _ in range(ROUNDS):
        restore_rows(imported)
        ended = at_once(*(lambda run=run: undo(run, None) for run in runs))
        # Each is done or refused in words. What is refused can be done afterwards.
        for run, each in zip(runs, ended, strict=True):
            assert not isinstance(each, Exception) or isinstance(each, UndoRefused | RunAlreadyActive), each
            if isinstance(each, Exception):
                undo(run, None)
            outcomes.add(type(each).__name__)
        assert [of_run for of_run, _ in undos()] == sorted(run.pk for run in runs)
        assert list(unfilled_references()) == []
        # What both imports created is deleted, or inactive where something refers to it. Only a person whom the other
        # source still followed when the import that created the row was undone stays.
        left = {row for kind in ROOTS for row in ROOTS[kind].rows.filter(active=True)}
        assert left <= set(Responder.objects.alias(sources=Count("links__connection", distinct=True)).filter(sources=2))
    assert "Undone" in outcomes
