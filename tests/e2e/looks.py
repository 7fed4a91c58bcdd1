"""The looks of a page: light, dark and narrow. ``SCREENSHOTS=folder`` keeps pictures of the pages."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.test import Client

from tests.e2e.accessibility import faults
from tests.e2e.browsers import cut_titles, cut_values, fits, picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    width: int
    dark: bool


LOOKS = {
    "light": Look(1280, False),
    "dark": Look(1280, True),
    "narrow": Look(390, False),
    "narrow-dark": Look(390, True),
}
#: Opens a window with a look, logged in or not.
OpenWindow = Callable[[Look, bool], "Page"]


@contextmanager
def windows(browser: "Browser", url: str, client: Client) -> Iterator[OpenWindow]:
    """Returns a function that opens a window of the site at ``url``, logged in as the client or not."""
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    contexts = []

    def window(look: Look, logged_in: bool) -> "Page":
        context = browser.new_context(
            viewport={"width": look.width, "height": 900},
            color_scheme="dark" if look.dark else "light",
            base_url=url,
        )
        contexts.append(context)
        if logged_in:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        return context.new_page()

    yield window
    for context in contexts:
        context.close()


def seen(pages: Mapping[str, Callable[["Page"], Any]], page: "Page", look: str) -> list[str]:
    """Opens each page in a window and returns what is wrong: faults of accessibility, what is cut or too wide."""
    wrong: list[str] = []
    for name, open_page in pages.items():
        open_page(page)
        page.wait_for_load_state("networkidle")
        picture(page, f"{name}-{look}", full=True)
        picture(page, f"{name}-{look}-window")
        wrong += [f"{name}: {fault}" for fault in faults(page)]
        if LOOKS[look].width < 640:
            wrong += [f"{name}: “{text}” is cut" for text in (*cut_titles(page), *cut_values(page))]
        if not fits(page):
            wrong.append(f"{name}: the page is wider than the window")
    return wrong
