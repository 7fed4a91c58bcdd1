"""Reads people and their devices in as few requests as possible."""

from collections.abc import Iterable, Sequence

from connectors.base import Progress
from connectors.errors import NotFound, PermissionMissing
from connectors.network.client import JsonValue
from connectors.providers.xmatters.client import PAGE, Client
from connectors.providers.xmatters.vendor import VENDOR, invalid
from connectors.providers.xmatters.wire import Device, Person, Recipient
from connectors.reading.findings import Findings
from connectors.reading.listing import RECOVERABLE, Incomplete, Listing, all_items, is_cheaper
from connectors.reading.refusals import Refusals


class PeopleReading:
    """Reads people and devices, one instance per read.

    users: the list of people, with everyone who was read so far. devices: by the owner's id, None means not reported.
    owners: the owner of each device that was read, by the device's id. contact_details: whether all devices are read.
    If not, only e-mail devices are read, for the addresses.
    """

    def __init__(self, client: Client, findings: Findings, contact_details: bool, progress: Progress) -> None:
        self._client = client
        self._findings = findings
        self._contact_details = contact_details
        self._progress = progress
        words = "Devices cannot be read, so contact methods and addresses were left out"
        self._refusals = Refusals(findings, "responder", code="contact_details_forbidden", words=words)
        self._sweep_started = False
        self._sweep_complete = False
        self._by_person = False
        self.users = Listing(client.people(), Person, "responder", "people", findings, progress)
        self.devices: dict[str, tuple[Device, ...] | None] = {}
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
        elif self._sweep_complete:
            for id_ in ids:
                self.devices.setdefault(id_, ())

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
        self._sweep_complete = True
        self._take(raw)

    def _take(self, raw: Iterable[JsonValue]) -> None:
        """Adds devices by owner. With one unreadable device a person's list is treated as not reported, because that
        device would seem to be removed."""
        found: dict[str, list[Device] | None] = {}
        for item in raw:
            owner = _owner_id(item)
            if owner is None:
                message = "A device has no owner."
                self._findings.fail("responder", None, invalid("missing_field", "devices[].owner", message))
                continue
            device = self._findings.read(Device, item, "responder", owner, "devices")
            so_far = found.setdefault(owner, [])
            if device is None:
                found[owner] = None
            elif so_far is not None and all(device.id != other.id for other in so_far):
                so_far.append(device)
            if device is not None and device.owner is not None:
                self.owners[device.id] = device.owner
        self.devices |= {id_: None if devices is None else tuple(devices) for id_, devices in found.items()}

    def _devices_of(self, id_: str) -> None:
        try:
            raw = all_items(self._client.person_devices(id_), VENDOR, "devices", "devices")
        except NotFound:
            self.devices[id_] = ()  # seen by another client: the answer for a person without devices
            return
        except PermissionMissing as error:
            message = f"The devices of this person could not be read: {error.message}"
            self._findings.note("responder", id_, "devices_not_told", message, loss=True)
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
        self.devices[id_] = ()
        self._take({**(item if isinstance(item, dict) else {}), "owner": {"id": id_}} for item in raw)

    # --- one person -----------------------------------------------------------------------------------------------

    def _single(self, id_: str) -> Person | None:
        """Returns a person, None if they are deleted or not visible. The references to them are enough for a record."""
        try:
            raw = self._client.person(id_)
        except (NotFound, PermissionMissing):
            return None
        except RECOVERABLE as error:
            self._findings.fail("responder", id_, error)
            return None
        return self._findings.read(Person, raw, "responder", id_, "")


def _owner_id(item: JsonValue) -> str | None:
    owner = item.get("owner") if isinstance(item, dict) else None
    id_ = owner.get("id") if isinstance(owner, dict) else None
    return id_ if isinstance(id_, str) and id_ else None
