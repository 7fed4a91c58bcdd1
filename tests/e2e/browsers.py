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
