"""What a caller asks for: pages, dates, objects it may see, and the answers when it may not.

Errors of Operations are ``{"errors": [{"title"}]}``, those of Jira's own REST API ``{"errorMessages", "errors"}``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from connectors.simulator.atlassian.state import State
from connectors.simulator.atlassian.wire import Json
from connectors.simulator.exchange import Answer, Request
from connectors.simulator.jsm.callers import Caller
from connectors.simulator.zones import DAY, parse_instant

Item = TypeVar("Item")
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
    """The request is answered with an error; ``jira``: in the words of Jira's own REST API."""

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
class Asked:
    """One request of a known caller. ``path`` is the path after the base. ``turn`` counts requests."""

    state: State
    request: Request
    caller: Caller
    path: str
    now: float
    turn: int
    bare_teams: bool = False

    @property
    def expanded(self) -> list[str]:
        """Values of ``expand``, which may be repeated or separated by commas."""
        return [word for text in self.request.many("expand") for word in text.split(",") if word]

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
        """An ISO date-time, default now; a "+" that was not encoded arrives as a blank."""
        text = self.request.one(name)
        if text is None:
            return self.now
        try:
            return parse_instant(text.replace(" ", "+"), "Etc/UTC")
        except (ValueError, OverflowError):
            raise Refused(422, f"{name} must be an ISO 8601 date-time") from None

    def within_reach(self, since: int, until: int) -> None:
        """Timelines reach a year back and two years ahead."""
        if since < self.now - 366 * DAY or until > self.now + 731 * DAY:
            raise Refused(422, "The timeline may begin a year ago at most and end two years from now")

    def number(self, name: str, default: int, least: int) -> int:
        text = self.request.one(name)
        if text is None:
            return default
        if not text.isdecimal() or int(text) < least:
            raise Refused(422, f"{name} must be a number of at least {least}")
        return int(text)

    def page(
        self,
        items: Sequence[Item],
        write: Callable[[Item], Json],
        *,
        expands: Sequence[str] = (),
        last: bool = False,
    ) -> Answer:
        """One page. ``links.next`` is a path below the base, and absent on the last page."""
        size, offset = min(self.number("size", USUAL, 1), MOST), self.number("offset", 0, 0)
        items = items[: self.request.shrink]
        start = 0 if self.request.loop else offset

        def link(at: int) -> str:
            return f"{self.path}?{urlencode({'offset': at, 'size': size})}"

        links = {"last": link((len(items) - 1) // size * size if items else 0)} if last else {}
        if self.request.loop or offset + size < len(items):
            links["next"] = link(offset + size)
        payload: Json = {"values": [write(item) for item in items[start : start + size]], "links": links}
        return Answer(200, payload | ({"_expands": list(expands)} if expands else {}))
