"""Reads people and their contacts in as few calls as possible."""

from collections.abc import Iterable

from connectors.base import Progress
from connectors.errors import NotFound, PermissionMissing
from connectors.providers.opsgenie.client import PAGE, Client
from connectors.providers.opsgenie.wire import Contact, User
from connectors.reading.findings import Elements, Findings
from connectors.reading.listing import RECOVERABLE, Listing
from connectors.reading.optional_lists import read_optional_list
from connectors.reading.refusals import Refusals


class PeopleReading:
    """Reads people during one read of an account.

    contact_details: whether contacts are read, which needs one call per person. users: the list of people, with
    everyone read so far. contacts: by the person's id; None = not reported.
    """

    def __init__(self, client: Client, findings: Findings, contact_details: bool, progress: Progress) -> None:
        self._client = client
        self._findings = findings
        self._contact_details = contact_details
        self._progress = progress
        words = "People cannot be read one by one with this key, so contacts were left out"
        self._refusals = Refusals(findings, "responder", code="contact_details_forbidden", words=words)
        self.users = Listing(client.users(), User, "responder", "users", findings, progress)
        self.contacts: dict[str, Elements[Contact] | None] = {}

    def everybody(self) -> None:
        """Read the whole list of people, without contacts."""
        self.users.read()

    def contacts_of_all(self) -> None:
        """Read the contacts of everyone in the list."""
        for number, user in enumerate(tuple(self.users.objects.values()), start=1):
            if self._refusals.are_final:
                return
            self.contacts[user.id] = self._contacts(user.id, self._single(user.id))
            self._progress("responder", number, len(self.users.objects))

    def chosen(self, ids: Iterable[str], user_count: int | None) -> None:
        """Read these people: one by one if contacts are read or if that needs fewer calls, else from the list.

        user_count: the number of people in the account, None = not reported.
        """
        wanted = list(ids)
        if not self._contact_details:
            if user_count is None and wanted:
                self.users.read(1)
            missing = sum(1 for id_ in wanted if id_ not in self.users.objects)
            if missing and self.users.is_cheaper_than(missing, PAGE, user_count):
                self.users.read()
        if self.users.finished:
            return
        for number, id_ in enumerate(wanted, start=1):
            if id_ not in self.users.objects and not self._refusals.are_final:
                self._person(id_)
                self._progress("responder", number, len(wanted))

    # --- one person -----------------------------------------------------------------------------------------------

    def _person(self, id_: str) -> None:
        """Read one person. A deleted or hidden person is missing in ``users``, but is still known from references."""
        user = self._single(id_)
        if user is None:
            return
        self.users.objects[id_] = user
        if self._contact_details:
            self.contacts[id_] = self._contacts(id_, user)

    def _single(self, id_: str) -> User | None:
        try:
            raw = self._client.user(id_, contacts=self._contact_details)
        except NotFound:
            self._findings.not_found.add(("responder", id_))
            return None
        except PermissionMissing as error:  # the person is hidden, or the key may read nobody
            self._refusals.add(error)
            return None
        except RECOVERABLE as error:
            self._findings.fail("responder", id_, error)
            return None
        self._refusals.answered = True
        return self._findings.read(User, raw, "responder", id_, "")

    def _contacts(self, id_: str, user: User | None) -> Elements[Contact] | None:
        """Return the contacts, None if not reported. They are read again if the person was sent without them."""
        raw = None if user is None else user.user_contacts
        if isinstance(raw, list):
            return self._findings.read_all(Contact, raw, "responder", id_, "userContacts")
        return read_optional_list(
            lambda: self._client.contacts(id_),
            Contact,
            self._findings,
            "responder",
            id_,
            words="The contacts",
            code="contacts_not_told",
            path="userContacts",
            hides=False,
        )
