"""A second connection to PostgreSQL in a thread, for tests that arrange the steps of two transactions."""

import threading
import time
from collections.abc import Callable

from django.db import connection

LONGEST = 20.0  # seconds until a step that does not come fails the test


def start_thread(step: Callable[[], object]) -> Callable[[], None]:
    """Runs a step in a thread with a connection of its own. Returns a function that waits for its end."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            step()
        except BaseException as error:  # noqa: BLE001 - the test raises it
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def end() -> None:
        thread.join(LONGEST)
        assert not thread.is_alive(), "the other connection is still waiting"
        if errors:
            raise errors[0]

    return end


def wait_until_blocked() -> None:
    """Returns once another connection waits for a lock of this one."""
    with connection.cursor() as cursor:
        for _ in range(int(LONGEST / 0.02)):
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.02)
    raise AssertionError("no other connection waits for a lock")
