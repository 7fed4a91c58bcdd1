"""Settings of gunicorn. It reads this file if it is started in this folder."""

import signal
from typing import Any


def post_worker_init(worker: Any) -> None:
    """Let a worker stop by every signal as by SIGTERM: it finishes its requests.

    Ctrl-C reaches the worker twice: from the terminal, and as SIGQUIT from the master. gunicorn's own handler of both
    waits for a lock of the pool of threads. If it interrupts itself, or the main thread while this adds a request to
    the pool, the lock is never released, and the master kills the worker after 30 seconds.
    """
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, worker.handle_exit)
