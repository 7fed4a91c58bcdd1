"""Commands that run side by side end together."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.paths import REPOSITORY

#: Writes a file when it is stopped, so that a test sees that it was.
WAITING = "trap 'echo stopped > {file}; exit 0' TERM; echo ready; while :; do sleep 0.1; done"


def together(*commands: str) -> "subprocess.Popen[str]":
    words = [word for command in commands for word in ("--", "sh", "-c", command)][1:]

    def listen() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a process in the background inherits that it is ignored

    return subprocess.Popen(  # noqa: S603 - our own command
        [REPOSITORY / "scripts" / "together", *words],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=listen,
    )


@pytest.mark.parametrize("status", [0, 3])
def test_if_one_ends_the_others_are_stopped(tmp_path: Path, status: int) -> None:
    file = tmp_path / "other"
    ended = together(WAITING.format(file=file), f"while ! read line < {tmp_path}/go; do sleep 0.1; done; exit {status}")
    assert ended.stdout and ended.stdout.readline() == "ready\n"
    (tmp_path / "go").write_text("go\n")
    ended.communicate(timeout=30)
    assert (ended.returncode, file.read_text()) == (status, "stopped\n")


@pytest.mark.parametrize("word", ["SIGTERM", "SIGINT"])
def test_a_signal_stops_all(tmp_path: Path, word: str) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    running = together(*(WAITING.format(file=file) for file in files))
    assert running.stdout and [running.stdout.readline() for _ in files] == ["ready\n"] * 2
    os.kill(running.pid, signal.Signals[word])
    running.communicate(timeout=30)
    assert [file.read_text() for file in files] == ["stopped\n"] * 2
