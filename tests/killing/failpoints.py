"""Stops a block of code at any of its statements, as a killed process, a lost database or another person would.

A first pass with :func:`points_of` lists the statements and COMMITs of the block. Then one run per point, each with a
fault at this point. The numbers of the points are stable if the block does the same each time: give it the same rows
(:mod:`tests.killing.stored_rows`), a clock that stands still, and no writes that depend on the clock.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

_TABLE = re.compile(r'(?:\bFROM|\bINTO|^UPDATE)\s+"(\w+)"')
#: Statements of the framework that begin or leave a savepoint. They are not counted.
_CONTROL: Final = frozenset({"BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK"})
WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE"})


class Killed(BaseException):
    """The process is gone. No code of the product catches it, and no later statement reaches the database."""


@dataclass(frozen=True, slots=True)
class Point:
    """A statement of the block, or a COMMIT.

    number: from 1. durable: what it wrote cannot be rolled back after it returned. inside: a transaction is open.
    """

    number: int
    verb: str
    table: str
    inside: bool

    @property
    def durable(self) -> bool:
        return self.verb == "COMMIT" or (self.verb in WRITES and not self.inside)

    def __str__(self) -> str:
        return f"{self.number} {self.verb} {self.table}".strip()


class Fault:
    """What happens at a point. This one does nothing."""

    def before(self, point: Point, block: "Failpoints") -> None:
        """Called before a statement or a COMMIT reaches the database."""

    def after(self, point: Point, block: "Failpoints") -> None:
        """Called after it was done, and before the caller learns of it."""

    def between(self, block: "Failpoints") -> None:
        """Called between two transactions, when the block holds no lock."""


class Failpoints:
    """Counts the statements and COMMITs of a block on the connection of this thread, and calls the fault at each.

    passed: the points so far. rows: number of rows that were written, by table; an INSERT counts as one on SQLite.
    """

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault or Fault()
        self.passed: list[Point] = []
        self.rows: dict[str, int] = {}
        self._dead = self._aside = False

    def __enter__(self) -> "Failpoints":
        self._commit = connection._commit
        connection._commit = self._count_commit  # type: ignore[method-assign]
        connection.execute_wrappers.append(self._count_statement)
        return self

    def __exit__(self, *_: object) -> None:
        connection.execute_wrappers.remove(self._count_statement)
        del connection._commit  # the method of the class again
        assert not connection.in_atomic_block
        connection.close()  # it may be cut; the next statement connects again (SQLite in memory keeps its connection)

    def kill(self) -> None:
        """Leave what a killed process leaves: the open transaction is rolled back and the connection is gone."""
        self._dead = True
        if connection.vendor == "postgresql":
            connection.close()
        elif connection.connection is not None:
            connection.connection.rollback()
        raise Killed

    def cut(self) -> None:
        """Cut the connection to the database, which the framework does not notice before the next statement.

        SQLite has no connection: its open transaction is rolled back.
        """
        if connection.connection is not None:
            if connection.vendor == "postgresql":
                connection.connection.close()
            else:
                connection.connection.rollback()

    def abort(self) -> None:
        """Abort the open transaction, as the database does when it refuses a statement."""
        if connection.vendor == "postgresql" and connection.in_atomic_block:
            try:
                connection.connection.execute("SELECT 1 / 0")
            except connection.Database.DataError:
                return

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Within this block, statements are neither counted nor stopped."""
        before, self._aside = self._aside, True
        try:
            yield
        finally:
            self._aside = before

    def _next(self, verb: str, table: str, *, inside: bool) -> Point:
        if self._dead:
            raise Killed
        point = Point(len(self.passed) + 1, verb, table, inside)
        self.passed.append(point)
        return point

    def _count_statement(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        verb = sql.split(None, 1)[0].upper()
        if self._aside:
            return execute(sql, params, many, context)
        if verb in _CONTROL:
            if self._dead:
                raise Killed
            if verb == "BEGIN":  # SQLite only
                self.fault.between(self)
            return execute(sql, params, many, context)
        found = _TABLE.search(sql)
        point = self._next(verb, found[1] if found else "", inside=connection.in_atomic_block)
        self.fault.before(point, self)
        result = execute(sql, params, many, context)
        written = max(context["cursor"].rowcount, verb == "INSERT") if verb in WRITES else 0
        if written:
            self.rows[point.table] = self.rows.get(point.table, 0) + written
        self.fault.after(point, self)
        return result

    def _count_commit(self) -> None:
        if self._aside:
            self._commit()
            return
        point = self._next("COMMIT", "", inside=True)
        self.fault.before(point, self)
        self._commit()
        self.fault.after(point, self)
        if connection.vendor == "postgresql":  # SQLite runs the other process on this connection, so it must be idle
            self.fault.between(self)
