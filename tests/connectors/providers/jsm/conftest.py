"""A site of JSM Operations made of plain answers, behind the real HTTP client."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from connectors.providers.jsm.connector import JsmOperations
from connectors.redaction import Secret
from tests.connectors.providers.answering import NOW as NOW
from tests.connectors.providers.answering import Answering, Json

CLOUD = "3a015c30-bac7-4abc-97a1-50c1feea188a"
ORG = "0a238a02-0000-4000-8000-82a3dccd366a"
SITE = "acme.atlassian.net"
BASE = f"/jsm/ops/api/{CLOUD}"
EMAIL, TOKEN = "greta@example.com", "test-token-0123456789"
FORBIDDEN = (403, {"errors": [{"title": "You do not have permission to do this"}]})


def user(id_: str, **more: Any) -> Json:
    return {
        "accountId": id_,
        "accountType": "atlassian",
        "active": True,
        "displayName": f"User {id_}",
        "emailAddress": f"{id_.lower()}@example.com",
        "timeZone": "Europe/Berlin",
        "locale": "en_US",
        **more,
    }


def who(id_: str) -> Json:
    return {"type": "user", "id": id_}


def rotation(id_: str, *participants: Json | str, **more: Any) -> Json:
    return {
        "id": id_,
        "name": f"Rotation {id_}",
        "startDate": "2025-01-06T08:00:00Z",  # a Monday, 09:00 in Berlin
        "endDate": "",
        "type": "weekly",
        "length": 1,
        "participants": [who(one) if isinstance(one, str) else one for one in participants],
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
    responder = who(by) if isinstance(by, str) else by
    return {"alias": alias, "responder": responder, "startDate": start, "endDate": end, "rotationIds": [], **more}


def rule(minutes: Any, recipient: Json, notify: str = "default", **more: Any) -> Json:
    return {"condition": "if-not-acked", "notifyType": notify, "delay": minutes, "recipient": recipient, **more}


def escalation(id_: str, *rules: Json, **more: Any) -> Json:
    return {"id": id_, "name": f"Escalation {id_}", "description": "", "enabled": True, "rules": list(rules), **more}


def team(id_: str) -> Json:
    return {"teamId": id_, "teamName": f"Team {id_}"}


def routing(id_: str, notify: Json, *, default: bool = True, **more: Any) -> Json:
    return {
        "id": id_,
        "name": f"Rule {id_}",
        "order": 0,
        "isDefault": default,
        "timezone": "Europe/Berlin",
        "criteria": {"type": "match-all"},
        "notify": notify,
        **more,
    }


@dataclass
class Site(Answering):
    """Lists come by pages. ``below``: path below the base -> what is listed there."""

    root = BASE
    users: list[Json] = field(default_factory=list)
    teams: list[Json] = field(default_factory=list)
    schedules: list[Json] = field(default_factory=list)
    members: dict[str, list[str]] = field(default_factory=dict)
    below: dict[str, list[Json]] = field(default_factory=dict)

    def standard(self, path: str, query: Mapping[str, str]) -> Any:
        if path == "/_edge/tenant_info":
            return {"cloudId": CLOUD}
        if path == "/rest/api/3/myself":
            return user("GRETA")
        if path == "/rest/api/3/user/bulk":
            requested = [value for name, value in self.requests[-1].query if name == "accountId"]
            return {"values": [one for one in self.users if one["accountId"] in requested], "isLast": True}
        if path == "/rest/api/3/user":
            found = [one for one in self.users if one["accountId"] == query["accountId"]]
            return found[0] if found else (404, {"errorMessages": ["No such user"], "errors": {}})
        if path.endswith("/members"):
            ids = self.members.get(path.split("/")[-2], [])
            info = {"endCursor": None, "hasNextPage": False}
            return {"results": [{"accountId": id_} for id_ in ids], "pageInfo": info}
        if path == "/v1/teams":
            return {"platformTeams": self.teams}
        if path == "/v1/schedules":
            return page(path, self.schedules, query)
        if path == "/v1/forwarding-rules" or path in self.below or path.endswith(("rules", "escalations", "overrides")):
            return page(path, self.below.get(path, []), query)
        if path.endswith("/rotations"):
            return page(path, [], query)
        found = [one for one in self.schedules if path == f"/v1/schedules/{one['id']}"]
        return found[0] if found else (404, {"errors": [{"title": "Not found"}]})

    def connector(self, **settings: str) -> JsmOperations:
        typed = {"site": "acme", "cloud_id": CLOUD, "org_id": ORG, **settings}
        secrets = {"email": Secret(EMAIL), "api_token": Secret(TOKEN)}
        return JsmOperations(JsmOperations.clean(typed), secrets, self.rim())


def page(path: str, items: list[Json], query: Mapping[str, str]) -> Json:
    offset, size = int(query["offset"]), int(query["size"])
    links = {"next": f"{path}?offset={offset + size}&size={size}"} if offset + size < len(items) else {}
    return {"values": items[offset : offset + size], "links": links, "_expands": []}


@pytest.fixture
def make() -> ModuleType:
    """The builders of this file: ``make.user("ANA")``."""
    return sys.modules[__name__]


@pytest.fixture
def site() -> Site:
    """A site with two people, a team, a schedule and an escalation."""
    return Site(
        users=[user("ANA"), user("BO")],
        teams=[team("T1")],
        schedules=[schedule("S1", rotation("R1", "ANA", "BO"), teamId="T1")],
        members={"T1": ["BO", "ANA"]},
        below={
            "/v1/teams/T1/escalations": [escalation("E1", rule(0, {"type": "schedule", "id": "S1"}))],
            "/v1/teams/T1/routing-rules": [routing("Q1", {"type": "escalation", "id": "E1"})],
        },
    )


@pytest.fixture
def new_site() -> Callable[..., Site]:
    return Site
