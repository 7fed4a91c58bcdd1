"""Statements and writes of a sync at 10,000 entities against the simulator (D1, D3, D7): counted, not timed."""

import re
import time
from collections import Counter
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connectors.simulator.pagerduty import Simulator, build_world
from oncall.models import Responder
from syncjobs.models import RunKind, RunState
from syncjobs.runs import claim
from syncjobs.runs.durable import pages
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start
from tests.syncjobs.conftest import connect, lead_to

pytestmark = pytest.mark.django_db

WRITES = re.compile(r'^(INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')
OWN_RECORDS = {"syncjobs_syncrun", "syncjobs_syncitem", "syncjobs_paritycheck", "syncjobs_fetchedpage"}


def statements(queries: CaptureQueriesContext) -> list[str]:
    """The statements without the savepoints, which are the transactions of a run inside the transaction of a test."""
    return [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]


def written_tables(queries: CaptureQueriesContext) -> Counter[str]:
    return Counter(match[2] for query in queries if (match := WRITES.match(query["sql"])))


@pytest.fixture(autouse=True)
def no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress and pages are written by the clock, six statements in a quarter of a minute: never, so that the rest can
    be counted."""
    monkeypatch.setattr(claim, "SHORTEST_PAUSE", float("inf"))
    monkeypatch.setattr(pages, "STORED_EVERY", float("inf"))


@pytest.mark.slow
def test_a_second_sync_of_10000_entities_writes_nothing_in_at_most_40_statements(settings: Any, thorough: bool) -> None:
    size = 10_000 if thorough else 1_000
    with Simulator(build_world(time.time(), size)) as running:
        lead_to(running, settings)
        profile = connect()
        with CaptureQueriesContext(connection) as first:
            run = drive(start(profile, RunKind.APPLY, by=None, notify=False).pk)
        assert run is not None
        assert (run.state, run.reason) == (RunState.SUCCEEDED, "")
        assert run.items.count() == size
        rows = [m._default_manager.count() for m in apps.get_models() if m._meta.app_label in ("oncall", "syncjobs")]
        assert len(statements(first)) <= 4 * sum(n > 0 for n in rows) + 3 * sum(rows) / 100
        profile.refresh_from_db()
        with CaptureQueriesContext(connection) as second:
            again = drive(start(profile, RunKind.APPLY, by=None, notify=False).pk)
    assert again is not None
    assert again.state == RunState.SUCCEEDED
    assert sum(counts["unchanged"] for counts in again.counts.values()) == size
    assert set(written_tables(second)) <= OWN_RECORDS
    assert again.items.count() == 0
    found = statements(second)
    assert len(found) <= 40 - 6, "\n".join(sql[:150] for sql in found)
    print(f"\nfirst sync: {len(statements(first))} statements for {sum(rows)} rows; second: {len(found)}")  # noqa: T201 - the figure this test is about


def test_the_number_of_statements_of_a_second_sync_does_not_grow_with_edited_rows(simulator: Simulator) -> None:
    from oncall.aggregates import Draft
    from oncall.operations import Actor, write

    profile = connect()
    drive(start(profile, RunKind.APPLY, by=None, notify=False).pk)
    counts = []
    for edited in (1, 30):
        rows = Responder.objects.order_by("id")[:edited]
        drafts = [Draft({"title": f"Edited {edited}"}, id=row.pk, version=row.version) for row in rows]
        write("responder", drafts, by=Actor(None, "test"))
        profile.refresh_from_db()
        with CaptureQueriesContext(connection) as queries:
            drive(start(profile, RunKind.APPLY, by=None, notify=False).pk)
        assert set(written_tables(queries)) <= OWN_RECORDS
        counts.append(len(queries))
    assert counts[0] == counts[1]
