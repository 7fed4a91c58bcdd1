"""One request to xMatters: its parameters, the objects that the caller may see, pages, and refusals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from connectors.simulator.exchange import Answer, Item, Request
from connectors.simulator.parameters import Parameters
from connectors.simulator.xmatters.callers import Caller
from connectors.simulator.xmatters.model import Group, Person, Shift
from connectors.simulator.xmatters.state import State

Json = dict[str, Any]
ROOT = "/api/xm/1"
USUAL, MOST = 100, 1000
_REASONS = {
    400: ("Bad Request", "The request could not be understood"),
    401: ("Unauthorized", "Invalid Credentials"),
    403: ("Forbidden", "You do not have permission to perform this action"),
    404: ("Not Found", "The resource does not exist"),
    405: ("Method Not Allowed", "This simulator can be read only"),
    406: ("Not Acceptable", "Only application/json can be sent"),
    415: ("Unsupported Media Type", "The body has a type that is not taken here"),
    429: ("Too Many Requests", "Wait a few minutes before you ask again"),
}


class Refused(Exception):
    """The request is answered with an error. ``token``: the error has the form of a refused token."""

    def __init__(self, status: int, message: str | None = None, *, subcode: str = "", token: bool = False) -> None:
        super().__init__(status, message)
        self.status = status
        self.reason, usual = _REASONS.get(status, ("Internal Server Error", "Something went wrong"))
        self.message = message or usual
        self.subcode = subcode
        self.token = token

    def answer(self) -> Answer:
        if self.token:
            return Answer(self.status, {"error": "invalid_token"})
        body: Json = {"code": self.status, "message": self.message, "reason": self.reason}
        return Answer(self.status, body | ({"subcode": self.subcode} if self.subcode else {}))


@dataclass(frozen=True, slots=True)
class ApiCall(Parameters):
    """One request of a known caller. ``path`` is the path below the root, still encoded."""

    state: State
    request: Request
    caller: Caller
    path: str
    now: float

    # Parameters.

    def listed(self, name: str) -> list[str]:
        """Return the values of a list. A comma separates values; an encoded comma belongs to a value."""
        if not self.request.raw_query:
            return [value for text in self.request.many(name) for value in text.split(",") if value]
        pairs = [pair.partition("=") for pair in self.request.raw_query.split("&")]
        texts = [text for key, _, text in pairs if unquote(key) == name]
        return [unquote(value.replace("+", " ")) for text in texts for value in text.split(",") if value]

    @property
    def embedded(self) -> frozenset[str]:
        return frozenset(self.listed("embed"))

    def moment(self, name: str) -> float | None:
        """Return UTC seconds of an ISO date-time, or None without the parameter."""
        moment = self.instant(name)
        if moment is not None and not 0 <= moment < 4_102_444_800:
            raise self.wrong(name, "is too far away")
        return moment

    def wrong(self, name: str, message: str) -> Refused:
        return Refused(400, f"{name} {message}")

    def word(self, name: str, choices: Sequence[str]) -> str | None:
        text = self.request.one(name)
        if text is not None and text not in choices:
            raise self.wrong(name, f"must be one of {', '.join(choices)}")
        return text

    # Objects, by id or by name.

    def person(self, identifier: str) -> Person:
        return self._found(self.state.people, identifier, lambda one: one.target_name)

    def group(self, identifier: str) -> Group:
        found = self._found(self.state.groups, identifier, lambda one: one.name)
        if not self.sees(found):
            raise Refused(403)
        return found

    def shift(self, group: Group, identifier: str) -> Shift:
        own = {shift.id: shift for shift in self.state.shifts_of(group.id)}
        return self._found(own, identifier, lambda one: one.name)

    def sees(self, group: Group) -> bool:
        return not (self.caller.limited and group.restricted)

    @staticmethod
    def _found(objects: dict[str, Item], identifier: str, name: Callable[[Item], str]) -> Item:
        if identifier in objects:
            return objects[identifier]
        found = next((one for one in objects.values() if name(one) == identifier), None)
        if found is None:
            raise Refused(404)
        return found

    # Lists.

    def page(self, items: Sequence[Item], write: Callable[[Item], Json], *, kept: Sequence[str] = ("embed",)) -> Answer:
        """Answer with one page. ``links`` are paths from the root; they repeat the parameters of ``kept``."""
        limit, offset = self.number("limit", USUAL, 1, MOST), self.number("offset", 0, 0, 10**9)
        page = self.request.page(items, offset, limit)
        written = [write(item) for item in page.items]
        drift = offset // limit if self.state.habits.drifting_totals else 0
        base = f"{ROOT}{self.path}"
        return Answer(200, envelope(written, page.total + drift, base, offset, limit, self._kept(kept), more=page.more))

    def _kept(self, names: Sequence[str]) -> str:
        pairs = [(name, ",".join(quote(one, safe="") for one in self.listed(name))) for name in names]
        return "".join(f"{name}={text}&" for name, text in pairs if text)

    def nested(self, items: Sequence[Item], write: Callable[[Item], Json], path: str, most: int | None = None) -> Json:
        """Return a list inside an object, with at most ``most`` items. The rest can be read at ``path``."""
        limit = min(self.state.habits.nested_limit, USUAL if most is None else most)
        written = [write(item) for item in items[:limit]]
        return envelope(written, len(items), ROOT + path, 0, limit, "", more=limit < len(items))


def envelope(written: list[Json], total: int, base: str, offset: int, limit: int, kept: str, *, more: bool) -> Json:
    """Return the form of every list. ``next`` is absent on the last page, ``previous`` on the first."""

    def link(at: int) -> str:
        return f"{base}?{kept}offset={at}&limit={limit}"

    links = {"self": link(offset)}
    if more:
        links["next"] = link(offset + limit)
    if offset:
        links["previous"] = link(max(0, offset - limit))
    return {"count": len(written), "total": total, "data": written, "links": links}
