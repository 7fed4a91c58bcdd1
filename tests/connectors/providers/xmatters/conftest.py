"""An xMatters instance made of plain answers, behind the real HTTP client."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.base import Rim
from connectors.exchange import Request, Response
from connectors.providers.xmatters.connector import XMatters
from connectors.redaction import Secret

Json = dict[str, Any]
NOW = 1_767_225_600  # 2026-01-01T00:00:00Z
PASSWORD = "test-password-0123456789"
ROOT = "/api/xm/1"
FORBIDDEN = (403, {"code": 403, "message": "You do not have permission", "reason": "Forbidden"})
GONE = (404, {"code": 404, "message": "The resource does not exist", "reason": "Not Found"})
UNAUTHORIZED = (401, {"code": 401, "message": "Invalid Credentials", "reason": "Unauthorized"})


def envelope(items: list[Any], **more: Any) -> Json:
    return {"count": len(items), "total": len(items), "data": items, "links": {"self": "/api/xm/1/x"}, **more}


def person(id_: str, **more: Any) -> Json:
    return {
        "id": id_,
        "targetName": id_.lower(),
        "recipientType": "PERSON",
        "firstName": id_.title(),
        "lastName": "Example",
        "webLogin": id_.lower(),
        "timezone": "Europe/Berlin",
        "status": "ACTIVE",
        "licenseType": "FULL_USER",
        "phonePin": "4711-pin",
        "phoneLogin": "4712-login",
        "properties": {"Door": "4713-property"},
        **more,
    }


def who(id_: str, kind: str = "PERSON", **more: Any) -> Json:
    return {"id": id_, "targetName": id_.lower(), "recipientType": kind, **more}


def device(id_: str, owner: str, kind: str = "EMAIL", **more: Any) -> Json:
    address = {"emailAddress": f"{owner.lower()}@example.com"} if kind == "EMAIL" else {"phoneNumber": "+15555550100"}
    return {
        "id": id_,
        "name": f"{kind} of {owner}",
        "deviceType": kind,
        "owner": who(owner),
        "sequence": 1,
        "delay": 0,
        "status": "ACTIVE",
        "testStatus": "TESTED",
        **address,
        **more,
    }


def group(id_: str, kind: str | None = "ON_CALL", **more: Any) -> Json:
    typed = {} if kind is None else {"groupType": kind}
    return {"id": id_, "targetName": f"Group {id_}", "recipientType": "GROUP", "status": "ACTIVE", **typed, **more}


def seat(position: int, who_: str | Json, delay: int = 0, **more: Any) -> Json:
    recipient = who(who_) if isinstance(who_, str) else who_
    return {"position": position, "delay": delay, "escalationType": "NONE", "recipient": recipient, **more}


def shift(id_: str, *seats: Json, **more: Any) -> Json:
    """Weekdays from 09:00 to 17:00 in Berlin, since Monday 2025-01-06."""
    return {
        "id": id_,
        "name": f"Shift {id_}",
        "start": "2025-01-06T08:00:00.000Z",
        "end": "2025-01-06T16:00:00Z",
        "timezone": "Europe/Berlin",
        "recurrence": {"frequency": "EVERY_WEEKDAY", "end": {"endBy": "NEVER"}},
        "members": envelope(list(seats)),
        "rotation": {"type": "BASIC"},
        "exclusions": [],
        **more,
    }


def absence(id_: str, absent: str, start: str, end: str, by: str | None = None, group_: str | None = None) -> Json:
    made: Json = {"id": id_, "absenceType": "REPLACEMENT" if by else "VACANCY", "start": start, "end": end}
    made["member"] = who(absent)
    return {**made, **({"replacement": who(by)} if by else {}), **({"group": {"id": group_}} if group_ else {})}


@dataclass
class Instance:
    """``answers``: path after the API root -> JSON body, (status, body) or a function of the query giving either; they
    come before everything else. rosters, shifts: by group id."""

    people: list[Json] = field(default_factory=list)
    devices: list[Json] = field(default_factory=list)
    groups: list[Json] = field(default_factory=list)
    rosters: dict[str, list[Json]] = field(default_factory=dict)
    shifts: dict[str, list[Json]] = field(default_factory=dict)
    services: list[Json] = field(default_factory=list)
    sites: list[Json] = field(default_factory=list)
    absences: list[Json] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    now: float = NOW

    def exchange(self, request: Request, *, headers: Mapping[str, str], deadline: float) -> Response:
        self.requests.append(request)
        self.headers.append(headers)
        path = request.path.removeprefix(ROOT)
        answer = self.answers.get(path)
        if callable(answer):
            answer = answer(dict(request.query))
        if answer is None:
            answer = self._standard(path, dict(request.query))
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return Response(status, {"content-type": "application/json"}, json.dumps(body).encode())

    def _standard(self, path: str, query: Mapping[str, str]) -> Any:
        parts = path.strip("/").split("/")
        lists = {"temporary-absences": self.absences}
        listing: list[Json] | None = lists.get(parts[0], getattr(self, parts[0], None))
        if listing is None:
            return GONE
        if len(parts) == 1:
            return page(path, listing, query)
        if parts[0] == "people" and len(parts) == 3:
            return page(path, [one for one in self.devices if one["owner"]["id"] == parts[1]], query)
        if len(parts) == 2:
            return next((one for one in listing if one.get("id") == parts[1]), GONE)
        if parts[2] == "members":
            return page(
                path, [{"group": {"id": parts[1]}, "member": one} for one in self.rosters.get(parts[1], [])], query
            )
        if parts[2:] == ["shifts"]:
            return page(path, self.shifts.get(parts[1], []), query)
        return GONE

    def paths(self) -> list[str]:
        return [request.path.removeprefix(ROOT) for request in self.requests]

    def connector(self, **settings: str) -> XMatters:
        rim = Rim(self, now=lambda: self.now, sleep=lambda seconds: None)
        given = {"base_url": "https://acme.xmatters.com", "username": "reader", **settings}
        return XMatters(XMatters.clean(given), {"password": Secret(PASSWORD)}, rim)


def page(path: str, items: list[Json], query: Mapping[str, str]) -> Json:
    offset, limit = int(query["offset"]), int(query["limit"])
    links = {"self": f"{ROOT}{path}?offset={offset}&limit={limit}"}
    if offset + limit < len(items):
        links["next"] = f"{ROOT}{path}?offset={offset + limit}&limit={limit}"
    shown = items[offset : offset + limit]
    return {"count": len(shown), "total": len(items), "data": shown, "links": links}


class Make:
    """The builders, for tests: ``make.person("ANA")``."""

    NOW, PASSWORD, ROOT = NOW, PASSWORD, ROOT
    FORBIDDEN, GONE, UNAUTHORIZED = FORBIDDEN, GONE, UNAUTHORIZED
    envelope = staticmethod(envelope)
    person = staticmethod(person)
    who = staticmethod(who)
    device = staticmethod(device)
    group = staticmethod(group)
    seat = staticmethod(seat)
    shift = staticmethod(shift)
    absence = staticmethod(absence)
    page = staticmethod(page)


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest.fixture
def instance() -> Instance:
    """An on-call group of two with one shift and a service."""
    return Instance(
        people=[person("ANA"), person("BO")],
        devices=[device("D1", "ANA"), device("D2", "BO")],
        groups=[group("G1")],
        rosters={"G1": [who("ANA"), who("BO")]},
        shifts={"G1": [shift("S1", seat(1, "ANA"), seat(2, "BO", 10))]},
        services=[{"id": "V1", "targetName": "Web", "recipientType": "SERVICE", "ownedBy": {"id": "G1"}}],
    )


@pytest.fixture
def new_instance() -> Callable[..., Instance]:
    return Instance
