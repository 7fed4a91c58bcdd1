"""The pages about what is gone, what changes, what is undone, and keys, in a browser: light, dark and narrow."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from oncall.models import User
from syncjobs.models import RunKind, SyncRun
from tests.e2e.browsers import CHROMIUM
from tests.e2e.looks import LOOKS, OpenWindow, seen, windows
from tests.syncjobs.conflicts.test_kinds import missing
from tests.syncjobs.conftest import Sync, layer, schedule, user, world

pytest.importorskip("playwright")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium"),
    pytest.mark.django_db(transaction=True),
]

from playwright.sync_api import Browser, Page, expect  # noqa: E402

PASSWORD = "a long password"


@pytest.fixture
def gone(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that lost its only service and changed a schedule, in a plan; and one that lost all schedules."""
    monkeypatch.setattr("syncjobs.runs.notify.current_app.send_task", lambda name, args, **options: None)
    User.objects.create_superuser("ada.admin@example.com", PASSWORD, name="Ada Admin")
    first = Sync("acme")
    first.source.change(users=(*world().users, user("U4", "Maximiliane Featherstonehaugh-Oberreuter")))
    first.run()
    changed = schedule("S1", "Primary", layer("U4", "U2"))
    missing(first, ("service", "V1"), services=(), schedules=(changed,))
    first.plan()
    second = Sync("globex")
    many = tuple(schedule(f"S{n}", f"Rota {n}", layer("U1")) for n in range(5))
    second.source.change(schedules=(*world().schedules, *many))
    second.run()
    second.source.answers |= {("schedule", one.external_id): "not_found" for one in second.source.snapshot.schedules}
    second.source.change(schedules=())
    second.run()


def _run(page: Page, run: SyncRun, name: str = "change") -> None:
    page.goto(reverse(f"admin:syncjobs_syncrun_{name}", args=[run.pk]))


def _last(connection: str, kind: RunKind) -> SyncRun:
    return SyncRun.objects.filter(connection__name=connection, kind=kind).latest("pk")


def _connection(page: Page, name: str) -> None:
    page.goto(reverse(f"admin:connectors_connection_{name}", args=[_last("acme", RunKind.APPLY).connection_id]))


def _key(page: Page) -> None:
    _connection(page, "key")
    if page.locator("input[name=confirm_password], input[name=password]").count():
        page.locator("input[type=password]").first.fill(PASSWORD)
        page.get_by_role("button").last.click()
        page.wait_for_load_state("networkidle")
    expect(page.get_by_role("button", name="Test and replace")).to_be_visible()


PAGES: Mapping[str, Callable[[Page], Any]] = {
    "plan-with-impact": lambda page: _run(page, _last("acme", RunKind.PLAN)),
    "run-held": lambda page: _run(page, _last("globex", RunKind.APPLY)),
    "undo": lambda page: _run(page, _last("acme", RunKind.APPLY), "undo"),
    "not-followed": lambda page: _connection(page, "following"),
    "services": lambda page: page.goto("/admin/oncall/service/"),
    "connection": lambda page: _connection(page, "change"),
    "replace-key": _key,
}


@pytest.fixture
def opened(gone: None, live_server: Any, browser: Browser, client: Client) -> Iterator[OpenWindow]:
    client.force_login(User.objects.get())
    with windows(browser, live_server.url, client) as window:
        yield window


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(opened: OpenWindow, look: str) -> None:
    assert not seen(PAGES, opened(LOOKS[look], True), look)
