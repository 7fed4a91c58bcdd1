"""The processes of an installation on this machine: Redis, workers, and a simulated vendor that counts its requests."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from connectors.simulator.exchange import Answer, Request
from connectors.simulator.serve import build

ROOT = Path(__file__).resolve().parents[2]


def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> float:
    """Wait until a condition holds. Return the seconds. Raises TimeoutError with ``what``."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise TimeoutError(f"waited {seconds:.0f} s in vain until {what}")
        time.sleep(0.05)
    return time.monotonic() - started


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Redis:
    """A Redis server that keeps nothing. It can be emptied, stopped and started again at the same port."""

    def __init__(self) -> None:
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if found is None:
            raise SystemExit("There is no redis-server. Install Redis.")
        self._command, self.port = found, free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="rotabridge-torture-")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [self._command, *options, "--dir", self._folder.name], stdout=subprocess.DEVNULL
        )
        until(self._answers, "Redis answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)

    def flush(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as connected:
            connected.sendall(b"FLUSHALL\r\n")
            connected.recv(16)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Worker:
    """A worker process of the queue *runs*. prefix: a command that starts it in another way, in the same process."""

    def __init__(self, environment: dict[str, str], prefix: Sequence[str] = ()) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the worker
        options = ["--pool", "threads", "--concurrency", "1", "--queues", "runs", "--loglevel", "INFO"]
        name = f"runs{free_port()}@%h"
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [*prefix, sys.executable, "-m", "celery", "-A", "config", "worker", *options, "--without-gossip",
             "--without-mingle", "--hostname", name],
            cwd=ROOT, env=environment, stdout=self._log, stderr=self._log,
        )  # fmt: skip

    @property
    def process_id(self) -> int:
        return self._process.pid

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def freeze(self) -> None:
        """Take all time away from it, as a machine does that is too busy."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def ends_within(self, seconds: float) -> bool:
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None


class PacedVendor:
    """A simulated vendor whose answers take a while. It counts requests, and calls ``on_request`` at each of them."""

    def __init__(self, size: int, latency: float) -> None:
        self._server = build("pagerduty", size=size)
        self._answer, self._latency = self._server.vendor.answer, latency
        self._server.vendor.answer = self._paced  # type: ignore[method-assign]
        self._lock = threading.Lock()
        self.on_request: Callable[[int], None] = lambda number: None
        self.requests: list[str] = []

    @contextmanager
    def serving(self) -> Iterator[str]:
        with self._server:
            yield self._server.origin

    def reset(self) -> None:
        with self._lock:
            self.requests, self.on_request = [], lambda number: None

    def repeated(self, undisturbed: Counter[str]) -> Counter[str]:
        """Return how many requests came more often than in an undisturbed run, by kind: the first word of the path."""
        found: Counter[str] = Counter()
        for target, number in (Counter(self.requests) - undisturbed).items():
            found[target.split("?")[0].split("/")[1]] += number
        return found

    def _paced(self, request: Request) -> Answer:
        with self._lock:
            query = sorted((name, values) for name, values in request.query.items() if name not in ("since", "until"))
            self.requests.append(f"{request.path}?{query}")
            number, hook = len(self.requests), self.on_request
        hook(number)
        time.sleep(self._latency)
        return self._answer(request)


def environment_of(broker: str, database: str, origin: str, **more: str) -> dict[str, str]:
    """Return the environment of a worker."""
    host = origin.removeprefix("http://")
    return {
        **os.environ,
        "DEBUG": "true",  # otherwise simulators are refused
        "LOG_LEVEL": "INFO",
        "DATABASE_URL": database,
        "CELERY_BROKER_URL": broker,
        "CONNECTOR_ORIGINS": f"pagerduty={origin}",
        "EGRESS_ALLOW": host,
        **more,
    }
