"""One read of an account in as few calls as possible: listings, closure, shifts, people; then the mapping."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from connectors.base import Progress
from connectors.closure import Kept, Node, Selection, close
from connectors.errors import ConnectorError, NotFound, PermissionMissing
from connectors.findings import Findings
from connectors.http import JsonValue
from connectors.listing import RECOVERABLE, Listing, Page
from connectors.providers.xmatters import wire
from connectors.providers.xmatters.client import Client
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.harvest import Harvest
from connectors.providers.xmatters.mapping import MAPPING_VERSION, records
from connectors.providers.xmatters.people_reading import PeopleReading
from connectors.providers.xmatters.rosters import Nested, Rosters
from connectors.providers.xmatters.shift_reading import ShiftReading
from connectors.providers.xmatters.vendor import PROVIDER, VENDOR
from connectors.records import Account, Completeness, EntityType, Snapshot
from connectors.wire import Wire

N = TypeVar("N", bound=wire.Reference)
E = TypeVar("E", bound=Wire)


class Reading:
    """``at``: instant of the read's start. nested: what becomes of groups in groups. One instance per read."""

    def __init__(
        self, client: Client, account: Account, nested: Nested, at: int, contact_details: bool, progress: Progress
    ) -> None:
        self._client = client
        self._account = account
        self._at = at
        self._contact_details = contact_details
        self._progress = progress
        self._findings = Findings(VENDOR)
        self._people = PeopleReading(client, self._findings, contact_details, progress)
        self._shifts = ShiftReading(client, self._findings)
        directory = Directory(people=self._people.users.objects, owners=self._people.owners)
        self.harvest = Harvest(directory, Rosters(nested, directory))
        self._completeness: dict[EntityType, Completeness] = {}
        self._failures: list[ConnectorError] = []
        self._answered = False

    def inventory(self) -> list[Node]:
        """The tree of groups and services: a group brings its shifts. Raises the first error when nothing can be
        listed."""
        self._list_all()
        self._raise_if_nothing_was_read()
        return self.harvest.nodes()

    def snapshot(self, selection: Selection) -> Snapshot:
        """Without the number of calls. Raises ConnectorError when nothing can be read, or for what ends any read (a
        refused credential)."""
        if selection.everything:
            self._people.users.read()
            self._hear(self._people.users)
        self._list_all(selection.everything or any(kind in ("service", "user_group") for kind, _ in selection.chosen))
        self._raise_if_nothing_was_read()
        self.harvest.directory.sites = self._sites()
        self.harvest.absences = self._absences()
        kept = self._read_details(selection)
        self._name_missing(selection)
        people = self._read_people(selection, list(self.harvest.references(kept)))
        made = records(self.harvest, kept, people, self._at, self._contact_details, self._findings)
        return Snapshot(
            provider=PROVIDER,
            account=self._account,
            fetched_at=self._at,
            users=made.users,
            teams=made.teams,
            schedules=made.schedules,
            policies=made.policies,
            services=made.services,
            notes=tuple(self._findings.notes),
            failed=tuple(self._findings.failed),
            completeness=self._completeness,
            mapping_version=MAPPING_VERSION,
        )

    # --- listings -------------------------------------------------------------------------------------------------

    def _list_all(self, with_services: bool = True) -> None:
        """with_services: nothing refers to a service, so without one or its owner chosen none is needed."""
        groups = self._list(self._client.groups(), wire.Group, "user_group", "groups")
        self.harvest.directory.groups = groups.objects
        if not with_services:
            self._completeness["service"] = Completeness(True)
            return
        services = self._list(self._client.services(), wire.Service, "service", "services")
        self.harvest.services = services.objects
        told = services.completeness
        if isinstance(services.error, NotFound | PermissionMissing) or (told.listing and not services.objects):
            self.harvest.groups_as_services = True
            message = "There are no services that can be seen, so the on-call groups are offered in their place."
            self._findings.note("service", None, "none_here", message)

    def _list(self, pages: Iterator[Page], model: type[N], entity_type: EntityType, key: str) -> Listing[N]:
        """A whole listing; one that fails is named, unless the answer means that there is none here."""
        listing = Listing(pages, model, entity_type, key, self._findings, self._progress)
        listing.read()
        self._answered = self._answered or listing.page_count > 0
        error = listing.error
        if error is not None and not (entity_type == "service" and isinstance(error, NotFound | PermissionMissing)):
            self._failures.append(error)
            self._findings.fail(entity_type, None, error)
        self._completeness[entity_type] = listing.completeness
        return listing

    def _hear(self, users: Listing[wire.Person]) -> None:
        self._answered = self._answered or users.page_count > 0
        if users.error is not None:
            self._failures.append(users.error)

    def _raise_if_nothing_was_read(self) -> None:
        if self._failures and not self._answered:
            raise self._failures[0]

    def _sites(self) -> dict[str, wire.Site] | None:
        """For time zones that people and groups do not tell themselves, and for who is not notified. An account that
        may not see them never can; None: they could not be read this time."""
        found = self._optional(self._client.sites(), wire.Site, "responder", "sites", refused=())
        return None if found is None else {site.id: site for site in found}

    def _absences(self) -> tuple[wire.Absence, ...] | None:
        """None: not told; one unreadable absence counts as that, or it would seem to have been taken away."""
        return self._optional(self._client.absences(), wire.Absence, "responder", "absences")

    def _optional(
        self,
        pages: Iterable[Page],
        model: type[E],
        entity_type: EntityType,
        key: str,
        id_: str | None = None,
        refused: tuple[E, ...] | None = None,
    ) -> tuple[E, ...] | None:
        """All of it or None, with a note (404, 403: then it counts as ``refused``) or a failure that says why."""
        raw: list[JsonValue] = []
        total: int | None = None
        try:
            for page in pages:
                raw += page.items
                total = page.total
        except (NotFound, PermissionMissing) as error:
            self._findings.note(entity_type, id_, f"{key}_not_told", f"The {key} could not be read: {error.message}")
            return refused
        except RECOVERABLE as error:
            self._findings.fail(entity_type, id_, error)
            return None
        read = [self._findings.read(model, item, entity_type, id_, f"{key}[{i}]") for i, item in enumerate(raw)]
        complete = tuple(one for one in read if one is not None)
        if total is not None and len(raw) < total:
            self._findings.note(entity_type, id_, f"{key}_not_told", f"{total} {key} were announced, {len(raw)} came.")
            return None
        return complete if len(complete) == len(read) else None

    # --- closure --------------------------------------------------------------------------------------------------

    def _read_details(self, selection: Selection) -> Kept:
        """Only what is kept is read: the roster of each group, the shifts of each on-call group that is paged. What
        they point to may bring more along, so until nothing new comes."""
        harvest = self.harvest
        sought = self._sought(selection)
        while True:
            if harvest.ownerless():
                self._people.find_owners()
            kept = close(harvest.nodes(), selection)
            groups = [id_ for kind, id_ in kept if kind == "user_group" and id_ in harvest.directory.groups]
            unread = {id_ for id_ in groups if id_ not in harvest.rosters.told}
            unread |= {nested for id_ in groups for nested in harvest.rosters.unread(id_)}
            for id_ in sorted(unread):
                harvest.rosters.told[id_] = self._roster(id_)
                self._progress("user_group", len(harvest.rosters.told), None)
            on_call = harvest.on_call_groups()
            asked = len(harvest.shifts)
            for id_ in sorted(on_call, key=lambda id_: ("escalation_policy", id_) not in kept):
                if id_ not in harvest.shifts and (sought or ("escalation_policy", id_) in kept):
                    harvest.shifts[id_] = told = self._shifts.of(on_call[id_])
                    sought -= {shift.id for shift in told.every} if told else set()
                    self._progress("schedule", len(harvest.shifts), None)
            if not unread and len(harvest.shifts) == asked:
                break
        for told in filter(None, harvest.shifts.values()):
            told.read = {id_: shift for id_, shift in told.read.items() if ("schedule", id_) in kept}
        self._shifts.complete(harvest.shifts)
        self._judge_shifts()
        return kept

    def _sought(self, selection: Selection) -> set[str]:
        """Ids that were chosen and only the shifts of some group can tell: the groups are asked until all have come."""
        unknown = () if selection.everything else selection.chosen - {node.key for node in self.harvest.nodes()}
        return {id_ for kind, id_ in unknown if kind in ("schedule", "escalation_policy")}

    def _judge_shifts(self) -> None:
        told = self._completeness["user_group"]
        if told.listing and self._shifts.untold:
            told = Completeness(False, "Some of the shifts could not be read.")
        self._completeness["schedule"] = self._completeness["escalation_policy"] = told

    def _roster(self, group_id: str) -> tuple[wire.Recipient, ...] | None:
        """None: not told. A dynamic group has no roster; whom it means now is asked only to expand it. A group that
        cannot be seen has none either."""
        group = self.harvest.directory.groups.get(group_id)
        if group is not None and group.group_type == "DYNAMIC":
            if self.harvest.rosters.nested != "expand":
                return None
            return self._optional(self._client.recipients(group_id), wire.Recipient, "user_group", "members", group_id)
        rows = self._optional(self._client.members(group_id), wire.RosterRow, "user_group", "members", group_id)
        return None if rows is None else tuple(row.member for row in rows)

    def _name_missing(self, selection: Selection) -> None:
        known = {node.key for node in self.harvest.nodes()}
        for kind, id_ in sorted(() if selection.everything else selection.chosen - known):
            self._findings.note(kind, id_, "chosen_not_found", "It was chosen, but is not among what could be listed.")

    # --- people ---------------------------------------------------------------------------------------------------

    def _read_people(self, selection: Selection, referenced: list[str]) -> list[str]:
        """Returns the ids to import."""
        people = self._people
        if not selection.everything:
            people.chosen(referenced)
        if people.users.error is not None:
            self._findings.fail("responder", None, people.users.error)
        self._completeness["responder"] = people.users.completeness
        ids = list(dict.fromkeys((*people.users.objects, *referenced))) if selection.everything else referenced
        people.read_devices([id_ for id_ in ids if id_ in people.users.objects])
        self.harvest.devices = people.devices
        return ids
