"""From a key to the first finished sync in a browser, for each vendor, against real processes.

``SCREENSHOTS=folder`` keeps pictures of each step: light, dark and narrow.
"""

import re
from collections.abc import Iterator

import pytest

from connectors.simulator.serve import demo_account
from tests.e2e.accessibility import faults
from tests.e2e.browsers import CHROMIUM, cut_titles, fits, picture
from tests.e2e.processes import LOGIN, PASSWORD, EmptySite, empty_site

pytest.importorskip("playwright")
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium")]

from playwright.sync_api import Browser, Locator, Page, expect  # noqa: E402

LABELS = {
    "pagerduty": "PagerDuty", "opsgenie": "Opsgenie", "jsm": "Jira Service Management",
    "xmatters": "xMatters",
}  # fmt: skip
MOST_CLICKS = 12
#: A worker reads and writes a whole account meanwhile.
PATIENCE = 120_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmptySite]:
    with empty_site(tmp_path_factory.mktemp("site")) as running:
        yield running


def logged_in(browser: Browser, site: EmptySite, *, script: bool = True) -> Page:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, base_url=site.url, java_script_enabled=script
    )
    page = context.new_page()
    page.goto("/admin/login/")
    page.fill("input[name=username]", LOGIN)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    return page


@pytest.fixture
def page(site: EmptySite, browser: Browser) -> Iterator[Page]:
    """A page that is logged in; leaving it fails if the console reported an error."""
    shown = logged_in(browser, site)
    wrong: list[str] = []
    shown.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield shown
    shown.context.close()
    assert wrong == []


class Clicks:
    """Counts what a person clicks."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, target: Locator) -> None:
        target.click()
        self.number += 1


def look(page: Page, name: str, *, by_post: bool = False) -> None:
    """Keeps pictures of a page in each look, and fails if it is too wide, cut, or hard to use.

    by_post: the page answers a POST, so that it is not loaded again to become dark.
    """
    page.wait_for_load_state("networkidle")
    picture(page, name)
    wrong = []
    for dark in (False,) if by_post else (True, False):
        page.emulate_media(color_scheme="dark" if dark else "light")
        if not by_post:
            page.reload()
            page.wait_for_load_state("networkidle")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            shade = "dark" if dark else "light"
            picture(page, f"{name}-{shade}-{width}", full=True)
            wrong += [f"{name} {shade} {width}: {fault}" for fault in faults(page)]
            if not fits(page):
                wrong.append(f"{name} {shade} {width}: wider than the window")
            wrong += [f"{name} {width}: “{title}” is cut" for title in cut_titles(page)] if width == 390 else []
    page.set_viewport_size({"width": 1280, "height": 900})
    assert wrong == []


def enter(page: Page, provider: str, name: str) -> None:
    settings, credentials = demo_account(provider)
    page.locator("[name=name]").fill(name)
    for field, text in {**settings, **credentials}.items():
        entry = page.locator(f"[name={field}]")
        if entry.evaluate("each => each.tagName") == "SELECT":
            entry.select_option(text)
        else:
            entry.fill(text)


@pytest.mark.parametrize("provider", LABELS)
def test_a_source_is_set_up_from_its_key_to_the_first_finished_sync(page: Page, provider: str) -> None:
    click, looks = Clicks(), provider == "pagerduty"
    page.goto("/admin/connectors/connection/add/")
    if looks:
        look(page, "setup-providers")
    click(page.get_by_role("button", name=f"Connect {LABELS[provider]}", exact=True))
    if looks:
        look(page, "setup-connect")
    enter(page, provider, f"Acme {LABELS[provider]}")
    click(page.get_by_role("button", name="Test and continue"))

    expect(page.get_by_role("heading", name="Objects at the source")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#rb-tree input").first).to_be_visible()
    if looks:
        look(page, "setup-select")
    click(page.get_by_role("button", name="Continue"))

    expect(page.get_by_role("heading", name=re.compile("Not decided|Matched"))).to_be_visible(timeout=PATIENCE)
    if looks:
        look(page, "setup-people")
    leave = page.get_by_role("button", name=re.compile("^Leave all"))
    if leave.count():
        click(leave)
    click(page.get_by_role("button", name="Continue"))

    expect(page.get_by_role("region", name="Automatic syncs")).to_be_visible(timeout=PATIENCE)
    if looks:
        look(page, "setup-rules")
    click(page.get_by_role("button", name="Continue"))

    start = page.get_by_role("button", name="Start the import")
    expect(start).to_be_visible(timeout=PATIENCE)
    if looks:
        look(page, "setup-review")
    click(start)

    expect(page.get_by_text(re.compile("succeeded|partial", re.IGNORECASE)).first).to_be_visible(timeout=PATIENCE)
    assert click.number <= MOST_CLICKS
    page.goto("/admin/oncall/schedule/")
    expect(page.locator("#result_list tbody tr").first).to_be_visible()
    page.goto("/admin/connectors/connection/")
    page.get_by_role("link", name=f"Acme {LABELS[provider]}", exact=True).click()
    expect(page.get_by_role("navigation", name="Pages of the source")).to_be_visible()
    if looks:
        look(page, "source")


def test_a_refused_key_is_said_on_its_field_and_what_was_typed_stays(page: Page) -> None:
    page.goto("/admin/connectors/connection/add/")
    page.get_by_role("button", name="Connect PagerDuty").click()
    enter(page, "pagerduty", "refused")
    page.locator("[name=api_key]").fill("a-wrong-key")
    page.get_by_role("button", name="Test and continue").click()
    expect(page.get_by_text("The connection was not made.")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("[name=subdomain]")).to_have_value("acme")
    assert "a-wrong-key" not in page.content()
    look(page, "setup-refused", by_post=True)


def test_what_is_typed_is_kept_when_the_tab_is_closed(page: Page) -> None:
    page.goto("/admin/connectors/connection/add/")
    page.get_by_role("button", name="Connect xMatters").click()
    draft = page.url
    with page.expect_response(lambda answer: answer.status == 204):
        enter(page, "xmatters", "closed")
        page.locator("[name=password]").press("Tab")
    page.wait_for_load_state("networkidle")
    other = page.context.new_page()
    page.close()
    other.goto(draft)
    expect(other.locator("[name=name]")).to_have_value("closed")
    expect(other.get_by_text("It is kept encrypted.").first).to_be_visible()


def test_everything_works_without_javascript(site: EmptySite, browser: Browser) -> None:
    page = logged_in(browser, site, script=False)
    page.goto("/admin/connectors/connection/add/")
    page.get_by_role("button", name="Connect Opsgenie").click()
    enter(page, "opsgenie", "without JavaScript")
    page.get_by_role("button", name="Test and continue").click()
    page.get_by_label("Find").fill("Platform")
    page.get_by_role("button", name="Find").click()
    page.get_by_label("Only what is ticked below").check()
    page.locator("#rb-tree input[type=checkbox]").first.check()
    page.get_by_role("button", name="Continue").click()
    for _ in range(60):
        if page.get_by_role("heading", name=re.compile("Not decided|Matched")).count():
            break
        page.wait_for_timeout(1_000)
        page.reload()
    leave = page.get_by_role("button", name=re.compile("^Leave all"))
    if leave.count():
        leave.click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start the import").click()
    expect(page).to_have_url(re.compile("/syncrun/"))
    page.context.close()
