"""What the tables of the shell say: the counters of a run, and the last lines of the demo."""

import io

import pytest
from django.utils import timezone

from connectors.records import ENTITY_TYPES
from syncjobs.management.commands.demo import Command as Demo
from syncjobs.management.commands.sync_run import Command as SyncRunCommand
from syncjobs.models import Conflict, ConflictState
from syncjobs.planning.values import Action
from tests.syncjobs.conftest import Sync

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("action", "title"),
    [
        ("create", "to create"),
        ("update", "to update"),
        ("match", "to match"),
        ("settle", "already equal"),
        ("detach", "to detach"),
    ],
)
def test_each_planned_change_has_a_column(sync: Sync, action: Action, title: str) -> None:
    run = sync.run()
    out = io.StringIO()
    run.counts = {kind: {"fetched": 3, f"plan_{action}": 2} for kind in ENTITY_TYPES}
    SyncRunCommand(stdout=out).report(run, as_json=False)
    _, head, people, *_ = out.getvalue().splitlines()
    assert head.split("  ")[-1].strip() == title
    assert people.split()[-1] == "2"


def test_the_demo_counts_the_open_conflicts_only(sync: Sync) -> None:
    for subject, state in (("a", ConflictState.OPEN), ("b", ConflictState.OPEN), ("c", ConflictState.CLOSED)):
        Conflict.objects.create(
            connection=sync.profile.connection,
            kind="user_not_found",
            entity_type="responder",
            subject_key=subject,
            state=state,
            opened_at=timezone.now(),
        )
    out = io.StringIO()
    Demo(stdout=out)._show([], verbose=False)
    assert "2 questions wait for a person." in out.getvalue()
