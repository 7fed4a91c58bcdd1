"""Reads people and their devices in as few requests as possible."""

from collections import Counter
from collections.abc import Iterable, Sequence

from connectors.base import Progress
from connectors.errors import NotFound, PermissionMissing
from connectors.network.client import JsonValue
from connectors.providers.xmatters.client import PAGE, Client
from connectors.providers.xmatters.fields import usable_id
from connectors.providers.xmatters.vendor import VENDOR, invalid
from connectors.providers.xmatters.wire import Device, Person, Recipient
from connectors.reading.findings import Elements, Findings
from connectors.reading.listing import RECOVERABLE, Incomplete, Listing, all_items, is_cheaper
from connectors.reading.refusals import Refusals


class PeopleReading:
    """Reads people and devices, one instance per read.

    users: the list of people, with everyone who was read so far. devices: by the owner's id, None means not reported.
    owners: the owner of each device that was read, by the device's id. devices_listed: whether the list of all devices
    was read. contact_details: whether all devices are read. If not, only e-mail devices are read, for the addresses.
    """

    def __init__(self, client: Client, findings: Findings, contact_details: bool, progress: Progress) -> None:
        self._client = client
        self._findings = findings
        self._contact_details = contact_details
        self._progress = progress
        words = "Devices cannot be read, so contact methods and addresses were left out"
        self._refusals = Refusals(findings, "responder", code="contact_details_forbidden", words=words)
        self._sweep_started = False
        self.devices_listed = False
        self._without_owner = 0
        self._by_person = False
        self.users = Listing(client.people(), Person, "responder", "people", findings, progress)
        self.devices: dict[str, Elements[Device] | None] = {}
        self.owners: dict[str, Recipient] = {}

    def read(self, ids: Iterable[str]) -> None:
        """Reads the people with these ids: the rest of the list or each person, whichever is fewer requests."""
        wanted = list(ids)
        if not wanted:
            return
        self.users.read(1)
        missing = [id_ for id_ in wanted if id_ not in self.users.objects]
        if missing and self.users.is_cheaper_than(len(missing), PAGE):
            self.users.read()
        if self.users.finished:
            return
        for number, id_ in enumerate(missing, start=1):
            person = self._single(id_)
            if person is not None:
                self.users.objects[id_] = person
            self._progress("responder", number, len(missing))

    def read_devices(self, ids: Sequence[str]) -> None:
        """Reads the devices of the people with these ids.

        Reads the list of all devices (a sweep). The devices of each person are read instead if that is fewer requests
        or if the sweep is refused.
        """
        if ids:
            self._sweep(emails_only=not self._contact_details, instead_of=len(ids))
        if self._by_person:
            for id_ in ids:
                if id_ not in self.devices and not self._refusals.are_final:
                    self._devices_of(id_)
        elif self.devices_listed:
            for id_ in ids:
                found = self.devices.get(id_)
                found = Elements() if found is None else found
                self.devices[id_] = Elements(found, found.unread + self._without_owner)

    def find_owners(self) -> None:
        """Reads all devices, to find the owners of devices in seats and rosters."""
        self._sweep(emails_only=False, instead_of=None)

    # --- devices --------------------------------------------------------------------------------------------------

    def _sweep(self, *, emails_only: bool, instead_of: int | None) -> None:
        """Reads the list of all devices, at most once per read.

        instead_of: the number of single requests that would be enough. None means that the sweep is needed.
        """
        if self._sweep_started:
            return
        self._sweep_started = True
        raw: list[JsonValue] = []
        total: int | None = None
        try:
            for number, page in enumerate(self._client.devices(emails_only=emails_only), start=1):
                raw += page.items
                total = page.total if page.total is not None else total
                if number == 1 and instead_of is not None and not is_cheaper(total, len(raw), PAGE, instead_of):
                    self._by_person = True
                    return
        except PermissionMissing as error:
            message = f"Devices cannot be listed, so they are requested for each person: {error.message}"
            self._findings.note("responder", None, "devices_by_person", message)
            self._by_person = True
            return
        except NotFound as error:
            message = f"Devices cannot be listed, so contact methods and addresses are unknown: {error.message}"
            self._findings.note("responder", None, "devices_not_told", message, loss=True)
            return
        except RECOVERABLE as error:
            self._findings.fail("responder", None, error)
            return
        if total is not None and len(raw) < total:
            message = (
                f"{total} devices were announced, but {len(raw)} came. Contact details are treated as not reported."
            )
            self._findings.note("responder", None, "devices_incomplete", message)
            return
        self.devices_listed = True
        self._take(raw)

    def _take(self, raw: Iterable[JsonValue]) -> None:
        """Adds devices by owner. An unreadable device costs only itself; one without an owner may be anyone's."""
        found: dict[str, dict[str, Device]] = {}
        unread: Counter[str] = Counter()
        for place, item in enumerate(raw):
            owner = usable_id(item.get("owner")) if isinstance(item, dict) else None
            if owner is None:
                message = "A device has no owner."
                self._findings.fail("responder", None, invalid("missing_field", f"devices[{place}].owner", message))
                self._without_owner += 1
                continue
            device = self._findings.read_element(Device, item, "responder", owner, f"devices[{place}]", ended=False)
            devices = found.setdefault(owner, {})
            if device is None:
                unread[owner] += 1
            else:
                devices.setdefault(device.id, device)
            id_ = usable_id(item)
            if id_ is not None:
                self.owners[id_] = (device and device.owner) or Recipient(id=owner)
        self.devices |= {owner: Elements(devices.values(), unread[owner]) for owner, devices in found.items()}

    def _devices_of(self, id_: str) -> None:
        try:
            raw = all_items(self._client.person_devices(id_), VENDOR, "devices", "devices")
        except (NotFound, PermissionMissing) as error:
            message = f"The devices of this person could not be read: {error.message}"
            self._findings.note("responder", id_, "devices_not_told", message, loss=True)
            if isinstance(error, PermissionMissing):
                self._refusals.add(error)
            return
        except Incomplete as error:
            self._refusals.answered = True
            message = f"{error.message} Contact details are treated as not reported."
            self._findings.note("responder", id_, "devices_incomplete", message)
            return
        except RECOVERABLE as error:
            self._findings.fail("responder", id_, error)
            return
        self._refusals.answered = True
        self.devices[id_] = Elements()
        self._take({**(item if isinstance(item, dict) else {}), "owner": {"id": id_}} for item in raw)

    # --- one person -----------------------------------------------------------------------------------------------

    def _single(self, id_: str) -> Person | None:
        """Returns a person, None if they are deleted or not visible. The references to them are enough for a record."""
        try:
            raw = self._client.person(id_)
        except NotFound:
            self._findings.not_found.add(("responder", id_))
            return None
        except PermissionMissing:
            return None
        except RECOVERABLE as error:
            self._findings.fail("responder", id_, error)
            return None
        return self._findings.read(Person, raw, "responder", id_, "")
