"""The browser that drives the site, and pictures of its pages."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def picture(page: "Page", name: str, *, full: bool = False) -> None:
    """Keeps a picture in the folder ``SCREENSHOTS``, if it is set. full: of the whole page, not of the window only."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=full)


def fits(page: "Page") -> bool:
    """Returns whether the page is no wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def cut_titles(page: "Page") -> list[str]:
    """Returns the parts of the path in the header that are cut, because something beside them takes their place."""
    script = """parts => parts.filter(part => part.scrollWidth > part.clientWidth + 1
        || (part.textContent.trim() && part.getBoundingClientRect().width < 8)).map(part => part.textContent.trim())"""
    found = page.eval_on_selector_all("#header-inner h1, #header-inner h1 > :is(a, span)", script)
    return [str(each) for each in found]


def cut_values(page: "Page") -> list[str]:
    """Returns the values of a list that need more room than their cell has."""
    script = """cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth + 1
        || cell.scrollHeight > cell.clientHeight + 1).map(cell => cell.textContent.trim())"""
    return [str(each) for each in page.eval_on_selector_all("#result_list tbody :is(td, th)", script)]
