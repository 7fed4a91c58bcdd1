"""Another process that uses the same database: a thread with a connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import OperationalError, connection

T = TypeVar("T")

#: How long the other process waits for a lock that the tested code holds, in milliseconds. It tries again later.
LOCK_WAIT = 10
#: Seconds after which a thread that does not answer is an error of the test.
PATIENCE = 60


class Elsewhere:
    """Runs actions in another thread, one at a time, while the calling thread waits.

    On SQLite, whose tests have one database in memory and one writer, actions run in the calling thread.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1) if connection.vendor == "postgresql" else None

    def do(self, action: Callable[[], T]) -> T:
        """Run the action and return its result. Raises OperationalError if a lock was not free."""
        return action() if self._threads is None else self._threads.submit(_hurried, action).result(PATIENCE)

    def attempt(self, action: Callable[[], bool]) -> bool:
        """Run the action and return its result. False too: the calling thread holds a lock that the action needs."""
        try:
            return self.do(action)
        except OperationalError:
            return False

    def close(self) -> None:
        if self._threads is not None:
            self._threads.submit(_disconnect).result(PATIENCE)
            self._threads.shutdown()


def _hurried(action: Callable[[], T]) -> T:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_WAIT}ms"])
    return action()


def _disconnect() -> None:
    connection.close()
