"""Each task has a queue, and each command that starts workers takes all queues, the tick in a process of its own."""

import re
from typing import Any

import pytest
from celery import current_app
from django.conf import settings

from syncjobs.runs.notify import LIFETIMES, TICK
from syncjobs.tasks import tick
from tests.paths import REPOSITORY

QUEUES = {queue.name for queue in settings.CELERY_TASK_QUEUES}


def own_tasks() -> list[str]:
    current_app.loader.import_default_modules()
    return sorted(name for name in current_app.tasks if not name.startswith("celery."))


def test_every_task_has_a_route_to_a_queue_that_exists() -> None:
    assert tick.name in own_tasks()
    assert own_tasks() == sorted(settings.CELERY_TASK_ROUTES)
    routed = {name: current_app.amqp.router.route({}, name)["queue"].name for name in own_tasks()}
    assert routed == {name: "tick" if name == TICK else "runs" for name in own_tasks()}
    assert set(routed.values()) == QUEUES


def test_every_task_has_a_lifetime() -> None:
    assert {name: current_app.tasks[name].expires for name in own_tasks()} == LIFETIMES


def test_beat_sends_the_tick_every_minute() -> None:
    assert {entry["task"]: entry["schedule"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} == {TICK: 60.0}


@pytest.mark.parametrize("path", ["scripts/workers", "docs/operations.md", "syncjobs/management/commands/demo.py"])
def test_whoever_starts_workers_starts_one_for_each_queue(path: str) -> None:
    text = (REPOSITORY / path).read_text()
    started: list[Any] = re.findall(r"(?:--queues|-Q) (\S+)", text)
    assert sorted(started) == sorted(QUEUES)


def test_no_other_file_starts_a_worker() -> None:
    """A command without ``--queues`` would let runs occupy the worker of the tick."""
    files = [*REPOSITORY.glob("*"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("scripts/**/*")]
    texts = {path.name: path.read_text(errors="replace") for path in files if path.is_file() and path.name != ".git"}
    starting = {name for name, text in texts.items() if re.search(r"celery [^\n`]*\bworker\b", text)}
    assert starting == {"workers", "operations.md"}
