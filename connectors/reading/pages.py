"""Reads the pages of a list one after the other. The loop guards against a server that repeats pages without end."""

import hashlib
import json
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from connectors.errors import UnexpectedResponse
from connectors.network.client import JsonValue
from connectors.reading.findings import Vendor

Position = TypeVar("Position", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. total: how many objects the whole list has, None = the vendor did not report it."""

    items: tuple[JsonValue, ...]
    total: int | None = None


def make_page(items: list[JsonValue], total: JsonValue = None) -> Page:
    """The page with these items. total: as the vendor sent it; anything but an integer counts as not reported."""
    return Page(tuple(items), total if type(total) is int else None)


def read_pages(
    fetch: Callable[[Position], tuple[Page, Position | None]], first: Position, path: str, vendor: Vendor
) -> Iterator[Page]:
    """The pages of one list, each fetched only when it is needed.

    fetch: returns the page at a position and the position of the next page, None after the last page. A position is an
    offset, a cursor or an address. An empty page ends the list. path: names the list in messages.

    Raises UnexpectedResponse with the code ``pagination_loop`` when a page or a position comes a second time, or when
    far more objects came than the vendor reported.
    """
    position = first
    visited = {position}
    fingerprints: set[str] = set()
    count = 0
    while True:
        page, following = fetch(position)
        fingerprint = hashlib.sha256(json.dumps(page.items, sort_keys=True).encode()).hexdigest()
        if page.items and fingerprint in fingerprints:
            raise _repeats(path, vendor)
        fingerprints.add(fingerprint)
        count += len(page.items)
        yield page
        if following is None or not page.items:
            return
        if following in visited or (page.total is not None and count > page.total + 2 * len(page.items)):
            raise _repeats(path, vendor)
        visited.add(following)
        position = following


def _repeats(path: str, vendor: Vendor) -> UnexpectedResponse:
    return UnexpectedResponse(
        f"{path} returned the same page more than once.",
        hint="Try again later. Until then, this list is treated as incomplete.",
        provider=vendor.provider,
        path=path,
        code="pagination_loop",
    )
