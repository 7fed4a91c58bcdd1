"""What JSM Operations, Jira and Atlassian's teams send, where it is not what Opsgenie sends, too.

Vendor: JSM Operations REST API v2, Jira Cloud REST API v3, Atlassian Teams REST API v1. Pointers are a bare type and
id; people are Atlassian accounts. What is tolerated and what is not is said in ``atlassian.wire``.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field

from connectors.providers.atlassian import wire as shared
from connectors.reading.wire import Id, Text


def _bare_id(value: object) -> object:
    return {"id": value}


def _bare_minutes(value: object) -> object:
    return {"timeAmount": value}


class Tenant(shared.AtlassianModel):
    """Which site answers at an address."""

    cloud_id: Id


class Myself(shared.AtlassianModel):
    account_id: Id
    display_name: Text | None = None


class User(shared.AtlassianModel):
    """``emailAddress``: absent or empty when its owner hides it (Jira's privacy settings)."""

    id: Id = Field(validation_alias="accountId")
    account_type: Text | None = None
    active: bool | None = None
    display_name: Text | None = None
    email_address: Text | None = None
    time_zone: Text | None = None

    @property
    def label(self) -> str:
        return self.display_name or self.id


class Team(shared.MainObject):
    """The list tells id and name, no more. ``id`` is put there by the client."""

    name: Text | None = Field(None, validation_alias="teamName")


class Member(shared.Member):
    """No more than an account id: the platform's teams know no roles of Operations."""

    user: Annotated[shared.UserMeta, BeforeValidator(_bare_id)] = Field(validation_alias="accountId")


class Schedule(shared.Schedule):
    """The owner is a bare id."""

    owner: Id | None = Field(None, validation_alias="teamId")

    @property
    def team_id(self) -> str | None:
        return self.owner


class Override(shared.Override):
    """Rotations are bare ids."""

    by: shared.Reference = Field(validation_alias="responder")
    rotations: tuple[Id, ...] | None = Field(None, validation_alias="rotationIds")

    @property
    def rotation_ids(self) -> frozenset[str]:
        return frozenset(self.rotations or ())


class EscalationRule(shared.EscalationRule):
    """``delay``: minutes since the start."""

    delay: Annotated[shared.Duration, BeforeValidator(_bare_minutes)]


class Escalation(shared.Escalation):
    """Listed below a team, which the client puts there as ``teamId``."""

    owner: Id = Field(validation_alias="teamId")
    rules: tuple[EscalationRule, ...] | None = None

    @property
    def team_id(self) -> str:
        return self.owner
