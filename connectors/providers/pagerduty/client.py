"""PagerDuty's read endpoints, one function each. Reference: https://developer.pagerduty.com/api-reference/"""

from collections.abc import Iterator, Sequence
from typing import Final

from connectors.errors import UnexpectedResponse
from connectors.network.client import HttpClient, JsonValue, Query, Rate, RateHeaders, segment
from connectors.providers.pagerduty.vendor import PROVIDER, VENDOR
from connectors.reading.listing import Incomplete
from connectors.reading.pages import Page, make_page, read_pages
from oncall.rendering.codec import instant_to_text
from oncall.rendering.zones import DAY

#: Vendor docs "Versioning", "Content Type". Without the version, the format of the answer follows the age of the key.
HEADERS: Final = {"Accept": "application/vnd.pagerduty+json;version=2", "Content-Type": "application/json"}
#: Vendor docs "REST API Rate Limits".
RATE_HEADERS: Final = RateHeaders(limit="ratelimit-limit", remaining="ratelimit-remaining", reset="ratelimit-reset")
#: Vendor docs "Pagination": classic pagination returns no record after this number.
LAST_RECORD: Final = 10_000
PAGE: Final = 100
#: Vendor OpenAPI, GET /v3/schedules: maximum of ``limit``.
SHIFT_SCHEDULE_PAGE: Final = 1_000
#: Longest range of one request, in seconds. The vendor documents three months for rendered schedules.
SLICE: Final = 90 * DAY

Json = dict[str, JsonValue]


