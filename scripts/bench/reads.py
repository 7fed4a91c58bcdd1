"""R5, A: the cost of reading: statements for any number of schedules, and pages of long lists.

The lists are filled with copies of imported rows, made inside the database. The copies sort after the originals, so
that the measured page shows complete rows.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import PAGE_VAR
from django.db import connection, models
from django.db.models import UniqueConstraint
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import get_resolver, resolve, reverse
from unfold.admin import ModelAdmin

from oncall.models import ChangeRecord, EscalationPolicy, Responder, Schedule, Service, User, UserGroup
from oncall.operations import Actor, create_account
from oncall.selectors.schedules import on_call, specs
from scripts.bench.accounts import account
from scripts.bench.database import Counted, emptied, tidied
from scripts.bench.effort import Effort
from scripts.bench.figures import Figure, Target, settled
from scripts.bench.measuring import Sample, Work, wall_times
from scripts.bench.syncing import connected, synced
from syncjobs.models import Conflict, ConflictState, SyncRun

R5 = Target("R5", "who is on call now in 1,000 schedules, loading them: statements", "queries", 8, 5)
A1_QUERIES = Target("A1", "the worst list, 100,000 rows in each: statements", "queries", 10, 7)
A1_TIME = Target("A1", "the worst list against a bare ModelAdmin", "x", 1.5, 1.2, band=0.3)
A2_QUEUE = Target("A2", "conflict queue, 1,000 open: statements", "queries", 15, 10)
A2_PAGE = Target("A2", "schedule page, 30 days: statements", "queries", 15, 10)

IMPORTED = 2_000
SCHEDULES = 1_000
#: Every list except that of connections, which is never this long.
LISTS: tuple[type[models.Model], ...] = (
    User,
    Responder,
    UserGroup,
    Schedule,
    EscalationPolicy,
    Service,
    ChangeRecord,
    SyncRun,
    Conflict,
)
#: Columns that sort copies after the originals.
_SORTED = {"name", "name_key", "label"}


def measure(effort: Effort) -> Iterator[Figure]:
    emptied()
    get_resolver().url_patterns  # noqa: B018 - loads every admin
    by = Actor(None, "bench")
    create_account("person@example.com", by=by)
    reader = create_account("reader@example.com", by=by, is_staff=True, is_superuser=True)
    synced(connected(), account(IMPORTED))
    for model in LISTS:
        multiply(model, effort.rows)
    tidied()
    yield _on_call_now()
    client = Client(headers={"host": "localhost"})
    client.force_login(reader)
    yield _statements(A1_QUERIES, client, {model._meta.model_name or "": _list_url(model) for model in LISTS})
    yield settled(lambda: _against_bare(reader, effort.database_rounds), 2)
    Conflict.objects.filter(pk__gt=Conflict.objects.order_by("pk")[999].pk).update(state=ConflictState.CLOSED)
    yield _statements(A2_QUEUE, client, {"conflict": _list_url(Conflict)})
    schedule = Schedule.objects.filter(overrides__isnull=False).order_by("pk")[0]
    page = reverse("admin:oncall_schedule_page", args=[schedule.pk])
    yield _statements(A2_PAGE, client, {"schedule": f"{page}?days=30"})


def multiply(model: type[models.Model], rows: int) -> None:
    """Copy the existing rows until there are ``rows``. Unique columns get a number."""
    there = model._default_manager.count()
    quoted = connection.ops.quote_name
    table = quoted(model._meta.db_table)
    unique = {
        name
        for constraint in model._meta.constraints
        if isinstance(constraint, UniqueConstraint)
        for name in constraint.fields
    }
    columns, values = [], []
    for field in model._meta.concrete_fields:
        if field.primary_key:
            continue
        column = quoted(field.column)
        columns.append(column)
        if isinstance(field, models.CharField) and (field.unique or field.name in unique | _SORTED):
            values.append(f"'~' || n.i || ' ' || {column}")
        elif isinstance(field, models.OneToOneField):
            values.append("NULL")
        else:
            values.append(column)
    with connection.cursor() as cursor:
        cursor.execute(  # names from the models, numbers as parameters
            f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
            f"SELECT {', '.join(values)} FROM {table} CROSS JOIN n LIMIT %s",
            [rows // there + 1, rows - there],
        )


def _on_call_now() -> Figure:
    now, counts = int(time.time()), []
    for number in (10, SCHEDULES):
        last = Schedule.objects.order_by("pk").values_list("pk", flat=True)[number - 1]
        with Counted() as counted:
            loaded = specs(Schedule.objects.filter(pk__lte=last).values("pk"), since=now)
            answers = [on_call(spec, substitutions, now) for spec, substitutions in loaded.values()]
        if len(answers) != number:
            raise AssertionError(f"{number} schedules were requested, {len(answers)} were answered.")
        counts.append(counted.statements)
    return Figure(R5, max(counts), detail=f"{counts[0]} for 10 schedules, {counts[1]} for {SCHEDULES:,}")


def _list_url(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _statements(target: Target, client: Client, urls: dict[str, str]) -> Figure:
    counts = {}
    for name, url in urls.items():
        client.get(url)  # content types are looked up once per process
        with Counted() as counted:
            answer = client.get(url)
        if answer.status_code != 200:
            raise AssertionError(f"{url} answers {answer.status_code}.")
        counts[name] = counted.statements
    detail = ", ".join(f"{name} {count}" for name, count in counts.items())
    return Figure(target, max(counts.values()), detail=detail if len(counts) > 1 else "")


def _against_bare(reader: User, rounds: int) -> Figure:
    """Return the figure of the list with the worst ratio. Views are called without login and middleware."""
    # SQLite works inside this process: CPU time includes all its work and is less affected by other processes.
    clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter
    ratios: dict[str, float] = {}
    sides: dict[str, dict[str, Sample]] = {}
    for model in LISTS:
        name = model._meta.model_name or ""
        times = wall_times(
            {
                "ours": Work(_opened(admin.site._registry[model], reader)),
                "bare": Work(_opened(_bare(model), reader)),
            },
            rounds,
            clock=clock,
        )
        ratios[name], sides[name] = times["ours"].median / times["bare"].median, times
    worst = max(ratios, key=lambda name: ratios[name])
    detail = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    return Figure(A1_TIME, ratios[worst], sides[worst], detail)


def _opened(page: Any, reader: User) -> Callable[[], object]:
    """Open and render the first page of the list."""
    url = _list_url(page.model)

    def view() -> object:
        request: HttpRequest = RequestFactory().get(url, {PAGE_VAR: "1"})
        request.user = reader
        request.resolver_match = resolve(url)
        return page.changelist_view(request).render()

    return view


def _bare(model: type[models.Model]) -> Any:
    """A plain ModelAdmin with as many columns and rows: the model's own columns, else its name again."""
    ours = admin.site._registry[model]
    own = {field.name for field in model._meta.concrete_fields}
    columns = [name if name in own else _name_again() for name in map(str, ours.list_display)]
    fields = {"list_display": columns, "list_per_page": ours.list_per_page}
    return type("Bare", (ModelAdmin,), fields)(model, admin.site)


def _name_again() -> Callable[[models.Model], str]:
    """Return a new column for each call, because the admin distinguishes columns by identity."""
    return lambda row: str(row)
