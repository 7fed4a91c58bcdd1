"""All rows of the product's tables as values: to compare them, and to give a test the same rows again."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, models, transaction

#: Table -> its rows in the order of the primary key.
Rows = Mapping[str, list[tuple[Any, ...]]]

#: The records of the runs. A sync that changes nothing writes only here.
OWN_RECORDS = frozenset({"syncjobs_syncrun", "syncjobs_syncitem", "syncjobs_paritycheck"})

#: The columns with instants by the clock of the database, which does not stand still.
BY_DATABASE_CLOCK = frozenset({"lease_expires_at", "due_at", "notified_at"})


def _models() -> list[type[models.Model]]:
    return [m for m in apps.get_models() if m._meta.app_label in ("oncall", "connectors", "syncjobs")]


def _columns(model: type[models.Model]) -> list[str]:
    return [field.column for field in model._meta.concrete_fields if not field.generated]


def read_rows() -> Rows:
    """Return all rows of the product."""
    return {model._meta.db_table: _read(model) for model in _models()}


def _read(model: type[models.Model]) -> list[tuple[Any, ...]]:
    meta = model._meta
    names = ", ".join(f'"{name}"' for name in _columns(model))
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT {names} FROM "{meta.db_table}" ORDER BY "{meta.pk.column}"')  # noqa: S608 - own names
        return cursor.fetchall()


def restore_rows(stored: Rows) -> None:
    """Give the tables exactly these rows, and the next primary keys that follow from them.

    Foreign keys are checked when the transaction ends, so the order of the tables does not matter.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        for model in _models():
            table = model._meta.db_table
            if _read(model) == stored[table]:
                continue
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608 - the name of a table of the product
            if stored[table]:
                columns = ", ".join(f'"{name}"' for name in _columns(model))
                row = f"({', '.join(['%s'] * len(_columns(model)))})"
                values = ", ".join([row] * len(stored[table]))
                statement = f'INSERT INTO "{table}" ({columns}) VALUES {values}'  # noqa: S608 - names and placeholders
                cursor.execute(statement, [value for each in stored[table] for value in each])
        _reset_primary_keys(cursor)


def _reset_primary_keys(cursor: Any) -> None:
    if connection.vendor == "sqlite":
        for model in _models():
            if isinstance(model._meta.pk, models.AutoField):
                last = model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0
                cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = %s", [last, model._meta.db_table])
        return
    cursor.execute(" ".join(connection.ops.sequence_reset_sql(no_style(), _models())))


def digest_of(rows: Rows) -> str:
    """Return a hash that is equal for equal rows. Of instants by the database's clock, only whether they are given."""
    found = []
    for model in _models():
        moves = [name in BY_DATABASE_CLOCK for name in _columns(model)]
        table = rows[model._meta.db_table]
        if any(moves):
            table = [tuple(v is None if m else v for v, m in zip(row, moves, strict=True)) for row in table]
        found.append(table)
    return blake2b(repr(found).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def changed_tables(before: Rows, after: Rows, *, besides: Iterable[str] = ()) -> list[str]:
    """Return the tables whose rows differ, without those in ``besides``."""
    ignored = frozenset(besides)
    return sorted(table for table in before if table not in ignored and before[table] != after[table])
