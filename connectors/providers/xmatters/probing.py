"""Tests a connection: finds what the account may read. The ping endpoint cannot be used: it checks no credentials."""

from typing import Final

from connectors.base import Probe, Right
from connectors.errors import NotFound, PermissionMissing
from connectors.network.client import JsonValue, Query, segment
from connectors.providers.xmatters.client import Client
from connectors.reading.listing import RECOVERABLE
from connectors.records import Account, EntityType

_GRANT: Final = "Give the account the role REST Web Service User, and let its role see these people and groups."


def probe(client: Client, account: Account) -> Probe:
    """Reads one object of each kind and returns the result. Raises ConnectorError for anything but a missing right."""
    messages: list[str] = []
    groups: list[JsonValue] = []
    rights = [
        _right("responder", client, "/people", ()),
        _right("user_group", client, "/groups", [("groupType", "ON_CALL")], groups),
    ]
    shifts = _shifts(client, groups, rights[-1])
    rights += [
        Right("schedule", shifts.granted, shifts.detail),
        Right("escalation_policy", shifts.granted, shifts.detail),
    ]
    rights.append(_services(client))
    try:
        client.first("/devices")
    except RECOVERABLE as error:
        messages.append(
            "Devices cannot be listed. They contain addresses and phone numbers, so they are read for each person. "
            f"{error.message}"
        )
    if not any(right.granted for right in rights):
        messages.append(f"This account may read no object that can be imported. {_GRANT}")
    messages.append(
        "Lists contain only what this account's role may see, without a hint that more exists. The role could also "
        "change objects at xMatters, but nothing is ever changed from here."
    )
    return Probe(account, tuple(rights), None, tuple(messages))


def _right(
    entity_type: EntityType, client: Client, path: str, query: Query, found: list[JsonValue] | None = None
) -> Right:
    """Returns the right to read a list. found: the objects of the answer are added to it."""
    try:
        objects = client.first(path, query)
    except PermissionMissing as error:
        return Right(entity_type, False, f"{_GRANT} {error.message}")
    if found is not None:
        found += objects
    return Right(entity_type, True)


def _shifts(client: Client, groups: list[JsonValue], group_right: Right) -> Right:
    """Returns the right to read shifts. They belong to a group, so without an on-call group it is unknown."""
    group_id = groups[0].get("id") if groups and isinstance(groups[0], dict) else None
    if not isinstance(group_id, str):
        return Right("schedule", group_right.granted, group_right.detail)
    try:
        client.first(f"/groups/{segment(group_id)}/shifts")
    except PermissionMissing as error:
        return Right("schedule", False, f"{_GRANT} {error.message}")
    except RECOVERABLE as error:
        return Right("schedule", None, f"The shifts of the first group could not be read: {error.message}")
    return Right("schedule", True)


def _services(client: Client) -> Right:
    try:
        found = client.first("/services")
    except (NotFound, PermissionMissing) as error:
        return Right("service", None, f"The services could not be read, so none are offered. {error.message}")
    return Right("service", True, "" if found else "There are no services, so the on-call groups are offered instead.")
