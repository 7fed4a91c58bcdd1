"""Every page of the site in a browser, from the resolver: accessible and not wider than the window.

``AXE=axe.min.js`` also runs the rules of axe-core on each of them, ``SCREENSHOTS=folder`` keeps their pictures.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oncall.models import User
from syncjobs.models import Conflict, Invitation, InvitationState, Rule, SyncItem
from tests.e2e.browsers import CHROMIUM
from tests.e2e.looks import LOOKS, OpenWindow, seen, windows
from tests.syncjobs.conflicts.test_kinds import KINDS
from tests.syncjobs.conftest import Sync, layer, schedule, user, world
from tests.syncjobs.site.addresses import addresses

pytest.importorskip("playwright")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium"),
    pytest.mark.django_db(transaction=True),
]

from playwright.sync_api import Browser, Page  # noqa: E402

PASSWORD = "a long password"
STRANGE = "<b>Zoë</b> & \u202eאדה\u202c 🚨 " + "long" * 40


@pytest.fixture
def site(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source with questions of several kinds, a plan, an import with failed items, a rule and an invitation."""
    monkeypatch.setattr("syncjobs.runs.notify.current_app.send_task", lambda name, args, **options: None)
    User.objects.create_superuser("ada.admin@example.com", PASSWORD, name="Ada Admin")
    sync = Sync("acme")
    sync.source.change(
        users=(*world().users, user("U4", "Olga Ivanova"), user("U5", STRANGE, email="zoe@example.com")),
        schedules=(*world().schedules, schedule("S2", STRANGE, layer("U4", "U5")), schedule("S3", "R", layer("U5"))),
    )
    for kind in ("both_edited", "duplicate_schedule", "team_name_collision"):
        KINDS[kind].arise(sync)
    run = sync.run()
    failed = SyncItem.objects.filter(run=run, entity_type="schedule")[:2]
    SyncItem.objects.filter(pk__in=[item.pk for item in failed]).update(
        outcome="failed", code="refused", reason="The name is longer than the field."
    )
    sync.source.change(schedules=(schedule("S1", "Primary", layer("U4", "U2")),))
    sync.plan()
    now, by = timezone.now(), User.objects.get()
    Rule.objects.create(
        connection=sync.connection, kind="both_edited", pattern="schedule.name", choice="keep_mine",
        made_by=by, made_at=now,
    )  # fmt: skip
    Invitation.objects.create(
        connection=sync.connection,
        name=STRANGE,
        email="noa@example.com",
        state=InvitationState.PROPOSED,
        created_at=now,
    )
    assert Conflict.objects.exists()


def _open(url: str) -> Callable[[Page], Any]:
    def opened(page: Page) -> None:
        page.goto(url)
        if page.locator("input[name=username][hidden]").count():  # the page asks for the password first
            page.locator("input[type=password]").first.fill(PASSWORD)
            page.get_by_role("button", name="Continue").click()
            page.wait_for_load_state("networkidle")

    return opened


def pages(client: Client) -> dict[str, Callable[[Page], Any]]:
    """Each address that is a page, with its first row, by a name for pictures."""
    found = {}
    for address in addresses():
        for url in address.urls()[:1]:
            answer = client.get(url)
            if answer.status_code == 200 and b"<html" in answer.content and "login" not in address.name:
                found[re.sub(r"\W+", "-", f"all-{address.name}")] = _open(url)
    return found


@pytest.fixture
def opened(site: None, live_server: Any, browser: Browser, client: Client) -> Iterator[OpenWindow]:
    client.force_login(User.objects.get())
    with windows(browser, live_server.url, client) as window:
        yield window


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(opened: OpenWindow, client: Client, look: str) -> None:
    found = pages(client)
    assert len(found) > 60, sorted(found)
    wrong = seen(found, opened(LOOKS[look], True), look)
    assert not wrong, "\n".join(wrong)
