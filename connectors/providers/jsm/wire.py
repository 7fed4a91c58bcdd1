"""Pydantic models of what JSM Operations, Jira and Atlassian's teams send and Opsgenie does not.

Vendor: JSM Operations REST API v2, Jira Cloud REST API v3, Atlassian Teams REST API v1. A reference has only a
type and an id. People are Atlassian accounts. ``atlassian.wire`` documents which deviations are accepted.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from connectors.providers.atlassian import wire as shared
from connectors.reading.texts import name_of
from connectors.reading.wire import Id, Text, without_empty


def _bare_id(value: object) -> object:
    return {"id": value}


def _bare_minutes(value: object) -> object:
    return {"timeAmount": value}


class Tenant(shared.AtlassianModel):
    """The site behind an address."""

    cloud_id: Id


class Myself(shared.AtlassianModel):
    account_id: Id
    display_name: Text | None = None


class User(shared.AtlassianModel):
    """A person. email_address: missing or empty if the person hides it (Jira's privacy settings)."""

    id: Id = Field(validation_alias="accountId")
    account_type: Text | None = None
    active: bool | None = None
    display_name: Text | None = None
    email_address: Text | None = None
    time_zone: Text | None = None

    @property
    def label(self) -> str:
        return name_of(self.id, self.display_name)


class Team(shared.MainObject):
    """A team. The list has only ids and names. The client adds ``id``."""

    name: Text | None = Field(None, validation_alias="teamName")


class Member(shared.Member):
    """A member. Only the account id is sent: the platform's teams have no roles of Operations."""

    user: Annotated[shared.UserMeta, BeforeValidator(_bare_id)] = Field(validation_alias="accountId")


class Schedule(shared.Schedule):
    """A schedule. The owner is sent as an id."""

    owner: Annotated[Id | None, BeforeValidator(without_empty)] = Field(None, validation_alias="teamId")

    @property
    def team_id(self) -> str | None:
        return self.owner


class Override(shared.Override):
    """An override. Rotations are sent as ids."""

    by: shared.Reference = Field(validation_alias="responder")
    rotations: tuple[Id, ...] | None = Field(None, validation_alias="rotationIds")

    @property
    def rotation_ids(self) -> frozenset[str]:
        return frozenset(self.rotations or ())


class EscalationRule(shared.EscalationRule):
    """A rule of an escalation. delay: minutes since the start."""

    delay: Annotated[shared.Duration, BeforeValidator(_bare_minutes)]


class Escalation(shared.Escalation):
    """An escalation. The client adds ``teamId``, because escalations are listed by team."""

    owner: Id = Field(validation_alias="teamId")

    @property
    def team_id(self) -> str:
        return self.owner
