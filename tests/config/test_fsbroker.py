"""The embedded broker loses and doubles no message, whoever reads and writes at once."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue
from kombu.transport import TRANSPORT_ALIASES

import config.celery  # noqa: F401  (registers the transport)
from tests.paths import REPOSITORY

PRODUCERS, CONSUMERS, EACH = 3, 3, 120

PRODUCER = """
import sys, config.celery
from kombu import Connection
folder, who, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Connection("fs://", transport_options={"folder": folder}) as connection:
    queue = connection.SimpleQueue("work")
    for number in range(count):
        queue.put({"from": who, "number": number})
"""
CONSUMER = """
import sys, time, config.celery
from kombu import Connection
folder, quiet = sys.argv[1], float(sys.argv[2])
with Connection("fs://", transport_options={"folder": folder, "polling_interval": 0.01}) as connection:
    queue = connection.SimpleQueue("work")
    while True:
        try:
            message = queue.get(timeout=quiet)
        except queue.Empty:
            break
        print(message.payload["from"], message.payload["number"])
        message.ack()
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  (own programs above)
        [sys.executable, "-c", program, *map(str, arguments)], cwd=REPOSITORY, text=True, stdout=subprocess.PIPE
    )


def finish(process: subprocess.Popen[str]) -> list[str]:
    """Wait for success; the lines it printed."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return output.splitlines()


def channel(folder: Path) -> Any:
    return Connection("fs://", transport_options={"folder": str(folder)}).channel()


@pytest.mark.slow
def test_it_delivers_each_message_once_between_processes(tmp_path: Path) -> None:
    consumers = [start(CONSUMER, tmp_path, 3) for _ in range(CONSUMERS)]
    producers = [start(PRODUCER, tmp_path, who, EACH) for who in range(PRODUCERS)]
    for process in producers:
        finish(process)
    received = Counter(line for process in consumers for line in finish(process))
    assert received == Counter(f"{who} {number}" for who in range(PRODUCERS) for number in range(EACH))
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith((".claimed", ".partial"))]


def test_it_binds_queues_from_many_processes_without_losing_one(tmp_path: Path) -> None:
    program = """
import sys, config.celery
from kombu import Connection
channel = Connection("fs://", transport_options={"folder": sys.argv[1]}).channel()
for number in range(40):
    channel._queue_bind("shared", "", "", f"queue-{sys.argv[2]}-{number}")
"""
    processes = [start(program, tmp_path, who) for who in range(3)]
    for process in processes:
        finish(process)
    assert len(channel(tmp_path).get_table("shared")) == 120


def test_it_hands_out_messages_in_the_order_they_came(tmp_path: Path) -> None:
    broker = channel(tmp_path)
    for number in range(5):
        broker._put("work", {"number": number})
    assert broker._size("work") == 5
    assert [broker._get("work")["number"] for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(Empty):
        broker._get("work")


def test_it_keeps_queues_apart_whose_names_contain_one_another(tmp_path: Path) -> None:
    broker = channel(tmp_path)
    broker._put("x.work", {"to": "x.work"})
    broker._put("../work", {"to": "../work"})
    broker._put("work", {"to": "work"})
    assert [broker._get(name)["to"] for name in ("work", "x.work", "../work")] == ["work", "x.work", "../work"]
    assert all(path.parent == tmp_path for path in tmp_path.rglob("*"))


def test_it_purges_only_the_named_queue(tmp_path: Path) -> None:
    broker = channel(tmp_path)
    for name in ("work", "work", "other"):
        broker._put(name, {})
    assert broker._purge("work") == 2
    assert (broker._size("work"), broker._size("other")) == (0, 1)


def test_it_moves_on_when_another_consumer_claims_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = channel(tmp_path)
    broker._put("work", {"number": 1})
    broker._put("work", {"number": 2})
    seen = broker._messages("work")
    monkeypatch.setattr(broker, "_messages", lambda queue: seen)
    seen[0].unlink()
    assert broker._get("work") == {"number": 2}


def test_it_publishes_a_fanout_to_every_bound_queue_until_unbound(tmp_path: Path) -> None:
    with Connection("fs://", transport_options={"folder": str(tmp_path)}) as connection:
        exchange = Exchange("news", type="fanout")
        with connection.channel() as bound:
            queues = [Queue(name, exchange=exchange)(bound) for name in ("a", "b")]
            for queue in queues:
                queue.declare()
            connection.Producer(bound).publish({"n": 1}, exchange=exchange)
            assert [bound._size(name) for name in ("a", "b")] == [1, 1]
            queues[0].delete()
            connection.Producer(bound).publish({"n": 2}, exchange=exchange)
            assert [bound._size(name) for name in ("a", "b")] == [0, 2]


def test_its_folder_is_for_the_owner_only(tmp_path: Path) -> None:
    assert channel(tmp_path / "broker").folder.stat().st_mode & 0o777 == 0o700


def test_it_is_registered_under_the_default_broker_address() -> None:
    assert TRANSPORT_ALIASES["fs"] == "config.fsbroker:Transport"
    with Connection("fs://", transport_options={"folder": "unused"}) as connection:
        assert connection.transport.driver_version() == "1"
