"""The path of a user in a browser, against the real processes of the demo: web, worker, beat and simulated vendor.

``SCREENSHOTS=folder`` keeps pictures of the pages that were walked through.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.browsers import CHROMIUM, cut_titles, fits, picture
from tests.paths import REPOSITORY

pytest.importorskip("playwright")
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium")]

from playwright.sync_api import Browser, Page, expect  # noqa: E402

#: A line of the console for each violation of the Content-Security-Policy. The browser's own line quotes the policy.
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", refused => console.error(
  `refused by ${refused.effectiveDirective} on ${location.pathname}: ${refused.blockedURI.split(":")[0]}`));
"""


@dataclass
class Site:
    """The running demo. wrong: console errors and failed requests, which no page may cause."""

    url: str
    login: str
    password: str
    simulator: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("demo") / "log"
    with log.open("w") as output:
        demo = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "manage.py", "demo", "--port", str(port)],
            cwd=REPOSITORY,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _ready(demo, log, f"http://127.0.0.1:{port}")
    finally:
        os.killpg(demo.pid, signal.SIGINT)
        demo.wait(timeout=30)


def _ready(demo: "subprocess.Popen[bytes]", log: Path, url: str) -> Site:
    for _ in range(240):
        text = log.read_text()
        login = re.search(r"log in as (\S+) with (\S+)", text)
        if login:
            simulator = re.search(r"answers at (\S+)", text)
            assert simulator
            _wait_for(url)
            return Site(url, login[1], login[2], simulator[1])
        assert demo.poll() is None, text
        time.sleep(0.5)
    raise AssertionError(log.read_text())


