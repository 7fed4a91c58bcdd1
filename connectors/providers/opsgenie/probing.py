"""Implements Test connection: finds the account of the key and what the key may read."""

from typing import Final

from pydantic import ValidationError

from connectors.base import Probe, Right
from connectors.errors import PermissionMissing
from connectors.providers.opsgenie.client import Client
from connectors.providers.opsgenie.reading import account_of
from connectors.providers.opsgenie.wire import AccountInfo, RequestLimits
from connectors.reading.listing import RECOVERABLE
from connectors.records import EntityType

#: (entity type, path, whether the list has pages).
_LISTS: Final[tuple[tuple[EntityType, str, bool], ...]] = (
    ("responder", "/v2/users", True),
    ("user_group", "/v2/teams", False),
    ("schedule", "/v2/schedules", False),
    ("escalation_policy", "/v2/escalations", False),
    ("service", "/v1/services", True),
)
_GRANT: Final = "Tick Read and Configuration Access for the key (Settings, API key management)."
#: The domain of all endpoints except the list of users (vendor docs "API Rate Limiting").
_DOMAIN: Final = "configuration"


def probe(client: Client, region: str) -> Probe:
    """Check with one short request per kind what the key may read. Raises ConnectorError except for a missing right."""
    messages: list[str] = []
    account = _account(client, messages)
    rights: list[Right] = []
    for entity_type, path, paged in _LISTS:
        try:
            client.one(path, paged=paged)
        except PermissionMissing as error:
            rights.append(_refused(entity_type, error))
        else:
            rights.append(Right(entity_type, True))
    if not any(right.granted for right in rights):
        messages.append(
            "This key cannot read anything that is imported: it lacks Configuration Access, or it belongs to an "
            f"integration. {_GRANT}"
        )
    try:
        client.one("/v2/forwarding-rules", paged=False)
    except RECOVERABLE as error:
        messages.append(f"Forwarding rules cannot be read, so no substitutions are imported: {error.message}")
    return Probe(account_of(account, region), tuple(rights), _calls_per_minute(client, messages), tuple(messages))


def _account(client: Client, messages: list[str]) -> AccountInfo | None:
    try:
        return AccountInfo.model_validate(client.account())
    except PermissionMissing as error:
        messages.append(
            "The key may not read its account, so it is probably a team's key, and lists show only that team. Use a "
            f"key of the whole account (Settings, API key management). {error.message}"
        )
    except RECOVERABLE as error:
        messages.append(f"Which account this is cannot be read: {error.message}")
    except ValidationError:
        messages.append("The answer about the account is not valid.")
    return None


def _refused(entity_type: EntityType, error: PermissionMissing) -> Right:
    if entity_type == "service" and error.status == 402:
        return Right(entity_type, None, "There are no services in this plan.")
    return Right(entity_type, False, f"{_GRANT} {error.message}")


def _calls_per_minute(client: Client, messages: list[str]) -> int | None:
    """Return the lowest limit on reading configuration, None if not reported. The address is not documented."""
    try:
        reported = RequestLimits.model_validate(client.request_limits())
    except RECOVERABLE as error:
        messages.append(f"The rate limits cannot be read; a throttled answer says when to continue. {error.message}")
        return None
    except ValidationError:
        messages.append("The answer about the rate limits is not valid.")
        return None
    limits = [limit for domain in reported.rate_limits if domain.domain == _DOMAIN for limit in domain.limits]
    return min((limit.limit * 60 // limit.period_in_seconds for limit in limits), default=None)
