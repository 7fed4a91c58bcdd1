"""Tests a connection: finds the account of the key and what the key may read."""

from typing import Final

from connectors.base import Probe, Right
from connectors.errors import PermissionMissing
from connectors.network.client import JsonValue
from connectors.providers.pagerduty.client import Client
from connectors.providers.pagerduty.identity import Identity
from connectors.providers.pagerduty.people_details import INCLUDE
from connectors.reading.listing import RECOVERABLE
from connectors.records import EntityType

#: (entity type, path, key of the answer, vendor's scope). The first one usually shows the account.
_LISTS: Final[tuple[tuple[EntityType, str, str, str], ...]] = (
    ("responder", "/users", "users", "users.read"),
    ("user_group", "/teams", "teams", "teams.read"),
    ("schedule", "/schedules", "schedules", "schedules.read"),
    ("escalation_policy", "/escalation_policies", "escalation_policies", "escalation_policies.read"),
    ("service", "/services", "services", "services.read"),
)
_SHOWS_ACCOUNT: Final = ("responder", "user_group", "schedule")


def probe(client: Client, identity: Identity, region: str) -> Probe:
    """Reads one object of each kind and returns the result. Raises ConnectorError for anything but a missing right."""
    rights: list[Right] = []
    messages: list[str] = []
    for entity_type, path, key, scope in _LISTS:
        try:
            objects = _users(client, messages) if entity_type == "responder" else client.first(path, key)
        except PermissionMissing as error:
            rights.append(_refused(entity_type, scope, error))
            continue
        rights.append(Right(entity_type, True))
        if entity_type in _SHOWS_ACCOUNT:
            identity.check(_html_urls(objects))
    messages += _extras(client)
    if identity.found is None:
        messages.append("Nothing that this key may read shows its account, so the subdomain is not confirmed.")
    return Probe(identity.account(region), tuple(rights), client.rate.limit, tuple(messages))


def _users(client: Client, messages: list[str]) -> JsonValue:
    try:
        return client.first("/users", "users", INCLUDE)
    except PermissionMissing:
        objects = client.first("/users", "users")
    messages.append("This key cannot read contact details. Grant users:contact_methods.read to import them.")
    return objects


def _refused(entity_type: EntityType, scope: str, error: PermissionMissing) -> Right:
    if entity_type == "user_group" and error.status == 402:
        return Right(entity_type, None, "There are no teams in this plan.")
    return Right(entity_type, False, f"Grant {scope}. {error.message}")


def _extras(client: Client) -> list[str]:
    """Returns messages about optional reads: shift-based schedules (early access) and the list of abilities."""
    messages = []
    try:
        client.first("/v3/schedules", "schedules")
    except RECOVERABLE as error:
        messages.append(f"No shift-based schedules can be read: {error.message}")
    try:
        abilities = client.abilities()
    except RECOVERABLE as error:
        messages.append(f"The account's abilities cannot be read: {error.message}")
    else:
        if isinstance(abilities, list) and "teams" not in abilities:
            messages.append("The account's plan has no teams.")
    return messages


def _html_urls(objects: JsonValue) -> list[str | None]:
    urls = (item.get("html_url") for item in objects if isinstance(item, dict)) if isinstance(objects, list) else ()
    return [url for url in urls if isinstance(url, str)]
