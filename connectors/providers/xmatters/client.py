"""xMatters' read endpoints, one function each. Reference: https://help.xmatters.com/xmapi/

Paths contain ids, never names, because a name may change and may contain any character.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from connectors.errors import AuthenticationFailed
from connectors.network.client import HttpClient, JsonValue, Query, RateHeaders, segment
from connectors.providers.xmatters.address import next_request
from connectors.providers.xmatters.vendor import API_ROOT, VENDOR
from connectors.reading.listing import RECOVERABLE, Incomplete
from connectors.reading.pages import Page, make_page, read_pages
from oncall.rendering.codec import instant_to_text

HEADERS: Final = {"Accept": "application/json"}
#: Not in the vendor's reference, but the vendor's own tool reads them (xmtoolbox, lib/common.js).
RATE_HEADERS: Final = RateHeaders("x-ratelimit-limit", used="x-ratelimit-used", period="x-ratelimit-period_in_sec")
#: Vendor reference, "Pagination": at most 1,000. A page of shifts is smaller, because shifts contain their members.
PAGE: Final = 1000
SHIFTS_PAGE: Final = 100
#: Vendor reference, "Get who is on call": most groups of one request, and most members of one shift.
ON_CALL_GROUPS: Final = 30
ON_CALL_MEMBERS: Final = 100

#: The link to a page, and the query of the page before it.
_Position = tuple[str, tuple[tuple[str, str], ...]]

_SHIFT_EMBEDS: Final = ("embed", "members,rotation,exclusions")


class Client:
    """Every method raises the same ConnectorErrors as HttpClient. A listing requests a page only when it is needed.

    origin: the origin of the instance, in which links must stay. renew: fetches a new token after a refusal and returns
    False if there is none.
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

    # https://help.xmatters.com/xmapi/#get-a-group
    def group(self, group_id: str) -> JsonValue:
        return self._get(f"{API_ROOT}/groups/{segment(group_id)}")

    # https://help.xmatters.com/xmapi/#get-a-group-roster
    def members(self, group_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/members")

    # Catalogue of the current reference: the people a group resolves to. Only this shows who is in a dynamic group.
    def recipients(self, group_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/recipients")

    # https://help.xmatters.com/xmapi/#get-shifts
    def shifts(self, group_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/shifts", [_SHIFT_EMBEDS], limit=SHIFTS_PAGE)

    # https://help.xmatters.com/xmapi/#get-a-shift
    def shift(self, group_id: str, shift_id: str) -> dict[str, JsonValue]:
        return self._get(f"{API_ROOT}/groups/{segment(group_id)}/shifts/{segment(shift_id)}", [_SHIFT_EMBEDS])

    # https://help.xmatters.com/xmapi/#get-shift-members
    def shift_members(self, group_id: str, shift_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/shifts/{segment(shift_id)}/members")

    # Catalogue of the current reference: single occurrences of a shift that were deleted.
    def exclusions(self, group_id: str, shift_id: str) -> Iterator[Page]:
        return self._pages(f"/groups/{segment(group_id)}/shifts/{segment(shift_id)}/exclusions")

    # https://help.xmatters.com/xmapi/#get-temporary-absences
    def absences(self) -> Iterator[Page]:
        """Returns current and future absences."""
        return self._pages("/temporary-absences")

    # https://help.xmatters.com/xmapi/#get-a-service
    def service(self, service_id: str) -> JsonValue:
        return self._get(f"{API_ROOT}/services/{segment(service_id)}")

    # https://help.xmatters.com/xmapi/#get-services
    def services(self) -> Iterator[Page]:
        return self._pages("/services")

    # https://help.xmatters.com/xmapi/#get-sites
    def sites(self) -> Iterator[Page]:
        return self._pages("/sites")

    # https://help.xmatters.com/xmapi/#get-who-is-on-call
    def on_call(self, group_ids: Sequence[str], since: int, until: int) -> Iterator[Page]:
        """Returns a row for each occurrence of a shift in the range. since, until: instants; until is exclusive."""
        query = [
            ("groups", ",".join(group_ids)),
            ("from", instant_to_text(since)),
            ("to", instant_to_text(until)),
            ("membersPerShift", str(ON_CALL_MEMBERS)),
            ("embed", "shift,members.owner"),
        ]
        return self._pages("/on-call", query, limit=SHIFTS_PAGE)

    def first(self, path: str, query: Query = ()) -> list[JsonValue]:
        """Returns a list with the first object of a listing: the cheapest check that the account may read it.

        path: without the API root.
        """
        return list(next(self._pages(path, query, limit=1)).items)

    def whole(self, collection: JsonValue) -> list[JsonValue] | None:
        """Returns all items of a list inside an object. None means that it is not reported or not complete.

        collection: a bare list, or an envelope ``{count, total, data, links}`` whose ``next`` is followed.
        """
        if isinstance(collection, list):
            return collection
        items = collection.get("data") if isinstance(collection, dict) else None
        if not isinstance(collection, dict) or not isinstance(items, list):
            return None
        link, total = _next(collection), collection.get("total")
        found = list(items)
        if link is not None:
            path, query = next_request(link, self._origin, ())
            found += [item for page in self._follow(path, query) for item in page.items]
        return None if type(total) is int and len(found) < total else found

    def _with_whole(self, name: str, pages: Iterator[Page]) -> Iterator[Page]:
        """Returns the pages with the complete list ``name`` in each object. A list that cannot be completed is kept."""
        for page in pages:
            yield Page(tuple(self._item_with_whole(name, item) for item in page.items), page.total)

    def _item_with_whole(self, name: str, item: JsonValue) -> JsonValue:
        if not isinstance(item, dict) or not isinstance(item.get(name), dict):
            return item
        try:
            found = self.whole(item[name])
        except RECOVERABLE:
            return item  # the total shows the reader that the list is incomplete
        return item if found is None else {**item, name: found}

    def _get(self, path: str, query: Query = ()) -> dict[str, JsonValue]:
        """Renews a token, once, if it was refused before it expired."""
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
            path, query = next_request(position[0], self._origin, position[1])
            answer = self._get(path, query)
            items, link = answer.get("data"), _next(answer)
            if not isinstance(items, list):
                raise VENDOR.invalid("missing_envelope", path, f"{path} answered without a list of data.")
            if link is not None and not items:
                message = f"{path} answered with a page of nothing, although more was announced."
                raise Incomplete(message, hint=VENDOR.hint, provider=VENDOR.provider, path=path)
            return make_page(items, answer.get("total")), None if link is None else (link, query)

        return read_pages(fetch, (path, tuple(query)), path, VENDOR)


def _next(envelope: dict[str, JsonValue]) -> str | None:
    links = envelope.get("links")
    link = links.get("next") if isinstance(links, dict) else None
    return link if isinstance(link, str) and link else None
