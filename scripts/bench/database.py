"""A separate database for measurements: SQLite in a temporary folder, or a new one on the server of DATABASE_URL.

A local .env is not used and an existing database is not changed. Like a test database, this database is created at the
start and dropped at the end.
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


class Counted:
    """Counts, inside a with block, the statements that are sent and the rows written per table."""

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
            # SQLite reports no row count for an insert that returns keys until the keys are fetched.
            self.rows[written[2]] += rows if rows > 0 else sql.partition(" VALUES ")[2].count("(%s")
        return result
