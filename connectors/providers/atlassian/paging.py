"""Lists in pages by offset. An answer has the address of the next page, which is never followed."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from connectors.errors import UnexpectedResponse
from connectors.network.client import JsonValue
from connectors.reading.findings import Vendor
from connectors.reading.listing import Page


@dataclass(frozen=True, slots=True)
class Answer:
    """A page as sent. items: normally a list. next: the address of the next page, None or empty if there is none."""

    items: JsonValue
    next: JsonValue = None
    total: JsonValue = None


def pages(ask: Callable[[int], Answer], path: str, vendor: Vendor) -> Iterator[Page]:
    """Yield pages until an answer has no next address. Only the offset of that address is used.

    ask: fetches the page at an offset. Raises UnexpectedResponse for an answer without a list, and for a list that
    sends the same page again.
    """
    offset = 0
    seen: set[str] = set()
    while True:
        answer = ask(offset)
        items = answer.items
        if not isinstance(items, list):
            raise vendor.invalid("missing_envelope", path, f"{path} did not answer with a list.")
        fingerprint = hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()
        following = next_offset(answer.next, offset, len(items))
        if following is not None and items and (following <= offset or fingerprint in seen):
            raise UnexpectedResponse(
                f"{path} sends the same page again and again.",
                hint="Try again later. Until then this list is incomplete.",
                provider=vendor.provider,
                path=path,
                code="pagination_loop",
            )
        seen.add(fingerprint)
        yield Page(tuple(items), answer.total if type(answer.total) is int else None)
        if following is None or not items:
            return
        offset = following


def next_offset(address: JsonValue, offset: int, count: int) -> int | None:
    """Return the offset of the next page, None if there is none. Without an offset in the address, add ``count``."""
    if not isinstance(address, str) or not address:
        return None
    try:
        named = parse_qs(urlsplit(address).query).get("offset", [""])[0]
    except ValueError:
        named = ""
    return int(named) if named.isascii() and named.isdigit() else offset + count
