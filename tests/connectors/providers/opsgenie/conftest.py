"""An Opsgenie account made of plain answers, behind the real HTTP client."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from connectors.providers.opsgenie.connector import Opsgenie
from connectors.redaction import Secret
from tests.connectors.providers.answering import NOW as NOW
from tests.connectors.providers.answering import Answering, Json

KEY = "test-key-0123456789"
HIDDEN = (403, {"code": 40301, "message": "Api key is not authorized to access it", "took": 0.0, "requestId": "r"})


def user(id_: str, **more: Any) -> Json:
    return {
        "id": id_,
        "username": f"{id_.lower()}@example.com",
        "fullName": f"User {id_}",
        "role": {"id": "User", "name": "User"},
        "blocked": False,
        "verified": True,
        "timeZone": "Europe/Berlin",
        "locale": "en_US",
        **more,
    }


def who(id_: str) -> Json:
    return {"type": "user", "id": id_, "username": f"{id_.lower()}@example.com"}


def meta(id_: str) -> Json:
    return {"id": id_, "username": f"{id_.lower()}@example.com"}


def rotation(id_: str, *participants: Json | str, **more: Any) -> Json:
    people = [who(one) if isinstance(one, str) else one for one in participants]
    return {
        "id": id_,
        "name": f"Rotation {id_}",
        "startDate": "2025-01-06T08:00:00Z",  # a Monday, 09:00 in Berlin
        "type": "weekly",
        "length": 1,
        "participants": people,
        **more,
    }


def schedule(id_: str, *rotations: Json, **more: Any) -> Json:
    return {
        "id": id_,
        "name": f"Schedule {id_}",
        "description": "",
        "timezone": "Europe/Berlin",
        "enabled": True,
        "rotations": list(rotations),
        **more,
    }


def override(alias: str, start: str, end: str, by: Json | str = "BO", **more: Any) -> Json:
    return {
        "alias": alias,
        "user": who(by) if isinstance(by, str) else by,
        "startDate": start,
        "endDate": end,
        "rotations": [],
        **more,
    }


def rule(minutes: int, recipient: Json, notify: str = "default", **more: Any) -> Json:
    return {
        "condition": "if-not-acked",
        "notifyType": notify,
        "delay": {"timeAmount": minutes, "timeUnit": "minutes"},
        "recipient": recipient,
        **more,
    }


def escalation(id_: str, *rules: Json, **more: Any) -> Json:
    return {"id": id_, "name": f"Escalation {id_}", "description": "", "rules": list(rules), **more}


def team(id_: str, *members: str, **more: Any) -> Json:
    people = [{"user": meta(id_), "role": "user"} for id_ in members]
    return {"id": id_, "name": f"Team {id_}", "description": "", "members": people, **more}


def routing(id_: str, notify: Json, *, default: bool = True, **more: Any) -> Json:
    return {
        "id": id_,
        "name": f"Rule {id_}",
        "isDefault": default,
        "order": 0,
        "criteria": {"type": "match-all"},
        "notify": notify,
        **more,
    }


def forwarding(id_: str, from_: str, to: str, start: str, end: str) -> Json:
    return {"id": id_, "alias": "", "fromUser": meta(from_), "toUser": meta(to), "startDate": start, "endDate": end}


def data(value: Any, **more: Any) -> Json:
    return {"data": value, "took": 0.1, "requestId": "r", **more}


@dataclass
class Account(Answering):
    """Lists are served whole, users and services by pages."""

    users: list[Json] = field(default_factory=list)
    teams: list[Json] = field(default_factory=list)
    schedules: list[Json] = field(default_factory=list)
    escalations: list[Json] = field(default_factory=list)
    services: list[Json] = field(default_factory=list)
    forwarding_rules: list[Json] = field(default_factory=list)

    def standard(self, path: str, query: Mapping[str, str]) -> Any:
        parts = path.strip("/").split("/")
        kind = parts[1].replace("-", "_")
        if kind == "account":
            return data({"name": "acme", "userCount": len(self.users), "plan": {"name": "Enterprise"}})
        listing: list[Json] = getattr(self, kind, [])
        if len(parts) == 2 and kind in ("users", "services"):
            return page(path, listing, query)
        if len(parts) == 2 and kind in ("teams", "schedules", "escalations", "forwarding_rules"):
            return data([self._listed(kind, one, query) for one in listing])
        found = next((one for one in listing if one.get("id") == parts[2]), None) if len(parts) > 2 else None
        if found is not None and len(parts) == 3:
            bare = {key: value for key, value in found.items() if key != "userContacts"}
            return data(found if query.get("expand") == "contact" or kind != "users" else bare)
        if found is not None and parts[3] in ("overrides", "routing-rules", "contacts"):
            return data([])
        return 404, {"message": "No such thing", "took": 0.0, "requestId": "r"}

    def _listed(self, kind: str, one: Json, query: Mapping[str, str]) -> Json:
        if kind == "teams":
            return {key: value for key, value in one.items() if key != "members"}
        if kind == "schedules" and query.get("expand") != "rotation":
            return {**one, "rotations": []}
        return one

    def connector(self, **settings: str) -> Opsgenie:
        return Opsgenie(Opsgenie.clean(settings), {"api_key": Secret(KEY)}, self.rim())


def page(path: str, items: list[Json], query: Mapping[str, str]) -> Json:
    offset, limit = int(query["offset"]), int(query["limit"])
    shown = items[offset : offset + limit]
    clean = [{key: value for key, value in one.items() if key != "userContacts"} for one in shown]
    paging = {"first": f"http://api.opsgenie.com{path}?limit={limit}&offset=0"}
    if offset + limit < len(items):
        paging["next"] = f"http://api.opsgenie.com{path}?limit={limit}&offset={offset + limit}&order=ASC"
    return data(clean, paging=paging, totalCount=len(items))


@pytest.fixture
def make() -> ModuleType:
    """The builders of this file: ``make.user("ANA")``."""
    return sys.modules[__name__]


@pytest.fixture
def account() -> Account:
    """An account with one person and nothing else."""
    return Account(users=[user("ANA")])


@pytest.fixture
def new_account() -> Callable[..., Account]:
    return Account
