"""Listings that come in pages by offset, the next one named by an address that is never followed."""

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
    """items: as sent, a list if all is well. next: the address of the next page, None or empty = there is none."""

    items: JsonValue
    next: JsonValue = None
    total: JsonValue = None


def pages(ask: Callable[[int], Answer], path: str, vendor: Vendor) -> Iterator[Page]:
    """Pages as long as one names the next; of that address only the offset is taken. ``ask``: one page by its offset.

    Raises UnexpectedResponse for an answer without a list, and for a list that goes round in a circle.
    """
    offset = 0
    seen: set[str] = set()
    while True:
        answer = ask(offset)
        items = answer.items
        if not isinstance(items, list):
            raise vendor.invalid("missing_envelope", path, f"{path} answered no list.")
        fingerprint = hashlib.sha256(json.dumps(items, sort_keys=True).encode()).hexdigest()
        following = next_offset(answer.next, offset, len(items))
        if following is not None and items and (following <= offset or fingerprint in seen):
            raise UnexpectedResponse(
                f"{path} sends the same page again and again.",
                hint="Try again later; until then what was read of this list counts as incomplete.",
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
    """Where the next page starts, None when there is none. An address without an offset: after what came."""
    if not isinstance(address, str) or not address:
        return None
    try:
        named = parse_qs(urlsplit(address).query).get("offset", [""])[0]
    except ValueError:
        named = ""
    return int(named) if named.isascii() and named.isdigit() else offset + count
