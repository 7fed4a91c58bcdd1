"""Runs docs/tour.md: each step in its order, against a simulated vendor, and compares what it prints.

A block of the document consists of steps, ``$ what is done``, and the lines that each prints. A line ``…`` stands for
any lines, ``…`` within a line for any text. A command ends with the status 0, or with that of its comment ``# exit 3``.
The blocks ``console`` are for a shell. The sentences of the blocks ``vendor``, ``site`` and ``machine`` are in the
tables of this file and of site.py.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet

from connectors.simulator.exchange import Answer, Request
from connectors.simulator.pagerduty.model import ApiKey
from connectors.simulator.serve import build, demo_account
from tests.paths import REPOSITORY
from tests.tour.site import SENTENCES

DOCUMENT: Final = (REPOSITORY / "docs" / "tour.md").read_text()
#: The request at which the worker is killed.
_STRUCK: Final = 20


@dataclass(frozen=True)
class Step:
    """A step of the document. kind: the name of its block. line: its number in the document."""

    line: int
    kind: str
    words: str
    printed: tuple[str, ...]
    status: int


def steps() -> Iterator[Step]:
    lines = DOCUMENT.splitlines()
    kind, found = "", None
    for number, line in enumerate(lines, 1):
        if line.startswith("```") or (kind and line.startswith("$ ")):
            if found is not None:
                yield found
            found = None
        if line.startswith("```"):
            kind = "" if kind else line[3:]
        elif kind and line.startswith("$ "):
            status = re.search(r"# exit (\d+)$", line)
            words = line[2:]
            found = Step(number, kind, words, (), int(status[1]) if status else 0)
        elif kind:
            assert found is not None, f"docs/tour.md, line {number}: nothing was done that prints this"
            found = Step(found.line, kind, found.words, (*found.printed, line), found.status)


STEPS: Final = list(steps())


class Stage:
    """The simulated vendor, and an installation in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.server = folder, build("pagerduty")
        self.keys: dict[str, str] = {}  # variables of the shell
        self.process = 0
        self.answered, self.server.vendor.answer = self.server.vendor.answer, self.answer  # type: ignore[method-assign]
        self.strike_at, self.asked = 0, Counter[str]()
        self.lock = threading.Lock()
        self.server.start()
        origin = self.server.origin
        environment = os.environ | {
            "ENV_FILE": os.devnull,
            "DEBUG": "true",
            "SECRET_KEY": "x" * 60,
            "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "DATABASE_URL": f"sqlite:///{folder}/tour.sqlite3",
            "CELERY_BROKER_URL": "memory://",
            "EMAIL_URL": f"filemail:///{folder}/mails",
            "LOG_LEVEL": "ERROR",
            "CONNECTOR_ORIGINS": f"pagerduty={origin}",
            "EGRESS_ALLOW": origin.removeprefix("http://"),
        }
        self.player = subprocess.Popen(
            [sys.executable, "-m", "tests.tour.player"], cwd=REPOSITORY, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.play(["manage.py", "migrate", "--verbosity", "0"]) == (0, "")

    def close(self) -> None:
        self.player.communicate(timeout=30)
        self.server.stop()

    def answer(self, request: Request) -> Answer:
        with self.lock:
            self.asked[f"{request.path}?{sorted(request.query.items())}"] += 1
            if self.strike_at and self.asked.total() == self.strike_at:
                os.kill(self.process, signal.SIGKILL)
        return self.answered(request)

    def play(self, words: list[str]) -> tuple[int, str]:
        """Run a command. Return its exit status and what it prints."""
        assert self.player.stdin and self.player.stdout
        given = {"words": words, "environment": self.keys, "output": str(self.folder / "output")}
        self.player.stdin.write(json.dumps(given) + "\n")
        self.player.stdin.flush()
        self.process = json.loads(self.player.stdout.readline())["process"]
        status = json.loads(self.player.stdout.readline())["status"]
        return status, (self.folder / "output").read_text() + ("Killed\n" if status == 137 else "")


# What happens at the vendor and to the machine


def issue_key(stage: Stage) -> None:
    (stage.keys["PD_KEY"],) = demo_account("pagerduty")[1].values()


def replace_key(stage: Stage) -> None:
    stage.server.state.keys.clear()
    stage.keys["PD_KEY"] = "another-key-of-acme"
    stage.server.state.keys["another-key-of-acme"] = ApiKey("acme")


def rename(kind: str, objects: str, before: str, after: str) -> Callable[[Stage], None]:
    def work(stage: Stage) -> None:
        (found,) = (each for each in getattr(stage.server.state, objects).values() if each.name == before)
        stage.server.vendor.edit("rename", {"kind": kind, "object_id": found.id, "name": after})

    return work


def delete_schedule(stage: Stage) -> None:
    (found,) = (each for each in stage.server.state.schedules.values() if each.name == "Drill Roster")
    stage.server.vendor.edit("delete_schedule", {"schedule_id": found.id})


def strike(stage: Stage) -> None:
    stage.asked.clear()
    stage.strike_at = _STRUCK


def count_requests(stage: Stage) -> str:
    stage.strike_at = 0
    twice = sum(number - 1 for number in stage.asked.values())
    return f"{len(stage.asked)} pages were read, {twice} of them twice."


OUTSIDE: Final[dict[str, Callable[[Stage], str | None]]] = {
    "issue an API key, and put it into the variable PD_KEY": issue_key,
    "rename the schedule Data Platform to Data Warehouse": rename(
        "schedule", "schedules", "Data Platform", "Data Warehouse"
    ),
    "rename the service Backbone to Backbone EU": rename("service", "services", "Backbone", "Backbone EU"),
    "rename the service Backbone EU to Backbone World": rename("service", "services", "Backbone EU", "Backbone World"),
    "delete the schedule Drill Roster": delete_schedule,
    "revoke the key, and put another one into the variable PD_KEY": replace_key,
    f"kill -9 the next command when it has sent {_STRUCK} requests": strike,
    "count the requests since then": count_requests,
}


def words_of(command: str, keys: dict[str, str]) -> list[str]:
    """Return the words of a command, as bash reads them."""
    script = f"set -- {command}\nprintf '%s\\0' \"$@\""
    read = subprocess.run(["bash", "-c", script], env=os.environ | keys, capture_output=True, text=True, check=True)  # noqa: S603, S607 - a document of ours
    return read.stdout.split("\0")[:-1]


def carried_out(step: Step, stage: Stage) -> tuple[int, str]:
    """Return the exit status of a step and what it prints."""
    if step.kind == "console":
        return stage.play(words_of(step.words, stage.keys))
    if step.words in OUTSIDE:
        return 0, OUTSIDE[step.words](stage) or ""
    assert step.words in SENTENCES, f"docs/tour.md, line {step.line}: nothing is known of {step.words!r}"
    return stage.play(["site", step.words])


def pattern_of(lines: tuple[str, ...]) -> str:
    """Return the expression that the printed lines match as a whole."""
    parts = [r"(?:.*\n)*?" if line == "…" else ".*?".join(map(re.escape, line.split("…"))) + "\n" for line in lines]
    return "".join(parts)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with closing(Stage(tmp_path)) as made:
        yield made


@pytest.mark.slow
def test_the_tour_prints_what_it_says(stage: Stage) -> None:
    assert len(STEPS) > 30
    for step in STEPS:
        status, output = carried_out(step, stage)
        printed = "".join(f"{line.rstrip()}\n" for line in output.splitlines() if line.strip())
        where = f"docs/tour.md, line {step.line}: {step.words}\nprinted (status {status}):\n{printed}"
        assert status == step.status, where
        assert re.fullmatch(pattern_of(step.printed), printed), where


def test_every_sentence_is_in_the_tour() -> None:
    said = {step.words for step in STEPS if step.kind != "console"}
    assert said == set(OUTSIDE) | set(SENTENCES)
    assert {step.kind for step in STEPS} == {"console", "vendor", "site", "machine"}


@pytest.mark.parametrize(
    "lines,printed,fits",
    [
        (("a", "…", "c"), "a\nb\nb\nc\n", True),
        (("a", "…"), "a\n", True),
        (("a … c",), "a b c\n", True),
        (("a … c",), "a b\nc\n", False),
        (("a",), "a\nb\n", False),
        ((), "a\n", False),
    ],
)
def test_a_left_out_line_stands_for_lines_and_a_left_out_word_for_words(lines: Any, printed: str, fits: bool) -> None:
    assert bool(re.fullmatch(pattern_of(lines), printed)) == fits
