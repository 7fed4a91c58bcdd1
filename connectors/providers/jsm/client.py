"""JSM Operations' read endpoints and those of the platform around it, one function each.

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
#: The page of the vendor's own examples; the most it allows is not documented.
PAGE: Final = 50
#: Accounts asked for at once: Jira allows 200 a page, but that many ids make an address of 10,000 characters.
ACCOUNTS: Final = 100
#: A POST that only reads (vendor docs "Teams REST API").
MEMBERS_PATH: Final = "/gateway/api/public/teams/v1/org/*/teams/*/members"


class Client:
    """Every method raises ConnectorError as HttpClient does; listings are read lazily, page by page.

    open_http: asks without a credential. site: host of the site. org_id "": not told.
    """

    def __init__(self, http: HttpClient, open_http: HttpClient, *, cloud_id: str, site: str, org_id: str) -> None:
        self._http = http
        self._open_http = open_http
        self._base = f"/jsm/ops/api/{segment(cloud_id)}"
        self._site = site
        self.org_id = org_id

    # https://support.atlassian.com/jira/kb/retrieve-my-atlassian-sites-cloud-id/
    def tenant(self) -> JsonValue:
        """Public, hence asked without the credential: the site could be somebody else's."""
        return self._open_http.get("/_edge/tenant_info", host=self._site)

    # https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-myself/
    def myself(self) -> JsonValue:
        return self._http.get("/rest/api/3/myself", host=self._site)

    # .../rest/v2/api-group-teams/
    def teams(self) -> Iterator[Page]:
        """Without members. The reference leaves open what stands around the list, and names no paging."""

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
                raise VENDOR.invalid("missing_envelope", path, "The members came without a list or its page.")
            if not info.get("hasNextPage"):
                return make_page(results), None
            cursor = info.get("endCursor")
            if not isinstance(cursor, str) or not cursor or not results:
                raise VENDOR.invalid("pagination_loop", path, "The list of members names more, but not where.")
            return make_page(results), cursor

        return all_items(read_pages(fetch, "", path, VENDOR), VENDOR, "members", "members")

    # .../rest/v2/api-group-routing-rules/
    def routing_rules(self, team_id: str) -> list[JsonValue]:
        return all_items(
            self._pages(f"/v1/teams/{segment(team_id)}/routing-rules"), VENDOR, "routing rules", "routing-rules"
        )

    # .../rest/v2/api-group-escalations/
    def escalations(self, team_id: str) -> Iterator[Page]:
        """Those of one team, each with its team: there is no list of all."""
        for page in self._pages(f"/v1/teams/{segment(team_id)}/escalations"):
            items: list[JsonValue] = [
                {**item, "teamId": team_id} if isinstance(item, dict) else item for item in page.items
            ]
            yield Page(tuple(items))

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
        """Those that are in force or will be."""
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
        """Up to 100 people by id; whoever is gone or hidden is left out."""
        path = "/rest/api/3/user/bulk"
        query = [("startAt", "0"), ("maxResults", str(ACCOUNTS)), *(("accountId", id_) for id_ in ids)]
        values = self._http.get(path, query, envelope="values", host=self._site)["values"]
        if not isinstance(values, list):
            raise VENDOR.invalid("missing_envelope", path, f"{path} answered values that are no list.")
        return values

    # https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-users/#api-rest-api-3-user-get
    def account(self, account_id: str) -> JsonValue:
        return self._http.get("/rest/api/3/user", [("accountId", account_id)], host=self._site)

    def shortest(self, path: str) -> None:
        """One object of a listing below the base: the cheapest proof that it may be read."""
        self._http.get(f"{self._base}{path}", [("offset", "0"), ("size", "1")], envelope="values")

    def _one(self, path: str, query: Query = ()) -> JsonValue:
        """A single object comes bare; some clients saw it under ``data``."""
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
    """A path below the base, of which only the offset counts; absent on the last page."""
    links = body.get("links")
    return links.get("next") if isinstance(links, dict) else None


def _with_id(item: JsonValue) -> JsonValue:
    """Lists of everything else call it ``id``."""
    return {**item, "id": item.get("teamId")} if isinstance(item, dict) else item
