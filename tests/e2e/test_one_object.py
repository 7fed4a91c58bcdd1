"""Syncing one object from its own page in a browser, up to the trace of the run: light, dark and narrow."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from oncall.models import EscalationPolicy, Schedule, Service, User
from syncjobs.models import SyncRun
from syncjobs.pages.marks import run_url
from syncjobs.runs.runner import drive
from tests.e2e.browsers import CHROMIUM
from tests.e2e.looks import LOOKS, OpenWindow, seen, windows
from tests.syncjobs.conftest import Sync, layer, schedule

pytest.importorskip("playwright")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium"),
    pytest.mark.django_db(transaction=True),
]

from playwright.sync_api import Browser, Page, expect  # noqa: E402


@pytest.fixture
def imported(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Sync:
    """An import, and a sync of one schedule that was renamed at its source."""
    monkeypatch.setattr("syncjobs.runs.notify.current_app.send_task", lambda name, args, **options: None)
    User.objects.create_superuser("ada.admin@example.com", "a long password", name="Ada Admin")
    sync = Sync()
    sync.rules(review_first=False)
    sync.run()
    sync.source.change(schedules=(schedule("S1", "Primary, nights and weekends", layer("U1", "U2", "U1")),))
    sync.run(only=[("schedule", "S1")])
    return sync


def _form(model: Any) -> Callable[[Page], Any]:
    name = model._meta.model_name
    return lambda page: page.goto(reverse(f"admin:oncall_{name}_change", args=[model.objects.order_by("pk")[0].pk]))


PAGES: Mapping[str, Callable[[Page], Any]] = {
    **{f"sync-{each._meta.model_name}": _form(each) for each in (EscalationPolicy, Schedule, Service)},
    "trace": lambda page: page.goto(run_url(SyncRun.objects.latest("pk"))),
}


@pytest.fixture
def opened(imported: Sync, live_server: Any, browser: Browser, client: Client) -> Iterator[OpenWindow]:
    client.force_login(User.objects.get())
    with windows(browser, live_server.url, client) as window:
        yield window


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(opened: OpenWindow, look: str) -> None:
    assert not seen(PAGES, opened(LOOKS[look], True), look)


def test_the_button_starts_a_run_whose_page_has_the_trace(opened: OpenWindow, imported: Sync) -> None:
    page = opened(LOOKS["light"], True)
    PAGES["sync-service"](page)
    page.get_by_role("button", name="Sync this").click()
    expect(page.get_by_text("a run of 1 of the selected objects was started")).to_be_visible()
    drive(SyncRun.objects.latest("pk").pk, opener=imported.source.open)
    page.reload()
    expect(page.get_by_text("What was done with")).to_be_visible()
