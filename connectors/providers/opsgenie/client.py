"""Calls Opsgenie's read endpoints. Each endpoint has one method.

Reference: https://docs.opsgenie.com/docs/api-overview
"""

from collections.abc import Iterator
from typing import Final

from connectors.network.client import HttpClient, JsonValue, Query, RateHeaders, segment
from connectors.providers.atlassian.paging import RawPage, pages
from connectors.providers.atlassian.rendered import timeline_query
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.reading.pages import Page

HEADERS: Final = {"Accept": "application/json"}
#: The header of a throttled answer that says how long throttling lasts (vendor docs "API Rate Limiting").
RATE_HEADERS: Final = RateHeaders(reset="x-ratelimit-period-in-sec")
#: The default of the vendor, which refuses larger pages (vendor docs "User API").
PAGE: Final = 100
_BY_ID: Final = ("identifierType", "id")


class Client:
    """Every method raises ConnectorError as HttpClient does. Lists are read lazily, page by page."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    # https://docs.opsgenie.com/docs/account-api
    def account(self) -> JsonValue:
        return self._data("/v2/account")

    # https://docs.opsgenie.com/docs/api-rate-limiting; the vendor's exporter uses this address.
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
        """Yield the teams, without members. Only a request for one team returns its members."""
        return self._pages("/v2/teams")

    # https://docs.opsgenie.com/docs/team-api#get-team
    def team(self, team_id: str) -> JsonValue:
        return self._data(f"/v2/teams/{segment(team_id)}", [_BY_ID])

    # https://docs.opsgenie.com/docs/team-routing-rule-api#list-team-routing-rules
    def routing_rules(self, team_id: str) -> JsonValue:
        return self._data(f"/v2/teams/{segment(team_id)}/routing-rules", [("teamIdentifierType", "id")])

    # https://docs.opsgenie.com/docs/schedule-api#list-schedules
    def schedules(self) -> Iterator[Page]:
        """Yield the schedules. Without ``expand``, their lists of rotations are empty."""
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

    # https://docs.opsgenie.com/docs/escalation-api#get-escalation
    def escalation(self, escalation_id: str) -> JsonValue:
        return self._data(f"/v2/escalations/{segment(escalation_id)}", [_BY_ID])

    # https://docs.opsgenie.com/docs/forwarding-rule-api#list-forwarding-rules
    def forwarding_rules(self) -> Iterator[Page]:
        return self._pages("/v2/forwarding-rules")

    # https://docs.opsgenie.com/docs/service-api#list-services
    def services(self) -> Iterator[Page]:
        return self._pages("/v1/services", limit=PAGE)

    # https://docs.opsgenie.com/docs/service-api#get-service
    def service(self, service_id: str) -> JsonValue:
        return self._data(f"/v1/services/{segment(service_id)}")

    def one(self, path: str, *, paged: bool) -> JsonValue:
        """Read one object of a list, to check with the shortest answer that the list may be read."""
        return self._data(path, [("limit", "1"), ("offset", "0")] if paged else ())

    def _data(self, path: str, query: Query = ()) -> JsonValue:
        return self._http.get(path, query, envelope="data")["data"]

    def _pages(self, path: str, query: Query = (), *, limit: int | None = None) -> Iterator[Page]:
        """Yield pages while ``paging.next`` has an address (vendor docs "Pagination"). Most lists have one page.

        Only the offset of the address is used: the address was seen with ``http://``.
        """

        def fetch_page(offset: int) -> RawPage:
            window = [] if limit is None and offset == 0 else [("limit", str(limit or PAGE)), ("offset", str(offset))]
            answer = self._http.get(path, [*window, *query], envelope="data")
            paging = answer.get("paging")
            return RawPage(
                answer["data"], paging.get("next") if isinstance(paging, dict) else None, answer.get("totalCount")
            )

        return pages(fetch_page, path, VENDOR)
