"""One request to Opsgenie: key and rights, parameters, pages, and refusals.

Recorded: ``{"code": 40301, "message": "Api key is not authorized to access the schedule"}`` and a 402 without a code.
Other codes are unknown. They are left out, which the vendor's schema allows.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from connectors.simulator.atlassian.state import State
from connectors.simulator.atlassian.wire import Json
from connectors.simulator.exchange import Answer, Item, Request
from connectors.simulator.opsgenie.keys import ApiKey
from connectors.simulator.parameters import Parameters

API = "http://api.opsgenie.com"
"""Origin of paging links. They are absolute and use http, as in the vendor's samples."""
MOST = 100
NOT_AUTHORISED = 40301
OPEN = frozenset({"account", "limits", "on-calls"})
ACCOUNT_WIDE = frozenset({"account", "users", "forwarding-rules"})
_FORMAT = re.compile(r"[0-9A-Za-z-]+")
_MESSAGES = {
    400: "Request body is not processable. Please check the errors.",
    401: "Could not authenticate",
    402: "Your plan does not allow this",
    403: "You are not authorized to access this resource",
    404: "Requested resource does not exist",
    405: "Request method is not supported",
    422: "Request is not processable",
    429: "You are making too many requests!",
}


class Refused(Exception):
    """The request is answered with an error."""

    def __init__(self, status: int, message: str | None = None, **errors: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message or _MESSAGES.get(status, "Something went wrong")
        self.errors = errors

    def answer(self) -> Answer:
        payload: Json = {"message": self.message}
        if self.status == 403:
            payload["code"] = NOT_AUTHORISED
        if self.errors:
            payload["errors"] = self.errors
        return Answer(self.status, payload)


@dataclass(frozen=True, slots=True)
class ApiCall(Parameters):
    """One request of a known caller. ``now`` may have fractions of a second. ``request_number`` counts requests."""

    state: State
    request: Request
    key: ApiKey
    now: float
    request_number: int = 0

    def demand(self, right: str) -> None:
        """Refuse a key without the right of the route.

        All rights except OPEN need configuration access. The rights of ACCOUNT_WIDE need a key of the account.
        """
        if right in self.key.denied or not (self.key.configuration or right in OPEN):
            raise Refused(403, "Api key is not authorized to access the configuration")
        if self.key.team_id is not None and right in ACCOUNT_WIDE:
            raise Refused(403, "Api key is not authorized to access the account")

    def visible(self, team_id: str | None) -> bool:
        return self.key.team_id is None or team_id == self.key.team_id

    def found(self, kind: str, identifier: str, parameter: str = "identifierType") -> Any:
        """Return a visible team, schedule or escalation by id, or by name when the request has that identifier type."""
        objects = self.state.objects(kind)
        by_name = self.request.one(parameter) == "name"
        wanted = next((one for one in objects.values() if one.name == identifier), None) if by_name else None
        wanted = wanted if by_name else objects.get(identifier)
        if wanted is None and self.key.team_id is None:
            raise Refused(404, f"No {kind} exists with {'name' if by_name else 'id'} [{identifier}]")
        if wanted is None or not self.visible(wanted.id if kind == "team" else wanted.team_id):
            raise Refused(403, f"Api key is not authorized to access the {kind}")
        return wanted

    def moment(self, name: str) -> float:
        """Return UTC seconds of an ISO date-time; without the parameter, now."""
        moment = self.instant(name)
        if moment is None:
            return self.now
        if not 0 <= moment < 4_102_444_800:
            raise self.wrong(name, "is too far away")
        return moment

    def wrong(self, name: str, message: str) -> Refused:
        return Refused(422, **{name: message})

    def whole(self, items: Sequence[Item], write: Callable[[Item], Json], *, expandable: Sequence[str] = ()) -> Answer:
        """Answer with a whole list; the vendor does not page it."""
        payload: Json = {"data": [write(item) for item in items[: self.request.shrink]]}
        if expandable:
            payload["expandable"] = list(expandable)
        return Answer(200, payload)

    def page(
        self, items: Sequence[Item], write: Callable[[Item], Json], *, total: bool = False, **echoed: str
    ) -> Answer:
        """Answer with one page of at most 100 objects. ``next`` is absent on the last page, ``prev`` on the first."""
        limit, offset = min(self.number("limit", MOST, 1), MOST), self.number("offset", 0, 0)
        page = self.request.page(items, offset, limit)

        def link(at: int) -> str:
            return f"{API}{self.request.path}?{urlencode({'limit': limit, 'offset': at, **echoed})}"

        links = {"first": link(0), "last": link((page.total - 1) // limit * limit if page.total else 0)}
        if offset:
            links["prev"] = link(max(0, offset - limit))
        if page.more:
            links["next"] = link(offset + limit)
        payload: Json = {"data": [write(item) for item in page.items], "paging": links}
        if total:
            payload["totalCount"] = page.total
        return Answer(200, payload, {f"X-Paging-{name.title()}": url for name, url in links.items()})


def key_of(header: str) -> str:
    """Return the key of an Authorization header. A malformed key is answered with 422."""
    scheme, _, key = header.partition(" ")
    if scheme != "GenieKey" or not key:
        raise Refused(401)
    if not _FORMAT.fullmatch(key):
        raise Refused(422, "Key format is not valid!")
    return key
