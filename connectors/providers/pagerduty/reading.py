"""Reads an account in as few requests as possible (lists, closure, details, people) and maps it to a snapshot."""

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import replace
from typing import TypeVar

from connectors.base import Progress
from connectors.closure import Kept, Node, Selection, close
from connectors.errors import ConnectorError, NotFound, PermissionMissing
from connectors.providers.pagerduty import wire
from connectors.providers.pagerduty.client import PAGE, Client
from connectors.providers.pagerduty.harvest import Harvest
from connectors.providers.pagerduty.identity import Identity
from connectors.providers.pagerduty.mapping import MAPPING_VERSION, records
from connectors.providers.pagerduty.people_details import PeopleDetails
from connectors.providers.pagerduty.rendered import final_schedules
from connectors.providers.pagerduty.schedule_details import ScheduleDetails
from connectors.providers.pagerduty.vendor import VENDOR
from connectors.reading.findings import Elements
from connectors.reading.listing import RECOVERABLE, Listing, all_items
from connectors.reading.mapping import with_contents
from connectors.reading.optional_lists import read_optional_list
from connectors.reading.pages import Page
from connectors.reading.source_read import SourceRead
from connectors.records import Completeness, EntityType, Snapshot

N = TypeVar("N", bound=wire.Named)
Excuse = Callable[[ConnectorError], str | None]


