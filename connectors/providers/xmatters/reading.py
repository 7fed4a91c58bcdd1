"""One read of an account in as few calls as possible: listings, closure, shifts, people; then the mapping."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from connectors.base import Progress
from connectors.closure import Kept, Node, Selection, close
from connectors.errors import NotFound, PermissionMissing
from connectors.providers.xmatters import wire
from connectors.providers.xmatters.client import Client
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.harvest import Harvest
from connectors.providers.xmatters.mapping import MAPPING_VERSION, records
from connectors.providers.xmatters.people_reading import PeopleReading
from connectors.providers.xmatters.rosters import Nested, Rosters
from connectors.providers.xmatters.shift_reading import ShiftReading
from connectors.providers.xmatters.vendor import VENDOR
from connectors.reading.listing import Listing, all_items
from connectors.reading.optional_lists import read_optional_list
from connectors.reading.pages import Page
from connectors.reading.source_read import SourceRead
from connectors.reading.wire import Wire
from connectors.records import Account, Completeness, EntityType, Snapshot

N = TypeVar("N", bound=wire.Reference)
E = TypeVar("E", bound=Wire)


class XmattersRead(SourceRead):
    """nested: what becomes of groups in groups."""

    def __init__(
        self, client: Client, account: Account, nested: Nested, at: int, contact_details: bool, progress: Progress
    ) -> None:
        super().__init__(VENDOR, at, progress)
        self._client = client
        self._account = account
        self._contact_details = contact_details
        self._people = PeopleReading(client, self._findings, contact_details, progress)
        self._shifts = ShiftReading(client, self._findings)
        directory = Directory(people=self._people.users.objects, owners=self._people.owners)
        self._harvest = Harvest(directory, Rosters(nested, directory))

    def inventory(self) -> list[Node]:
        """The tree of groups and services: a group brings its shifts. Raises the first error when nothing can be
        listed."""
        self._list_all()
        self._raise_if_nothing_was_read()
        return self._harvest.nodes()

    def snapshot(self, selection: Selection) -> Snapshot:
        """Without the number of calls. Raises ConnectorError when nothing can be read, or for what ends any read (a
        refused credential)."""
        if selection.everything:
            self._people.users.read()
            self._record_listing(self._people.users)
        self._list_all(selection.everything or any(kind in ("service", "user_group") for kind, _ in selection.chosen))
        self._raise_if_nothing_was_read()
        self._harvest.directory.sites = self._sites()
        self._harvest.absences = self._absences()
        kept = self._read_details(selection)
        self._note_missing(selection, self._harvest.nodes())
        people = self._read_people(selection, list(self._harvest.references(kept)))
        made = records(self._harvest, kept, people, self._at, self._contact_details, self._findings)
        return replace(self._snapshot(self._account, made), mapping_version=MAPPING_VERSION)

    # --- listings -------------------------------------------------------------------------------------------------

    def _list_all(self, with_services: bool = True) -> None:
        """with_services: nothing refers to a service, so without one or its owner chosen none is needed."""
        groups = self._list(self._client.groups(), wire.Group, "user_group", "groups")
        self._harvest.directory.groups = groups.objects
        if not with_services:
            self._completeness["service"] = Completeness(True)
            return
        services = self._list(self._client.services(), wire.Service, "service", "services")
        self._harvest.services = services.objects
        told = services.completeness
        if isinstance(services.error, NotFound | PermissionMissing) or (told.listing and not services.objects):
            self._harvest.groups_as_services = True
            message = "There are no services that can be seen, so the on-call groups are offered in their place."
            self._findings.note("service", None, "none_here", message)

    def _list(self, pages: Iterator[Page], model: type[N], entity_type: EntityType, key: str) -> Listing[N]:
        """A whole listing; one that fails is named, unless the answer means that there is none here."""
        listing = Listing(pages, model, entity_type, key, self._findings, self._progress)
        listing.read()
        excused = entity_type == "service" and isinstance(listing.error, NotFound | PermissionMissing)
        self._record_listing(listing, excused)
        if listing.error is not None and not excused:
            self._findings.fail(entity_type, None, listing.error)
        self._completeness[entity_type] = listing.completeness
        return listing

    def _sites(self) -> dict[str, wire.Site] | None:
        """For time zones that people and groups do not tell themselves, and for who is not notified. None: they could
        not be read this time."""
        found = self._optional(self._visible_sites(), wire.Site, "responder", "sites")
        return None if found is None else {site.id: site for site in found}

    def _visible_sites(self) -> Iterator[Page]:
        """An account that may not see them never can: for it there are none."""
        try:
            yield from self._client.sites()
        except (NotFound, PermissionMissing) as error:
            message = f"The sites could not be read: {error.message}"
            self._findings.note("responder", None, "sites_not_told", message, "sites", loss=True)

    def _absences(self) -> tuple[wire.Absence, ...] | None:
        """None: not told; one unreadable absence counts as that, or it would seem to have been taken away."""
        return self._optional(self._client.absences(), wire.Absence, "responder", "absences")

    def _optional(
        self, pages: Iterable[Page], model: type[E], entity_type: EntityType, key: str, id_: str | None = None
    ) -> tuple[E, ...] | None:
        """All of it, None = not told."""
        return read_optional_list(
            lambda: all_items(pages, VENDOR, key, key),
            model,
            self._findings,
            entity_type,
            id_,
            words=f"The {key}",
            code=f"{key}_not_told",
            path=key,
        )

    # --- closure --------------------------------------------------------------------------------------------------

    def _read_details(self, selection: Selection) -> Kept:
        """Only what is kept is read: the roster of each group, the shifts of each on-call group that is paged. What
        they point to may bring more along, so until nothing new comes."""
        harvest = self._harvest
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
                    self._count_shifts()
            if not unread and len(harvest.shifts) == asked:
                break
        for told in filter(None, harvest.shifts.values()):
            told.read = {id_: shift for id_, shift in told.read.items() if ("schedule", id_) in kept}
        self._shifts.complete(harvest.shifts)
        self._judge_shifts()
        return kept

    def _sought(self, selection: Selection) -> set[str]:
        """Ids that were chosen and only the shifts of some group can tell: the groups are asked until all have come."""
        unknown = () if selection.everything else selection.chosen - {node.key for node in self._harvest.nodes()}
        return {id_ for kind, id_ in unknown if kind in ("schedule", "escalation_policy")}

    def _count_shifts(self) -> None:
        """A shift is a schedule and a policy, and so is an on-call group a policy."""
        told = [shifts.read for shifts in self._harvest.shifts.values() if shifts is not None]
        count = sum(map(len, told))
        self._progress("schedule", count, None)
        self._progress("escalation_policy", count + len(told), None)

    def _judge_shifts(self) -> None:
        told = self._completeness["user_group"]
        if told.listing and self._shifts.untold:
            told = Completeness(False, "Some of the shifts could not be read.")
        self._completeness["schedule"] = self._completeness["escalation_policy"] = told

    def _roster(self, group_id: str) -> tuple[wire.Recipient, ...] | None:
        """None: not told. A dynamic group has no roster; whom it means now is asked only to expand it. A group that
        cannot be seen has none either."""
        group = self._harvest.directory.groups.get(group_id)
        if group is not None and group.group_type == "DYNAMIC":
            if self._harvest.rosters.nested != "expand":
                return None
            return self._optional(self._client.recipients(group_id), wire.Recipient, "user_group", "members", group_id)
        rows = self._optional(self._client.members(group_id), wire.RosterRow, "user_group", "members", group_id)
        return None if rows is None else tuple(row.member for row in rows)

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
        self._harvest.devices = people.devices
        return ids
