"""One request to JSM Operations: its parameters, the objects that the caller may see, pages, and refusals.

Errors of Operations are ``{"errors": [{"title"}]}``, those of Jira's own REST API ``{"errorMessages", "errors"}``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from connectors.simulator.atlassian.state import State
from connectors.simulator.atlassian.wire import Json
from connectors.simulator.exchange import Answer, Item, Request
from connectors.simulator.jsm.callers import Caller
from connectors.simulator.parameters import Parameters
from connectors.simulator.zones import DAY

USUAL = 25
MOST = 100
_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "You do not have permission to do this",
    404: "Not found",
    405: "Method not allowed",
    422: "Request is not processable",
    429: "Rate limit exceeded",
}


class Refused(Exception):
    """The request is answered with an error. ``jira``: the error has the form of Jira's own REST API."""

    def __init__(self, status: int, title: str | None = None, *, jira: bool = False) -> None:
        super().__init__(status, title)
        self.status = status
        self.title = title or _TITLES.get(status, "Something went wrong")
        self.jira = jira

    def answer(self) -> Answer:
        if self.jira:
            return Answer(self.status, {"errorMessages": [self.title], "errors": {}})
        return Answer(self.status, {"errors": [{"title": self.title}]})


@dataclass(frozen=True, slots=True)
class ApiCall(Parameters):
    """One request of a known caller. ``path`` is the path below the base. ``request_number`` counts requests."""

    state: State
    request: Request
    caller: Caller
    path: str
    now: float
    request_number: int
    bare_teams: bool = False

    def schedule(self, identifier: str) -> Any:
        schedule = self.state.schedules.get(identifier)
        if schedule is None:
            raise Refused(404, "Schedule not found")
        if not self.caller.sees(self.state, schedule):
            raise Refused(403)
        return schedule

    def team(self, identifier: str) -> Any:
        if identifier not in self.state.teams:
            raise Refused(404, "Team not found")
        found = next((team for team in self.caller.teams(self.state) if team.id == identifier), None)
        if found is None:
            raise Refused(403)
        return found

    def moment(self, name: str) -> float:
        """Return UTC seconds of an ISO date-time; without the parameter, now."""
        moment = self.instant(name)
        return self.now if moment is None else moment

    def wrong(self, name: str, message: str) -> Refused:
        return Refused(422, f"{name} {message}")

    def within_reach(self, since: int, until: int) -> None:
        """Refuse a timeline that begins more than a year ago or ends more than two years from now."""
        if since < self.now - 366 * DAY or until > self.now + 731 * DAY:
            raise Refused(422, "The timeline may begin a year ago at most and end two years from now")

    def page(
        self,
        items: Sequence[Item],
        write: Callable[[Item], Json],
        *,
        expands: Sequence[str] = (),
        last: bool = False,
    ) -> Answer:
        """Answer with one page. ``links.next`` is a path below the base; it is absent on the last page."""
        size, offset = min(self.number("size", USUAL, 1), MOST), self.number("offset", 0, 0)
        page = self.request.page(items, offset, size)

        def link(at: int) -> str:
            return f"{self.path}?{urlencode({'offset': at, 'size': size})}"

        links = {"last": link((page.total - 1) // size * size if page.total else 0)} if last else {}
        if page.more:
            links["next"] = link(offset + size)
        payload: Json = {"values": [write(item) for item in page.items], "links": links}
        return Answer(200, payload | ({"_expands": list(expands)} if expands else {}))