class PagerDutyRead(SourceRead):
    """One read of an account. at: instant of its start. contact_details: whether contact details are read."""

    def __init__(
        self, client: Client, identity: Identity, region: str, at: int, contact_details: bool, progress: Progress
    ) -> None:
        super().__init__(VENDOR, at, progress)
        self._client = client
        self._identity = identity
        self._region = region
        self._harvest = Harvest()
        self._people = PeopleDetails(client, self._findings, contact_details)
        self._schedules = ScheduleDetails(client, self._findings, at, progress)

    def inventory(self) -> list[Node]:
        """Returns the nodes of all objects except people. Raises the first error if nothing can be listed."""
        self._list_all(Selection())
        self._raise_if_nothing_was_read()
        self._harvest.shifts = self._schedules.shift_based(self._harvest.shift_schedules)
        nodes = self._harvest.nodes()
        told = {node.key: () for node in nodes if node.entity_type in ("schedule", "escalation_policy")}
        made = records(self._harvest, told, (), self._schedules.window, self._at, self._findings)
        return with_contents(nodes, made)

    def snapshot(self, selection: Selection) -> Snapshot:
        """Returns the snapshot of a selection, without the number of calls.

        Raises ConnectorError if nothing can be read, and for errors that end every read (a refused key, another
        account).
        """
        users = self._start_people(selection)
        self._list_all(selection)
        self._raise_if_nothing_was_read()
        kept = self._read_details(selection)
        self._record_reach(selection, kept, self._harvest.nodes())
        people = self._read_people(users, selection, list(self._harvest.references(kept)))
        made = records(self._harvest, kept, people, self._schedules.window, self._at, self._findings)
        return replace(
            self._snapshot(self._identity.account(self._region), made),
            mapping_version=MAPPING_VERSION,
            rendered=final_schedules(self._harvest),
            rendered_range=self._schedules.ahead,
        )

    # --- listings -------------------------------------------------------------------------------------------------

    def _list_all(self, selection: Selection) -> None:
        """Reads each list before the lists that it refers to. The references limit how far the later lists are read."""
        client, harvest, check = self._client, self._harvest, self._check_account
        if self._wanted("user_group", selection) is None:
            self._list_teams(None)
        harvest.services = self._list(
            client.services(), wire.Service, "service", "services", self._wanted("service", selection)
        ).objects
        wanted, pages = self._wanted("escalation_policy", selection), client.escalation_policies()
        harvest.policies = self._list(
            pages, wire.EscalationPolicy, "escalation_policy", "escalation_policies", wanted
        ).objects
        wanted, pages = self._wanted("schedule", selection), client.shift_schedules()
        all_or_none = None if wanted else wanted  # only this list shows which schedules are shift-based
        harvest.shift_schedules = self._list(
            pages, wire.Named, "schedule", "shift_schedules", all_or_none, check, _no_shift_schedules
        ).objects
        layered = None if wanted is None else wanted - harvest.shift_schedules.keys()
        listed = self._list(client.schedules(), wire.ListedSchedule, "schedule", "schedules", layered, check)
        harvest.schedules, self._schedule_pages = listed.objects, listed.page_count

    def _list_teams(self, wanted: Set[str] | None) -> None:
        self._harvest.teams = self._list(
            self._client.teams(), wire.Team, "user_group", "teams", wanted, self._check_account, _no_teams
        ).objects

    def _wanted(self, kind: EntityType, selection: Selection) -> Set[str] | None:
        """Returns the ids of the objects that were chosen or that known objects refer to.

        None means all objects. This is also the result for a chosen team, because the team brings everything it owns.
        """
        if selection.everything or any(chosen == "user_group" for chosen, _ in selection.chosen):
            return None
        known = (*selection.chosen, *close(self._harvest.nodes(), selection))
        return {external_id for entity_type, external_id in known if entity_type == kind}

    def _list(
        self,
        pages: Iterator[Page],
        model: type[N],
        entity_type: EntityType,
        key: str,
        wanted: Set[str] | None,
        on_page: Callable[[Iterable[N]], None] | None = None,
        excuse: Excuse | None = None,
    ) -> Listing[N]:
        """Reads a list until all wanted ids have come. A list that ends early is complete for a selection.

        wanted: None means all. on_page: called with all objects after each page. excuse: returns a text if an error
        means that the account has no objects of this kind. Any other error is reported.
        """
        listing = Listing(pages, model, entity_type, key, self._findings, self._progress, on_page)
        while not listing.finished and (wanted is None or not wanted <= listing.objects.keys()):
            listing.read(1)
        error = listing.error
        reason = excuse(error) if excuse is not None and error is not None else None
        self._record_listing(listing, excused=reason is not None)
        if error is not None and reason is None:
            self._findings.fail(entity_type, None, error)
        elif error is not None:
            self._findings.note(entity_type, None, "none_here", f"{reason} ({error.message})")
            if not (isinstance(error, PermissionMissing) and error.status == 403):  # a refusal is no proof
                listing.error = None
        self._note_incomplete(listing, entity_type)
        completeness = self._completeness.get(entity_type, Completeness(True))
        if completeness.listing and listing.finished:
            completeness = listing.completeness
        self._completeness[entity_type] = completeness
        return listing

    def _check_account(self, objects: Iterable[wire.Named]) -> None:
        self._identity.check(found.html_url for found in objects)

    # --- closure --------------------------------------------------------------------------------------------------

    def _read_details(self, selection: Selection) -> Kept:
        """Reads the details of kept objects only and returns the kept objects.

        The list of shift-based schedules does not contain their teams, so all of them are read for a chosen team.
        """
        harvest = self._harvest
        all_of_them = selection.everything or any(kind == "user_group" for kind, _ in selection.chosen)
        early = list(harvest.shift_schedules) if all_of_them else []
        harvest.shifts = self._schedules.shift_based(early)
        wanted = [id_ for kind, id_ in close(harvest.nodes(), selection) if kind == "schedule"]
        shift_based = [id_ for id_ in wanted if id_ in harvest.shift_schedules and id_ not in early]
        listed = {
            id_: harvest.schedules[id_]
            for id_ in wanted
            if id_ in harvest.schedules and id_ not in harvest.shift_schedules
        }
        harvest.layered = self._schedules.layered(listed, self._schedule_pages)
        harvest.shifts |= self._schedules.shift_based([*shift_based, *self._schedules.moved])
        teams = self._wanted("user_group", selection)
        if teams is not None:  # only now, because a shift-based schedule is listed without its teams
            self._list_teams(teams)
        for kind, id_ in close(harvest.nodes(), selection):
            if kind == "user_group" and id_ in harvest.teams:
                harvest.members[id_] = self._members(id_)
        return close(harvest.nodes(), selection)

    def _members(self, team_id: str) -> Elements[wire.Member] | None:
        """Returns the members of a team, None if they are not reported."""
        return read_optional_list(
            lambda: all_items(self._client.team_members(team_id), VENDOR, "members", "members"),
            wire.Member,
            self._findings,
            "user_group",
            team_id,
            words="Its members",
            code="members_not_told",
            path="members",
        )

    # --- people ---------------------------------------------------------------------------------------------------

    def _start_people(self, selection: Selection) -> Listing[wire.User]:
        """Starts the list of people. A selection reads only its first page, which shows the account and the total."""
        users = self._listed_people(selection)
        refused = users.error
        if isinstance(refused, PermissionMissing) and self._people.wanted:
            self._people.wanted = False
            users = self._listed_people(selection)
            if users.error is None:
                self._people.forbid(refused)
        self._record_listing(users)
        return users

    def _listed_people(self, selection: Selection) -> Listing[wire.User]:
        pages = self._client.users(self._people.include, total=not selection.everything)
        users = Listing(pages, wire.User, "responder", "users", self._findings, self._progress, self._check_account)
        users.read(None if selection.everything else 1)
        return users

    def _read_people(self, users: Listing[wire.User], selection: Selection, referenced: list[str]) -> list[str]:
        """Reads the rest of the list or each missing person, whichever is fewer requests. Returns the ids to import."""
        missing = [id_ for id_ in referenced if id_ not in users.objects]
        if not users.finished and missing:
            if users.is_cheaper_than(len(missing), PAGE):
                users.read()
            else:
                for id_ in missing:
                    self._read_person(users, id_)
        if users.error is not None:
            self._findings.fail("responder", None, users.error)
        self._note_incomplete(users, "responder")
        self._completeness["responder"] = users.completeness
        self._harvest.users = users.objects
        people = list(dict.fromkeys((*users.objects, *referenced))) if selection.everything else referenced
        for id_ in people:
            if id_ in users.objects:
                self._harvest.contacts[id_] = self._people.of(users.objects[id_])
        return people

    def _read_person(self, users: Listing[wire.User], id_: str) -> None:
        try:
            raw = self._client.user(id_, self._people.include)
        except NotFound:
            self._findings.not_found.add(("responder", id_))
            return  # the references to them are enough for a record
        except RECOVERABLE as error:
            self._findings.fail("responder", id_, error)
            return
        found = self._findings.read(wire.User, raw, "responder", id_, "")
        if found is not None:
            users.objects[id_] = found


def _no_teams(error: ConnectorError) -> str | None:
    """402: the ability ``teams`` is not in the account's plan (vendor docs: Abilities)."""
    missing = isinstance(error, PermissionMissing) and error.status == 402
    return "There are no teams in this plan." if missing else None


def _no_shift_schedules(error: ConnectorError) -> str | None:
    """The feature is in early access. An account without it has no such path, or no right to it."""
    if isinstance(error, NotFound):
        return "This account has no shift-based schedules."
    return "Shift-based schedules cannot be listed with this key." if isinstance(error, PermissionMissing) else None
