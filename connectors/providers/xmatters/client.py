"""xMatters' read endpoints, one function each. Reference: https://help.xmatters.com/xmapi/

Identifiers in paths are ids, never names: names change and hold any character.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from connectors.errors import AuthenticationFailed
from connectors.network.client import HttpClient, JsonValue, Query, RateHeaders, segment
from connectors.providers.xmatters.address import followed
from connectors.providers.xmatters.vendor import API_ROOT, VENDOR
from connectors.reading.listing import RECOVERABLE
from connectors.reading.pages import Page, make_page, read_pages
from oncall.rendering.codec import instant_to_text

HEADERS: Final = {"Accept": "application/json"}
#: Not in the vendor's reference, but read by its own tool (xmtoolbox, lib/common.js).
RATE_HEADERS: Final = RateHeaders("x-ratelimit-limit", used="x-ratelimit-used", period="x-ratelimit-period_in_sec")
#: Vendor reference, "Pagination": at most 1,000; shifts come with everything in them, so fewer at a time.
PAGE: Final = 1000
SHIFTS_PAGE: Final = 100
#: Vendor reference, "Get who is on call": groups of one call, and members of one shift.
ON_CALL_GROUPS: Final = 30
ON_CALL_MEMBERS: Final = 100

#: The link to a page, and the query of the page before it.
_Position = tuple[str, tuple[tuple[str, str], ...]]

_SHIFT_PARTS: Final = ("embed", "members,rotation,exclusions")


class Client:
    """Every method raises ConnectorError as HttpClient does; listings are read lazily, page by page.

    origin: of the instance, to judge links by. renew: gets a new token after a refusal; False when there is none.
    """

    def __init__(self, http: HttpClient, origin: str, renew: Callable[[], bool] = lambda: False) -> None:
        self._http = http
        self._origin = origin
        self._renew = renew

    # https://help.xmatters.com/xmapi/#get-people
    def people(self) -> Iterator[Page]:
        return self._with_whole("roles", self._pages("/people", [("embed", "roles")]))

    # https://help.xmatters.com/xmapi/#get-a-person
    def person(self, person_id: str) -> JsonValue:
        found = self._get(f"{API_ROOT}/people/{segment(person_id)}", [("embed", "roles")])
        return self._item_with_whole("roles", found)

    # https://help.xmatters.com/xmapi/#get-a-users-devices
    def person_devices(self, person_id: str) -> Iterator[Page]:
        pages = self._pages(f"/people/{segment(person_id)}/devices", [("embed", "timeframes")])
        return self._with_whole("timeframes", pages)

    # https://help.xmatters.com/xmapi/#get-devices
    def devices(self, *, emails_only: bool) -> Iterator[Page]:
        pages = self._pages("/devices", [("deviceType", "EMAIL")] if emails_only else [("embed", "timeframes")])
        return self._with_whole("timeframes", pages)

    # https://help.xmatters.com/xmapi/#get-groups
    def groups(self) -> Iterator[Page]:
        return self._pages("/groups")

    # https://help.xmatters.com/xmapi/#get-a-group-roster
    def members(self, group_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/members")

    # Catalogue of the current reference: the people a group resolves to, the only way to see into a dynamic one.
    def recipients(self, group_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/recipients")

    # https://help.xmatters.com/xmapi/#get-shifts
    def shifts(self, group_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/shifts", [_SHIFT_PARTS], limit=SHIFTS_PAGE)

    # https://help.xmatters.com/xmapi/#get-a-shift
    def shift(self, group_id: str, shift_id: str) -> dict[str, JsonValue]:
        return self._get(f"{API_ROOT}/groups/{segment(group_id)}/shifts/{segment(shift_id)}", [_SHIFT_PARTS])

    # https://help.xmatters.com/xmapi/#get-shift-members
    def shift_members(self, group_id: str, shift_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/shifts/{segment(shift_id)}/members")

    # Catalogue of the current reference: single occurrences of a shift that were deleted.
    def exclusions(self, group_id: str, shift_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/shifts/{segment(shift_id)}/exclusions")

    # https://help.xmatters.com/xmapi/#get-temporary-absences
    def absences(self) -> Iterator[Page]:
        """Current and coming ones."""
        return self._pages("/temporary-absences")

    # https://help.xmatters.com/xmapi/#get-services
    def services(self) -> Iterator[Page]:
        return self._pages("/services")

    # https://help.xmatters.com/xmapi/#get-sites
    def sites(self) -> Iterator[Page]:
        return self._pages("/sites")

    # https://help.xmatters.com/xmapi/#get-who-is-on-call
    def on_call(self, group_ids: Sequence[str], since: int, until: int) -> Iterator[Page]:
        """One row per occurrence of a shift that touches ``[since, until)`` instants."""
        query = [
            ("groups", ",".join(group_ids)),
            ("from", instant_to_text(since)),
            ("to", instant_to_text(until)),
            ("membersPerShift", str(ON_CALL_MEMBERS)),
            ("embed", "shift,members.owner"),
        ]
        return self._pages("/on-call", query, limit=SHIFTS_PAGE)

    def first(self, path: str, query: Query = ()) -> list[JsonValue]:
        """The shortest answer of a listing (path after the API root): the cheapest proof that it may be read."""
        return list(next(self._pages(path, query, limit=1)).items)

    def whole(self, collection: JsonValue) -> list[JsonValue] | None:
        """All of a collection inside another object, following where it was cut; None: not told, or not all of it.

        Seen both as a bare list and as an envelope ``{count, total, data, links}`` with a ``next`` of its own.
        """
        if isinstance(collection, list):
            return collection
        items = collection.get("data") if isinstance(collection, dict) else None
        if not isinstance(collection, dict) or not isinstance(items, list):
            return None
        link, total = _next(collection), collection.get("total")
        found = list(items)
        if link is not None:
            path, query = followed(link, self._origin, ())
            found += [item for page in self._follow(path, query) for item in page.items]
        return None if type(total) is int and len(found) < total else found

    def _with_whole(self, name: str, pages: Iterator[Page]) -> Iterator[Page]:
        """The pages, with a list inside each of their objects followed where it was cut; where that cannot be read, it
        stays cut."""
        for page in pages:
            yield Page(tuple(self._item_with_whole(name, item) for item in page.items), page.total)

    def _item_with_whole(self, name: str, item: JsonValue) -> JsonValue:
        if not isinstance(item, dict) or not isinstance(item.get(name), dict):
            return item
        try:
            found = self.whole(item[name])
        except RECOVERABLE:
            return item  # whoever reads it sees by its total that it is cut
        return item if found is None else {**item, name: found}

    def _get(self, path: str, query: Query = ()) -> dict[str, JsonValue]:
        """A token that died before its time is renewed, once."""
        try:
            return self._http.get(path, query)
        except AuthenticationFailed:
            if not self._renew():
                raise
            return self._http.get(path, query)

    def _pages(self, path: str, query: Query = (), *, limit: int = PAGE) -> Iterator[Page]:
        return self._follow(f"{API_ROOT}{path}", (("offset", "0"), ("limit", str(limit)), *query))

    def _follow(self, path: str, query: Query) -> Iterator[Page]:
        """The pages of a list; ``links.next`` names the next. The total may change between them (vendor reference)."""

        def fetch(position: _Position) -> tuple[Page, _Position | None]:
            path, query = followed(position[0], self._origin, position[1])
            answer = self._get(path, query)
            items, link = answer.get("data"), _next(answer)
            if not isinstance(items, list):
                raise VENDOR.invalid("missing_envelope", path, f"{path} answered without a list of data.")
            return make_page(items, answer.get("total")), None if link is None else (link, query)

        return read_pages(fetch, (path, tuple(query)), path, VENDOR)


def _next(envelope: dict[str, JsonValue]) -> str | None:
    links = envelope.get("links")
    link = links.get("next") if isinstance(links, dict) else None
    return link if isinstance(link, str) and link else None
