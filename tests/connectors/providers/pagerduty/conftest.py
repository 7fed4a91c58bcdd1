"""A fake PagerDuty account with fixed answers, which is read through the real HTTP client."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.providers.pagerduty.connector import PagerDuty
from connectors.redaction import Secret
from tests.connectors.providers.answering import NOW as NOW
from tests.connectors.providers.answering import Answering, Json

KEY = "test-key-0123456789"


def reference(kind: str, id_: str, **more: Any) -> Json:
    url = None if more.get("deleted_at") else f"https://acme.pagerduty.com/{kind}s/{id_}"
    return {"id": id_, "type": f"{kind}_reference", "summary": f"{kind} {id_}", "self": None, "html_url": url, **more}


def user(id_: str, **more: Any) -> Json:
    return {
        "id": id_,
        "type": "user",
        "summary": f"User {id_}",
        "html_url": f"https://acme.pagerduty.com/users/{id_}",
        "name": f"User {id_}",
        "email": f"{id_.lower()}@example.com",
        "time_zone": "Europe/Berlin",
        "job_title": None,
        "contact_methods": [],
        "notification_rules": [],
        **more,
    }


def layer(id_: str, *users: str, **more: Any) -> Json:
    return {
        "id": id_,
        "name": f"Layer {id_}",
        "start": "2025-01-06T09:00:00+01:00",
        "end": None,
        "rotation_virtual_start": "2025-01-06T09:00:00+01:00",
        "rotation_turn_length_seconds": 604_800,
        "users": [{"user": reference("user", user)} for user in users],
        "restrictions": [],
        "rendered_schedule_entries": [],
        "rendered_coverage_percentage": None,
        **more,
    }


def schedule(id_: str, *layers: Json, **more: Any) -> Json:
    people = {slot["user"]["id"]: slot["user"] for one in layers for slot in one["users"]}
    return {
        "id": id_,
        "type": "schedule",
        "summary": f"Schedule {id_}",
        "html_url": f"https://acme.pagerduty.com/schedules/{id_}",
        "name": f"Schedule {id_}",
        "description": None,
        "time_zone": "Europe/Berlin",
        "users": list(people.values()),
        "teams": [],
        "escalation_policies": [],
        "schedule_layers": list(layers),
        "overrides_subschedule": {
            "name": "Overrides",
            "rendered_schedule_entries": [],
            "rendered_coverage_percentage": 0.0,
        },
        **more,
    }


def policy(id_: str, *levels: list[Json], **more: Any) -> Json:
    rules = [{"id": f"R{i}", "escalation_delay_in_minutes": 10, "targets": t} for i, t in enumerate(levels)]
    return {
        "id": id_,
        "type": "escalation_policy",
        "name": f"Policy {id_}",
        "html_url": f"https://acme.pagerduty.com/escalation_policies/{id_}",
        "num_loops": 0,
        "teams": [],
        "escalation_rules": rules,
        **more,
    }


@dataclass
class Account(Answering):
    """A fake account. It serves the lists ``users``, ``teams``, ... in pages, and their objects one by one."""

    users: list[Json] = field(default_factory=list)
    teams: list[Json] = field(default_factory=list)
    schedules: list[Json] = field(default_factory=list)
    escalation_policies: list[Json] = field(default_factory=list)
    services: list[Json] = field(default_factory=list)

    def standard(self, path: str, query: Mapping[str, str]) -> Any:
        parts = path.strip("/").split("/")
        listing: list[Json] | None = getattr(self, parts[0], None) if parts[0] in _LISTS else None
        if listing is not None and len(parts) == 1:
            if parts == ["schedules"] and "include[]" not in query:
                hidden = ("schedule_layers", "overrides_subschedule", "final_schedule")
                listing = [{k: v for k, v in one.items() if k not in hidden} for one in listing]
            return page(parts[0], listing, query)
        if listing is not None and len(parts) == 2:
            found = next((one for one in listing if one.get("id") == parts[1]), None)
            if found is not None:
                return {parts[0][:-1]: found}
        if listing is not None and parts[-1] == "members":
            return page("members", [], query)
        if path == "/abilities":
            return {"abilities": ["teams"]}
        return 404, {"error": {"message": "Not Found", "code": 2100}}

    def connector(self, **settings: str) -> PagerDuty:
        return PagerDuty(PagerDuty.clean({"subdomain": "acme", **settings}), {"api_key": Secret(KEY)}, self.rim())


_LISTS = ("users", "teams", "schedules", "escalation_policies", "services")


def page(key: str, items: list[Json], query: Mapping[str, str]) -> Json:
    offset, limit = int(query["offset"]), int(query["limit"])
    total = len(items) if query.get("total") == "true" else None
    return {
        key: items[offset : offset + limit],
        "offset": offset,
        "limit": limit,
        "more": offset + limit < len(items),
        "total": total,
    }


@pytest.fixture
def account() -> Account:
    """An account with the subdomain acme and one person."""
    return Account(users=[user("PANA")])


@pytest.fixture
def new_account() -> Callable[..., Account]:
    return Account
