"""Pydantic models of what Opsgenie sends and JSM does not (vendor: opsgenie/opsgenie-oas).

``atlassian.wire`` documents which deviations are accepted.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from connectors.providers.atlassian import wire as shared
from connectors.providers.atlassian.wire import AtlassianModel, MainObject, word
from connectors.reading.texts import name_of
from connectors.reading.wire import Id, Text, Whole, without_empty


def _empty_if_null(value: object) -> object:
    return {} if value is None else value


class TeamMeta(AtlassianModel):
    id: Id
    name: Text | None = None


#: Absent for objects of the whole account.
Owner = Annotated[TeamMeta | None, BeforeValidator(without_empty)]


# --- people -----------------------------------------------------------------------------------------------------------


class ContactStatus(AtlassianModel):
    enabled: bool | None = None
    disabled_reason: Text | None = None


class Contact(AtlassianModel):
    """A contact. In a user it has ``contactMethod`` and ``enabled``; in a list it has ``method`` and ``status``."""

    id: Id
    to: Text | None = None
    contact_method: Annotated[Text, BeforeValidator(word)] | None = None
    method: Annotated[Text, BeforeValidator(word)] | None = None
    enabled: bool | None = None
    disabled_reason: Text | None = None
    status: Annotated[ContactStatus, BeforeValidator(_empty_if_null)] = ContactStatus()

    @model_validator(mode="after")
    def _has_a_method(self) -> "Contact":
        if not self.kind:
            raise ValueError("a contact needs a method")
        return self

    @property
    def kind(self) -> str:
        return self.contact_method or self.method or ""


class User(AtlassianModel):
    """A person. username: the e-mail address. user_contacts: raw, so that a bad contact costs only itself."""

    id: Id
    username: Text
    full_name: Text | None = None
    blocked: bool | None = None
    verified: bool | None = None
    time_zone: Text | None = None
    user_contacts: Any = None

    @property
    def label(self) -> str:
        return name_of(self.id, self.full_name, self.username)


class Team(MainObject):
    """members: raw, so that a bad member costs only itself."""

    members: list[Any] | None = None


# --- schedules and escalations ----------------------------------------------------------------------------------------


class Schedule(shared.Schedule):
    owner_team: Owner = None

    @property
    def team_id(self) -> str | None:
        return None if self.owner_team is None else self.owner_team.id


class OverrideRotation(AtlassianModel):
    id: Id
    name: Text | None = None


class Override(shared.Override):
    by: shared.Reference = Field(validation_alias="user")
    rotations: tuple[OverrideRotation, ...] | None = None

    @property
    def rotation_ids(self) -> frozenset[str]:
        return frozenset(rotation.id for rotation in self.rotations or ())


class Escalation(shared.Escalation):
    owner_team: Owner = None

    @property
    def team_id(self) -> str | None:
        return None if self.owner_team is None else self.owner_team.id


# --- account ----------------------------------------------------------------------------------------------------------


class AccountInfo(AtlassianModel):
    name: Text
    user_count: Whole | None = None


class Limit(AtlassianModel):
    limit: Annotated[Whole, Field(ge=1)]
    period_in_seconds: Annotated[Whole, Field(ge=1)]


class DomainLimits(AtlassianModel):
    domain: Text
    limits: tuple[Limit, ...]


class RequestLimits(AtlassianModel):
    rate_limits: tuple[DomainLimits, ...]
