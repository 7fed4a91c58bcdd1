"""One read of a source: the steps that are the same for all vendors."""

from collections.abc import Iterable
from typing import Any

from connectors.base import Progress
from connectors.closure import Kept, Node, Selection
from connectors.errors import ConnectorError
from connectors.reading.findings import Findings, Vendor
from connectors.reading.listing import Listing
from connectors.reading.mapping import Records
from connectors.records import Account, Completeness, EntityType, Reach, Snapshot


class SourceRead:
    """The base of every vendor's read. It collects findings, completeness and errors, and makes the snapshot.

    at: the instant at which the read started. Use one instance per read.
    """

    def __init__(self, vendor: Vendor, at: int, progress: Progress) -> None:
        self._at = at
        self._progress = progress
        self._findings = Findings(vendor)
        self._completeness: dict[EntityType, Completeness] = {}
        self._errors: list[ConnectorError] = []
        self._answered = False
        self._reach: Reach | None = None

    def _record_listing(self, listing: Listing[Any], excused: bool = False) -> None:
        """Records whether the source answered at all, and the error of this list, if any.

        excused: whether the error means that the source has no objects of this kind; then it is not an error.
        """
        self._answered = self._answered or listing.page_count > 0
        if listing.error is not None and not excused:
            self._errors.append(listing.error)

    def _note_incomplete(self, listing: Listing[Any], entity_type: EntityType) -> None:
        """Adds a note for a list that ended without an error, but has fewer objects than were reported."""
        if listing.finished and listing.error is None and not listing.completeness.listing:
            reason = listing.completeness.reason
            self._findings.note(entity_type, None, "incomplete_list", reason, loss=True, hides=True)

    def _raise_if_nothing_was_read(self) -> None:
        """Raises the first error when no list was answered."""
        if self._errors and not self._answered:
            raise self._errors[0]

    def _record_reach(self, selection: Selection, kept: Kept, nodes: Iterable[Node]) -> None:
        """Records how far the selection was followed, with a note for every chosen object that is not among ``nodes``.

        kept: the closure, known after the last node was read.
        """
        if selection.everything:
            return
        known = {node.key for node in nodes}
        for kind, id_ in sorted(selection.chosen - known):
            self._findings.note(kind, id_, "chosen_not_found", "It was chosen, but is not among what could be listed.")
        wanted = sorted({*selection.chosen, *kept} - known)
        self._reach = Reach(
            kept=frozenset(kept) | selection.chosen,
            unresolved=tuple(key for key in wanted if key[0] != "responder"),
            owned=any(kind == "user_group" for kind, _ in selection.chosen),
        )

    def _snapshot(self, account: Account, records: Records) -> Snapshot:
        """The snapshot of ``records``, without the number of calls, the mapping version and the renderings."""
        return Snapshot(
            provider=self._findings.vendor.provider,
            account=account,
            fetched_at=self._at,
            users=records.users,
            teams=records.teams,
            schedules=records.schedules,
            policies=records.policies,
            services=records.services,
            notes=tuple(self._findings.notes),
            failed=tuple(self._findings.failed),
            completeness=self._completeness,
            reach=self._reach,
            not_found=frozenset(self._findings.not_found),
        )
