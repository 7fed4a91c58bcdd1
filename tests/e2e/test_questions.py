"""The pages of questions, rules and invitations in a browser: light, dark and narrow.

``SCREENSHOTS=folder`` keeps pictures of the pages.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from oncall.models import User
from syncjobs.deciding.decide import Decision, decide
from syncjobs.invitations.outbox import hash_of
from syncjobs.models import VALID_FOR, Conflict, Invitation, InvitationState, Rule
from tests.e2e.accessibility import faults
from tests.e2e.browsers import CHROMIUM
from tests.e2e.looks import LOOKS, OpenWindow, seen, windows
from tests.syncjobs.conflicts.test_kinds import KINDS
from tests.syncjobs.conftest import Sync, layer, schedule, user, world

pytest.importorskip("playwright")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium"),
    pytest.mark.django_db(transaction=True),
]

from playwright.sync_api import Browser, Page, expect  # noqa: E402

LIST = "/admin/syncjobs/conflict/"
TOKEN = "a-token-of-a-mail"


@pytest.fixture
def questions(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source whose people have no accounts: questions of most kinds, two rules, and invitations in several states."""
    monkeypatch.setattr("syncjobs.runs.notify.current_app.send_task", lambda name, args, **options: None)
    administrator = User.objects.create_superuser("ada.admin@example.com", "a long password", name="Ada Admin")
    sync = Sync("acme")
    names = ("Olga Ivanova", "Björn Åkesson", "Maximiliane Featherstonehaugh-Oberreuter", "Kim Lee")
    people = (user(f"U{n}", name, email=f"person{n}@example.com") for n, name in enumerate(names, 4))
    sync.source.change(
        users=(*world().users, *people),
        schedules=(
            *world().schedules,
            schedule("S2", "Database On-Call", layer("U4", "U5"), group_ids=("T1",)),
            schedule("S3", "Mobile Apps: Around the World", layer("U6", "U7"), zone="CST"),
        ),
    )
    for kind in ("both_edited", "duplicate_schedule", "team_name_collision"):
        KINDS[kind].arise(sync)
    sync.run()
    zone = Conflict.objects.get(kind="timezone_mismatch")
    decide(zone, Decision("confirm", {}, administrator, notify=False))
    Rule.objects.create(
        connection=sync.connection, kind="both_edited", pattern="schedule.name", choice="keep_mine", active=False,
        made_by=administrator, made_at=timezone.now(),
    )  # fmt: skip
    _invite(sync)


def _invite(sync: Sync) -> None:
    by, now = User.objects.get(), timezone.now()
    waiting = Conflict.objects.filter(kind="user_not_found", state="open").order_by("pk")
    decide(waiting[0], Decision("invite", {}, by, propose=True))
    decide(waiting[1], Decision("invite", {}, by))
    Invitation.objects.create(
        connection=sync.connection, name="Noa Nagy", email="noa@example.com", state=InvitationState.SENT,
        approved_by=by, created_at=now, sent_at=now, expires_at=now + VALID_FOR, token_hash=hash_of(TOKEN),
    )  # fmt: skip


def _question(kind: str) -> str:
    return reverse("admin:syncjobs_conflict_change", args=[Conflict.objects.filter(kind=kind).order_by("pk")[0].pk])


def _preview_together(page: Page) -> None:
    page.goto(LIST)
    page.locator("details.rb-card summary").click()
    page.locator(".rb-causes li").filter(has_text="people without an account").get_by_role("button").click()
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("button", name="Answer", exact=True)).to_be_visible()


def _preview_one(page: Page) -> None:
    page.goto(_question("duplicate_schedule"))
    card = page.locator("section").filter(has=page.get_by_role("heading", name="Merge into one"))
    card.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Preview. Nothing was written.")).to_be_visible()


def _rule(page: Page) -> None:
    page.goto(reverse("admin:syncjobs_rule_change", args=[Rule.objects.get(kind="timezone_mismatch").pk]))


def _accept(page: Page) -> None:
    page.goto(f"/invitation/{TOKEN}/")
    expect(page.get_by_role("button", name="Accept the invitation")).to_be_visible()


#: The pages, each with what opens it. Those of ``VISITED`` are opened by somebody who is not logged in.
PAGES: Mapping[str, Callable[[Page], Any]] = {
    "questions": lambda page: page.goto(LIST),
    "questions-empty": lambda page: page.goto(f"{LIST}?state=closed&kind__exact=ambiguous"),
    "question-person": lambda page: page.goto(_question("user_not_found")),
    "question-preview": _preview_one,
    "question-decided": lambda page: page.goto(_question("timezone_mismatch")),
    "questions-together": _preview_together,
    "rules": lambda page: page.goto("/admin/syncjobs/rule/"),
    "rules-empty": lambda page: page.goto("/admin/syncjobs/rule/?kind=ambiguous"),
    "rule": _rule,
    "rule-delete": lambda page: page.goto(reverse("admin:syncjobs_rule_delete", args=[Rule.objects.all()[0].pk])),
    "invitations": lambda page: page.goto("/admin/syncjobs/invitation/"),
    "invitation": lambda page: page.goto(
        reverse("admin:syncjobs_invitation_change", args=[Invitation.objects.get(state=InvitationState.PROPOSED).pk])
    ),
    "accept": _accept,
    "accept-unknown": lambda page: page.goto("/invitation/unknown/"),
}
VISITED = ("accept", "accept-unknown")


@pytest.fixture
def opened(questions: None, live_server: Any, browser: Browser, client: Client) -> Iterator[OpenWindow]:
    client.force_login(User.objects.get())
    with windows(browser, live_server.url, client) as window:
        yield window


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible_and_fits(opened: OpenWindow, look: str) -> None:
    known, unknown = opened(LOOKS[look], True), opened(LOOKS[look], False)
    assert not seen({name: each for name, each in PAGES.items() if name not in VISITED}, known, look)
    assert not seen({name: PAGES[name] for name in VISITED}, unknown, look)


def test_an_invitation_is_accepted_in_a_browser(opened: OpenWindow) -> None:
    page = opened(LOOKS["narrow"], False)
    _accept(page)
    for field in page.locator("input[type=password]").all():
        field.fill("nine purple otters knit")
    page.get_by_role("button", name="Accept the invitation").click()
    expect(page.get_by_text("You accepted the invitation.")).to_be_visible()
    assert Invitation.objects.get(email="noa@example.com").state == InvitationState.ACCEPTED
    page.goto(f"/invitation/{TOKEN}/")
    expect(page.get_by_role("heading", name="This invitation is not valid any more")).to_be_visible()


FAULTY = """<main><h1>One</h1><h3>Three</h3><p style="color: #999">Pale</p><input><button></button><a href="#"></a>
<table><tr><td>1</td></tr></table><img src="x"><i id="x">a</i><i id="x">b</i></main>"""


def test_the_search_finds_each_kind_of_fault(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(FAULTY)
    found = "\n".join(faults(page))
    for words in (
        "names no language",
        "no title",
        "level 3 follows one of level 1",
        "two elements have the id x",
        "button or link has no name: <button",
        "button or link has no name: <a",
        "field has no label",
        "image has no text",
        "table has no headings",
        "contrast is 2.8",
    ):
        assert words in found, words
    page.set_content("<p>Nothing</p>")
    assert "0 main landmarks" in "\n".join(faults(page))
    page.close()
