"""Reads an account in as few requests as possible (lists, closure, shifts, people) and maps it to a snapshot."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from connectors.base import Progress
from connectors.closure import Kept, Node, Selection, close
from connectors.errors import NotFound, PermissionMissing
from connectors.providers.xmatters import wire
from connectors.providers.xmatters.client import Client
from connectors.providers.xmatters.directory import Directory
from connectors.providers.xmatters.fields import has_ended, usable_id
from connectors.providers.xmatters.harvest import Absences, Harvest
from connectors.providers.xmatters.mapping import MAPPING_VERSION, records
from connectors.providers.xmatters.people_reading import PeopleReading
from connectors.providers.xmatters.rosters import Nested, Rosters
from connectors.providers.xmatters.shift_reading import ShiftReading
from connectors.providers.xmatters.vendor import VENDOR
from connectors.reading.findings import Elements
from connectors.reading.listing import Listing, all_items
from connectors.reading.optional_lists import read_optional_list
from connectors.reading.pages import Page
from connectors.reading.source_read import SourceRead
from connectors.reading.wire import Wire
from connectors.records import Account, Completeness, EntityType, Snapshot

#: The fact about an account that is learnt: whether its list of services has services.
HAS_SERVICES: Final = "has_services"

_REMEMBERED: Final = "This account had no services when they were last read, so the on-call groups stay services."

N = TypeVar("N", bound=wire.Reference)
E = TypeVar("E", bound=Wire)


class XmattersRead(SourceRead):
    """One read of an account. at: instant of its start. nested: how groups in groups are imported. contact_details:
    whether all devices are read. learnt: what earlier reads learnt about the account."""

    def __init__(
        self,
        client: Client,
        account: Account,
        learnt: Mapping[str, bool],
        nested: Nested,
        at: int,
        contact_details: bool,
        progress: Progress,
    ) -> None:
        super().__init__(VENDOR, at, progress)
        self._client = client
        self._account = account
        self._without_services = learnt.get(HAS_SERVICES) is False
        self._learnt: dict[str, bool] = {}
        self._contact_details = contact_details
        self._people = PeopleReading(client, self._findings, contact_details, progress)
        self._shifts = ShiftReading(client, self._findings, at)
        directory = Directory(people=self._people.users.objects, owners=self._people.owners)
        self._harvest = Harvest(directory, Rosters(nested, directory))

    def inventory(self) -> list[Node]:
        """Returns the nodes of groups and services. A group brings its shifts. Raises the first error if nothing can be
        listed."""
        self._list_all(Selection())
        self._raise_if_nothing_was_read()
        return self._harvest.nodes()

    def snapshot(self, selection: Selection) -> Snapshot:
        """Returns the snapshot of a selection, without the number of calls.

        Raises ConnectorError if nothing can be read, and for an error that ends every read (a refused credential).
        """
        if selection.everything:
            self._people.users.read()
            self._record_listing(self._people.users)
        self._list_all(selection)
        self._raise_if_nothing_was_read()
        self._harvest.directory.sites = self._sites()
        self._harvest.absences = self._absences()
        kept = self._read_details(selection)
        self._record_reach(selection, kept, self._harvest.nodes())
        people = self._read_people(selection, list(self._harvest.references(kept)))
        made = records(self._harvest, kept, people, self._at, self._contact_details, self._findings)
        return replace(self._snapshot(self._account, made), mapping_version=MAPPING_VERSION, learnt=self._learnt)

    # --- listings -------------------------------------------------------------------------------------------------

    def _list_all(self, selection: Selection) -> None:
        """Reads the lists of groups and services.

        Services are needed only if a service or a group was chosen, because nothing refers to them. In an account that
        was seen to have none, the on-call groups are services.
        """
        groups = self._list(self._client.groups(), wire.Group, "user_group", "groups")
        self._harvest.directory.groups = groups.objects
        if not selection.everything and not {kind for kind, _ in selection.chosen} & {"service", "user_group"}:
            self._completeness["service"] = Completeness(True)
            return
        services = self._list(self._client.services(), wire.Service, "service", "services")
        self._harvest.services = services.objects
        if services.error is None or services.count:
            self._without_services = services.completeness.listing and not services.count
            self._learnt[HAS_SERVICES] = not self._without_services
            code, message = "none_here", "This account has no services, so the on-call groups are offered instead."
        else:
            code, message = "services_remembered", _REMEMBERED
        if self._without_services:
            self._harvest.groups_as_services = self._harvest.on_call_groups()
            self._findings.note("service", None, code, message)

    def _list(self, pages: Iterator[Page], model: type[N], entity_type: EntityType, key: str) -> Listing[N]:
        """Reads a complete list. An error is a failure of the list; a refusal of the services is a note."""
        listing = Listing(pages, model, entity_type, key, self._findings, self._progress)
        listing.read()
        refused = entity_type == "service" and isinstance(listing.error, NotFound | PermissionMissing)
        self._record_listing(listing, refused)
        if listing.error is not None and refused:
            message = f"The services could not be read, so nothing changes about services: {listing.error.message}"
            if not self._without_services:
                message += " No on-call group is offered instead, because the account may have services."
            self._findings.note("service", None, "services_not_told", message, key, loss=True, hides=True)
        elif listing.error is not None:
            self._findings.fail(entity_type, None, listing.error)
        self._note_incomplete(listing, entity_type)
        self._completeness[entity_type] = listing.completeness
        return listing

    def _sites(self) -> dict[str, wire.Site] | None:
        """Returns sites by id, None if they are not reported.

        They give people and groups a time zone if they have none, and show which people are not notified.
        """
        found = self._optional(self._client.sites(), wire.Site, "responder", "sites", hides=False)
        return None if found is None else {site.id: site for site in found}

    def _absences(self) -> Absences | None:
        """Returns absences by the absent person, None if they are not reported."""
        sent = self._optional(self._client.absences(), wire.Raw, "responder", "absences")
        if sent is None:
            return None
        absences = Absences()
        for place, raw in enumerate(item.value for item in sent):
            absent = usable_id(raw.get("member")) if isinstance(raw, dict) else None
            ended = has_ended(raw, "end", self._at)
            path = f"absences[{place}]"
            read = self._findings.read_element(wire.Absence, raw, "responder", absent, path, ended=ended)
            if read is not None:
                absences.read.append((place, read))
            elif not ended:
                absences.unread[absent] += 1
        return absences

    def _optional(
        self,
        pages: Iterable[Page],
        model: type[E],
        entity_type: EntityType,
        key: str,
        id_: str | None = None,
        *,
        hides: bool = True,
    ) -> Elements[E] | None:
        """Returns all readable objects of the pages, None if they are not reported. hides: whether they refer to other
        objects that are imported."""
        return read_optional_list(
            lambda: all_items(pages, VENDOR, key, key),
            model,
            self._findings,
            entity_type,
            id_,
            words=f"The {key}",
            code=f"{key}_not_told",
            path=key,
            hides=hides,
        )

    # --- closure --------------------------------------------------------------------------------------------------

    def _read_details(self, selection: Selection) -> Kept:
        """Reads the details of kept objects only, and returns the kept objects.

        They are the roster of each group and the shifts of each on-call group that is paged. The details may refer to
        more objects, so this is repeated until nothing new is read.
        """
        harvest = self._harvest
        missing = self._missing_shifts(selection)
        while True:
            if harvest.has_unknown_owner():
                self._people.find_owners()
                harvest.directory.owners_listed = self._people.devices_listed
            kept = close(harvest.nodes(), selection)
            groups = [id_ for kind, id_ in kept if kind == "user_group" and id_ in harvest.directory.groups]
            unread = {id_ for id_ in groups if id_ not in harvest.rosters.members}
            unread |= {nested for id_ in groups for nested in harvest.rosters.unread(id_)}
            for id_ in sorted(unread):
                harvest.rosters.members[id_] = self._roster(id_)
                self._progress("user_group", len(harvest.rosters.members), None)
            on_call = harvest.on_call_groups()
            count = len(harvest.shifts)
            for id_ in sorted(on_call, key=lambda id_: ("escalation_policy", id_) not in kept):
                if id_ not in harvest.shifts and (missing or ("escalation_policy", id_) in kept):
                    harvest.shifts[id_] = shifts = self._shifts.of(on_call[id_])
                    missing -= {shift.id for shift in shifts.all} if shifts else set()
                    self._count_shifts()
            if not unread and len(harvest.shifts) == count:
                break
        for shifts in filter(None, harvest.shifts.values()):
            shifts.read = {id_: shift for id_, shift in shifts.read.items() if ("schedule", id_) in kept}
        self._shifts.complete(harvest.shifts)
        self._set_shift_completeness()
        return kept

    def _missing_shifts(self, selection: Selection) -> set[str]:
        """Returns the chosen ids of shifts whose group is unknown. Groups are read until all these shifts are found."""
        unknown = () if selection.everything else selection.chosen - {node.key for node in self._harvest.nodes()}
        return {id_ for kind, id_ in unknown if kind in ("schedule", "escalation_policy")}

    def _count_shifts(self) -> None:
        """Reports progress. A shift is a schedule and a policy, and an on-call group is a policy."""
        groups = [shifts.read for shifts in self._harvest.shifts.values() if shifts is not None]
        count = sum(map(len, groups))
        self._progress("schedule", count, None)
        self._progress("escalation_policy", count + len(groups), None)

    def _set_shift_completeness(self) -> None:
        completeness = self._completeness["user_group"]
        unreadable = any(failed.entity_type == "user_group" for failed in self._findings.failed)
        if completeness.listing and (self._shifts.unread_count or unreadable):
            completeness = Completeness(False, "Some of the shifts could not be read.")
        self._completeness["schedule"] = self._completeness["escalation_policy"] = completeness

    def _roster(self, group_id: str) -> Elements[wire.Recipient] | None:
        """Returns the direct members of a group, None if they are not reported.

        A dynamic group has no roster. Its current members are requested only if nested groups are expanded.
        """
        group = self._harvest.directory.groups.get(group_id)
        if group is not None and group.group_type == "DYNAMIC":
            if self._harvest.rosters.nested != "expand":
                return None
            return self._optional(self._client.recipients(group_id), wire.Recipient, "user_group", "members", group_id)
        rows = self._optional(self._client.members(group_id), wire.RosterRow, "user_group", "members", group_id)
        return None if rows is None else Elements((row.member for row in rows), rows.unread, rows.places)

    # --- people ---------------------------------------------------------------------------------------------------

    def _read_people(self, selection: Selection, referenced: list[str]) -> list[str]:
        """Reads people and their devices. Returns the ids to import."""
        people = self._people
        if not selection.everything:
            people.read(referenced)
        if people.users.error is not None:
            self._findings.fail("responder", None, people.users.error)
        self._note_incomplete(people.users, "responder")
        self._completeness["responder"] = people.users.completeness
        ids = list(dict.fromkeys((*people.users.objects, *referenced))) if selection.everything else referenced
        people.read_devices([id_ for id_ in ids if id_ in people.users.objects])
        self._harvest.devices = people.devices
        return ids
