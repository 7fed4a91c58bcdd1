"""The embedded broker: a folder as message queue, for one machine without Redis (``CELERY_BROKER_URL=fs://``).

kombu's own filesystem transport creates a message under its final name before it writes the content, so a reader that
finds an empty file fails (celery/kombu #1551). This transport writes a complete file and then renames it; a consumer
claims a message by renaming it, too. It works on POSIX systems only, and has neither priorities nor expiry. If a worker
dies, the message that it works on is lost. The state of a run is therefore in the database and not in the broker.
"""

import fcntl
import json
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from kombu.transport import virtual

Binding = tuple[str, str, str]
"""(routing key, pattern, queue) as kombu's exchange types expect them."""


class Channel(virtual.Channel):
    """Sends and receives messages in a folder, the transport option ``folder``.

    The folder contains messages and tables of exchanges. It is created on first use and readable by its owner only.
    """

    supports_fanout = True

    @property
    def folder(self) -> Path:
        client: Any = self.connection.client
        folder = Path(client.transport_options["folder"])
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        # 20 digits make the order of names as text the order of time.
        name = f"{time.time_ns():020d}-{uuid4().hex}.{_quoted(queue)}.msg"
        self._write(self.folder / name, message)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        for path in self._messages(queue):
            claimed = path.with_name(f".claimed-{uuid4().hex}")
            try:
                path.rename(claimed)
            except FileNotFoundError:
                continue  # another consumer has claimed it
            message: dict[str, Any] = json.loads(claimed.read_bytes())
            claimed.unlink()
            return message
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._messages(queue))

    def _purge(self, queue: str) -> int:
        purged = 0
        for path in self._messages(queue):
            with suppress(FileNotFoundError):
                path.unlink()
                purged += 1
        return purged

    def get_table(self, exchange: str) -> list[Binding]:
        try:
            table = json.loads(self._table(exchange).read_bytes())
        except FileNotFoundError:
            return []
        return [(routing_key, pattern, queue) for routing_key, pattern, queue in table]

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        self._rebind(exchange, (routing_key or "", pattern or "", queue or ""), bound=True)

    def _delete(self, queue: str, exchange: str, routing_key: str, pattern: str, *args: Any, **kwargs: Any) -> None:
        self._purge(queue)
        self._rebind(exchange, (routing_key or "", pattern or "", queue or ""), bound=False)

    def _put_fanout(self, exchange: str, message: dict[str, Any], routing_key: str, **kwargs: Any) -> None:
        for _routing_key, _pattern, queue in self.get_table(exchange):
            self._put(queue, message, **kwargs)

    def _rebind(self, exchange: str, binding: Binding, *, bound: bool) -> None:
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            table = self.get_table(exchange)
            if (binding in table) == bound:
                return
            table = [*table, binding] if bound else [other for other in table if other != binding]
            self._write(self._table(exchange), table)

    def _table(self, exchange: str) -> Path:
        return self.folder / f"{_quoted(exchange)}.exchange"

    def _messages(self, queue: str) -> list[Path]:
        """Returns the messages of a queue, oldest first. Their names have ``<queue>.msg`` after the first dot."""
        rest = f"{_quoted(queue)}.msg"
        return sorted(path for path in self.folder.iterdir() if path.name.partition(".")[2] == rest)

    def _write(self, path: Path, content: object) -> None:
        partial = path.with_name(f".partial-{uuid4().hex}")
        partial.write_text(json.dumps(content))
        partial.replace(path)


class Transport(virtual.Transport):
    """The transport that ``config.celery`` registers as ``fs``."""

    implements = virtual.Transport.implements.extend(
        asynchronous=False, exchange_type=frozenset(["direct", "topic", "fanout"])
    )
    Channel = Channel
    default_port = 0
    driver_type = "filesystem"
    driver_name = "rotabridge-fs"
    global_state = virtual.BrokerState()

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        # All connections of this process share their bindings.
        self.state = self.global_state

    def driver_version(self) -> str:
        return "1"


def _quoted(name: str) -> str:
    """Returns the name of a queue or exchange as a part of a file name, without slashes."""
    return quote(name, safe="")