class Client:
    """Every method raises the same ConnectorErrors as HttpClient. A listing requests a page only when it is needed."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    @property
    def rate(self) -> Rate:
        return self._http.rate

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1users/get
    def users(self, include: Sequence[str] = (), *, total: bool = False) -> Iterator[Page]:
        query = [("include[]", name) for name in include]
        return self._pages("/users", "users", query, first=[("total", "true")] if total else [])

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1users~1%7Bid%7D/get
    def user(self, user_id: str, include: Sequence[str] = ()) -> JsonValue:
        query = [("include[]", name) for name in include]
        return self._http.get(f"/users/{segment(user_id)}", query, envelope="user")["user"]

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1users~1%7Bid%7D~1contact_methods/get
    def contact_methods(self, user_id: str) -> JsonValue:
        return self._http.get(f"/users/{segment(user_id)}/contact_methods", envelope="contact_methods")[
            "contact_methods"
        ]

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1users~1%7Bid%7D~1notification_rules/get
    def notification_rules(self, user_id: str) -> JsonValue:
        """Always requests ``urgency=all``, because the vendor's default leaves out the rules for low urgency."""
        query = [("include[]", "contact_methods"), ("urgency", "all")]
        path = f"/users/{segment(user_id)}/notification_rules"
        return self._http.get(path, query, envelope="notification_rules")["notification_rules"]

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1teams/get
    def teams(self) -> Iterator[Page]:
        return self._pages("/teams", "teams")

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1teams~1%7Bid%7D~1members/get
    def team_members(self, team_id: str) -> Iterator[Page]:
        return self._pages(f"/teams/{segment(team_id)}/members", "members")

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1escalation_policies/get
    def escalation_policies(self) -> Iterator[Page]:
        query = [("include[]", "escalation_rule_assignment_strategies")]
        return self._pages("/escalation_policies", "escalation_policies", query)

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1services/get
    def services(self) -> Iterator[Page]:
        return self._pages("/services", "services")

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1schedules/get
    def schedules(self) -> Iterator[Page]:
        """Returns schedules with id, name, time zone, people and teams, but without layers."""
        return self._pages("/schedules", "schedules")

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1schedules/get
    def schedules_in_zone(self, zone: str, since: int, until: int) -> Iterator[Page]:
        """Returns all schedules with their layers and final schedules.

        zone: the time zone of the answer, in the vendor's spelling. since, until: instants.
        """
        query = [
            ("include[]", "schedule_layers"),
            ("include[]", "overrides_subschedule"),
            ("include[]", "final_schedule"),
            ("time_zone", zone),
            *_range(since, until),
        ]
        return self._pages("/schedules", "schedules", query)

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1schedules~1%7Bid%7D/get
    def schedule(self, schedule_id: str, zone: str | None, since: int, until: int) -> JsonValue:
        """Returns one schedule with its layers and final schedule.

        zone: the time zone of the answer, in the vendor's spelling. None lets the vendor choose. since, until:
        instants.
        """
        query = [*([] if zone is None else [("time_zone", zone)]), *_range(since, until)]
        return self._http.get(f"/schedules/{segment(schedule_id)}", query, envelope="schedule")["schedule"]

    def bare_schedule(self, schedule_id: str) -> JsonValue:
        """Returns one schedule without a range. A shift-based schedule is refused here (400), so it is not missing."""
        return self._http.get(f"/schedules/{segment(schedule_id)}", envelope="schedule")["schedule"]

    def one(self, collection: str, object_id: str) -> JsonValue:
        """Returns one object of a list such as ``teams``. Reference: GET /<list>/{id} of the same OpenAPI document."""
        return self._http.get(f"/{collection}/{segment(object_id)}")

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1schedules~1%7Bid%7D~1overrides/get
    def overrides(self, schedule_id: str, since: int, until: int) -> JsonValue:
        """Returns the overrides that meet the range. ``overflow`` keeps their starts and ends outside of the range."""
        query = [*_range(since, until), ("overflow", "true")]
        return self._http.get(f"/schedules/{segment(schedule_id)}/overrides", query, envelope="overrides")["overrides"]

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1v3~1schedules/get
    def shift_schedules(self) -> Iterator[Page]:
        return self._pages("/v3/schedules", "schedules", limit=SHIFT_SCHEDULE_PAGE)

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1v3~1schedules~1%7Bid%7D/get
    def shift_schedule(self, schedule_id: str, since: int, until: int) -> JsonValue:
        """Returns one schedule with its final schedule in the range."""
        query = [("include[]", "final_schedule"), *_range(since, until)]
        return self._http.get(f"/v3/schedules/{segment(schedule_id)}", query, envelope="schedule")["schedule"]

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1v3~1schedules~1%7Bid%7D~1overrides/get
    def shift_overrides(self, schedule_id: str, since: int, until: int) -> Iterator[Page]:
        query = [*_range(since, until), ("overflow", "true")]
        return self._pages(f"/v3/schedules/{segment(schedule_id)}/overrides", "overrides", query)

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1v3~1schedules~1%7Bid%7D~1custom_shifts/get
    def custom_shifts(self, schedule_id: str, since: int, until: int) -> Iterator[Page]:
        query = [*_range(since, until), ("overflow", "true")]
        return self._pages(f"/v3/schedules/{segment(schedule_id)}/custom_shifts", "custom_shifts", query)

    # https://developer.pagerduty.com/api-reference/reference/REST/openapiv3.json/paths/~1abilities/get
    def abilities(self) -> JsonValue:
        return self._http.get("/abilities", envelope="abilities")["abilities"]

    def first(self, path: str, key: str, include: Sequence[str] = ()) -> JsonValue:
        """Returns a list with the first object of a listing: the cheapest check that the key may read it."""
        query = [("offset", "0"), ("limit", "1"), *(("include[]", name) for name in include)]
        return self._http.get(path, query, envelope=key)[key]

    def _pages(self, path: str, key: str, query: Query = (), *, limit: int = PAGE, first: Query = ()) -> Iterator[Page]:
        """Uses classic pagination (vendor docs "Pagination").

        The offset grows by the number of received objects, because a server may lower the limit. If the answer has no
        ``more``, a page that is not full is the last page. first: parameters of the first request only.
        """

        def fetch(offset: int) -> tuple[Page, int | None]:
            if offset >= LAST_RECORD:
                raise UnexpectedResponse(
                    f"{path} has more than {LAST_RECORD:,} records, and PagerDuty does not list more.",
                    hint="Choose teams, services, policies or schedules instead of importing everything.",
                    provider=PROVIDER,
                    path=path,
                    code="too_many_results",
                )
            size = min(limit, LAST_RECORD - offset)
            paging = [("offset", str(offset)), ("limit", str(size))]
            answer = self._http.get(path, [*paging, *query, *(first if offset == 0 else ())], envelope=key)
            items, more = answer[key], answer.get("more")
            if not isinstance(items, list) or not isinstance(more, bool | None):
                raise UnexpectedResponse(
                    f"The answer of {path} is not a page of a list: {key} or more has an unexpected type.",
                    hint="Try again. If the error stays, report it with this message.",
                    provider=PROVIDER,
                    path=path,
                    code="missing_envelope",
                )
            if more and not items:
                raise Incomplete(
                    f"{path} ended before its last page: a page came without records, though there are more.",
                    hint="Try again later. Until then, this list is treated as incomplete.",
                    provider=PROVIDER,
                    path=path,
                )
            used = answer.get("limit")  # a server may lower the limit; a page is full then
            full = min(size, used) if isinstance(used, int) and used > 0 else size
            is_last = more is False or (more is None and len(items) < full)
            return make_page(items, answer.get("total")), None if is_last else offset + len(items)

        return read_pages(fetch, 0, path, VENDOR)


def _range(since: int, until: int) -> list[tuple[str, str]]:
    return [("since", instant_to_text(since)), ("until", instant_to_text(until))]
