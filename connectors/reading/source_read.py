"""One read of a source, as far as all vendors are alike: what was heard, what failed, and the snapshot of it."""

from collections.abc import Iterable
from typing import Any

from connectors.base import Progress
from connectors.closure import Node, Selection
from connectors.errors import ConnectorError
from connectors.reading.findings import Findings, Vendor
from connectors.reading.listing import Listing
from connectors.reading.mapping import Records
from connectors.records import Account, Completeness, EntityType, Snapshot


class SourceRead:
    """``at``: instant of the read's start. One instance per read."""

    def __init__(self, vendor: Vendor, at: int, progress: Progress) -> None:
        self._at = at
        self._progress = progress
        self._findings = Findings(vendor)
        self._completeness: dict[EntityType, Completeness] = {}
        self._failures: list[ConnectorError] = []
        self._answered = False

    def _hear(self, listing: Listing[Any], excused: bool = False) -> None:
        """Whether anything answers at all. excused: its error, if any, means that there is none here."""
        self._answered = self._answered or listing.page_count > 0
        if listing.error is not None and not excused:
            self._failures.append(listing.error)

    def _raise_if_nothing_was_read(self) -> None:
        if self._failures and not self._answered:
            raise self._failures[0]

    def _name_missing(self, selection: Selection, nodes: Iterable[Node]) -> None:
        """What was chosen and is not among ``nodes``."""
        known = {node.key for node in nodes}
        for kind, id_ in sorted(() if selection.everything else selection.chosen - known):
            self._findings.note(kind, id_, "chosen_not_found", "It was chosen, but is not among what could be listed.")

    def _snapshot(self, account: Account, made: Records) -> Snapshot:
        """Without the number of calls, the version of the mapping and renderings."""
        return Snapshot(
            provider=self._findings.vendor.provider,
            account=account,
            fetched_at=self._at,
            users=made.users,
            teams=made.teams,
            schedules=made.schedules,
            policies=made.policies,
            services=made.services,
            notes=tuple(self._findings.notes),
            failed=tuple(self._findings.failed),
            completeness=self._completeness,
        )
