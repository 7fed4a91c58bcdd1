"""D: the work of the database during a sync, counted, and compared with the usual ways of an import.

The product does a whole run from the records of a read: claim, plan, store the plan, apply, progress, audit, links. The
other sides write the same rows of ``oncall`` from ready values: an ``update_or_create`` loop in one transaction, or one
upsert per table. For a first import they write the audit too; only the product writes links and items of the run.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from django.apps import apps
from django.db import models, transaction

from connectors.models import Connection
from connectors.records import Snapshot
from oncall.models import ChangeRecord, Reference
from oncall.tables.kinds import ROOTS
from scripts.bench.accounts import account, changed
from scripts.bench.database import Counted, emptied, tidied
from scripts.bench.effort import Effort
from scripts.bench.figures import Figure, Target, settled
from scripts.bench.measuring import Work, wall_times
from syncjobs.models import RunKind, RunState, SyncProfile, SyncRun
from syncjobs.runs.runner import drive
from syncjobs.runs.start import start
from syncjobs.runs.verify import MOST_CALLS

D1 = Target("D1", "second sync, nothing changed: statements", "queries", 40, 20)
D2_SQLITE = Target("D2", "second sync against update_or_create", "x", 20, 40, faster=True, band=0.3)
D2_SERVER = replace(D2_SQLITE, must=50, aim=120)
D3 = Target("D3", "second sync: rows written beside the run's own", "rows", 0, 0)
D4 = Target("D4", "first import against a bare upsert of the same rows, audit included", "x", 3, 1.8, band=0.3)
D5 = Target("D5", "first import against update_or_create", "x", 6, 12, faster=True, band=0.3)
D6 = Target("D6", "a tenth changed: sync against an upsert of everything", "x", 0.35, 0.2, band=0.3)
D7 = Target("D7", "first import: statements", "queries")

OWN_RECORDS = {"syncjobs_syncrun", "syncjobs_syncitem"}
#: Slow sides do a part of the work, and their time is multiplied to the whole work.
PART = 10
UPSERT_ROWS = 1_000

Row = tuple[type[models.Model], dict[str, Any]]


def measure(effort: Effort) -> Iterator[Figure]:
    whole = account(effort.objects)
    emptied()
    profile = connected()
    yield from _counts(profile, whole)
    yield settled(lambda: _nothing_changed(profile, whole, effort.database_rounds), 2)
    if not effort.quick:
        yield settled(lambda: _tenth_changed(profile, whole, effort.database_rounds), 2)
        yield from _first_import(account(effort.imported), account(effort.imported // PART), effort.database_rounds)


# --- the product ------------------------------------------------------------------------------------------------------


class Fetched:
    """A connector with a finished read and no calls left for renderings."""

    calls = MOST_CALLS
    rendered_together = 1

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def open(self, connection: Connection, **rim: Any) -> Any:
        return self

    def fetch(self, selection: Any, **how: Any) -> Snapshot:
        return self.snapshot


def connected(name: str = "acme") -> SyncProfile:
    settings = {"subdomain": "acme", "region": "us", "auth": "token"}
    connection = Connection.objects.create(name=name, provider="pagerduty", settings=settings)
    return SyncProfile.objects.create(connection=connection)


def synced(profile: SyncProfile, snapshot: Snapshot) -> SyncRun:
    """Do one run from queueing to its end. Raises AssertionError when it fails."""
    profile.refresh_from_db()
    run = drive(start(profile, RunKind.APPLY, by=None, notify=False).pk, opener=Fetched(snapshot).open)
    if run is None or run.state != RunState.SUCCEEDED:
        raise AssertionError(f"The run must succeed: {run and run.reason}")
    return run


# --- the other sides --------------------------------------------------------------------------------------------------


def on_call_models() -> list[type[models.Model]]:
    """Return the tables of aggregates, then of their elements. A row comes after the rows it refers to."""
    elements = [table.model for roots in ROOTS.values() for table in roots.elements.values()]
    return [*(roots.model for roots in ROOTS.values()), *elements]


def stored(tables: Iterable[type[models.Model]]) -> list[Row]:
    """Return every row of these tables as column values."""
    rows: list[Row] = []
    for model in tables:
        names = [column.attname for column in model._meta.concrete_fields]
        rows += ((model, dict(zip(names, values, strict=True))) for values in _all(model).values_list(*names))
    return rows


def _all(model: type[models.Model]) -> Any:
    return model._default_manager.order_by("pk")


def looped(rows: Sequence[Row]) -> None:
    with transaction.atomic():
        for model, values in rows:
            others = {name: value for name, value in values.items() if name != "id"}
            model._default_manager.update_or_create(id=values["id"], defaults=others)


def upserted(rows: Sequence[Row]) -> None:
    by_model: dict[type[models.Model], list[models.Model]] = {}
    with transaction.atomic():
        for model, values in rows:
            by_model.setdefault(model, []).append(model(**values))
        for model, instances in by_model.items():
            model._default_manager.bulk_create(
                instances,
                UPSERT_ROWS,
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=[column.name for column in model._meta.concrete_fields if not column.primary_key],
            )


# --- figures ----------------------------------------------------------------------------------------------------------


def _counts(profile: SyncProfile, snapshot: Snapshot) -> Iterator[Figure]:
    with Counted() as first:
        synced(profile, snapshot)
    sizes = [_all(model).count() for model in apps.get_models() if model._meta.app_label in ("oncall", "syncjobs")]
    tables, rows = sum(size > 0 for size in sizes), sum(sizes)
    with Counted() as second:
        synced(profile, snapshot)
    others = sum(count for table, count in second.rows.items() if table not in OWN_RECORDS)
    yield Figure(D1, second.statements, detail=f"{len(snapshot.users):,} people and what belongs to them")
    yield Figure(D3, others, detail=f"{sum(second.rows.values())} of the run's own")
    bounded = replace(D7, must=4 * tables + 3 * rows / 100, aim=3 * tables + 2 * rows / 100)
    yield Figure(bounded, first.statements, detail=f"{rows:,} rows of {tables} tables")


def _first_import(whole: Snapshot, part: Snapshot, rounds: int) -> Iterator[Figure]:
    emptied()
    synced(connected(), part)
    some = stored([*on_call_models(), Reference, ChangeRecord])
    emptied()
    synced(connected(), whole)
    rows = stored([*on_call_models(), Reference, ChangeRecord])
    times = wall_times(
        {
            "ours": Work(lambda: synced(connected(), whole), before=emptied),
            "upsert": Work(lambda: upserted(rows), before=emptied),
            "update_or_create": Work(lambda: looped(some), before=emptied),
        },
        rounds,
    )
    ours, upsert, loop = times["ours"], times["upsert"], times["update_or_create"].times(len(rows) / len(some))
    yield Figure(D4, ours.median / upsert.median, {"ours": ours, "upsert": upsert})
    yield Figure(D5, loop.median / ours.median, {"ours": ours, "update_or_create": loop})


def _nothing_changed(profile: SyncProfile, snapshot: Snapshot, rounds: int) -> Figure:
    rows = stored(on_call_models())
    some = rows[::PART]
    times = wall_times(
        {
            "ours": Work(lambda: synced(profile, snapshot), before=tidied),
            "update_or_create": Work(lambda: looped(some), before=tidied),
        },
        rounds,
    )
    times["update_or_create"] = times["update_or_create"].times(len(rows) / len(some))
    from django.db import connection

    target = D2_SQLITE if connection.vendor == "sqlite" else D2_SERVER
    return Figure(target, times["update_or_create"].median / times["ours"].median, times)


def _tenth_changed(profile: SyncProfile, snapshot: Snapshot, rounds: int) -> Figure:
    """Sync the account and the account a day later in turn, so that each run finds a tenth of the objects changed."""
    states = [changed(snapshot), snapshot]
    rows: list[Row] = []

    def sync() -> None:
        synced(profile, states[0])
        states.reverse()

    def look() -> None:
        rows[:] = stored(on_call_models())
        tidied()

    times = wall_times({"ours": Work(sync, before=tidied), "upsert": Work(lambda: upserted(rows), before=look)}, rounds)
    return Figure(D6, times["ours"].median / times["upsert"].median, times)