def _wait_for(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    for _ in range(60):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.5)
        else:
            return


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    """A page that is logged in; leaving it fails when the console, a request or the policy reported an error."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=site.url)
    context.add_init_script(REPORT_VIOLATIONS)
    shown = context.new_page()
    wrong: list[str] = []
    shown.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    shown.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    shown.on("request", lambda sent: None if sent.url.startswith(site.url) else wrong.append(f"foreign: {sent.url}"))
    shown.goto("/admin/")
    shown.fill("input[name=username]", site.login)
    shown.fill("input[name=password]", site.password)
    shown.click("button[type=submit]")
    yield shown
    assert [text for text in wrong if "data:" not in text] == []
    context.close()


def test_the_first_page_shows_the_source_and_what_waits(page: Page) -> None:
    expect(page.get_by_text("PagerDuty, acme.pagerduty.com")).to_be_visible()
    expect(page.get_by_text("open questions").first).to_be_visible()
    picture(page, "first-page")
    page.goto("/admin/syncjobs/syncrun/1/change/")
    expect(page.get_by_role("columnheader", name="Written")).to_be_visible()
    picture(page, "run")


def test_after_the_import_each_source_has_a_list_of_what_is_left_to_do(page: Page) -> None:
    page.get_by_role("region", name="acme", exact=True).get_by_role("link", name="After the import").click()
    expect(page.get_by_role("heading", name="Verify the user mapping")).to_be_visible()
    expect(page.locator("#rb-badge-questions")).to_have_text(re.compile("[0-9]+"))
    picture(page, "after-import")
    page.get_by_role("link", name="Assign groups and policies").click()
    expect(page.get_by_role("button", name="Assign")).to_be_visible()
    picture(page, "service-owners")
    page.goto("/admin/syncjobs/syncprofile/1/people/")
    expect(page.get_by_role("columnheader", name="At the source")).to_be_visible()
    picture(page, "people")


def test_a_key_can_be_tested_and_a_wrong_one_is_refused_on_its_field(page: Page) -> None:
    page.goto("/admin/connectors/connection/add/")
    page.get_by_role("button", name="Connect PagerDuty").click()
    page.fill("input[name=name]", "second")
    page.fill("input[name*=subdomain]", "acme")
    page.fill("input[type=password]", "a-wrong-key")
    page.get_by_role("button", name="Test and continue").click()
    expect(page.get_by_text("refused the key")).to_be_visible()
    assert "a-wrong-key" not in page.content()
    page.goto("/admin/connectors/connection/")
    page.get_by_role("link", name="acme", exact=True).click()
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Escalation policies can be read")).to_be_visible()


def test_choosing_shows_the_tree_of_the_account(page: Page) -> None:
    page.goto("/admin/connectors/connection/")
    page.get_by_role("link", name="acme", exact=True).click()
    page.get_by_role("link", name="Selection", exact=True).click()
    expect(page.get_by_text("What to import", exact=True)).to_be_visible()
    picture(page, "choose")


def test_a_change_at_the_source_is_planned_reviewed_and_applied_while_the_page_updates_itself(
    page: Page, site: Site
) -> None:
    edit = {"edit": "rename", "kind": "service", "object_id": _id_of(site, "Checkout"), "name": "Till"}
    assert page.request.post(f"{site.simulator}/_simulator/edits", data=edit).ok
    page.goto("/admin/connectors/connection/")
    page.get_by_role("link", name="acme", exact=True).click()
    page.get_by_role("button", name="Plan", exact=True).click()
    apply_button = page.get_by_role("button", name="Apply the plan")
    expect(apply_button).to_be_visible(timeout=30_000)
    expect(page.get_by_text("Till").first).to_be_visible()
    picture(page, "plan")
    apply_button.click()
    expect(page.get_by_text("Everything was applied")).to_be_visible(timeout=30_000)
    picture(page, "applied")
    page.goto("/admin/oncall/service/")
    expect(page.get_by_text("Till").first).to_be_visible()


def _id_of(site: Site, name: str) -> str:
    import json
    import urllib.request

    from connectors.simulator.pagerduty import DEMO_KEY

    request = urllib.request.Request(  # noqa: S310 - the simulator on the loopback
        f"{site.simulator}/services?limit=100", headers={"Authorization": f"Token token={DEMO_KEY}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        services = json.load(answer)["services"]
    return str(next(service["id"] for service in services if service["name"] == name))


def test_a_schedule_shows_its_fortnight_and_the_same_as_a_table(page: Page) -> None:
    page.goto("/admin/oncall/schedule/")
    page.get_by_role("link", name="Platform Primary", exact=True).click()
    expect(page.locator("svg").filter(has_text="Final").first).to_be_visible()
    expect(page.get_by_role("table").first).to_be_visible()
    expect(page.get_by_text("100.00 %").first).to_be_visible()
    expect(page.locator("svg").filter(has_text="At the source").first).to_be_visible()
    picture(page, "schedule")
    page.locator(".rb-timeline-svg a").nth(3).click()
    expect(page.get_by_role("heading", name=re.compile("^Why is .* on call"))).to_be_in_viewport()
    picture(page, "why")
    page.get_by_role("link", name="UTC", exact=True).click()
    expect(page.get_by_text("Times in UTC")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_load_state("networkidle")
    assert fits(page)


def test_a_change_of_a_schedule_is_previewed_and_not_saved(page: Page) -> None:
    page.goto("/admin/oncall/schedule/")
    page.get_by_role("row").filter(has_text="Platform Primary").get_by_role("link", name="Edit").click()
    names = page.locator("textarea[name=layers-0-participants]")
    before = names.input_value()
    names.fill("nobody")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("nothing is saved yet")).to_be_visible()
    expect(page.get_by_text("newly uncovered").first).to_be_visible()
    expect(names).to_have_value("nobody")
    picture(page, "preview")
    page.goto(page.url)
    expect(names).to_have_value(before)


def test_another_login_is_listed_and_ended(page: Page, site: Site, browser: Browser) -> None:
    with browser.new_context(base_url=site.url, user_agent="Another browser") as context:
        other = context.new_page()
        other.goto("/admin/")
        other.fill("input[name=username]", site.login)
        other.fill("input[name=password]", site.password)
        other.click("button[type=submit]")
        expect(other.get_by_text("open questions").first).to_be_visible()
        page.goto("/account/logins/")
        row = page.locator(".rb-cards .rb-card").filter(has_text="Another browser")
        picture(page, "logins")
        row.get_by_role("button", name="Log out").click()
        expect(page.get_by_text("That login was ended.")).to_be_visible()
        expect(row).to_have_count(0)
        other.goto("/admin/")
        expect(other.locator("input[name=password]")).to_be_visible()
    page.goto("/account/confirm/?next=/admin/oncall/user/add/")
    picture(page, "confirm")
    page.fill("input[name=password]", site.password)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("input[name=new_password]")).to_be_visible()


@pytest.mark.parametrize("directive", ["script-src", "img-src"])
def test_a_planted_violation_of_the_policy_is_reported(page: Page, directive: str) -> None:
    planted = {
        "script-src": "document.body.append(Object.assign(document.createElement('script'), {text: 'planted = 1'}))",
        "img-src": "document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/'}))",
    }
    with (
        page.context.new_page() as other,
        other.expect_console_message(
            lambda message: message.type == "error" and message.text.startswith(f"refused by {directive}")
        ),
    ):
        other.goto("/admin/")
        other.evaluate(f"() => {{ {planted[directive]} }}")


@pytest.mark.parametrize(
    "path",
    [
        "/admin/",
        "/admin/connectors/connection/",
        "/admin/syncjobs/syncrun/",
        "/admin/syncjobs/conflict/",
        "/admin/oncall/schedule/",
        "/admin/oncall/responder/",
        "/admin/oncall/usergroup/",
        "/admin/oncall/escalationpolicy/",
        "/admin/oncall/changerecord/",
        "/account/logins/",
        "/account/confirm/",
    ],
)
def test_pages_fit_a_telephone(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert fits(page)
    assert cut_titles(page) == []


def test_a_key_id_of_xmatters_without_its_prefix_is_refused_with_the_prefix(page: Page) -> None:
    page.goto("/admin/connectors/connection/add/")
    page.get_by_role("button", name="Connect xMatters").click()
    page.fill("input[name=name]", "by key")
    page.fill("input[name*=base_url]", "https://acme.xmatters.com/api/xm/1")
    page.fill("input[name*=username]", "00000000-0000-4000-8000-000000000000")
    page.fill("input[type=password]", "a-wrong-secret")
    page.get_by_role("button", name="Test and continue").click()
    expect(page.get_by_text("put x-api-key- in front of it")).to_be_visible()
    assert "a-wrong-secret" not in page.content()


@pytest.mark.parametrize("width", [1280, 390])
def test_timelines_inside_timelines_stay_readable(page: Page, width: int) -> None:
    """An on-call group of xMatters whose last seat is another group: three policies inside each other."""
    page.goto("/admin/oncall/schedule/?q=Platform+SRE")
    page.get_by_role("link", name="Platform SRE: Weekdays", exact=True).click()
    expect(page.get_by_text("Order now:")).to_be_visible()
    picture(page, "rotation")
    page.goto("/admin/oncall/escalationpolicy/?q=Security&part=no&source=xMatters+%28acme-xmatters%29")
    page.get_by_role("link", name="Security", exact=True).click()
    page.set_viewport_size({"width": width, "height": 900})
    expect(page.get_by_text("begins Platform SRE")).to_be_visible()
    assert fits(page)
    shown = page.locator(".rb-rung-body:visible")
    assert shown.count() > 5
    widths = shown.evaluate_all("each => each.map(one => one.getBoundingClientRect().width)")
    assert min(widths) > 200
    picture(page, f"nested-policy-{width}")


def test_nothing_is_hidden_or_covered_without_javascript(site: Site, browser: Browser) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{site.url}/admin/login/")
    page.get_by_label("Email").fill(site.login)
    page.get_by_label("Password").fill(site.password)
    page.get_by_role("button", name="Log in").click()
    page.locator("#nav-sidebar").get_by_role("link", name="Schedules").click()
    expect(page.locator("#changelist-filter").get_by_text("Made here")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(re.compile("/admin/log(in|out)/"))
