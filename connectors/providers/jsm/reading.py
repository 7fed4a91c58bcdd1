"""Reads a JSM site in as few calls as possible."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import ClassVar

from connectors.base import Progress
from connectors.closure import Selection
from connectors.errors import NotFound, PermissionMissing
from connectors.network.client import JsonValue
from connectors.providers.atlassian import wire as shared
from connectors.providers.atlassian.reading import AtlassianRead
from connectors.providers.atlassian.rendered import rendered
from connectors.providers.jsm import mapping_people, wire
from connectors.providers.jsm.client import Client
from connectors.providers.jsm.people_reading import PeopleReading
from connectors.providers.jsm.vendor import VENDOR
from connectors.reading.findings import Elements, Vendor
from connectors.reading.listing import RECOVERABLE, Listing
from connectors.reading.pages import Page
from connectors.records import Account, Completeness, EntityType, SourceUser
from oncall.rendering.final import Span
from oncall.rendering.spec import Substitution

NO_SERVICES = "Services are in a separate registry, which this API does not list."
OWN_CONTACTS = "Contacts and notification rules are not imported: the API shows everybody only their own."
NO_ORGANISATION = "The organisation id is not entered, so members of teams cannot be read."
_NO_PEOPLE = "There is no list of people. People were read if an imported object refers to them."
_PARTIAL = (
    "The token's owner probably sees only a part of the site, because schedules refer to teams that are not listed. "
    "The lists are incomplete. Use the token of an Operations administrator."
)


class JsmRead(AtlassianRead):
    """One read of a site. account: the site. site_warning: why the site could not be confirmed, "" if it was."""

    vendor: ClassVar[Vendor] = VENDOR
    override_model: ClassVar[type[shared.Override]] = wire.Override
    rule_model: ClassVar[type[shared.EscalationRule]] = wire.EscalationRule
    lists: ClassVar[tuple[EntityType, ...]] = ("user_group", "schedule", "escalation_policy")

    def __init__(
        self, client: Client, account: Account, site_warning: str, at: int, contact_details: bool, progress: Progress
    ) -> None:
        super().__init__(at, progress)
        self._client = client
        self._account = account
        self._site_warning = site_warning
        self._contact_details = contact_details
        self._unread_teams = 0
        self._hidden_schedules = False
        self._people = PeopleReading(client, self._findings, progress)
        self._schedules = Listing(
            client.schedules(), wire.Schedule, "schedule", "schedules", self._findings, self._progress
        )
        self._harvested_schedules = 0
        self._requested_teams: set[str] = set()

    def _begin(self, selection: Selection) -> Account:
        if self._site_warning:
            self._findings.note("responder", None, "site_not_confirmed", self._site_warning)
        if self._contact_details:
            self._findings.note("responder", None, "contacts_not_told", OWN_CONTACTS, loss=True)
        if not self._client.org_id:
            self._findings.note("user_group", None, "members_not_told", NO_ORGANISATION, loss=True)
        self._findings.note("service", None, "none_here", NO_SERVICES)
        return self._account

    def _list_kind(self, kind: EntityType) -> None:
        if kind == "user_group":
            self._harvest.teams |= self._read_list(self._client.teams(), wire.Team, kind, "teams")
        elif kind == "schedule":
            self._schedules.read()
            self._harvest_schedules()
        else:
            self._list("user_group")
            self._read_escalations(self._harvest.teams)

    def _find(self, kind: EntityType, ids: Sequence[str], teams: Sequence[str]) -> None:
        if kind == "schedule":
            self._find_schedules(ids)
        elif kind == "escalation_policy":
            self._list("user_group")
            known = self._harvest.teams
            self._read_escalations([*(id_ for id_ in teams if id_ in known), *known], wanted=ids)
        else:
            self._list(kind)

    def _find_owned(self, teams: Sequence[str]) -> None:
        self._list("user_group", "schedule")
        self._read_escalations([id_ for id_ in teams if id_ in self._harvest.teams])

    def _find_schedules(self, ids: Sequence[str]) -> None:
        """Read these schedules from the list while each page has at least one of them, then the others one by one.

        A page that has one of them costs no more than a single request. The length of the list is not reported.
        """
        listing, missing = self._schedules, list(ids)
        if listing.finished:
            return
        while len(missing) > 1 and not listing.finished:
            listing.read(1)
            left = [id_ for id_ in missing if id_ not in listing.objects]
            if len(left) == len(missing):
                break
            missing = left
        self._harvest_schedules()
        for id_ in missing:
            if not listing.finished:
                self._find_schedule(id_)

    def _harvest_schedules(self) -> None:
        """Copy new schedules of the list to the harvest. Each is copied once: a removed schedule stays removed."""
        self._record_completeness(self._schedules, "schedule")
        listed = self._schedules.objects
        for schedule in islice(listed.values(), self._harvested_schedules, None):
            self._add_schedule(schedule)
        self._harvested_schedules = len(listed)

    def _find_schedule(self, schedule_id: str) -> None:
        """Read one schedule. A schedule that is deleted or not visible would not be in the list either."""
        try:
            raw = self._client.schedule(schedule_id)
        except NotFound:
            self._findings.not_found.add(("schedule", schedule_id))
            return
        except PermissionMissing:
            return
        except RECOVERABLE as error:
            self._findings.fail("schedule", schedule_id, error)
            return
        self._answered = True
        found = self._findings.read(wire.Schedule, raw, "schedule", schedule_id, "")
        if found is not None:
            self._add_schedule(found)

    def _read_escalations(self, teams: Iterable[str], wanted: Collection[str] | None = None) -> None:
        pages = self._escalations_of(list(dict.fromkeys(teams)))
        for found in self._read_list(pages, wire.Escalation, "escalation_policy", "escalations", wanted).values():
            self._add_escalation(found)

    def _escalations_of(self, teams: Sequence[str]) -> Iterator[Page]:
        """Yield escalations team by team. A team that fails has none; only the first error is reported as a failure."""
        for team_id in teams:
            if team_id in self._requested_teams:
                continue
            self._requested_teams.add(team_id)
            try:
                yield from self._client.escalations(team_id)
            except RECOVERABLE as error:
                message = f"The escalations of this team could not be read: {error.message}"
                self._findings.note("user_group", team_id, "escalations_not_told", message, loss=True)
                if not self._unread_teams:
                    self._findings.fail("escalation_policy", None, error)
                self._unread_teams += 1

    def _members(self, team: shared.MainObject) -> Elements[shared.Member] | None:
        if not self._client.org_id:
            return None
        return self._collection(wire.Member, "user_group", team.id, "members", self._client.members)

    def _routing_rules(self, team_id: str) -> JsonValue:
        return self._client.routing_rules(team_id)

    def _single(self, listed: shared.Schedule) -> shared.Schedule | None:
        """Return the schedule with its rotations, which have a list of their own. None if they cannot be read."""
        try:
            raw = self._client.rotations(listed.id)
        except (NotFound, PermissionMissing) as error:
            if listed.rotations is not None:
                message = (
                    f"The list shows no rotations of this schedule, and their own list was refused: {error.message}"
                )
                self._findings.note("schedule", listed.id, "rotations_not_confirmed", message, "rotations", loss=True)
                return listed.model_copy(update={"rotations": None})
            message = f"This schedule was left out, because its rotations cannot be read: {error.message}"
            self._findings.note("schedule", listed.id, "not_visible", message)
            self._hidden_schedules = True
            return None
        except RECOVERABLE as error:
            self._findings.fail("schedule", listed.id, error)
            return None
        return listed.model_copy(update={"rotations": raw})

    def _overrides(self, schedule_id: str) -> JsonValue:
        return self._client.overrides(schedule_id)

    def _forwarding_rules(self) -> Iterator[Page]:
        return self._client.forwarding_rules()

    def _rendered(self, ids: Sequence[str], since: int, until: int) -> Mapping[str, tuple[Span, ...]]:
        return rendered(self._client.timeline, VENDOR, ids, since, until)

    def _read_people(self, selection: Selection, referenced: list[str]) -> list[str]:
        self._people.read(referenced)
        return referenced

    def _person(
        self, id_: str, substitutions: Elements[Substitution] | None, because: tuple[str, ...]
    ) -> SourceUser | None:
        user = self._people.users.get(id_)
        return None if user is None else mapping_people.user(user, substitutions, because, self._findings)

    def _final_completeness(self) -> dict[EntityType, Completeness]:
        completeness = {
            **self._completeness,
            "responder": Completeness(False, _NO_PEOPLE, by_design=True),
            "service": Completeness(False, NO_SERVICES, by_design=True),
        }
        reasons: dict[EntityType, str] = {}
        if self._unread_teams:
            reasons["escalation_policy"] = f"The escalations of {self._unread_teams} teams could not be read."
        elif "user_group" in completeness and not completeness["user_group"].listing:
            reasons["escalation_policy"] = "Escalations are listed team by team, and the list of teams is incomplete."
        if self._hidden_schedules:
            reasons["schedule"] = "Some of the listed schedules cannot be read."
        if self._is_restricted():
            self._findings.note("user_group", None, "restricted_token", _PARTIAL)
            reasons |= dict.fromkeys(self._completeness, _PARTIAL)
        lost = {
            kind: Completeness(False, reason)
            for kind, reason in reasons.items()
            if kind in completeness and completeness[kind].listing
        }
        return completeness | lost

    def _is_restricted(self) -> bool:
        """Return whether a schedule has a team that is not listed. Only administrators see all teams (vendor docs)."""
        owners = {schedule.team_id for schedule in self._harvest.schedules.values() if schedule.team_id is not None}
        listed = "user_group" in self._listed and self._completeness["user_group"].listing
        return listed and not owners <= set(self._harvest.teams)
