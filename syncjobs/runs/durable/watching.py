"""A thread of each worker that looks every few seconds for runs whose worker died, also while beat is missing."""

import logging
import threading
from typing import Final

from django.db import Error, close_old_connections, connection

from syncjobs.runs.claim import STOPPING
from syncjobs.runs.durable.recovery import recover_runs

log = logging.getLogger(__name__)

#: Seconds between two looks.
PAUSE: Final = 3.0


def watch() -> threading.Thread:
    """Start the thread. It ends when its process stops."""
    thread = threading.Thread(target=_watch, name="recover-runs", daemon=True)
    thread.start()
    return thread


def _watch() -> None:
    while not STOPPING.wait(PAUSE):
        look()
    connection.close()


def look() -> None:
    """Recover runs once. An error of the database is logged, and the next look tries again."""
    try:
        close_old_connections()
        recovered = recover_runs()
    except Error as error:
        log.warning("Runs could not be recovered: %s", type(error).__name__)
        return
    if recovered.resumed or recovered.failed:
        log.warning("Runs queued again: %s; failed: %s", recovered.resumed, recovered.failed)
