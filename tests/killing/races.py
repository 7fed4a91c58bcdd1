"""Actions of several processes that start at the same time: threads with connections of their own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

from tests.killing.elsewhere import PATIENCE


def at_once(*actions: Callable[[], Any]) -> Sequence[Any]:
    """Start all actions at the same time. Return the result of each, or the exception that it raised."""
    barrier = Barrier(len(actions))

    def work(action: Callable[[], Any]) -> Any:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, false)", [f"{PATIENCE // 2}s"])
            barrier.wait(PATIENCE)
            return action()
        except Exception as error:  # noqa: BLE001 - the test judges it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as threads:
        return [each.result(PATIENCE) for each in [threads.submit(work, action) for action in actions]]
