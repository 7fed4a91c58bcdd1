"""Reads Atlassian accounts by id, 100 in one call."""

from collections.abc import Iterator, Sequence

from connectors.base import Progress
from connectors.errors import NotFound, PermissionMissing, RequestRejected
from connectors.network.client import JsonValue
from connectors.providers.jsm.client import ACCOUNTS, Client
from connectors.providers.jsm.wire import User
from connectors.reading.findings import Findings
from connectors.reading.listing import RECOVERABLE
from connectors.reading.refusals import Refusals

_FORBIDDEN = "Names and addresses cannot be read with this token"


class PeopleReading:
    """Reads people during one read of a site. users: the reported people by id."""

    def __init__(self, client: Client, findings: Findings, progress: Progress) -> None:
        self._client = client
        self._findings = findings
        self._progress = progress
        self._refusals = Refusals(findings, "responder", code="people_forbidden", words=_FORBIDDEN)
        self.users: dict[str, User] = {}

    def read(self, ids: Sequence[str]) -> None:
        """Read these people. A deleted or hidden person is missing in ``users``, but is still known from references."""
        for start in range(0, len(ids), ACCOUNTS):
            wanted = ids[start : start + ACCOUNTS]
            try:
                for raw in self._together(wanted):
                    self._add(raw)
            except PermissionMissing as error:
                self._findings.note("responder", None, "people_forbidden", f"{_FORBIDDEN}: {error.message}")
                return
            except RECOVERABLE as error:
                self._findings.fail("responder", None, error)
                return
            if self._refusals.are_final:
                return
            self._progress("responder", min(start + ACCOUNTS, len(ids)), len(ids))

    def _together(self, ids: Sequence[str]) -> Iterator[JsonValue]:
        """Yield the people of one call. If the call is refused or does not exist, read them one by one."""
        try:
            found = self._client.accounts(ids)
        except (NotFound, RequestRejected):
            yield from self._one_by_one(ids)
        else:
            yield from found

    def _one_by_one(self, ids: Sequence[str]) -> Iterator[JsonValue]:
        for id_ in ids:
            try:
                yield self._client.account(id_)
            except NotFound:
                self._findings.not_found.add(("responder", id_))
            except RequestRejected:
                continue
            except PermissionMissing as error:
                self._refusals.add(error)
                if self._refusals.are_final:
                    return

    def _add(self, raw: JsonValue) -> None:
        sent = raw.get("accountId") if isinstance(raw, dict) else None
        id_ = sent if isinstance(sent, str) else None
        user = self._findings.read(User, raw, "responder", id_, "")
        if user is not None:
            self._refusals.answered = True
            self.users[user.id] = user
