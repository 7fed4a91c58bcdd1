"""All processes of a fresh checkout on PostgreSQL and Redis, with nothing installed but what production installs.

``DATABASE_URL`` names a server, in which the tests create a database of their own. They start a Redis of their own.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from connectors.simulator.pagerduty import Simulator, build_world
from connectors.simulator.serve import demo_account
from scripts.torture.machines import free_port
from tests.runtime.browser import Browser
from tests.runtime.checkout import Checkout, until

SERVER = os.environ.get("DATABASE_URL", "")
REDIS = shutil.which("redis-server") or shutil.which("valkey-server")
pytestmark = [
    pytest.mark.runtime,
    pytest.mark.skipif(not SERVER.startswith("postgres"), reason="no PostgreSQL: use make test-runtime"),
    pytest.mark.skipif(REDIS is None, reason="no redis-server: install Redis"),
    pytest.mark.skipif(sys.platform == "win32", reason="the processes need POSIX"),
]
LOGIN, PASSWORD = "admin@example.com", "long-enough-for-a-test"
MISSING = re.compile(
    r"(?:The broker|Beat|The worker of the queue \w+) (?:was last seen|has not been|could not be)[^.]*"
)


class Redis:
    """A Redis server that keeps nothing. It can be stopped and started again at the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [str(REDIS), *options, "--dir", str(self._folder)], stdout=subprocess.DEVNULL
        )
        until(self.answers, "Redis answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def a_silent_vendor() -> Iterator[str]:
    """An address that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def an_own_database() -> Iterator[str]:
    """The URL of a new database in the server."""
    name = f"rotabridge_{uuid4().hex[:12]}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Site:
    """The running processes, and a browser that is logged in."""

    def __init__(self, checkout: Checkout, redis: Redis) -> None:
        self.checkout = checkout
        self.redis = redis
        self.browser = Browser(checkout.environment["PUBLIC_BASE_URL"])

    def plan(self, name: str) -> str:
        """Presses *Plan* on the page of a connection. Returns the path of the run's page."""
        self.browser.open("/admin/")
        self.browser.follow(name)
        self.browser.press("Plan")
        return self.browser.path

    def awaits_review(self, run: str) -> bool:
        return "Apply the plan" in self.browser.open(run)

    def missing(self) -> list[str]:
        """What the list of connections says about missing parts."""
        return MISSING.findall(self.browser.open("/admin/connectors/connection/"))

    def ready(self) -> tuple[int, set[str]]:
        """The status of ``/readyz``, and the parts that are missing."""
        answer = self.browser.get("/readyz")
        return answer.status_code, {part for part, state in answer.json()["parts"].items() if state != "ok"}

    def number(self, query: LiteralString, *values: object) -> int:
        """The number that a query of the database returns."""
        with psycopg.connect(self.checkout.environment["DATABASE_URL"]) as database:
            row = database.execute(query, values).fetchone()
        assert row
        return int(row[0])

    def seen(self, part: str, since: datetime) -> bool:
        """Whether a part was seen after an instant."""
        return self.number("SELECT count(*) FROM syncjobs_heartbeat WHERE part = %s AND at > %s", part, since) == 1


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        redis = Redis(tmp_path_factory.mktemp("redis"))
        stack.callback(redis.stop)
        redis.start()
        simulator = stack.enter_context(Simulator(build_world(time.time())))
        pagerduty, silent = simulator.origin.removeprefix("http://"), stack.enter_context(a_silent_vendor())
        address = f"127.0.0.1:{free_port()}"
        checkout = Checkout(
            tmp_path_factory.mktemp("checkout"),
            DEBUG="true",  # otherwise simulators are refused
            DATABASE_URL=stack.enter_context(an_own_database()),
            CELERY_BROKER_URL=f"redis://127.0.0.1:{redis.port}/0",
            CONNECTOR_ORIGINS=f"pagerduty=http://{pagerduty},opsgenie=http://{silent}",
            EGRESS_ALLOW=f"{pagerduty},{silent}",
            PUBLIC_BASE_URL=f"http://{address}",
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )
        checkout.run("make", "setup")
        manage = (".venv/bin/python", "manage.py")
        checkout.run(*manage, "createsuperuser", "--noinput", "--email", LOGIN)
        for name, provider in (("acme", "pagerduty"), ("silent-1", "opsgenie"), ("silent-2", "opsgenie")):
            given, secrets = demo_account(provider)
            options = [f"--set={field}={value}" for field, value in given.items()]
            for field, value in secrets.items():
                checkout.environment[f"KEY_{provider}"] = value
                options.append(f"--secret={field}=KEY_{provider}")
            checkout.run(*manage, "connect_source", name, "--provider", provider, "--no-test", *options)
        stack.enter_context(checkout.running("up", "make", "up", f"BIND={address}"))
        running = Site(checkout, redis)
        until(running.browser.answers, "the site answers", 120)
        running.browser.open("/admin/")
        running.browser.press("Log in", {"Email": LOGIN, "Password": PASSWORD})
        try:
            yield running
        finally:
            sys.stdout.write(checkout.logs())  # pytest shows it if a test failed


def test_nothing_is_installed_but_what_production_needs(site: Site) -> None:
    for package, installed in (("kombu.transport.redis", True), ("pytest", False), ("mypy", False)):
        command, copy = [".venv/bin/python", "-c", f"import {package}"], site.checkout
        done = subprocess.run(command, cwd=copy.folder, env=copy.environment, capture_output=True, check=False)  # noqa: S603
        assert (done.returncode == 0) is installed, package


def test_a_plan_reaches_its_review_and_no_part_is_missing(site: Site) -> None:
    run = site.plan("acme")
    until(lambda: site.awaits_review(run), "the plan awaits review")
    until(lambda: not site.missing(), "every part was seen")
    assert not MISSING.search(site.browser.open("/admin/"))
    assert site.ready() == (200, set())


def test_the_tick_is_worked_on_while_every_thread_for_runs_is_busy(site: Site) -> None:
    pages = [site.plan(name) for name in ("silent-1", "silent-2")]
    runs = [int(number) for number in re.findall(r"/(\d+)/change/", " ".join(pages))]

    def running() -> int:
        return site.number("SELECT count(*) FROM syncjobs_syncrun WHERE state = 'running' AND id = ANY(%s)", runs)

    until(lambda: running() == 2, "both threads for runs are busy")
    now = datetime.now(UTC)
    site.checkout.run(".venv/bin/celery", "-A", "config", "call", "syncjobs.tasks.tick")
    until(lambda: site.seen("tick", now), "the tick is worked on")
    assert running() == 2
    for page in pages:
        site.browser.open(page)
        site.browser.press("Cancel")


def test_a_run_begins_by_itself_when_the_broker_is_there_again(site: Site) -> None:
    until(lambda: site.ready() == (200, set()), "every part was seen", seconds=120)
    site.redis.stop()
    run = site.plan("acme")
    assert not site.awaits_review(run)
    assert site.ready() == (503, {"broker"})
    for path in (run, "/admin/", "/admin/connectors/connection/"):
        assert "The broker could not be reached just now (ConnectionError)." in site.browser.open(path)
    site.redis.start()
    until(lambda: site.awaits_review(run), "the plan awaits review", seconds=150)
    assert "could not be reached" not in site.browser.open("/admin/")
