"""The whole product in one command, with a simulated vendor and a database of its own."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from connectors.models import Connection
from connectors.opening import open_connector
from connectors.probing import probe_connection
from connectors.records import ENTITY_TYPES, ENTITY_WORDS, EntityType
from connectors.simulator.pagerduty import DEMO_KEY
from connectors.simulator.serve import build
from oncall.operations import Actor, create_account
from syncjobs.models import Conflict, ParityBasis, RunKind, RunState, SyncProfile, SyncRun
from syncjobs.parity_checks import judge, load_imported, measure_on_demand
from syncjobs.parity_wording import HEAD, Line, as_json, row_of
from syncjobs.runner import drive
from syncjobs.shell import DONE, ERROR, ShellCommand
from syncjobs.starting import approve, start
from syncjobs.verifying import ask, with_transitions

FORTNIGHT: Final = 14 * 86_400
_STAGE: Final = "ROTABRIDGE_DEMO_ORIGIN"
_LOGIN: Final = "admin@example.com"


class Command(ShellCommand):
    requires_system_checks: tuple[str, ...] = ()  # it brings an environment of its own
    help = "Start a simulated vendor, import from it, compare, and serve the result (--once: stop after the table)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="exit after the table; 0 only if everything matched")
        parser.add_argument("--port", type=int, default=8000, help="where the site is served")
        parser.add_argument("--size", type=int, help="about this many entities instead of the small world")

    def work(self, **options: Any) -> int:
        if _STAGE not in os.environ:
            self._with_demo_settings()
        simulator_port = int(os.environ[_STAGE].rpartition(":")[2])
        with build("pagerduty", port=simulator_port, size=options["size"]) as simulator:
            self.stderr.write(f"A simulated PagerDuty answers at {simulator.origin}")
            tour = self._tour()
            self._show(tour, as_json=options["json"])
            if options["once"]:
                return DONE if tour.matched else ERROR
            return self._serve(options["port"])

    def _with_demo_settings(self) -> NoReturn:
        """Run this command again with an environment of its own: nothing of a real installation is touched."""
        var = Path(settings.BASE_DIR) / "var"
        var.mkdir(exist_ok=True)
        for leftover in var.glob("demo.sqlite3*"):
            leftover.unlink()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        environment = os.environ | {
            _STAGE: address,
            "ENV_FILE": os.devnull,
            "DEBUG": "true",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "CREDENTIAL_KEYS": Fernet.generate_key().decode(),
            "DATABASE_URL": f"sqlite:///{var / 'demo.sqlite3'}",
            "CELERY_BROKER_URL": "fs://localhost/demo",
            "CONNECTOR_ORIGINS": f"pagerduty=http://{address}",
            "EGRESS_ALLOW": address,
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *sys.argv[1:]]
        self.stdout.flush()
        os.execve(sys.executable, command, environment)  # noqa: S606 - this very command

    def _tour(self) -> "_Tour":
        """Connect, plan, apply, sync again, compare."""
        call_command("migrate", verbosity=0)
        connection = Connection(
            name="acme", provider="pagerduty", settings={"subdomain": "acme", "region": "us", "auth": "token"}
        )
        connection.seal_credentials({"api_key": DEMO_KEY})
        connection.save()
        probe_connection(connection)
        profile = SyncProfile.objects.create(connection=connection)
        self.stderr.write(f"Connected to {connection.account_label}; planning ...")
        planned = _drive(start(profile, RunKind.PLAN, by=None, ring=False))
        approve(planned, by=None, ring=False)
        applied = _drive(planned)
        again = _drive(start(profile, RunKind.APPLY, by=None, ring=False))
        connector, now = open_connector(connection), int(time.time())
        fortnight = measure_on_demand(connection, connector, now, now + FORTNIGHT, at=timezone.now())
        imported = load_imported(connection, again.notes, since=now)
        due = with_transitions(imported, imported.rows, now)
        changes = ask(imported, open_connector(connection), due, ParityBasis.TRANSITION, most=len(due) * 100)
        lines, around = ([Line.of(connection.pk, one) for one in results] for results in (fortnight, changes))
        return _Tour(applied, again, lines, around)

    def _show(self, tour: "_Tour", *, as_json: bool) -> None:
        if as_json:
            self.print_json(tour.as_json())
            return
        self.print_table(
            ("", "fetched", "written", "failed", "to decide", "written by a second sync"),
            [(ENTITY_WORDS[kind][1], *tour.counts(kind).values()) for kind in ENTITY_TYPES],
        )
        for title, lines in (("14 days from now:", tour.parity), ("Around the next clock changes:", tour.changes)):
            self.stdout.write(f"\n{title}")
            self.print_table(HEAD, [row_of(line) for line in lines])
        self.stdout.write(f"\nJudge: {judge()} (its own rendering, written independently).")
        self.stdout.write(f"{Conflict.objects.count()} questions wait for a person.")
        self.stdout.write("Where to look: Schedules, Runs, Conflicts in the sidebar; without --once they are served.")
        self.stdout.flush()

    def _serve(self, port: int) -> int:
        password = secrets.token_urlsafe(12)
        create_account(
            email=_LOGIN, name="Demo admin", password=password, is_staff=True, is_superuser=True, by=Actor(None, "demo")
        )
        commands = (
            f"gunicorn config.wsgi --bind 127.0.0.1:{port} --threads 4 --log-level warning --no-control-socket",
            "celery --quiet -A config worker -B -P threads -c 2 -l WARNING",
        )
        bin_dir = Path(sys.executable).parent
        children = [
            subprocess.Popen([str(bin_dir / name), *arguments], start_new_session=True)  # noqa: S603 - our own commands
            for name, *arguments in (command.split() for command in commands)
        ]
        self.stdout.write("")
        self.stdout.write(f"Open http://127.0.0.1:{port}/admin/ and log in as {_LOGIN} with {password}")
        self.stdout.write("(this login lives as long as this demo; Ctrl-C ends it)")
        self.stdout.flush()
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore the first one otherwise
            signal.signal(number, signal.default_int_handler)
        try:
            while all(child.poll() is None for child in children):
                time.sleep(0.5)
            self.stdout.write("A process of the demo ended by itself; its last lines are above.")
            return ERROR
        except KeyboardInterrupt:
            return DONE
        finally:
            _stop(children)


@dataclass(frozen=True)
class _Tour:
    """A first sync, a second one, and the comparison of every schedule, now and around clock changes."""

    applied: SyncRun
    again: SyncRun
    parity: list[Line]
    changes: list[Line]

    @property
    def matched(self) -> bool:
        return (
            self.applied.state == self.again.state == RunState.SUCCEEDED
            and not any(counts.get("written", 0) for counts in self.again.counts.values())
            and not any(line.measured.differs for line in (*self.parity, *self.changes))
            and any(line.measured.comparison for line in self.parity)
        )

    def counts(self, kind: EntityType) -> dict[str, int]:
        words = ("fetched", "written", "failed", "conflict")
        first = {word: self.applied.counts[kind].get(word, 0) for word in words}
        return first | {"written_again": self.again.counts[kind].get("written", 0)}

    def as_json(self) -> dict[str, Any]:
        return {
            "matched": self.matched,
            "counts": {kind: self.counts(kind) for kind in ENTITY_TYPES},
            "judge": judge(),
            "schedules": [as_json(line) for line in self.parity],
            "clock_changes": [as_json(line) for line in self.changes],
        }


def _drive(run: SyncRun) -> SyncRun:
    finished = drive(run.pk)
    if finished is None:
        raise CommandError(f"{run} was taken by another worker: is a demo running already?")
    return finished


def _stop(children: list["subprocess.Popen[bytes]"]) -> None:
    for child in children:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
    for child in children:
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
