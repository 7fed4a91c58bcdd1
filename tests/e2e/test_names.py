"""Names are suggested in a browser while they are typed, by keyboard and pointer, on wide and narrow screens."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from oncall.aggregates import Draft
from oncall.models import User
from oncall.operations import Actor, write

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytest.importorskip("playwright")
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: scripts/install-chromium")]

from playwright.sync_api import Locator, Page, expect, sync_playwright  # noqa: E402

BY = Actor(None, "test")
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", refused => console.error(`refused by ${refused.effectiveDirective}`));
"""


@pytest.fixture
def rows(transactional_db: None) -> dict[str, int]:
    """Two people called Ana, a group and a schedule of one layer, which is in the turn of nobody."""
    made = {}
    people = [{"name": "Ana Kowalski", "email": "ana.k@example.com"}, {"name": "Ben Ode", "email": "ben@example.com"}]
    for number, fields in enumerate([*people, {"name": "Ana Kowalski", "email": "ana.second@example.com"}]):
        made[f"person{number}"] = write("responder", [Draft(fields)], by=BY)[0].id
    made["group"] = write("user_group", [Draft({"name": "Analytics"})], by=BY)[0].id
    layer = {
        "key": "L1", "name": "Weekly", "windows": [{"type": "always"}], "participants": ["vacant"], "zone": None,
        "turns": {
            "type": "by_time", "anchor": "2026-03-02T09:00:00", "length": 604_800, "unit": "seconds", "clock": "wall",
        },
        "starts_at": None, "ends_at": None,
    }  # fmt: skip
    fields = {"name": "Nights", "time_zone": "Europe/Berlin", "layers": {"format": 1, "layers": [layer]}}
    made["schedule"] = write("schedule", [Draft(fields)], by=BY)[0].id
    return made


class Pages:
    """Opens pages of the running site as an administrator. wrong: what no page may cause."""

    def __init__(self, browser: Any, url: str, session: str) -> None:
        self.browser, self.url, self.session, self.wrong = browser, url, session, list[str]()

    def open(self, path: str, *, width: int = 1280, dark: bool = False, script: bool = True) -> Page:
        scheme = "dark" if dark else "light"
        context = self.browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
        )
        context.add_init_script(REPORT_VIOLATIONS)
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": self.session, "url": self.url}])
        page: Page = context.new_page()
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("response", lambda each: self.wrong.append(f"{each.status} {each.url}") if each.status >= 400 else None)
        page.goto(self.url + path)
        return page


@pytest.fixture
def strange(transactional_db: None) -> tuple[str, ...]:
    """Names of groups and services: a long word, and a name that changes the direction of writing."""
    names = ("x" * 200, "Late \u202eabc")
    for kind in ("service", "user_group"):
        write(kind, [Draft({"name": name}) for name in names], by=BY)
    return names


@pytest.fixture
def pages(rows: dict[str, int], live_server: Any, client: Client) -> Iterator[Pages]:
    client.force_login(User.objects.create_superuser("root@example.com", "a long password"))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        opened = Pages(browser, live_server.url, session)
        yield opened
        browser.close()
    assert opened.wrong == []


def test_a_strange_name_neither_pushes_columns_away_nor_turns_words_round(
    strange: tuple[str, ...], pages: Pages
) -> None:
    for path in ("service", "usergroup"):
        page = pages.open(f"/admin/oncall/{path}/")
        for name in strange:
            link = page.locator("#result_list a").filter(has_text=name).first
            assert link.evaluate("each => each.getBoundingClientRect().width") <= 24 * 16, (path, name)
            assert link.evaluate("each => getComputedStyle(each).unicodeBidi") == "isolate", (path, name)
        page.context.close()


def suggestions(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def test_names_are_suggested_and_chosen_by_keyboard_and_pointer(pages: Pages, rows: dict[str, int]) -> None:
    page = pages.open(f"/admin/oncall/schedule/{rows['schedule']}/change/")
    lines = page.locator("[name=layers-0-participants]")
    lines.click()
    lines.press("Control+End")
    lines.press("Enter")
    lines.press_sequentially("kow ana")
    options = suggestions(page)
    expect(options).to_have_count(2)
    expect(options.nth(1)).to_contain_text("ana.second@example.com")
    picture(page, "names-lines")
    lines.press("ArrowDown")
    lines.press("ArrowDown")
    lines.press("Enter")
    expect(lines).to_have_value(f"nobody\nAna Kowalski #{rows['person2']}")
    expect(options).to_have_count(0)

    add = page.locator("[name=layers-0-add]")
    add.press_sequentially("analy")
    options.filter(has_text="group: Analytics").click()
    expect(add).to_have_value(f"group: Analytics #{rows['group']}")

    page.get_by_text("Add another override").click()
    stand_in = page.locator("[name=overrides-0-stand_in]")
    stand_in.press_sequentially("no")
    expect(options.first).to_contain_text("leaves it vacant")
    picture(page, "names-override")
    stand_in.press("Escape")
    expect(options).to_have_count(0)
    expect(stand_in).to_have_value("no")


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False), (390, True)])
def test_the_suggestions_fit_the_screen(pages: Pages, rows: dict[str, int], width: int, dark: bool) -> None:
    page = pages.open(f"/admin/oncall/schedule/{rows['schedule']}/change/", width=width, dark=dark)
    add = page.locator("[name=layers-0-add]")
    add.scroll_into_view_if_needed()
    add.press_sequentially("ana")
    expect(suggestions(page)).to_have_count(3)
    add.press("ArrowDown")
    box = page.get_by_role("listbox", name="Suggestions").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    picture(page, f"names-{width}-{'dark' if dark else 'light'}")


def test_a_person_is_chosen_without_javascript(pages: Pages, rows: dict[str, int]) -> None:
    page = pages.open(f"/admin/oncall/schedule/{rows['schedule']}/change/", script=False)
    page.fill("[name=layers-0-add]", "Ana Kowalski")
    page.locator("[name=_continue]").first.click()
    expect(page.get_by_text("could be Ana Kowalski #").first).to_be_visible()
    page.fill("[name=layers-0-add]", f"Ana Kowalski #{rows['person0']}")
    page.locator("[name=_continue]").first.click()
    expect(page.locator("[name=layers-0-participants]")).to_have_value(f"nobody\nAna Kowalski #{rows['person0']}")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_leads_of_a_group_are_searched(pages: Pages, rows: dict[str, int], width: int, dark: bool) -> None:
    page = pages.open(f"/admin/oncall/usergroup/{rows['group']}/change/", width=width, dark=dark)
    field = page.locator(".field-leads")
    field.locator(".select2-selection").click()
    field.locator(".select2-search__field").press_sequentially("root")
    chosen = page.locator(".select2-results__option", has_text="root@example.com")
    expect(chosen).to_be_visible()
    picture(page, f"leads-{width}-{'dark' if dark else 'light'}")
    chosen.click()
    expect(field.locator(".select2-selection__choice")).to_contain_text("root@example.com")
    page.get_by_text("Add another member").click()
    page.locator("[name=members-0-person]").press_sequentially("ben")
    suggestions(page).first.click()
    expect(page.locator("[name=members-0-person]")).to_have_value(f"Ben Ode #{rows['person1']}")
    picture(page, f"members-{width}-{'dark' if dark else 'light'}")
