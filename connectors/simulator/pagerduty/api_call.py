"""One request to PagerDuty: key and rights, zone and time window, pages, and refusals.

Error bodies and codes: REST API documentation, "Errors"; paging: "Pagination"; rights: the scopes of scoped OAuth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connectors.simulator.exchange import Answer, Item, Request
from connectors.simulator.pagerduty.model import ApiKey
from connectors.simulator.pagerduty.state import State
from connectors.simulator.pagerduty.wire import Json, Wire
from connectors.simulator.pagerduty.wire_schedules import UTC, Window
from connectors.simulator.parameters import Parameters
from connectors.simulator.zones import DAY, is_zone, parse_instant

MOST_RECORDS = 10_000
_FARTHEST = 60 * 365 * DAY
_WIDEST = 366 * DAY  # no limit is published; code 2016 is
_MESSAGES = {
    400: ("Invalid Input Provided", 2001),
    401: ("Unauthorized", 2006),
    402: ("Account does not have the required ability", 2014),
    403: ("Access Denied", 2010),
    404: ("Not Found", 2100),
    405: ("Method Not Allowed", 2100),
    429: ("Rate Limit Exceeded", 2020),
}


class Refused(Exception):
    """The request is answered with an error. ``payload`` replaces the usual error object."""

    def __init__(self, status: int, *errors: str, code: int | None = None, payload: Json | None = None) -> None:
        super().__init__(status, errors)
        self.status = status
        self.errors = errors
        self.code = code
        self.payload = payload


def error_answer(refused: Refused, *, v3: bool = False) -> Answer:
    """Return the documented error object. In v3 the messages stand below the field that they belong to."""
    message, code = _MESSAGES.get(refused.status, ("Internal Server Error", 2000))
    error: Json = {"message": message, "code": refused.code or code}
    if refused.errors:
        error["errors"] = {"request": list(refused.errors)} if v3 else list(refused.errors)
    return Answer(refused.status, refused.payload or {"error": error})


@dataclass(frozen=True, slots=True)
class ApiCall(Parameters):
    """One request of a known caller."""

    state: State
    request: Request
    key: ApiKey
    now: int

    @property
    def include(self) -> list[str]:
        return self.request.many("include[]")

    def demand(self, right: str) -> None:
        if right in self.key.denied:
            raise Refused(self.key.denied[right], f"The key lacks {right}")

    def zone(self, *, v3: bool = False) -> str:
        """Return the zone of rendering: ``time_zone``, else (v2) the zone of the key's owner, else of the account.

        Only v3 accepts the name "UTC"; v2 calls the zone Etc/UTC.
        """
        name = self.request.one("time_zone")
        if name is None:
            owner = self.state.users.get(self.key.user_id or "")
            return UTC if v3 else (owner and owner.time_zone) or self.state.time_zone
        if (name == "UTC" and not v3) or not is_zone(name):
            raise Refused(400, f"Time zone {name!r} is not supported")
        return name

    def wire(self, *, v3: bool = False) -> Wire:
        return Wire(self.state, self.key.subdomain, self.zone(v3=v3))

    def moment(self, name: str, zone: str) -> float | None:
        text = self.request.one(name)
        if text is None:
            return None
        try:
            moment = parse_instant(text.replace(" ", "+"), zone)
        except (ValueError, OverflowError):
            raise Refused(400, f"{name} is not an ISO 8601 date-time", code=2004) from None
        if abs(moment - self.now) > _FARTHEST:
            raise Refused(400, f"{name} is too far away", code=2004)
        return moment

    def window(self, zone: str, *, required: bool = False) -> Window | None:
        """Return the window of since and until; None without both means no rendering.

        One of them alone gives two weeks. Fractions of a second are cut.
        """
        since, until = self.moment("since", zone), self.moment("until", zone)
        if required and (since is None or until is None):
            raise Refused(400, "since and until are required", code=2004)
        if since is None and until is None:
            return None
        if until is None:
            until = (since or 0) + 14 * DAY
        if since is None:
            since = until - 14 * DAY
        if since > until:
            raise Refused(400, "since cannot be after until", code=2005)
        if until - since > _WIDEST:
            raise Refused(400, "The window is too wide to be rendered in time", code=2016)
        return Window(int(since), int(until), self.request.flag("overflow"), 0 < until - since < 1)

    def wrong(self, name: str, message: str) -> Refused:
        return Refused(400, f"{name} {message}")

    def page(
        self,
        wrapper: str,
        items: Sequence[Item],
        write: Callable[[Item], Json],
        *,
        default: int = 25,
        most: int = 100,
        total: bool = True,
    ) -> Answer:
        """Answer with one page of at most ``most`` items. Only the items of the page are written."""
        limit, offset = min(self.number("limit", default, 1), most), self.number("offset", 0, 0)
        if offset + limit > MOST_RECORDS:
            raise Refused(400, "Offset plus limit must not be greater than 10000")
        limit = min(limit, self.state.largest_page or limit)
        page = self.request.page(items, offset, limit)
        payload: Json = {
            wrapper: [write(item) for item in page.items],
            "limit": limit,
            "offset": offset,
            "more": page.more,
        }
        if total:
            payload["total"] = page.total if self.request.flag("total") else None
        return Answer(200, payload)
