"""A fresh copy of the repository, as somebody has it who clones it, and the commands that are run in it."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.paths import REPOSITORY

#: Variables of this process that a fresh checkout does not have: those that the settings read, too.
_FOREIGN: Final = {"DJANGO_SETTINGS_MODULE", "PYTHONPATH", "VIRTUAL_ENV"} | set(
    re.findall(r"^#?([A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)
)
#: ``make`` passes its own arguments on in these.
_OF_MAKE: Final = {"ARGS", "BIND", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"}


def until(condition: Callable[[], object], what: str, seconds: int = 60) -> None:
    """Waits until the condition holds. Fails when it has not held after this many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} seconds in vain until {what}"
        time.sleep(0.5)


class Checkout:
    """A copy of what Git knows or would know: without ``.venv``, ``.env`` and database.

    environment: of its commands; that of a person who has just cloned it, and what the caller adds.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN | _OF_MAKE}
        self.environment = kept | environment
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout  # noqa: S603
        for name in filter(None, listed.split("\0")):
            if (REPOSITORY / name).is_file() and not (REPOSITORY / name).is_symlink():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, folder / name)

    def run(self, *command: str, timeout: int = 600, **environment: str) -> str:
        """Runs a command until it ends, and returns what it printed. Fails if its status is not 0."""
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout

    @contextmanager
    def running(
        self, log: str, *command: str, stop: signal.Signals = signal.SIGTERM
    ) -> "Iterator[subprocess.Popen[bytes]]":
        """Runs a command in the background, and ends it with all that it started. Its output is in a file, ``log``.

        stop: the signal that all processes get; SIGINT = Ctrl-C. They are killed if they do not end after a minute.
        """
        # A background job ignores SIGINT, and so would the processes that it starts.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        with (self.folder / f"{log}.log").open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        signal.signal(signal.SIGINT, before)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, stop)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=60)
            with suppress(ProcessLookupError):  # whatever is left
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)

    def printed(self, log: str) -> str:
        """What a command in the background has printed so far."""
        return (self.folder / f"{log}.log").read_text()

    def logs(self) -> str:
        return "\n".join(f"== {log.name}\n{log.read_text()[-4000:]}" for log in self.folder.glob("*.log"))
