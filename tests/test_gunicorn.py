"""The site's server ends at once when it is told to, as Ctrl-C does: the signal reaches the master and the worker."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.paths import REPOSITORY

#: Answers with the names of the functions that handle the signals.
SITE = """
import signal

def application(environment, start):
    start("200 OK", [])
    return [" ".join(signal.getsignal(each).__name__ for each in (signal.SIGINT, signal.SIGQUIT)).encode()]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the server needs POSIX")
def test_a_signal_never_waits_for_a_lock_that_the_interrupted_code_holds(tmp_path: Path) -> None:
    (tmp_path / "small_site.py").write_text(SITE)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = subprocess.Popen(  # noqa: S603 - our own command
            [Path(sys.executable).parent / "gunicorn", "small_site:application", "--config", "config/gunicorn.py",
             "--bind", f"fd://{listening.fileno()}"],
            cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": str(tmp_path)}, pass_fds=[listening.fileno()],
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert answer.read() == b"handle_exit handle_exit"
        os.killpg(server.pid, signal.SIGINT)
        _, log = server.communicate(timeout=60)
    finally:
        server.kill()
        server.communicate()
    assert "SIGKILL" not in log
    assert server.returncode == 0


def test_each_command_that_serves_the_site_has_these_settings() -> None:
    command = ["git", "grep", "-h", "gunicorn config[.]wsgi"]
    found = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    commands = found.stdout.splitlines()
    assert len(commands) >= 4
    assert [line for line in commands if "--config config/gunicorn.py" not in line] == []
