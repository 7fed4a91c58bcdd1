"""Lists in pages by offset. An answer has the address of the next page, which is never followed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from connectors.network.client import JsonValue
from connectors.reading.findings import Vendor
from connectors.reading.pages import Page, make_page, read_pages


@dataclass(frozen=True, slots=True)
class Answer:
    """A page as sent. items: normally a list. next: the address of the next page, None or empty if there is none."""

    items: JsonValue
    next: JsonValue = None
    total: JsonValue = None


def pages(ask: Callable[[int], Answer], path: str, vendor: Vendor) -> Iterator[Page]:
    """The pages of a list. Of the address of the next page only the offset is used.

    ask: one page by its offset. Raises UnexpectedResponse for an answer without a list, and as ``read_pages`` does.
    """

    def fetch(offset: int) -> tuple[Page, int | None]:
        answer = ask(offset)
        if not isinstance(answer.items, list):
            raise vendor.invalid("missing_envelope", path, f"{path} answered no list.")
        return make_page(answer.items, answer.total), next_offset(answer.next, offset, len(answer.items))

    return read_pages(fetch, 0, path, vendor)


def next_offset(address: JsonValue, offset: int, count: int) -> int | None:
    """The offset of the next page, None when there is no next page.

    An address without an offset leads to the object after the last that came; one that leads back, to the same page.
    """
    if not isinstance(address, str) or not address:
        return None
    try:
        named = parse_qs(urlsplit(address).query).get("offset", [""])[0]
    except ValueError:
        named = ""
    return max(int(named), offset) if named.isascii() and named.isdigit() else offset + count
