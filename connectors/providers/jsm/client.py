"""Calls the read endpoints of JSM Operations, Jira and Atlassian's teams. Each endpoint has one method.

Reference: https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v2/
"""

from collections.abc import Iterator, Sequence
from typing import Final

from connectors.network.client import HttpClient, JsonValue, Query, segment
from connectors.providers.atlassian.paging import RawPage, pages
from connectors.providers.atlassian.rendered import timeline_query
from connectors.providers.jsm.vendor import VENDOR
from connectors.reading.listing import all_items
from connectors.reading.pages import Page, make_page, read_pages

HEADERS: Final = {"Accept": "application/json"}
#: Objects per page, as in the vendor's examples. The vendor does not document the maximum.
PAGE: Final = 50
#: Accounts per request. Jira allows 200 per page, but 200 ids make an address of 10,000 characters.
ACCOUNTS: Final = 100
#: This POST only reads (vendor docs "Teams REST API").
MEMBERS_PATH: Final = "/gateway/api/public/teams/v1/org/*/teams/*/members"


class Client:
    """Every method raises ConnectorError as HttpClient does. Lists are read lazily, page by page.

    open_http: sends requests without a credential. site: host of the site. org_id: "" if it is not entered.
    """

    def __init__(self, http: HttpClient, open_http: HttpClient, *, cloud_id: str, site: str, org_id: str) -> None:
        self._http = http
        self._open_http = open_http
        self._base = f"/jsm/ops/api/{segment(cloud_id)}"
        self._site = site
        self.org_id = org_id

    # https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id/
    def tenant(self) -> JsonValue:
        """Return the cloud id of the site. It is public. The site could belong to others, so no credential is sent."""
        return self._open_http.get("/_edge/tenant_info", host=self._site)

    # https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/
    def myself(self) -> JsonValue:
        return self._http.get("/rest/api/3/myself", host=self._site)

    # .../rest/v2/api-group-teams/
    def teams(self) -> Iterator[Page]:
        """Yield the teams, without members. The reference documents neither the envelope nor the paging."""

        def fetch_page(offset: int) -> RawPage:
            body = self._http.get(f"{self._base}/v1/teams", _page(offset) if offset else (), bare="values")
            lists = [value for key, value in body.items() if isinstance(value, list) and not key.startswith("_")]
            items: JsonValue = [_with_id(item) for item in lists[0]] if len(lists) == 1 else None
            return RawPage(items, _next(body))

        return pages(fetch_page, "/v1/teams", VENDOR)

    # https://developer.atlassian.com/platform/teams/components/team-public-rest-api/
    def members(self, team_id: str) -> list[JsonValue]:
        path = MEMBERS_PATH.replace("*", "{}").format(segment(self.org_id), segment(team_id))

        def fetch(after: str) -> tuple[Page, str | None]:
            answer = self._http.post(
                path, {"first": PAGE, "after": after}, envelope=("results", "pageInfo"), host=self._site
            )
            results, info = answer["results"], answer["pageInfo"]
            if not isinstance(results, list) or not isinstance(info, dict):
                raise VENDOR.invalid("missing_envelope", path, "The list of members or its paging is missing.")
            if not info.get("hasNextPage"):
                return make_page(results), None
            cursor = info.get("endCursor")
            if not isinstance(cursor, str) or not cursor or not results:
                raise VENDOR.invalid(
                    "pagination_loop",
                    path,
                    "There are more members, but the cursor is missing.",
                )
            return make_page(results), cursor

        return all_items(read_pages(fetch, "", path, VENDOR), VENDOR, "members", "members")

    # .../rest/v2/api-group-routing-rules/
    def routing_rules(self, team_id: str) -> list[JsonValue]:
        return all_items(
            self._pages(f"/v1/teams/{segment(team_id)}/routing-rules"), VENDOR, "routing rules", "routing-rules"
        )

    # .../rest/v2/api-group-escalations/
    def escalations(self, team_id: str) -> Iterator[Page]:
        """Yield the escalations of one team and add the team's id to each. There is no list of all escalations."""
        for page in self._pages(f"/v1/teams/{segment(team_id)}/escalations"):
            items: list[JsonValue] = [
                {**item, "teamId": team_id} if isinstance(item, dict) else item for item in page.items
            ]
            yield Page(tuple(items))

    def escalation(self, team_id: str, escalation_id: str) -> JsonValue:
        return self._one(f"/v1/teams/{segment(team_id)}/escalations/{segment(escalation_id)}")

    # .../rest/v2/api-group-schedules/
    def schedules(self) -> Iterator[Page]:
        return self._pages("/v1/schedules", [("expand", "rotation")])

    def schedule(self, schedule_id: str) -> JsonValue:
        return self._one(f"/v1/schedules/{segment(schedule_id)}", [("expand", "rotation")])

    # .../rest/v2/api-group-schedule-rotations/
    def rotations(self, schedule_id: str) -> list[JsonValue]:
        return all_items(
            self._pages(f"/v1/schedules/{segment(schedule_id)}/rotations"), VENDOR, "rotations", "rotations"
        )

    # .../rest/v2/api-group-schedule-overrides/
    def overrides(self, schedule_id: str) -> list[JsonValue]:
        """Return the current and the future overrides."""
        return all_items(
            self._pages(f"/v1/schedules/{segment(schedule_id)}/overrides"), VENDOR, "overrides", "overrides"
        )

    # .../rest/v2/api-group-schedule-timelines/
    def timeline(self, schedule_id: str, since: int, days: int) -> JsonValue:
        return self._one(f"/v1/schedules/{segment(schedule_id)}/timeline", timeline_query(since, days))

    # .../rest/v2/api-group-forwarding-rules/
    def forwarding_rules(self) -> Iterator[Page]:
        return self._pages("/v1/forwarding-rules")

    # https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-users/#api-rest-api-3-user-bulk-get
    def accounts(self, ids: Sequence[str]) -> list[JsonValue]:
        """Return up to 100 people by id. People who are deleted or hidden are missing.

        Jira may send fewer people in one answer than were requested, and reports then that it is not the last.
        """
        path = "/rest/api/3/user/bulk"

        def fetch(start: int) -> tuple[Page, int | None]:
            query = [("startAt", str(start)), ("maxResults", str(ACCOUNTS)), *(("accountId", id_) for id_ in ids)]
            answer = self._http.get(path, query, envelope="values", host=self._site)
            values = answer["values"]
            if not isinstance(values, list):
                raise VENDOR.invalid("missing_envelope", path, f"{path} has values that are not a list.")
            return make_page(values), start + len(values) if answer.get("isLast") is False else None

        return all_items(read_pages(fetch, 0, path, VENDOR), VENDOR, "people", path)

    # https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-users/#api-rest-api-3-user-get
    def account(self, account_id: str) -> JsonValue:
        return self._http.get("/rest/api/3/user", [("accountId", account_id)], host=self._site)

    def shortest(self, path: str) -> None:
        """Read one object of a list, to check with the shortest answer that the list may be read."""
        self._http.get(f"{self._base}{path}", [("offset", "0"), ("size", "1")], envelope="values")

    def _one(self, path: str, query: Query = ()) -> JsonValue:
        """Return a single object. It has no envelope; some clients saw it under ``data``."""
        answer = self._http.get(self._base + path, query)
        return answer["data"] if set(answer) == {"data"} else answer

    def _pages(self, path: str, query: Query = ()) -> Iterator[Page]:
        def fetch_page(offset: int) -> RawPage:
            body = self._http.get(self._base + path, [*_page(offset), *query], envelope="values")
            return RawPage(body["values"], _next(body))

        return pages(fetch_page, path, VENDOR)


def _page(offset: int) -> list[tuple[str, str]]:
    return [("offset", str(offset)), ("size", str(PAGE))]


def _next(body: dict[str, JsonValue]) -> JsonValue:
    """Return the path of the next page, or None on the last page. Only its offset is used."""
    links = body.get("links")
    return links.get("next") if isinstance(links, dict) else None


def _with_id(item: JsonValue) -> JsonValue:
    """Add the field ``id``, which all other objects have."""
    return {**item, "id": item.get("teamId")} if isinstance(item, dict) else item
