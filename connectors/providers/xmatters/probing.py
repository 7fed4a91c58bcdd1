"""Test connection: what the account may read. The ping endpoint is of no use: it never looks at credentials."""

from typing import Final

from connectors.base import Probe, Right
from connectors.errors import NotFound, PermissionMissing
from connectors.network.client import JsonValue, Query, segment
from connectors.providers.xmatters.client import Client
from connectors.reading.listing import RECOVERABLE
from connectors.records import Account, EntityType

_GRANT: Final = "Give the account the role REST Web Service User, and let its role see these people and groups."


def probe(client: Client, account: Account) -> Probe:
    """One short answer of each kind. Raises ConnectorError for anything but a missing right."""
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
            "Devices cannot be listed; addresses and phones are on them, so they are asked for person by person. "
            f"{error.message}"
        )
    if not any(right.granted for right in rights):
        messages.append(f"Nothing that is imported may be read with this account. {_GRANT}")
    messages.append(
        "Lists show what this account's role may see, without a word about the rest. The role could also change things "
        "at xMatters; nothing here ever does."
    )
    return Probe(account, tuple(rights), None, tuple(messages))


def _right(
    entity_type: EntityType, client: Client, path: str, query: Query, found: list[JsonValue] | None = None
) -> Right:
    """``found``: takes up what came."""
    try:
        came = client.first(path, query)
    except PermissionMissing as error:
        return Right(entity_type, False, f"{_GRANT} {error.message}")
    if found is not None:
        found += came
    return Right(entity_type, True)


def _shifts(client: Client, groups: list[JsonValue], group_right: Right) -> Right:
    """Shifts are asked for by on-call group; without any nothing tells."""
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
        client.first("/services")
    except (NotFound, PermissionMissing):
        return Right("service", None, "No services can be seen; the on-call groups are offered in their place.")
    return Right("service", True)
