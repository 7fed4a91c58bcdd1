"""Opsgenie's read endpoints, one function each. Reference: https://docs.opsgenie.com/docs/api-overview"""

from collections.abc import Iterator
from typing import Final

from connectors.network.client import HttpClient, JsonValue, Query, RateHeaders, segment
from connectors.providers.atlassian.paging import RawPage, pages
from connectors.providers.atlassian.rendered import timeline_query
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.reading.pages import Page

HEADERS: Final = {"Accept": "application/json"}
#: Vendor docs "API Rate Limiting": how long the throttling lasts, on answers that were throttled.
RATE_HEADERS: Final = RateHeaders(reset="x-ratelimit-period-in-sec")
#: Vendor docs "User API": the default; larger pages are said to be refused.
PAGE: Final = 100
_BY_ID: Final = ("identifierType", "id")


class Client:
    """Every method raises ConnectorError as HttpClient does; listings are read lazily, page by page."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    # https://docs.opsgenie.com/docs/account-api
    def account(self) -> JsonValue:
        return self._data("/v2/account")

    # https://docs.opsgenie.com/docs/api-rate-limiting; the address is the one the vendor's own exporter asks.
    def request_limits(self) -> JsonValue:
        return self._data("/v2/request-limits")

    # https://docs.opsgenie.com/docs/user-api#list-users
    def users(self) -> Iterator[Page]:
        return self._pages("/v2/users", limit=PAGE)

    # https://docs.opsgenie.com/docs/user-api#get-user
    def user(self, user_id: str, *, contacts: bool) -> JsonValue:
        return self._data(f"/v2/users/{segment(user_id)}", [("expand", "contact")] if contacts else ())

    # https://docs.opsgenie.com/docs/contact-api#list-contacts
    def contacts(self, user_id: str) -> JsonValue:
        return self._data(f"/v2/users/{segment(user_id)}/contacts")

    # https://docs.opsgenie.com/docs/team-api#list-teams
    def teams(self) -> Iterator[Page]:
        """Without members: those come with each team."""
        return self._pages("/v2/teams")

    # https://docs.opsgenie.com/docs/team-api#get-team
    def team(self, team_id: str) -> JsonValue:
        return self._data(f"/v2/teams/{segment(team_id)}", [_BY_ID])

    # https://docs.opsgenie.com/docs/team-routing-rule-api#list-team-routing-rules
    def routing_rules(self, team_id: str) -> JsonValue:
        return self._data(f"/v2/teams/{segment(team_id)}/routing-rules", [("teamIdentifierType", "id")])

    # https://docs.opsgenie.com/docs/schedule-api#list-schedules
    def schedules(self) -> Iterator[Page]:
        """Without ``expand`` every schedule comes with an empty list of rotations."""
        return self._pages("/v2/schedules", [("expand", "rotation")])

    # https://docs.opsgenie.com/docs/schedule-api#get-schedule
    def schedule(self, schedule_id: str) -> JsonValue:
        return self._data(f"/v2/schedules/{segment(schedule_id)}", [_BY_ID])

    # https://docs.opsgenie.com/docs/schedule-override-api#list-schedule-overrides
    def overrides(self, schedule_id: str) -> JsonValue:
        return self._data(f"/v2/schedules/{segment(schedule_id)}/overrides", [("scheduleIdentifierType", "id")])

    # https://docs.opsgenie.com/docs/schedule-api#get-schedule-timeline
    def timeline(self, schedule_id: str, since: int, days: int) -> JsonValue:
        query = [_BY_ID, *timeline_query(since, days)]
        return self._data(f"/v2/schedules/{segment(schedule_id)}/timeline", query)

    # https://docs.opsgenie.com/docs/escalation-api#list-escalations
    def escalations(self) -> Iterator[Page]:
        return self._pages("/v2/escalations")

    # https://docs.opsgenie.com/docs/forwarding-rule-api#list-forwarding-rules
    def forwarding_rules(self) -> Iterator[Page]:
        return self._pages("/v2/forwarding-rules")

    # https://docs.opsgenie.com/docs/service-api#list-services
    def services(self) -> Iterator[Page]:
        return self._pages("/v1/services", limit=PAGE)

    def one(self, path: str, *, paged: bool) -> JsonValue:
        """The shortest answer of a listing: the cheapest proof that it may be read."""
        return self._data(path, [("limit", "1"), ("offset", "0")] if paged else ())

    def _data(self, path: str, query: Query = ()) -> JsonValue:
        return self._http.get(path, query, envelope="data")["data"]

    def _pages(self, path: str, query: Query = (), *, limit: int | None = None) -> Iterator[Page]:
        """Pages as long as ``paging.next`` names one (vendor docs "Pagination"; most listings come whole). The address
        there was seen with ``http://``."""

        def fetch_page(offset: int) -> RawPage:
            window = [] if limit is None and offset == 0 else [("limit", str(limit or PAGE)), ("offset", str(offset))]
            answer = self._http.get(path, [*window, *query], envelope="data")
            paging = answer.get("paging")
            return RawPage(
                answer["data"], paging.get("next") if isinstance(paging, dict) else None, answer.get("totalCount")
            )

        return pages(fetch_page, path, VENDOR)
