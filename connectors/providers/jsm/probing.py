"""Implements Test connection: finds the owner of the token and what the token may read."""

from typing import Final

from pydantic import ValidationError

from connectors.base import Probe, Right
from connectors.errors import NotFound, PermissionMissing
from connectors.network.exchange import segment
from connectors.providers.jsm.client import Client
from connectors.providers.jsm.reading import NO_ORGANISATION, NO_SERVICES, OWN_CONTACTS
from connectors.providers.jsm.wire import Myself, Team
from connectors.reading.listing import RECOVERABLE
from connectors.records import Account

_GRANT: Final = (
    "Use the token of an administrator, or a read-only one, of Operations (Settings, Operations, User management)."
)


def probe(client: Client, account: Account, site_warning: str) -> Probe:
    """Check with one short request per kind what the token may read.

    site_warning: why the site could not be confirmed, "" if it was. Raises ConnectorError for any error but a missing
    right.
    """
    messages = [site_warning] if site_warning else []
    people = _people(client, messages)
    teams, groups = _teams(client, messages)
    rights = [people, groups, _schedules(client), _escalations(client, teams), Right("service", None, NO_SERVICES)]
    if not any(right.granted for right in rights[1:]):
        messages.append(f"The account belongs to the site, but Operations shows it nothing. {_GRANT}")
    _members(client, teams, messages)
    try:
        client.shortest("/v1/forwarding-rules")
    except RECOVERABLE as error:
        messages.append(f"Forwarding rules cannot be read, so no substitutions are imported: {error.message}")
    messages.append(OWN_CONTACTS)
    return Probe(account, tuple(rights), None, tuple(messages))


def _people(client: Client, messages: list[str]) -> Right:
    try:
        myself = Myself.model_validate(client.myself())
    except PermissionMissing as error:
        return Right("responder", False, f"The account may not use Jira at this site. {error.message}")
    except RECOVERABLE as error:
        return Right("responder", None, error.message)
    except ValidationError:
        return Right("responder", None, "The answer about the owner of the token is not valid.")
    whose = myself.display_name or myself.account_id
    messages.append(f"The token belongs to {whose}. Only what this person can see is imported.")
    return Right(
        "responder",
        True,
        "Only people that are referred to are imported, and hidden addresses are not.",
    )


def _teams(client: Client, messages: list[str]) -> tuple[list[str], Right]:
    """Return the ids of the teams that the token's owner can see. Only administrators see all teams."""
    try:
        teams = [Team.model_validate(raw) for page in client.teams() for raw in page.items]
    except PermissionMissing as error:
        return [], Right("user_group", False, f"{_GRANT} {error.message}")
    except ValidationError:
        return [], Right("user_group", None, "The list of teams is not valid.")
    messages.append(f"The token's owner sees {len(teams)} teams. Only administrators of Operations see all teams.")
    return [team.id for team in teams], Right("user_group", True)


def _schedules(client: Client) -> Right:
    try:
        client.shortest("/v1/schedules")
    except PermissionMissing as error:
        return Right("schedule", False, f"{_GRANT} {error.message}")
    return Right("schedule", True)


def _escalations(client: Client, teams: list[str]) -> Right:
    """Check the escalations of the first team. Escalations are listed by team."""
    if not teams:
        return Right("escalation_policy", None, "Escalations belong to teams, and this token's owner sees no team.")
    try:
        client.shortest(f"/v1/teams/{segment(teams[0])}/escalations")
    except (PermissionMissing, NotFound) as error:
        return Right("escalation_policy", False, f"{_GRANT} {error.message}")
    return Right("escalation_policy", True)


def _members(client: Client, teams: list[str], messages: list[str]) -> None:
    if not client.org_id:
        messages.append(NO_ORGANISATION)
    elif teams:
        try:
            client.members(teams[0])
        except RECOVERABLE as error:
            messages.append(f"Members of teams cannot be read. Check the organisation id. {error.message}")
