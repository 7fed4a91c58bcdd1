"""Settings of gunicorn: ``--config config/gunicorn.py``."""

import signal
from typing import Any

threads = 4
control_socket_disable = True  # nothing of ours uses it, and it would be a file outside this folder


def post_worker_init(worker: Any) -> None:
    """Let a worker stop by every signal as by SIGTERM: it finishes its requests.

    Ctrl-C reaches the worker twice: from the terminal, and as SIGQUIT from the master. gunicorn's own handler of both
    waits for a lock of the pool of threads. If it interrupts itself, or the main thread while this adds a request to
    the pool, the lock is never released, and the master kills the worker after 30 seconds.
    """
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, worker.handle_exit)
