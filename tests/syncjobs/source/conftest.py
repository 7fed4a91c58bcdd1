"""The setup of a source by its pages, against a simulated account."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from connectors.models import Connection
from connectors.simulator.pagerduty import DEMO_KEY
from syncjobs.models import ConnectionDraft, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from tests.syncjobs.conftest import Sync

ADD = "/admin/connectors/connection/add/"
ENTRIES = {"name": "Acme", "subdomain": "acme", "region": "us", "auth": "token", "api_key": DEMO_KEY}


@pytest.fixture(autouse=True)
def no_inventory() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def url(connection: Connection, page: str) -> str:
    return reverse(f"admin:connectors_connection_{page}", args=[connection.pk])


def begin(client: Client, provider: str = "pagerduty") -> str:
    """Chooses a provider, and returns the address of the draft."""
    answer = client.post(ADD, {"provider": provider})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def connect_by_pages(client: Client, **changes: str) -> Connection:
    """Makes a connection by the first step."""
    answer = client.post(begin(client), {**ENTRIES, **changes, "do": "test"})
    assert answer.status_code == 302, answer.context["form"].errors
    assert not ConnectionDraft.objects.exists()
    return Connection.objects.get()


def work() -> None:
    """Does what a worker does with the runs that wait."""
    for run in SyncRun.objects.filter(state="queued").order_by("pk"):
        drive(run.pk)


def walk_to(client: Client, step: str, **connected: str) -> SyncProfile:
    """Walks through the setup up to a step: people, rules or review."""
    connection = connect_by_pages(client, **connected)
    posts: Any = (
        ("people", "import", {"scope": "everything", "do": "save"}),
        (None, "people", {"do": "leave_all"}),
        ("rules", "people", {"do": "continue"}),
        ("review", "rules", rules()),
    )
    for reached, page, data in posts:
        answer = client.post(url(connection, page), data)
        assert answer.status_code == 302, answer.context["form"].errors
        work()
        if reached is not None:
            assert answer.headers["Location"] == url(connection, "import" if reached == "select" else reached)
        if reached == step:
            break
    return SyncProfile.objects.select_related("connection").get()


def rules(**changes: str) -> dict[str, str]:
    given = {
        "strategy": "ask", "contact_details": "on", "review_first": "on", "every": "off", "guard_share": "20",
        "guard_count": "5",
    }  # fmt: skip
    return {name: value for name, value in (given | changes).items() if value}


def in_setup(sync: Sync, step: str) -> None:
    """Lets the setup of a connection wait at a step."""
    SyncProfile.objects.filter(pk=sync.profile.pk).update(setup_step=step)
    sync.profile.refresh_from_db()
