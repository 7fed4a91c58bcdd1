"""Planning with diffsync, for comparison: one model per kind, elements as children of their object.

The attributes are the values of the records without conversion, which is the least work for diffsync.
"""

import logging
from collections.abc import Iterable
from typing import Any, ClassVar

import structlog
from diffsync import Adapter, DiffSyncModel

from connectors.records import Snapshot

# diffsync writes each comparison to stdout. This output is not part of the compared work.
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


class Element(DiffSyncModel):
    _modelname = "element"
    _identifiers = ("owner", "key")
    _attributes = ("content",)

    owner: str
    key: str
    content: Any


class Person(DiffSyncModel):
    _modelname = "person"
    _identifiers = ("external_id",)
    _attributes = ("name", "email", "state", "time_zone", "title")
    _children: ClassVar[dict[str, str]] = {"element": "elements"}

    external_id: str
    name: str
    email: str | None
    state: str
    time_zone: str | None
    title: str
    elements: list[str] = []


class Team(DiffSyncModel):
    _modelname = "team"
    _identifiers = ("external_id",)
    _attributes = ("name", "description")
    _children: ClassVar[dict[str, str]] = {"element": "elements"}

    external_id: str
    name: str
    description: str
    elements: list[str] = []


class Schedule(DiffSyncModel):
    _modelname = "schedule"
    _identifiers = ("external_id",)
    _attributes = ("name", "description", "time_zone", "composition", "layers", "group_ids")
    _children: ClassVar[dict[str, str]] = {"element": "elements"}

    external_id: str
    name: str
    description: str
    time_zone: str | None
    composition: str
    layers: Any
    group_ids: Any
    elements: list[str] = []


class Policy(DiffSyncModel):
    _modelname = "policy"
    _identifiers = ("external_id",)
    _attributes = ("name", "description", "rules", "group_id")

    external_id: str
    name: str
    description: str
    rules: Any
    group_id: str | None


class Service(DiffSyncModel):
    _modelname = "service"
    _identifiers = ("external_id",)
    _attributes = ("name", "description", "policy_id", "group_id")

    external_id: str
    name: str
    description: str
    policy_id: str | None
    group_id: str | None


class Account(Adapter):
    person = Person
    team = Team
    schedule = Schedule
    policy = Policy
    service = Service
    element = Element
    top_level = ("person", "team", "schedule", "policy", "service")

    def load(self, snapshot: Snapshot) -> "Account":
        for user in snapshot.users:
            methods = [(each.external_id, each) for each in user.contact_methods or ()]
            rules = [(each.external_id, each) for each in user.notification_rules or ()]
            model = Person(
                external_id=user.external_id,
                name=user.name,
                email=user.email,
                state=user.state,
                time_zone=user.time_zone.zone,
                title=user.title,
            )
            self._add(model, user.external_id, [*methods, *rules])
        for team in snapshot.teams:
            group = Team(external_id=team.external_id, name=team.name, description=team.description)
            self._add(group, team.external_id, ((each.person_id, each.role) for each in team.members or ()))
        for schedule in snapshot.schedules:
            rota = Schedule(
                external_id=schedule.external_id,
                name=schedule.name,
                description=schedule.description,
                time_zone=schedule.time_zone.zone,
                composition=schedule.composition,
                layers=schedule.layers,
                group_ids=schedule.group_ids,
            )
            self._add(rota, schedule.external_id, ((each.key, each) for each in schedule.overrides or ()))
        for policy in snapshot.policies:
            self.add(
                Policy(
                    external_id=policy.external_id,
                    name=policy.name,
                    description=policy.description,
                    rules=policy.policy,
                    group_id=policy.group_id,
                )
            )
        for service in snapshot.services:
            self.add(
                Service(
                    external_id=service.external_id,
                    name=service.name,
                    description=service.description,
                    policy_id=service.policy_id,
                    group_id=service.group_id,
                )
            )
        return self

    def _add(self, model: DiffSyncModel, owner: str, elements: Iterable[tuple[str, Any]]) -> None:
        self.add(model)
        for key, content in elements:
            element = Element(owner=owner, key=key, content=content)
            self.add(element)
            model.add_child(element)


def differences(before: Snapshot, after: Snapshot) -> int:
    """Load both reads and compare them. Returns how many objects are to be created or changed."""
    diff = Account().load(after).diff_to(Account().load(before))
    summary = diff.summary()
    return int(summary["create"] + summary["update"])
