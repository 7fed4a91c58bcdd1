"""Lists in pages by offset. An answer has the address of the next page, which is never followed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from connectors.network.client import JsonValue
from connectors.reading.findings import Vendor
from connectors.reading.listing import Incomplete
from connectors.reading.pages import Page, make_page, read_pages


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as sent. items: normally a list. next: the address of the next page, None or empty if there is none."""

    items: JsonValue
    next: JsonValue = None
    total: JsonValue = None


def pages(fetch_page: Callable[[int], RawPage], path: str, vendor: Vendor) -> Iterator[Page]:
    """Yield the pages of a list. Only the offset in the address of the next page is used.

    fetch_page: fetches the page at an offset. Raises UnexpectedResponse for an answer without a list, Incomplete for an
    empty page that is not the last, and the errors of ``read_pages``.
    """

    def fetch(offset: int) -> tuple[Page, int | None]:
        page = fetch_page(offset)
        if not isinstance(page.items, list):
            raise vendor.invalid("missing_envelope", path, f"The answer to {path} has no list.")
        following = next_offset(page.next, offset, len(page.items))
        if following is not None and not page.items:
            message = f"{path} sent a page without objects, but reports further pages."
            raise Incomplete(message, hint=vendor.hint, provider=vendor.provider, path=path)
        return make_page(page.items, page.total), following

    return read_pages(fetch, 0, path, vendor)


def next_offset(address: JsonValue, offset: int, count: int) -> int | None:
    """Return the offset of the next page, or None if there is no next page.

    If the address has no offset, the next page begins after the ``count`` objects of this page. An offset before this
    page becomes the offset of this page, which ``read_pages`` refuses as a loop.
    """
    if not isinstance(address, str) or not address:
        return None
    try:
        text = parse_qs(urlsplit(address).query).get("offset", [""])[0]
    except ValueError:
        text = ""
    return max(int(text), offset) if text.isascii() and text.isdigit() else offset + count
