"""The status of connections, for their list and for the first page."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, QuerySet
from django.db.models.functions import Coalesce

from connectors.models import Connection
from connectors.records import ENTITY_TYPES
from syncjobs.models import (
    ACTIVE,
    OPEN_PLAN,
    WAITING_STATES,
    Conflict,
    ExternalLink,
    LinkState,
    ParityCheck,
    RunKind,
    RunState,
    SyncProfile,
    SyncRun,
)
from syncjobs.parity.checks import current_checks
from syncjobs.runs.durable.quarantine import Quarantine


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The status of a connection.

    run: the last run. synced: the last run that was applied at least partly. conflicts: number of open conflicts.
    imported: number of linked objects by kind. quarantine: None if the connection is in none. equal: how many of the
    ``compared`` schedules match the source. profile: with its connection; None if there is none.
    """

    connection: Connection
    run: SyncRun | None
    synced: SyncRun | None
    conflicts: int
    imported: Mapping[str, int]
    review_first: bool
    quarantine: Quarantine | None = None
    profile: SyncProfile | None = None
    equal: int = 0
    compared: int = 0

    @property
    def next_step(self) -> str:
        """Return what to do now: reconnect, set_up, test, watch, review, look, decide, plan or sync."""
        run = self.run
        if self.connection.disconnected_at is not None or self.connection.refused_account:
            return "reconnect"
        if self.profile is not None and self.profile.setup_step:
            return "set_up"
        if run is not None and run.state in ACTIVE:
            return "watch"
        if run is not None and run.state in OPEN_PLAN:
            return "review"
        if self.connection.tested_at is None and run is None:
            return "test"
        if run is not None and run.state in (RunState.FAILED, RunState.PARTIAL):
            return "look"
        if self.conflicts:
            return "decide"
        return "plan" if self.review_first or run is None else "sync"


def connection_statuses(connections: Iterable[Connection]) -> dict[int, ConnectionStatus]:
    """Return the statuses by connection id. Makes seven queries, whatever the number of connections."""
    by_id = {connection.pk: connection for connection in connections}
    syncs = SyncRun.objects.exclude(kind__in=[RunKind.DECISION, RunKind.UNDO])
    last = syncs.filter(connection__in=by_id).order_by().values("connection").annotate(run=Max("pk"))
    last_ids = {row["connection"]: row["run"] for row in last}
    last_synced = last.filter(state__in=[RunState.SUCCEEDED, RunState.PARTIAL])
    synced_ids = {row["connection"]: row["run"] for row in last_synced}
    runs = SyncRun.objects.defer("notes", "completeness", "scope").in_bulk({*last_ids.values(), *synced_ids.values()})
    conflicts = dict(
        Conflict.objects.filter(state__in=WAITING_STATES)
        .order_by()
        .values_list(Coalesce("connection", "rows__connection"))
        .annotate(number=Count("pk", distinct=True))
    )
    imported: dict[int, dict[str, int]] = {pk: {} for pk in by_id}
    links = ExternalLink.objects.filter(connection__in=by_id, state=LinkState.LINKED).order_by()
    for pk, kind, number in links.values_list("connection", "entity_type").annotate(number=Count("pk")):
        imported[pk][kind] = number
    equality = schedule_equality(links.filter(schedule__isnull=False).values("schedule"))
    profiles = {profile.connection_id: profile for profile in SyncProfile.objects.filter(connection__in=by_id)}
    for pk, profile in profiles.items():
        profile.connection = by_id[pk]
    return {
        pk: ConnectionStatus(
            connection=connection,
            run=runs.get(last_ids.get(pk, 0)),
            synced=runs.get(synced_ids.get(pk, 0)),
            conflicts=conflicts.get(pk, 0),
            imported={kind: imported[pk][kind] for kind in ENTITY_TYPES if kind in imported[pk]},
            review_first=pk not in profiles or profiles[pk].review_first,
            quarantine=Quarantine.of(profiles[pk]) if pk in profiles else None,
            profile=profiles.get(pk),
            equal=sum(equality[pk].values()),
            compared=len(equality[pk]),
        )
        for pk, connection in by_id.items()
    }


def schedule_equality(schedules: QuerySet[Any, Any]) -> dict[int, dict[int, bool]]:
    """Return connection -> schedule -> whether every compared second is equal. Makes one query."""
    found: dict[int, dict[int, bool]] = defaultdict(dict)
    checks = ParityCheck.objects.filter(pk__in=current_checks(schedules), total_seconds__gt=0)
    for pk, schedule, equal, total in checks.values_list("connection", "schedule", "equal_seconds", "total_seconds"):
        found[pk][schedule or 0] = found[pk].get(schedule or 0, True) and equal == total
    return found
