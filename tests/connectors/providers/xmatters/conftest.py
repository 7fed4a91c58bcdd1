"""A fake xMatters instance with fixed answers, which is read through the real HTTP client."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.providers.xmatters.connector import XMatters
from connectors.redaction import Secret
from tests.connectors.providers.answering import NOW as NOW
from tests.connectors.providers.answering import Answering, Json

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
    """Returns a shift on weekdays from 09:00 to 17:00 in Berlin, since Monday 2025-01-06."""
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
class Instance(Answering):
    """A fake instance. rosters, shifts: by group id."""

    root = ROOT
    people: list[Json] = field(default_factory=list)
    devices: list[Json] = field(default_factory=list)
    groups: list[Json] = field(default_factory=list)
    rosters: dict[str, list[Json]] = field(default_factory=dict)
    shifts: dict[str, list[Json]] = field(default_factory=dict)
    services: list[Json] = field(default_factory=list)
    sites: list[Json] = field(default_factory=list)
    absences: list[Json] = field(default_factory=list)

    def standard(self, path: str, query: Mapping[str, str]) -> Any:
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

    def connector(self, learnt: Mapping[str, bool] | None = None, **settings: str) -> XMatters:
        given = {"base_url": "https://acme.xmatters.com", "username": "reader", **settings}
        connector = XMatters(XMatters.clean(given), {"password": Secret(PASSWORD)}, self.rim())
        connector.learnt = learnt or {}
        return connector


def page(path: str, items: list[Json], query: Mapping[str, str]) -> Json:
    offset, limit = int(query["offset"]), int(query["limit"])
    links = {"self": f"{ROOT}{path}?offset={offset}&limit={limit}"}
    if offset + limit < len(items):
        links["next"] = f"{ROOT}{path}?offset={offset + limit}&limit={limit}"
    shown = items[offset : offset + limit]
    return {"count": len(shown), "total": len(items), "data": shown, "links": links}


@pytest.fixture
def instance() -> Instance:
    """An instance with an on-call group of two people, one shift and a service."""
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
