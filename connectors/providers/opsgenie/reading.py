"""Reads an Opsgenie account in as few calls as possible."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from pydantic import ValidationError

from connectors.base import Progress
from connectors.closure import Selection
from connectors.errors import NotFound, PermissionMissing
from connectors.network.client import JsonValue
from connectors.providers.atlassian import wire as shared
from connectors.providers.atlassian.reading import AtlassianRead, N
from connectors.providers.opsgenie import mapping_people, wire
from connectors.providers.opsgenie.client import Client
from connectors.providers.opsgenie.people_reading import PeopleReading
from connectors.providers.opsgenie.rendered import rendered
from connectors.providers.opsgenie.vendor import VENDOR
from connectors.reading.findings import Elements, Vendor
from connectors.reading.listing import RECOVERABLE, Listing
from connectors.reading.pages import Page
from connectors.records import Account, Completeness, EntityType, SourceUser
from oncall.rendering.final import Span
from oncall.rendering.spec import Substitution

_RESTRICTED = "The key is probably limited to a team. Lists show only what this key may see, so they are incomplete."


class OpsgenieRead(AtlassianRead):
    vendor: ClassVar[Vendor] = VENDOR
    override_model: ClassVar[type[shared.Override]] = wire.Override
    lists: ClassVar[tuple[EntityType, ...]] = ("user_group", "schedule", "escalation_policy", "service")

    def __init__(self, client: Client, region: str, at: int, contact_details: bool, progress: Progress) -> None:
        super().__init__(at, progress)
        self._client = client
        self._region = region
        self._contact_details = contact_details
        self._people = PeopleReading(client, self._findings, contact_details, progress)
        self._account_info: wire.AccountInfo | None = None
        self._restricted = False

    def _begin(self, selection: Selection) -> Account:
        self._account_info = self._account()
        if selection.everything:
            self._people.everybody()
            self._record_listing(self._people.users)
        return account_of(self._account_info, self._region)

    def _account(self) -> wire.AccountInfo | None:
        """Return the account, None if not reported. A team's key may not read it (vendor docs "API Key Management")."""
        try:
            raw = self._client.account()
        except PermissionMissing as error:
            self._restricted = True
            self._findings.note("user_group", None, "restricted_key", f"{_RESTRICTED} ({error.message})")
            return None
        except RECOVERABLE as error:
            message = f"The account of the key could not be read: {error.message}"
            self._findings.note("user_group", None, "account_not_told", message, loss=True)
            return None
        try:
            return wire.AccountInfo.model_validate(raw)
        except ValidationError:
            message = "The answer about the account is not valid."
            self._findings.note("user_group", None, "account_not_told", message, loss=True)
            return None

    def _list_kind(self, kind: EntityType) -> None:
        client, harvest = self._client, self._harvest
        if kind == "user_group":
            harvest.teams |= self._read_list(client.teams(), wire.Team, kind, "teams")
        elif kind == "schedule":
            for schedule in self._read_list(client.schedules(), wire.Schedule, kind, "schedules").values():
                self._add_schedule(schedule)
        elif kind == "escalation_policy":
            for escalation in self._read_list(client.escalations(), wire.Escalation, kind, "escalations").values():
                self._add_escalation(escalation)
        else:
            harvest.services |= self._read_list(client.services(), shared.Service, kind, "services")

    def _find(self, kind: EntityType, ids: Sequence[str], teams: Sequence[str]) -> None:
        """Read teams one by one, because that returns their members, too. Other kinds are read with one list."""
        if kind == "user_group":
            for id_ in ids:
                self._find_team(id_)
        elif kind == "service" and kind not in self._listed:
            found = self._read_list(self._client.services(), shared.Service, kind, "services", wanted=ids)
            self._harvest.services |= found
        else:
            self._list(kind)

    def _find_team(self, team_id: str) -> None:
        """Read one team. If it cannot be read, read the list, which may contain it."""
        try:
            raw = self._client.team(team_id)
        except (NotFound, PermissionMissing) as error:
            if isinstance(error, NotFound):
                self._findings.not_found.add(("user_group", team_id))
            self._list("user_group")
            return
        except RECOVERABLE as error:
            self._findings.fail("user_group", team_id, error)
            return
        self._answered = True
        team = self._findings.read(wire.Team, raw, "user_group", team_id, "")
        if team is not None:
            self._harvest.teams[team.id] = team
            self._harvest.members[team.id] = self._read_members(team)

    def _is_expected_refusal(self, listing: Listing[N], entity_type: EntityType) -> bool:
        """Return whether services are refused. The plan or the key may have lost them, so the list is incomplete."""
        error = listing.error
        if entity_type != "service" or not isinstance(error, PermissionMissing):
            return False
        message = f"Services cannot be read with this plan or key. ({error.message})"
        self._findings.note(entity_type, None, "none_here", message)
        return True

    def _read_members(self, team: wire.Team) -> Elements[shared.Member]:
        """Return the members of a team that was read by itself. A team without members may lack the key."""
        return self._findings.read_all(shared.Member, team.members or (), "user_group", team.id, "members")

    def _members(self, team: shared.MainObject) -> Elements[shared.Member] | None:
        """Return the members, None if not reported. The list normally has none."""
        try:
            raw = self._client.team(team.id)
        except (NotFound, PermissionMissing) as error:
            if isinstance(team, wire.Team) and team.members is not None:
                return self._read_members(team)
            message = f"The members of this team could not be read: {error.message}"
            self._findings.note("user_group", team.id, "members_not_told", message, "members", loss=True, hides=True)
            return None
        except RECOVERABLE as error:
            self._findings.fail("user_group", team.id, error)
            return None
        single = self._findings.read(wire.Team, raw, "user_group", team.id, "")
        return None if single is None else self._read_members(single)

    def _routing_rules(self, team_id: str) -> JsonValue:
        return self._client.routing_rules(team_id)

    def _single(self, listed: shared.Schedule) -> shared.Schedule | None:
        try:
            raw = self._client.schedule(listed.id)
        except (NotFound, PermissionMissing) as error:
            if isinstance(error, NotFound) and listed.rotations is not None:
                message = (
                    f"The list shows no rotations of this schedule, and reading it alone was refused: {error.message}"
                )
                self._findings.note("schedule", listed.id, "rotations_not_confirmed", message, "rotations", loss=True)
                return listed.model_copy(update={"rotations": None})
            message = f"This schedule was left out, because it is hidden or deleted: {error.message}"
            self._findings.note("schedule", listed.id, "not_visible", message)
            self._completeness["schedule"] = Completeness(False, "Some of the listed schedules cannot be read.")
            return None
        except RECOVERABLE as error:
            self._findings.fail("schedule", listed.id, error)
            return None
        single = self._findings.read(wire.Schedule, raw, "schedule", listed.id, "")
        if single is not None and single.rotations is None:
            message = "Neither the list nor the schedule by itself shows its rotations."
            self._findings.note("schedule", listed.id, "rotations_not_confirmed", message, "rotations", loss=True)
        return single

    def _overrides(self, schedule_id: str) -> JsonValue:
        return self._client.overrides(schedule_id)

    def _forwarding_rules(self) -> Iterator[Page]:
        return self._client.forwarding_rules()

    def _rendered(self, ids: Sequence[str], since: int, until: int) -> Mapping[str, tuple[Span, ...]]:
        return rendered(self._client, ids, since, until)

    def _read_people(self, selection: Selection, referenced: list[str]) -> list[str]:
        people = self._people
        if not selection.everything:
            people.chosen(referenced, None if self._account_info is None else self._account_info.user_count)
        elif self._contact_details:
            people.contacts_of_all()
        if people.users.error is not None:
            self._findings.fail("responder", None, people.users.error)
        if people.users.finished and self._account_info is not None:
            people.users.expect(self._account_info.user_count)
        self._note_incomplete(people.users, "responder")
        self._completeness["responder"] = people.users.completeness
        return list(dict.fromkeys((*people.users.objects, *referenced))) if selection.everything else referenced

    def _person(
        self, id_: str, substitutions: Elements[Substitution] | None, because: tuple[str, ...]
    ) -> SourceUser | None:
        user = self._people.users.objects.get(id_)
        contacts = self._people.contacts.get(id_)
        return None if user is None else mapping_people.user(user, contacts, substitutions, because, self._findings)

    def _final_completeness(self) -> dict[EntityType, Completeness]:
        """Return the completeness. No list is complete if the key sees only a team."""
        if not self._restricted:
            return self._completeness
        return {
            kind: Completeness(False, _RESTRICTED) if state.listing else state
            for kind, state in self._completeness.items()
        }


def account_of(account: wire.AccountInfo | None, region: str) -> Account:
    """Return the account. Opsgenie reports only its name, so the name is used as the id."""
    if account is None:
        return Account(None, "Opsgenie (account not reported)", region)
    return Account(account.name, account.name, region)
