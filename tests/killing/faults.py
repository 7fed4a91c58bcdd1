"""What can happen at a point of a block: the faults that :mod:`tests.killing.failpoints` puts there."""

from collections.abc import Callable, Mapping
from typing import Final

from django.db import OperationalError, connection

from tests.killing.elsewhere import Elsewhere
from tests.killing.failpoints import Failpoints, Fault, Point
from tests.killing.stored_rows import Rows, read_rows


class _At(Fault):
    """A fault at one point, before its statement or after it."""

    def __init__(self, at: int) -> None:
        self.at = at


class Kill(_At):
    """The process is killed before the statement."""

    def before(self, point: Point, block: Failpoints) -> None:
        if point.number == self.at:
            block.kill()


class KillAfter(_At):
    """The process is killed after the statement was done and before it learns of it."""

    def after(self, point: Point, block: Failpoints) -> None:
        if point.number == self.at:
            block.kill()


class Lose(_At):
    """The connection to the database is lost before the statement. On SQLite the statement fails."""

    def before(self, point: Point, block: Failpoints) -> None:
        if point.number == self.at:
            block.cut()
            raise OperationalError("the connection was lost")


class Unknown(_At):
    """The connection to the database is lost after the statement was done: the caller cannot know its outcome."""

    def after(self, point: Point, block: Failpoints) -> None:
        if point.number == self.at:
            block.cut()
            raise OperationalError("the connection was lost")


class Refuse(_At):
    """The database refuses the statement once, as in a deadlock. The connection stays."""

    def before(self, point: Point, block: Failpoints) -> None:
        if point.number == self.at:
            block.abort()
            raise OperationalError("deadlock detected")


class Meanwhile(_At):
    """Somebody else does something just before the statement, or as soon as no lock of the block prevents it.

    action: returns False if there was nothing to do yet. rows: all rows just after it happened, None if it did not.
    """

    def __init__(self, at: int, action: Callable[[], bool], elsewhere: Elsewhere) -> None:
        super().__init__(at)
        self.rows: Rows | None = None
        self._action, self._elsewhere = action, elsewhere

    def before(self, point: Point, block: Failpoints) -> None:
        # Inside a transaction it is tried once: a lock that is held now is held until the COMMIT.
        first = point.number == self.at and connection.vendor == "postgresql"
        if first or (point.number >= self.at and not point.inside):
            self._try(block)

    def between(self, block: Failpoints) -> None:
        if len(block.passed) >= self.at:
            self._try(block)

    def _try(self, block: Failpoints) -> None:
        if self.rows is not None:
            return
        with block.aside():
            if self._elsewhere.attempt(self._action):
                self.rows = self._elsewhere.do(read_rows)


def happened(fault: Fault) -> bool:
    """Return whether the fault had an effect. Somebody else may come too late for that."""
    return not isinstance(fault, Meanwhile) or fault.rows is not None


#: Faults of the process and of its database, by name. Those after the statement differ only where it is durable.
FAULTS: Final[Mapping[str, type[_At]]] = {
    "killed": Kill,
    "killed after the commit": KillAfter,
    "connection lost": Lose,
    "outcome unknown": Unknown,
    "refused": Refuse,
}
AFTER: Final = frozenset({"killed after the commit", "outcome unknown"})
