"""A separate database for measurements: SQLite in a temporary folder, or a new one on the server of DATABASE_URL.

A local .env is not used and an existing database is not changed. Like a test database, this database is created at the
start and dropped at the end.
"""

import os
import re
import secrets
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from cryptography.fernet import Fernet
from django.db.backends.utils import CursorWrapper

_WRITES = re.compile(r'^(INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')


@contextmanager
def opened(name: str = "rotabridge_bench") -> Iterator[str]:
    """Set up Django with an empty, migrated database. Yields the name and version of the database server.

    name: of the database, if it is on a server.
    """
    with tempfile.TemporaryDirectory(prefix="rotabridge-bench-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "ENV_FILE": os.devnull,
            "SECRET_KEY": secrets.token_urlsafe(60),
            "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "LOG_LEVEL": "ERROR",
            "DEBUG": "false",
            "HTTPS_ONLY": "false",
        }
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/unused.sqlite3")
        django.setup()
        from django.db import connection

        own = str(Path(folder) / "bench.sqlite3") if connection.vendor == "sqlite" else name
        connection.settings_dict["TEST"]["NAME"] = own
        original = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield _version()
        finally:
            connection.creation.destroy_test_db(original, verbosity=0)


def _version() -> str:
    from django.db import connection

    if connection.vendor == "postgresql":
        # Automatic maintenance would run during some samples and not during others.
        with connection.cursor() as cursor:
            for table in _tables():
                cursor.execute(f'ALTER TABLE "{table}" SET (autovacuum_enabled = false)')
    numbers = ".".join(map(str, connection.get_database_version()))
    return f"{connection.display_name} {numbers}"


def _tables() -> list[str]:
    """Return the tables of the product's apps."""
    from django.db import connection

    known = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [name for name in known if name.startswith(("oncall_", "connectors_", "syncjobs_"))]


def emptied() -> None:
    """Empty every table, and bring the files of the database into the same state each time."""
    from django.core.management.color import no_style
    from django.db import connection

    statements = connection.ops.sql_flush(no_style(), _tables(), reset_sequences=False, allow_cascade=True)
    connection.ops.execute_sql_flush(statements)
    tidied()


def tidied() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
        else:
            # No ANALYZE: it is not run on the SQLite file of an installation, and it changes query plans.
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def copied() -> Iterator[Callable[[bool], None]]:
    """Copy the database as it is. Yields a function that switches to the copy (True) or back; both stay connected."""
    from django.db import DEFAULT_DB_ALIAS, connections

    original = connections[DEFAULT_DB_ALIAS]
    original.close()
    original.creation.clone_test_db("copy", verbosity=0, autoclobber=True)
    copy = original.copy()
    copy.settings_dict["NAME"] = original.creation.get_test_db_clone_settings("copy")["NAME"]

    def switch(to_copy: bool) -> None:
        connections[DEFAULT_DB_ALIAS] = copy if to_copy else original

    try:
        yield switch
    finally:
        switch(False)
        copy.close()
        original.creation.destroy_test_db(verbosity=0, suffix="copy")


class Counted:
    """Counts, inside a with block, the statements that are sent, the rows fetched, and the rows written per table."""

    def __init__(self) -> None:
        self.statements = 0
        self.fetched = 0
        self.rows: Counter[str] = Counter()

    def __enter__(self) -> "Counted":
        from django.db import connection

        self._wrapped = connection.execute_wrapper(self._execute)
        self._wrapped.__enter__()
        connection.make_cursor = lambda cursor: _CountingCursor(cursor, connection, self)  # type: ignore[method-assign]
        return self

    def __exit__(self, *error: Any) -> None:
        from django.db import connection

        del connection.make_cursor
        self._wrapped.__exit__(*error)

    def _execute(self, execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        result = execute(sql, params, many, context)
        self.statements += 1
        written = _WRITES.match(sql)
        if written:
            rows = context["cursor"].rowcount
            # SQLite reports no row count for an insert that returns keys until the keys are fetched.
            self.rows[written[2]] += rows if rows > 0 else sql.partition(" VALUES ")[2].count("(%s")
        return result


class _CountingCursor(CursorWrapper):
    """Adds the rows that are fetched to a count."""

    def __init__(self, cursor: Any, db: Any, counted: Counted) -> None:
        super().__init__(cursor, db)
        self._counted = counted

    def __iter__(self) -> Iterator[Any]:
        for row in super().__iter__():
            self._counted.fetched += 1
            yield row

    def fetchone(self) -> Any:
        row = self.cursor.fetchone()
        self._counted.fetched += row is not None
        return row

    def fetchmany(self, *size: int) -> Any:
        return self._all(self.cursor.fetchmany(*size))

    def fetchall(self) -> Any:
        return self._all(self.cursor.fetchall())

    def _all(self, rows: Any) -> Any:
        self._counted.fetched += len(rows)
        return rows
