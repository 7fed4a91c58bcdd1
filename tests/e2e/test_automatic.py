"""The pages about automatic syncs in a browser: light, dark and narrow."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from oncall.models import User
from syncjobs.models import RunKind, SyncProfile, SyncRun
from syncjobs.runs.start import start
from syncjobs.setup.disconnect import disconnect
from syncjobs.setup.rules import set_rules
from tests.e2e.browsers import CHROMIUM
from tests.e2e.looks import LOOKS, OpenWindow, seen, windows
from tests.syncjobs.conftest import Sync
from tests.syncjobs.slots.ticks import set_every, tick_at

pytest.importorskip("playwright")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium"),
    pytest.mark.django_db(transaction=True),
]

from playwright.sync_api import Browser, Page, expect  # noqa: E402

HOUR = timedelta(hours=1)
LIST = "/admin/syncjobs/syncprofile/"


@pytest.fixture
def periodic(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that are on, off, due, costly, disconnected, and one whose plan waits."""
    monkeypatch.setattr("syncjobs.runs.notify.current_app.send_task", lambda name, args, **options: None)
    User.objects.create_superuser("ada.admin@example.com", "a long password", name="Ada Admin")
    now = timezone.now()
    acme = Sync("acme")
    set_every(acme, "6h", since=now - 13 * HOUR)
    set_rules(acme.profile, {"review_first": True})
    tick_at(acme, now)
    Sync("globex")
    due = Sync("initech operations, Europe and Middle East")
    set_every(due, "0 3 * * 1-5 Europe/Berlin", since=now - 200 * HOUR)
    start(due.profile, RunKind.PLAN, by=None, notify=False)
    often = Sync("umbrella")
    often.run()
    SyncRun.objects.filter(connection=often.connection).update(calls=312)
    set_every(often, "5m", since=now - 4 * HOUR / 60)
    gone = Sync("zorg")
    set_every(gone, "1d", since=now - 30 * HOUR)
    disconnect(gone.connection)


def _form(page: Page, every: str = "") -> None:
    profile = SyncProfile.objects.get(connection__name="acme")
    page.goto(reverse("admin:syncjobs_syncprofile_change", args=[profile.pk]))
    if every:
        page.get_by_label("When").fill(every)
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("alert")).to_be_visible()


PAGES: Mapping[str, Callable[[Page], Any]] = {
    "automatic-syncs": lambda page: page.goto(LIST),
    "automatic-sync": _form,
    "automatic-sync-refused": lambda page: _form(page, "0 3 * * 1-5"),
}


@pytest.fixture
def opened(periodic: None, live_server: Any, browser: Browser, client: Client) -> Iterator[OpenWindow]:
    client.force_login(User.objects.get())
    with windows(browser, live_server.url, client) as window:
        yield window


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(opened: OpenWindow, look: str) -> None:
    assert not seen(PAGES, opened(LOOKS[look], True), look)


def test_a_rule_is_changed_and_switched_off(opened: OpenWindow) -> None:
    page = opened(LOOKS["light"], True)
    page.goto(LIST)
    card = page.get_by_role("region", name="globex")
    card.get_by_role("link", name="Switch on").click()
    page.get_by_label("When").fill("0 3 * * 1-5 Europe/Berlin")
    page.get_by_role("button", name="Save").click()
    expect(card).to_contain_text("Every weekday at 03:00, Berlin")
    card.get_by_role("button", name="Switch off").click()
    expect(card).to_contain_text("Only when somebody starts a sync")
