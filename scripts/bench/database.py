"""A database of its own for measuring: SQLite in a temporary folder, or beside the one DATABASE_URL names.

Nothing of a local .env is used and nothing of an existing database is touched: like the one of the tests it is made at
the start and dropped at the end.
"""

import os
import re
import secrets
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from cryptography.fernet import Fernet

_WRITES = re.compile(r'^(INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')


@contextmanager
def opened() -> Iterator[str]:
    """Sets Django up with an empty, migrated database; yields what the server calls itself."""
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

        own = str(Path(folder) / "bench.sqlite3") if connection.vendor == "sqlite" else "rotabridge_bench"
        connection.settings_dict["TEST"]["NAME"] = own
        name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield _version()
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


def _version() -> str:
    from django.db import connection

    if connection.vendor == "postgresql":
        # Its own housekeeping would fall into some samples and not into others.
        with connection.cursor() as cursor:
            for table in _tables():
                cursor.execute(f'ALTER TABLE "{table}" SET (autovacuum_enabled = false)')
    numbers = ".".join(map(str, connection.get_database_version()))
    return f"{connection.display_name} {numbers}"


def _tables() -> list[str]:
    """The tables of the product's own apps."""
    from django.db import connection

    known = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [name for name in known if name.startswith(("oncall_", "connectors_", "syncjobs_"))]


def emptied() -> None:
    """Every table without a row, and the database in the same state of tidiness each time."""
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
            # No ANALYZE: nobody runs it on the SQLite file of a site, and it chooses other plans.
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class Counted:
    """While it is entered: how many statements were sent, and how many rows were written in each table."""

    def __init__(self) -> None:
        self.statements = 0
        self.rows: Counter[str] = Counter()

    def __enter__(self) -> "Counted":
        from django.db import connection

        self._wrapped = connection.execute_wrapper(self._execute)
        self._wrapped.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._wrapped.__exit__(*error)

    def _execute(self, execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        result = execute(sql, params, many, context)
        self.statements += 1
        written = _WRITES.match(sql)
        if written:
            rows = context["cursor"].rowcount
            # SQLite does not tell it of an insert that returns keys before these are fetched.
            self.rows[written[2]] += rows if rows > 0 else sql.partition(" VALUES ")[2].count("(%s")
        return result
